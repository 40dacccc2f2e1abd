"""Bad text is cleaned or refused before it reaches a model."""

from __future__ import annotations

from typing import Any

import pytest

from mer_core.media import MAX_CHARACTERS, MediaError, load_text


@pytest.mark.parametrize("text", [None, "", " ", " \n\t\r ", "\u2003\u00a0", "\0\0", "\u2028"])
def test_blank_text_is_none(text: str | None) -> None:
    assert load_text(text) is None


def test_a_hundred_thousand_characters_are_refused_with_a_sentence() -> None:
    with pytest.raises(MediaError) as raised:
        load_text("x" * 100_000)
    assert raised.value.kind == "text_too_long"
    assert "100,000 characters" in raised.value.message
    assert f"at most {MAX_CHARACTERS:,}" in raised.value.message


def test_the_longest_text_is_read() -> None:
    assert load_text("x" * MAX_CHARACTERS) == "x" * MAX_CHARACTERS


@pytest.mark.parametrize("text", [3, b"bytes", ["a"], 1.5])
def test_other_types_are_refused_with_a_sentence(text: Any) -> None:
    with pytest.raises(MediaError) as raised:
        load_text(text)
    assert raised.value.kind == "bad_type"
    assert "must be a string" in raised.value.message


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  I am\n\n so\thappy ", "I am so happy"),
        ("a\0b\x1b[2J", "a b [2J"),
        ("\ud800 lone", "lone"),
        ("👩‍👩‍👧 we", "👩‍👩‍👧 we"),  # joiners hold a family together
        ("żółć, 你好, مرحبا", "żółć, 你好, مرحبا"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_odd_characters(text: str, kept: str) -> None:
    assert load_text(text) == kept
