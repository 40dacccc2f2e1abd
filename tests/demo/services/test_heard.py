"""What the page holds of heard words, and where the words in the box come from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mer_core.demo.services.heard import Asked, Heard, Origin, Step, clip_key, origin
from mer_core.types import Transcript, Word

SAID = Transcript("We won today, I think.", "en", 0.9, (Word("We", 0.1, 0.3, 0.8),))
HEARD = Heard(clip_key("a.wav"), Step.SHOWN, SAID)


def test_the_page_gives_back_what_it_was_given() -> None:
    for heard in (HEARD, Heard("", Step.WRITTEN), replace(HEARD, translated=True, message="No.")):
        assert Heard.from_json(json.loads(json.dumps(heard.to_json()))) == heard


@pytest.mark.parametrize(
    "value",
    [
        None, "", [], {}, {"step": "shown"}, {**HEARD.to_json(), "step": "gone"},
        {**HEARD.to_json(), "transcript": {"text": "alone"}}, {**HEARD.to_json(), "more": 1},
        {**HEARD.to_json(), "transcript": 3},
    ],
)  # fmt: skip
def test_anything_else_is_nothing(value: Any) -> None:
    assert Heard.from_json(value) is None
    assert Asked.from_json(value, HEARD.clip) is None


def test_a_question_is_of_one_recording() -> None:
    asked = Asked(HEARD.clip, "We won", Origin.TYPED)
    stored = json.loads(json.dumps(asked.to_json()))
    assert Asked.from_json(stored, asked.clip) == asked
    assert Asked.from_json(stored, clip_key("b.wav")) is None
    assert Asked.from_json(Asked("").to_json(), "") is None


def test_another_recordings_words_are_nothing() -> None:
    assert Heard.from_json(HEARD.to_json(), clip_key("a.wav")) == HEARD
    assert Heard.from_json(HEARD.to_json(), clip_key("b.wav")) is None
    assert "a.wav" not in clip_key("a.wav")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (None, Origin.NONE),
        ("  ", Origin.NONE),
        ("We won today,\nI think.", Origin.HEARD),
        ("We won yesterday, I think.", Origin.EDITED),
        ("Leave me alone", Origin.TYPED),
    ],
)
def test_where_words_come_from(words: str | None, expected: Origin) -> None:
    assert origin(words, HEARD) is expected
    own = replace(HEARD, origin=Origin.TYPED)  # they were typed, and placed in time
    alone = Origin.NONE if expected is Origin.NONE else Origin.TYPED
    assert origin(words, None) is origin(words, own) is alone


def test_a_translation_is_english() -> None:
    polish = Heard("", Step.SHOWN, Transcript("Wygraliśmy", "pl", 0.9, (), "We won"))
    assert (polish.text, polish.language, polish.is_foreign) == ("Wygraliśmy", "pl", True)
    english = replace(polish, translated=True)
    assert (english.text, english.language, english.is_foreign) == ("We won", "en", False)
