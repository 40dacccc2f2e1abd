"""A small atlas, its ablation, and visitors' clips on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mer_core.atlas.analysis.ablation import Ablation, Cell
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.metric_words import GROUPS
from mer_core.metrics.catalogue import METRICS, RECOGNITION
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.markup_page import Page

NASTY = "</span><script>alert('x')</script>\"&<img src=x onerror=y>"
REASON = "asks for recordings whose modalities belong together"


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    references = {"none": make_reference(gap=3.0), "token": make_reference(gap=0.0, seed=1)}
    return Atlas("mgcma", {n: Chart(r, make_map(r)) for n, r in references.items()}, {})


def clip_of(
    atlas: Atlas,
    row: int,
    name: str = "Clip",
    *halves: str,
    framework: str = "mgcma",
    **fields: Any,
) -> VisitorClip:
    """A clip with the embeddings of one reference pair."""
    predictions = {}
    for strategy, chart in atlas.charts.items():
        own = {m: chart.reference.embeddings[m][row] for m in halves or ("speech", "text")}
        emotion = chart.reference.emotions[chart.reference.labels[row]]
        given = {"by_modality": {}, **fields}
        predictions[strategy] = Prediction(emotion, {}, embeddings_after=own, **given)
    return VisitorClip(f"c{row}", name, framework, predictions)


def cell(mean: float, difference: float, half: float = 0.01, clear: bool = True) -> Cell:
    interval = (difference - half, difference + half)
    return Cell(mean, 0.01, (mean,) * 3, difference, interval, clear)


@pytest.fixture
def ablation() -> Ablation:
    """`on` closes the gap and keeps the rest; natural pairs are missing in both rows."""
    names = [*RECOGNITION, *(name for name in METRICS if not METRICS[name].needs)]
    names += [name for figures in GROUPS.values() for name in figures if "before/" in name]
    greyed = {n: Cell(reason=REASON) for n, metric in METRICS.items() if metric.needs}
    none = {name: cell(0.5, 0.0, 0.0, clear=False) for name in names}
    on = {name: cell(0.5, 0.004, clear=False) for name in names}
    on["modality_gap"] = cell(0.1, -0.4)
    on["uniformity_joint"] = cell(0.3, -0.2)
    on["ece"] = cell(0.6, 0.1)
    about = {
        "title": NASTY, "rows": {"none": {}},
        "protocol": {
            "split": "test", "sets": [NASTY], "seeds": [1, 2, 3], "modalities": ["speech", "text"],
        },
    }  # fmt: skip
    return replace(Ablation.of(about), rows={"none": none | greyed, "on": on | greyed})


def rows_of(page: Page) -> list[str | None]:
    return [attrs["data-figure"] for _, attrs in page.tags if attrs.get("data-figure")]


def pictures(page: Page) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in page.tags if tag == "img"]
