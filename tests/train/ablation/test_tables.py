"""Differences between strategies: paired by replicate, and clear only if the seeds agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train.ablation.tables import SECTIONS, _text, markdown, summarise


def test_differences_are_taken_replicate_by_replicate() -> None:
    def result(seed: int, value: float, rows: list[float]) -> dict[str, Any]:
        return {
            "seed": seed, "modalities": ["speech", "text"], "sets": {"paired/a×b": {}},
            "speakers": {"paired/a×b": 2},
            "figures": {"ece": value}, "nulls": {"ece": 0.4}, "reasons": {},
            "replicates": {"ece": rows},
        }  # fmt: skip

    noise = list(np.random.default_rng(0).normal(0, 5, 100))  # shared by both: it cancels
    base = [result(s, 0.2, [v + 0.2 for v in noise]) for s in (1, 2)]
    ours = [result(s, 0.5 + s / 10, [v + 0.5 + s / 10 for v in noise]) for s in (1, 2)]
    summary = summarise({"none": base, "x": ours}, "t", reference="none", split="test")
    cell = summary["rows"]["x"]["ece"]
    assert cell["mean"] == pytest.approx(0.65)
    assert cell["std"] == pytest.approx(np.std([0.6, 0.7], ddof=1))
    assert cell["difference"] == pytest.approx(0.45)
    assert cell["difference_95"] == pytest.approx([0.45, 0.45])
    assert cell["clear"]
    assert "**+0.450 [+0.450, +0.450]**" in "".join(_cells(summary, "x"))


@pytest.mark.parametrize(
    ("ours", "rows", "clear"),
    [
        ((0.5, 0.6), (0.2, 0.4), True),
        ((0.5, 0.3), (0.1, 0.3), False),  # the seeds overlap
        ((0.5, 0.6), (-0.1, 0.4), False),  # 0 is within the interval
        ((0.5,), (0.2, 0.4), False),  # one seed does not show the spread over seeds
    ],
)
def test_clear_differences_also_compare_the_seeds(
    ours: tuple[float, ...], rows: tuple[float, float], clear: bool
) -> None:
    def runs_of(values: tuple[float, ...], spread: tuple[float, float]) -> list[dict[str, Any]]:
        return [
            {
                "seed": i, "modalities": ["speech", "text"], "sets": {}, "speakers": {},
                "figures": {"ece": value}, "nulls": {"ece": 0.4}, "reasons": {},
                "replicates": {"ece": list(spread)},
            }
            for i, value in enumerate(values)
        ]  # fmt: skip

    results = {"none": runs_of((0.2, 0.4)[: len(ours)], (0.0, 0.0)), "x": runs_of(ours, rows)}
    summary = summarise(results, "t", reference="none", split="test")
    assert summary["rows"]["x"]["ece"]["clear"] is clear
    assert ("**" in "".join(_cells(summary, "x"))) is clear


def _cells(summary: dict[str, Any], row: str) -> list[str]:
    """Cells of a row in a summary that knows one figure only."""
    return [_text(cell, summary, row) for cell in summary["rows"][row].values()]


def test_every_table_ends_with_what_chance_gives_and_says_what_is_asked() -> None:
    def run(value: float, null: float) -> dict[str, Any]:
        figures = dict.fromkeys((f for section in SECTIONS.values() for f in section), value)
        return {
            "seed": 1, "modalities": ["speech", "text"], "sets": {}, "speakers": {},
            "figures": figures, "nulls": dict.fromkeys(figures, null), "reasons": {},
            "replicates": {},
        }  # fmt: skip

    results = {"none": [run(0.5, 0.1), run(0.5, 0.2)], "x": [run(0.6, 0.3), run(0.6, 0.3)]}
    summary = summarise(results, "t", reference="none", split="test")
    assert summary["rows"]["none"]["mixing"]["null"] == pytest.approx(0.15)
    tables = markdown(summary).split("#### ")[1:]
    assert [table.count("| *by chance* | 0.150 to 0.300 |") for table in tables] == [1] * len(
        SECTIONS
    )
    clouds = tables[1].splitlines()
    assert clouds[2].startswith("| | mixing ↑ | modality gap ↓ |")
    assert "- mixing ↑: How many of an item's 15 nearest are of the other modality?" in clouds
    same = summarise({"none": results["x"]}, "t", reference="none", split="test")
    assert "| *by chance* | 0.300 |" in markdown(same)


@pytest.mark.parametrize(
    ("sets", "expected", "absent"),
    [
        (["paired/a×b"], ["drawn by label within the split"], ["natural/…", "as they were"]),
        (
            ["natural/a"],
            ["drawn as they were recorded", "in natural/… whole pairs"],
            ["by label", "over natural/… alone"],
        ),
        (
            ["paired/a×b", "natural/a"],
            ["in paired/… by label", "in natural/… as they were", "the mean over natural/… alone"],
            [],
        ),
    ],
)
def test_the_protocol_names_the_pairing_of_the_sets(
    sets: list[str], expected: list[str], absent: list[str]
) -> None:
    figures = dict.fromkeys((f for section in SECTIONS.values() for f in section), 0.5)
    run = {
        "seed": 1, "modalities": ["speech", "text"], "sets": {name: {} for name in sets},
        "speakers": dict.fromkeys(sets, 3), "figures": figures, "nulls": figures, "reasons": {},
        "replicates": {},
    }  # fmt: skip
    text = markdown(summarise({"none": [run]}, "t", reference="none", split="test"))
    assert ", ".join(sets) in text
    assert all(words in text for words in expected)
    assert not any(words in text for words in absent)
    assert "| R@1 ↑ |" in text


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ({"paired/a×b": 4, "paired/a×c": 4, "paired/d×b": 2}, "(4 in paired/a, 2 in paired/d)"),
        (
            {"paired/a×b": 4, "paired/d×b": 1},
            "(4 in paired/a, 1 in paired/d; of paired/d the clips were resampled instead, so that "
            "the interval speaks for that one speaker only)",
        ),
        (
            {"paired/a×b": 1, "paired/d×b": 1, "paired/e×b": 1},
            "(1 in paired/a, 1 in paired/d, 1 in paired/e; of paired/a, paired/d and paired/e the "
            "clips were resampled instead, so that the interval speaks for those speakers only)",
        ),
        (
            {"paired/a×b": 4, "paired/a×c": 3, "natural/a": 4},
            "(4 in paired/a×b, 3 in paired/a×c, 4 in natural/a)",
        ),
    ],
)
def test_the_protocol_counts_the_speakers_of_intervals(
    speakers: dict[str, int], expected: str
) -> None:
    run = {
        "seed": 1, "modalities": ["speech", "text"], "sets": {name: {} for name in speakers},
        "speakers": speakers, "figures": {}, "nulls": {}, "reasons": {}, "replicates": {},
    }  # fmt: skip
    protocol = summarise({"none": [run]}, "t", reference="none", split="dev")["protocol"]
    assert f"of the speakers for recognition {expected}, " in protocol["interval"]
