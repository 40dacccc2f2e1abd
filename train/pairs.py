"""Label-paired items: a clip and a text, or a clip and a face, of one label and one split.

No corpus here has emotional speech with an emotional transcript or with its speaker's face, so
partners are drawn by label. A figure on such pairs measures each branch and their fusion on
labels, not the recognition of naturally paired recordings, and is always named so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.data import Example
from mer_core.emotions import FOUR
from train.config import Experiment
from train.draws import label_partners
from train.tasks import source_examples

PARTNERS_PER_CLIP = 5  # in evaluation sets: averages out which partners a clip happened to meet


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

    Returns:
        `speech/ravdess`, `text/meld`, `paired/ravdess×meld`, … → items with four-class labels.
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
            repeated = [e for e in examples for _ in range(PARTNERS_PER_CLIP)]
            chosen = label_partners([e.emotion for e in repeated], pool, generator)
            sets[f"paired/{clip_name}×{pool_name}"] = [
                Pair(**{lead: clip, partner: pool[i]})
                for clip, i in zip(repeated, chosen, strict=True)
            ]
    return sets


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
    examples = source_examples(experiment.sources[modality], root, split, FOUR)
    return {
        corpus: [e for e in examples if e.corpus == corpus]
        for corpus in experiment.sources[modality].corpora
    }
