"""From an analysed clip to a star: what is remembered, under which name, and what is not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.collection import Atlas, Chart
from mer_core.demo.engine import Engine, Examined
from mer_core.demo.services.atlases import FOREIGN, KEPT_SECONDS, Atlases, Heads, kept, name_of
from mer_core.demo.session import Visits
from mer_core.types import SAMPLE_RATE, FaceTrack, Prediction
from tests.atlas.conftest import make_map, make_reference, write_ablation

STRATEGIES = ("none", "token")


@dataclass(frozen=True)
class SpeechTextInputs:
    waveform: Any = None
    track: Any = None


class Model:
    labels = ("angry", "happy")
    frameworks = ("mgcma",)


class Judges:
    """Every strategy sees another vector."""

    def score(self, reading: Any) -> dict[str, Prediction]:
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
    monkeypatch.setattr(Atlases, "_load", lambda self: heads)
    return Atlases(engine, Visits(), folder)


@pytest.fixture
def atlases(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Atlases:
    return made(folder, Heads({"mgcma": Judges()}, {}), monkeypatch)


SAID = Prediction("happy", {"happy": 1.0}, {}, framework="mgcma", text="We won today")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/map.npz", "none/map.npz is missing"),
        ("token/reference.npz", "token/reference.npz is missing"),
        ("index.json", ""),  # no maps were meant to be there
        ("ablation.json", "ablation.json is missing"),
    ],
)
def test_an_atlas_with_a_gap_is_left_out_and_the_operator_told(
    folder: Path, tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = shutil.copytree(folder, tmp_path / "atlas")
    shutil.copytree(folder / "mgcma", spoilt / "foal_net")
    (spoilt / "mgcma" / name).unlink()
    assert Atlases(Engine(Model), Visits(), spoilt).frameworks == ("foal_net",)  # type: ignore[arg-type]
    error = capsys.readouterr().err
    assert said in error if said else error == ""


def test_an_analysed_clip_stands_on_every_map(atlases: Atlases) -> None:
    atlases.remember("ann", Examined(SAID, SpeechTextInputs()))
    atlases.remember("ann", Examined(replace(SAID, text=None), SpeechTextInputs()))
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
    assert atlases.trouble("mgcma") == ""


@pytest.mark.parametrize(
    ("visit", "examined"),
    [
        (None, Examined(SAID, SpeechTextInputs())),
        ("ann", Examined(SAID, None)),
        ("ann", Examined(replace(SAID, emotion=None), SpeechTextInputs())),
        ("ann", Examined(replace(SAID, framework="another"), SpeechTextInputs())),
    ],
)
def test_what_has_no_place_is_not_remembered(
    atlases: Atlases, visit: str | None, examined: Examined
) -> None:
    atlases.remember(visit, examined)
    assert not atlases.visits.get("ann").clips


def test_without_heads_there_is_a_sentence_and_no_star(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atlases = made(folder, Heads({}, {"mgcma": FOREIGN}), monkeypatch)
    atlases.remember("ann", Examined(SAID, SpeechTextInputs()))
    assert not atlases.visits.get("ann").clips
    assert atlases.trouble("mgcma") == FOREIGN


def test_a_folder_without_maps_has_no_frameworks(tmp_path: Path) -> None:
    assert Atlases(Engine(Model), Visits(), tmp_path).frameworks == ()  # type: ignore[arg-type]


def test_names_quote_a_little_of_the_words() -> None:
    words = "word " * 30
    name = name_of(7, replace(SAID, text=words))
    assert name.startswith("Clip 7: word word")
    assert name.endswith("…")
    assert len(name) < 60


def test_nothing_long_and_no_pictures_for_people_are_kept() -> None:
    long = np.zeros(int((KEPT_SECONDS + 1) * SAMPLE_RATE), np.float32)
    assert kept(SpeechTextInputs(long)) is None
    short = SpeechTextInputs(long[:SAMPLE_RATE])
    assert kept(short) is short
    track = FaceTrack(
        np.zeros(3, np.float32), np.zeros((3, 4), np.float32), np.ones(3, bool),
        np.ones((3, 96, 96, 3), np.uint8), np.ones((240, 320, 3), np.uint8), 0,
    )  # fmt: skip
    bare = kept(SpeechTextInputs(None, track)).track
    assert bare.thumbnails.size == bare.preview.size == 0
    assert len(bare.times) == 3
