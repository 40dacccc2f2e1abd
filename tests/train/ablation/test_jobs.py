"""An ablation whose runs are dealt over processes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from train.ablation.runs import RunPaths, run_all
from train.ablation.strategies import only
from train.config import Experiment

CPU = torch.device("cpu")


@pytest.mark.slow
def test_an_ablation_in_two_jobs_has_the_figures_of_one(
    mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    rows = {"none": only(mgcma, ()), "token": only(mgcma, ("token",))}
    cache = tmp_path / "cache"
    alone = run_all(rows, RunPaths(corpora, tmp_path / "one", CPU, cache), 1, "dev")
    paths = RunPaths(corpora, tmp_path / "two", CPU, cache)
    assert run_all(rows, paths, 1, "dev", jobs=2) == alone
    assert sorted(p.parent.name for p in paths.out.glob("*/seed-*")) == ["none", "token"]
    with pytest.raises(ValueError, match="--jobs needs --cache"):
        run_all(rows, dataclasses.replace(paths, cache=None), 1, "dev", jobs=2)
