"""Heads of a finished ablation on the encoders that ship, against the runs they come from."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.checkpoints.heads import load_heads
from mer_core.metrics.calibration import fit_temperature
from tests.train.tiny_frameworks import tiny_foal_net
from train.ablation.runs import RunPaths, SharedInputs, run_all
from train.ablation.strategies import strategies
from train.config import Experiment
from train.data.pairs import SetName
from train.evaluate.branches import evaluator_of
from train.evaluate.frameworks import calibrate
from train.publish.heads import export_heads
from train.stages import start

CPU = torch.device("cpu")
VARIANTS = ["sharp", "soft", "joint", "centred", "joint-centred"]
STRATEGIES = ["none", "avel", "mem", "avel+mem", *VARIANTS]
MATCHING = {"mem", "avel+mem", *VARIANTS}


@pytest.fixture(scope="module")
def done(
    corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Experiment, RunPaths, Path, Path]:
    """An ablation on encoders of a checkpoint, what ships of them, and the exported heads."""
    folder = tmp_path_factory.mktemp("heads")
    tiny = tiny_foal_net()
    save_checkpoint(folder / "trained", start(tiny))
    parts = {
        f"{name}_encoder": {"from": str(folder / "trained"), "modality": reads}
        for name, reads in (("audio", "speech"), ("video", "video"))
    }
    experiment = dataclasses.replace(tiny, architecture={**tiny.architecture, **parts})
    paths = RunPaths(corpora, folder / "ablation", CPU, folder / "cache")
    run_all(strategies(experiment), paths, 1, "test")
    shipped = load_checkpoint(folder / "trained").framework
    save_checkpoint(folder / "shipped", shipped, half=True)
    names = export_heads(experiment, paths, folder / "shipped", folder / "out", seed=1)
    assert names == STRATEGIES
    return experiment, paths, folder / "shipped", folder / "out"


def test_heads_are_the_runs_on_the_shipped_encoders(
    done: tuple[Experiment, RunPaths, Path, Path],
) -> None:
    experiment, paths, shipped, out = done
    encoders = load_checkpoint(shipped).framework.encoders()
    heads = load_heads(out, encoders)
    assert sorted(heads) == sorted(STRATEGIES)
    data = SharedInputs(experiment, paths, "dev").data
    (pairs,) = data.dev.values()
    for name, head in heads.items():
        run = load_checkpoint(paths.out / name / "seed-1").framework
        expected = data.logits(run, pairs)
        for attribute in ("audio_encoder", "video_encoder"):
            setattr(head.framework, attribute, getattr(run, attribute))
        np.testing.assert_allclose(data.logits(head.framework, pairs), expected, atol=0.01)
        embedded = [next(data.outputs(one, pairs)).features for one in (run, head.framework)]
        for key in ("audio_embedding", "video_embedding"):  # running means are stored too
            torch.testing.assert_close(*(e[key] for e in embedded), atol=0.02, rtol=0)
        assert any(k.endswith("_mean") for k in run.state_dict()) == ("centred" in name)
        assert head.config["experiment"] == experiment.name
        assert (head.config["strategy"], head.config["seed"]) == (name, 1)
        assert not list((out / name).glob("*encoder*"))
        stored = load_file(out / name / "model.safetensors")
        assert {v.dtype for v in stored.values() if v.is_floating_point()} == {torch.float16}


def test_temperatures_are_those_of_an_exported_model(
    done: tuple[Experiment, RunPaths, Path, Path],
) -> None:
    """From cached features, as from the evaluation of a whole model."""
    experiment, paths, shipped, out = done
    heads = load_heads(out, load_checkpoint(shipped).framework.encoders())
    inputs = SharedInputs(experiment, paths, "dev")
    dev = inputs.task.dev
    for name, head in heads.items():
        found = head.config["temperatures"]
        expected = calibrate(evaluator_of(head.framework, dev.values(), experiment), dev)
        assert set(expected) == {"audio", "video", "both"}
        assert set(found) - set(expected) == ({"match"} if name in MATCHING else set())
        for condition, value in expected.items():
            assert found[condition] == pytest.approx(value, rel=0.05)


def test_temperature_is_fitted_to_the_logits_of_that_condition(
    done: tuple[Experiment, RunPaths, Path, Path],
) -> None:
    experiment, paths, _, out = done
    inputs = SharedInputs(experiment, paths, "dev")
    run = load_checkpoint(paths.out / "none" / "seed-1").framework
    pairs = inputs.task.dev[SetName.parse("speech/ravdess")]
    labels = np.array([run.labels.index(pair.emotion) for pair in pairs])
    expected = fit_temperature(inputs.data.logits(run, pairs), labels)
    stored = json.loads((out / "none" / "config.json").read_text())["temperatures"]["audio"]
    assert stored == pytest.approx(expected, rel=0.05)


def test_other_encoders_are_refused(
    done: tuple[Experiment, RunPaths, Path, Path], tmp_path: Path
) -> None:
    experiment, paths, shipped, _ = done
    shutil.copytree(shipped, tmp_path / "other")
    file = tmp_path / "other" / "video_encoder.safetensors"
    save_file({key: value + 1 for key, value in load_file(file).items()}, file)
    with pytest.raises(ValueError, match="does not hold the video encoder"):
        export_heads(experiment, paths, tmp_path / "other", tmp_path / "out", seed=1)
    stranger = dataclasses.replace(tiny_foal_net(), seed=8)  # fresh encoders of another seed
    with pytest.raises(ValueError, match="trained on other encoders"):
        export_heads(stranger, paths, shipped, tmp_path / "out", seed=1)
    with pytest.raises(
        ValueError, match=rf"seed 7 of none, avel, mem, avel\+mem, {', '.join(VARIANTS)};"
    ):
        export_heads(experiment, paths, shipped, tmp_path / "out", seed=7)
    assert not (tmp_path / "out").exists()


def test_runs_of_other_data_or_of_unknown_ones_are_refused(
    done: tuple[Experiment, RunPaths, Path, Path], tmp_path: Path
) -> None:
    experiment, paths, shipped, _ = done
    copied = dataclasses.replace(paths, out=tmp_path / "runs")
    shutil.copytree(paths.out, copied.out)
    file = copied.out / "avel" / "seed-1" / "run.json"
    run = json.loads(file.read_text("utf-8"))

    def refused(sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            export_heads(experiment, copied, shipped, tmp_path / "out", seed=1)
        assert not (tmp_path / "out").exists()

    file.write_text(json.dumps(run | {"data": "of a year ago"}), "utf-8")
    refused(r"avel.seed-1 was trained on other data than foal_net has now")
    file.write_text(json.dumps({"experiment": run["experiment"]}), "utf-8")
    refused(r"avel.seed-1 was trained on other encoders .* or does not record which")
    file.unlink()
    refused(r"avel.seed-1 does not record what its run was trained on")


def test_unfinished_strategies_and_other_heads_are_named(
    done: tuple[Experiment, RunPaths, Path, Path], tmp_path: Path
) -> None:
    experiment, paths, shipped, out = done
    half = dataclasses.replace(paths, out=tmp_path / "half")
    shutil.copytree(paths.out, half.out)
    shutil.rmtree(half.out / "avel")
    (half.out / "sharp" / "seed-1" / "state.safetensors").touch()  # it stopped on the way
    with pytest.raises(ValueError, match="no finished run of seed 1 of avel, sharp;"):
        export_heads(experiment, half, shipped, tmp_path / "out", seed=1)
    shutil.copytree(out / "none", tmp_path / "out" / "token")
    with pytest.raises(ValueError, match="no strategy of this ablation: token; remove"):
        export_heads(experiment, paths, shipped, tmp_path / "out", seed=1)
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["token"]
