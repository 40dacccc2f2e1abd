"""What a visitor reads of an ablation's caveats: one or two sentences for each."""

from __future__ import annotations

from mer_core.atlas.analysis.ablation import Cell, Closer, Verdict, VerdictKind
from mer_core.demo.panels.markup import capitalised, number, signed

CLOSER = {
    Closer.CLOUDS: "The two clouds of embeddings came closer",
    Closer.EMOTIONS: "Items of one emotion came closer",
}
FALLS = {
    VerdictKind.ACCURACY_FELL: "recognition got worse: unweighted accuracy",
    VerdictKind.RETRIEVAL_FELL: (
        "fewer of the five nearest items of the other modality share the emotion: P@5"
    ),
}


def caveat(verdict: Verdict) -> str:
    """The sentences of a verdict, with its figures."""
    if verdict.kind is VerdictKind.COLLAPSE:
        return _collapse(verdict.figures["uniformity_joint"])
    if verdict.kind is VerdictKind.MODALITIES_APART:
        return _modalities_apart(verdict)
    if verdict.kind is VerdictKind.SEPARABLE:
        return _separable(verdict.figures["modality_probe"])
    return _fall(verdict)


def _collapse(joint: Cell) -> str:
    return (
        f"The clouds of embeddings shrank: joint uniformity rose by {number(joint.difference or 0)}"
        f" to {number(joint.mean or 0)}, where 0 means all on one point. Part of what looks like "
        "alignment is lost spread."
    )


def _fall(verdict: Verdict) -> str:
    (cell,) = verdict.figures.values()
    low, high = cell.interval or (0.0, 0.0)
    fall = FALLS[verdict.kind]
    if verdict.closer is not None:
        fall = f"{CLOSER[verdict.closer]}, but {fall}"
    change = signed(cell.difference or 0)
    return f"{capitalised(fall)} {change} (95% interval: {signed(low)} to {signed(high)})."


def _modalities_apart(verdict: Verdict) -> str:
    retrieval = signed(verdict.figures["precision_at_5"].difference or 0)
    if gap := verdict.figures.get("modality_gap"):
        widened = signed(gap.difference or 0)
        separation = f"are further apart (modality gap, between their centres: {widened})"
    else:
        silhouette = verdict.figures["silhouette_modality"].difference or 0
        separation = f"are more separate (silhouette by modality: {signed(silhouette)})"
    return (
        "More of the five nearest items of the other modality share the emotion "
        f"(P@5: {retrieval}), yet the two clouds of embeddings {separation}. A sharp temperature "
        "is known to do this: it sorts by emotion and keeps the modalities apart."
    )


def _separable(probe: Cell) -> str:
    return (
        "The centres came closer, but the modalities are still easy to separate: a linear "
        f"classifier (probe) names the right one for {100 * (probe.mean or 0):.0f}% of the items; "
        "guessing gets 50%."
    )
