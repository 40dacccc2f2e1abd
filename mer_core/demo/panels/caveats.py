"""What a visitor reads of an ablation's caveats: one or two sentences for each."""

from __future__ import annotations

from mer_core.atlas.analysis.ablation import Cell, Closer, Verdict, VerdictKind
from mer_core.demo.panels.markup import number

CLOSER = {Closer.CLOUDS: "The clouds", Closer.EMOTIONS: "Items of one emotion"}
FALLS = {
    VerdictKind.ACCURACY_FELL: "recognition fell: unweighted accuracy",
    VerdictKind.RETRIEVAL_FELL: "one emotion finds itself less often: P@5",
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


def signed(value: float) -> str:
    """Three decimals with a sign, a true minus among them: `+0.012`, `−0.640`, `0.000`."""
    return "0.000" if abs(value) < 0.0005 else f"{value:+.3f}".replace("-", "−")


def _collapse(joint: Cell) -> str:
    return (
        f"The clouds shrank: joint uniformity rose by {joint.difference or 0:.2f} to "
        f"{number(joint.mean or 0)}, where 0 means that everything lies on one point. Part of "
        "what looks like alignment is lost spread."
    )


def _fall(verdict: Verdict) -> str:
    (cell,) = verdict.figures.values()
    low, high = cell.interval or (0.0, 0.0)
    fall = FALLS[verdict.kind]
    start = fall[0].upper() + fall[1:]
    if verdict.closer is not None:
        start = f"{CLOSER[verdict.closer]} came closer, but {fall}"
    return f"{start} {signed(cell.difference or 0)} (95%: {signed(low)} to {signed(high)})."


def _modalities_apart(verdict: Verdict) -> str:
    retrieval = signed(verdict.figures["precision_at_5"].difference or 0)
    if gap := verdict.figures.get("modality_gap"):
        separation = f"lie further apart (modality gap {signed(gap.difference or 0)})"
    else:
        silhouette = verdict.figures["silhouette_modality"].difference or 0
        separation = f"are more separate (silhouette by modality {signed(silhouette)})"
    return (
        "This setting finds the same emotion across modalities more often "
        f"(P@5 {retrieval}), yet the clouds {separation}. A sharp temperature is "
        "known to do that: it sorts by emotion and keeps the modalities apart."
    )


def _separable(probe: Cell) -> str:
    return (
        "The centres came closer, but the modalities are still told apart: a linear probe names "
        f"the right one for {100 * (probe.mean or 0):.0f}% of the items (50% would be guessing)."
    )
