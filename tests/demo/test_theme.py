from __future__ import annotations

import re

import pytest

from mer_core.demo import theme
from mer_core.emotions import FOUR, SPEECH


def test_contrast_of_known_pairs() -> None:
    assert theme.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert theme.contrast("#123456", "#123456") == 1


def test_every_emotion_has_its_own_colour() -> None:
    assert set(FOUR) | set(SPEECH) <= set(theme.EMOTION_COLOURS)
    assert len(set(theme.EMOTION_COLOURS.values())) == len(theme.EMOTION_COLOURS)


@pytest.mark.parametrize("card", [theme.LIGHT_CARD, theme.DARK_CARD])
@pytest.mark.parametrize("name", sorted(theme.EMOTION_COLOURS))
def test_inks_read_on_their_card(name: str, card: str) -> None:
    assert theme.contrast(theme.ink(theme.EMOTION_COLOURS[name], card), card) >= theme.READABLE


def test_colours_reach_the_style_sheet_for_both_modes() -> None:
    sheet = theme.css()
    assert sheet.count("--emotion-angry:") == 2
    assert ".dark" in sheet
    assert "prefers-reduced-motion" in sheet
    assert ":focus-visible" in sheet


def test_colours_of_emotions_are_defined_once() -> None:
    style = (theme.STATIC / "style.css").read_text("utf-8").upper()
    assert not [c for c in theme.EMOTION_COLOURS.values() if c in style]


def test_nothing_is_loaded_from_elsewhere() -> None:
    files = [theme.css(), theme.head(), (theme.STATIC / "favicon.svg").read_text("utf-8")]
    for content in files:
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", content)
        assert set(found) <= {"http://www.w3.org"}
    sheets = getattr(theme.build_theme(), "_stylesheets", None)
    assert sheets is not None, "gradio's themes name their style sheets elsewhere than _stylesheets"
    assert not [sheet for sheet in sheets if str(sheet).startswith("http")]
