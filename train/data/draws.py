"""Which examples make up a training epoch and its batches; drawn from (seed, epoch) alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mer_core.data import Example
from train.config import SourceConfig

BUCKET = 16  # batches; of texts, whose lengths differ little
# Of clips: of batches of 32 with IEMOCAP's lengths, 6 % is padding, and with a bucket of 16, 17 %.
CLIP_BUCKET = 64


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """The same numbers whenever this epoch runs, so that a resumed run repeats them."""
    return np.random.default_rng([seed, epoch])


def draw_weights(examples: Sequence[Example], source: SourceConfig) -> NDArray[np.float64]:
    """(N,) chances: corpora by their share, classes within a corpus by `source.balance`."""
    counts = Counter((e.corpus, e.emotion) for e in examples)
    weights = np.array([counts[e.corpus, e.emotion] ** -source.balance for e in examples])
    corpora = np.array([e.corpus for e in examples])
    for corpus in set(corpora):
        rows = corpora == corpus
        weights[rows] *= source.corpora[corpus] / weights[rows].sum()
    return np.asarray(weights / weights.sum())


def draw_indices(
    weights: NDArray[np.float64], draws: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """`draws` indices with expected counts `draws · weights`, as evenly as whole numbers allow.

    Systematic sampling: an example of weight 1/N is drawn once, not zero to three times.
    """
    positions = (np.arange(draws) + generator.random()) / draws
    order = generator.permutation(len(weights))
    cumulative = np.cumsum(weights[order])
    chosen = order[np.searchsorted(cumulative / cumulative[-1], positions, side="right")]
    return generator.permutation(chosen)


def batches_by_length(
    indices: NDArray[np.int64],
    lengths: Sequence[int],
    batch_size: int,
    generator: np.random.Generator,
    bucket: int = BUCKET,
) -> Iterator[NDArray[np.int64]]:
    """Batches of similar length (less padding), in random order; a single last item is dropped.

    Args:
        indices: Of the items, in random order.
        lengths: Of all items that `indices` may name.
        batch_size: Items in a batch; the last one may have fewer.
        generator: Of the order of the batches.
        bucket: Batches within which items are sorted: more make for less padding, and for batches
            whose items meet again and again.
    """
    bucket *= batch_size
    batches = []
    for start in range(0, len(indices), bucket):
        part = indices[start : start + bucket]
        part = part[np.argsort([lengths[i] for i in part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    for i in generator.permutation(len(batches)):
        if len(batches[i]) > 1:
            yield batches[i]


def batch_count(draws: int, batch_size: int) -> int:
    """How many batches `batches_by_length` yields of `draws` indices."""
    return draws // batch_size + (draws % batch_size > 1)


def label_partners(
    labels: Sequence[str],
    pool: Sequence[Example],
    generator: np.random.Generator,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """For each label, the index of a random example of `pool` that has it.

    Args:
        labels: Of the partners.
        pool: Candidates, all of one split.
        generator: Source of randomness.
        weights: (len(pool),) relative chances of the candidates; equal if None.

    Raises:
        ValueError: A label has no example in `pool`.
    """
    emotions = np.array([e.emotion for e in pool])
    required = np.array(labels)
    chances = np.ones(len(pool)) if weights is None else weights
    partners = np.zeros(len(labels), dtype=np.int64)
    for label in sorted(set(labels)):
        rows = np.flatnonzero(required == label)
        candidates = np.flatnonzero(emotions == label)
        if not len(candidates):
            raise ValueError(f"No partner labelled {label!r} to pair with.")
        share = chances[candidates] / chances[candidates].sum()
        partners[rows] = generator.choice(candidates, size=len(rows), p=share)
    return partners
