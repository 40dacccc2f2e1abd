"""The words that were heard, each with how sure it is."""

from __future__ import annotations

from mer_core.demo.panels.heard import UNDERLINED, heard_panel, word_fact
from mer_core.types import Transcript, Word
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY

SURE, UNSURE = Word("won!", 0.4, 0.7, 0.93), Word("the", 0.7, 1.0, 0.31)


def test_each_word_says_how_sure_it_is() -> None:
    assert word_fact(SURE) == "“won!”: 93% sure; said at 0.4 to 0.7 s"
    assert word_fact(UNSURE) == "“the”: 31% sure; said at 0.7 to 1.0 s"
    said = Transcript("won! the", "en", 0.9, (SURE, UNSURE))
    page = Page(heard_panel(said, "English", said.text, translated=False))
    first, second = [attrs for tag, attrs in page.tags if tag == "button"]
    assert first["title"] == first["aria-label"] == word_fact(SURE)
    assert "at-unsure" not in str(first.get("class"))
    assert second["class"] == "at-unsure"
    assert [word["tabindex"] for word in (first, second)] == ["0", "-1"]  # one stop of the Tab key
    assert UNDERLINED in page.text
    assert "Heard in English" in page.text


def test_sure_words_need_no_underline() -> None:
    said = Transcript("won!", "pl", 0.9, (SURE,), "We won!")
    page = Page(heard_panel(said, "Polish", "We won!", translated=True))
    assert UNDERLINED not in page.text
    assert "Heard in Polish, translated to English" in page.text


def test_words_are_text() -> None:
    said = Transcript(NASTY, NASTY, 0.9, (Word(NASTY, 0, 1, 0.9),))
    markup = heard_panel(said, NASTY, NASTY, translated=False)
    assert "<script" not in markup
    assert "<img" not in markup
