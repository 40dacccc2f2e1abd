"""For all tests: one thread, one seed, generated waveforms, and the order they run in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mer_core.serving.predictor import Predictor
from mer_core.types import SAMPLE_RATE, FloatArray

BROWSER = "tests/browser/"

# Two torch threads on shared cores are many times slower than one.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser's tests last."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes, one runs all of the browser's tests, which need quiet cores.

    Any other file is run by one process too, so that what its tests share is made once. Files are
    taken in the order of collection.
    """
    from xdist.scheduler import LoadFileScheduling

    class BrowserTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER if nodeid.startswith(BROWSER) else str(super()._split_scope(nodeid))

    config.option.loadscopereorder = False
    return BrowserTogether(config, log)


@pytest.fixture
def generator() -> np.random.Generator:
    """NumPy's generator with the same seed in every test."""
    return np.random.default_rng(0)


@pytest.fixture
def tone() -> Callable[..., FloatArray]:
    """Generates a sine: `tone(seconds, frequency=440.0, rate=SAMPLE_RATE, amplitude=0.5)`."""

    def make(
        seconds: float,
        frequency: float = 440.0,
        rate: int = SAMPLE_RATE,
        amplitude: float = 0.5,
    ) -> FloatArray:
        time = np.arange(round(seconds * rate)) / rate
        return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)

    return make


@pytest.fixture
def voice() -> Callable[..., FloatArray]:
    """Generates a speech-like sound: `voice(seconds, seed=0)`, harmonics with syllables."""

    def make(seconds: float, seed: int = 0) -> FloatArray:
        random = np.random.default_rng(seed)
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        pitch = 120.0 + 60.0 * random.random() + 20.0 * np.sin(2 * np.pi * 0.7 * time)
        phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
        harmonics = sum(np.sin(k * phase) / k for k in range(1, 20))
        syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4.0 * time + random.random())
        noise = 0.01 * random.standard_normal(len(time))
        return (0.2 * harmonics * syllables + noise).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The shipped model, loaded once for all tests."""
    return Predictor.load(device="cpu")
