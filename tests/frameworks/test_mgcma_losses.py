"""MGCMA's terms against slow loops."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch

from mer_core.data.collate import collate_features
from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.base import MATCHED
from mer_core.frameworks.mgcma import MGCMA
from tests.frameworks.changed import perturb
from tests.frameworks.tiny_mgcma import LABELS, WIDTH, WIDTHS, mgcma, rows


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def cosines_over_temperature(output, kept, temperature):
    speech = output.features["speech_embedding"].detach()
    text = output.features["text_embedding"].detach()
    return [[float(speech[i] @ text[j]) / temperature for j in kept] for i in kept]


def slow_wasserstein(output, kept):
    speech = [output.features[f"speech_{k}"].detach() for k in ("mean", "std")]
    text = [output.features[f"text_{k}"].detach() for k in ("mean", "std")]
    return [
        [sum(float(((a[i] - b[j]) ** 2).sum()) for a, b in zip(speech, text, strict=True))
         for j in kept]
        for i in kept
    ]  # fmt: skip


def slow_info_nce(similarity, positive):
    n, total = len(similarity), 0.0
    for matrix in (similarity, list(zip(*similarity, strict=True))):
        for i, row in enumerate(matrix):
            partition = sum(math.exp(s) for s in row)
            positives = [j for j in range(n) if positive(i, j)]
            total -= sum(math.log(math.exp(row[j]) / partition) for j in positives) / len(positives)
    return total / (2 * n)


@pytest.mark.parametrize("incomplete", ["absent", "unmatched"])
@pytest.mark.parametrize("targets", ["pair", "label"])
def test_losses_equal_the_slow_loops_over_the_complete_rows(targets, incomplete):
    model = perturb(mgcma(distribution_targets=targets, instance_targets=targets))
    absent = {(1, "text")} if incomplete == "absent" else ()
    output = model(collate_features(rows(absent), WIDTHS))
    if incomplete == "unmatched":
        matched = torch.tensor([True, False, True, True])
        output = dataclasses.replace(output, masks={**output.masks, MATCHED: matched})
    labels, kept = [0, 1, 0, 2], [0, 2, 3]

    def positive(i, j):
        return i == j if targets == "pair" else labels[kept[i]] == labels[kept[j]]

    losses = model.losses(output, torch.tensor(labels))
    instance = slow_info_nce(cosines_over_temperature(output, kept, 0.07), positive)
    assert losses["instance"].item() == pytest.approx(instance, rel=1e-4)
    temperature = model.distribution_similarity.log_temperature.exp().item()
    sims = [[-w / WIDTH / temperature for w in row] for row in slow_wasserstein(output, kept)]
    assert losses["distribution"].item() == pytest.approx(slow_info_nce(sims, positive), rel=1e-4)
    log_p = torch.log_softmax(output.logits, dim=1)
    ce = -sum(log_p[i, c].item() for i, c in enumerate(labels)) / 4  # every row, also incomplete
    assert losses["ce"].item() == pytest.approx(ce, rel=1e-5)


@pytest.mark.parametrize("kind", ["scaled", "map", "sigmoid"])
def test_every_similarity_trains(kind):
    model = mgcma(distribution_similarity=kind).train()
    output = model(collate_features(rows(), WIDTHS))
    loss = model.losses(output, torch.tensor([0, 1, 2, 0]))["distribution"]
    loss.backward()
    assert loss.item() > 0
    assert all(p.grad.abs() > 0 for p in model.distribution_similarity.parameters())
    assert model.speech_gaussian.log_std_out.weight.grad.abs().sum() > 0


def test_sigmoid_similarity_is_binary_cross_entropy():
    model = mgcma(distribution_similarity="sigmoid")
    output = model(collate_features(rows(), WIDTHS))
    distances = slow_wasserstein(output, range(4))
    total = 0.0
    for i, j in itertools.product(range(4), repeat=2):
        p = 1 / (1 + math.exp(distances[i][j] / WIDTH - model.distribution_similarity.shift.item()))
        total -= math.log(p if i == j else 1 - p) / 16
    result = model.losses(output, torch.tensor([0, 1, 2, 0]))["distribution"]
    assert result.item() == pytest.approx(total, rel=1e-4)


def test_default_loss_of_the_distribution_term_starts_near_log_b():
    speech, text = CachedEncoder("speech", 192), CachedEncoder("text", 384)
    model = MGCMA(speech, text, LABELS).eval()
    made = [{"speech": torch.randn(9, 192), "text": torch.randn(6, 384)} for _ in range(16)]
    loss = model.losses(model(collate_features(made, WIDTHS)), torch.zeros(16).long())[
        "distribution"
    ]
    assert loss.item() == pytest.approx(math.log(16), abs=0.15)
