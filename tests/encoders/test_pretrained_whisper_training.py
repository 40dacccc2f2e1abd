"""What of Whisper's encoder learns, and how: gradients, augmentation, both frameworks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.registry import build_framework
from mer_core.types import Features
from tests.encoders.tiny_whisper import LAYERS, SETTINGS, batch_of, build, waves


@pytest.mark.parametrize("frozen", [-1, 0, 1, LAYERS])
def test_frozen_layers_get_no_gradient_and_all_others_do(whisper_folder: Path, frozen: int) -> None:
    encoder = build(whisper_folder, frozen_layers=frozen, mix=True, final_norm=False).train()
    encoder(batch_of(None, *waves((100, 4_000, 9_999)))).tokens.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        layer = int(name.split(".")[2]) + 1 if ".layers." in name else 0
        learns = name == "mix" or ("embed_positions" not in name and layer > frozen)
        assert parameter.requires_grad == learns, name
        gradient = parameter.grad
        assert (gradient is not None) == learns, name
        if gradient is not None:
            assert torch.isfinite(gradient).all(), name
            assert gradient.abs().sum() > 0 or frozen == LAYERS, name


def test_frozen_layers_leave_no_graph(whisper_folder: Path) -> None:
    encoder = build(whisper_folder, frozen_layers=2).train()
    seen: list[bool] = []
    for layer in encoder.backbone.layers:
        layer.register_forward_hook(
            lambda _, __, output, seen=seen: seen.append(
                (output[0] if isinstance(output, tuple) else output).requires_grad
            )
        )
    encoder(batch_of(*waves()))
    assert seen == [False, False, True]


def test_depth_counts_the_layers_above(whisper_folder: Path) -> None:
    encoder = build(whisper_folder, mix=True)
    depths = {
        "backbone.conv1.weight": LAYERS, "backbone.conv2.bias": LAYERS,
        "backbone.embed_positions.weight": LAYERS, "backbone.layers.0.fc1.weight": LAYERS - 1,
        "backbone.layers.2.final_layer_norm.bias": 0, "backbone.layer_norm.weight": 0, "mix": 0,
    }  # fmt: skip
    assert set(depths) <= {name for name, _ in encoder.named_parameters()}
    assert {name: encoder.depth(name) for name in depths} == depths


@torch.no_grad()
def test_augmentation_and_dropout_work_in_training_only(whisper_folder: Path) -> None:
    batch = batch_of(*waves((8_000, 9_999)))
    plain = build(whisper_folder)(batch).tokens
    for setting in (
        {"frequency_mask": 20}, {"time_mask": 20}, {"frequency_shift": 9}, {"dropout": 0.3},
    ):  # fmt: skip
        encoder = build(whisper_folder, **setting)
        assert torch.equal(encoder(batch).tokens, plain)
        encoder.train()
        torch.manual_seed(3)
        first = encoder(batch).tokens
        assert torch.isfinite(first).all()
        assert not torch.allclose(first, plain, atol=1e-3), setting
        assert torch.all(first[~encoder(batch).mask] == 0)
        torch.manual_seed(3)
        assert torch.equal(encoder(batch).tokens, first)
    still = build(whisper_folder).train()
    assert torch.equal(still(batch).tokens, plain)


def test_bfloat16_autocast_stays_close(whisper_folder: Path) -> None:
    encoder, batch = build(whisper_folder, mix=True, pool=2), batch_of(*waves())
    with torch.inference_mode():
        plain = encoder(batch)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = encoder(batch)
    distance = (rounded.tokens.float() - plain.tokens).norm() / plain.tokens.norm()
    assert float(distance) < 0.05


def others(framework: str, first: dict[str, object]) -> dict[str, object]:
    if framework == "mgcma":
        second = {"family": "cached", "modality": "text", "width": 6}
        return {"speech_encoder": first, "text_encoder": second, "width": 8, "heads": 2}
    second = {"family": "cached", "modality": "video", "width": 6}
    shape = {"projection_width": 8, "heads": 2}
    return {"audio_encoder": first, "video_encoder": second, **shape}


@pytest.mark.parametrize("framework", ["mgcma", "foal_net"])
def test_both_frameworks_learn_with_it(whisper_folder: Path, framework: str) -> None:
    first = {"family": "pretrained_whisper", "source": str(whisper_folder), **SETTINGS}
    model = build_framework(
        {"framework": framework, **others(framework, first)}, ("angry", "calm", "sad")
    ).train()
    (second,) = (e for e in model.encoders().values() if isinstance(e, CachedEncoder))
    tokens = torch.randn(5, 3, 6, generator=torch.Generator().manual_seed(0))
    here = torch.ones(5, 3, dtype=torch.bool)
    batch = replace(
        batch_of(*waves()), cached={second.modality: Features(tokens, here, here[:, 0])}
    )
    output = model(batch)
    losses = model.losses(output, torch.tensor([0, 1, 2, 0, 1]))
    sum(losses.values()).backward()
    (encoder,) = (e for e in model.encoders().values() if not isinstance(e, CachedEncoder))
    gradient = encoder.backbone.layers[1].fc1.weight.grad
    assert torch.isfinite(output.logits).all()
    assert gradient is not None
    assert float(gradient.abs().sum()) > 0
    again = build_framework(json.loads(json.dumps(model.architecture())), model.labels).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(batch).logits, model.eval()(batch).logits)
