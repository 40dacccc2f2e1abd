"""Ablations end to end on tiny corpora: every strategy, resumed, repeated and written down."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import train.ablation.runs as ablation
from mer_core.metrics.catalogue import (
    METRICS,
    NEEDS_GAUSSIANS,
    NEEDS_NATURAL_PAIRS,
    REASONS,
    RECOGNITION,
    Need,
)
from tests.train.tiny_frameworks import OPTIM
from train.ablation.measure import HALVES, NO_COMMON_SPACE
from train.ablation.runs import RunPaths, SharedInputs, ablate, measured, run_all
from train.ablation.strategies import strategies
from train.ablation.tables import heading, markdown, summarise
from train.config import Experiment
from train.evaluate.measures import FIGURES

CPU = torch.device("cpu")
VARIANTS = ("sharp", "soft", "joint", "centred", "joint-centred")


@pytest.fixture(scope="module")
def done(
    mgcma: Experiment, corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunPaths, dict[str, Any]]:
    """A finished ablation of MGCMA with two seeds."""
    out = tmp_path_factory.mktemp("ablation")
    paths = RunPaths(corpora, out / "mgcma", CPU, out / "cache")
    return paths, ablate(mgcma, paths, seeds=2)


def runs(paths: RunPaths) -> Iterator[Path]:
    yield from sorted(paths.out.glob("*/seed-*"))


def test_ablation_writes_its_tables_and_its_runs(done: tuple[RunPaths, dict[str, Any]]) -> None:
    paths, summary = done
    assert len(summary["rows"]) == 13
    assert json.loads((paths.out / "ablation.json").read_text("utf-8")) == summary
    assert (paths.out / "ablation.md").read_text("utf-8") == markdown(summary)
    picture = cv2.imread(str(paths.out / "ablation.png"))
    assert picture is not None
    assert picture.std() > 5
    with (paths.out / "ablation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 * (len(RECOGNITION) + 2 * len(METRICS))
    assert len(list(runs(paths))) == 26
    for folder in runs(paths):
        names = {"test.json", "run.json", "config.json", "model.safetensors", "log.jsonl"}
        assert names <= {file.name for file in folder.iterdir()}
        assert not (folder / "state.safetensors").exists()
        on = {*folder.parent.name.split("+"), "ce"} - {"none", "token"}
        if folder.parent.name in VARIANTS:
            on = {"distribution", "instance", "ce"}
            on |= {"joint"} if "joint" in folder.parent.name else set()
        (row,) = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert {key[6:] for key in row if key.startswith("train_")} == on


def test_figures_are_means_with_reasons_where_they_do_not_exist(
    done: tuple[RunPaths, dict[str, Any]],
) -> None:
    paths, summary = done
    for name, cells in summary["rows"].items():
        for figure, cell in cells.items():
            metric = METRICS.get(figure.rpartition("/")[2])
            if metric and Need.PAIRS in metric.needs:
                assert cell == {"reason": REASONS[metric.needs]}
            elif metric and metric.needs == Need.GAUSSIANS:
                gaussians = "distribution" in name or name in VARIANTS
                has = gaussians and not figure.startswith("before/")
                assert ("mean" in cell) == has
                assert has or cell == {"reason": NEEDS_GAUSSIANS}
            else:
                assert cell["mean"] == pytest.approx(np.mean(cell["seeds"]))
                assert cell["std"] == pytest.approx(np.std(cell["seeds"], ddof=1))
                assert np.isfinite(cell["mean"])
    reference, other = summary["rows"]["none"], summary["rows"]["token"]
    for figure, cell in reference.items():
        if "difference" in cell:
            assert cell["difference"] == 0.0
            assert cell.get("difference_95", [0.0, 0.0]) == [0.0, 0.0]
            assert other[figure]["difference"] == pytest.approx(
                other[figure]["mean"] - cell["mean"]
            )
    stored = [json.loads((folder / "test.json").read_text()) for folder in runs(paths)]
    for result in stored:
        assert len(result["replicates"]["modality_gap"]) == HALVES
        assert set(result["sets"]) == {"paired/ravdess×meld"}


def test_intervals_contain_the_difference(done: tuple[RunPaths, dict[str, Any]]) -> None:
    _, summary = done
    cells = [cell for row in summary["rows"].values() for cell in row.values()]
    intervals = [cell for cell in cells if "difference_95" in cell]
    assert len(intervals) > 13 * 10
    for cell in intervals:
        low, high = cell["difference_95"]
        assert low - 1e-9 <= cell["difference"] <= high + 1e-9


def test_markdown_gives_reasons_for_missing_figures(done: tuple[RunPaths, dict[str, Any]]) -> None:
    _, summary = done
    text = markdown(summary)
    assert "R@1 ↑, R@5 ↑, MRR ↑, FOSCTTM ↓" in text
    assert f"mutual neighbours ↑: {NEEDS_NATURAL_PAIRS}" in text
    assert f"W2 paired / unpaired ↓: {NEEDS_GAUSSIANS}, and {NEEDS_NATURAL_PAIRS}" in text
    assert f"– : {NEEDS_GAUSSIANS}" in text
    assert "P@5 speech→text ↑" in text
    assert "nan" not in text
    assert "None" not in text
    for line in text.splitlines():
        if line.startswith("| none"):
            assert "[" not in line  # the reference has no difference


def refuse(*_: Any) -> None:
    raise AssertionError("trained again")


def test_finished_runs_are_not_repeated(
    done: tuple[RunPaths, dict[str, Any]], mgcma: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, summary = done
    monkeypatch.setattr(ablation, "fit_averaged", refuse)
    monkeypatch.setattr(SharedInputs, "task", property(refuse))
    assert ablate(mgcma, paths, seeds=2) == summary
    with pytest.raises(AssertionError, match="trained again"):
        ablate(mgcma, paths, seeds=3)


def test_a_run_that_was_measured_with_other_metrics_is_measured_again(tmp_path: Path) -> None:
    assert measured(tmp_path, "dev") is None
    stored: dict[str, Any] = {"figures": dict.fromkeys(FIGURES, 0.5)}
    for nulls, expected in (({}, False), (dict.fromkeys(FIGURES, 0.1), True)):
        (tmp_path / "dev.json").write_text(json.dumps({**stored, "nulls": nulls}), "utf-8")
        assert (measured(tmp_path, "dev") is not None) is expected
    (tmp_path / "dev.json").write_text(json.dumps(stored), "utf-8")
    assert measured(tmp_path, "dev") is None


def test_another_split_is_measured_without_training(
    done: tuple[RunPaths, dict[str, Any]], mgcma: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, summary = done
    monkeypatch.setattr(ablation, "fit_averaged", refuse)
    shown = ablate(mgcma, paths, seeds=2, split="dev")
    assert shown["protocol"]["split"] == "dev"
    assert json.loads((paths.out / "ablation-dev.json").read_text("utf-8")) == shown
    assert json.loads((paths.out / "ablation.json").read_text("utf-8")) == summary
    assert len(list(paths.out.glob("*/seed-*/dev.json"))) == 26
    assert shown["rows"] != summary["rows"]
    # The tiny development split has one speaker: clips are resampled, and the protocol names it.
    assert "difference_95" in shown["rows"]["token"]["unweighted_accuracy"]
    assert "1 in paired/ravdess; of paired/ravdess the clips" in shown["protocol"]["interval"]


def test_a_deleted_run_is_reproduced(
    done: tuple[RunPaths, dict[str, Any]], mgcma: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, summary = done
    lost = paths.out / "distribution+instance" / "seed-5"
    before = (lost / "test.json").read_text()
    weights = (lost / "model.safetensors").read_bytes()
    for file in lost.iterdir():
        file.unlink()
    folders = []
    real = ablation.fit_averaged

    def watched(*arguments: Any) -> Any:
        folders.append(arguments[3])
        return real(*arguments)

    monkeypatch.setattr(ablation, "fit_averaged", watched)
    assert ablate(mgcma, paths, seeds=2) == summary
    assert folders == [lost]
    assert (lost / "test.json").read_text() == before
    assert (lost / "model.safetensors").read_bytes() == weights


def test_other_settings_are_not_mixed_in(
    done: tuple[RunPaths, dict[str, Any]], mgcma: Experiment
) -> None:
    paths, _ = done
    other = dataclasses.replace(mgcma, optim=dataclasses.replace(OPTIM, learning_rate=0.1))
    with pytest.raises(ValueError, match="other settings, encoders or data; give another --out"):
        ablate(other, paths, seeds=2)
    with pytest.raises(ValueError, match="1 or more"):
        ablate(mgcma, paths, seeds=0)


def test_a_failed_start_leaves_the_folder_usable(
    mgcma: Experiment, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    rows = {"none": strategies(mgcma)["none"]}
    with pytest.raises(ValueError, match="nothing found"):
        run_all(rows, RunPaths(tmp_path / "nowhere", out, CPU), 1, "test")
    assert not out.exists()
    paths = RunPaths(corpora, out, CPU)
    with monkeypatch.context() as patch:
        patch.setattr(ablation, "fit_averaged", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_all(rows, paths, 1, "test")
    other = dataclasses.replace(mgcma, optim=dataclasses.replace(OPTIM, learning_rate=0.1))
    (result,) = run_all({"none": strategies(other)["none"]}, paths, 1, "test")["none"]
    assert result["seed"] == other.seed


def test_a_run_depends_on_its_data_but_not_on_their_folder(
    done: tuple[RunPaths, dict[str, Any]],
    mgcma: Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths, summary = done
    monkeypatch.setattr(ablation, "fit_averaged", refuse)
    shutil.copytree(paths.root, tmp_path / "moved")
    moved = dataclasses.replace(paths, root=tmp_path / "moved")
    assert ablate(mgcma, moved, seeds=2) == summary
    lines = tmp_path / "moved" / "text" / "meld" / "train_sent_emo.csv"
    lines.write_text(lines.read_text("utf-8").replace("tears", "smile"), "utf-8")
    with pytest.raises(ValueError, match="other settings, encoders or data"):
        ablate(mgcma, moved, seeds=2)


def test_foal_net_shares_no_space_without_avel_or_width(
    foal_net: Experiment, corpora: Path, tmp_path: Path
) -> None:
    paths = RunPaths(corpora, tmp_path / "out", CPU, tmp_path / "cache")
    summary = ablate(foal_net, paths, seeds=1)
    rows = summary["rows"]
    assert list(rows) == ["none", "avel", "mem", "avel+mem", *VARIANTS]
    for name, cells in rows.items():
        assert cells["before/modality_gap"] == {"reason": NO_COMMON_SPACE}
        if "avel" in name or name in VARIANTS:
            assert cells["modality_gap"]["mean"] > 0
            assert "difference" not in cells["modality_gap"]  # the reference has none
        else:
            assert cells["modality_gap"] == {"reason": NO_COMMON_SPACE}
            assert cells["precision_at_5"] == {"reason": NO_COMMON_SPACE}
        assert cells["unweighted_accuracy"]["std"] is None  # one seed has no spread
    assert f"– : {NO_COMMON_SPACE}" in markdown(summary)
    assert heading("precision_at_5_xy", summary) == "P@5 audio→video ↑"


def test_a_common_width_gives_every_strategy_a_space(
    foal_net: Experiment, corpora: Path, tmp_path: Path
) -> None:
    wide = dataclasses.replace(foal_net, architecture={**foal_net.architecture, "width": 8})
    rows = strategies(wide)
    results = run_all(
        {name: rows[name] for name in ("none", "avel")},
        RunPaths(corpora, tmp_path / "out", CPU),
        1,
        "test",
    )
    for (result,) in results.values():
        assert result["figures"]["modality_gap"] is not None
        assert result["figures"]["before/modality_gap"] is not None


def test_natural_corpora_have_figures_of_natural_pairs(
    mgcma: Experiment, recorded: Path, tmp_path: Path
) -> None:
    sources = {
        "speech": dataclasses.replace(mgcma.sources["speech"], corpora={"iemocap": 1.0}),
        "text": dataclasses.replace(mgcma.sources["text"], corpora={"iemocap": 0.5, "meld": 0.5}),
    }
    natural = dataclasses.replace(mgcma, sources=sources)
    rows = strategies(natural)
    chosen = {name: rows[name] for name in ("none", "distribution")}
    results = run_all(chosen, RunPaths(recorded, tmp_path, CPU), 1, "test")
    for (result,) in results.values():
        assert set(result["sets"]) == {"natural/iemocap", "paired/iemocap×meld"}
        for name in ("recall_at_1", "mrr", "foscttm", "linear_cka"):
            assert result["figures"][name] == result["sets"]["natural/iemocap"][name]
            assert 0 <= result["figures"][name] <= 1
            assert len(result["replicates"][name]) == HALVES
    assert results["none"][0]["reasons"]["w2_ratio"] == NEEDS_GAUSSIANS
    assert results["distribution"][0]["figures"]["w2_ratio"] > 0
    summary = summarise(results, "t", reference="none", split="test")
    assert "difference_95" in summary["rows"]["distribution"]["recall_at_1"]
    assert "in natural/… as they were recorded" in markdown(summary)
