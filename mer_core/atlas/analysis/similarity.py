"""The similarity matrix of a joint cloud, sorted by emotion and modality.

Pairs of an emotion are sorted from typical to unusual and cut into bins of about equal size, the
same ones under every strategy and for both modalities, so that a row of one matrix is the same
recordings as that row of another. A cell is the mean cosine of two bins' recordings, which is the
product of the bins' mean vectors; a recording is not compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mer_core.atlas.distances import normalise_for_metric
from mer_core.atlas.reference import Reference
from mer_core.types import FloatArray

BINS = 12  # of an emotion, at most

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sorting:
    """Which row of the matrix holds which recordings.

    Rows are sorted by emotion, then modality (the leading one first), then bin.

    Attributes:
        bins: (N,) the bin of each pair within its emotion, 0 = most typical.
        sizes: (K,) how many bins each emotion has.
        rows: (2N,) the matrix's row of each recording, in the order of `Reference.joint`.
    """

    bins: NDArray[np.int64]
    sizes: NDArray[np.int64]
    rows: NDArray[np.int64]


def sort_pairs(reference: Reference, bins: int = BINS) -> Sorting:
    """Sort the pairs by how close their halves are to the means of their emotion and modality.

    Args:
        reference: Before alignment; the sorting holds for every strategy.
        bins: Of an emotion; one with fewer pairs has a bin for each.
    """
    typical = _typicality(reference)
    bin_of = np.zeros(len(reference), dtype=np.int64)
    sizes = np.zeros(len(reference.emotions), dtype=np.int64)
    for emotion in range(len(reference.emotions)):
        pairs = np.flatnonzero(reference.labels == emotion)
        sizes[emotion] = min(bins, len(pairs))
        if not len(pairs):
            continue
        ordered = pairs[np.argsort(-typical[pairs], kind="stable")]
        for number, some in enumerate(np.array_split(ordered, sizes[emotion])):
            bin_of[some] = number
    starts = 2 * (np.cumsum(sizes) - sizes)
    first = starts[reference.labels] + bin_of
    return Sorting(bin_of, sizes, np.concatenate([first, first + sizes[reference.labels]]))


@dataclass(frozen=True, eq=False)
class SimilarityMatrix:
    """One strategy's matrix.

    Attributes:
        means: (R, D) mean vector of each row's recordings.
        cells: (R, R) mean cosine of two rows' recordings, −1 to 1.
    """

    means: Floats
    cells: Floats

    @classmethod
    def of(cls, reference: Reference, sorting: Sorting) -> SimilarityMatrix:
        """The matrix of `reference`, sorted as given."""
        vectors = normalise_for_metric(reference.joint, "cosine").astype(np.float64)
        counts = np.bincount(sorting.rows).astype(np.float64)
        means = np.zeros((len(counts), vectors.shape[1]))
        np.add.at(means, sorting.rows, vectors)
        means /= counts[:, None]
        cells = means @ means.T
        squares = np.bincount(sorting.rows, np.square(vectors).sum(axis=1))  # with themselves
        others = counts * (counts - 1)
        inner = np.diag(cells) * counts**2 - squares
        alone = np.diag(cells)  # a row of one recording has only itself
        np.fill_diagonal(cells, np.where(others > 0, inner / np.maximum(others, 1), alone))
        return cls(means, np.clip(cells, -1, 1))

    def row(self, vector: FloatArray) -> Floats:
        """(D,) another recording's embedding → (R,) its mean cosine to each row's recordings."""
        unit = normalise_for_metric(vector[None], "cosine")[0].astype(np.float64)
        return np.asarray(np.clip(self.means @ unit, -1, 1))


@dataclass(frozen=True, eq=False)
class SortedMatrices:
    """The matrices of one framework, with the same recordings in the same rows.

    Attributes:
        sorting: Of all.
        matrices: Strategy → its matrix.
    """

    sorting: Sorting
    matrices: Mapping[str, SimilarityMatrix]

    @classmethod
    def of(cls, references: Mapping[str, Reference], before: str) -> SortedMatrices:
        """Matrices of references of the same pairs, sorted by the one named `before`."""
        sorting = sort_pairs(references[before])
        matrices = {name: SimilarityMatrix.of(one, sorting) for name, one in references.items()}
        return cls(sorting, matrices)

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest cell of all, so that one colour means one similarity everywhere."""
        cells = [matrix.cells for matrix in self.matrices.values()]
        return min(float(one.min()) for one in cells), max(float(one.max()) for one in cells)


def _typicality(reference: Reference) -> Floats:
    """(N,) sum over both halves of the cosine to the mean of their emotion and modality."""
    total = np.zeros(len(reference))
    for vectors in reference.embeddings.values():
        rows = normalise_for_metric(vectors, "cosine").astype(np.float64)
        for emotion in np.unique(reference.labels):
            members = reference.labels == emotion
            mean = rows[members].mean(axis=0)
            total[members] += rows[members] @ mean / max(float(np.linalg.norm(mean)), 1e-12)
    return total
