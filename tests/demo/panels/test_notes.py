"""Headers, notices and placeholders hold what they must."""

from __future__ import annotations

from typing import Any

import pytest

from mer_core.demo.build import PAGES
from mer_core.demo.panels import notes
from tests.demo.markup_page import Page

RECORDING = [page for page in PAGES if isinstance(page.texts, notes.RecordingTexts)]


def test_only_the_atlas_opens_no_microphone() -> None:
    assert {page.title for page in PAGES} - {page.title for page in RECORDING} == {
        "Alignment atlas"
    }


@pytest.mark.parametrize("page", RECORDING, ids=lambda page: page.title)
def test_notes_are_well_formed_and_hold_what_they_must(page: Any) -> None:
    for state in ("waiting", "loading", "ready", "failed"):
        assert "Ready <x>" in Page(notes.header("Ready <x>", state, "Which <y>?")).text
    text = Page(notes.notice(10, page.texts)).text
    for words in ("emotion recognition system", "10 minutes", "Not at work or in education"):
        assert words in text
    assert page.texts.judged in text
    assert "analysed at once" in Page(notes.empty(page.texts)).text
    assert Page(notes.working("Analysing…")).having(aria_busy="true")
    assert notes.hint("") == ""
    Page(notes.footer(page.texts))
