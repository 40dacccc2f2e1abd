"""Refitting from a page: two fits in one frame, growing progress, and cancelling."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import numpy as np
import pytest

from mer_core.atlas.clip_id import ClipId
from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.fitting.progress import RefitProgress, RefitStage
from mer_core.atlas.fitting.refit import Refit, RefitJob, Refitted
from mer_core.atlas.maps import MapParams
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.sections import refit_maps as refit_module
from mer_core.demo.sections.refit import ABOUT, build_refit
from mer_core.demo.sections.refit_events import FAILED, NO_ATLAS, RefitHandlers, queued, stored
from mer_core.demo.sections.refit_maps import RefitMaps, refit_maps
from mer_core.demo.sections.refit_status import outcome, progress_bar
from mer_core.frameworks.descriptor import strategy_title
from mer_core.types import Prediction
from tests.atlas.conftest import make_map, make_reference
from tests.demo.clip_ids import recorded
from tests.demo.coroutines import finished
from tests.demo.markup_page import Page

WIDTH = 8
A, B, LATE = recorded("a"), recorded("b"), recorded("late")


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    references = {"none": make_reference(gap=1.5), "all": make_reference(gap=0.2)}
    first = make_map(references["none"])
    charts = {name: Chart(reference, first) for name, reference in references.items()}
    return Atlas("mgcma", charts, {})


@pytest.fixture(scope="module")
def clips() -> list[VisitorClip]:
    """One with both halves, one with words only; each strategy has its own vectors."""
    random = np.random.default_rng(1)

    def judged(*modalities: str) -> dict[str, Prediction]:
        return {
            strategy: Prediction(
                "sad", {}, {},
                embeddings_after={
                    m: random.standard_normal(WIDTH).astype(np.float32) for m in modalities
                },
            )
            for strategy in ("none", "all")
        }  # fmt: skip

    return [
        VisitorClip(A, "A", "mgcma", judged("speech", "text")),
        VisitorClip(B, "B", "mgcma", judged("text")),
    ]


class FakeRefit:
    """Reports three stages per job, and places the visitor's points by their first coordinates."""

    made: ClassVar[list[FakeRefit]] = []

    def __init__(self, jobs: Sequence[RefitJob]) -> None:
        self.jobs = jobs
        self.ended = False
        FakeRefit.made.append(self)

    def __enter__(self) -> FakeRefit:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True

    def __iter__(self) -> Iterator[RefitProgress]:
        for job in range(len(self.jobs)):
            stages = (RefitStage.NEIGHBOURS, RefitStage.LAYOUT, RefitStage.DONE)
            for stage, share in zip(stages, (0.0, 0.6, 1.0), strict=True):
                yield RefitProgress(stage, (job + share) / len(self.jobs), job)

    def result(self) -> tuple[Refitted, ...]:
        return tuple(self._fitted(job) for job in self.jobs)

    def _fitted(self, job: RefitJob) -> Refitted:
        extra = np.zeros((0, 2), np.float32) if job.extra is None else job.extra[:, :2]
        return Refitted(make_map(job.reference), extra)

    def cancel(self) -> None:
        self.ended = True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[FakeRefit]:
    FakeRefit.made = []
    monkeypatch.setattr(refit_module, "Refit", FakeRefit)
    return FakeRefit.made


def collect(steps: Any) -> list[Any]:
    async def run() -> list[Any]:
        return [step async for step in steps]

    return finished(run())


def handlers_of(atlas: Atlas | None, clips: list[VisitorClip]) -> RefitHandlers:
    return RefitHandlers(lambda _: atlas, lambda *_: clips)


def test_the_second_fit_starts_from_the_first(
    atlas: Atlas, clips: list[VisitorClip], fake: list[FakeRefit]
) -> None:
    steps = collect(refit_maps(atlas, "all", MapParams(), clips))
    (run,) = fake
    first, second = run.jobs
    assert first.onto is atlas.charts["none"].map
    assert not first.aligned
    assert isinstance(steps[-1].maps, RefitMaps)
    assert second.onto == 0  # the map that the first one makes
    assert second.aligned
    assert (first.reference, second.reference) == tuple(c.reference for c in atlas.charts.values())
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    sentences = [step.sentence for step in steps]
    assert sentences[0] == "Map before alignment: compiling, finding neighbours"
    assert sentences[3] == "Map after alignment: finding neighbours"
    assert run.ended


def test_every_half_of_every_clip_is_found_again(
    atlas: Atlas, clips: list[VisitorClip], fake: list[FakeRefit]
) -> None:
    maps = collect(refit_maps(atlas, "all", MapParams(), clips))[-1].maps
    assert maps.order == ((A, "speech"), (A, "text"), (B, "text"))
    for strategy in ("none", "all"):
        for clip in clips:
            for modality, place in maps.stars(atlas, clips)[strategy][clip.id].items():
                vector = clip.vector(strategy, modality)
                assert vector is not None
                assert place == pytest.approx(vector[:2])


def test_without_clips_and_for_the_map_before(atlas: Atlas, fake: list[FakeRefit]) -> None:
    steps = collect(refit_maps(atlas, "none", MapParams(), []))
    (run,) = fake
    (job,) = run.jobs
    assert job.extra is None
    maps = steps[-1].maps
    assert maps.before is maps.after
    assert maps.stars(atlas, []) == {"none": {}}
    assert [s.share for s in steps] == [0.0, 0.6, 1.0, 1.0]


def test_later_and_changed_clips_are_placed_on_the_refitted_map(
    atlas: Atlas, clips: list[VisitorClip], fake: list[FakeRefit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: a reference point's own vector is placed where the refit has put that point."""

    def twin(clip_id: ClipId, row: int) -> VisitorClip:
        judged = {
            name: Prediction(
                "sad", {}, {},
                embeddings_after={"text": chart.reference.embeddings["text"][row].astype("f4")},
            )
            for name, chart in atlas.charts.items()
        }  # fmt: skip
        return VisitorClip(clip_id, "", "mgcma", judged)

    lab = twin(A.as_changed(), 4)  # under way while the refit begins
    maps = collect(refit_maps(atlas, "all", MapParams(), [*clips, lab]))[-1].maps
    assert {clip_id for clip_id, _ in maps.order} == {A, B}
    turn = np.array([[0.0, -2.0], [2.0, 0.0]], np.float32)  # nowhere near the stored maps
    maps = replace(
        maps,
        **{
            side: replace(fitted, map=replace(fitted.map, points=fitted.map.points @ turn))
            for side, fitted in (("before", maps.before), ("after", maps.after))
        },
    )
    made: list[object] = []
    placer = refit_module.Placer
    monkeypatch.setattr(refit_module, "Placer", lambda *of: made.append(of) or placer(*of))
    late, again = twin(LATE, 9), twin(A.as_changed(), 17)
    stars = maps.stars(atlas, [late, clips[1], lab])
    assert list(stars) == ["none", "all"]
    for strategy, fitted in (("none", maps.before), ("all", maps.after)):
        assert list(stars[strategy]) == [LATE, B, A.as_changed()]  # and A has been removed
        text = fitted.map.points[60:]
        assert stars[strategy][LATE]["text"] == pytest.approx(text[9], abs=1e-5)
        assert stars[strategy][A.as_changed()]["text"] == pytest.approx(text[4], abs=1e-5)
        assert stars[strategy][B]["text"] == pytest.approx(fitted.extra[2])
        moved = maps.stars(atlas, [again])[strategy]  # the same id, changed otherwise
        assert moved[A.as_changed()]["text"] == pytest.approx(text[17], abs=1e-5)
    assert maps.stars(atlas, [late, clips[1], lab]) == stars
    assert len(made) == 2  # one a map, however often it is drawn


def test_the_sentence_names_what_was_refitted(
    atlas: Atlas, clips: list[VisitorClip], fake: list[FakeRefit]
) -> None:
    """The visitor may have chosen another strategy meanwhile, which shows the stored maps."""
    last = collect(handlers_of(atlas, clips).refit("mgcma", "all", 30, 0.25, "euclidean", 0))[-1]
    text = Page(last["status"]).text
    assert f"Refitted MGCMA ({strategy_title('none')} and {strategy_title('all')}) in 0 s" in text
    assert f"Shown whenever MGCMA and {strategy_title('all')} are chosen" in text
    assert "Clips that you add later, or change in the lab, are placed" in text
    settings = "refitted: 30 neighbours, min_dist 0.25, euclidean"
    assert last["maps"].title == settings
    assert settings.removeprefix("refitted: ") in text
    before = collect(handlers_of(atlas, clips).refit("mgcma", "none", 15, 0.1, "cosine", 7))[-1]
    assert "Refitted MGCMA (No alignment) in" in Page(before["status"]).text
    settings = "refitted: 15 neighbours, min_dist 0.1, cosine, seed 7"
    assert before["maps"].title == settings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 0.1, "cosine", 0), "n_neighbors must be 2 to 200"),
        ((2.5, 0.1, "cosine", 0), "n_neighbors must be a whole number"),
        ((None, 0.1, "cosine", 0), "n_neighbors must be a whole number"),
        ((15, 1.0, "cosine", 0), "min_dist must be in"),
        ((15, float("nan"), "cosine", 0), "min_dist must be in"),
        ((15, None, "cosine", 0), "min_dist must be a number"),
        ((15, 0.1, "<b>", 0), "no metric '<b>'"),
        ((15, 0.1, "cosine", -1), "seed must be 0 to"),
        ((15, 0.1, "cosine", float("inf")), "seed must be a whole number"),
        ((15, 0.1, "cosine", float("nan")), "seed must be a whole number"),
        ((121, 0.1, "cosine", 0), "120 points cannot have 121 neighbours"),
        ((150, 0.1, "cosine", 0), "120 points cannot have 150 neighbours"),
    ],
)
def test_bad_values_are_a_sentence_and_change_nothing(
    atlas: Atlas, clips: list[VisitorClip], fake: list[FakeRefit], values: Any, expected: str
) -> None:
    *_, last = collect(handlers_of(atlas, clips).refit("mgcma", "all", *values))
    page = Page(last["status"])
    assert expected in page.text
    assert page.having(class_="at-refit-bad")
    assert not {"maps", "version"} & last.keys()
    assert not fake


def test_other_failures_are_sentences_too(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = (15, 0.1, "cosine", 0)
    assert NO_ATLAS in collect(handlers_of(None, []).refit("x", "all", *usual))[-1]["status"]
    wrong = collect(handlers_of(atlas, []).refit("mgcma", "<i>", *usual))[-1]["status"]
    assert "no strategy" in Page(wrong).text
    monkeypatch.setattr(refit_module, "Refit", lambda *_: 1 // 0)
    assert FAILED in collect(handlers_of(atlas, []).refit("mgcma", "all", *usual))[-1]["status"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_progress_is_followed_by_the_maps(
    atlas: Atlas, clips: list[VisitorClip], fake: list[FakeRefit]
) -> None:
    answers = collect(handlers_of(atlas, clips).refit("mgcma", "all", 15, 0.1, "cosine", 7))
    *running, last = answers
    now = [
        int(str(attrs["aria-valuenow"]))
        for answer in running
        for attrs in Page(answer["status"]).having(role="progressbar")
    ]
    assert now == sorted(now)
    assert len(now) == len(running) > 3
    assert all("maps" not in answer for answer in running)
    assert isinstance(last["maps"], RefitMaps)
    assert last["maps"].params == MapParams(seed=7)
    assert "seed 7" in Page(last["status"]).text
    other = collect(handlers_of(atlas, clips[:1]).refit("mgcma", "all", 15, 0.1, "cosine", 7))[-1]
    assert last["version"] != other["version"]
    assert stored()["maps"] is None


def test_markup_is_escaped_and_within_bounds() -> None:
    page = Page(progress_bar(1.7, "<b>") + progress_bar(-1, "x") + outcome("<script>", failed=True))
    values = [attrs["aria-valuenow"] for attrs in page.having(role="progressbar")]
    assert values == ["100", "0"]
    assert len(page.having(class_="at-refit-waiting")) == 1
    assert not [tag for tag, _ in page.tags if tag in ("b", "script")]


def test_a_refit_waits_in_its_own_queue(atlas: Atlas) -> None:
    with gr.Blocks() as demo:
        build_refit(handlers_of(atlas, []), gr.State("mgcma"), gr.State("all"))
    ((key, fitting),) = [(key, f) for key, f in demo.fns.items() if f.name == "refit"]
    assert (fitting.concurrency_id, fitting.concurrency_limit) == ("refit", 2)
    assert [f.cancels for f in demo.fns.values() if f.cancels] == [[key]]
    assert "temporary file" in ABOUT
    assert len(fitting.outputs) == 6
    assert queued().keys() == {"status", "refit", "cancel"}
    assert all(f.api_visibility == "private" for f in demo.fns.values())


def workers(parent: int) -> set[int]:
    """Processes of ours that refit."""
    running = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == parent and b"refit_worker" in command:
            running.add(int(entry.name))
    return running


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_cancelled_refit_leaves_no_process(
    atlas: Atlas,
    clips: list[VisitorClip],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """As gradio does it: the task is cancelled, or a visitor who left has it closed."""
    monkeypatch.setattr(refit_module, "Refit", Refit)
    # The test's own: other processes refit in the machine's temporary folder at the same time.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = os.getpid()

    def folders() -> list[Path]:
        return list(tmp_path.glob("attune-refit-*"))

    answers: Any = handlers_of(atlas, clips).refit("mgcma", "all", 15, 0.1, "cosine", 0)

    async def run() -> tuple[set[int], list[Any]]:
        seen = [await anext(answers)]
        started = workers(mine)
        assert folders(), "the refit's folder is not where this test looks"
        if how == "close":
            await answers.aclose()
            return started, seen
        waiting = asyncio.ensure_future(anext(answers))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return started, seen

    started, seen = finished(run())
    assert len(started) == 1
    assert not workers(mine)
    assert not folders()
    assert all("maps" not in answer for answer in seen)


@pytest.mark.slow
def test_a_real_refit_of_both_maps(atlas: Atlas, clips: list[VisitorClip]) -> None:
    steps = collect(refit_maps(atlas, "all", MapParams(n_neighbors=5, seed=2), clips))
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    maps = steps[-1].maps
    assert maps is not None
    for fitted in (maps.before, maps.after):
        assert fitted.map.points.shape == (120, 2)
        assert fitted.map.params.seed == 2
        assert fitted.extra.shape == (3, 2)
        assert np.isfinite(fitted.extra).all()
    centres = [fitted.map.points.mean(axis=0) for fitted in (maps.before, maps.after)]
    np.testing.assert_allclose(*centres, atol=1e-4)  # one frame
    again = collect(refit_maps(atlas, "all", replace(maps.params), clips))[-1].maps
    np.testing.assert_array_equal(again.after.map.points, maps.after.map.points)
