"""What is ours in both frameworks: joint contrast, centred embeddings, a learned instance τ."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mer_core.alignment.centring import MOMENTUM
from mer_core.data.collate import collate_features
from mer_core.frameworks.base import MATCHED, total_loss
from tests.frameworks import tiny_foal_net, tiny_mgcma
from tests.frameworks.changed import perturb
from tests.frameworks.tiny_foal_net import foal_net
from tests.frameworks.tiny_mgcma import mgcma

LABELS = [0, 1, 0, 2]
MAKE = {"mgcma": mgcma, "foal_net": foal_net}
MODALITIES = {"mgcma": ("speech", "text"), "foal_net": ("audio", "video")}
PARTNER = {"mgcma": "text", "foal_net": "video"}
WITHOUT = {"mgcma": {"instance": False}, "foal_net": {"avel": False}}  # what else trains them
STILL = {
    "mgcma": {"dropout": 0.0, "classifier_dropout": 0.0},
    "foal_net": {"dropout": 0.0, "classifier_dropout": 0.0, "projection_dropout": 0.0},
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=MAKE)
def name(request):
    return request.param


def batch_of(name, absent=()):
    tiny = {"mgcma": tiny_mgcma, "foal_net": tiny_foal_net}[name]
    return collate_features(tiny.rows(absent), tiny.WIDTHS)


def with_unmatched(output, row):
    matched = torch.arange(4) != row
    return dataclasses.replace(output, masks={**output.masks, MATCHED: matched})


def slow_joint(vectors, labels, temperature):
    total = 0.0
    for i, one in enumerate(vectors):
        others = [j for j in range(len(vectors)) if j != i]
        logits = {j: float(one @ vectors[j]) / temperature for j in others}
        everything = sum(math.exp(value) for value in logits.values())
        positives = [j for j in others if labels[j] == labels[i]]
        costs = [-math.log(math.exp(logits[j]) / everything) for j in positives]
        total += sum(costs) / max(1, len(costs))
    return total / len(vectors)


@pytest.mark.parametrize("alone", [False, True])
def test_joint_is_over_the_halves_that_are_there_and_share_a_label(name, alone):
    settings = WITHOUT[name] if alone else {}
    model = perturb(MAKE[name](joint=True, joint_temperature=0.4, **settings))
    output = with_unmatched(model(batch_of(name, {(1, PARTNER[name])})), row=3)
    first, second = (output.features[f"{m}_embedding"].detach() for m in MODALITIES[name])
    rows = [(first, 0), (first, 1), (first, 2), (second, 0), (second, 2)]
    expected = slow_joint([v[i] for v, i in rows], [LABELS[i] for _, i in rows], 0.4)
    losses = model.losses(output, torch.tensor(LABELS))
    assert losses["joint"].item() == pytest.approx(expected, rel=1e-4)
    assert losses["joint"].dtype == torch.float32
    losses["joint"].backward()
    embeds = [p for n, p in model.named_parameters() if "_embed." in n and "norm.bias" not in n]
    assert len(embeds) >= 4
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in embeds)


def test_centred_embeddings_have_the_batch_mean_in_the_losses_and_the_running_one_elsewhere(name):
    model = MAKE[name](centred=True, joint=True, joint_temperature=0.4, **STILL[name])
    model = perturb(model).train()
    batch = batch_of(name, {(1, PARTNER[name])})
    counted = {m: [0, 1, 2] for m in MODALITIES[name]} | {PARTNER[name]: [0, 2]}
    output = with_unmatched(model(batch), row=3)
    raw = {m: output.features[f"{m}_uncentred"].detach().numpy() for m in MODALITIES[name]}
    means = {m: raw[m][counted[m]].mean(axis=0) for m in raw}
    losses = model.losses(output, torch.tensor(LABELS))
    unit = {m: F.normalize(torch.from_numpy(raw[m] - means[m]), dim=1) for m in raw}
    rows = [(m, i) for m in raw for i in counted[m]]
    expected = slow_joint([unit[m][i] for m, i in rows], [LABELS[i] for _, i in rows], 0.4)
    assert losses["joint"].item() == pytest.approx(expected, rel=1e-3)

    model.eval()
    shown = model(batch)
    for modality in raw:
        running = MOMENTUM * means[modality]  # from zero
        rows = raw[modality] - running
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        np.testing.assert_allclose(
            shown.features[f"{modality}_embedding"].detach(), rows, atol=1e-5
        )
    before = {n: b.clone() for n, b in model.named_buffers()}
    model.losses(shown, torch.tensor(LABELS))
    for key, buffer in model.named_buffers():  # frozen in evaluation
        assert torch.equal(buffer, before[key])


def test_centring_changes_embeddings_only(name):
    torch.manual_seed(3)
    plain = MAKE[name]()
    torch.manual_seed(3)
    centred = MAKE[name](centred=True)
    for key, buffer in centred.named_buffers():
        assert key.endswith("_mean")
        buffer.copy_(torch.randn_like(buffer))
    batch = batch_of(name)
    torch.testing.assert_close(plain(batch).logits, centred(batch).logits)
    first = MODALITIES[name][0]
    one, other = (model(batch).features[f"{first}_embedding"] for model in (plain, centred))
    assert (one - other).abs().max() > 0.1


def test_a_model_without_them_has_the_weights_it_always_had(name):
    model = MAKE[name]()
    assert not [key for key in model.state_dict() if "embeddings" in key or "_mean" in key]
    assert not [key for key in model.state_dict() if "instance_temperature" in key]
    features = model(batch_of(name)).features
    assert not [key for key in features if key.endswith("uncentred")]
    assert "joint" not in model.losses(model(batch_of(name)), torch.tensor(LABELS))


def test_one_class_and_absent_modalities_give_no_nan(name):
    everyone_alone = {(i, PARTNER[name]) for i in range(4)}
    for absent in ((), everyone_alone, {*everyone_alone, (0, "speech")}):
        model = MAKE[name](joint=True, centred=True).train()
        losses = model.losses(model(batch_of(name, absent)), torch.zeros(4, dtype=torch.long))
        total_loss(losses, {}).backward()
        assert all(loss.isfinite() for loss in losses.values())
        assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
        assert all(buffer.isfinite().all() for buffer in model.buffers())


def test_the_instance_temperature_is_learned_above_its_floor():
    settings = {"instance_temperature": 0.6, "instance_temperature_floor": 0.5}
    model = mgcma(learn_instance_temperature=True, **settings)
    fixed = mgcma(**settings)
    fixed.load_state_dict(model.state_dict(), strict=False)
    batch, labels = batch_of("mgcma"), torch.tensor(LABELS)
    loss = model.losses(model(batch), labels)["instance"]
    assert loss.item() == pytest.approx(fixed.losses(fixed(batch), labels)["instance"].item())
    loss.backward()
    assert model.log_instance_temperature.grad.abs() > 0
    with torch.no_grad():
        model.log_instance_temperature.fill_(-5.0)
    model.constrain_()
    assert model.log_instance_temperature.exp().item() == pytest.approx(0.5)
    assert fixed.log_instance_temperature is None


def test_foal_nets_temperature_has_a_floor_too():
    model = foal_net(temperature=2.659, temperature_floor=0.5)
    with torch.no_grad():
        model.log_temperature.fill_(-5.0)
    model.constrain_()
    assert model.log_temperature.exp().item() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("make", "settings", "said"),
    [
        (mgcma, {"joint_temperature": 0.0}, "joint_temperature must be above 0"),
        (foal_net, {"joint_temperature": -1.0}, "joint_temperature must be above 0"),
        (mgcma, {"learn_instance_temperature": True, "instance_temperature_floor": 0.5},
         "instance_temperature must be in"),
        (foal_net, {"temperature": 0.07, "temperature_floor": 0.5}, "temperature must be in"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_one_sentence(make, settings, said):
    with pytest.raises(ValueError, match=said):
        make(**settings)
