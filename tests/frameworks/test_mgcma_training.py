"""MGCMA in training: absence, draws, half precision, a toy task."""

from __future__ import annotations

import pytest
import torch

from mer_core.data.collate import collate_features
from mer_core.frameworks.base import total_loss
from tests.frameworks.changed import with_absence
from tests.frameworks.tiny_mgcma import SWITCH_NAMES, SWITCHES, WIDTHS, mgcma, mgcma_losses, rows


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


ABSENCES = {
    "none": set(),
    "one text": {(0, "text")},
    "every speech": {(i, "speech") for i in range(4)},
    "every text": {(i, "text") for i in range(4)},
    "everything of one": {(2, "speech"), (2, "text")},
    "all but one pair": {(0, "text"), (1, "speech"), (2, "text")},
    "everything": {(i, k) for i in range(4) for k in ("speech", "text")},
}


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize("absence", ABSENCES)
def test_outputs_and_gradients_are_finite_whatever_is_absent(switches, absence):
    model = mgcma(**dict(zip(SWITCH_NAMES, switches, strict=True))).train()
    batch = with_absence(collate_features(rows(), WIDTHS), ABSENCES[absence])
    output = model(batch)
    assert torch.isfinite(output.logits).all()
    losses = model.losses(output, torch.tensor([0, 1, 1, 2]))
    total = total_loss(losses, {})
    assert torch.isfinite(total)
    total.backward()
    for name, p in model.named_parameters():
        assert p.grad is None or torch.isfinite(p.grad).all(), name


def test_stand_ins_learn_from_absence_and_only_from_it():
    model = mgcma()
    output = model(collate_features(rows(absent={(0, "speech")}), WIDTHS))
    model.losses(output, torch.tensor([0, 1, 2, 0]))["ce"].backward()
    assert model.speech_input.stand_in.grad.abs().sum() > 0
    assert model.text_input.stand_in.grad.abs().sum() == 0


def test_constrain_brings_only_the_temperature_back():
    model = mgcma()
    with torch.no_grad():
        model.distribution_similarity.log_temperature.fill_(9.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.constrain_()
    changed = [n for n, value in model.state_dict().items() if not torch.equal(value, before[n])]
    assert changed == ["distribution_similarity.log_temperature"]
    assert model.distribution_similarity.log_temperature.exp().item() == pytest.approx(10.0)
    mgcma(distribution=False).constrain_()  # has none


def test_draws_count_in_training_and_never_in_evaluation():
    plain = mgcma(dropout=0.0, classifier_dropout=0.0)
    drawing = mgcma(dropout=0.0, classifier_dropout=0.0, samples=5)
    drawing.load_state_dict(plain.state_dict())
    batch = collate_features(rows(), WIDTHS)
    assert torch.equal(drawing(batch).logits, plain(batch).logits)
    drawing.train()
    first, second = drawing(batch), drawing(batch)
    assert not torch.equal(first.logits, second.logits)
    for name in ("speech_embedding", "text_embedding", "speech_mean"):
        assert torch.equal(first.features[name], second.features[name])
    with torch.no_grad():  # without spread, every draw is the mean
        for gaussian in (drawing.speech_gaussian, drawing.text_gaussian):
            gaussian.log_std_out.bias.fill_(-1e9)
            gaussian.log_std_mlp[4].weight.zero_()
    close, mean = drawing(batch), drawing.eval()(batch)
    assert torch.allclose(close.logits, mean.logits, atol=0.05)


def test_bfloat16_autocast_stays_close_and_its_losses_are_float32():
    model = mgcma().train()
    batch = collate_features(rows(absent={(0, "text")}), WIDTHS)
    labels = torch.tensor([0, 1, 2, 0])
    exact = mgcma_losses(model.eval(), batch, labels)
    with torch.autocast("cpu", torch.bfloat16):
        rough = mgcma_losses(model, batch, labels)
    for name, loss in rough.items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(exact[name].item(), abs=0.2)
    total_loss(rough, {}).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in grads)


def test_it_learns_a_toy_task():
    model = mgcma(dropout=0.0, classifier_dropout=0.0).train()
    batch, labels = collate_features(rows(), WIDTHS), torch.tensor([0, 1, 2, 0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    weights = {"distribution": 0.1, "instance": 0.1}
    first = mgcma_losses(model, batch, labels)
    for _ in range(40):
        optimizer.zero_grad()
        total_loss(mgcma_losses(model, batch, labels), weights).backward()
        optimizer.step()
    last = mgcma_losses(model, batch, labels)
    assert last["ce"] < 0.1 < first["ce"]
    assert last["distribution"] < first["distribution"]
    assert last["instance"] < first["instance"]
