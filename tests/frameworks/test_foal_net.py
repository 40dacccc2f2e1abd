"""Foal-Net as a whole: outputs, switches, padding, absence."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from mer_core.frameworks.base import MATCHED, total_loss
from mer_core.types import Batch, Features
from tests.frameworks.changed import perturb, with_absence
from tests.frameworks.tiny_foal_net import (
    AUDIO,
    HEADS,
    STILL,
    SWITCHES,
    TARGETS,
    VIDEO,
    WIDTH,
    batch_of,
    foal_net,
    losses_of,
    padded,
    rows,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(("avel", "mem"), SWITCHES)
def test_each_task_can_be_switched_off_alone(avel, mem):
    model = foal_net(avel=avel, mem=mem)
    output = model(batch_of(rows()))
    losses = model.losses(output, TARGETS)
    assert output.logits.shape == (4, 3)
    assert set(losses) == {"ce"} | ({"avel"} if avel else set()) | ({"mem"} if mem else set())
    assert all(loss.shape == () and loss.dtype == torch.float32 for loss in losses.values())
    names = [name for name, _ in model.named_parameters()]
    assert any("_embed." in name or "log_temperature" in name for name in names) == avel
    assert any("_match." in name for name in names) == mem
    assert ("match_logits" in output.features) == mem
    for modality, width in (("audio", AUDIO), ("video", VIDEO)):
        embedding = output.features[f"{modality}_embedding"]
        assert output.features[f"{modality}_pooled"].shape == (4, width)
        assert embedding.shape == (4, WIDTH if avel else width)
        assert torch.allclose(embedding.norm(dim=1), torch.ones(4))


def test_outputs_have_their_names_and_shapes_and_rows_of_attention_sum_to_one():
    output = foal_net()(batch_of(rows(absent={(1, "speech"), (2, "video")})))
    assert output.masks["audio"].sum(dim=1).tolist() == [5, 1, 4, 3]  # a stand-in is one token
    assert output.masks["video"].sum(dim=1).tolist() == [3, 4, 1, 2]
    assert output.features["audio_present"].tolist() == [True, False, True, True]
    assert output.features["video_present"].tolist() == [True, True, False, True]
    assert output.features["match_logits"].shape == (4, 2, 2)
    assert output.features["audio_tokens"].shape == (4, 5, AUDIO)
    assert output.features["video_tokens"].shape == (4, 4, VIDEO)
    assert list(output.attention) == ["audio_to_video", "video_to_audio"]
    for name, shape in (("audio_to_video", (4, 5, 4)), ("video_to_audio", (4, 4, 5))):
        assert output.attention[name].shape == shape
        assert torch.allclose(output.attention[name].sum(dim=2), torch.ones(shape[:2]))
    assert (output.attention["video_to_audio"][1, :, 1:] == 0).all()


def slow_layer(layer, query, key):
    """NumPy, one head at a time: LN(q + W_o Attn(q; k, k)) and head-averaged weights."""
    w = {name: p.detach().numpy() for name, p in layer.named_parameters()}
    size = query.shape[1] // HEADS
    parts = np.split(w["attention.in_proj_bias"], 3)
    q, k, v = (
        x @ w[f"attention.{name}_proj_weight"].T + b
        for x, name, b in zip((query, key, key), "qkv", parts, strict=True)
    )
    heads, weights = [], 0.0
    for h in range(HEADS):
        part = slice(h * size, (h + 1) * size)
        scores = np.exp(q[:, part] @ k[:, part].T / np.sqrt(size))
        shares = scores / scores.sum(axis=1, keepdims=True)
        heads.append(shares @ v[:, part])
        weights = weights + shares / HEADS
    answer = np.concatenate(heads, axis=1) @ w["attention.out_proj.weight"].T
    total = query + answer + w["attention.out_proj.bias"]
    return slow_norm(total, w["norm.weight"], w["norm.bias"]), weights


def slow_norm(x, weight, bias):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) * weight + bias


def slow_projection(projection, pooled):
    w = {name: p.detach().numpy() for name, p in projection.named_parameters()}
    assert set(w) == {"first.weight", "second.weight", "norm.weight", "norm.bias"}  # no bias else
    first = w["first.weight"] @ pooled
    gelu = np.array([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in first])
    projected = slow_norm(first + w["second.weight"] @ gelu, w["norm.weight"], w["norm.bias"])
    return projected / np.sqrt((projected**2).sum())


@torch.no_grad()
def test_the_whole_model_equals_numpy_one_utterance_at_a_time():
    model = perturb(foal_net())
    output = model(batch_of(rows()))
    to_video, to_audio = (
        list(way.layers) for way in (model.fusion.audio_to_video, model.fusion.video_to_audio)
    )
    for i, row in enumerate(rows()):
        audio, video = row["speech"].numpy(), row["video"].numpy()
        a, v = audio, video
        for one, other in zip(to_video, to_audio, strict=True):
            (a, a_weights), (v, v_weights) = slow_layer(one, a, video), slow_layer(other, v, audio)
        a, v = a.mean(axis=0), v.mean(axis=0)
        head = model.classifier[1]
        expected = {
            "logits": head.weight.numpy() @ np.concatenate([a, v]) + head.bias.numpy(),
            "audio_pooled": audio.mean(axis=0),
            "video_pooled": video.mean(axis=0),
            "audio_embedding": slow_projection(model.audio_embed, audio.mean(axis=0)),
            "video_embedding": slow_projection(model.video_embed, video.mean(axis=0)),
            "match_logits": [
                m.weight.numpy() @ x + m.bias.numpy()
                for m, x in ((model.audio_match, a), (model.video_match, v))
            ],
        }
        actual = {"logits": output.logits, **output.features}
        for name, value in expected.items():
            assert np.allclose(actual[name][i].numpy(), value, atol=2e-5), name
        n, m = len(audio), len(video)
        for name, value in (
            ("audio_to_video", a_weights),
            ("video_to_audio", v_weights),
        ):
            size = (n, m) if name == "audio_to_video" else (m, n)
            weights = output.attention[name][i, : size[0], : size[1]]
            assert np.allclose(weights.numpy(), value, atol=1e-5)


@pytest.mark.parametrize(("avel", "mem"), SWITCHES)
def test_padding_never_changes_an_output_or_a_loss(avel, mem):
    model = perturb(foal_net(avel=avel, mem=mem))
    batch = batch_of(rows(absent={(3, "speech")}))
    alone, actual = model(batch), model(padded(batch, 3))
    assert torch.allclose(actual.logits, alone.logits, atol=1e-5)
    for name, value in alone.features.items():
        if not name.endswith("_tokens"):
            assert torch.allclose(actual.features[name].float(), value.float(), atol=1e-5), name
    torch.manual_seed(1)
    expected = model.losses(alone, TARGETS)
    torch.manual_seed(1)
    for name, loss in model.losses(actual, TARGETS).items():
        assert torch.allclose(loss, expected[name], atol=1e-5), name


def test_a_batch_of_one_equals_the_row_in_a_batch():
    model = perturb(foal_net())
    utterances = rows(absent={(1, "video"), (2, "speech")})
    together = model(batch_of(utterances))
    for i, utterance in enumerate(utterances):
        alone = model(batch_of([utterance]))
        assert torch.allclose(alone.logits[0], together.logits[i], atol=1e-5)
        for name in ("audio_embedding", "video_embedding", "audio_pooled", "match_logits"):
            assert torch.allclose(alone.features[name][0], together.features[name][i], atol=1e-5)


def test_reordering_a_batch_reorders_its_outputs_and_keeps_its_losses():
    model = perturb(foal_net())
    utterances, order = rows(absent={(1, "video")}), [2, 0, 3, 1]
    first, other = model(batch_of(utterances)), model(batch_of([utterances[i] for i in order]))
    assert torch.allclose(other.logits, first.logits[order], atol=1e-5)
    for name in ("audio_embedding", "video_embedding", "match_logits"):
        assert torch.allclose(other.features[name], first.features[name][order], atol=1e-5)
    before, after = model.losses(first, TARGETS), model.losses(other, TARGETS[order])
    for name in ("ce", "avel"):  # mem draws
        assert torch.allclose(before[name], after[name], atol=1e-5)


def test_embeddings_do_not_depend_on_their_partner():
    model = perturb(foal_net())
    utterances = rows()
    pairs = zip(utterances, utterances[::-1], strict=True)
    swapped = [{**row, "video": other["video"]} for row, other in pairs]
    first, other = model(batch_of(utterances)), model(batch_of(swapped))
    for name in ("audio_embedding", "audio_pooled"):
        assert torch.allclose(first.features[name], other.features[name], atol=1e-6)
    assert not torch.allclose(first.logits, other.logits, atol=1e-3)


ABSENCES = {
    "none": set(),
    "one video": {(0, "video")},
    "every audio": {(i, "speech") for i in range(4)},
    "every video": {(i, "video") for i in range(4)},
    "everything of one": {(2, "speech"), (2, "video")},
    "all but one pair": {(0, "video"), (1, "speech"), (2, "video")},
    "everything": {(i, k) for i in range(4) for k in ("speech", "video")},
}


@pytest.mark.parametrize(("avel", "mem"), SWITCHES)
@pytest.mark.parametrize("absence", ABSENCES)
@pytest.mark.parametrize("labels", [[0, 1, 1, 2], [1, 1, 1, 1]])
def test_outputs_and_gradients_are_finite_whatever_is_absent(avel, mem, absence, labels):
    model = foal_net(avel=avel, mem=mem).train()
    output = model(with_absence(batch_of(rows()), ABSENCES[absence]))
    assert all(torch.isfinite(v).all() for v in (output.logits, *output.features.values()))
    losses = model.losses(output, torch.tensor(labels))
    assert all(torch.isfinite(loss) for loss in losses.values())
    total_loss(losses, {}).backward()
    for name, p in model.named_parameters():
        assert p.grad is None or torch.isfinite(p.grad).all(), name


@pytest.mark.parametrize("modality", ["speech", "video"])
def test_presence_alone_hides_a_modality(modality):
    model = perturb(foal_net())
    batch = batch_of(rows())
    shown = batch.cached[modality]
    nobody = torch.zeros(4, dtype=torch.bool)
    actual, again = (
        model(Batch(cached={**batch.cached, modality: Features(tokens, shown.mask, nobody)}))
        for tokens in (shown.tokens, shown.tokens * 3 + 1)
    )
    assert torch.equal(actual.logits, again.logits)
    assert all(torch.equal(actual.features[k], again.features[k]) for k in actual.features)
    assert not torch.allclose(actual.logits, model(batch).logits, atol=1e-3)


def test_stand_ins_learn_from_absence_and_only_from_it():
    model = foal_net()
    losses_of(model, batch_of(rows(absent={(0, "speech")})))["ce"].backward()
    assert model.audio_input.stand_in.grad.abs().sum() > 0
    assert model.video_input.stand_in.grad.abs().sum() == 0


def test_incomplete_utterances_take_no_part_in_either_task():
    model = perturb(foal_net(**STILL)).train()
    batch = with_absence(batch_of(rows()), {(0, "speech"), (2, "video")})
    audio = batch.cached["speech"].tokens.clone().nan_to_num().requires_grad_()
    shown = batch.cached["speech"]
    losses = losses_of(model, Batch(cached={**batch.cached, "speech": Features(
        audio, shown.mask, shown.present)}))  # fmt: skip
    for name in ("avel", "mem"):
        (grad,) = torch.autograd.grad(losses[name], audio, retain_graph=True)
        assert (grad[[0, 2]] == 0).all(), name  # 2 has audio, but nothing to compare it with
        assert grad[[1, 3]].abs().sum() > 0, name


def test_halves_of_different_labels_take_no_part_in_either_task():
    model = perturb(foal_net(**STILL)).train()
    batch = batch_of(rows())
    shown = batch.cached["speech"]
    audio = shown.tokens.clone().nan_to_num().requires_grad_()
    speech = Features(audio, shown.mask, shown.present)
    output = model(Batch(cached={**batch.cached, "speech": speech}))
    matched = torch.tensor([True, False, True, True])
    output = dataclasses.replace(output, masks={**output.masks, MATCHED: matched})
    losses = model.losses(output, TARGETS)
    for name in ("avel", "mem"):
        (grad,) = torch.autograd.grad(losses[name], audio, retain_graph=True)
        assert (grad[1] == 0).all(), name
        assert grad[[0, 2, 3]].abs().sum() > 0, name


def test_alone_hides_the_others():
    model = perturb(foal_net())
    features = model.encode(batch_of(rows()))
    assert list(features) == ["audio", "video"]
    for modality, other in (("audio", "video"), ("video", "audio")):
        output = model.fuse({modality: features[modality], other: Features(
            torch.zeros_like(features[other].tokens), torch.zeros_like(features[other].mask),
            torch.zeros(4, dtype=torch.bool))})  # fmt: skip
        assert torch.equal(model.alone(features)[modality].logits, output.logits)
