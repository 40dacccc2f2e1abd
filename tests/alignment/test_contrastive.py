"""Contrastive losses against loops written from the formulas, and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mer_core.alignment.contrastive import (
    contrastive_loss,
    joint_contrast,
    pair_targets,
    same_label_targets,
    sigmoid_contrastive_loss,
    supervised_contrast,
)

LABELS = [0, 1, 0, 2, 1, 0]


def slow_contrastive(similarity, positive, normalise):
    """One pair at a time, in Python floats."""
    n = len(similarity)
    total = 0.0
    for direction in (0, 1):
        for i in range(n):
            row = [similarity[i][j] if direction == 0 else similarity[j][i] for j in range(n)]
            partition = sum(math.exp(s) for s in row)
            positives = [j for j in range(n) if positive(i, j)]
            loss = -sum(math.log(math.exp(row[j]) / partition) for j in positives)
            total += loss / (len(positives) if normalise else 1)
    return total / (2 * n)


def slow_sigmoid(logits, positive):
    n = len(logits)
    total = 0.0
    for i in range(n):
        for j in range(n):
            p = 1 / (1 + math.exp(-logits[i][j]))
            total -= math.log(p) if positive(i, j) else math.log(1 - p)
    return total / n**2


def random_similarity(n=6):
    return torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 2


def test_targets_are_the_diagonal_and_the_equal_labels():
    assert pair_targets(3).tolist() == [[i == j for j in range(3)] for i in range(3)]
    labels = torch.tensor(LABELS)
    expected = [[a == b for b in LABELS] for a in LABELS]
    assert same_label_targets(labels).tolist() == expected


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("kind", ["pair", "label"])
def test_contrastive_loss_equals_the_slow_loops(kind, normalise):
    similarity = random_similarity()
    targets = pair_targets(6) if kind == "pair" else same_label_targets(torch.tensor(LABELS))

    def positive(i, j):
        return i == j if kind == "pair" else LABELS[i] == LABELS[j]

    expected = slow_contrastive(similarity.tolist(), positive, normalise)
    result = contrastive_loss(similarity, targets, normalise=normalise)
    assert result.item() == pytest.approx(expected, rel=1e-12)


def test_sigmoid_loss_equals_the_slow_loops():
    logits = random_similarity()
    targets = same_label_targets(torch.tensor(LABELS))
    expected = slow_sigmoid(logits.tolist(), lambda i, j: LABELS[i] == LABELS[j])
    assert sigmoid_contrastive_loss(logits, targets).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [2, 7, 32])
def test_uniform_similarity_costs_log_b(n):
    similarity = torch.full((n, n), 0.3)
    assert contrastive_loss(similarity, pair_targets(n)).item() == pytest.approx(math.log(n))
    assert sigmoid_contrastive_loss(torch.zeros(n, n), pair_targets(n)).item() == pytest.approx(
        math.log(2)
    )


def test_summing_over_positives_has_the_floor_p_log_p():
    # Two labels of four each, perfectly separated: each positive gets 1/4, so 4 log 4 per row.
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    targets = same_label_targets(labels)
    similarity = torch.where(targets, 50.0, -50.0)
    summed = contrastive_loss(similarity, targets, normalise=False)
    assert summed.item() == pytest.approx(4 * math.log(4), rel=1e-5)
    assert contrastive_loss(similarity, targets).item() == pytest.approx(math.log(4), rel=1e-5)


def test_both_directions_count_alike():
    similarity = random_similarity()
    targets = same_label_targets(torch.tensor(LABELS))
    assert torch.isclose(
        contrastive_loss(similarity, targets), contrastive_loss(similarity.T, targets)
    )
    assert not torch.allclose(similarity, similarity.T)


@pytest.mark.parametrize("loss", [contrastive_loss, sigmoid_contrastive_loss])
def test_absent_rows_and_columns_are_left_out(loss):
    similarity = random_similarity()
    present = torch.tensor([True, False, True, True, False, True])
    spoilt = similarity.clone()
    spoilt[1], spoilt[:, 4] = 1e6, float("nan")
    spoilt.requires_grad_()
    targets = same_label_targets(torch.tensor(LABELS))
    kept = [0, 2, 3, 5]
    expected = loss(similarity[kept][:, kept], targets[kept][:, kept])
    result = loss(spoilt, targets, present)
    assert torch.isclose(result, expected)
    result.backward()
    assert spoilt.grad is not None
    assert torch.isfinite(spoilt.grad).all()
    assert (spoilt.grad[[1, 4]] == 0).all()
    assert (spoilt.grad[:, [1, 4]] == 0).all()


@pytest.mark.parametrize("loss", [contrastive_loss, sigmoid_contrastive_loss])
@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_give_a_zero_that_backpropagates(loss, rows):
    similarity = torch.full((4, 4), float("inf"), requires_grad=True)
    result = loss(similarity, pair_targets(4), torch.arange(4) < rows)
    assert result.item() == 0.0
    result.backward()
    assert similarity.grad is not None
    assert (similarity.grad == 0).all()
    assert loss(torch.zeros(1, 1), pair_targets(1)).item() == 0.0


def test_a_row_without_a_positive_adds_nothing():
    targets = pair_targets(3)
    targets[1] = False
    similarity = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    similarity.requires_grad_()
    result = contrastive_loss(similarity, targets)
    result.backward()
    assert torch.isfinite(result)
    assert similarity.grad is not None
    assert torch.isfinite(similarity.grad).all()


@pytest.mark.parametrize("loss", [contrastive_loss, sigmoid_contrastive_loss])
def test_half_precision_is_computed_in_float32(loss):
    similarity = random_similarity().to(torch.bfloat16)
    result = loss(similarity, pair_targets(6))
    assert result.dtype == torch.float32
    assert torch.isclose(result, loss(similarity.float(), pair_targets(6)))


def slow_supervised(vectors, labels, temperature):
    """Khosla et al. (arXiv 2004.11362), Eq. 2, averaged over all items, in Python floats."""
    total = 0.0
    for i, one in enumerate(vectors):
        others = [j for j in range(len(vectors)) if j != i]
        logits = {
            j: sum(a * b for a, b in zip(one, vectors[j], strict=True)) / temperature
            for j in others
        }
        everything = sum(math.exp(logits[j]) for j in others)
        positives = [j for j in others if labels[j] == labels[i]]
        for j in positives:
            total -= math.log(math.exp(logits[j]) / everything) / len(positives)
    return total / len(vectors)


def unit_vectors(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, 5, generator=generator, dtype=torch.float64), dim=1)


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 2], [0, 0, 0, 0, 0], [0, 1, 2, 3, 4]])
def test_supervised_contrast_agrees_with_the_paper(labels):
    vectors = unit_vectors(5, seed=0).requires_grad_()
    loss = supervised_contrast(vectors @ vectors.T / 0.3, torch.tensor(labels))
    assert loss.item() == pytest.approx(slow_supervised(vectors.tolist(), labels, 0.3), abs=1e-5)
    loss.backward()
    assert vectors.grad.isfinite().all()


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_joint_contrast_is_supervised_contrast_over_both_modalities(temperature):
    first, second = unit_vectors(6, seed=1), unit_vectors(6, seed=2)
    here = [torch.tensor([1, 1, 0, 1, 1, 1]).bool(), torch.tensor([1, 0, 0, 1, 1, 1]).bool()]
    spoilt = [
        v.clone().masked_fill(~p[:, None], torch.nan)
        for v, p in zip((first, second), here, strict=True)
    ]
    for vectors in spoilt:
        vectors.requires_grad_()
    loss = joint_contrast(spoilt, here, torch.tensor(LABELS), temperature)
    kept = [(v, i) for v, p in zip((first, second), here, strict=True) for i in range(6) if p[i]]
    expected = slow_supervised(
        [v[i].tolist() for v, i in kept], [LABELS[i] for _, i in kept], temperature
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    for vectors, present in zip(spoilt, here, strict=True):
        assert (vectors.grad[~present] == 0).all()
        assert (vectors.grad[present].abs().sum(dim=1) > 0).all()


def test_joint_contrast_of_one_class_is_least_where_all_are_equally_near():
    labels, everyone = torch.zeros(4, dtype=torch.long), [torch.ones(4).bool()] * 2
    same = [torch.ones(4, 1)] * 2
    assert joint_contrast(same, everyone, labels, 0.1).item() == pytest.approx(math.log(7))
    apart = [torch.ones(4, 1), -torch.ones(4, 1)]  # a modality of its own costs something
    assert joint_contrast(apart, everyone, labels, 0.1).item() > math.log(7) + 1


@pytest.mark.parametrize("present", [0, 1])
def test_joint_contrast_of_fewer_than_two_items_is_zero(present):
    vectors = torch.ones(3, 2, requires_grad=True)
    here = [torch.arange(3) < present, torch.zeros(3).bool()]
    loss = joint_contrast([vectors, vectors], here, torch.zeros(3).long(), 0.1)
    loss.backward()
    assert loss.item() == 0.0
    assert (vectors.grad == 0).all()


def test_one_item_of_each_modality_and_label_is_finite():
    vectors = torch.ones(2, 2, requires_grad=True)
    here = [torch.tensor([True, False]), torch.tensor([False, True])]
    loss = joint_contrast([vectors, vectors], here, torch.tensor([0, 1]), 0.1)
    loss.backward()
    assert loss.item() == 0.0
    assert vectors.grad.isfinite().all()
