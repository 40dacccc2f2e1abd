"""W2 of emotions between modalities."""

from __future__ import annotations

import numpy as np
import pytest

from mer_core.atlas.analysis.granularity import emotion_distances
from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.distributions import distributions_view
from tests.demo.markup_page import Page


def test_distributions_show_both_matrices_on_one_scale(atlas: Atlas) -> None:
    page = Page(distributions_view(atlas, "token"))
    measured = [emotion_distances(atlas.charts[name].reference) for name in ("none", "token")]
    every = np.concatenate([distances.w2.ravel() for distances in measured])
    for value in every:
        assert f"{value:.2f}" in page.text
    heats = [
        float((a["style"] or "")[7:]) for _, a in page.tags if "--heat" in (a.get("style") or "")
    ]
    assert heats == pytest.approx((every.max() - every) / np.ptp(every), abs=0.006)
    assert f"{measured[0].ratio:.2f} → {measured[1].ratio:.2f}" in page.text
    assert len(Page(distributions_view(atlas, "none")).having(class_="at-distances")) == 1
