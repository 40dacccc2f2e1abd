"""The handlers of "Face & voice", over a stand-in model that watches real files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import pytest

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.demo.engine import NO_VIDEO, Engine
from mer_core.demo.pages import face_voice
from mer_core.demo.pages.face_voice import LIMITS, NO_CLIP, SILENT, Handlers
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.container import Services
from mer_core.demo.services.transcription import TranscriptionService
from mer_core.demo.session import Visits
from mer_core.serving.video_inputs import VideoReader
from tests.browser.fake_model import FakeModel
from tests.demo.coroutines import finished


class SpeechAndTextOnly(FakeModel):
    frameworks = ("mgcma",)
    judges_video = False


class FaceAndTextOnly(FakeModel):
    readers: ClassVar[dict[str, Any]] = {"foal_net": VideoReader("face", 48, hears=False)}


class Broken(FakeModel):
    def predict(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("secret path")


def handlers(model: type[FakeModel] = FakeModel) -> Handlers:
    engine = Engine(model)
    engine.start()
    assert engine.wait(30)
    return Handlers(Services(engine, TranscriptionService(engine), Atlases(engine, Visits())))


def result(clip: str | None, model: type[FakeModel] = FakeModel) -> tuple[str, str]:
    """Verdict and details."""
    request = gr.Request(cookies={})
    _, working, done = list(handlers(model).show(clip, "", None, False, request))
    assert "aria-busy" in working["verdict"]
    return done["verdict"], done["details"]


def test_a_clip_gets_a_result_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(EXAMPLES.iterdir())
    verdict, details = result(str(EXAMPLES / "face_smile.mp4"))
    assert "Happy" in verdict
    assert 'role="meter"' in verdict
    assert "at-film" in details
    assert "at-fold" in details
    assert list(tmp_path.iterdir()) == []
    assert sorted(EXAMPLES.iterdir()) == before


def test_hills_have_no_face() -> None:
    verdict, details = result(str(EXAMPLES / "hills.mp4"))
    assert "No face was found" in verdict
    assert "meter" not in verdict
    assert "at-film" not in details


def test_no_clip_gets_a_sentence() -> None:
    verdict, details = result(None)
    assert NO_CLIP in verdict
    assert details == ""


def test_an_unreadable_clip_gets_the_models_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "clip.mp4"
    bad.write_bytes(b"this is no video " * 99)
    verdict, _ = result(str(bad))
    assert "This could not be analysed" in verdict
    assert "at-emotion" not in verdict


def test_an_unexpected_error_shows_no_detail(capsys: pytest.CaptureFixture[str]) -> None:
    verdict, details = result(str(EXAMPLES / "hills.mp4"), Broken)
    assert "went wrong on our side" in verdict
    assert "secret" not in verdict + details + capsys.readouterr().err


def test_a_model_without_video_is_explained_before_and_after() -> None:
    assert NO_VIDEO in result(str(EXAMPLES / "hills.mp4"), SpeechAndTextOnly)[0]

    async def hints(model: type[FakeModel]) -> list[str]:
        return [update["hint"] async for update in handlers(model).follow()]

    assert NO_VIDEO in finished(hints(SpeechAndTextOnly))[-1]
    assert LIMITS in finished(hints(FakeModel))[-1]
    assert SILENT not in finished(hints(FakeModel))[-1]
    assert SILENT in finished(hints(FaceAndTextOnly))[-1]


def test_the_endpoint_answers_in_json() -> None:
    answer = handlers().analyse(str(EXAMPLES / "face_apart.mp4"))
    assert json.loads(json.dumps(answer)) == answer
    assert answer["emotion"] in FakeModel.labels
    assert answer["framework"] == "foal_net"
    assert "suggests" in answer["sentence"]
    assert "file" not in answer
    assert handlers().analyse()["error"] == {"kind": "nothing", "message": NO_CLIP}


def test_the_page_says_what_it_takes_and_never_what_anyone_feels() -> None:
    texts = face_voice.TEXTS
    text = " ".join((texts.tagline, texts.judged, texts.kept, texts.start, texts.credit, LIMITS))
    assert "60 seconds and 100 MB" in text
    assert "feel" not in text
