"""Heads behind the atlas: where they cannot be used, a visitor reads why and sees the maps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mer_core.atlas.collection import Atlas, Chart
from mer_core.checkpoints.heads import save_head
from mer_core.demo.engine import FAILED, LOADING, Engine
from mer_core.demo.services.atlases import BROKEN, DAMAGED, FOREIGN, MISSING, Atlases
from mer_core.demo.session import Visits
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.serving.video import VideoScorer
from tests.atlas.conftest import EMOTIONS, make_map, make_reference, write_ablation

STRATEGIES = ("none", "avel")
NAME = "foal_net"
Make = Callable[[], Any]


def network(seed: int) -> FoalNet:
    """Tiny, with its own encoders."""
    torch.manual_seed(seed)
    speech = CompactSpeechEncoder(CompactSpeechConfig(channels=(16, 16), blocks=1, width=8))
    face = CompactFaceEncoder(CompactFaceConfig(stem=16, channels=(16,), blocks=(1,)))
    config = FoalNetConfig(projection_width=8, width=8, heads=2)
    return FoalNet(speech, face, EMOTIONS, config).eval()


def model_of(framework: FoalNet, name: str = NAME) -> SimpleNamespace:
    scorer = VideoScorer(framework, name, {}, torch.device("cpu"))
    return SimpleNamespace(labels=EMOTIONS, frameworks=(name,), scorers={name: scorer})


@pytest.fixture(scope="module")
def shipped() -> FoalNet:
    return network(0)


@pytest.fixture(scope="module")
def whole(shipped: FoalNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps and heads as they ship, in a folder of folders."""
    place = tmp_path_factory.mktemp("whole")
    charts = {name: Chart(make_reference(), make_map(make_reference())) for name in STRATEGIES}
    Atlas(NAME, charts, {}).save(place / NAME)
    write_ablation(place / NAME)
    for name in STRATEGIES:
        save_head(place / NAME / name, shipped)
    return place


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(whole, tmp_path / "atlas")


def loaded(folder: Path, model: Make) -> Atlases:
    """With model and heads loaded, well or not."""
    engine = Engine(model)
    engine.start()
    atlases = Atlases(engine, Visits(), folder)
    atlases.strategies(NAME)
    return atlases


def test_whole_heads_on_their_model_are_used(folder: Path, shipped: FoalNet, capsys: Any) -> None:
    atlases = loaded(folder, lambda: model_of(shipped))
    assert atlases.problem(NAME) == ""
    assert atlases.strategies(NAME).names == STRATEGIES
    assert capsys.readouterr().err == ""


def cut(folder: Path) -> None:
    path = folder / "avel" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-64])


def unnamed(folder: Path) -> None:
    path = folder / "avel" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "encoders": {}}), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "expected", "detail"),
    [
        (cut, DAMAGED, "avel: model.safetensors is damaged"),
        (unnamed, DAMAGED, "must be those of its encoders: speech, video"),
        (lambda f: (f / "avel" / "config.json").write_text("{"), DAMAGED, "avel is not a check"),
        (lambda f: (f / "avel" / "config.json").write_text("[]"), DAMAGED, "avel is not a check"),
        (lambda f: (f / "avel" / "config.json").unlink(), MISSING, "holds no head 'avel'"),
        (lambda f: (f / "none" / "config.json").unlink(), MISSING, "holds no head 'none'"),
        (
            lambda f: (f / "avel" / "model.safetensors").unlink(),
            MISSING,
            "avel: model.safetensors is missing",
        ),
    ],
    ids=[
        "weights cut", "encoders unnamed", "config cut", "config of another shape",
        "config gone", "the first head gone", "weights gone",
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(
    folder: Path,
    shipped: FoalNet,
    spoil: Callable[[Path], None],
    expected: str,
    detail: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(folder / NAME)
    refused(loaded(folder, lambda: model_of(shipped)), expected)
    assert_logged(capsys, detail)


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        (lambda: model_of(network(1)), "trained on another speech encoder"),
        (lambda: model_of(network(0), "another"), "the model has no such framework"),
        (lambda: SimpleNamespace(frameworks=(), scorers={}), "the model has no such framework"),
    ],
    ids=["other encoders", "another framework", "no scorers"],
)
def test_another_model(
    folder: Path, model: Make, detail: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(loaded(folder, model), FOREIGN)
    assert_logged(capsys, detail)


def test_heads_of_another_framework(
    folder: Path, shipped: FoalNet, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / NAME).glob("*/config.json"):
        path.write_text(path.read_text("utf-8").replace('"foal_net"', '"unimodal"'), "utf-8")
    refused(loaded(folder, lambda: model_of(shipped)), DAMAGED)  # nor do its weights fit
    assert_logged(capsys, "Framework 'unimodal'")


def test_an_error_of_our_own(
    folder: Path,
    shipped: FoalNet,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room for a head")

    monkeypatch.setattr("mer_core.serving.strategies.load_heads", fail)
    refused(loaded(folder, lambda: model_of(shipped)), BROKEN)
    assert "no room for a head" in capsys.readouterr().err


def test_a_model_that_cannot_load(folder: Path) -> None:
    def fail() -> Any:
        raise OSError("no such file")

    refused(loaded(folder, fail), FAILED)


def test_a_loading_model_is_no_problem_of_the_heads(folder: Path) -> None:
    atlases = Atlases(Engine(lambda: model_of(network(0))), Visits(), folder)  # never started
    assert atlases.problem(NAME) == LOADING


def refused(atlases: Atlases, expected: str) -> None:
    """No head, one sentence, and every map."""
    assert atlases.strategies(NAME) is None
    assert atlases.problem(NAME) == expected
    assert expected.count(". ") == 0
    assert atlases.judge(NAME, object()) == ({}, None)
    for chart in atlases.atlas(NAME).charts.values():
        assert np.isfinite(chart.map.points).all()


def assert_logged(capsys: pytest.CaptureFixture[str], detail: str) -> None:
    """One line for the operator, with the framework and what is wrong."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Strategies of {NAME}: ")
    assert detail in line
