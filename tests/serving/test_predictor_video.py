"""The shipped default, called on videos as a program would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mer_core import MediaError, Predictor
from mer_core.cli import main
from mer_core.emotions import FOUR
from mer_core.serving.predictor import DEFAULT_MODEL
from mer_core.serving.rows import csv_row, to_row
from mer_core.serving.video_inputs import VideoInputs
from tests.clips import VOICE, speaking_portrait

TEXT = "I am so happy that you came, thank you!"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    return speaking_portrait(folder / "clip.mp4")


def test_a_voice_and_a_face_give_every_part_of_a_prediction(
    predictor: Predictor, clip: Path
) -> None:
    prediction = predictor.predict(video=clip)
    assert prediction.framework == "foal_net"
    assert prediction.state == "ok"
    assert prediction.emotion in FOUR
    assert set(prediction.by_modality) == {"audio", "video", "both"}
    for named in prediction.by_modality.values():
        assert named is not None
        assert sum(named.values()) == pytest.approx(1.0)
    assert prediction.probabilities == prediction.by_modality["both"]
    assert prediction.match is not None
    assert 0 < prediction.match < 1
    assert len(prediction.timeline) == 3
    face = prediction.face
    assert face is not None
    assert face.found.all()
    assert face.boxes.shape == (len(face.times), 4)
    left, top, width, height = face.boxes[face.preview_index]
    assert 0.25 < left < left + width < 0.75  # the portrait is in the middle of the picture
    assert 0 < top < top + height < 1
    assert prediction.cross_attention is not None
    assert prediction.duration == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("container", ["webm", "mkv", "mov"])
def test_containers_agree(predictor: Predictor, clip: Path, folder: Path, container: str) -> None:
    other = predictor.predict(video=speaking_portrait(folder / f"clip.{container}"))
    ours = predictor.predict(video=clip)
    assert other.emotion == ours.emotion
    for name, value in ours.probabilities.items():
        assert other.probabilities[name] == pytest.approx(value, abs=0.15)  # lossy sound


def test_bytes_are_the_same_clip(predictor: Predictor, clip: Path) -> None:
    assert (
        predictor.predict(video=clip.read_bytes()).by_modality
        == predictor.predict(video=clip).by_modality
    )


@pytest.mark.parametrize(
    ("changes", "state", "missing", "words"),
    [
        ({"sound": None}, "no_sound", "audio", "no sound. Only the face was judged."),
        ({"sound": "anullsrc"}, "silence", "audio", "silent. Only the face was judged."),
        ({"face": False}, "no_face", "video", "No face was found in the video. Only the voice"),
    ],
)
def test_one_half_missing_leaves_the_other(
    predictor: Predictor,
    folder: Path,
    changes: dict[str, object],
    state: str,
    missing: str,
    words: str,
) -> None:
    path = speaking_portrait(folder / f"{state}.mp4", **changes)  # type: ignore[arg-type]
    prediction = predictor.predict(video=path)
    assert prediction.state == state
    assert prediction.by_modality[missing] is None
    assert prediction.by_modality["both"] is None
    assert prediction.match is None
    assert prediction.emotion in FOUR
    assert words in prediction.message


def test_neither_voice_nor_face_is_no_label(predictor: Predictor, folder: Path) -> None:
    noise = "anoisesrc=color=white:amplitude=0.1:seed=1"
    for sound, state in ((noise, "no_speech"), ("anullsrc", "silence"), (None, "no_sound")):
        path = speaking_portrait(folder / f"none_{state}.mp4", face=False, sound=sound)
        prediction = predictor.predict(video=path)
        assert prediction.state == state
        assert prediction.emotion is None
        assert prediction.probabilities == {}
        assert prediction.face is None
        assert "No face was found" in prediction.message


def test_a_text_beside_a_video_is_judged_with_its_sound(predictor: Predictor, clip: Path) -> None:
    prediction = predictor.predict(video=clip, text=TEXT)
    companion = prediction.companion
    assert companion is not None
    assert (prediction.framework, companion.framework) == ("foal_net", "mgcma")
    expected = predictor.predict(audio=clip, text=TEXT)
    assert companion.by_modality["both"] == pytest.approx(expected.by_modality["both"], abs=1e-3)
    assert predictor.predict(video=clip).companion is None


def test_many_may_mix_sound_text_and_video(predictor: Predictor, clip: Path) -> None:
    items = [{"video": clip}, {"audio": VOICE, "text": TEXT}, {"video": b"junk"}, {"text": TEXT}]
    video, speech, bad, read = predictor.predict_many(items)
    assert [p.framework for p in (video, speech, read)] == ["foal_net", "mgcma", "mgcma"]
    assert video.by_modality == predictor.predict(video=clip).by_modality
    assert (bad.state, bad.error_kind) == ("refused", "not_video")


def test_invalid_combinations_are_refused_with_a_sentence(predictor: Predictor, clip: Path) -> None:
    with pytest.raises(MediaError, match="not both"):
        predictor.predict(audio=VOICE, video=clip)
    with pytest.raises(MediaError):
        predictor.predict(video=VOICE)
    deaf = Predictor.load(Path("assets/default/mgcma").resolve(), device="cpu")
    with pytest.raises(MediaError, match="judges no video"):
        deaf.predict(video=clip)
    blind = Predictor.load(Path("assets/default/foal_net").resolve(), device="cpu")
    assert blind.predict(video=clip).framework == "foal_net"
    with pytest.raises(MediaError, match="video only"):
        blind.predict(text=TEXT)


def test_a_row_holds_face_and_timeline(predictor: Predictor, clip: Path) -> None:
    row = json.loads(json.dumps(to_row("clip.mp4", predictor.predict(video=clip, text=TEXT))))
    assert row["framework"] == "foal_net"
    assert list(row["by_modality"]) == ["audio", "video", "both"]
    assert 0 < row["match"] < 1
    assert len(row["face"][0]["box"]) == 4
    assert row["companion"]["framework"] == "mgcma"
    assert list(row["companion"]["by_modality"]) == ["speech", "text", "both"]
    flat = csv_row(row, FOUR)
    assert flat["video_happy"] == row["by_modality"]["video"]["happy"]
    assert flat["speech_happy"] is None


def test_the_command_line_judges_videos_and_recordings(
    clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--json", str(clip), str(VOICE)]) == 0
    video, sound = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (video["framework"], sound["framework"]) == ("foal_net", "mgcma")
    assert main(["predict", "--json", "--sound-only", str(clip)]) == 0
    assert json.loads(capsys.readouterr().out)["framework"] == "mgcma"
    assert main(["predict", str(clip)]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["file", "emotion", "p", "speech", "text", "face", "note"]
    assert line.split()[0].endswith("clip.mp4")


def test_nothing_is_kept(predictor: Predictor, clip: Path) -> None:
    before = np.array(predictor.predict(video=clip).embeddings_after["video"])
    predictor.predict(text=TEXT)
    np.testing.assert_array_equal(predictor.predict(video=clip).embeddings_after["video"], before)


def test_another_face_detector_is_used_and_a_missing_one_is_a_sentence(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        def __init__(self, model: str) -> None:
            assert model == "yunet.onnx"

        def detect(self, frame: np.ndarray) -> np.ndarray:
            return np.zeros((0, 4), np.float32)

    with pytest.raises(ValueError, match="neither a file nor a Hub id"):
        Predictor.load(device="cpu", face_detector="nowhere.onnx")
    monkeypatch.setattr("mer_core.media.face_detectors.YuNetDetector", Nothing)
    blinded = Predictor.load(device="cpu", face_detector="yunet.onnx")
    assert blinded.predict(video=clip).state == "no_face"


def test_read_then_score_equals_predict(predictor: Predictor, clip: Path) -> None:
    reading = predictor.read(video=clip)
    expected = predictor.predict(video=clip, text=TEXT)
    actual = predictor.score(reading)
    assert actual.by_modality == expected.by_modality
    assert actual.timeline == expected.timeline
    assert isinstance(reading, VideoInputs)
    companion = predictor.score(predictor.read_companion(reading, TEXT))
    assert expected.companion is not None
    assert companion.by_modality == expected.companion.by_modality
    with pytest.raises(ValueError, match="read_companion"):
        predictor.read(text=TEXT, video=clip)
    with pytest.raises(MediaError, match="not both at once"):
        predictor.read(audio=clip, video=clip)


def test_a_model_refuses_inputs_of_the_other_kind(predictor: Predictor, clip: Path) -> None:
    speech_text = Predictor.load(DEFAULT_MODEL / "mgcma", device="cpu")
    assert list(speech_text.scorers) == ["mgcma"]
    with pytest.raises(MediaError, match="judges no video"):
        speech_text.score(predictor.read(video=clip))
    video_model = Predictor.load(DEFAULT_MODEL / "foal_net", device="cpu")
    with pytest.raises(MediaError, match="judges video only"):
        video_model.read(text=TEXT)
