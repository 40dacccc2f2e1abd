"""Metrics of the visitor's own pairs."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.own_pairs import own_pairs
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import clip_of, rows_of


def test_own_pairs_wait_for_three_clips_with_both_halves(atlas: Atlas) -> None:
    two = [clip_of(atlas, row) for row in (0, 20)] + [clip_of(atlas, 40, "half", "speech")]
    page = Page(own_pairs(two, "token"))
    assert page.having(class_="at-waiting")
    assert "there are only 2. Analyse 1 more" in page.text
    assert "there is only 1" in Page(own_pairs(two[:1], "token")).text
    assert "there are none yet" in Page(own_pairs([], "token")).text


def test_own_pairs_are_measured_and_their_number_is_shown(atlas: Atlas) -> None:
    clips = [clip_of(atlas, row) for row in (0, 20, 40)]
    page = Page(own_pairs(clips, "token"))
    assert "n = 3, which is tiny" in page.text
    assert rows_of(page) == ["recall_at_1", "mrr", "foscttm", "linear_cka"]
    perfect = [
        replace(
            clip,
            predictions={
                name: replace(p, embeddings_after=dict.fromkeys(("speech", "text"), one))
                for name, p in clip.predictions.items()
                for one in [np.eye(8, dtype=np.float32)[i]]
            },
        )
        for i, clip in enumerate(clips)
    ]
    cells = re.findall(r'at-number">([^<]+)<', own_pairs(perfect, "token"))
    assert cells == [
        "1.00", "1.00", "0.33", "1.00", "1.00", "0.61",
        "0.00", "0.00", "0.50", "1.00", "1.00", "1.00",
    ]  # fmt: skip
    six = [clip_of(atlas, row) for row in range(0, 60, 10)]
    assert "recall_at_5" in rows_of(Page(own_pairs(six, "token")))
    assert "After" not in Page(own_pairs(six, "none")).text


def test_equal_clips_are_left_out(atlas: Atlas) -> None:
    page = Page(own_pairs([clip_of(atlas, 5)] * 3, "token"))
    assert page.having(class_="at-waiting")
    assert rows_of(page) == []
    assert "at least 3 different clips with both halves" in page.text
    assert "there is only 1." in page.text
    assert "2 of your clips are left out" in page.text
    assert "halves of equal clips" in page.text
    assert "Analyse 2 more" in page.text
    clips = [clip_of(atlas, row) for row in (0, 20, 40)]
    once, more = own_pairs(clips, "token"), own_pairs([*clips, clips[1]], "token")
    assert "left out" not in once
    assert "1 of your clips is left out" in Page(more).text
    assert "n = 3, which is tiny" in Page(more).text
    cells = re.compile(r'at-number">([^<]+)<')
    assert cells.findall(more) == cells.findall(once)
