"""Similarity matrices of single pairs."""

from __future__ import annotations

import numpy as np

from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.instances import instances_view
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, clip_of


def test_instances_show_every_pair_once_with_stars_for_visitors(atlas: Atlas) -> None:
    clips = [clip_of(atlas, 3, NASTY), clip_of(atlas, 50, "half", "text")]
    markup = instances_view(atlas, "token", clips, [0, 20, 40])
    page = Page(markup)
    assert sum("fill-opacity" in attrs for _, attrs in page.tags) == 2 * 4 * 4
    assert len(page.having(class_="at-star")) == 2 * 2
    assert "<script" not in markup
    assert "<img" not in markup
    assert "compare blocks" in page.text
    described = [a["aria-label"] for a in page.having(class_="at-similarity")]
    assert all("Mean cosine: same emotion" in (text or "") for text in described)
    own_cosines = page.text.split("Cosine similarity of your own")[1]
    vectors = [atlas.charts[n].reference.embeddings for n in ("none", "token")]
    for own in vectors:
        cosine = own["speech"][3] @ own["text"][3]
        cosine /= np.linalg.norm(own["speech"][3]) * np.linalg.norm(own["text"][3])
        assert f"{cosine:.2f}".replace("-", "−") in own_cosines
    assert len(Page(instances_view(atlas, "none", [])).having(class_="at-similarity")) == 1
