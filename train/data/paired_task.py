"""Training a framework on pairs, on live or on cached features.

With `pairing = "natural"`, the two halves of a recording are one example, and so they meet in every
term. With `label`, they are two examples, and each is paired with any example of its label: such
pairs teach from labels alone, as they do for corpora without natural partners.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize, collate_features
from mer_core.emotions import FOUR, NEUTRAL
from mer_core.encoders.base import Encoder
from mer_core.metrics.recognition import confusion, unweighted_accuracy
from mer_core.types import COMBINED, Batch
from train.config import Experiment
from train.data.draws import (
    BUCKET,
    CLIP_BUCKET,
    batch_count,
    batches_by_length,
    draw_indices,
    draw_weights,
    epoch_generator,
    label_partners,
)
from train.data.features import feature_views, views_above
from train.data.labelled import Labelled
from train.data.lengths import pair_length
from train.data.loading import Batches, Drawn
from train.data.material import Material
from train.data.pairs import Pair, SetName, development_sets, own_partners
from train.data.tasks import frozen_views, of_corpora, source_examples


class PairedTask:
    """Examples drawn with their own or with label partners, each epoch anew; either may be hidden.

    The experiment's first source leads: its draws make up an epoch. With `encoders`, features are
    computed once, of clips and faces in several augmented views.
    """

    def __init__(
        self,
        experiment: Experiment,
        root: Path,
        *,
        tokenize: Tokenize | None,
        encoders: dict[str, Encoder] | None = None,
        device: torch.device | None = None,
        cache: Path | None = None,
    ) -> None:
        self.experiment, self.tokenize = experiment, tokenize
        self.lead, self.partner = experiment.sources
        self.train = {
            modality: source_examples(source, root, "train", FOUR, modality)
            for modality, source in experiment.sources.items()
        }
        self.dev = development_sets(experiment, root)
        self.examples = {
            modality: list(dict.fromkeys([*self.train[modality], *self._dev_parts(modality)]))
            for modality in experiment.sources
        }
        self.lower = lower_parts(experiment, encoders or {})
        self.read = {  # of an encoder with a cached part, the whole corpora
            modality: of_corpora(experiment.sources[modality], root, modality)
            if modality in self.lower
            else examples
            for modality, examples in self.examples.items()
        }
        everything = [e for examples in self.read.values() for e in examples]
        self.material = Material(everything, experiment.sources, cache)
        self._leave_out_absent()
        self._prepare_draws(own_partners(experiment, root))
        self.dev = {name: self._by_length(items) for name, items in self.dev.items()}
        self.cached: dict[Example, list[Tensor]] = {}
        self.widths = {m: encoder.width for m, encoder in (encoders or {}).items()}
        for modality, encoder in (encoders or {}).items():
            self._compute(modality, encoder, device, cache)

    def _leave_out_absent(self) -> None:
        """Films in which no face is found can neither be drawn nor select an epoch."""
        present = self.material.is_present
        self.train = {m: [e for e in examples if present(e)] for m, examples in self.train.items()}
        self.dev = {
            name: [pair for pair in pairs if all(present(p) for p in pair.parts if p)]
            for name, pairs in self.dev.items()
        }

    def _prepare_draws(self, own_partner: Mapping[Example, Example | None]) -> None:
        """Chances of all examples, and who may meet whom."""
        experiment, optim = self.experiment, self.experiment.optim
        self.weights = {
            modality: draw_weights(self.train[modality], source)
            for modality, source in experiment.sources.items()
        }
        self.own_partner = {
            lead: partner if partner and self.material.is_present(partner) else None
            for lead, partner in own_partner.items()
        }
        self.by_label = {  # indices of what is paired by label
            modality: [
                i for i, e in enumerate(examples) if e.corpus not in experiment.natural_corpora
            ]
            for modality, examples in self.train.items()
        }
        self.neutral = {m: self._neutral_examples(m) for m in experiment.neutral_partners}
        self.draws = optim.draws or len(self.train[self.lead])
        self.batches = batch_count(self.draws, optim.batch_size)

    def epoch(self, epoch: int) -> Batches:
        """Paired, partly hidden batches of one epoch."""
        seed = self.experiment.seed
        generator = epoch_generator(seed, epoch)
        drawn = draw_indices(self.weights[self.lead], self.draws, generator)
        clips = [self.train[self.lead][i] for i in drawn]
        drawn_pairs = (
            Pair.of({self.lead: clip, self.partner: partner})
            for clip, partner in zip(clips, self._partners(clips, generator), strict=True)
        )
        pairs = [self._neutralise(self._hide(pair, generator), generator) for pair in drawn_pairs]
        lengths = [pair_length(pair, None if self.cached else self.material) for pair in pairs]
        order = np.arange(len(pairs))
        size = self.experiment.optim.batch_size
        bucket = BUCKET if self.cached else CLIP_BUCKET
        batches = list(batches_by_length(order, lengths, size, generator, bucket))
        places = itertools.count()
        plan = [
            [
                Drawn(pairs[i], (seed, epoch, next(places)), self._views(pairs[i], generator))
                for i in batch
            ]
            for batch in batches
        ]
        return Batches(plan, self._load, from_cache=bool(self.cached))

    def validate(self, framework: nn.Module) -> dict[str, float]:
        """UA by set, and `score`: the mean over leads alone, partners alone and all pairs."""
        device = next(framework.parameters()).device
        figures: dict[SetName, float] = {}
        for name, pairs in self.dev.items():
            logits = [
                framework(self._collate(pairs[i : i + 64]).to(device)).logits.float().cpu().numpy()
                for i in range(0, len(pairs), 64)
            ]
            table = confusion(label_indices(pairs), np.concatenate(logits).argmax(1), len(FOUR))
            figures[name] = unweighted_accuracy(table)
        by_modality: dict[str, list[float]] = {self.lead: [], self.partner: [], COMBINED: []}
        for name, figure in figures.items():
            by_modality[name.modality or COMBINED].append(figure)
        score = float(np.mean([np.mean(values) for values in by_modality.values()]))
        return {**{str(name): figure for name, figure in figures.items()}, "score": score}

    def _partners(
        self, clips: Sequence[Example], generator: np.random.Generator
    ) -> list[Example | None]:
        """The other half of each recording, or None if it has none; of other corpora, by label."""
        labels = [clip.emotion for clip in clips if clip not in self.own_partner]
        rows = self.by_label[self.partner]
        pool = [self.train[self.partner][i] for i in rows]
        chosen = label_partners(labels, pool, generator, self.weights[self.partner][rows])
        drawn = iter([pool[i] for i in chosen])
        return [
            self.own_partner[clip] if clip in self.own_partner else next(drawn) for clip in clips
        ]

    def _by_length(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Pairs in an order in which batches need little padding: by their partners' length."""

        def lengths(pair: Pair) -> list[int]:
            halves = (getattr(pair, self.partner), getattr(pair, self.lead))
            return [self.material.size(half) for half in halves if half]

        return sorted(pairs, key=lengths)

    def _neutral_examples(self, modality: str) -> tuple[list[Example], NDArray[np.float64]]:
        """Of the training examples; and their chances."""
        examples = self.train[modality]
        rows = [i for i in self.by_label[modality] if examples[i].emotion == NEUTRAL]
        weights = self.weights[modality][rows]
        return [examples[i] for i in rows], weights / weights.sum()

    def _dev_parts(self, modality: str) -> list[Example]:
        parts = [getattr(p, modality) for items in self.dev.values() for p in items]
        return [part for part in parts if part is not None]

    def _neutralise(self, pair: Pair, generator: np.random.Generator) -> Pair:
        """Now and then, a neutral example in place of one half; the pair keeps its label.

        Not of a half alone, which would be neutral far too often, and not of a recording.
        """
        halves = getattr(pair, self.lead), getattr(pair, self.partner)
        if not self.neutral or None in halves or pair.first in self.own_partner:
            return pair
        chance = generator.random()
        for modality, share in self.experiment.neutral_partners.items():
            chance -= share
            if chance < 0:
                examples, weights = self.neutral[modality]
                neutral = examples[int(generator.choice(len(examples), p=weights))]
                change: dict[str, Any] = {modality: neutral, "label": pair.emotion}
                return replace(pair, **change)
        return pair

    def _hide(self, pair: Pair, generator: np.random.Generator) -> Pair:
        chance = generator.random()
        for hidden, present in ((self.lead, self.partner), (self.partner, self.lead)):
            chance -= self.experiment.drop_modality.get(hidden, 0.0)
            if chance < 0 and getattr(pair, present) is not None:
                return Pair.of({present: getattr(pair, present)})
        return pair

    def _load(self, rows: Sequence[Drawn]) -> Labelled:
        """One training batch."""
        pairs = [row.item for row in rows]
        matched = torch.tensor([pair.is_matched for pair in pairs])
        return Labelled(self._collate(pairs, rows), label_indices(pairs), matched=matched)

    def _collate(self, pairs: Sequence[Pair], drawn: Sequence[Drawn] = ()) -> Batch:
        """Augmented if they were drawn for training."""
        if not self.cached:
            generators = [row.generator() for row in drawn] if drawn else [None] * len(pairs)
            read = zip(pairs, generators, strict=True)
            utterances = [self.material.utterance(p.parts, generator) for p, generator in read]
            return collate(utterances, self.tokenize)
        views = [row.views for row in drawn] or [{}] * len(pairs)
        return collate_features(
            [
                {m: self._row(getattr(p, m), v.get(m, 0)) for m in (self.lead, self.partner)}
                for p, v in zip(pairs, views, strict=True)
            ],
            self.widths,
        )

    def _views(self, pair: Pair, generator: np.random.Generator) -> dict[str, int]:
        """Modality → which of the cached views of that half is read."""
        halves = {m: half for m in (self.lead, self.partner) if (half := getattr(pair, m))}
        if not self.cached:
            return {}
        return {m: int(generator.integers(len(self.cached[half]))) for m, half in halves.items()}

    def _row(self, example: Example | None, view: int) -> Tensor | None:
        return None if example is None else self.cached[example][view]

    def _compute(
        self, modality: str, encoder: Encoder, device: torch.device | None, cache: Path | None
    ) -> None:
        """Features of every example; view 0 is the example as it is, others are augmented."""
        source = self.experiment.sources[modality]
        examples, train = self.examples[modality], set(self.train[modality])
        if modality in self.lower:
            lower = frozen_views(
                self.lower[modality], self.read[modality], self.material, self.experiment,
                tokenize=self.tokenize, device=device, cache=cache,
            )  # fmt: skip
            self.cached |= views_above(encoder, lower, examples, train, device=device, cache=cache)
            return
        as_it_is = modality == "text" and not source.transcript_probability
        views = 0 if as_it_is else source.views  # without augmentation, all views are the same
        self.cached |= feature_views(
            encoder, examples, train, self.material, views,
            self.experiment.seed_of_views, tokenize=self.tokenize, device=device, cache=cache,
        )  # fmt: skip


def lower_parts(experiment: Experiment, encoders: Mapping[str, Encoder]) -> dict[str, Encoder]:
    """Modality → the frozen part of its encoder, of those that are cached by themselves."""
    if not experiment.cache_frozen:
        return {}
    parts = {modality: encoder.frozen_part() for modality, encoder in encoders.items()}
    return {modality: part for modality, part in parts.items() if part is not None}


def label_indices(pairs: Sequence[Pair]) -> Tensor:
    """(B,) indices into the four classes."""
    return torch.tensor([FOUR.index(pair.emotion) for pair in pairs])
