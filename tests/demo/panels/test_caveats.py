"""Sentences of an ablation's caveats: their figures with signs, and no contradiction."""

from __future__ import annotations

import pytest

from mer_core.atlas.analysis.ablation import (
    Ablation,
    Cell,
    Closer,
    Verdict,
    VerdictKind,
    verdicts,
)
from mer_core.checkpoints.shipped import ATLAS
from mer_core.demo.panels.caveats import caveat
from mer_core.frameworks.descriptor import DESCRIPTORS


def cell(mean: float, difference: float) -> Cell:
    interval = (difference - 0.02, difference + 0.02)
    return Cell(mean, 0.01, (mean,), difference, interval, clear=True)


def fall(closer: Closer | None) -> str:
    figures = {"unweighted_accuracy": cell(0.74, -0.03)}
    return caveat(Verdict(VerdictKind.ACCURACY_FELL, figures, closer))


def test_a_collapse() -> None:
    verdict = Verdict(VerdictKind.COLLAPSE, {"uniformity_joint": cell(-0.1, 1.85)})
    assert caveat(verdict) == (
        "The clouds of embeddings shrank: joint uniformity rose by 1.85 to −0.10, where 0 means "
        "all on one point. Part of what looks like alignment is lost spread."
    )


def test_a_fall_names_what_came_closer() -> None:
    numbers = "recognition got worse: unweighted accuracy −0.030 (95% interval: −0.050 to −0.010)."
    assert fall(Closer.CLOUDS) == f"The two clouds of embeddings came closer, but {numbers}"
    assert fall(Closer.EMOTIONS) == f"Items of one emotion came closer, but {numbers}"
    assert fall(None) == f"R{numbers[1:]}"
    retrieval = Verdict(VerdictKind.RETRIEVAL_FELL, {"precision_at_5": cell(0.2, -0.08)})
    assert caveat(retrieval).startswith("Fewer of the five nearest items of the other modality")
    assert "P@5 −0.080 (95% interval: " in caveat(retrieval)


def test_better_retrieval_with_separate_modalities() -> None:
    retrieval = {"precision_at_5": cell(0.6, 0.3)}
    kind = VerdictKind.MODALITIES_APART
    gap = caveat(Verdict(kind, retrieval | {"modality_gap": cell(1.2, 0.21)}))
    assert "(P@5: +0.300), yet the two clouds of embeddings are further apart" in gap
    assert "(modality gap, between their centres: +0.210)." in gap
    silhouette = caveat(Verdict(kind, retrieval | {"silhouette_modality": cell(0.5, 0.11)}))
    assert "are more separate (silhouette by modality: +0.110)" in silhouette


def test_a_probe_that_recognises_the_modality() -> None:
    verdict = Verdict(VerdictKind.SEPARABLE, {"modality_probe": cell(0.984, -0.016)})
    assert "names the right one for 98% of the items; guessing gets 50%." in caveat(verdict)


@pytest.mark.parametrize("framework", DESCRIPTORS)
def test_no_shipped_strategy_is_called_closer_and_further_apart_at_once(framework: str) -> None:
    ablation = Ablation.load(ATLAS / framework / "ablation.json")
    for strategy, row in ablation.rows.items():
        sentences = " ".join(caveat(verdict) for verdict in verdicts(ablation, strategy))
        assert ("The two clouds of embeddings came closer" in sentences) <= (
            row["modality_gap"].difference < 0
        )
        assert ("further apart" in sentences) <= (row["modality_gap"].difference > 0)
