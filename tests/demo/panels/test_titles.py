"""Titles in both terms."""

from __future__ import annotations

import pytest

from mer_core.demo import theme
from mer_core.demo.panels.titles import in_both_terms, strategy_name
from mer_core.frameworks.descriptor import DESCRIPTORS, strategy_title
from mer_core.frameworks.variants import Terms
from tests.demo.markup_page import Page


def test_both_titles_are_in_the_markup_and_the_head_shows_one() -> None:
    page = Page(strategy_name("token"))
    assert [attrs["class"] for _, attrs in page.tags] == ["at-plain", "at-papers-term"]
    assert strategy_title("token", Terms.PLAIN) in page.text
    assert strategy_title("token", Terms.PAPERS) in page.text
    for name in ("at-plain", "at-papers-term"):
        assert f".{name}" in theme.head()


def test_one_title_where_both_are_the_same_and_nothing_foreign() -> None:
    assert strategy_name("none") == "No alignment"
    assert "<b>" not in in_both_terms("<b>", "<b>") + in_both_terms("<b>", "x")


@pytest.mark.parametrize("framework", DESCRIPTORS)
def test_every_switch_has_a_plain_title_of_its_own(framework: str) -> None:
    switches = DESCRIPTORS[framework].switches
    plain = [switch.named(Terms.PLAIN) for switch in switches]
    assert len(set(plain)) == len(switches)
    for switch, title in zip(switches, plain, strict=True):
        assert title != switch.named(Terms.PAPERS) == switch.title
    titles = {strategy_title(name) for name in DESCRIPTORS[framework].strategies}
    assert len(titles) == len(DESCRIPTORS[framework].strategies)
