"""Paired items: a clip and a text, or a clip and a face, of one label and one split.

Most corpora have no emotional speech with an emotional transcript or with its speaker's face, so
partners are drawn by label. A figure on such pairs measures each branch and their fusion on
labels, not the recognition of naturally paired recordings, and is always named so. Where a corpus
has both halves of its recordings, these are the pairs, and their sets are called `natural/…`. Acted
voices with the neutral sentences that they say make `spoken/…` sets, for evaluation alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from mer_core.data import Example, load_corpus
from mer_core.data.corpora import WORDS
from mer_core.emotions import FOUR, NEUTRAL
from train.config import Experiment
from train.data.draws import label_partners
from train.data.tasks import half_of, is_in, source_examples

DEV_PARTNERS = 1_000  # of each partner corpus alone, after each epoch; `evaluate` takes all
PARTNERS_PER_CLIP = 5  # in evaluation sets: averages over the choice of partners
BY_LABEL = "by label within the split: fusion on labels, not naturally paired recordings"
AS_RECORDED = "as they were recorded: both halves of one recording"


class SetKind(StrEnum):
    """What the items of an evaluation set are."""

    ALONE = "alone"  # examples of one modality
    PAIRED = "paired"  # pairs of one label
    NATURAL = "natural"  # pairs of one recording
    SPOKEN = "spoken"  # a voice and its own words, which are neutral whatever the voice is


@dataclass(frozen=True)
class SetName:
    """What an evaluation set holds; in files it reads `speech/ravdess` or `paired/ravdess×meld`.

    Attributes:
        kind: Of its items.
        corpora: One, or the leading corpus and its partner.
        modality: Of a set of one modality alone.
    """

    kind: SetKind
    corpora: tuple[str, ...]
    modality: str = ""

    def __str__(self) -> str:
        return f"{self.modality or self.kind}/{'×'.join(self.corpora)}"

    @classmethod
    def parse(cls, text: str) -> SetName:
        """The name that a file holds as `text`."""
        first, _, corpora = text.partition("/")
        if first in set(SetKind) - {SetKind.ALONE}:
            return cls(SetKind(first), tuple(corpora.split("×")))
        return cls(SetKind.ALONE, (corpora,), first)

    @property
    def is_paired(self) -> bool:
        """Whether the items are pairs and not one modality alone."""
        return self.kind is not SetKind.ALONE

    @property
    def is_natural(self) -> bool:
        """Whether the pairs are the two halves of one recording."""
        return self.kind is SetKind.NATURAL

    @property
    def lead(self) -> str:
        """The name up to the leading corpus: its speakers are those of the set."""
        return str(replace(self, corpora=self.corpora[:1]))


@dataclass(frozen=True)
class Pair:
    """One item of a paired corpus; any part may be absent.

    Attributes:
        speech: A clip or None.
        text: A text or None.
        video: A face or None.
        label: Of a pair whose halves have different ones; empty: the label of both.
    """

    speech: Example | None = None
    text: Example | None = None
    video: Example | None = None
    label: str = ""

    @classmethod
    def of(cls, halves: Mapping[str, Example | None], label: str = "") -> Pair:
        """A pair of modality → example."""
        parts: dict[str, Any] = dict(halves)
        return cls(**parts, label=label)

    @property
    def parts(self) -> tuple[Example | None, Example | None, Example | None]:
        """All of them, the leading one first."""
        return self.speech, self.text, self.video

    @property
    def first(self) -> Example:
        """The first part that is present; its label and group are the pair's."""
        return next(part for part in self.parts if part is not None)

    @property
    def emotion(self) -> str:
        """The label; both parts have it, unless the pair was mismatched on purpose."""
        return self.label or self.first.emotion

    @property
    def is_matched(self) -> bool:
        """Whether all parts have the pair's label."""
        return all(part is None or part.emotion == self.emotion for part in self.parts)

    @property
    def group(self) -> str:
        """The speaker, or the dialogue or picture of a part alone."""
        return self.first.group


def evaluation_sets(
    experiment: Experiment, root: Path, split: str, seed: int = 0
) -> dict[SetName, list[Pair]]:
    """Sets of one split: every corpus alone, and every corpus × partner corpus paired.

    A corpus whose recordings have both halves is not paired with itself by label: its natural
    pairs allow every figure that label pairs do and more, and in a mean over sets the same
    recordings would count twice. Where training is natural, it is not paired with others either.

    Returns:
        `speech/ravdess`, `text/meld`, `paired/ravdess×meld`, `natural/iemocap`, … → items with
        four-class labels.
    """
    by_modality = {
        modality: _by_corpus(experiment, root, split, modality) for modality in experiment.sources
    }
    sets = {
        SetName(SetKind.ALONE, (corpus,), modality): [Pair.of({modality: e}) for e in examples]
        for modality, corpora in by_modality.items()
        for corpus, examples in corpora.items()
    }
    if len(by_modality) < 2:
        return sets
    (lead, lead_corpora), (partner, partner_corpora) = by_modality.items()
    generator = np.random.default_rng(seed)
    for corpus, clips in lead_corpora.items():
        for partner_corpus, pool in partner_corpora.items():
            if corpus == partner_corpus:
                recorded = natural_pairs(corpus, root, split, experiment)
                if recorded:
                    sets[SetName(SetKind.NATURAL, (corpus,))] = recorded
                    continue
            elif {corpus, partner_corpus} & set(experiment.natural_corpora):
                continue
            repeated = [clip for clip in clips for _ in range(PARTNERS_PER_CLIP)]
            chosen = label_partners([clip.emotion for clip in repeated], pool, generator)
            sets[SetName(SetKind.PAIRED, (corpus, partner_corpus))] = [
                Pair.of({lead: clip, partner: pool[i]})
                for clip, i in zip(repeated, chosen, strict=True)
            ]
    return sets


def natural_pairs(corpus: str, root: Path, split: str, experiment: Experiment) -> list[Pair]:
    """The two halves of every recording of a corpus, in one split, that has both.

    The sources may name the speakers of their splits. A recording whose halves are in different
    splits is no pair, so that no partner crosses a fold.
    """
    pairs = []
    for recording in load_corpus(corpus, root, labels=FOUR):
        halves = {
            modality: half_of(recording, modality)
            for modality, source in experiment.sources.items()
            if is_in(recording, split, source)
        }
        if len(halves) == 2 and all(halves.values()):
            pairs.append(Pair.of(halves))
    return pairs


def development_sets(experiment: Experiment, root: Path) -> dict[SetName, list[Pair]]:
    """The sets on which training selects; of each partner corpus alone, only some examples."""
    sets = evaluation_sets(experiment, root, "dev")
    _, partner = experiment.sources
    for name, items in sets.items():
        if name.modality == partner and len(items) > DEV_PARTNERS:
            chosen = np.random.default_rng(0).permutation(len(items))[:DEV_PARTNERS]
            sets[name] = [items[i] for i in sorted(chosen)]
    return sets


def own_partners(experiment: Experiment, root: Path) -> dict[Example, Example | None]:
    """Leading half → the other half of the same training recording, None where it has none.

    Only of the corpora whose recordings are trained as pairs.
    """
    lead, partner = experiment.sources
    partners: dict[Example, Example | None] = {}
    for corpus in experiment.natural_corpora:
        source = replace(experiment.sources[lead], corpora={corpus: 1.0})
        partners |= dict.fromkeys(source_examples(source, root, "train", FOUR, lead))
        for pair in natural_pairs(corpus, root, "train", experiment):
            partners[getattr(pair, lead)] = getattr(pair, partner)
    return partners


def spoken_sets(experiment: Experiment, root: Path, split: str) -> dict[SetName, list[Pair]]:
    """Each acted clip with the sentence that it says, by corpus; none without speech and text.

    The label is the voice's; the words are neutral. Apart from `evaluation_sets`, so that neither
    training nor calibration nor a mean over sets depends on them.

    Returns:
        `spoken/ravdess`, … → items with four-class labels.
    """
    if set(experiment.sources) != {"speech", "text"}:
        return {}
    return {
        SetName(SetKind.SPOKEN, (corpus,)): [
            Pair.of({"speech": clip, "text": said(clip)}, label=clip.emotion) for clip in clips
        ]
        for corpus, clips in _by_corpus(experiment, root, split, "speech").items()
        if corpus in WORDS
    }


def said(clip: Example) -> Example:
    """The words of a clip of acted speech, as a text of their own."""
    assert clip.path is not None
    return replace(clip, emotion=NEUTRAL, path=None, text=WORDS[clip.corpus](clip.path))


def pairing_sentence(names: Iterable[SetName]) -> str:
    """How the pairs of these sets came about, in words that follow "pairs are drawn"."""
    natural = {name.is_natural for name in names if name.is_paired}
    if natural == {True, False}:
        return f"in {SetKind.NATURAL}/… {AS_RECORDED}; in {SetKind.PAIRED}/… {BY_LABEL}"
    return AS_RECORDED if natural == {True} else BY_LABEL


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
