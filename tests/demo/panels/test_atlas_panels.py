"""Panels beside the map: parsed, not compared as text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.analysis.ablation import Ablation, Cell
from mer_core.atlas.analysis.granularity import emotion_distances
from mer_core.atlas.analysis.neighbours import Apart, Movement, Surroundings, nearest
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.granularity import distributions_view, instances_view
from mer_core.demo.panels.interval import interval_plot, verdict_mark
from mer_core.demo.panels.metric_words import GROUPS, HEADLINE, INSTEAD, MEANINGS, RECOGNITION
from mer_core.demo.panels.neighbours import movement_sentence, neighbours_panel
from mer_core.demo.panels.own_pairs import chance, own_pairs
from mer_core.demo.panels.strategy_metrics import metrics_table
from mer_core.demo.panels.tokens import tokens_view
from mer_core.metrics.report import METRICS
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.markup_page import Page

NASTY = "</span><script>alert('x')</script>\"&<img src=x onerror=y>"
REASON = "asks for recordings whose modalities belong together"


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    references = {"none": make_reference(gap=3.0), "token": make_reference(gap=0.0, seed=1)}
    return Atlas("mgcma", {n: Chart(r, make_map(r)) for n, r in references.items()}, {})


def clip_of(atlas: Atlas, row: int, name: str = "Clip", *halves: str, **fields: Any) -> VisitorClip:
    """A clip that lies where a pair of the reference does."""
    predictions = {}
    for strategy, chart in atlas.charts.items():
        own = {m: chart.reference.embeddings[m][row] for m in halves or ("speech", "text")}
        emotion = chart.reference.emotions[chart.reference.labels[row]]
        predictions[strategy] = Prediction(emotion, {}, {}, embeddings_after=own, **fields)
    return VisitorClip(f"c{row}", name, "mgcma", predictions)


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


def test_headline_metrics_come_first_and_the_rest_unfolds(ablation: Ablation) -> None:
    markup = metrics_table(ablation, "on")
    page = Page(markup)
    assert rows_of(page)[: len(HEADLINE)] == list(HEADLINE)
    folded = markup.index("<details")
    assert all(markup.index(f'data-figure="{name}"') < folded for name in HEADLINE)
    assert markup.index('data-figure="macro_f1"') > folded
    assert "P@5 voice→words" in page.text
    assert "python -m train ablate" in page.text
    assert "seeds 1, 2, 3" in page.text
    assert "<script" not in markup


def test_every_metric_has_a_meaning_and_every_figure_a_place() -> None:
    shown = {*HEADLINE, *(name for figures in GROUPS.values() for name in figures)}
    greyed = {name for name, metric in METRICS.items() if "pair" in metric.needs}
    assert {*METRICS, *RECOGNITION} == {n for n in shown if "before/" not in n} | greyed
    assert set(MEANINGS) == {*METRICS, *RECOGNITION}
    assert set(INSTEAD) < greyed
    assert set(INSTEAD.values()) < shown


def test_what_needs_natural_pairs_is_greyed_out_with_its_reason(ablation: Ablation) -> None:
    page = Page(metrics_table(ablation, "on"))
    assert f"Not computed: {REASON}." in page.text
    assert "R@1 → P@1, same emotion" in page.text
    assert "recall_at_1" not in rows_of(page)


def test_natural_pairs_are_shown_where_they_were_measured(ablation: Ablation) -> None:
    rows = {n: {**row, "mrr": cell(0.4, 0.0, 0.0)} for n, row in ablation.rows.items()}
    assert "mrr" in rows_of(Page(metrics_table(replace(ablation, rows=rows), "on")))


def test_marks_say_better_worse_and_not_clear_in_words(ablation: Ablation) -> None:
    markup = metrics_table(ablation, "on")
    said = {
        name: re.search(r"at-mark at-(\w+)", markup.split(f'data-figure="{name}"')[1])
        for name in ("modality_gap", "ece", "unweighted_accuracy", "uniformity_joint")
    }
    assert [found and found[1] for found in said.values()] == [
        "better", "worse", "unclear", "changed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "better", "expected"),
    [
        (0.1, "higher", "better"),
        (-0.1, "higher", "worse"),
        (-0.1, "lower", "better"),
        (0.1, "", "changed"),
    ],
)
def test_direction_follows_the_metric(difference: float, better: str, expected: str) -> None:
    assert verdict_mark(cell(0.5, difference), better)[1] == expected
    assert verdict_mark(cell(0.5, difference, clear=False), better)[1] == "not clear"
    assert verdict_mark(replace(cell(0.5, difference), interval=None), better)[1] == "no interval"


def test_the_interval_is_drawn_to_scale_around_zero() -> None:
    drawn = Page(interval_plot(cell(0.5, -0.2, 0.1), "worse"))
    (bar,) = drawn.having(class_="at-range")
    left, width = float(bar["x"] or 0), float(bar["width"] or 0)
    # The farthest end, −0.3, is 1 / 1.1 of the way from the middle to the left edge.
    assert left == pytest.approx(50 - 50 / 1.1, abs=0.01)
    assert width == pytest.approx(50 * (0.2 / 0.3) / 1.1, abs=0.01)
    (dot,) = drawn.having(class_="at-point")
    assert float(dot["x1"] or 0) == pytest.approx(left + width / 2, abs=0.01)


def test_collapse_is_warned_of_above_the_table(ablation: Ablation) -> None:
    figures = {name: cell(-0.1, 1.2) for name in ("uniformity_joint", "uniformity_x")}
    rows = {**ablation.rows, "on": {**ablation.rows["on"], **figures}}
    markup = metrics_table(replace(ablation, rows=rows), "on")
    assert markup.index("The clouds shrank") < markup.index("<table")
    assert "at-severe" in markup
    assert "at-severe" not in metrics_table(ablation, "on")


def test_none_shows_values_alone_and_the_unmeasured_a_sentence(ablation: Ablation) -> None:
    assert "at-interval" not in metrics_table(ablation, "none")
    missing = Page(metrics_table(ablation, NASTY))
    assert "was not part of the ablation" in missing.text
    assert not missing.having(class_="at-figures")


CALM = Surroundings("angry", 0.8, ("speech",))


def test_the_sentence_tells_what_moved() -> None:
    after = Surroundings("angry", 0.9, ("text", "speech"))
    found = Movement({"speech": (CALM, after), "text": (CALM, CALM)}, (
        Apart(0.92, 0.12), Apart(0.31, 0.8),
    ))  # fmt: skip
    assert movement_sentence(found, "token") == (
        "Your voice moved from among angry voices to among angry words and voices. "
        "Your words stay among angry voices. "
        "Your voice and your words now lie closer together (cosine distance 0.92 → 0.31; closer "
        "than 80% of pairs of one emotion, before: 12%)."
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Apart(0.9, 0.5), Apart(0.2, 0.1), "but other pairs of one emotion came closer still"),
        (Apart(0.2, 0.5), Apart(0.9, 0.1), "now lie further apart (cosine"),
        (Apart(0.2, 0.5), Apart(0.9, 0.8), "further apart, but less so than other pairs"),
        (Apart(0.2, 0.5), Apart(0.2, 0.5), "keep their distance"),
    ],
)
def test_distances_of_two_spaces_are_compared_by_rank(
    before: Apart, after: Apart, said: str
) -> None:
    stages = {"audio": (CALM, CALM), "video": (CALM, CALM)}
    assert said in movement_sentence(Movement(stages, (before, after)), "avel")


def test_mixed_neighbours_are_called_mixed_and_none_has_no_movement() -> None:
    mixed = Surroundings("angry", 0.4, ("speech", "text"))
    alone = Movement({"speech": (mixed, mixed)}, None)
    assert movement_sentence(alone, "token") == (
        "Your voice stays among voices and words of mixed emotions."
    )
    assert movement_sentence(Movement({"text": (CALM, CALM)}, None), "none") == (
        "Without alignment, your words lie among angry voices."
    )


def test_neighbours_are_listed_before_and_after_the_latest_clip_first(atlas: Atlas) -> None:
    clips = [clip_of(atlas, 3, "first"), clip_of(atlas, 20, NASTY, "speech")]
    markup = neighbours_panel(atlas, "token", clips)
    page = Page(markup)
    assert [a["data-clip"] for _, a in page.tags if a.get("data-clip")] == ["c20", "c3"]
    assert len(page.having(class_="at-nearest")) == 1 + 2
    assert markup.count('<details class="at-details" open>') == 1
    assert "<script" not in markup
    own = atlas.charts["token"].reference
    third = nearest(own, own.embeddings["speech"][20])[2]
    noun = {"speech": "voice", "text": "words"}[third.modality]
    assert f"{third.emotion} {noun} {third.corpus}, {third.distance:.2f}" in page.text
    assert len(Page(neighbours_panel(atlas, "none", clips)).having(class_="at-nearest")) == 3
    assert "No clip of yours" in Page(neighbours_panel(atlas, "token", [])).text


def test_own_pairs_wait_for_three_clips_with_both_halves(atlas: Atlas) -> None:
    two = [clip_of(atlas, row) for row in (0, 20)] + [clip_of(atlas, 40, "half", "speech")]
    page = Page(own_pairs(two, "token"))
    assert page.having(class_="at-waiting")
    assert "there are only 2. Analyse 1 more" in page.text
    assert "there is only 1" in Page(own_pairs(two[:1], "token")).text
    assert "there are none yet" in Page(own_pairs([], "token")).text


def test_own_pairs_are_measured_with_their_number_said(atlas: Atlas) -> None:
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
        "1.00", "1.00", "0.33", "1.00", "1.00", "0.61", "0.00", "0.00", "0.50", "1.00", "1.00", "—",
    ]  # fmt: skip
    six = [clip_of(atlas, row) for row in range(0, 60, 10)]
    assert "recall_at_5" in rows_of(Page(own_pairs(six, "token")))
    assert "After" not in Page(own_pairs(six, "none")).text


def test_equal_clips_are_said_to_say_nothing(atlas: Atlas) -> None:
    page = Page(own_pairs([clip_of(atlas, 5)] * 3, "token"))
    assert page.having(class_="at-waiting")
    assert rows_of(page) == []
    assert "at least 3 different clips with both halves, and there is only 1." in page.text
    assert "2 of your clips are left out" in page.text
    assert "equal clips say nothing" in page.text
    assert "Analyse 2 more" in page.text
    clips = [clip_of(atlas, row) for row in (0, 20, 40)]
    once, more = own_pairs(clips, "token"), own_pairs([*clips, clips[1]], "token")
    assert "equal clips" not in once
    assert "1 of your clips is left out" in Page(more).text
    assert "n = 3, which is tiny" in Page(more).text
    cells = re.compile(r'at-number">([^<]+)<')
    assert cells.findall(more) == cells.findall(once)


def test_chance_is_what_shuffled_ranks_get() -> None:
    ranks = np.random.default_rng(0).integers(1, 8, 200_000)
    assert chance("recall_at_1", 7) == pytest.approx((ranks == 1).mean(), abs=0.005)
    assert chance("recall_at_5", 7) == pytest.approx((ranks <= 5).mean(), abs=0.005)
    assert chance("mrr", 7) == pytest.approx((1 / ranks).mean(), abs=0.005)


def test_distributions_show_both_matrices_on_one_scale(atlas: Atlas) -> None:
    page = Page(distributions_view(atlas, "token"))
    found = [emotion_distances(atlas.charts[name].reference) for name in ("none", "token")]
    every = np.concatenate([distances.w2.ravel() for distances in found])
    for value in every:
        assert f"{value:.2f}" in page.text
    heats = [
        float((a["style"] or "")[7:]) for _, a in page.tags if "--heat" in (a.get("style") or "")
    ]
    assert heats == pytest.approx((every.max() - every) / np.ptp(every), abs=0.006)
    assert f"{found[0].ratio:.2f} → {found[1].ratio:.2f}" in page.text
    assert len(Page(distributions_view(atlas, "none")).having(class_="at-distances")) == 1


def test_instances_show_every_pair_once_with_stars_at_visitors(atlas: Atlas) -> None:
    clips = [clip_of(atlas, 3, NASTY), clip_of(atlas, 50, "half", "text")]
    markup = instances_view(atlas, "token", clips, [0, 20, 40])
    page = Page(markup)
    assert sum("fill-opacity" in attrs for _, attrs in page.tags) == 2 * 4 * 4
    assert len(page.having(class_="at-star")) == 2 * 2
    assert "<script" not in markup
    assert "<img" not in markup
    assert "look at blocks" in page.text
    described = [a["aria-label"] for a in page.having(class_="at-similarity")]
    assert all("Mean cosine: same emotion" in (text or "") for text in described)
    vectors = [atlas.charts[n].reference.embeddings for n in ("none", "token")]
    for own in vectors:
        cosine = own["speech"][3] @ own["text"][3]
        cosine /= np.linalg.norm(own["speech"][3]) * np.linalg.norm(own["text"][3])
        assert f"{cosine:.2f}".replace("-", "−") in page.text.split("Cosine of your own")[1]
    assert len(Page(instances_view(atlas, "none", [])).having(class_="at-similarity")) == 1


def test_tokens_show_words_over_time_or_say_why_not(atlas: Atlas, agreeing: Prediction) -> None:
    clip = clip_of(atlas, 3, NASTY, attention=agreeing.attention, duration=2.0)
    page = Page(tokens_view(clip, "token"))
    assert len(page.having(class_="at-row")) == 3
    assert "Analyse a clip" in tokens_view(None, "token")
    assert "no token alignment" in tokens_view(clip_of(atlas, 3), "none")
    assert "one half only" in tokens_view(clip_of(atlas, 3, "half", "text"), "none")


def test_tokens_of_a_video_are_time_over_time(atlas: Atlas, watched: Prediction) -> None:
    clip = clip_of(atlas, 3, "clip", cross_attention=watched.cross_attention, duration=4.0)
    page = Page(tokens_view(clip, "none"))
    assert "Rows: voice, across: face" in page.text
    assert len(page.having(class_="at-grid")) == 2
