"""One clip's inputs with a half of another clip: its voice, its words or its face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from mer_core.frameworks.descriptor import MODALITIES
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import SAMPLE_RATE, State

# Modalities by a framework's names → fields of the inputs, and reasons why they may be absent.
SOUND = frozenset({State.SILENCE, State.NO_SPEECH, State.NO_SOUND})
RECORDED = {
    "speech": (("waveform", "activity", "envelope", "duration", "transcript"), SOUND),
    "text": (("text", "tokens"), frozenset({State.UNREADABLE_TEXT})),
}
FILMED = {
    # The words of a video are those that its voice says.
    "audio": (
        ("waveform", "activity", "text", "tokens", "transcript"),
        SOUND | {State.UNREADABLE_TEXT},
    ),
    "video": (("track", "pictures", "times"), frozenset({State.NO_FACE})),
}
FIRST = {"speech": "waveform", "text": "text", "audio": "waveform", "video": "pictures"}

Inputs = TypeVar("Inputs", SpeechTextInputs, VideoInputs)


def with_half_of(inputs: Inputs, other: Inputs, modality: str) -> Inputs:
    """`inputs` with one half of another clip in place of its own.

    Args:
        inputs: Keeps its other half.
        other: Of the same kind, read for the same framework.
        modality: The half that `other` gives, by the framework's name: `speech` or `text` of a
            recording, `audio` or `video` of a video.

    Raises:
        ValueError: The clips differ in kind, or `other` has no such half; in words for a person.
    """
    halves = FILMED if isinstance(inputs, VideoInputs) else RECORDED
    if type(inputs) is not type(other) or modality not in halves:
        raise ValueError("Halves can be swapped between two clips of the same kind only.")
    if getattr(other, FIRST[modality]) is None:
        noun = MODALITIES[modality].noun
        raise ValueError(f"The other clip has no {noun} that can be judged.")
    fields, about = halves[modality]
    taken: dict[str, Any] = {field: getattr(other, field) for field in fields}
    taken["reasons"] = _reasons(inputs.reasons, other.reasons, about)
    mixed: Any = replace(inputs, **taken)
    if isinstance(mixed, VideoInputs):
        mixed = _lasting(mixed)
    return mixed


def _reasons(
    own: tuple[State, ...], of_other: tuple[State, ...], about: frozenset[State]
) -> tuple[State, ...]:
    """The other clip's reasons about the half that it gives, and our own about the rest."""
    taken = [reason for reason in of_other if reason in about]
    return (*taken, *(reason for reason in own if reason not in about))


def _lasting(inputs: VideoInputs) -> VideoInputs:
    """As long as its longer half."""
    voice = 0.0 if inputs.waveform is None else len(inputs.waveform) / SAMPLE_RATE
    face = 0.0 if inputs.track is None else float(inputs.track.times[-1])
    return replace(inputs, duration=max(voice, face, 1e-3))
