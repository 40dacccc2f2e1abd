"""A GPU for every test here; without one they are skipped.

`GPU_TESTS_ON=cpu` runs them on the CPU instead, which checks the tests and not the GPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

# Corpora and experiments that these tests share with those of training.
from tests.train.conftest import corpora, foal_net, mgcma, speech_experiment, tokenizer  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "gpu":
            item.add_marker(pytest.mark.gpu)


@pytest.fixture
def device() -> Iterator[torch.device]:
    """Computes in full float32 while a test runs."""
    device = torch.device(os.environ.get("GPU_TESTS_ON", "cuda"))
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield device
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.fixture
def gpu(device: torch.device) -> torch.device:
    """The device, which is no CPU: for what a CPU does not have."""
    if device.type == "cpu":
        pytest.skip("needs a GPU")
    return device
