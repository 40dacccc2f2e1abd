"""The list of largest movers."""

from __future__ import annotations

from mer_core.atlas.analysis.movers import Mover
from mer_core.atlas.analysis.neighbours import Surroundings
from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.movers import movers_list
from tests.demo.clip_ids import recorded
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY

WORDS, VOICES = Surroundings("angry", 1.0, ("text",)), Surroundings("angry", 0.8, ("speech",))
MIXED = Surroundings("sad", 0.4, ("text", "speech"))


def buttons(page: Page) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in page.tags if tag == "button"]


def test_every_mover_is_a_button_that_names_its_point_or_half(atlas: Atlas) -> None:
    reference = atlas.charts["none"].reference
    clip = recorded("c1")
    movers = (
        Mover("text", 0.4, MIXED, VOICES, clip=clip),
        Mover("text", 1.0, WORDS, VOICES, point=len(reference) + 16),
    )
    page = Page(movers_list(reference, movers, {clip: NASTY}))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img")]
    own, point = buttons(page)
    assert (own["data-clip"], own["data-half"]) == (str(clip), "text")
    assert point["data-point"] == str(len(reference) + 16)
    assert "Happy words" in page.text  # row 16 of 15 an emotion
    assert "from words and voices of mixed emotions to angry voices" in page.text
    assert "from angry words to angry voices" in page.text
    assert "40% of neighbours new" in page.text


def test_company_of_the_same_description_is_not_called_a_way(atlas: Atlas) -> None:
    mover = Mover("text", 0.3, WORDS, WORDS, point=1)
    page = Page(movers_list(atlas.charts["none"].reference, (mover,), {}))
    assert "still near angry words" in page.text


def test_without_movers_a_sentence_says_so(atlas: Atlas) -> None:
    page = Page(movers_list(atlas.charts["none"].reference, (), {}))
    assert not buttons(page)
    assert "nothing moved" in page.text
