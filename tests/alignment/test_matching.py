"""Hard negatives and the matching loss against loops, closed forms and expectations."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from mer_core.alignment.matching import DIFFERENT, SAME, hard_negatives, matching_loss

LABELS = [0, 1, 0, 2, 1, 0]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_similarity(n=6):
    return torch.randn(n, n, generator=generator(3)) * 1.5


def slow_probabilities(similarity, labels, present, row):
    """Column → probability of being drawn for `row`, in Python floats."""
    columns = [
        j for j in range(len(labels)) if labels[j] != labels[row] and present[row] and present[j]
    ]
    total = sum(math.exp(similarity[row][j]) for j in columns)
    return {j: math.exp(similarity[row][j]) / total for j in columns}


def slow_loss(positive, negative):
    """Two logits per pair → mean cross-entropy, one pair at a time."""
    costs = []
    for kind, pairs in ((SAME, positive), (DIFFERENT, negative)):
        for logits in pairs:
            costs.append(-math.log(math.exp(logits[kind]) / sum(math.exp(x) for x in logits)))
    return sum(costs) / len(costs)


def test_draws_follow_the_softmax_over_those_of_another_label():
    similarity, draws = random_similarity(), 4000
    present = [True, True, False, True, True, True]
    result = [Counter() for _ in LABELS]
    source = generator()
    for _ in range(draws):
        index, valid = hard_negatives(
            similarity, torch.tensor(LABELS), torch.tensor(present), source
        )
        assert valid.tolist() == present
        for row, column in enumerate(index.tolist()):
            result[row][column] += 1
    for row in range(6):
        expected = slow_probabilities(similarity.tolist(), LABELS, present, row) or {row: 1.0}
        assert set(result[row]) <= set(expected)  # never the same label, never an absent row
        for column, probability in expected.items():
            assert result[row][column] / draws == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize("temperature", [0.07, 2.659])
def test_the_temperature_sets_how_hard_negatives_are(temperature):
    # Of twelve candidates one has cosine 1 and eleven have -1.
    labels = torch.arange(16) % 4
    cosine = -torch.ones(16, 16)
    hardest = (torch.arange(16) + 1) % 16
    cosine[torch.arange(16), hardest] = 1.0
    source, hits = generator(), 0.0
    for _ in range(500):
        index, valid = hard_negatives(cosine / temperature, labels, generator=source)
        assert valid.all()
        hits += (index == hardest).float().mean().item() / 500
    expected = 1 / (1 + 11 * math.exp(-2 / temperature))  # 0.16 as released, 1.00 as in CLIP
    assert hits == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("labels", [[2] * 6, [2]])
def test_one_label_alone_yields_no_negative_and_no_nan(labels):
    n = len(labels)
    index, valid = hard_negatives(random_similarity(n), torch.tensor(labels))
    assert not valid.any()
    assert index.tolist() == list(range(n))


def test_presence_can_leave_one_label_alone():
    present = torch.tensor([True, False, True, False, False, True])  # only label 0
    _, valid = hard_negatives(random_similarity(), torch.tensor(LABELS), present)
    assert not valid.any()


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), 1e9])
def test_similarities_of_excluded_rows_do_not_matter(junk):
    labels = torch.tensor(LABELS)
    present = torch.tensor([True, True, False, True, True, True])
    similarity = random_similarity()
    spoilt = torch.where(labels[:, None] == labels[None, :], junk, similarity)
    spoilt[2], spoilt[:, 2] = junk, junk
    first, _ = hard_negatives(similarity, labels, present, generator(5))
    again, valid = hard_negatives(spoilt, labels, present, generator(5))
    assert first.tolist() == again.tolist()
    assert valid.tolist() == present.tolist()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_generator_repeats_the_draw_in_any_precision(dtype):
    similarity = random_similarity(6).to(dtype).requires_grad_()
    draws = [hard_negatives(similarity, torch.tensor(LABELS), None, generator(1)) for _ in range(2)]
    assert torch.equal(draws[0][0], draws[1][0])
    assert draws[0][0].dtype == torch.int64
    assert not draws[0][0].requires_grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_matching_loss_equals_the_slow_loops(dtype):
    positive = torch.randn(5, 2, generator=generator(1)).to(dtype)
    negative = torch.randn(5, 2, generator=generator(2)).to(dtype)
    result = matching_loss(positive, negative)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert result.item() == pytest.approx(slow_loss(positive.tolist(), negative.tolist()), rel=1e-5)
    positives = torch.tensor([True, True, False, True, False])
    negatives = torch.tensor([False, True, False, False, False])
    result = matching_loss(positive, negative, positives, negatives)
    expected = slow_loss(positive[positives].tolist(), negative[negatives].tolist())
    assert result.item() == pytest.approx(expected, rel=1e-5)  # over pairs, not over the two kinds


def test_matching_loss_has_its_closed_forms():
    even = torch.zeros(3, 2)
    assert matching_loss(even, even).item() == pytest.approx(math.log(2))
    sure = torch.tensor([[-40.0, 40.0]])  # (different, same)
    assert matching_loss(sure, -sure).item() == 0.0
    assert matching_loss(-sure, sure).item() == pytest.approx(80.0)


def test_excluded_pairs_change_neither_loss_nor_gradient():
    positive = torch.full((3, 2), float("nan"))
    positive[0] = torch.tensor([0.3, -0.2])
    negative = torch.full((3, 2), float("inf"))
    positive.requires_grad_()
    negative.requires_grad_()
    kept = torch.tensor([True, False, False])
    result = matching_loss(positive, negative, kept, torch.zeros(3, dtype=torch.bool))
    result.backward()
    assert result.item() == pytest.approx(slow_loss([[0.3, -0.2]], []))
    assert torch.isfinite(positive.grad).all()
    assert (positive.grad[1:] == 0).all()
    assert (negative.grad == 0).all()


def test_no_pair_gives_a_zero_that_backpropagates():
    logits = torch.full((3, 2), float("nan"), requires_grad=True)
    none = torch.zeros(3, dtype=torch.bool)
    result = matching_loss(logits, logits, none, none)
    assert result.item() == 0.0
    result.backward()
    assert (logits.grad == 0).all()
