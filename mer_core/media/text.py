"""Typed or pasted text → text that a tokenizer can read."""

from __future__ import annotations

import unicodedata

from mer_core.media.errors import MediaError, MediaErrorKind

MAX_CHARACTERS = 2_000  # a long paragraph, of which the text encoder reads the first tokens


def load_text(text: str | None) -> str | None:
    """The text without control characters and surrounding white space, or None if none is left.

    Raises:
        MediaError: It is not a string, or longer than `MAX_CHARACTERS`.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise MediaError(
            MediaErrorKind.BAD_TYPE, f"The text must be a string, not {type(text).__name__}."
        )
    if len(text) > MAX_CHARACTERS:
        raise MediaError(
            MediaErrorKind.TEXT_TOO_LONG,
            f"The text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are accepted. "
            "Please shorten it to what was said.",
        )
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
    return " ".join(kept.split()) or None


def is_blank(text: str | None) -> bool:
    """Whether no text was given, so that the words may come from a recording."""
    return text is None or (isinstance(text, str) and not text.strip())
