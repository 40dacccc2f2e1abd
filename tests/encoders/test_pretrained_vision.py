"""The CLIP adapter, on tiny models saved locally, as a vision tower and as a whole CLIP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mer_core.data.collate import collate
from mer_core.encoders.base import Encoder
from mer_core.encoders.pretrained_vision import (
    MEAN,
    STD,
    Preprocessing,
    prepare,
    read_preprocessing,
)
from mer_core.encoders.registry import build_encoder
from mer_core.types import ByteArray, Utterance
from tests.encoders.padding import with_padded_frames

import mer_core.torchaudio_compat  # noqa: F401  isort: skip  (before transformers)
from transformers import (  # isort: skip
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
)

SIDE, WIDTH = 32, 16
TINY = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}
VISION = {**TINY, "num_hidden_layers": 2, "image_size": SIDE, "patch_size": 8}
TEXT = {**TINY, "num_hidden_layers": 1, "vocab_size": 50, "max_position_embeddings": 8}
SQUARE = {"height": SIDE, "width": SIDE}
LENGTHS = (1, 5, 3)
# Preprocessing files: CLIP's own, the format of its first release, a larger resize before the crop,
# and a resize to a square without a crop.
FILES: dict[str, dict[str, object]] = {
    "clip": {"size": {"shortest_edge": SIDE}, "crop_size": SQUARE},
    "older": {"size": SIDE, "crop_size": SIDE, "image_mean": [0.5] * 3, "image_std": [0.25] * 3},
    "resized larger": {"size": {"shortest_edge": 40}, "crop_size": SQUARE},
    "squeezed": {"size": SQUARE, "do_center_crop": False, "resample": 2},
}


def make_model(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if kind == "clip":  # its vision_config has 512: the projection's width is above it
        config = CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=WIDTH)
        model = CLIPModel(config)
    else:
        make = CLIPVisionModel if kind == "bare" else CLIPVisionModelWithProjection
        model = make(CLIPVisionConfig(**VISION, projection_dim=WIDTH))
    with torch.no_grad():  # fresh weights are so small that rounding would hide mistakes
        for parameter in model.parameters():
            parameter.mul_(2.0)
    return model.eval()


def save_tiny(folder: Path, kind: str, **file: object) -> Path:
    make_model(kind).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(file or FILES["clip"]))
    return folder


@pytest.fixture(scope="module", params=["clip_vision_model", "clip"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as on the Hub: config, safetensors and preprocessor."""
    return save_tiny(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tower"), "clip_vision_model")


def build(folder: Path, **settings: object) -> Encoder:
    architecture = {"family": "pretrained_vision", "source": str(folder), **settings}
    return build_encoder(architecture).eval()


def pictures(count: int, height: int = SIDE, width: int = SIDE, channels: int = 3) -> ByteArray:
    """(count, H, W, C): coarse blobs under fine noise, so that blurring and cropping matter."""
    random = np.random.default_rng(count)
    coarse = torch.from_numpy(random.random((count, channels, 4, 5)).astype(np.float32))
    smooth = F.interpolate(coarse, (height, width), mode="bicubic").permute(0, 2, 3, 1).numpy()
    noise = random.standard_normal(smooth.shape)
    return np.clip(230 * smooth + 12 * noise, 0, 255).astype(np.uint8)


def clips(height: int = SIDE, width: int = SIDE, channels: int = 3) -> list[Utterance]:
    return [Utterance(frames=pictures(n, height, width, channels)) for n in LENGTHS]


def bare(folder: Path, frame: ByteArray) -> torch.Tensor:
    """(D,) of transformers' own image processor and model, one frame alone."""
    pixels = CLIPImageProcessor.from_pretrained(folder)(frame, return_tensors="pt").pixel_values
    if json.loads((folder / "config.json").read_text())["model_type"] == "clip":
        features = CLIPModel.from_pretrained(folder).eval().get_image_features(pixels)
        return getattr(features, "pooler_output", features)[0]
    return CLIPVisionModelWithProjection.from_pretrained(folder).eval()(pixels).image_embeds[0]


@torch.no_grad()
def test_every_frame_agrees_with_the_bare_model(saved: Path) -> None:
    encoder = build(saved)
    assert (encoder.modality, encoder.width) == ("video", WIDTH)
    features = encoder(with_padded_frames(collate(clips())))
    assert features.present.all()
    assert features.mask.sum(dim=1).tolist() == list(LENGTHS)
    for tokens, utterance in zip(features.tokens, clips(), strict=True):
        assert utterance.frames is not None
        for token, frame in zip(tokens, utterance.frames, strict=False):
            torch.testing.assert_close(token, bare(saved, frame), atol=1e-5, rtol=1e-4)
    own = features.tokens[features.mask]
    assert torch.cdist(own, own)[0, 1:].min() > 0.05  # frames differ


@torch.no_grad()
def test_frames_of_any_size_come_close_to_the_bare_model(saved: Path) -> None:
    tokens = build(saved)(collate([Utterance(frames=pictures(4, 60, 90))])).tokens[0]
    alone = torch.stack([bare(saved, frame) for frame in pictures(4, 60, 90)])
    assert float((tokens - alone).norm() / alone.norm()) < 0.005


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("size", [(32, 32), (48, 64), (200, 120), (33, 97), (20, 15), (40, 40)])
def test_preprocessing_agrees_with_transformers(file: str, size: tuple[int, int]) -> None:
    result = FILES[file]
    how = read_preprocessing(result, SIDE)
    frames = pictures(3, *size)
    ours = prepare(torch.from_numpy(frames).permute(0, 3, 1, 2), how, SIDE)
    theirs = CLIPImageProcessor(**result)(list(frames), return_tensors="pt").pixel_values
    assert ours.shape == theirs.shape == (3, 3, SIDE, SIDE)
    levels = (ours - theirs).abs() * 255 * torch.tensor(how.std)[:, None, None]
    assert float(levels.max()) < 1.01  # grey levels of 255, where rounding is a close call
    assert float(levels.mean()) < 0.1


def test_the_default_is_clips_preprocessing() -> None:
    own = CLIPImageProcessor()
    assert tuple(own.image_mean) == MEAN
    assert tuple(own.image_std) == STD
    plain = Preprocessing(shorter=224)
    assert read_preprocessing(own.to_dict(), 224) == plain
    assert read_preprocessing({}, 224) == plain


@torch.no_grad()
def test_frames_at_once_changes_nothing(saved: Path) -> None:
    batch = collate(clips())
    whole = build(saved).forward(batch)
    for count in (1, 2, 4):
        encoder = build(saved, frames_at_once=count)
        sizes: list[int] = []
        encoder.backbone.register_forward_pre_hook(
            lambda _, __, inputs, sizes=sizes: sizes.append(len(inputs["pixel_values"])),
            with_kwargs=True,
        )
        tokens = encoder(batch).tokens
        assert sum(sizes) == sum(LENGTHS)  # padding is not encoded
        assert max(sizes) <= count
        torch.testing.assert_close(tokens, whole.tokens, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_never_changes_a_frame(saved: Path) -> None:
    encoder = build(saved)
    plain, junked = encoder(collate(clips())), encoder(with_padded_frames(collate(clips())))
    steps = plain.mask.shape[1]
    torch.testing.assert_close(junked.tokens[:, :steps], plain.tokens, atol=1e-6, rtol=1e-5)
    assert not junked.tokens[~junked.mask].any()
    assert not junked.mask[:, steps:].any()


@torch.no_grad()
def test_absent_rows_are_zero_and_never_nan(saved: Path) -> None:
    encoder = build(saved)
    for rows in ([Utterance()], [Utterance(), Utterance(frames=pictures(2))]):
        features = encoder(with_padded_frames(collate(rows)))
        assert features.tokens.shape[2] == WIDTH
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [False, True][: len(rows)]
        assert torch.equal(features.mask.any(dim=1), features.present)
    hidden = replace(collate(clips()), video_present=torch.tensor([True, False, True]))
    assert encoder(hidden).mask.any(dim=1).tolist() == [True, False, True]


@torch.no_grad()
def test_grey_is_the_same_as_three_equal_channels(saved: Path) -> None:
    encoder = build(saved)
    grey = clips(40, 50, channels=1)
    colour = [replace(u, frames=u.frames.repeat(3, axis=3)) for u in grey if u.frames is not None]
    torch.testing.assert_close(encoder(collate(grey)).tokens, encoder(collate(colour)).tokens)


def test_a_frozen_encoder_stays_unchanged(saved: Path) -> None:
    encoder = build(saved)
    batch = collate(clips())
    evaluated = encoder(batch).tokens
    encoder.train()
    assert encoder.training
    assert not any(module.training for module in encoder.backbone.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    trained = encoder(batch).tokens
    assert not trained.requires_grad
    assert torch.equal(trained, evaluated)
    fresh = build_encoder(encoder.architecture())  # before any call of train or eval
    assert not any(module.training for module in fresh.backbone.modules())


def test_gradient_reaches_every_weight_unless_frozen(saved: Path) -> None:
    encoder = build(saved, frozen=False, frames_at_once=4).train()
    assert encoder.backbone.training
    encoder(collate([Utterance(), *clips()])).tokens.square().sum().backward()
    gradients = {name: p.grad for name, p in encoder.named_parameters()}
    assert all(g is not None and torch.isfinite(g).all() for g in gradients.values())
    assert gradients["backbone.visual_projection.weight"].abs().sum() > 0


@torch.no_grad()
@pytest.mark.parametrize("file", FILES)
def test_it_is_rebuilt_without_its_source(file: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "private" / "tiny", "clip", **FILES[file])
    first = build(folder, view="face", frames_at_once=2)
    architecture = json.loads(json.dumps(first.architecture()))
    assert "private" not in json.dumps(architecture)
    again = build_encoder(architecture).eval()
    assert again.architecture() == first.architecture()
    assert json.loads(json.dumps(again.architecture())) == architecture
    again.load_state_dict(first.state_dict())
    batch = collate(clips(50, 44))
    torch.testing.assert_close(again(batch).tokens, first(batch).tokens, atol=1e-5, rtol=1e-5)


def test_the_text_tower_is_not_loaded(saved: Path) -> None:
    names = build(saved).state_dict()
    assert not [name for name in names if "text" in name or "logit_scale" in name]
    assert names["backbone.visual_projection.weight"].shape == (WIDTH, TINY["hidden_size"])


def test_view_and_picture_size(tower: Path, tmp_path: Path) -> None:
    assert (build(tower).view, build(tower).picture_size) == ("frame", SIDE)
    assert build(tower, view="face").view == "face"
    larger = save_tiny(tmp_path / "larger", "clip_vision_model", **FILES["resized larger"])
    assert build(larger).picture_size == 40
    squeezed = save_tiny(tmp_path / "squeezed", "clip_vision_model", **FILES["squeezed"])
    assert build(squeezed).picture_size == SIDE


@pytest.mark.parametrize("kind", ["clip_vision_model", "clip"])
def test_a_config_alone_gives_fresh_weights_and_clips_preprocessing(kind: str) -> None:
    config = make_model(kind).config.to_diff_dict()
    encoder = build_encoder({"family": "pretrained_vision", "config": config})
    assert encoder.width == WIDTH
    assert encoder.preprocessing == Preprocessing(shorter=SIDE, mean=MEAN, std=STD)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    assert torch.isfinite(encoder(collate(clips())).tokens).all()


def test_preprocessing_is_read_from_the_file_and_can_be_overridden(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, "clip_vision_model", **FILES["older"])
    assert build(folder).preprocessing.mean == (0.5, 0.5, 0.5)
    given = {"shorter": 36, "mean": [0.4, 0.4, 0.4]}
    overridden = build(folder, preprocessing=given).preprocessing
    assert overridden == Preprocessing(shorter=36, mean=(0.4, 0.4, 0.4))
    (folder / "preprocessor_config.json").unlink()
    assert build(folder).preprocessing == Preprocessing(shorter=SIDE)


@pytest.mark.parametrize(
    "file",
    [
        {"crop_size": {"height": 30, "width": 30}},
        {"size": {"shortest_edge": 20}, "crop_size": SQUARE},
        {"size": {"shortest_edge": SIDE}, "do_center_crop": False},
        {"size": SIDE, "crop_size": SIDE, "resample": 0},
        {"size": SIDE, "crop_size": SIDE, "do_normalize": False},
    ],
)
def test_pictures_that_the_network_cannot_read_are_refused(file: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="reads 32 × 32 pixels"):
        read_preprocessing(file, SIDE)


def test_other_families_and_missing_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Hub id or a local folder"):
        build_encoder({"family": "pretrained_vision"})
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="'bert' model; this adapter reads clip, clip_vision_mode"):
        build(tmp_path)
    with pytest.raises(ValueError, match="no weights for visual_projection"):
        build(save_tiny(tmp_path / "bare", "bare"))
    with pytest.raises(OSError, match="nowhere"):
        build(tmp_path / "nowhere")


def test_settings_are_checked(tower: Path) -> None:
    with pytest.raises(ValueError, match="no view 'hand'; views are face, frame"):
        build(tower, view="hand")
    with pytest.raises(ValueError, match="at least 1"):
        build(tower, frames_at_once=0)
    with pytest.raises(ValueError, match="colour"):
        build(tower, colour="red")
    with pytest.raises(ValueError, match="colour"):
        build(tower, preprocessing={"shorter": SIDE, "colour": "red"})


def test_pickled_weights_are_never_read(tower: Path, tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((tower / name).read_bytes())
    torch.save(build(tower).backbone.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        build(tmp_path)
