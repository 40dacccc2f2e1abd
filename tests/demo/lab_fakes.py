"""Clips, a reader, a scorer and a visit for tests of the contradiction lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.sections.lab_events import LabClips, LabHandlers, LabVersion
from mer_core.demo.sections.lab_judging import LabJudge
from mer_core.demo.sections.lab_settings import LabSettings
from mer_core.demo.services.openings import Opening
from mer_core.media import MediaError
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.types import Prediction
from tests.demo.clip_ids import recorded
from tests.demo.conftest import LABELS, chances
from tests.demo.coroutines import finished

NASTY = "<script>alert(1)</script>\"'"
WORDS = "we won"
C1, C2 = recorded("c1"), recorded("c2")


def prediction(emotion: str | None, share: float = 0.7, **more: Any) -> Prediction:
    vectors = {"speech": np.ones(3, np.float32), "text": np.ones(3, np.float32)}
    by_modality: dict[str, Any] = {"speech": None, "text": None, "both": None}
    if emotion is None:
        return Prediction(None, {}, by_modality, **more)
    return Prediction(
        emotion, chances(emotion, share), by_modality, embeddings_after=vectors, **more
    )


BEFORE = {"none": prediction("happy"), "all": prediction("happy", 0.4)}


class FakeReader:
    """Reads words; refuses long ones in words."""

    def read(self, audio: Any, text: str | None) -> SpeechTextInputs:
        if text and len(text) > 100:
            raise MediaError("text_too_long", "Too <long>.")
        waveform = None if audio is None else audio[0]
        return SpeechTextInputs(waveform, None, None, None, text, None)


class FakeScorer:
    """Angry words make the strategy `all` angry; keeps what it was judged."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []

    def __call__(
        self, framework: str, inputs: Any, earlier: Any
    ) -> tuple[Mapping[str, Prediction], Any]:
        self.inputs.append(inputs)
        self.earlier = list(earlier)
        angry = "hate" in (inputs.text or "")
        judged = {"none": prediction("happy"), "all": prediction("angry" if angry else "happy")}
        return judged, f"encoded {len(self.inputs)}"


class FakeVisit:
    """The clips of a visit, and what the lab stored as changed."""

    def __init__(self, *clips: VisitorClip) -> None:
        self.clips = {str(clip.id): clip for clip in clips}
        self.changed: list[VisitorClip | None] = []

    def find(self, chosen: str, request: Any) -> VisitorClip:
        if chosen not in self.clips:
            raise ValueError("It is no longer here.")
        return self.clips[chosen]

    def store_changed(self, changed: VisitorClip | None, request: Any) -> None:
        self.changed.append(changed)

    def handlers(self, scorer: Any, opening: Opening | None = None) -> LabHandlers:
        """The lab over these clips."""
        judge = LabJudge(scorer, lambda _: FakeReader(), {"all": "All of them"})
        clips = LabClips(
            self.find, lambda *_: [(one.name, key) for key, one in self.clips.items()],
            lambda _: self.changed[-1] if self.changed else None, self.store_changed,
            lambda: True, lambda _: opening,
        )  # fmt: skip
        return LabHandlers(judge, clips)


def at_rest(words: str = WORDS, **moved: Any) -> LabSettings:
    """The controls as a clip is opened, but for what was moved."""
    return LabSettings.of({"words": words, "categories": LABELS, **moved})


def opened(handlers: LabHandlers, version: LabVersion | None, clip_id: Any = C1) -> Any:
    """The last answer to a clip that was chosen."""

    async def last() -> Any:
        return [update async for update in handlers.open(str(clip_id), version, "mgcma")][-1]

    return finished(last())
