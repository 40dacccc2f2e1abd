"""Loading in the background, and the message to a visitor when something goes wrong."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mer_core.demo import engine as module
from mer_core.demo.engine import Analysis, Engine
from mer_core.demo.services.background import Background
from mer_core.media import MediaError
from mer_core.types import Occlusions, Prediction, Transcript

OK = Prediction("sad", {"sad": 1.0}, {"text": {"sad": 1.0}})


class Model:
    labels = ("angry", "happy", "neutral", "sad")

    def __init__(
        self, answer: Prediction | Exception, frameworks: tuple[str, ...] = ("mgcma", "foal_net")
    ) -> None:
        self.answer = answer
        self.frameworks = frameworks
        self.judges_video = "foal_net" in frameworks
        self.transcriber: Any = None
        self.scorers: dict[str, Any] = {}
        self.readers: dict[str, Any] = {}

    def predict(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> Prediction:
        return self.judge(self.read(audio, text, video))[0]

    def read(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> str:
        if isinstance(self.answer, Exception):
            raise self.answer
        return "inputs"

    def with_transcript(self, inputs: Any, transcript: Transcript) -> str:
        return f"{inputs} of {transcript.text}"

    def judge(self, inputs: Any) -> tuple[Prediction, str]:
        assert isinstance(self.answer, Prediction)
        return self.answer, f"encoded {inputs}"


def started(answer: Any) -> Engine:
    engine = Engine(lambda: Model(answer))
    engine.start()
    assert engine.wait(30)
    return engine


def test_an_analysis_holds_the_inputs() -> None:
    analysis = started(OK).analyse(None, "words")
    assert (analysis.prediction, analysis.inputs) == (OK, "inputs")
    assert analysis.encoded == "encoded inputs"  # what other heads and explanations begin with
    refused = started(MediaError("not_audio", "It is broken.")).analyse("clip.wav", None)
    assert refused.inputs is None
    assert refused.prediction.message == "It is broken."


def test_a_transcript_goes_with_the_inputs() -> None:
    transcript = Transcript("we won", "en", 1.0, ())
    assert started(OK).analyse("clip.wav", None, transcript=transcript).inputs == "inputs of we won"


def test_a_model_of_faces_alone_reads_no_words() -> None:
    for frameworks, reads in ((("foal_net",), False), (("mgcma", "foal_net"), True)):
        engine = Engine(lambda names=frameworks: Model(OK, names))
        assert engine.reads_words  # nothing is ruled out before the model is there
        engine.start()
        assert engine.wait(30)
        assert engine.reads_words is reads


def test_states_in_order() -> None:
    go = threading.Event()

    def load() -> Model:
        go.wait(30)
        return Model(OK)

    engine = Engine(load)
    assert (engine.state, engine.status()) == ("waiting", module.LOADING)
    engine.start()
    engine.start()  # a second start changes nothing
    assert (engine.state, engine.status()) == ("loading", module.LOADING)
    go.set()
    assert engine.wait(30)
    assert (engine.state, engine.status()) == ("ready", "Ready: MGCMA and Foal-Net, 4 categories")


def test_a_model_without_video_says_so() -> None:
    engine = Engine(lambda: Model(OK, ("mgcma",)))
    assert engine.watches  # nothing is ruled out before the model is there
    engine.start()
    assert engine.wait(30)
    assert engine.status() == "Ready: MGCMA, 4 categories"
    assert not engine.watches
    refused = engine.predict(None, None, "clip.mp4")
    assert (refused.error_kind, refused.message) == ("no_framework", module.NO_VIDEO)
    assert engine.predict("clip.wav", None) is OK


def test_video_goes_to_the_model() -> None:
    assert started(OK).watches
    assert started(OK).predict(None, None, "clip.mp4") is OK


def test_a_prediction_waits_for_the_model() -> None:
    go = threading.Event()

    def load() -> Model:
        go.wait(30)
        return Model(OK)

    engine = Engine(load)
    engine.start()
    threading.Timer(0.2, go.set).start()
    assert engine.predict(None, "I miss her") is OK


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    prediction = Engine(lambda: Model(OK)).predict(None, "hello")
    assert (prediction.state, prediction.error_kind) == ("refused", "loading")


def test_a_model_that_cannot_load(capsys: pytest.CaptureFixture[str]) -> None:
    def load() -> Model:
        raise FileNotFoundError("no weights in /some/folder")

    engine = Engine(load)
    engine.start()
    assert engine.wait(30)
    assert (engine.state, engine.status()) == ("failed", module.FAILED)
    prediction = engine.predict(None, "hello")
    assert (prediction.error_kind, prediction.message) == ("model", module.FAILED)
    assert "/some/folder" in capsys.readouterr().err  # for the operator, not for the visitor


def test_refused_input_becomes_a_message() -> None:
    prediction = started(MediaError("too_long", "It lasts too long.")).predict("x.wav", None)
    assert (prediction.state, prediction.error_kind) == ("refused", "too_long")
    assert prediction.message == "It lasts too long."
    assert prediction.emotion is None


def test_a_clip_that_was_deleted() -> None:
    prediction = started(MediaError("not_found", "There is no file.")).predict("x.wav", None)
    assert prediction.message == module.EXPIRED


def test_an_unexpected_error_keeps_its_details(capsys: pytest.CaptureFixture[str]) -> None:
    prediction = started(RuntimeError("secret words")).predict(None, "secret words")
    assert (prediction.error_kind, prediction.message) == ("internal", module.INTERNAL)
    logged = capsys.readouterr().err
    assert "RuntimeError in read" in logged
    assert "secret" not in logged


def test_background_keeps_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    job: Background[int] = Background(lambda: 1 // 0, "division")
    job.start()
    assert job.wait(30)
    assert (job.state, job.value) == ("failed", None)
    assert "division: ZeroDivisionError" in capsys.readouterr().err


class Explaining(Model):
    def occlusions(self, encoded: Any) -> Occlusions | None:
        if encoded == "broken":
            raise RuntimeError("secret")
        return Occlusions("sad", {"text": 1.0}, (), {}, np.empty(0), {}) if encoded else None


def test_what_words_change_is_added_where_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine(lambda: Explaining(OK))
    engine.start()
    assert engine.wait(30)
    explained = engine.explain(Analysis(OK, "inputs", "encoded")).prediction.occlusions
    assert explained is not None
    assert explained.emotion == "sad"
    for unchanged in (
        Analysis(OK, "inputs", "broken"), Analysis(OK, "inputs", ""), Analysis(OK),
        Analysis(replace(OK, emotion=None), "inputs", "encoded"),
    ):  # fmt: skip
        assert engine.explain(unchanged) is unchanged
    assert "RuntimeError in occlusions" in capsys.readouterr().err
