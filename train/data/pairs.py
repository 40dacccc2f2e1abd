"""Paired items: a clip and a text, or a clip and a face, of one label and one split.

Most corpora have no emotional speech with an emotional transcript or with its speaker's face, so
partners are drawn by label. A figure on such pairs measures each branch and their fusion on
labels, not the recognition of naturally paired recordings, and is always named so. Where a corpus
has both halves of its recordings, these are the pairs, and their sets are called `natural/…`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.data import Example, load_corpus
from mer_core.emotions import FOUR
from train.config import Experiment
from train.data.draws import label_partners
from train.data.tasks import half_of, source_examples

PARTNERS_PER_CLIP = 5  # in evaluation sets: averages out which partners a clip happened to meet
LABEL_PAIRED, NATURAL = "paired/", "natural/"  # what the names of sets of pairs start with
BY_LABEL = "by label within the split: fusion on labels, not naturally paired recordings"
AS_RECORDED = "as they were recorded: both halves of one recording"


@dataclass(frozen=True)
class Pair:
    """One item of a paired corpus; any part may be absent.

    Attributes:
        speech: A clip or None.
        text: A text or None.
        video: A face or None.
    """

    speech: Example | None = None
    text: Example | None = None
    video: Example | None = None

    @property
    def parts(self) -> tuple[Example | None, Example | None, Example | None]:
        """All of them, the leading one first."""
        return self.speech, self.text, self.video

    @property
    def first(self) -> Example:
        """The leading part that is there: its label and its group are the pair's."""
        return next(part for part in self.parts if part is not None)

    @property
    def emotion(self) -> str:
        """The label; both parts carry it, unless the pair was mismatched on purpose."""
        return self.first.emotion

    @property
    def group(self) -> str:
        """The speaker, or the dialogue or picture of a part alone."""
        return self.first.group


def evaluation_sets(
    experiment: Experiment, root: Path, split: str, seed: int = 0
) -> dict[str, list[Pair]]:
    """Named sets of one split: every corpus alone, and every corpus × partner corpus paired.

    A corpus whose recordings have both halves is not paired with itself by label: its natural
    pairs allow every figure that label pairs do and more, and in a mean over sets the same
    recordings would count twice.

    Returns:
        `speech/ravdess`, `text/meld`, `paired/ravdess×meld`, `natural/iemocap`, … → items with
        four-class labels.
    """
    by_modality = {
        modality: _by_corpus(experiment, root, split, modality) for modality in experiment.sources
    }
    sets = {
        f"{modality}/{name}": [Pair(**{modality: e}) for e in items]
        for modality, corpora in by_modality.items()
        for name, items in corpora.items()
    }
    if len(by_modality) < 2:
        return sets
    (lead, clips), (partner, pools) = by_modality.items()
    generator = np.random.default_rng(seed)
    for clip_name, examples in clips.items():
        for pool_name, pool in pools.items():
            own = clip_name == pool_name and natural_pairs(clip_name, root, split, (lead, partner))
            if own:
                sets[f"{NATURAL}{clip_name}"] = own
                continue
            repeated = [e for e in examples for _ in range(PARTNERS_PER_CLIP)]
            chosen = label_partners([e.emotion for e in repeated], pool, generator)
            sets[f"{LABEL_PAIRED}{clip_name}×{pool_name}"] = [
                Pair(**{lead: clip, partner: pool[i]})
                for clip, i in zip(repeated, chosen, strict=True)
            ]
    return sets


def natural_pairs(corpus: str, root: Path, split: str, modalities: tuple[str, str]) -> list[Pair]:
    """The two halves of every recording of a corpus that has both."""
    lead, partner = modalities
    halves = [
        {lead: half_of(recording, lead), partner: half_of(recording, partner)}
        for recording in load_corpus(corpus, root, split=split, labels=FOUR)
    ]
    return [Pair(**both) for both in halves if all(both.values())]


def is_natural(name: str) -> bool:
    """Whether the pairs of a set so named are halves of one recording."""
    return name.startswith(NATURAL)


def is_paired(name: str) -> bool:
    """Whether a set so named holds pairs, of whichever kind, and not one modality alone."""
    return name.startswith((LABEL_PAIRED, NATURAL))


def pairing(names: Iterable[str]) -> str:
    """How the pairs of these sets came about, in words that follow "pairs are drawn"."""
    kinds = {is_natural(name) for name in names if is_paired(name)}
    if kinds == {True, False}:
        return f"in {NATURAL}… {AS_RECORDED}; in {LABEL_PAIRED}… {BY_LABEL}"
    return AS_RECORDED if kinds == {True} else BY_LABEL


def mismatched(pairs: Sequence[Pair], generator: np.random.Generator) -> list[Pair]:
    """Each pair with a partner of another label, drawn evenly over labels from `pairs` itself."""
    partner = next(m for m in ("video", "text") if getattr(pairs[0], m) is not None)
    pool: list[Example] = list(dict.fromkeys(getattr(p, partner) for p in pairs))
    labels = sorted({example.emotion for example in pool})
    others = [
        str(generator.choice([label for label in labels if label != p.emotion])) for p in pairs
    ]
    chosen = label_partners(others, pool, generator)
    changes: list[dict[str, Any]] = [{partner: pool[i]} for i in chosen]
    return [replace(p, **change) for p, change in zip(pairs, changes, strict=True)]


def _by_corpus(
    experiment: Experiment, root: Path, split: str, modality: str
) -> dict[str, Sequence[Example]]:
    examples = source_examples(experiment.sources[modality], root, split, FOUR, modality)
    return {
        corpus: [e for e in examples if e.corpus == corpus]
        for corpus in experiment.sources[modality].corpora
    }
