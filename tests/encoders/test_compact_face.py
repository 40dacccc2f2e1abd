"""The compact face encoder: size, lighting, mirroring, masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mer_core.data.collate import collate
from mer_core.encoders.base import Augmentation, Encoder
from mer_core.encoders.compact_face import CompactFaceConfig, FaceAugment, prepare
from mer_core.encoders.registry import build_encoder
from mer_core.types import Batch, ByteArray, Features, Utterance
from tests.encoders.padding import with_padded_frames

SIDE = CompactFaceConfig().size
LENGTHS = (1, 5, 3)
SMALL = {"family": "compact_face", "stem": 16, "channels": [16, 16, 16], "blocks": [1, 1, 1]}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return settled(build_encoder({"family": "compact_face"}))


def settled(made: Encoder) -> Encoder:
    """In evaluation mode, with the statistics of some faces, so that their tokens differ."""
    torch.manual_seed(0)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    with torch.no_grad():
        made.train()(collate([Utterance(frames=faces(64))]))
    return made.eval()


def faces(count: int, height: int = SIDE, width: int = SIDE, seed: int = 0) -> ByteArray:
    """(count, H, W, 1) smooth grey pictures between 60 and 120."""
    random = np.random.default_rng(seed + count)
    coarse = torch.from_numpy(random.random((count, 1, 6, 6)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (60 + 60 * smooth).permute(0, 2, 3, 1).numpy().astype(np.uint8)


def encode(encoder: Encoder, *clips: ByteArray | None) -> Features:
    with torch.no_grad():
        return encoder(collate([Utterance(frames=clip) for clip in clips]))


def difference(first: Tensor, second: Tensor) -> float:
    """Distance of two (1, F, D) sets of tokens, as a share of that between different faces."""
    return float((first - second).norm(dim=2).mean() / torch.pdist(first[0]).mean())


def test_one_token_per_frame(encoder: Encoder) -> None:
    features = encode(encoder, *(faces(n) for n in LENGTHS))
    assert features.tokens.shape == (3, 5, encoder.width)
    assert features.mask.sum(dim=1).tolist() == list(LENGTHS)
    assert features.present.all()
    assert encoder.modality == "video"
    tokens = features.tokens[features.mask]
    assert torch.pdist(tokens).min() > 0.1 * tokens.norm(dim=1).mean()  # faces differ


def test_padding_never_changes_a_token(encoder: Encoder) -> None:
    clips = [faces(n) for n in LENGTHS]
    with torch.no_grad():
        together = encoder(with_padded_frames(collate([Utterance(frames=clip) for clip in clips])))
    assert not together.tokens[~together.mask].any()
    for clip, tokens, mask in zip(clips, together.tokens, together.mask, strict=True):
        alone = encode(encoder, clip)
        assert int(mask.sum()) == len(clip)
        torch.testing.assert_close(tokens[mask], alone.tokens[0], atol=2e-5, rtol=1e-4)


def test_absent_rows_are_zero_and_never_nan() -> None:
    small = build_encoder(SMALL)
    for clips in ([None], [None, faces(2)]):
        for mode in (True, False):
            features = encode(small.train(mode), *clips)
            assert features.tokens.shape[2] == small.width
            assert torch.isfinite(features.tokens).all()
            assert not features.tokens[~features.mask].any()
            assert features.present.tolist() == [clip is not None for clip in clips]
            assert torch.equal(features.mask.any(dim=1), features.present)


def test_flat_pictures_are_finite(encoder: Encoder) -> None:
    for level in (0, 128, 255):
        flat = np.full((2, SIDE, SIDE, 1), level, np.uint8)
        assert torch.isfinite(encode(encoder, flat).tokens).all()


def test_grey_in_three_channels_is_grey(encoder: Encoder) -> None:
    grey = faces(3)
    tokens = encode(encoder, grey).tokens
    torch.testing.assert_close(
        encode(encoder, grey.repeat(3, axis=3)).tokens, tokens, atol=1e-4, rtol=1e-4
    )


def test_colours_are_weighted_by_luma() -> None:
    red, green, blue = (np.zeros((1, 8, 8, 3), np.uint8) for _ in range(3))
    for channel, picture in enumerate((red, green, blue)):
        picture[:, :, 4:, channel] = 200
    made = [prepare(torch.from_numpy(p).permute(0, 3, 1, 2), 8) for p in (red, green, blue)]
    # Normalised, each is the same step; before that, green was the brightest by far.
    for other in made[1:]:
        torch.testing.assert_close(other, made[0], atol=0.01, rtol=0.0)
    both = torch.from_numpy(np.concatenate([green[:, :, 4:], red[:, :, 4:]], axis=2))
    left, right = prepare(both.permute(0, 3, 1, 2), 8)[0, 0].chunk(2, dim=1)
    assert left.mean() > 0 > right.mean()


def test_pictures_reach_the_network_at_mean_zero_and_variance_one() -> None:
    made = prepare(torch.from_numpy(faces(4, 60, 70)).permute(0, 3, 1, 2), SIDE)
    assert made.shape == (4, 1, SIDE, SIDE)
    torch.testing.assert_close(made.mean(dim=(1, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0.0)
    torch.testing.assert_close(made.var(dim=(1, 2, 3)), torch.ones(4), atol=0.02, rtol=0.0)


@pytest.mark.parametrize(("gain", "lift"), [(1, 100), (1, -50), (2, 10), (2, -110)])
def test_lighting_and_contrast_matter_little(encoder: Encoder, gain: int, lift: int) -> None:
    clip = faces(4)
    moved = clip.astype(np.int64) * gain + lift
    assert moved.min() >= 0
    assert moved.max() <= 255
    tokens = encode(encoder, clip).tokens
    assert difference(tokens, encode(encoder, moved.astype(np.uint8)).tokens) < 0.05


def test_a_face_and_its_mirror_image_are_the_same(encoder: Encoder) -> None:
    clip = faces(4)
    mirrored = np.ascontiguousarray(clip[:, :, ::-1])
    tokens = encode(encoder, clip).tokens
    torch.testing.assert_close(encode(encoder, mirrored).tokens, tokens, atol=1e-5, rtol=1e-4)
    one_sided = build_encoder({"family": "compact_face", "mirror": False}).eval()
    one_sided.load_state_dict(encoder.state_dict())
    plain, flipped = encode(one_sided, clip).tokens, encode(one_sided, mirrored).tokens
    assert difference(plain, flipped) > 0.1
    torch.testing.assert_close((plain + flipped) / 2, tokens, atol=1e-5, rtol=1e-4)


def test_other_sizes_are_resized(encoder: Encoder) -> None:
    clip = faces(3)
    tokens = encode(encoder, clip).tokens
    for factor in (2, 3):
        large = clip.repeat(factor, axis=1).repeat(factor, axis=2)
        assert difference(tokens, encode(encoder, large).tokens) < 0.2
    assert torch.isfinite(encode(encoder, faces(2, 31, 200)).tokens).all()


def test_shrinking_removes_fine_texture(generator: np.random.Generator) -> None:
    clean = np.tile(np.linspace(50, 200, 4 * SIDE), (4 * SIDE, 1))
    noisy = np.clip(clean + 25 * generator.standard_normal(clean.shape), 0, 255)
    pictures = torch.from_numpy(np.stack([clean, noisy]).astype(np.uint8))[:, None]
    first, second = prepare(pictures, SIDE)
    # Reading four neighbours only would leave half of the noise: 12.5 over the ramp's std of 43.
    assert float((first - second).std()) < 0.15


def test_it_augments_in_training_only(encoder: Encoder) -> None:
    assert isinstance(encoder.augment, Augmentation)
    assert torch.equal(encode(encoder, faces(3)).tokens, encode(encoder, faces(3)).tokens)
    made = prepare(torch.from_numpy(faces(6)).permute(0, 3, 1, 2), SIDE)
    augment = FaceAugment(42, 12.0, 0.15, 0.4)
    torch.manual_seed(1)
    first = augment(made)
    assert first.shape == (6, 1, 42, 42)
    assert torch.isfinite(first).all()
    assert not torch.equal(augment(made), first)
    torch.manual_seed(1)
    assert torch.equal(augment(made), first)
    assert torch.equal(augment.eval()(made), made)


def test_augmentation_of_zero_only_mirrors() -> None:
    made = prepare(torch.from_numpy(faces(20)).permute(0, 3, 1, 2), SIDE)
    augment = FaceAugment(0, 0.0, 0.0, 0.0)
    torch.manual_seed(0)
    moved = augment(made)
    assert moved.shape == made.shape
    # It moves by at most 0.04 of half a side, about a pixel; smooth faces hardly change.
    plain = (moved - made).abs().mean(dim=(1, 2, 3))
    mirrored = (moved - made.flip(3)).abs().mean(dim=(1, 2, 3))
    assert torch.minimum(plain, mirrored).max() < 0.3 < torch.maximum(plain, mirrored).min()
    assert 4 <= int((mirrored < plain).sum()) <= 16


def test_half_of_the_faces_lose_a_rectangle() -> None:
    torch.manual_seed(0)
    side, count = 42, 2_000
    augment = FaceAugment(0, 0.0, 0.0, 0.4)
    erased = augment._erase(torch.ones(count, 1, side, side)) == 0
    areas = erased.sum(dim=(1, 2, 3))
    # A side is uniform between 0 and 0.4, so a rectangle takes 0.2 ** 2 = 4 % of a face.
    assert 0.45 < float((areas > 0).float().mean()) < 0.52
    assert float(erased.float().mean()) == pytest.approx(0.5 * 0.2**2, rel=0.15)
    assert 0.3**2 * side**2 < int(areas.max()) <= (0.4 * side + 1) ** 2
    rows, columns = erased.any(dim=3).sum(dim=2), erased.any(dim=2).sum(dim=2)
    assert torch.equal((rows * columns)[:, 0], areas)  # connected rectangles
    assert not (FaceAugment(0, 0.0, 0.0, 0.0)._erase(torch.ones(8, 1, 9, 9)) == 0).any()


def test_statistics_are_those_of_real_frames_only() -> None:
    """Training on a padded batch leaves the same running statistics as without its padding."""

    def statistics(batch: Batch) -> dict[str, Tensor]:
        torch.manual_seed(0)
        encoder = build_encoder({**SMALL, "crop": 0}).train()
        encoder(batch)
        return {name: b for name, b in encoder.named_buffers() if "running" in name}

    clips = [faces(n) for n in LENGTHS]
    batch = collate([Utterance(), *(Utterance(frames=clip) for clip in clips)])
    padded = statistics(with_padded_frames(batch))
    dense = statistics(collate([Utterance(frames=np.concatenate(clips))]))
    assert padded
    for name, value in padded.items():
        torch.testing.assert_close(value, dense[name], msg=name)
    untouched = statistics(with_padded_frames(collate([Utterance(), Utterance()])))
    fresh = {name: b for name, b in build_encoder(SMALL).named_buffers() if "running" in name}
    assert all(torch.equal(value, fresh[name]) for name, value in untouched.items())


def test_it_has_at_most_three_million_parameters(encoder: Encoder) -> None:
    assert sum(p.numel() for p in encoder.parameters()) <= 3_000_000


def test_gradients_are_finite() -> None:
    torch.manual_seed(0)
    small = build_encoder(SMALL).train()
    features = small(collate([Utterance(), Utterance(frames=faces(6))]))
    features.tokens.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in small.parameters())


def test_view_and_picture_size(encoder: Encoder) -> None:
    assert (encoder.view, encoder.picture_size) == ("face", SIDE)
    assert build_encoder({**SMALL, "size": 32}).picture_size == 32


def test_round_trip_and_unknown_settings(encoder: Encoder) -> None:
    again = build_encoder(encoder.architecture()).eval()
    assert again.architecture() == encoder.architecture()
    again.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(encode(again, faces(3)).tokens, encode(encoder, faces(3)).tokens)
    small = build_encoder(SMALL)
    assert small.width == 16
    assert build_encoder(small.architecture()).architecture() == small.architecture()
    with pytest.raises(ValueError, match="colour"):
        build_encoder({"family": "compact_face", "colour": "red"})


@pytest.mark.parametrize(("field", "widths"), [("stem", 15), ("channels", (16, 8))])
def test_widths_that_crash_some_cpus_are_refused(field: str, widths: object) -> None:
    with pytest.raises(ValueError, match=rf"^{field} = \d+: at least 16 channels .*oneDNN"):
        CompactFaceConfig(**{field: widths})
    with pytest.raises(ValueError, match=rf"^{field} = "):
        build_encoder({"family": "compact_face", field: widths})
    assert min(CompactFaceConfig(stem=16, channels=(16, 16, 16)).channels) == 16
