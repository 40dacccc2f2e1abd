"""Films become pictures: the speaker's half, at the utterance's time, decoded once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import pytest

import train.data.films
from mer_core.data import Example, Side, VideoSpan, collate, load_corpus
from mer_core.data.collate import collate_features
from mer_core.encoders.registry import build_encoder
from mer_core.types import ByteArray
from tests.films import RATE, numbered, write_film
from tests.iemocap_tree import TURN_SECONDS, TURNS, write_dialogue
from tests.train.tiny_frameworks import tiny_foal_net
from train.config import Experiment, SourceConfig
from train.data.features import features_as_they_are
from train.data.films import evenly
from train.data.material import Material
from train.data.paired_task import PairedTask
from train.data.pairs import SetKind, SetName, evaluation_sets
from train.data.tasks import SingleTask, half_of
from train.evaluate.branches import evaluator_of
from train.evaluate.reading import VisitorReader
from train.identity import data_digest
from train.stages import start

WHOLE = SourceConfig(corpora={"iemocap": 1.0}, picture="whole", picture_size=16, frames=4)
FACE = replace(WHOLE, picture="face", picture_size=48)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sessions, a dialogue each, whose films count their frames."""
    root = tmp_path_factory.mktemp("root")
    for session in range(1, 6):
        wearer = "FM"[session % 2]
        write_dialogue(root, session, f"Ses0{session}{wearer}_impro01", numbered(130))
    return root


@pytest.fixture(scope="module")
def half_empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face on the left, nothing on the right."""
    picture = cv2.imread(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    portrait = cv2.cvtColor(cv2.resize(picture, (240, 240)), cv2.COLOR_BGR2RGB)
    frame = np.concatenate([portrait, np.full((240, 240, 3), 90, np.uint8)], axis=1)
    return write_film(tmp_path_factory.mktemp("films") / "half.avi", [frame.astype(np.uint8)] * 20)


def films_of(root: Path, session: int) -> list[Example]:
    halves = [half_of(e, "video") for e in load_corpus("iemocap", root)]
    return [half for half in halves if half and half.session == f"iemocap_{session}"]


def frames_of(example: Example, source: SourceConfig = WHOLE) -> ByteArray | None:
    return Material([example], {"video": source}).utterance([example]).frames


@pytest.mark.parametrize("session", [1, 2])
def test_pixels_are_of_the_speakers_half_at_the_time_of_the_turn(root: Path, session: int) -> None:
    """In session 1 he wears the markers and sits on the left, in session 2 she does."""
    labels = {"neu": "neutral", "ang": "angry", "exc": "happy", "sad": "sad"}
    turns = {(turn[0], labels.get(label)): start for turn, label, start in TURNS}
    for example in films_of(root, session):
        frames = frames_of(example)
        assert frames is not None
        assert frames.shape == (4, 16, 16, 3)
        start = turns[example.group[-1], example.emotion]
        # The middle ones of four equal parts of the turn, as they are numbered in the film.
        numbers = (start + (np.arange(4) + 0.5) / 4 * TURN_SECONDS) * RATE
        found = frames[:, 4:-4, 4:-4].mean(axis=(1, 2, 3))
        if example.group[-1] != "FM"[session % 2]:  # on the right, where frame i is 250 - i
            found = 250 - found
        np.testing.assert_allclose(found, numbers, atol=4.0)
        assert found.min() > start * RATE - 1.5  # no frame of the turn before


def test_films_are_decoded_once(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = films_of(root, 1)
    first = Material(examples, {"video": WHOLE}, tmp_path)
    assert len(list((tmp_path / "films").glob("*.npz"))) == len(examples)

    def fails(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(train.data.films, "load_stretch", fails)
    again = Material(examples, {"video": WHOLE}, tmp_path)
    for example in examples:
        frames = again.utterance([example]).frames
        assert frames is not None
        np.testing.assert_array_equal(frames, first.utterance([example]).frames)
        assert again.content(example) == first.content(example)
    with pytest.raises(AssertionError, match="again"):  # other pictures of the same film
        Material(examples, {"video": replace(WHOLE, frames=2)}, tmp_path)


def test_a_half_without_a_face_is_absent(half_empty: Path) -> None:
    left, right = (
        Example("iemocap", "test", "sad", "a", video=VideoSpan(half_empty, 0.0, 0.6, side))
        for side in (Side.LEFT, Side.RIGHT)
    )
    material = Material([left, right], {"video": FACE})
    assert (material.is_present(left), material.is_present(right)) == (True, False)
    utterances = [material.utterance([e]) for e in (left, right)]
    assert utterances[0].frames is not None
    assert utterances[0].frames.shape == (4, 48, 48, 3)
    assert collate(utterances).video_present is not None
    assert collate(utterances).video_present.tolist() == [True, False]
    reader = VisitorReader.of([left, right], material)
    assert [len(reader.pieces(e)) for e in (left, right)] == [1, 0]
    assert material.content(left) != material.content(right)
    # The whole picture needs no face.
    assert frames_of(right, replace(FACE, picture="whole")) is not None


def test_features_of_a_film_without_a_face_are_empty(half_empty: Path) -> None:
    """So a pair with such a half is read as one whose half is absent."""
    left, right = (
        Example("iemocap", "test", "sad", "a", video=VideoSpan(half_empty, 0.0, 0.6, side))
        for side in (Side.LEFT, Side.RIGHT)
    )
    encoder = build_encoder(tiny_foal_net().architecture["video_encoder"])
    tokens = features_as_they_are(encoder, [left, right], Material([left, right], {"video": FACE}))
    assert [tuple(tokens[e].shape) for e in (left, right)] == [(4, 16), (0, 16)]
    batch = collate_features([{"video": tokens[right]}, {"video": tokens[left]}], {"video": 16})
    assert batch.cached["video"].present.tolist() == [False, True]


def test_an_encoder_is_not_trained_on_films_without_a_face(
    root: Path, face_experiment: Experiment
) -> None:
    blank = replace(face_experiment, sources={"video": FACE})
    assert SingleTask(blank, root).train == []  # no film of the fixture shows a face
    seen = SingleTask(replace(blank, sources={"video": WHOLE}), root)
    assert len(seen.train) == 3 * 4  # three sessions, four turns with a label


def test_a_film_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(bytes(100))
    example = Example("iemocap", "test", "sad", "a", video=VideoSpan(path))
    with pytest.raises(ValueError, match=r"broken\.mp4.*damaged.*`python -m train check`"):
        Material([example], {"video": WHOLE})


def test_a_natural_pair_of_voice_and_film_is_measured(root: Path) -> None:
    tiny = tiny_foal_net()
    speech = SourceConfig(corpora={"iemocap": 1.0})
    experiment = replace(tiny, sources={"speech": speech, "video": WHOLE})
    sets = evaluation_sets(experiment, root, "test")
    natural = sets[SetName(SetKind.NATURAL, ("iemocap",))]
    assert len(natural) == 4
    for pair in natural:
        assert pair.speech is not None
        assert pair.video is not None
        assert pair.speech.path is not None
        assert pair.video.video is not None
        assert pair.video.video.path.stem in pair.speech.path.stem
    logits = evaluator_of(start(experiment).eval(), [natural], experiment).logits(natural)
    assert np.isfinite(logits["video"]).all()


def test_a_voice_is_trained_with_its_own_film(root: Path) -> None:
    tiny = tiny_foal_net()
    speech = SourceConfig(corpora={"iemocap": 1.0}, views=1)
    sources = {"speech": speech, "video": replace(WHOLE, views=1)}
    experiment = replace(tiny, sources=sources, pairing="natural")
    encoders = {e.modality: e for e in start(experiment).encoders().values()}
    task = PairedTask(experiment, root, tokenize=None, encoders=encoders)
    films = {film.video for film in task.own_partner.values() if film}
    assert len(films) == len(task.train["speech"]) == 12
    for voice, film in task.own_partner.items():
        assert voice.path is not None
        assert film is not None
        assert film.video is not None
        assert film.video.path.stem == voice.path.parent.name == voice.dialogue
        assert film.group == voice.group
    for labelled in task.epoch(0):
        assert labelled.batch.cached["video"].present.all()


def test_the_digest_of_the_data_knows_the_films(root: Path, tmp_path: Path) -> None:
    experiment = replace(tiny_foal_net(), sources={"video": WHOLE})
    own = data_digest(experiment, root)
    label = root / "iemocap" / "Session5" / "dialog" / "EmoEvaluation" / "Ses05M_impro01.txt"
    text = label.read_text("utf-8")
    try:
        label.write_text(text.replace("[0.2000 -", "[0.3000 -"), "utf-8")
        assert data_digest(experiment, root) != own
    finally:
        label.write_text(text, "utf-8")
    assert data_digest(experiment, root) == own


@pytest.mark.parametrize(
    ("available", "wanted"), [(0, 4), (1, 4), (4, 4), (5, 4), (17, 8), (90, 8)]
)
def test_frames_are_chosen_evenly(available: int, wanted: int) -> None:
    chosen = evenly(available, wanted)
    assert len(chosen) == min(available, wanted)
    assert len(set(chosen.tolist())) == len(chosen)
    steps = np.diff(chosen)
    assert not len(steps) or steps.max() - steps.min() <= 1
    if available > wanted:  # as far from the beginning as from the end
        assert abs(chosen[0] - (available - 1 - chosen[-1])) <= 1
