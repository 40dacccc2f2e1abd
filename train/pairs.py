"""Label-paired items: a clip and a text that carry the same label, within one split.

No corpus here has emotional speech with an emotional transcript, so partners are drawn by label.
A figure on such pairs measures each branch and their fusion on labels, not the recognition of
naturally paired speech, and is always named so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mer_core.data import Example
from mer_core.emotions import FOUR
from train.config import Experiment
from train.draws import label_partners
from train.tasks import source_examples

TEXTS_PER_CLIP = 5  # in evaluation sets: averages out which texts a clip happened to meet


@dataclass(frozen=True)
class Pair:
    """One item of a paired corpus; either half may be absent.

    Attributes:
        speech: A clip or None.
        text: A text or None.
    """

    speech: Example | None
    text: Example | None

    @property
    def emotion(self) -> str:
        """The label that both halves carry."""
        half = self.speech or self.text
        assert half is not None
        return half.emotion

    @property
    def group(self) -> str:
        """The speaker, or the dialogue of a text alone."""
        half = self.speech or self.text
        assert half is not None
        return half.group


def evaluation_sets(
    experiment: Experiment, root: Path, split: str, seed: int = 0
) -> dict[str, list[Pair]]:
    """Named sets of one split: every corpus alone, and every speech × text corpus paired.

    Returns:
        `speech/ravdess`, `text/meld`, `paired/ravdess×meld`, … → items with four-class labels.
    """
    clips = _by_corpus(experiment, root, split, "speech")
    texts = _by_corpus(experiment, root, split, "text")
    sets = {f"speech/{name}": [Pair(e, None) for e in items] for name, items in clips.items()}
    sets |= {f"text/{name}": [Pair(None, e) for e in items] for name, items in texts.items()}
    generator = np.random.default_rng(seed)
    for speech_name, speech in clips.items():
        for text_name, pool in texts.items():
            repeated = [e for e in speech for _ in range(TEXTS_PER_CLIP)]
            partners = label_partners([e.emotion for e in repeated], pool, generator)
            sets[f"paired/{speech_name}×{text_name}"] = [
                Pair(clip, pool[i]) for clip, i in zip(repeated, partners, strict=True)
            ]
    return sets


def _by_corpus(
    experiment: Experiment, root: Path, split: str, modality: str
) -> dict[str, Sequence[Example]]:
    if modality not in experiment.sources:
        return {}
    examples = source_examples(experiment.sources[modality], root, split, FOUR)
    return {
        corpus: [e for e in examples if e.corpus == corpus]
        for corpus in experiment.sources[modality].corpora
    }
