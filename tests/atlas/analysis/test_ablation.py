"""The ablation table is read as written, and its caveats are those that its figures call for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.analysis.ablation import Ablation, Cell, Closer, VerdictKind, verdicts
from mer_core.checkpoints.shipped import ATLAS
from mer_core.frameworks.descriptor import DESCRIPTORS
from mer_core.metrics.report import alignment_report

REASON = "asks for recordings whose modalities belong together"


def figure(base: float, difference: float, half: float = 0.02) -> dict[str, Any]:
    return {
        "mean": base + difference, "std": 0.01, "seeds": [base + difference] * 3,
        "difference": difference, "difference_95": [difference - half, difference + half],
        "clear": abs(difference) > half,
    }  # fmt: skip


BASE = {
    "unweighted_accuracy": 0.77,
    "modality_gap": 0.99,
    "modality_probe": 1.0,
    "silhouette_modality": 0.36,
    "alignment_emotion": 1.91,
    "uniformity_x": -1.16,
    "uniformity_y": -1.37,
    "uniformity_joint": -1.85,
    "precision_at_5": 0.28,
}


def table(**differences: float) -> dict[str, Any]:
    """`none` and one strategy called `on`, which differs by `differences`."""
    nothing = {name: figure(base, 0.0) for name, base in BASE.items()}
    changed = {name: figure(base, differences.get(name, 0.0)) for name, base in BASE.items()}
    greyed = {"recall_at_1": {"reason": REASON}}
    return {
        "title": "Strategies of a test",
        "protocol": {
            "split": "test", "sets": ["a×b"], "seeds": [1, 2, 3], "modalities": ["speech", "text"],
            "interval": "95 % over items", "something new": 1,
        },
        "rows": {"none": nothing | greyed, "on": changed | greyed},
    }  # fmt: skip


HEALTHY = {
    "modality_gap": -0.64, "alignment_emotion": -0.74, "silhouette_modality": -0.31,
    "uniformity_x": -0.5, "uniformity_y": -0.37, "precision_at_5": 0.35, "modality_probe": -0.3,
}  # fmt: skip


def kinds(**differences: float) -> list[VerdictKind]:
    return [verdict.kind for verdict in verdicts(Ablation.of(table(**differences)), "on")]


def test_a_file_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "ablation.json"
    path.write_text(json.dumps(table(**HEALTHY)), "utf-8")
    ablation = Ablation.load(path)
    cell = ablation.cell("on", "modality_gap")
    assert (cell.mean, cell.std, cell.difference) == (pytest.approx(0.35), 0.01, -0.64)
    assert cell.interval == (pytest.approx(-0.66), pytest.approx(-0.62))
    assert cell.clear
    assert cell.null is None  # tables that were written before there were null lines
    assert ablation.cell("on", "recall_at_1") == Cell(reason=REASON)
    assert ablation.cell("on", "unheard_of").mean is None
    assert ablation.protocol.modalities == ("speech", "text")
    assert dict(ablation.protocol.notes) == {"interval": "95 % over items"}


def test_null_lines_are_read() -> None:
    written = table()
    written["rows"]["on"]["modality_gap"]["null"] = 0.05
    assert Ablation.of(written).cell("on", "modality_gap").null == 0.05
    written["rows"]["on"]["modality_gap"]["null"] = float("inf")
    with pytest.raises(ValueError, match="modality_gap holds a number that is not finite"):
        Ablation.of(written)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t["rows"].pop("none"), "'none'"),
        (lambda t: t.pop("protocol"), "no ablation"),
        (lambda t: t["protocol"].pop("seeds"), "no ablation"),
        (lambda t: t.update(rows=[]), "no ablation"),
        (lambda t: t["rows"]["on"].update(mrr={}), "mrr has neither"),
        (lambda t: t["rows"]["on"].update(mrr={"mean": float("nan")}), "not finite"),
    ],
)
def test_a_file_that_is_no_ablation_is_refused(tmp_path: Path, damage: Any, message: str) -> None:
    damaged = table()
    damage(damaged)
    path = tmp_path / "ablation.json"
    path.write_text(json.dumps(damaged), "utf-8")
    with pytest.raises(ValueError, match=message):
        Ablation.load(path)


def test_a_missing_file_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train ablate"):
        Ablation.load(tmp_path / "ablation.json")
    (tmp_path / "ablation.json").write_text("{", "utf-8")
    with pytest.raises(ValueError, match="no JSON"):
        Ablation.load(tmp_path / "ablation.json")


def test_an_unmeasured_strategy_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="sharp"):
        verdicts(Ablation.of(table()), "sharp")


def test_a_healthy_strategy_and_none_have_no_caveat() -> None:
    assert kinds(**HEALTHY) == []
    assert verdicts(Ablation.of(table()), "none") == ()


def test_equal_embeddings_are_a_collapse() -> None:
    """The figures of a constant network, by the metrics themselves."""
    same, labels = np.tile([[0.6, 0.8]], (8, 1)), np.arange(8) % 4
    collapsed = alignment_report(same, same, labels, labels, natural=False)
    assert collapsed["uniformity_joint"] == pytest.approx(0.0)
    assert collapsed["modality_gap"] == pytest.approx(0.0)
    differences = {n: float(collapsed[n] or 0) - b for n, b in BASE.items() if n in collapsed}
    found = verdicts(Ablation.of(table(**differences, unweighted_accuracy=-0.5)), "on")
    collapse, accuracy = found[:2]
    assert (collapse.kind, accuracy.kind) == (VerdictKind.COLLAPSE, VerdictKind.ACCURACY_FELL)
    assert collapse.kind.severe
    assert accuracy.kind.severe
    assert collapse.figures["uniformity_joint"].difference == pytest.approx(1.85)
    assert accuracy.figures["unweighted_accuracy"].difference == -0.5


def test_two_clouds_that_merge_and_stay_wide_are_no_collapse() -> None:
    merged = {**HEALTHY, "uniformity_joint": 0.69, "uniformity_x": 0.0, "uniformity_y": 0.0}
    assert kinds(**merged) == []
    assert kinds(**merged | {"uniformity_y": 0.6}) == [VerdictKind.COLLAPSE]
    assert kinds(**merged | {"uniformity_y": 0.6, "uniformity_joint": 0.4}) == []


def test_closer_clouds_at_the_price_of_recognition_or_retrieval() -> None:
    closer = {"modality_gap": -0.5, "modality_probe": -0.3}
    assert kinds(**closer, unweighted_accuracy=-0.03) == [VerdictKind.ACCURACY_FELL]
    assert kinds(**closer, precision_at_5=-0.03) == [VerdictKind.RETRIEVAL_FELL]
    # Within its interval nothing fell.
    assert kinds(**closer, unweighted_accuracy=-0.01) == []


def test_a_difference_that_may_be_chance_gets_no_caveat() -> None:
    """Outside the bootstrap's interval, yet some seeds of both overlap."""
    unsure = table(modality_gap=-0.5, modality_probe=-0.3, unweighted_accuracy=-0.03)
    unsure["rows"]["on"]["unweighted_accuracy"]["clear"] = False
    assert verdicts(Ablation.of(unsure), "on") == ()


def test_a_fall_names_what_came_closer() -> None:
    fell = {"unweighted_accuracy": -0.03}
    closer = [
        verdicts(Ablation.of(table(**moved | fell)), "on")[0].closer
        for moved in (
            {"modality_gap": -0.1, "alignment_emotion": -0.5},
            {"modality_gap": 0.1, "alignment_emotion": -0.5},
            {"modality_gap": 0.1},
        )
    ]
    assert closer == [Closer.CLOUDS, Closer.EMOTIONS, None]


def test_better_retrieval_with_clouds_further_apart_gets_a_note() -> None:
    (gap,) = verdicts(Ablation.of(table(modality_gap=0.21, precision_at_5=0.3)), "on")
    assert (gap.kind, gap.kind.severe) == (VerdictKind.MODALITIES_APART, False)
    assert [cell.difference for cell in gap.figures.values()] == [0.3, 0.21]
    sharp = table(modality_gap=-0.03, silhouette_modality=0.11, precision_at_5=0.35)
    (separate,) = verdicts(Ablation.of(sharp), "on")
    assert list(separate.figures) == ["precision_at_5", "silhouette_modality"]


def test_a_smaller_gap_with_a_perfect_probe_gets_a_note() -> None:
    assert kinds(**HEALTHY | {"modality_probe": 0.0}) == [VerdictKind.SEPARABLE]
    assert not VerdictKind.SEPARABLE.severe


@pytest.mark.parametrize("framework", DESCRIPTORS)
def test_the_shipped_tables_contradict_no_gap(framework: str) -> None:
    ablation = Ablation.load(ATLAS / framework / "ablation.json")
    for strategy, row in ablation.rows.items():
        gap = row["modality_gap"].difference
        for verdict in verdicts(ablation, strategy):
            if verdict.closer is Closer.CLOUDS:
                assert gap < 0
            if "modality_gap" in verdict.figures:
                assert gap > 0
