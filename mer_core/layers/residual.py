"""The residual block of the compact encoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# oneDNN (3.12, in torch 2.13) writes outside its memory in the weight gradient of a 1 × 1 strided
# channels-last convolution, the shortcut below, where the input has fewer channels than a vector
# register has floats: 8 with AVX2, 16 with AVX-512. Wider inputs and other layouts are sound.
MIN_CHANNELS = 16


def check_channels(field: str, *channels: int) -> None:
    """Refuse widths at which training can crash the process.

    Raises:
        ValueError: One of `channels`, values of the setting `field`, is below `MIN_CHANNELS`.
    """
    narrowest = min(channels, default=MIN_CHANNELS)
    if narrowest < MIN_CHANNELS:
        raise ValueError(
            f"{field} = {narrowest}: at least {MIN_CHANNELS} channels are needed, because narrower "
            "strided convolutions crash in training on some CPUs (oneDNN)."
        )


class SEBlock(nn.Module):
    """conv-BN-ReLU-conv-BN, squeeze-and-excitation, residual (Hu et al., arXiv 1709.01507).

    An optional mask over the first axis keeps padding from changing anything.
    """

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        squeezed = max(8, outputs // 8)
        self.squeeze = nn.Linear(outputs, squeezed)
        self.excite = nn.Linear(squeezed, outputs)
        self.shortcut = (
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )
            if stride != (1, 1) or inputs != outputs
            else nn.Identity()
        )

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """`image` (B, C, T, M), `mask` (B, T) or None → (B, C', T', M').

        The mask of the result is `mask[:, :: stride[0]]`.
        """
        if mask is None:
            hidden = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(image)))))
            return self._excited(image, hidden, hidden.mean(dim=(2, 3)))
        image = image * mask[:, None, :, None].to(image.dtype)
        valid = mask[:, None, :: self.stride[0], None].to(image.dtype)  # (B, 1, T', 1)
        hidden = F.relu(self.norm1(self.conv1(image))) * valid
        hidden = self.norm2(self.conv2(hidden))  # (B, C', T', M')
        count = valid.sum(dim=(2, 3)).clamp(min=1.0) * hidden.shape[3]  # (B, 1)
        return self._excited(image, hidden, (hidden * valid).sum(dim=(2, 3)) / count)

    def _excited(self, image: Tensor, hidden: Tensor, pooled: Tensor) -> Tensor:
        """The channels of `hidden`, gated by `pooled` (B, C'), plus the shortcut."""
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(pooled))))[:, :, None, None]
        return F.relu(hidden * gate + self.shortcut(image))
