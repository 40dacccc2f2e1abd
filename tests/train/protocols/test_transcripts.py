"""The same texts in every style, through a reader that knows only the exclamation mark."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mer_core.checkpoints.checkpoint import save_checkpoint
from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.types import Batch, Output
from train.config import Experiment
from train.protocols.transcripts import STYLES, measure, transcripts, transcripts_table
from train.stages import start


class ByMark(nn.Module):
    """Angry where there is an exclamation mark, neutral elsewhere."""

    labels = FOUR

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> Output:
        assert batch.input_ids is not None
        angry = (batch.input_ids == ord("!")).any(dim=1).float()  # (B,)
        zero = torch.zeros_like(angry)
        return Output(torch.stack([2 * angry, zero, zero + 1, zero], dim=1))


def characters(text: str) -> list[int]:
    return [ord(character) for character in text]


def test_every_style_is_measured() -> None:
    examples = [
        Example("meld", "test", "angry", "1", text="Get out!"),
        Example("meld", "test", "neutral", "2", text="Fine."),
    ]
    reports = measure(ByMark(), examples, characters)  # type: ignore[arg-type]
    assert list(reports) == list(STYLES)
    assert [r["unweighted_accuracy"] for r in reports.values()] == [1.0, 0.5, 0.5]
    table = transcripts_table({"split": "test", "corpora": {"meld": reports}})
    assert "| meld, test | no marks | 2 | 0.500 [" in table


def test_a_model_that_reads_no_text_is_refused(
    face_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "face", start(face_experiment))
    with pytest.raises(ValueError, match="face reads no text"):
        transcripts(tmp_path / "face", corpora, ["meld"], "test", tmp_path)
