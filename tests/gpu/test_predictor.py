"""The shipped model on a GPU: the CPU's answers for voice, words and video, and freed memory."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch

from mer_core import Prediction, Predictor
from tests.clips import VOICE, speaking_portrait

TEXT = "I am so happy that you came, thank you!"


@pytest.fixture
def there(device: torch.device) -> Predictor:
    return Predictor.load(device=str(device))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking_portrait(tmp_path_factory.mktemp("video") / "clip.mp4", 2.0)


def inputs(clip: Path) -> list[dict[str, Any]]:
    return [
        {"audio": VOICE}, {"text": TEXT}, {"audio": VOICE, "text": TEXT}, {"video": clip},
        {"video": clip, "text": TEXT},
    ]  # fmt: skip


def assert_agree(ours: Prediction, theirs: Prediction) -> None:
    assert (ours.state, ours.framework, ours.emotion) == (
        theirs.state, theirs.framework, theirs.emotion
    )  # fmt: skip
    assert theirs.probabilities == pytest.approx(ours.probabilities, abs=1e-3)
    for part, probabilities in ours.by_modality.items():
        assert theirs.by_modality[part] == pytest.approx(probabilities, abs=1e-3)
    for before in ("embeddings_before", "embeddings_after"):
        for name, vector in getattr(ours, before).items():
            assert float(vector @ getattr(theirs, before)[name]) == pytest.approx(1.0, abs=1e-3)
    assert len(ours.timeline) == len(theirs.timeline)


def test_answers_are_those_of_the_cpu(predictor: Predictor, there: Predictor, clip: Path) -> None:
    for given in inputs(clip):
        ours, theirs = predictor.predict(**given), there.predict(**given)
        assert_agree(ours, theirs)
        if ours.companion is not None:
            assert theirs.companion is not None
            assert_agree(ours.companion, theirs.companion)


def test_what_a_prediction_used_is_free_afterwards(
    there: Predictor, gpu: torch.device, clip: Path
) -> None:
    def used() -> int:
        gc.collect()
        torch.cuda.synchronize(gpu)
        return torch.cuda.memory_allocated(gpu)

    kept = [there.predict(**given) for given in inputs(clip)]  # predictions hold no tensors
    before = used()
    for _ in range(3):
        kept += [there.predict(**given) for given in inputs(clip)]
    assert used() == before


def test_a_model_that_is_dropped_frees_its_memory(gpu: torch.device) -> None:
    gc.collect()
    before = torch.cuda.memory_allocated(gpu)
    loaded = Predictor.load(device=str(gpu))
    assert torch.cuda.memory_allocated(gpu) > before + 50_000_000
    del loaded
    gc.collect()
    assert torch.cuda.memory_allocated(gpu) == before
