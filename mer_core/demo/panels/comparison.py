"""What differs between the two strategies side by side, as sentences: figures, then clips."""

from __future__ import annotations

from collections.abc import Sequence

from mer_core.atlas.analysis.ablation import Ablation, Cell
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.markup import capitalised, escape, number, signed
from mer_core.demo.panels.strategy_metrics import metric_title
from mer_core.demo.panels.titles import strategy_name
from mer_core.frameworks.descriptor import BEFORE

FIGURES = ("modality_gap", "precision_at_5", "unweighted_accuracy")
CLIPS = 3  # the latest ones
SAME_DISTANCE = 0.005  # cosine; two decimals are shown
NO_INTERVAL = (
    " These two were not compared with an interval; the table below has each one's difference "
    "from no alignment."
)


def comparison(ablation: Ablation, left: str, right: str, clips: Sequence[VisitorClip] = ()) -> str:
    """The differences of a framework's two chosen strategies, or that they are the same one."""
    if left == right:
        sentences = [f"Both sides show the same strategy: {strategy_name(left)}."]
    else:
        sentences = [figures_sentence(ablation, left, right)]
        sentences += [escape(clip_sentence(clip, left, right)) for clip in reversed(clips[-CLIPS:])]
    lines = "".join(f"<p>{sentence}</p>" for sentence in sentences if sentence)
    return (
        '<section class="at-comparison" role="status" aria-label="What differs between the two '
        f'maps" data-testid="comparison">{lines}</section>'
    )


def figures_sentence(ablation: Ablation, left: str, right: str) -> str:
    """Markup: both strategies' figures and how they differ; empty where they were not measured."""
    if left not in ablation.rows or right not in ablation.rows:
        return ""
    found = (_figure(ablation, figure, left, right) for figure in FIGURES)
    parts = [part for part in found if part]
    if not parts:
        return ""
    start = f"From {strategy_name(left)} to {strategy_name(right)}, on the "
    rest = f"{_data(ablation)}: {'; '.join(parts)}.{'' if BEFORE in (left, right) else NO_INTERVAL}"
    return start + escape(rest)


def _figure(ablation: Ablation, figure: str, left: str, right: str) -> str:
    """Such as `modality gap 0.68 → 0.45 (−0.234, 95% interval −0.250 to −0.215)`."""
    first, second = ablation.cell(left, figure), ablation.cell(right, figure)
    if first.mean is None or second.mean is None:
        return ""
    title = metric_title(ablation, figure)
    change = f"{number(first.mean, 3)} → {number(second.mean, 3)}"
    return f"{title} {change} ({_difference(first, second, left, right)})"


def _difference(first: Cell, second: Cell, left: str, right: str) -> str:
    """The difference, and whether it could be chance."""
    assert first.mean is not None
    assert second.mean is not None
    measured = second if left == BEFORE else first if right == BEFORE else None
    if measured is None or measured.interval is None:
        return f"{signed(second.mean - first.mean)}, {_runs(first.seeds, second.seeds)}"
    sign = 1 if measured is second else -1
    low, high = sorted(sign * end for end in measured.interval)
    chance = "" if measured.clear else ", so it could be chance"
    return (
        f"{signed(second.mean - first.mean)}, 95% interval {signed(low)} to {signed(high)}{chance}"
    )


def _runs(first: Sequence[float], second: Sequence[float]) -> str:
    """Whether all training runs of one strategy are beyond all of the other's."""
    if not first or not second:
        return "single runs"
    if max(first) < min(second) or max(second) < min(first):
        return "all training runs agree"
    return "training runs overlap, so it could be chance"


def clip_sentence(clip: VisitorClip, left: str, right: str) -> str:
    """How far apart a clip's halves are on both sides, and which categories are assigned."""
    if left not in clip.predictions or right not in clip.predictions:
        return ""
    first, second = (clip.predictions[name].emotion for name in (left, right))
    if first == second:
        category = f"both assign {first or 'no category'}"
    else:
        category = f"the left assigns {first or 'no category'}, the right {second or 'none'}"
    if len(clip.modalities) < 2:
        return f"{clip.name}: {category}."
    before, after = clip.halves_distance(left), clip.halves_distance(right)
    if abs(after - before) < SAME_DISTANCE:
        apart = f"its halves are {number(after)} apart on both sides"
    else:
        way = "closer together" if after < before else "further apart"
        apart = f"its halves are {way} on the right ({number(before)} → {number(after)})"
    return capitalised(f"{clip.name}: {apart}; {category}.")


def _data(ablation: Ablation) -> str:
    return {"test": "test data", "dev": "development data"}.get(
        ablation.protocol.split, f"{ablation.protocol.split} data"
    )
