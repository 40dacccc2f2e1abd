"""The similarity matrix against loops over recordings."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from mer_core.atlas.analysis.similarity import SimilarityMatrix, SortedMatrices, sort_pairs
from mer_core.atlas.reference import Reference
from tests.atlas.conftest import make_reference, with_pairs


@pytest.mark.parametrize("bins", [3, 12, 40])
def test_cells_are_means_over_recordings(bins: int) -> None:
    reference = make_reference(13, 8, 0.8)
    sorting = sort_pairs(reference, bins)
    matrix = SimilarityMatrix.of(reference, sorting)
    every = cosine_similarity(reference.joint.astype(np.float64))
    rows = 2 * int(sorting.sizes.sum())
    assert matrix.cells.shape == (rows, rows)
    for i in range(0, rows, 3):
        for j in range(rows):
            values = [
                every[one, other]
                for one in np.flatnonzero(sorting.rows == i)
                for other in np.flatnonzero(sorting.rows == j)
                if one != other
            ]
            if values:  # a recording alone is not compared with itself
                assert matrix.cells[i, j] == pytest.approx(np.mean(values), abs=1e-6)
    np.testing.assert_array_equal(matrix.cells, matrix.cells.T)


def test_rows_are_sorted_by_emotion_then_modality_then_typicality() -> None:
    reference = make_reference(20, 8, 0.8)
    sorting = sort_pairs(reference, 5)
    assert sorting.sizes.tolist() == [5, 5, 5, 5]
    joint = reference.joint.astype(np.float64)
    joint /= np.linalg.norm(joint, axis=1, keepdims=True)
    count = len(reference)
    for emotion in range(4):
        pairs = np.flatnonzero(reference.labels == emotion)
        for modality in (0, 1):
            rows = sorting.rows[pairs + modality * count]
            first = 10 * emotion + 5 * modality
            assert np.bincount(rows - first).tolist() == [4] * 5
        np.testing.assert_array_equal(sorting.rows[pairs] + 5, sorting.rows[pairs + count])
        typical = np.zeros(len(pairs))
        for modality in (0, 1):
            members = joint[pairs + modality * count]
            mean = members.mean(axis=0)
            typical += members @ mean / np.linalg.norm(mean)
        ordered = sorting.bins[pairs[np.argsort(-typical)]]
        assert (np.diff(ordered) >= 0).all()


def test_another_recording_has_the_row_that_it_would_have_in_the_matrix() -> None:
    reference = make_reference(15, 8, 0.4)
    sorting = sort_pairs(reference)
    matrix = SimilarityMatrix.of(reference, sorting)
    vector = make_reference(1, 8, 0.4, seed=5).joint[0]
    every = cosine_similarity(vector[None].astype(np.float64), reference.joint)[0]
    expected = [every[sorting.rows == row].mean() for row in range(len(matrix.cells))]
    np.testing.assert_allclose(matrix.row(vector), expected, atol=1e-6)


def test_reordering_the_pairs_changes_no_cell() -> None:
    reference = make_reference(24, 8, 0.8)
    order = np.random.default_rng(2).permutation(len(reference))
    other = with_pairs(reference, order)
    first, second = sort_pairs(reference), sort_pairs(other)
    np.testing.assert_array_equal(second.bins, first.bins[order])
    cells = [SimilarityMatrix.of(r, s).cells for r, s in ((reference, first), (other, second))]
    np.testing.assert_allclose(cells[0], cells[1], atol=1e-12)


def test_all_strategies_share_rows_and_range() -> None:
    references: dict[str, Reference] = {
        name: make_reference(12, 8, gap, seed=number)
        for number, (name, gap) in enumerate((("none", 1.2), ("all", 0.1)))
    }
    found = SortedMatrices.of(references, "none")
    np.testing.assert_array_equal(found.sorting.rows, sort_pairs(references["none"]).rows)
    low, high = found.range
    assert low == min(matrix.cells.min() for matrix in found.matrices.values())
    assert high == max(matrix.cells.max() for matrix in found.matrices.values())


def test_emotions_of_few_or_no_pairs() -> None:
    reference = make_reference(6, 8)
    kept = np.flatnonzero(reference.labels != 2)[3:]  # three angry pairs, no neutral one
    few = with_pairs(reference, kept)
    sorting = sort_pairs(few, 5)
    assert sorting.sizes.tolist() == [3, 5, 0, 5]
    cells = SimilarityMatrix.of(few, sorting).cells
    assert cells.shape == (26, 26)
    assert np.isfinite(cells).all()
