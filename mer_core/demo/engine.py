"""The model behind the pages: loaded in the background; its predictions never raise."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from mer_core.demo.services.background import Background, LoadState
from mer_core.demo.services.examples import load_examples
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.types import Occlusions, Prediction, State, Transcript

if TYPE_CHECKING:  # they import torch, which the page must not wait for
    from mer_core.media.transcribe import Transcriber
    from mer_core.serving.inputs import SpeechTextReader
    from mer_core.serving.speech_text import SpeechTextScorer
    from mer_core.serving.video import VideoScorer
    from mer_core.serving.video_inputs import VideoReader

PATIENCE = 180.0  # seconds a prediction waits for the model before it gives up

LOADING = "The model is loading…"
FAILED = "The model could not be loaded; the terminal that runs this page says why."
EXPIRED = "This clip has been deleted from the server. Please record or upload it again."
NO_VIDEO = (
    "This model cannot analyse video. You can analyse a voice and its words on the first page."
)
INTERNAL = "Something went wrong on our side. Your clip and text are still here: please try again."


class RefusalKind(StrEnum):
    """Why the demo refuses to predict, beside the kinds of `MediaError`; API clients read it."""

    LOADING = "loading"  # the model is not ready yet
    MODEL = "model"  # the model could not be loaded
    NO_FRAMEWORK = "no_framework"  # the model reads no such input
    NOTHING = "nothing"  # there is no input
    INTERNAL = "internal"  # a bug


class Recogniser(Protocol):
    """What the pages need of `mer_core.Predictor`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories it can assign."""

    @property
    def frameworks(self) -> tuple[str, ...]:
        """Names of the frameworks that were loaded."""

    @property
    def judges_video(self) -> bool:
        """Whether it can analyse video."""

    @property
    def scorers(self) -> Mapping[str, SpeechTextScorer | VideoScorer]:
        """Framework → what predicts with it."""

    @property
    def readers(self) -> Mapping[str, SpeechTextReader | VideoReader]:
        """Framework → what reads its inputs."""

    @property
    def transcriber(self) -> Transcriber:
        """What writes down what is said."""

    def predict(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> Prediction:
        """The category of one recording; raises `MediaError` for input it cannot read."""

    def read(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> Any:
        """The first half of `predict`: what `score` takes; raises what `predict` raises."""

    def with_transcript(self, inputs: Any, transcript: Transcript) -> Any:
        """What `read` has read, with its transcript; a text that was read stays."""

    def judge(self, inputs: Any) -> tuple[Prediction, Any]:
        """The second half of `predict`, and the inputs behind the encoders."""

    def occlusions(self, encoded: Any) -> Occlusions | None:
        """What single words and moments change of what `judge` has judged."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """A prediction and the inputs it was made from.

    Attributes:
        prediction: May be a refusal.
        inputs: `SpeechTextInputs` or `VideoInputs`, from which other heads can predict too; None
            if the clip could not be read.
        encoded: The inputs behind the encoders, so that nothing is encoded twice.
    """

    prediction: Prediction
    inputs: Any = None
    encoded: Any = None


class Engine:
    """A recogniser that may still be loading.

    Args:
        load: Returns the recogniser; runs in a background thread after `start`.
    """

    def __init__(self, load: Callable[[], Recogniser]) -> None:
        self._model = Background(load, "model")

    def start(self) -> None:
        """Begin to load the model in the background."""
        self._model.start()

    @property
    def state(self) -> LoadState:
        """How far loading is."""
        return self._model.state

    @property
    def model(self) -> Recogniser | None:
        """The recogniser once it is ready, else None."""
        return self._model.value

    def wait(self, timeout: float) -> bool:
        """Whether loading has ended within `timeout` seconds."""
        return self._model.wait(timeout)

    def status(self) -> str:
        """The state in words."""
        if self.model is None:
            return FAILED if self.state is LoadState.FAILED else LOADING
        titles = " and ".join(framework_title(name) for name in self.model.frameworks)
        return f"Ready: {titles}, {len(self.model.labels)} categories"

    @property
    def watches(self) -> bool:
        """Whether it can analyse video; True until a model is loaded that cannot."""
        return self.model is None or self.model.judges_video

    @property
    def hears_videos(self) -> bool:
        """Whether it analyses the sound of a video, too; True until a model is loaded."""
        if self.model is None:
            return True
        from mer_core.serving.video_inputs import VideoReader

        readers = self.model.readers.values()
        return all(reader.hears for reader in readers if isinstance(reader, VideoReader))

    @property
    def reads_words(self) -> bool:
        """Whether it analyses a voice with its words; True until a model is loaded that cannot."""
        if self.model is None:
            return True
        known = [DESCRIPTORS[name] for name in self.model.frameworks if name in DESCRIPTORS]
        return any(not framework.watches for framework in known)

    def predict(self, audio: str | None, text: str | None, video: str | None = None) -> Prediction:
        """A prediction, or one whose `state` is `REFUSED` and whose `message` says why."""
        return self.analyse(audio, text, video).prediction

    def analyse(
        self,
        audio: str | None,
        text: str | None,
        video: str | None = None,
        transcript: Transcript | None = None,
    ) -> Analysis:
        """The same, with the inputs it was made from.

        Args:
            audio: Path of a recording; of a video, for its sound alone.
            text: What was said.
            video: Path of a video.
            transcript: Of the recording; its words have times.
        """
        if not self._model.wait(PATIENCE):
            message = f"{LOADING} Please try again in a moment."
            return Analysis(refusal(RefusalKind.LOADING, message))
        model = self.model
        if model is None:
            return Analysis(refusal(RefusalKind.MODEL, FAILED))
        if video is not None and not model.judges_video:
            return Analysis(refusal(RefusalKind.NO_FRAMEWORK, NO_VIDEO))
        # They import torch, which the model has done by now.
        from mer_core.media.errors import MediaError, MediaErrorKind

        try:
            inputs = model.read(audio=audio, text=text, video=video)
            if transcript is not None:
                inputs = model.with_transcript(inputs, transcript)
            prediction, encoded = model.judge(inputs)
            return Analysis(prediction, inputs, encoded)
        except MediaError as error:
            # A page hands over files that it stored itself, so a missing one has been deleted.
            message = EXPIRED if error.kind is MediaErrorKind.NOT_FOUND else error.message
            return Analysis(refusal(error.kind, message))
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            return Analysis(refusal(RefusalKind.INTERNAL, INTERNAL))

    def explain(self, analysis: Analysis) -> Analysis:
        """With what single words and moments change; the same one where that is not known."""
        if self.model is None or analysis.encoded is None or analysis.prediction.emotion is None:
            return analysis
        try:
            found = self.model.occlusions(analysis.encoded)
        except Exception as error:  # the result stands without it
            report(error)
            return analysis
        if found is None:
            return analysis
        return replace(analysis, prediction=replace(analysis.prediction, occlusions=found))


def load_predictor(
    source: str | None, device: str, face_detector: str | None = None, whisper: str | None = None
) -> Recogniser:
    """The shipped model or another; imports torch, so it belongs in the background."""
    from mer_core.serving.predictor import Predictor

    predictor = Predictor.load(source, device=device, face_detector=face_detector, whisper=whisper)
    # The first prediction imports and compiles what later ones need: no visitor should wait for it.
    for framework in (DESCRIPTORS[name] for name in predictor.frameworks if name in DESCRIPTORS):
        if framework.watches and not predictor.judges_video:
            continue  # its encoders here read other modalities
        for example in load_examples(index=framework.examples)[:1]:
            predictor.predict(**example.inputs(framework))
    return predictor


def framework_title(name: str) -> str:
    """A framework's name for people; its own name where it has no descriptor."""
    return DESCRIPTORS[name].title if name in DESCRIPTORS else name


def refusal(kind: str, message: str) -> Prediction:
    """A prediction without a label that says why."""
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality={},
        state=State.REFUSED,
        message=message,
        error_kind=kind,
    )


def report(error: Exception) -> None:
    """Tell the operator where an unexpected error arose; not its message, which may quote input."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    print(f"{type(error).__name__} in {last.name}, line {last.lineno}", file=sys.stderr, flush=True)
