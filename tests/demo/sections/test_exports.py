"""Downloaded maps: whose clips are on them, under which number, from which maps."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.export.captions import describe_refit, origin
from mer_core.atlas.export.figures import draw
from mer_core.atlas.fitting.refit import Refitted
from mer_core.atlas.maps import MapParams
from mer_core.atlas.visitor import VisitorClip, stars
from mer_core.demo.components import atlas_map
from mer_core.demo.sections import exports
from mer_core.demo.sections.refit_maps import RefitMaps
from mer_core.frameworks.descriptor import strategy_title
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded

STRATEGIES = ("none", "token", "sharp")


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    references = {name: make_reference(seed=seed) for seed, name in enumerate(STRATEGIES)}
    return Atlas("mgcma", {n: Chart(r, make_map(r)) for n, r in references.items()}, {})


def clip(number: int, changed: bool = False) -> VisitorClip:
    random = np.random.default_rng(number)
    judged = {
        name: Prediction(
            "sad", {}, {}, embeddings_after={"speech": random.normal(size=8).astype(np.float32)}
        )
        for name in STRATEGIES
    }
    clip_id = recorded(f"c{number}", changed=changed)
    return VisitorClip(clip_id, f"Clip {number}", "mgcma", judged, number=number)


@pytest.fixture
def refit(atlas: Atlas) -> RefitMaps:
    """Of `token`, with Clip 2 alone; the maps are those of other strategies."""
    params = MapParams(30)
    sharp, none = (replace(atlas.charts[name].map, params=params) for name in ("sharp", "none"))
    before = Refitted(sharp, np.array([[0.1, 0.2]], np.float32))
    after = Refitted(none, np.array([[0.5, 0.25]], np.float32))
    return RefitMaps("mgcma", "token", params, before, after, ((recorded("c2"), "speech"),))


def test_figures_and_page_number_clips_alike(atlas: Atlas) -> None:
    left = [clip(2), clip(3), clip(12)]  # Clip 1 has been removed
    page = atlas_map.view("token", left, stars(atlas, left))
    figure = draw(exports.plotted(atlas, "token", left, all_strategies=False))
    for panel in figure.axes:
        labels = [text.get_text() for text in panel.texts]
        assert labels == [visitor["number"] for visitor in page["visitors"]] == ["2", "3", "12"]


@pytest.mark.parametrize("refitted", [False, True])
@pytest.mark.parametrize("everything", [False, True])
def test_a_changed_clip_is_shown_with_what_it_was(
    atlas: Atlas, refit: RefitMaps, everything: bool, refitted: bool
) -> None:
    before = clip(2)
    after = replace(clip(7), id=before.id.as_changed(), origin=before, number=2)
    chosen = refit if refitted else None
    for one in exports.plotted(atlas, "token", [before, after], everything, chosen):
        original, changed = one.visitors
        assert (original.label, changed.label) == ("2", "2′")
        assert changed.origin == original.places
        assert changed.places != original.places
        assert original.origin == {}


def test_pinned_strategies_are_side_by_side(atlas: Atlas, refit: RefitMaps) -> None:
    left, right = exports.plotted(atlas, "token", [], False, left="sharp")
    assert (left.strategy, right.strategy) == ("sharp", "token")
    assert exports.file_name("png", [left, right], False) == "attune-sharp-token.png"
    titles = [axes.get_title() for axes in draw([left, right]).axes]
    assert titles == [strategy_title("sharp"), strategy_title("token")]
    swapped = exports.plotted(atlas, "sharp", [], False, refit, left="token")
    assert [one.refitted for one in swapped] == [True, False]  # the stored map of the other one
    titles = [axes.get_title() for axes in draw(swapped).axes]
    assert titles == [
        f"{strategy_title('token')}\n{describe_refit(refit.params)}",
        strategy_title("sharp"),
    ]


def test_every_clip_is_on_refitted_maps(atlas: Atlas, refit: RefitMaps) -> None:
    clips = [clip(2), clip(3)]
    before, after = exports.plotted(atlas, "token", clips, all_strategies=False, refit=refit)
    assert (before.map, after.map) == (refit.before.map, refit.after.map)
    fitted, late = after.visitors
    assert fitted.places == {"speech": (0.5, 0.25)}
    vector = clips[1].vector("token", "speech")
    assert vector is not None
    chart = Chart(atlas.charts["token"].reference, refit.after.map)
    assert late.places["speech"] == pytest.approx(chart.placer.place(vector[None])[0])
    assert before.refitted
    assert after.refitted
    assert {origin(one) for one in (before, after)} == {describe_refit(refit.params)}


def test_all_strategies_are_the_stored_maps(atlas: Atlas, refit: RefitMaps) -> None:
    shown = exports.plotted(atlas, "token", [clip(2)], all_strategies=True, refit=refit)
    assert [one.map for one in shown] == [chart.map for chart in atlas.charts.values()]
    assert not any(one.refitted for one in shown)
    assert "All strategies together are always drawn from the stored maps" in exports.NOTE


@pytest.mark.parametrize(
    ("everything", "refitted", "name"),
    [
        (False, False, "attune-token.png"),
        (False, True, "attune-token-refit.png"),
        (True, False, "attune-all.png"),
        (True, True, "attune-all.png"),
    ],
)
def test_a_file_name_marks_a_refit(
    atlas: Atlas, refit: RefitMaps, everything: bool, refitted: bool, name: str
) -> None:
    shown = exports.plotted(atlas, "token", [], everything, refit if refitted else None)
    assert exports.file_name("png", shown, everything) == name


def test_only_a_file_that_was_written_is_downloaded() -> None:
    """What follows a failure would hand out the file before it."""
    with gr.Blocks() as demo:
        states = [gr.State("mgcma"), gr.State("token"), gr.State("none"), gr.State(None)]
        exports.build(lambda *_: [], states)
    functions = list(demo.fns.values())
    writers = {key for key, f in demo.fns.items() if f.name == "write"}
    follow = [f for f in functions if f.js == exports.FOLLOW]
    assert len(follow) == len(writers) == 5
    assert {f.trigger_after for f in follow} == writers
    assert all(f.trigger_only_on_success for f in follow)


def test_the_note_says_how_long_a_file_is_stored() -> None:
    """Oracle: the page's own sweeping of its cache, at its slowest."""
    from mer_core.demo import build

    minutes = re.search(r"up to (\w+) minutes", exports.NOTE)
    assert minutes is not None
    numbers: dict[str, Any] = {"ten": 10}
    longest = (build.KEPT_MINUTES - 2) * 60 + build.SWEEP_SECONDS
    assert longest <= numbers[minutes[1]] * 60
