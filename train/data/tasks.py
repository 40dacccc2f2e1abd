"""What the loop trains on: single examples for an encoder, label-paired ones for a framework."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mer_core.data import Example, collate, load_corpus
from mer_core.data.collate import Tokenize
from mer_core.emotions import FOUR, LABEL_SETS
from mer_core.frameworks.base import Framework
from mer_core.metrics.recognition import confusion, unweighted_accuracy
from mer_core.types import Utterance
from train.config import Experiment, SourceConfig
from train.data.draws import (
    batch_count,
    batches_by_length,
    draw_indices,
    draw_weights,
    epoch_generator,
)
from train.data.labelled import Labelled
from train.data.material import Material

FIELDS = {"speech": "path", "text": "text", "video": "image"}  # modality → field of `Example`


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
    field = FIELDS[modality]
    value = getattr(example, field)
    only: dict[str, Any] = {**dict.fromkeys(FIELDS.values()), field: value}
    return replace(example, **only) if value else None


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
        cache: Path | None = None,
    ) -> None:
        ((modality, self.source),) = experiment.sources.items()
        self.experiment = experiment
        self.labels = LABEL_SETS[experiment.labels]
        self.tokenize = tokenize
        self.train = source_examples(self.source, root, "train", self.labels, modality)
        self.dev = source_examples(self.source, root, "dev", self.labels, modality)
        self.material = Material([*self.train, *self.dev], experiment.sources, cache)
        self.weights = draw_weights(self.train, self.source)
        self.classes = classes_of_corpora(self.train, self.labels)
        optim = experiment.optim
        self.draws = optim.draws or len(self.train)
        self.batches = batch_count(self.draws, optim.batch_size)

    def epoch(self, epoch: int) -> Iterator[Labelled]:
        """Augmented batches of one epoch."""
        generator = epoch_generator(self.experiment.seed, epoch)
        indices = draw_indices(self.weights, self.draws, generator)
        lengths = [len(e.text or "") for e in self.train]
        size = self.experiment.optim.batch_size
        for batch in batches_by_length(indices, lengths, size, generator):
            examples = [self.train[i] for i in batch]
            utterances = [self.material.utterance([e], generator) for e in examples]
            batch_classes = self.classes[batch] if self.experiment.restrict_classes else None
            yield Labelled(
                collate(utterances, self.tokenize),
                class_indices(examples, self.labels),
                batch_classes,
            )

    def validate(self, framework: Framework) -> dict[str, float]:
        """UA over the full set and over four classes, by corpus, and their mean as `score`.

        The accuracy over the full set, `_wa`, is only reported.
        """
        utterances = [self.material.utterance([e]) for e in self.dev]
        logits = predict_logits(framework, utterances, self.tokenize)
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


def predict_logits(
    framework: Framework,
    utterances: Sequence[Utterance],
    tokenize: Tokenize | None = None,
    batch_size: int = 32,
) -> NDArray[np.float32]:
    """(N, C) logits in the order of `utterances`; similar lengths are batched together."""
    device = next(framework.parameters()).device
    size = [0 if u.waveform is None else len(u.waveform) for u in utterances]
    order = sorted(range(len(utterances)), key=lambda i: (size[i], len(utterances[i].text or "")))
    rows = np.zeros((len(utterances), len(framework.labels)), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            batch = collate([utterances[i] for i in part], tokenize).to(device)
            rows[part] = framework(batch).logits.float().cpu().numpy()
    return rows
