"""What the runs of a protocol read."""

from __future__ import annotations

from pathlib import Path

import torch

from train.ablation.runs import RunPaths
from train.config import Experiment
from train.protocols.runs import every_example


def test_every_example_is_of_all_splits(speech_experiment: Experiment, corpora: Path) -> None:
    paths = RunPaths(corpora, Path(), torch.device("cpu"))
    examples = every_example("ravdess", speech_experiment, paths, "speech")
    assert {e.split for e in examples} == {"train", "dev", "test"}
    assert all(e.path for e in examples)
