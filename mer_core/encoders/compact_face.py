"""Our compact face encoder: residual convolutions over 48 × 48 grey pictures, one token each.

Small enough to be trained from scratch on FER2013 on a CPU. Every face is normalised to zero mean
and unit variance, so that the lighting matters less.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.encoders.base import Augmentation, Encoder
from mer_core.layers.residual import SEBlock, check_channels
from mer_core.types import Batch, Features

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


@dataclass(frozen=True)
class CompactFaceConfig:
    """Shape of the encoder; the defaults are the shipped one's.

    Attributes:
        size: Side of the input picture, pixels; others are resized.
        stem: Channels of the first convolution, at least 16.
        channels: Width of each residual stage, at least 16; every stage halves the picture.
        blocks: Residual blocks per stage.
        dropout: Of the tokens.
        mirror: Average the tokens of a face and its mirror image (evaluation only).
        crop: Side of the random crop, pixels (training only); 0 = no crop.
        rotate: Largest rotation, degrees (training only).
        zoom: Largest relative change of size (training only).
        erase: Side of the largest erased rectangle, as a share of the picture (training only).
    """

    size: int = 48
    stem: int = 32
    channels: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (1, 2, 1)
    dropout: float = 0.0
    mirror: bool = True
    crop: int = 42
    rotate: float = 12.0
    zoom: float = 0.15
    erase: float = 0.4

    def __post_init__(self) -> None:
        check_channels("stem", self.stem)
        check_channels("channels", *self.channels)


class CompactFaceEncoder(Encoder):
    """`frames` (B, F, C, H, W) → tokens (B, F, D), D the last stage's channels."""

    modality = "video"
    view = "face"

    def __init__(self, config: CompactFaceConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CompactFaceConfig()
        self.width = config.channels[-1]
        self.picture_size = config.size
        self.augment = FaceAugment(config.crop, config.rotate, config.zoom, config.erase)
        self.stem = nn.Conv2d(1, config.stem, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(config.stem)
        self.blocks = nn.ModuleList()
        previous = config.stem
        for channels, blocks in zip(config.channels, config.blocks, strict=True):
            for block in range(blocks):
                stride = (1, 1) if block else (2, 2)
                self.blocks.append(SEBlock(previous, channels, stride))
                previous = channels
        self.dropout = nn.Dropout(config.dropout)

    def architecture(self) -> dict[str, Any]:
        """Family and shape for `build_encoder`."""
        return {"family": "compact_face", **asdict(self.config)}

    def forward(self, batch: Batch) -> Features:
        """One token per frame; see `Encoder.forward`."""
        assert batch.frames is not None
        assert batch.frames_mask is not None
        assert batch.video_present is not None
        mask = batch.frames_mask
        tokens = self.stem.weight.new_zeros(*mask.shape, self.width)  # (B, F, D)
        if mask.any():
            faces = prepare(batch.frames[mask], self.config.size)  # (N, 1, size, size)
            encoded = self._tokens(self.augment(faces))  # (N, D), valid frames only
            if self.config.mirror and not self.training:
                encoded = (encoded + self._tokens(faces.flip(3))) / 2
            tokens = tokens.to(encoded.dtype)
            tokens[mask] = self.dropout(encoded)
        return Features(tokens, mask, batch.video_present)

    def _tokens(self, faces: Tensor) -> Tensor:
        """Prepared faces (N, 1, H, W) → (N, D)."""
        image = faces.contiguous(memory_format=torch.channels_last)
        image = F.relu(self.stem_norm(self.stem(image)))
        for block in self.blocks:
            image = block(image)
        return image.mean(dim=(2, 3))


def prepare(frames: Tensor, size: int) -> Tensor:
    """(N, C, H, W) uint8, grey or RGB → (N, 1, size, size) float, each of mean 0 and variance 1."""
    image = frames.float()
    if image.shape[1] == 3:
        weights = torch.tensor(LUMA, device=image.device)[None, :, None, None]
        image = (image * weights).sum(dim=1, keepdim=True)
    if image.shape[2:] != (size, size):
        # Shrinking without antialiasing would turn fine texture into noise.
        image = F.interpolate(image, (size, size), mode="bilinear", antialias=True)
    mean = image.mean(dim=(2, 3), keepdim=True)
    return (image - mean) / (image.var(dim=(2, 3), keepdim=True) + 1.0).sqrt()


class FaceAugment(Augmentation):
    """Mirror, rotation, zoom and crop, then an erased rectangle (arXiv 1708.04896)."""

    def __init__(self, crop: int, rotate: float, zoom: float, erase: float) -> None:
        super().__init__()
        self.crop, self.rotate, self.zoom, self.erase = crop, rotate, zoom, erase

    def forward(self, faces: Tensor) -> Tensor:
        """(N, 1, S, S), unchanged in evaluation; (N, 1, crop, crop) in training."""
        if not self.training:
            return faces
        count, size, device = len(faces), faces.shape[2], faces.device
        side = self.crop or size
        angle = (torch.rand(count) * 2 - 1) * math.radians(self.rotate)
        scale = side / size * (1 + (torch.rand(count) * 2 - 1) * self.zoom)
        mirror = (torch.rand(count) < 0.5) * -2.0 + 1.0
        margin = (1 - scale).abs() + 0.04  # a crop may reach slightly beyond the border
        shift = (torch.rand(count, 2) * 2 - 1) * margin[:, None]
        cos, sin = scale * angle.cos(), scale * angle.sin()
        rows = torch.stack([cos * mirror, -sin, shift[:, 0], sin * mirror, cos, shift[:, 1]], 1)
        grid = F.affine_grid(rows.view(-1, 2, 3).to(device), [count, 1, side, side], False)
        moved = F.grid_sample(faces, grid, padding_mode="border", align_corners=False)
        return self._erase(moved)

    def _erase(self, faces: Tensor) -> Tensor:
        """Sets a rectangle to the mean, 0, in half of the faces."""
        count, side = len(faces), faces.shape[2]
        size = torch.rand(count, 2) * self.erase * side
        size = size * (torch.rand(count, 1) < 0.5)
        start = torch.rand(count, 2) * (side - size)
        position = torch.arange(side)
        inside = position >= start[:, :, None]
        inside = inside & (position < (start + size)[:, :, None])  # (N, 2, S)
        hidden = inside[:, 0, :, None] & inside[:, 1, None, :]  # (N, S, S)
        return faces.masked_fill(hidden[:, None].to(faces.device), 0.0)
