"""One encoder and its classifier: restricted classes, mixup and contrast, against slow loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.base import CLASSES
from mer_core.frameworks.registry import build_framework
from mer_core.frameworks.unimodal import (
    MIXED_WITH,
    SHARE,
    Unimodal,
    UnimodalConfig,
    restricted_cross_entropy,
)
from mer_core.types import Batch, Features, Output

LABELS = ("angry", "calm", "happy")
TARGETS = torch.tensor([0, 2, 0, 2])


def batch(rows: int = 4) -> Batch:
    tokens = torch.randn(rows, 5, 8)
    present = torch.ones(rows, dtype=torch.bool)
    return Batch(
        cached={"speech": Features(tokens, torch.ones(rows, 5, dtype=torch.bool), present)}
    )


def unimodal(**settings: float) -> Unimodal:
    torch.manual_seed(0)
    return Unimodal(CachedEncoder("speech", 8), LABELS, UnimodalConfig(dropout=0.0, **settings))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_without_restriction_it_is_the_usual_cross_entropy(smoothing: float) -> None:
    logits = torch.randn(4, 3)
    expected = F.cross_entropy(logits, TARGETS, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(
        restricted_cross_entropy(logits, TARGETS, smoothing=smoothing), expected
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_classes_that_a_corpus_lacks_do_not_count(smoothing: float) -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    classes = torch.tensor([[True, False, True]] * 4)
    loss = restricted_cross_entropy(logits, TARGETS, classes, smoothing)
    smaller = F.cross_entropy(
        logits[:, [0, 2]], torch.tensor([0, 1, 0, 1]), label_smoothing=smoothing, reduction="none"
    )
    torch.testing.assert_close(loss, smaller)
    torch.autograd.backward(loss.sum())
    assert logits.grad is not None
    assert not logits.grad[:, 1].any()
    assert logits.grad[:, [0, 2]].all()
    assert logits.grad.sum().item() == pytest.approx(0.0, abs=1e-6)


def test_the_loss_reads_the_mask_that_the_loop_adds() -> None:
    framework = unimodal(label_smoothing=0.1)
    output = framework(batch())
    masks = {CLASSES: torch.tensor([[True, False, True]] * 4)}
    free = framework.losses(output, TARGETS)["ce"]
    restricted = framework.losses(Output(output.logits, masks=masks), TARGETS)["ce"]
    assert restricted < free


def test_mixtures_are_of_pooled_vectors_and_of_losses() -> None:
    framework = unimodal(mixup=0.4, label_smoothing=0.1).train()
    inputs = batch()
    plain = framework.eval()(inputs).features["speech_pooled"]
    output = framework.train()(inputs)
    share, partners = output.features[SHARE], output.features[MIXED_WITH]
    assert sorted(partners.tolist()) == [0, 1, 2, 3]
    assert ((share > 0) & (share < 1)).all()
    expected = torch.tensor(0.0)
    for row in range(4):
        mixed = share[row] * plain[row] + (1 - share[row]) * plain[partners[row]]
        logits = framework.classifier(mixed)
        torch.testing.assert_close(output.logits[row], logits)
        for label, weight in ((TARGETS[row], share[row]), (TARGETS[partners[row]], 1 - share[row])):
            expected = expected + weight * F.cross_entropy(logits, label, label_smoothing=0.1) / 4
    torch.testing.assert_close(framework.losses(output, TARGETS)["ce"], expected)
    torch.testing.assert_close(output.features["speech_pooled"], plain)


def test_a_mixture_may_have_the_classes_of_both_corpora() -> None:
    framework = unimodal(mixup=1.0)
    features = {MIXED_WITH: torch.tensor([1, 0]), SHARE: torch.tensor([0.5, 0.5])}
    masks = {CLASSES: torch.tensor([[True, True, False], [True, False, True]])}
    output = Output(torch.randn(2, 3), features=features, masks=masks)
    loss = framework.losses(output, torch.tensor([1, 2]))["ce"]  # each label is the other's lack
    assert math.isfinite(loss.item())


def test_evaluation_mixes_nothing() -> None:
    framework = unimodal(mixup=0.4).eval()
    inputs = batch()
    assert MIXED_WITH not in framework(inputs).features
    torch.testing.assert_close(framework(inputs).logits, framework(inputs).logits)


def test_contrast_is_a_term_only_where_it_has_a_temperature() -> None:
    framework = unimodal(contrast_temperature=0.1)
    output = framework(batch())
    assert set(framework.losses(output, TARGETS)) == {"ce", "contrast"}
    assert set(unimodal().losses(output, TARGETS)) == {"ce"}
    one = framework(batch(1))
    assert framework.losses(one, TARGETS[:1])["contrast"].item() == 0.0


def test_standardised_statistics_are_scaled_by_the_training_batches() -> None:
    framework = unimodal(standardize=True, attentive=False).train()
    (features,) = (item := batch(16)).cached.values()
    plain = torch.cat(
        [features.tokens.mean(1), (features.tokens.var(1, correction=0) + 1e-4).sqrt()], dim=1
    )
    scaled = framework(item).features["speech_pooled"]
    torch.testing.assert_close(scaled.mean(0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.var(0, correction=0), torch.ones(16), atol=1e-3, rtol=0)
    for _ in range(400):  # the running estimates arrive at this batch's
        framework(item)
    found = framework.eval()(item).features["speech_pooled"]
    expected = (plain - plain.mean(0)) / plain.std(0)
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)


def test_the_architecture_rebuilds_it() -> None:
    framework = unimodal(mixup=0.2, contrast_temperature=0.1, label_smoothing=0.1)
    again = build_framework(framework.architecture(), LABELS)
    assert again.architecture() == framework.architecture()
