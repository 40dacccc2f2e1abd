"""The one error that input can cause."""

from __future__ import annotations


class MediaError(ValueError):
    """Input that cannot be analysed, in words a visitor understands.

    Attributes:
        kind: Short stable name for programs, such as `too_long`.
        message: What was wrong and what is accepted; one or two sentences.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
