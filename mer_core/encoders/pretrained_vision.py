"""CLIP's vision tower from transformers: the projected image features, one token per picture.

arXiv 2103.00020. Foal-Net's video features: every whole frame separately through a frozen ViT-L/14,
as from CLIP's `get_image_features` (768 numbers, not normalised).

Preprocessing follows the checkpoint's `preprocessor_config.json` in torch, so that frames stay on
their device: the shorter side is resized with antialiasing, the middle is cropped, and the colours
are normalised with the mean and deviation of CLIP's training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from mer_core.encoders.base import Encoder, View
from mer_core.encoders.pretrained import (
    LOADING,
    BackboneConfig,
    checkpoint_backbone,
    describe_backbone,
    load_config,
)
from mer_core.types import Batch, Features

from transformers import (  # isort: skip  (after torchaudio_compat)
    BaseImageProcessor,
    CLIPVisionModelWithProjection,
)

FAMILIES = ("clip", "clip_vision_model")
VIEWS = get_args(View)
PREPROCESSING_FILES = ("preprocessor_config.json", "processor_config.json")  # either one will do
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of red, green and blue in CLIP's training pictures
STD = (0.26862954, 0.26130258, 0.27577711)
RESCALE = 1 / 255  # bytes → 0 to 1
RESAMPLING = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers, which transformers uses


@dataclass(frozen=True)
class PretrainedVisionConfig(BackboneConfig):
    """Which backbone, a vision tower or a whole CLIP, and how it is used.

    Attributes:
        preprocessing: Fields of `Preprocessing`; None follows the source's file, or CLIP's own
            for a local folder without such a file and for a config alone.
        frozen: Leave all of it as pretrained, as Foal-Net does.
        view: `frame`, the whole picture as in Foal-Net, or `face`.
        frames_at_once: Frames per pass through the network. It limits the memory of a frozen tower;
            a trained one keeps every frame's activations anyway.
    """

    preprocessing: dict[str, Any] | None = None
    frozen: bool = True
    view: View = "frame"
    frames_at_once: int = 32


@dataclass(frozen=True)
class Preprocessing:
    """How pictures of any size become the network's input.

    Attributes:
        shorter: Pixels of the shorter side after resizing and before the central crop; 0 = the
            whole picture is resized to a square.
        mean: Of red, green and blue; subtracted after `rescale`.
        std: Of red, green and blue; divides the difference.
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
        view: `face` or `frame`: which pictures it reads.
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
        """As `nn.Module.train`, but a frozen backbone stays in evaluation."""
        super().train(mode)
        if self.settings.frozen:
            self.backbone.eval()
        return self

    def architecture(self) -> dict[str, Any]:
        """Family, settings, preprocessing and the backbone's config for `build_encoder`."""
        backbone = describe_backbone(self.settings, self.backbone)
        settings = {**asdict(self.settings), **backbone}
        settings["preprocessing"] = asdict(self.preprocessing)
        return {"family": "pretrained_vision", **settings}

    def checkpoint_gradients(self) -> bool:
        """See `Encoder.checkpoint_gradients`."""
        return checkpoint_backbone(self.backbone)

    def forward(self, batch: Batch) -> Features:
        """One token per frame; see `Encoder.forward`."""
        assert batch.frames is not None
        assert batch.frames_mask is not None
        assert batch.video_present is not None
        mask = batch.frames_mask & batch.video_present[:, None]  # (B, F)
        tokens = self.backbone.visual_projection.weight.new_zeros(*mask.shape, self.width)
        if mask.any():
            chunks = torch.split(batch.frames[mask], self.settings.frames_at_once)
            encoded = torch.cat([self._features(chunk) for chunk in chunks])  # (N, D)
            tokens = tokens.to(encoded.dtype)
            tokens[mask] = encoded
        return Features(tokens, mask, mask.any(dim=1))

    def _features(self, frames: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N, D), CLIP's `get_image_features`."""
        pictures = prepare(frames, self.preprocessing, self.side)  # (N, 3, side, side)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.settings.frozen):
            features: Tensor = self.backbone(pixel_values=pictures).image_embeds
        return features


def prepare(frames: Tensor, how: Preprocessing, side: int) -> Tensor:
    """(N, C, H, W) uint8, grey or RGB → (N, 3, side, side) float, the network's input."""
    image = frames.float()
    height, width = frames.shape[2:]
    size = (side, side)
    if how.shorter:
        shorter = min(height, width)
        # In integers: dividing first could lose a pixel to rounding.
        size = (how.shorter * height // shorter, how.shorter * width // shorter)
    # Width, then height, each rounded to bytes, as in Pillow.
    for step in ((height, size[1]), size):
        if step != tuple(image.shape[2:]):
            image = F.interpolate(image, step, mode=how.resample, antialias=True)
            image = image.round().clamp(0, 255)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    image = image[:, :, top : top + side, left : left + side]
    mean = torch.tensor(how.mean, device=image.device)[:, None, None]
    std = torch.tensor(how.std, device=image.device)[:, None, None]
    return (image * how.rescale - mean) / std  # grey becomes three equal channels here


def _load_tower(settings: PretrainedVisionConfig) -> Any:
    """The vision tower with its projection; only that part of a whole CLIP."""
    config = load_config(settings, FAMILIES)
    if config.model_type == "clip":  # its projection width is beside the towers' configs
        config, projection_dim = config.vision_config, config.projection_dim
        config.projection_dim = projection_dim
    if settings.config is not None:
        return CLIPVisionModelWithProjection(config).float()
    tower, report = CLIPVisionModelWithProjection.from_pretrained(
        settings.source,
        revision=settings.revision,
        config=config,
        output_loading_info=True,
        **LOADING,
    )
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"]))
        raise ValueError(f"{settings.source!r} has no weights for {missing}.")
    return tower


def _preprocessing(settings: PretrainedVisionConfig, side: int) -> Preprocessing:
    """From the settings, else from the source's file, else CLIP's own at the network's size."""
    if settings.preprocessing is not None:
        given = dict(settings.preprocessing)
        for field in {"mean", "std"} & given.keys():
            given[field] = tuple(given[field])  # JSON has lists
        return Preprocessing(**given)
    folder = Path(settings.source)
    no_file = folder.is_dir() and not any((folder / name).exists() for name in PREPROCESSING_FILES)
    if settings.config is not None or no_file:
        return Preprocessing(shorter=side)
    fields, _ = BaseImageProcessor.get_image_processor_dict(
        settings.source, revision=settings.revision
    )
    return read_preprocessing(fields, side)


def read_preprocessing(fields: dict[str, Any], side: int) -> Preprocessing:
    """The `fields` of a `preprocessor_config.json` → preprocessing to `side` pixels.

    Raises:
        ValueError: It does not produce a resized square of that side.
    """
    size, crop = fields.get("size", side), fields.get("crop_size", side)
    size = {"shortest_edge": size} if isinstance(size, int) else size  # in older files
    crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
    square = {"height": side, "width": side}
    shorter = size.get("shortest_edge", 0)
    cropped = fields.get("do_center_crop", True) and crop == square and shorter >= side
    resample = RESAMPLING.get(fields.get("resample", 3))
    whole = all(fields.get(f"do_{step}", True) for step in ("resize", "rescale", "normalize"))
    if resample is None or not whole or not (cropped or size == square):
        raise ValueError(
            f"The network reads {side} × {side} pixels, but its preprocessor_config.json does not "
            f"produce them in a supported way: {fields}."
        )
    return Preprocessing(
        shorter=shorter,
        mean=tuple(fields.get("image_mean", MEAN)),
        std=tuple(fields.get("image_std", STD)),
        rescale=fields.get("rescale_factor", RESCALE),
        resample=resample,
    )
