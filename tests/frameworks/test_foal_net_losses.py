"""Foal-Net's terms against slow loops: AVEL, MEM and the temperature."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mer_core.data.collate import collate_features
from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.base import total_loss
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.layers.heads import match_head
from mer_core.types import Output
from tests.frameworks.changed import perturb
from tests.frameworks.tiny_foal_net import (
    STILL,
    TARGETS,
    batch_of,
    foal_net,
    losses_of,
    rows,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def slow_avel(similarity, labels, average):
    """The released code's formula in loops; `average` divides by the number of positives."""
    n, total = len(labels), 0.0
    for matrix in (similarity, list(zip(*similarity, strict=True))):
        for i, row in enumerate(matrix):
            partition = sum(math.exp(s) for s in row)
            positives = [j for j in range(n) if labels[j] == labels[i]]
            cost = -sum(math.log(math.exp(row[j]) / partition) for j in positives)
            total += cost / (len(positives) if average else 1)
    return total / (2 * n)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("temperature", [0.07, 2.659])
def test_losses_equal_the_slow_loops_over_the_complete_rows(average, temperature):
    model = foal_net(average_positives=average, temperature=temperature)
    output = model(batch_of(rows(absent={(1, "video")})))
    labels, kept = [0, 1, 0, 2], [0, 2, 3]
    audio, video = (output.features[f"{m}_embedding"].detach() for m in ("audio", "video"))
    similarity = [[float(audio[i] @ video[j]) / temperature for j in kept] for i in kept]
    losses = model.losses(output, torch.tensor(labels))
    expected = slow_avel(similarity, [labels[i] for i in kept], average)
    assert losses["avel"].item() == pytest.approx(expected, rel=1e-4)
    log_p = torch.log_softmax(output.logits, dim=1)
    ce = -sum(log_p[i, c].item() for i, c in enumerate(labels)) / 4  # every row, also incomplete
    assert losses["ce"].item() == pytest.approx(ce, rel=1e-5)


def avel_of(cosine, temperature, average):
    """AVEL of 16 utterances, four a label, with these cosines of audio against video."""
    model = foal_net(mem=False, temperature=temperature, average_positives=average)
    everyone = torch.ones(16, dtype=torch.bool)
    features = {
        "audio_embedding": torch.eye(16),
        "video_embedding": cosine.T.contiguous(),  # so that their product is `cosine`
        "audio_present": everyone,
        "video_present": everyone,
    }
    output = Output(torch.zeros(16, 4), features)
    return model.losses(output, torch.arange(16) % 4)["avel"].item()


@pytest.mark.parametrize(("average", "positives"), [(False, 4), (True, 1)])
def test_avel_has_the_published_values_at_released_settings(average, positives):
    labels = torch.arange(16) % 4
    same = labels[:, None] == labels[None, :]
    none = torch.zeros(16, 16)
    assert avel_of(none, 2.659, average) == pytest.approx(positives * math.log(16), rel=1e-5)
    extreme = torch.where(same, 1.0, -1.0)
    assert avel_of(extreme, 2.659, average) == pytest.approx(9.07 * positives / 4, abs=0.005)
    # No four directions are opposite to each other: the best they can be is a simplex.
    simplex = torch.where(same, 1.0, -1 / 3)
    for temperature in (0.07, 2.659):
        up, down = math.exp(1 / temperature), math.exp(-1 / 3 / temperature)
        best = positives * math.log((4 * up + 12 * down) / up)
        assert avel_of(simplex, temperature, average) == pytest.approx(best, rel=1e-5)
    assert avel_of(simplex, 0.07, average) == pytest.approx(positives * math.log(4), rel=1e-5)


@pytest.mark.parametrize(("average", "positives"), [(False, 4), (True, 1)])
def test_avel_starts_near_the_logarithm_of_the_batch(average, positives):
    audio, video = CachedEncoder("speech", 192), CachedEncoder("video", 256)
    model = FoalNet(audio, video, tuple("abcd"), FoalNetConfig(average_positives=average)).eval()
    made = [{"speech": torch.randn(9, 192), "video": torch.randn(6, 256)} for _ in range(16)]
    batch = collate_features(made, {"speech": 192, "video": 256})
    loss = losses_of(model, batch, torch.arange(16) % 4)["avel"]
    assert loss.item() == pytest.approx(positives * math.log(16), abs=0.02 * positives)


def slow_two_way(logits, kind):
    return -math.log(math.exp(logits[kind]) / sum(math.exp(x) for x in logits))


def test_mem_equals_the_matching_of_a_batch_with_its_videos_swapped():
    # Two complete rows of different labels: each is the other's only negative.
    model = perturb(foal_net())
    utterances = rows(absent={(0, "speech"), (3, "video")})
    own = model(batch_of(utterances))
    first, second = utterances[1], utterances[2]
    swapped = model(
        batch_of([{**first, "video": second["video"]}, {**second, "video": first["video"]}])
    )
    positive, negative = (o.features["match_logits"].tolist() for o in (own, swapped))
    expected = 0.0
    for direction in range(2):
        costs = [slow_two_way(positive[i][direction], 1) for i in (1, 2)]
        costs += [slow_two_way(negative[i][direction], 0) for i in (0, 1)]
        expected += sum(costs) / 4 / 2
    actual = model.losses(own, TARGETS)["mem"].item()
    assert actual == pytest.approx(expected, rel=1e-4)


def crossed(model, utterances):
    """Matching logits [audio][video] of every audio with every video."""
    return [
        [
            model(batch_of([{**a, "video": v["video"]}])).features["match_logits"][0].tolist()
            for v in utterances
        ]
        for a in utterances
    ]


@torch.no_grad()
def test_mem_draws_by_the_similarity_in_its_own_direction():
    model = perturb(foal_net(temperature=0.01))  # so sharp that the hardest is always drawn
    model.log_temperature.fill_(math.log(0.01))
    labels, utterances = TARGETS.tolist(), rows()
    cosine = torch.rand(4, 4) * 2 - 1
    planted = {"audio_embedding": torch.eye(4), "video_embedding": cosine.T}
    output = model(batch_of(utterances))
    output = dataclasses.replace(output, features={**output.features, **planted})
    logits, expected = crossed(model, utterances), 0.0
    for i in range(4):
        others = [j for j in range(4) if labels[j] != labels[i]]
        video = max(others, key=lambda j: cosine[i, j])
        audio = max(others, key=lambda j: cosine[j, i])
        a2v = slow_two_way(logits[i][i][0], 1) + slow_two_way(logits[i][video][0], 0)
        v2a = slow_two_way(logits[i][i][1], 1) + slow_two_way(logits[audio][i][1], 0)
        expected += (a2v + v2a) / 8 / 2
    assert model.losses(output, TARGETS)["mem"].item() == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_without_avel_mem_draws_evenly():
    model = perturb(foal_net(avel=False))
    labels, utterances = TARGETS.tolist(), rows()
    output = model(batch_of(utterances))
    logits, expected = crossed(model, utterances), 0.0
    for direction, i in itertools.product(range(2), range(4)):
        others = [j for j in range(4) if labels[j] != labels[i]]
        pairs = [(i, j) if direction == 0 else (j, i) for j in others]  # (audio, video)
        drawn = [slow_two_way(logits[a][v][direction], 0) for a, v in pairs]
        own = slow_two_way(logits[i][i][direction], 1)
        expected += (own + sum(drawn) / len(drawn)) / 8 / 2
    draws = [model.losses(output, TARGETS)["mem"].item() for _ in range(400)]
    assert len(set(draws)) > 1
    error = 4 * np.std(draws) / math.sqrt(len(draws))
    assert np.mean(draws) == pytest.approx(expected, abs=error)


def test_mem_of_one_label_has_positives_only():
    model = perturb(foal_net())
    output = model(batch_of(rows()))
    logits = output.features["match_logits"].tolist()
    expected = sum(slow_two_way(row[d], 1) for row in logits for d in range(2)) / 8
    actual = model.losses(output, torch.zeros(4).long())["mem"].item()
    assert actual == pytest.approx(expected, rel=1e-4)


def test_mem_trains_fusion_and_heads_but_not_the_projection():
    model = foal_net().train()
    losses_of(model, batch_of(rows()))["mem"].backward()
    for name, p in model.named_parameters():
        part = name.split(".")[0]
        if part in ("fusion", "audio_match", "video_match"):
            assert p.grad.abs().sum() > 0 or "in_proj_bias" in name, name
        elif part in ("audio_embed", "video_embed", "log_temperature", "classifier"):
            assert p.grad is None, name


@pytest.mark.parametrize("learned", [True, False])
def test_the_temperature_is_learned_if_asked_and_stays_in_its_range(learned):
    model = foal_net(learn_temperature=learned, temperature=0.07).train()
    assert model.log_temperature.exp().item() == pytest.approx(0.07)
    assert model.log_temperature.requires_grad == learned
    losses_of(model, batch_of(rows()))["avel"].backward()
    assert (model.log_temperature.grad is not None) == learned
    with torch.no_grad():
        model.log_temperature.fill_(9.0)
    model.constrain_()
    assert model.log_temperature.exp().item() == pytest.approx(10.0)


def test_defaults_are_the_released_ones():
    config = FoalNetConfig()
    assert config.temperature == pytest.approx(math.log(1 / 0.07), abs=1e-3)
    model = foal_net()
    assert len(model.fusion.audio_to_video.layers) == 2
    assert (config.heads, config.projection_width, config.projection_dropout) == (4, 512, 0.5)


def test_bfloat16_autocast_stays_close_and_its_losses_are_float32():
    model = foal_net(**STILL).train()
    batch = batch_of(rows(absent={(0, "video")}))
    labels = torch.tensor([0, 1, 1, 1])  # one label among the complete: nothing is drawn
    exact = losses_of(model, batch, labels)
    with torch.autocast("cpu", torch.bfloat16):
        rough = losses_of(model, batch, labels)
        drawn = losses_of(model, batch)
    for name, loss in rough.items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(exact[name].item(), abs=0.05)
    total_loss(drawn, {}).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in grads)


def test_a_hidden_layer_lets_mem_learn_agreement_from_a_sum():
    """Same or different of two labels is an exclusive or, which no linear head reads off a sum."""
    heads = {hidden: match_head(4, hidden) for hidden in (0, 16)}
    one, other = torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")
    one, other = one.flatten(), other.flatten()
    sums = torch.cat([F.one_hot(one, 2), F.one_hot(other, 2)], dim=1).float()  # (4, 4)
    same = (one == other).long()
    actual = {}
    for hidden, head in heads.items():
        optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
        for _ in range(200):
            optimizer.zero_grad()
            loss = F.cross_entropy(head(sums), same)
            loss.backward()
            optimizer.step()
        actual[hidden] = loss.item()
    assert actual[0] == pytest.approx(math.log(2), abs=0.01)
    assert actual[16] < 0.05
