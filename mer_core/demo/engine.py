"""The model behind the pages: loaded in the background, asked for predictions, never raising."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mer_core.demo.services.background import Background, State
from mer_core.demo.services.examples import load_examples
from mer_core.types import Prediction
from mer_core.types import State as PredictionState

PATIENCE = 180.0  # seconds a prediction waits for the model before it gives up
FRAMEWORK_TITLES = {"mgcma": "MGCMA", "foal_net": "Foal-Net"}
WATCHING = "foal_net"  # the framework that judges voice and face

LOADING = "The model is loading…"
FAILED = "The model could not be loaded; the terminal that runs this page says why."
EXPIRED = "This clip has been deleted from the server. Please record or upload it once more."
NO_VIDEO = (
    "This model has no voice-and-face framework, so it cannot analyse video. "
    "Voice and words can be analysed on the first page."
)
INTERNAL = "Something went wrong on our side. Your clip and text are still here: please try again."


class Recogniser(Protocol):
    """What the pages need of `mer_core.Predictor`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories it can assign."""

    @property
    def frameworks(self) -> tuple[str, ...]:
        """Names of what was loaded: `mgcma`, `foal_net` or both."""

    def predict(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> Prediction:
        """The category of one recording; raises `MediaError` for input it cannot read."""

    def read(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> Any:
        """The first half of `predict`: what `score` takes; raises what `predict` raises."""

    def score(self, reading: Any) -> Prediction:
        """The second half of `predict`."""


@dataclass(frozen=True, eq=False)
class Examined:
    """A prediction, and what it was made of.

    Attributes:
        prediction: Perhaps a refusal.
        reading: As the model read it, to be judged by other heads; None if it could not be read.
    """

    prediction: Prediction
    reading: Any = None


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
    def state(self) -> State:
        """`waiting`, `loading`, `ready` or `failed`."""
        return self._model.state

    def wait(self, timeout: float) -> bool:
        """Whether loading has ended within `timeout` seconds."""
        return self._model.wait(timeout)

    def sentence(self) -> str:
        """The state in words."""
        model = self._model.value
        if model is None:
            return FAILED if self.state == "failed" else LOADING
        titles = [FRAMEWORK_TITLES.get(name, name) for name in model.frameworks]
        return f"Ready: {' and '.join(titles)}, {len(model.labels)} categories"

    @property
    def watches(self) -> bool:
        """Whether it can judge video; True until a loaded model says otherwise."""
        model = self._model.value
        return model is None or WATCHING in model.frameworks

    @property
    def model(self) -> Any:
        """The recogniser once it is ready, else None."""
        return self._model.value

    def predict(self, audio: str | None, text: str | None, video: str | None = None) -> Prediction:
        """A prediction, or one whose `state` is `refused` and whose `message` says why."""
        return self.examine(audio, text, video).prediction

    def examine(self, audio: str | None, text: str | None, video: str | None = None) -> Examined:
        """The same, with what it was made of."""
        if not self._model.wait(PATIENCE):
            return Examined(refusal("loading", f"{LOADING} Please try again in a moment."))
        model = self._model.value
        if model is None:
            return Examined(refusal("model", FAILED))
        if video is not None and not self.watches:
            return Examined(refusal("no_framework", NO_VIDEO))
        from mer_core.media import MediaError  # imports torch, which the model has done by now

        try:
            reading = model.read(audio=audio, text=text, video=video)
            return Examined(model.score(reading), reading)
        except MediaError as error:
            # A page hands over files that it stored itself, so a missing one was swept away.
            gone = error.kind == "not_found"
            return Examined(refusal(error.kind, EXPIRED if gone else error.message))
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            return Examined(refusal("internal", INTERNAL))


def load_predictor(source: str | None, device: str, face_detector: str | None = None) -> Recogniser:
    """The shipped model or another; imports torch, so it belongs in the background."""
    from mer_core.serving.predictor import Predictor

    predictor = Predictor.load(source, device=device, face_detector=face_detector)
    # The first prediction imports and compiles what later ones need: no visitor should wait for it.
    for example in load_examples()[:1]:
        predictor.predict(audio=str(example.clip), text=example.text)
    if WATCHING in predictor.frameworks:
        for example in load_examples(index="videos.json")[:1]:
            predictor.predict(video=str(example.clip))
    return predictor


def refusal(kind: str, message: str) -> Prediction:
    """A prediction without a label that says why."""
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality={},
        state=PredictionState.REFUSED,
        message=message,
        error_kind=kind,
    )


def report(error: Exception) -> None:
    """Where an unexpected error arose, for the operator; no message, which may quote input."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    print(f"{type(error).__name__} in {last.name}, line {last.lineno}", file=sys.stderr, flush=True)
