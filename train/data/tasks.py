"""What the loop trains on: single examples for an encoder, label-paired ones for a framework."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mer_core.data import Example, collate, load_corpus
from mer_core.data.collate import Tokenize, collate_features
from mer_core.emotions import FOUR, LABEL_SETS
from mer_core.encoders.base import Encoder
from mer_core.metrics.recognition import confusion, unweighted_accuracy
from mer_core.types import Batch
from train.config import Experiment, SourceConfig
from train.data.draws import (
    BUCKET,
    CLIP_BUCKET,
    batch_count,
    batches_by_length,
    draw_indices,
    draw_weights,
    epoch_generator,
)
from train.data.features import Rows, feature_views
from train.data.labelled import Labelled
from train.data.lengths import heard_size
from train.data.loading import Batches, Drawn
from train.data.material import Material

EVALUATION_BATCH = 32
# Modality → the fields of `Example` that it reads: a picture or a film.
FIELDS = {"speech": ("path",), "text": ("text",), "video": ("image", "video")}


def source_examples(
    source: SourceConfig,
    root: Path,
    split: str,
    labels: tuple[str, ...],
    modality: str,
) -> list[Example]:
    """Examples of one split of a source's corpora, in a fixed order.

    Args:
        source: Whose corpora are read; it may have splits of its own.
        root: Folder of the corpora.
        split: `train`, `dev` or `test`.
        labels: Examples with another label are left out.
        modality: Half of an example to take; examples without it are left out.
    """
    return [
        half
        for corpus in source.corpora
        for example in load_corpus(corpus, root, labels=labels)
        if is_in(example, split, source) and (half := half_of(example, modality))
    ]


def is_in(example: Example, split: str, source: SourceConfig) -> bool:
    """Whether an example is in a split of a source."""
    if source.speakers:
        return example.group in source.speakers.get(split, ())
    return example.split == split


def half_of(example: Example, modality: str) -> Example | None:
    """The example with only what one modality reads; None if that is missing or empty."""
    own = {field: getattr(example, field) for field in FIELDS[modality]}
    others = (field for fields in FIELDS.values() for field in fields)
    only: dict[str, Any] = {**dict.fromkeys(others), **own}
    return replace(example, **only) if any(own.values()) else None


def of_corpora(source: SourceConfig, root: Path, modality: str) -> list[Example]:
    """All halves of one modality, of every split and label: one cache for whatever a run needs."""
    halves = (half_of(e, modality) for corpus in source.corpora for e in load_corpus(corpus, root))
    return [half for half in halves if half]


def frozen_views(
    frozen: Encoder,
    examples: Sequence[Example],
    material: Material,
    experiment: Experiment,
    **options: Any,
) -> dict[Example, Rows]:
    """Example → (T, D) features of what never learns of an encoder: as it is, then augmented.

    Args:
        frozen: That part, as an encoder of its own.
        examples: Of `of_corpora`.
        material: Where they are read.
        experiment: Whose source of this modality says how, and how often, they are augmented.
        options: `tokenize`, `device` and `cache` of `feature_views`.
    """
    source = experiment.sources[frozen.modality]
    views: dict[Example, Rows] = {}
    for corpus in source.corpora:
        own = [example for example in examples if example.corpus == corpus]
        views |= feature_views(
            frozen, own, set(own), material, source.views, experiment.seed_of_views, **options
        )
    return views


class SingleTask:
    """Examples of one modality, with one label each: how the encoders are trained.

    The development score is the mean over corpora of the four-class UA, read from restricted
    logits, and of the UA over each corpus' full label set: the full sets are larger, so their
    figure varies less, and the four classes are what ships.
    """

    def __init__(
        self,
        experiment: Experiment,
        root: Path,
        *,
        tokenize: Tokenize | None = None,
        frozen: Encoder | None = None,
        device: torch.device | None = None,
        cache: Path | None = None,
    ) -> None:
        """Read the examples.

        Args:
            experiment: Of one source.
            root: Folder of the corpora.
            tokenize: Needed if the encoder reads text.
            frozen: The part of the encoder whose features are computed once; None: none are.
            device: Where they are computed.
            cache: Folder for decoded material and features.
        """
        ((modality, self.source),) = experiment.sources.items()
        self.experiment = experiment
        self.labels = LABEL_SETS[experiment.labels]
        self.tokenize = tokenize
        self.train = source_examples(self.source, root, "train", self.labels, modality)
        self.dev = source_examples(self.source, root, "dev", self.labels, modality)
        everything = of_corpora(self.source, root, modality) if frozen else [*self.train, *self.dev]
        self.material = Material(everything, experiment.sources, cache)
        self.train = [example for example in self.train if self.material.is_present(example)]
        self.dev = [example for example in self.dev if self.material.is_present(example)]
        self.frozen = frozen
        self.cached: dict[Example, Rows] = {}
        if frozen:
            self.cached = frozen_views(
                frozen, everything, self.material, experiment,
                tokenize=tokenize, device=device, cache=cache,
            )  # fmt: skip
        # Of cached features, padding costs little.
        self.lengths = [0 if frozen else heard_size(e, self.material) for e in self.train]
        self.bucket = CLIP_BUCKET if modality == "speech" and not frozen else BUCKET
        self.weights = draw_weights(self.train, self.source)
        self.classes = classes_of_corpora(self.train, self.labels)
        optim = experiment.optim
        self.draws = optim.draws or len(self.train)
        self.batches = batch_count(self.draws, optim.batch_size)

    def epoch(self, epoch: int) -> Batches:
        """Augmented batches of one epoch."""
        seed = self.experiment.seed
        generator = epoch_generator(seed, epoch)
        indices = draw_indices(self.weights, self.draws, generator)
        size = self.experiment.optim.batch_size
        batches = list(batches_by_length(indices, self.lengths, size, generator, self.bucket))
        places = itertools.count()
        plan = [
            [
                Drawn(int(i), (seed, epoch, next(places)), self._drawn_view(int(i), generator))
                for i in batch
            ]
            for batch in batches
        ]
        return Batches(plan, self._load, from_cache=self.frozen is not None)

    def _drawn_view(self, index: int, generator: np.random.Generator) -> dict[str, int]:
        """Which of the cached views of a training example is read."""
        if self.frozen is None:
            return {}
        views = self.cached[self.train[index]]
        return {self.frozen.modality: int(generator.integers(len(views)))}

    def _load(self, rows: Sequence[Drawn]) -> Labelled:
        """One training batch."""
        examples = [self.train[row.item] for row in rows]
        if self.frozen is None:
            batch = self._collate(examples, [row.generator() for row in rows])
        else:
            views = [row.views[self.frozen.modality] for row in rows]
            batch = self._collate_cached(examples, views)
        chosen = [row.item for row in rows]
        classes = self.classes[chosen] if self.experiment.restrict_classes else None
        return Labelled(batch, class_indices(examples, self.labels), classes)

    def validate(self, framework: nn.Module) -> dict[str, float]:
        """UA over the full set and over four classes, by corpus, and their mean as `score`.

        The accuracy over the full set, `_wa`, is only reported.
        """
        device = next(framework.parameters()).device
        order = sorted(range(len(self.dev)), key=lambda i: self.material.size(self.dev[i]))
        logits = np.zeros((len(order), len(self.labels)), np.float32)
        for start in range(0, len(order), EVALUATION_BATCH):
            part = order[start : start + EVALUATION_BATCH]
            batch = self._collate([self.dev[i] for i in part]).to(device)
            logits[part] = framework(batch).logits.float().cpu().numpy()
        figures: dict[str, float] = {}
        accuracies: dict[str, float] = {}
        four = [self.labels.index(name) for name in FOUR]
        for corpus in self.source.corpora:
            rows = logits[[e.corpus == corpus for e in self.dev]]
            truth = class_indices([e for e in self.dev if e.corpus == corpus], self.labels)
            full = sorted(set(truth.tolist()))
            figures[f"{corpus}_ua"] = restricted_ua(rows, truth, full)
            figures[f"{corpus}_ua4"] = restricted_ua(rows, truth, four)
            chosen = np.array(full)[rows[:, full].argmax(axis=1)]
            accuracies[f"{corpus}_wa"] = float((chosen == truth.numpy()).mean())
        return {**figures, **accuracies, "score": float(np.mean(list(figures.values())))}

    def _collate(
        self, examples: Sequence[Example], generators: Iterable[np.random.Generator | None] = ()
    ) -> Batch:
        """Of clips, texts or pictures; augmented if each has a generator."""
        if self.frozen is not None:
            return self._collate_cached(examples, [0] * len(examples))
        drawn = zip(examples, generators or [None] * len(examples), strict=True)
        utterances = [self.material.utterance([e], generator) for e, generator in drawn]
        return collate(utterances, self.tokenize)

    def _collate_cached(self, examples: Sequence[Example], views: Sequence[int]) -> Batch:
        """Of one view of each example; view 0 is the example as it is."""
        assert self.frozen is not None
        modality, width = self.frozen.modality, self.frozen.width
        rows = [self.cached[e][view] for e, view in zip(examples, views, strict=True)]
        return collate_features([{modality: row} for row in rows], {modality: width})


def class_indices(examples: Sequence[Example], labels: tuple[str, ...]) -> Tensor:
    """(B,) indices into `labels`."""
    return torch.tensor([labels.index(e.emotion) for e in examples])


def classes_of_corpora(examples: Sequence[Example], labels: tuple[str, ...]) -> Tensor:
    """(N, C) bool: the labels that occur in the corpus of each example."""
    occur = {(e.corpus, e.emotion) for e in examples}
    rows = {c: [(c, label) in occur for label in labels] for c in {e.corpus for e in examples}}
    return torch.tensor([rows[e.corpus] for e in examples], dtype=torch.bool)


def restricted_ua(logits: NDArray[np.float32], labels: Tensor, classes: list[int]) -> float:
    """UA among the items whose label is in `classes`, choosing among these classes only."""
    truth = labels.numpy()
    keep = np.isin(truth, classes)
    chosen = np.array(classes)[logits[keep][:, classes].argmax(axis=1)]
    return unweighted_accuracy(confusion(truth[keep], chosen, logits.shape[1]))
