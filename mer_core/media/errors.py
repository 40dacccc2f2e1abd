"""The one error that a visitor's input can cause."""

from __future__ import annotations

from enum import StrEnum


class MediaErrorKind(StrEnum):
    """Why an input cannot be analysed; the values appear in tables and JSON, so they stay."""

    # What was given
    NO_INPUT = "no_input"
    BAD_TYPE = "bad_type"
    TWO_SOUNDS = "two_sounds"
    NO_FRAMEWORK = "no_framework"  # no loaded model reads this kind of input
    # The file
    NOT_FOUND = "not_found"
    NOT_A_FILE = "not_a_file"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_AUDIO = "not_audio"
    NOT_VIDEO = "not_video"
    NO_SOUND = "no_sound"
    NO_PICTURE = "no_picture"
    # The content of a file or an array
    BAD_RATE = "bad_rate"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_BIG_PICTURE = "too_big_picture"
    TOO_MANY_FRAMES = "too_many_frames"
    TEXT_TOO_LONG = "text_too_long"


class MediaError(ValueError):
    """Input that cannot be analysed, described so that a visitor understands it.

    Attributes:
        kind: The reason, for programs.
        message: What was wrong and what is accepted; one or two sentences.
    """

    def __init__(self, kind: MediaErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = MediaErrorKind(kind)
        self.message = message
