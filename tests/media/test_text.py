"""Typed text is cleaned and limited."""

from __future__ import annotations

import pytest

from mer_core.media import MAX_CHARACTERS, MediaError, load_text


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        (None, None),
        ("", None),
        (" \t\n\u00a0\u2003", None),
        ("\x00\x07\x1b", None),
        ("  I am\n\n so\thappy ", "I am so happy"),
        ("a\x00b\u2028c\ud800d", "a b c d"),
        ("😡 שלום 你好", "😡 שלום 你好"),
        ("cafe\u0301", "cafe\u0301"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ],
)
def test_load_text(text: str | None, loaded: str | None) -> None:
    assert load_text(text) == loaded
    assert loaded is None or load_text(loaded) == loaded


def test_long_text_is_refused() -> None:
    assert load_text("a" * MAX_CHARACTERS) == "a" * MAX_CHARACTERS
    with pytest.raises(MediaError, match=r"100,000 characters; at most 2,000") as caught:
        load_text("a" * 100_000)
    assert caught.value.kind == "text_too_long"


@pytest.mark.parametrize("text", [5, b"bytes", ["a"], object()])
def test_other_types_are_refused(text: object) -> None:
    with pytest.raises(MediaError, match="must be a string") as caught:
        load_text(text)  # type: ignore[arg-type]
    assert caught.value.kind == "bad_type"
