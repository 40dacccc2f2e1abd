"""CLIP's vision tower from transformers: one token a picture, its projected image features.

arXiv 2103.00020. What Foal-Net reads of a video: every frame alone, whole, through a frozen
ViT-L/14, as CLIP's `get_image_features` gives it (768 numbers, not normalised).

Pictures are made as the checkpoint's `preprocessor_config.json` says, in torch, so that frames
need not leave their device: resized over the shorter side with antialiasing, cropped in the
middle, brought to the mean and deviation that CLIP was trained with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from mer_core.encoders.base import Encoder, View
from mer_core.encoders.pretrained import LOADING, describe_backbone, load_config
from mer_core.types import Batch, Features

from transformers import CLIPVisionModelWithProjection  # isort: skip  (after torchaudio_compat)
from transformers.image_processing_utils import BaseImageProcessor  # isort: skip

FAMILIES = ("clip", "clip_vision_model")
VIEWS = get_args(View)
PICTURE_FILES = ("preprocessor_config.json", "processor_config.json")  # either may say it
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of red, green and blue over CLIP's training pictures
STD = (0.26862954, 0.26130258, 0.27577711)
RESCALE = 1 / 255  # bytes → 0 to 1
RESAMPLING = {2: "bilinear", 3: "bicubic"}  # as Pillow numbers them, and transformers with it


@dataclass(frozen=True)
class PretrainedVisionConfig:
    """Which backbone, and how it is used.

    Attributes:
        source: Hub id or local folder, of a vision tower or of a whole CLIP.
        revision: Branch, tag or commit of a Hub id.
        config: transformers' config, for fresh weights without `source`; see `load_backbone`.
        preprocessing: Fields of `Preprocessing`, or None for what the source's file says. A local
            folder without such a file, or a config alone, has its pictures made as CLIP's own.
        frozen: Leave all of it as it was pretrained, as Foal-Net does.
        view: What it is shown: `frame`, the whole picture, as in Foal-Net, or `face`.
        frames_at_once: Frames that go through the network together. It bounds the memory of a
            frozen tower; one that learns keeps every frame's activations all the same.
    """

    source: str = ""
    revision: str | None = None
    config: dict[str, Any] | None = None
    preprocessing: dict[str, Any] | None = None
    frozen: bool = True
    view: View = "frame"
    frames_at_once: int = 32


@dataclass(frozen=True)
class Preprocessing:
    """From bytes of any size to what the network was trained on.

    Attributes:
        shorter: Pixels of the shorter side after resizing, before the square in the middle is cut
            out; 0 = the whole picture is squeezed into the square.
        mean: Of red, green and blue, subtracted after `rescale`.
        std: Of red, green and blue, divided by.
        rescale: Factor of the bytes.
        resample: `bicubic` or `bilinear`.
    """

    shorter: int
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    rescale: float = RESCALE
    resample: str = "bicubic"


class PretrainedVisionEncoder(Encoder):
    """`frames` (B, F, C, H, W) → projected image features (B, F, D), one token a frame.

    Attributes:
        view: `face` or `frame`: which pictures it wants.
        picture_size: Side in pixels of the square pictures that need no resizing.
    """

    modality = "video"

    def __init__(self, settings: PretrainedVisionConfig) -> None:
        super().__init__()
        if settings.view not in VIEWS:
            raise ValueError(f"There is no view {settings.view!r}; views are {', '.join(VIEWS)}.")
        if settings.frames_at_once < 1:
            raise ValueError(f"frames_at_once is {settings.frames_at_once}; it must be at least 1.")
        self.settings = settings
        self.backbone = _load_tower(settings)
        self.width = int(self.backbone.config.projection_dim)
        self.side = int(self.backbone.config.image_size)
        self.preprocessing = _preprocessing(settings, self.side)
        self.view = settings.view
        self.picture_size = self.preprocessing.shorter or self.side
        if settings.frozen:
            self.backbone.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> PretrainedVisionEncoder:
        """As `nn.Module.train`; what is frozen stays as in evaluation."""
        super().train(mode)
        if self.settings.frozen:
            self.backbone.eval()
        return self

    def architecture(self) -> dict[str, Any]:
        """Name, settings, how pictures are made and the tower's config, for `build_encoder`."""
        backbone = describe_backbone(self.settings.source, self.settings.revision, self.backbone)
        settings = {**asdict(self.settings), **backbone}
        settings["preprocessing"] = asdict(self.preprocessing)
        return {"family": "pretrained_vision", **settings}

    def forward(self, batch: Batch) -> Features:
        """One token a frame; see `Encoder.forward`."""
        assert batch.frames is not None
        assert batch.frames_mask is not None
        assert batch.video_present is not None
        mask = batch.frames_mask & batch.video_present[:, None]  # (B, F)
        tokens = self.backbone.visual_projection.weight.new_zeros(*mask.shape, self.width)
        if mask.any():
            chunks = torch.split(batch.frames[mask], self.settings.frames_at_once)
            found = torch.cat([self._features(chunk) for chunk in chunks])  # (N, D)
            tokens = tokens.to(found.dtype)
            tokens[mask] = found
        return Features(tokens, mask, mask.any(dim=1))

    def _features(self, frames: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N, D), CLIP's `get_image_features`."""
        pictures = prepare(frames, self.preprocessing, self.side)  # (N, 3, side, side)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.settings.frozen):
            features: Tensor = self.backbone(pixel_values=pictures).image_embeds
        return features


def prepare(frames: Tensor, how: Preprocessing, side: int) -> Tensor:
    """(N, C, H, W) uint8, grey or RGB → (N, 3, side, side) float, as the network wants them."""
    image = frames.float()
    height, width = frames.shape[2:]
    size = (side, side)
    if how.shorter:
        shorter = min(height, width)
        # In whole numbers: dividing first could lose a pixel to rounding.
        size = (how.shorter * height // shorter, how.shorter * width // shorter)
    for step in ((height, size[1]), size):  # across, then down, bytes after each, as Pillow does
        if step != tuple(image.shape[2:]):
            image = F.interpolate(image, step, mode=how.resample, antialias=True)
            image = image.round().clamp(0, 255)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    image = image[:, :, top : top + side, left : left + side]
    mean = torch.tensor(how.mean, device=image.device)[:, None, None]
    std = torch.tensor(how.std, device=image.device)[:, None, None]
    return (image * how.rescale - mean) / std  # grey becomes three equal channels here


def _load_tower(settings: PretrainedVisionConfig) -> Any:
    """The vision tower and its projection; of a whole CLIP, that part alone."""
    source, revision = settings.source, settings.revision
    config = load_config(source, revision, settings.config, FAMILIES)
    if config.model_type == "clip":  # the width that counts stands beside its towers' configs
        config, projection_dim = config.vision_config, config.projection_dim
        config.projection_dim = projection_dim
    if settings.config is not None:
        return CLIPVisionModelWithProjection(config).float()
    tower, report = CLIPVisionModelWithProjection.from_pretrained(
        source, revision=revision, config=config, output_loading_info=True, **LOADING
    )
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"]))
        raise ValueError(f"{source!r} has no weights for {missing}; they would be random.")
    return tower


def _preprocessing(settings: PretrainedVisionConfig, side: int) -> Preprocessing:
    """What the settings say, or the source's file, or CLIP's own at the network's size."""
    if settings.preprocessing is not None:
        given = dict(settings.preprocessing)
        for field in {"mean", "std"} & given.keys():
            given[field] = tuple(given[field])  # a list, where it went through JSON
        return Preprocessing(**given)
    folder = Path(settings.source)
    bare = folder.is_dir() and not any((folder / name).exists() for name in PICTURE_FILES)
    if settings.config is not None or bare:
        return Preprocessing(shorter=side)
    found, _ = BaseImageProcessor.get_image_processor_dict(
        settings.source, revision=settings.revision
    )
    return read_preprocessing(found, side)


def read_preprocessing(found: dict[str, Any], side: int) -> Preprocessing:
    """A `preprocessor_config.json` → how pictures of `side` pixels are made.

    Raises:
        ValueError: It asks for something else than a resized square of that side.
    """
    size, crop = found.get("size", side), found.get("crop_size", side)
    size = {"shortest_edge": size} if isinstance(size, int) else size  # as older files have it
    crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
    square = {"height": side, "width": side}
    shorter = size.get("shortest_edge", 0)
    cropped = found.get("do_center_crop", True) and crop == square and shorter >= side
    resample = RESAMPLING.get(found.get("resample", 3))
    whole = all(found.get(f"do_{step}", True) for step in ("resize", "rescale", "normalize"))
    if resample is None or not whole or not (cropped or size == square):
        raise ValueError(
            f"The network reads {side} × {side} pixels, which its preprocessor_config.json does "
            f"not make in a way that is known here: {found}."
        )
    return Preprocessing(
        shorter=shorter,
        mean=tuple(found.get("image_mean", MEAN)),
        std=tuple(found.get("image_std", STD)),
        rescale=found.get("rescale_factor", RESCALE),
        resample=resample,
    )
