"""Foal-Net learns, repeats its bits, is built again, and refuses what means nothing."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from mer_core.data.collate import collate, collate_features
from mer_core.encoders.base import Encoder
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.frameworks.base import total_loss
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.registry import build_framework
from mer_core.types import Features, Utterance
from tests.frameworks.changed import perturb
from tests.frameworks.tiny_foal_net import (
    AUDIO,
    LABELS,
    SETTINGS,
    STILL,
    TARGETS,
    VIDEO,
    batch_of,
    foal_net,
    losses_of,
    padded,
    rows,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def train(model, batch, labels, steps, rate=1e-2, weights=None):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        total_loss(losses_of(model, batch, labels), weights or {}).backward()
        optimizer.step()
    return model


def test_it_learns_a_toy_task():
    model = foal_net(**STILL).train()
    batch = batch_of(rows())
    first = losses_of(model, batch)
    train(model, batch, TARGETS, 60, weights={"avel": 1.0, "mem": 0.5})
    last = losses_of(model, batch)
    assert last["ce"] < 0.1 < first["ce"]
    assert last["avel"] < first["avel"]
    assert last["mem"] < 0.2 < first["mem"]


def test_it_learns_a_label_that_neither_modality_determines_alone():
    # The label is the exclusive or of sound and picture.
    sounds, pictures = torch.randn(2, 3, AUDIO), torch.randn(2, 2, VIDEO)
    bits = list(itertools.product([0, 1], repeat=2))
    batch = batch_of([{"speech": sounds[a], "video": pictures[v]} for a, v in bits])
    labels = torch.tensor([a ^ v for a, v in bits])
    model = train(foal_net(**STILL, avel=False, mem=False).train(), batch, labels, 150)
    assert model(batch).logits.argmax(dim=1).tolist() == labels.tolist()
    alone = model.alone(model.encode(batch))
    for bit, modality in enumerate(("audio", "video")):
        logits = alone[modality].logits
        same = [i for i in range(4) if bits[i][bit] == 0]
        assert torch.allclose(logits[same[0]], logits[same[1]], atol=1e-5)


def test_training_twice_from_one_seed_gives_the_same_bits():
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        model = train(foal_net().train(), batch_of(rows()), TARGETS, 3)
        states.append(model.eval().state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    outputs = [model(batch_of(rows())) for _ in range(2)]
    assert torch.equal(outputs[0].logits, outputs[1].logits)


@pytest.mark.parametrize("settings", [{}, {"avel": False}, {"mem": False, "temperature": 0.07}])
def test_architecture_builds_the_same_model_again(settings):
    model = perturb(foal_net(**settings))
    architecture = model.architecture()
    assert architecture["framework"] == "foal_net"
    again = build_framework(architecture, LABELS).eval()
    again.load_state_dict(model.state_dict())
    assert again.architecture() == architecture
    assert torch.equal(again(batch_of(rows())).logits, model(batch_of(rows())).logits)


def test_with_text_everything_is_named_after_it():
    model = foal_net(second="text")
    batch = collate_features(
        rows(absent={(1, "text")}, second="text"), {"speech": AUDIO, "text": VIDEO}
    )
    assert list(model.encoders()) == ["audio", "text"]
    output = model(batch)
    assert list(output.attention) == ["audio_to_text", "text_to_audio"]
    assert set(output.masks) == {"audio", "text"}
    kinds = ("pooled", "embedding", "present", "tokens")
    names = {f"{m}_{kind}" for m, kind in itertools.product(("audio", "text"), kinds)}
    assert set(output.features) == {*names, "match_logits"}
    assert set(model.losses(output, TARGETS)) == {"ce", "avel", "mem"}
    assert set(model.alone(model.encode(batch))) == {"audio", "text"}
    again = build_framework(model.architecture(), LABELS)
    assert list(again.encoders()) == ["audio", "text"]


class TinyEar(Encoder):
    """A token for every 100 samples."""

    modality, width = "speech", AUDIO

    def __init__(self):
        super().__init__()
        self.listen = torch.nn.Linear(100, AUDIO)

    def forward(self, batch):
        tokens = self.listen(batch.waveform.unfold(1, 100, 100))  # (B, T, D)
        return Features(tokens, batch.waveform_mask[:, ::100], batch.speech_present)

    def architecture(self):
        return {"family": "tiny"}


def test_sound_and_pictures_train_end_to_end():
    face = CompactFaceEncoder(CompactFaceConfig(size=16, stem=16, channels=(16,), blocks=(1,),
                                                crop=14))  # fmt: skip
    model = FoalNet(TinyEar(), face, LABELS, FoalNetConfig(**SETTINGS)).train()
    random = np.random.default_rng(0)

    def clip(samples, frames):
        sound = random.standard_normal(samples).astype(np.float32) if samples else None
        pictures = random.integers(0, 256, (frames, 20, 20, 3), np.uint8) if frames else None
        return Utterance(sound, frames=pictures)

    batch = collate([clip(400, 3), clip(200, 0), clip(0, 2), clip(300, 1)])
    output = model(batch)
    assert output.features["video_present"].tolist() == [True, False, True, True]
    assert output.features["audio_present"].tolist() == [True, True, False, True]
    losses = model.losses(output, torch.tensor([0, 1, 1, 2]))
    total_loss(losses, {}).backward()
    for encoder in model.encoders().values():
        assert any(p.grad.abs().sum() > 0 for p in encoder.parameters())


@pytest.mark.parametrize(
    "settings",
    [
        {"projection_width": 0},
        {"heads": 0},
        {"layers": 0},
        {"dropout": 1.0},
        {"projection_dropout": -0.1},
        {"input_dropout": 2.0},
        {"classifier_dropout": 1.0},
        {"temperature": 0.0},
        {"temperature": 11.0},
        {"label_smoothing": 1.0},
    ],
)
def test_invalid_settings_are_refused_with_a_sentence(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        FoalNetConfig(**settings)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="heads must divide width 6"):
        foal_net(heads=4)


def test_an_unknown_setting_is_an_error():
    with pytest.raises(ValueError, match="banana"):
        build_framework({**foal_net().architecture(), "banana": 1}, LABELS)


def test_two_encoders_of_one_modality_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="both encoders read audio"):
        foal_net(second="speech")


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FoalNetConfig().heads = 3  # type: ignore[misc]


def test_a_common_width_gives_a_common_space_even_without_avel():
    model = perturb(foal_net(width=4, heads=2, avel=False))
    batch = batch_of(rows())
    output = model(batch)
    assert output.features["audio_embedding"].shape == output.features["video_embedding"].shape
    assert output.features["audio_pooled"].shape == (4, 4)
    for name in ("audio", "video"):
        pooled = output.features[f"{name}_pooled"]
        unit = torch.nn.functional.normalize(pooled, dim=1)
        assert torch.equal(output.features[f"{name}_embedding"], unit)
    assert torch.allclose(model(padded(batch, 3)).logits, output.logits, atol=1e-5)
    again = build_framework(
        {**model.architecture(), "audio_encoder": cached("speech", AUDIO),
         "video_encoder": cached("video", VIDEO)}, LABELS
    )  # fmt: skip
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(batch).logits, output.logits)
    total_loss(losses_of(model, batch), {}).backward()
    for part in (model.audio_input, model.video_input):
        assert part.project.weight.grad.abs().sum() > 0  # what the maps show is trained


def cached(modality, width):
    return {"family": "cached", "modality": modality, "width": width}
