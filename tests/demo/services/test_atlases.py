"""From an analysed clip to a star: what is stored, under which name, and what is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.collection import Atlas, Chart
from mer_core.demo.engine import Analysis, Engine
from mer_core.demo.services.atlases import (
    EDITABLE_SECONDS,
    FOREIGN,
    Atlases,
    Heads,
    clip_name,
    stored_inputs,
)
from mer_core.demo.session import Visits
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import SAMPLE_RATE, FaceTrack, Occlusions, Prediction
from tests.atlas.conftest import make_map, make_reference, write_ablation

STRATEGIES = ("none", "token")


class Model:
    labels = ("angry", "happy")
    frameworks = ("mgcma",)
    judges_video = False


class FakeStrategies:
    """Every strategy has another vector, and explains what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def parts(self, encoded: Any) -> Any:
        self.asked.append("parts")
        return encoded if encoded.text else None

    def occlusions(self, strategy: str, parts: Any) -> Occlusions:
        self.asked.append(strategy)
        return Occlusions("happy", {"text": 1.0}, (), {}, np.empty(0, np.float32), {})

    def encode(self, inputs: Any, earlier: Any) -> Any:
        self.earlier = earlier
        return inputs

    def score_encoded(self, encoded: Any) -> dict[str, Prediction]:
        random = np.random.default_rng(0)
        return {
            name: Prediction(
                "happy", {"happy": 1.0}, {}, framework="mgcma",
                embeddings_after={
                    m: random.normal(size=8).astype(np.float32) for m in ("speech", "text")
                },
            )
            for name in STRATEGIES
        }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("atlas")
    charts = {}
    for seed, name in enumerate(STRATEGIES):
        reference = make_reference(seed=seed)
        charts[name] = Chart(reference, make_map(reference))
    Atlas("mgcma", charts, {}).save(place / "mgcma")
    write_ablation(place / "mgcma")
    return place


def made(folder: Path, heads: Heads, monkeypatch: pytest.MonkeyPatch) -> Atlases:
    engine = Engine(Model)  # type: ignore[arg-type]
    engine.start()
    assert engine.wait(30)
    monkeypatch.setattr(Atlases, "_load_heads", lambda self: heads)
    return Atlases(engine, Visits(), folder)


@pytest.fixture
def atlases(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Atlases:
    return made(folder, Heads({"mgcma": FakeStrategies()}, {}), monkeypatch)


INPUTS = SpeechTextInputs()
HAPPY = Prediction("happy", {"happy": 1.0}, {}, framework="mgcma", text="We won today")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none/map.npz", "none/map.npz is missing"),
        ("token/reference.npz", "token/reference.npz is missing"),
        ("index.json", ""),  # no maps were meant to be there
        ("ablation.json", "ablation.json is missing"),
    ],
)
def test_an_incomplete_atlas_is_left_out_and_logged(
    folder: Path, tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = shutil.copytree(folder, tmp_path / "atlas")
    shutil.copytree(folder / "mgcma", spoilt / "foal_net")
    (spoilt / "mgcma" / name).unlink()
    assert Atlases(Engine(Model), Visits(), spoilt).frameworks == ("foal_net",)  # type: ignore[arg-type]
    error = capsys.readouterr().err
    assert message in error if message else error == ""


def test_an_analysed_clip_is_on_every_map(atlases: Atlases) -> None:
    atlases.remember("ann", Analysis(HAPPY, INPUTS))
    atlases.remember("ann", Analysis(replace(HAPPY, text=None), INPUTS))
    first, second = atlases.visits.get("ann").of("mgcma")
    assert (first.name, second.name) == ("Clip 1: We won today", "Clip 2")
    assert (first.number, second.number) == (1, 2)
    assert first.id != second.id
    for name in STRATEGIES:
        chart = atlases.atlas("mgcma").charts[name]
        vector = first.vector(name, "speech")
        assert vector is not None
        expected = chart.placer.place(vector[None])[0]
        assert first.places(atlases.atlas("mgcma"), name)["speech"] == tuple(map(float, expected))
    assert atlases.problem("mgcma") == ""


@pytest.mark.parametrize(
    ("visit", "analysis"),
    [
        (None, Analysis(HAPPY, INPUTS)),
        ("ann", Analysis(HAPPY, None)),
        ("ann", Analysis(replace(HAPPY, emotion=None), INPUTS)),
        ("ann", Analysis(replace(HAPPY, framework="another"), INPUTS)),
    ],
)
def test_what_cannot_be_placed_is_not_stored(
    atlases: Atlases, visit: str | None, analysis: Analysis
) -> None:
    atlases.remember(visit, analysis)
    assert not atlases.visits.get("ann").clips


def test_without_heads_there_is_a_sentence_and_no_star(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atlases = made(folder, Heads({}, {"mgcma": FOREIGN}), monkeypatch)
    atlases.remember("ann", Analysis(HAPPY, INPUTS))
    assert not atlases.visits.get("ann").clips
    assert atlases.problem("mgcma") == FOREIGN


def test_a_folder_without_maps_has_no_frameworks(tmp_path: Path) -> None:
    assert Atlases(Engine(Model), Visits(), tmp_path).frameworks == ()  # type: ignore[arg-type]


def test_names_quote_a_little_of_the_words() -> None:
    words = "word " * 30
    name = clip_name(7, replace(HAPPY, text=words))
    assert name.startswith("Clip 7: word word")
    assert name.endswith("…")
    assert len(name) < 60


def test_no_long_clip_and_no_pictures_for_people_are_stored() -> None:
    long = np.zeros(int((EDITABLE_SECONDS + 1) * SAMPLE_RATE), np.float32)
    assert stored_inputs(replace(INPUTS, waveform=long)) is None
    short = replace(INPUTS, waveform=long[:SAMPLE_RATE])
    assert stored_inputs(short) is short
    track = FaceTrack(
        np.zeros(3, np.float32), np.zeros((3, 4), np.float32), np.ones(3, bool),
        np.ones((3, 96, 96, 3), np.uint8), np.ones((240, 320, 3), np.uint8), 0,
    )  # fmt: skip
    video = VideoInputs(1.0, None, None, track, None, np.zeros(0, np.float32))
    bare = stored_inputs(video).track
    assert bare.thumbnails.size == bare.preview.size == 0
    assert len(bare.times) == 3


def test_what_words_change_is_found_out_once_a_strategy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = FakeStrategies()
    atlases = made(folder, Heads({"mgcma": heads}, {}), monkeypatch)
    assert atlases.strategies("mgcma") is heads
    said = replace(INPUTS, text="We won today")
    atlases.remember("me", Analysis(HAPPY, said, "encoded"))
    assert heads.earlier == ["encoded"]  # not once more for the heads
    atlases.remember("me", Analysis(HAPPY, INPUTS))
    spoken, silent = atlases.visits.get("me").clips
    assert list(atlases.occlusions(spoken, "token")) == ["none", "token"]
    assert list(atlases.occlusions(spoken, "none")) == ["none"]
    assert heads.asked == ["parts", "none", "token"]
    assert atlases.occlusions(silent, "token") == {}
    assert atlases.occlusions(replace(spoken, encoded=None), "token") == {}
    assert atlases.occlusions(replace(spoken, framework="foal_net"), "token") == {}
