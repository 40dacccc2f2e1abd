"""What the lab begins with: shipped clips about which the strategies do not agree.

Found with the model that runs, not stored: another model disagrees about other clips.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.visitor import VisitorClip
from mer_core.types import SAMPLE_RATE, Prediction

LONGEST = 8.0  # seconds; longer clips are judged in windows, which takes too long for a beginning


@dataclass(frozen=True)
class Opening:
    """The lab's first clip.

    Attributes:
        clip: Whose voice is judged.
        other: Whose words or face take the place of its own, or None for its own.
    """

    clip: ClipId
    other: ClipId | None = None


class Judge(Protocol):
    """Scores a clip with the partner half of another one, under every strategy."""

    def __call__(self, clip: VisitorClip, other: VisitorClip) -> Mapping[str, Prediction]: ...  # noqa: D102


class Openings:
    """Searched once for everybody; safe to use from many threads."""

    def __init__(self) -> None:
        self._found: dict[str, Opening | None] = {}
        self._lock = threading.Lock()

    def of(self, framework: str, clips: Iterable[VisitorClip], judge: Judge) -> Opening | None:
        """See `find_opening`; the first call of a framework searches."""
        with self._lock:
            if framework not in self._found:
                self._found[framework] = find_opening(clips, judge)
            return self._found[framework]


def find_opening(clips: Iterable[VisitorClip], judge: Judge) -> Opening | None:
    """The first clip, or else the first two, about which strategies assign different categories.

    Where all agree about all of them, the first clip; None without any.

    Args:
        clips: Read one by one until it is found; long ones and those without both halves are
            passed over.
        judge: Scores two of them as one.
    """
    seen: list[VisitorClip] = []
    for clip in clips:
        if len(clip.modalities) < 2 or _seconds(clip) > LONGEST:
            continue
        if differ(clip.predictions):
            return Opening(clip.id)
        pairs = (pair for earlier in seen for pair in ((earlier, clip), (clip, earlier)))
        for voice, partner in pairs:
            if differ(judge(voice, partner)):
                return Opening(voice.id, partner.id)
        seen.append(clip)
    return Opening(seen[0].id) if seen else None


def differ(predictions: Mapping[str, Prediction]) -> bool:
    """Whether two strategies assign different categories."""
    return len({prediction.emotion for prediction in predictions.values()}) > 1


def _seconds(clip: VisitorClip) -> float:
    return 0.0 if clip.reading.waveform is None else len(clip.reading.waveform) / SAMPLE_RATE
