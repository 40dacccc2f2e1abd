"""The shared residual block: padding changes nothing, and no mask is a full mask."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mer_core.layers.residual import SEBlock

LENGTHS = (1, 4, 7, 12)
# Strides over time and bands, and channels in and out; the last has no shortcut convolution.
SHAPES = [((2, 2), 3, 8), ((1, 2), 3, 8), ((2, 1), 8, 8), ((1, 1), 3, 8), ((1, 1), 8, 8)]


@pytest.fixture(params=SHAPES, ids=str)
def block(request: pytest.FixtureRequest) -> SEBlock:
    torch.manual_seed(0)
    stride, inputs, outputs = request.param
    made = SEBlock(inputs, outputs, stride)
    for module in made.modules():  # as after training: statistics that are not 0 and 1
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return made.eval()


def images(block: SEBlock) -> tuple[Tensor, Tensor]:
    """(B, C, T, M) with 99 wherever `mask` (B, T) is False, longer than any row."""
    mask = torch.arange(15) < torch.tensor(LENGTHS)[:, None]
    image = torch.randn(len(LENGTHS), block.conv1.in_channels, 15, 10)
    return torch.where(mask[:, None, :, None], image, 99.0), mask


@torch.no_grad()
def test_padding_never_changes_what_is_valid(block: SEBlock) -> None:
    image, mask = images(block)
    together = block(image, mask)
    valid = mask[:, :: block.stride[0]]
    for row, alone, length, kept in zip(together, image, LENGTHS, valid, strict=True):
        expected = block(alone[None, :, :length])[0]  # (C', T', M'), without a mask
        assert int(kept.sum()) == expected.shape[1] == -(-length // block.stride[0])
        torch.testing.assert_close(row[:, kept], expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("training", [False, True])
def test_no_mask_is_a_full_mask(block: SEBlock, training: bool) -> None:
    block.train(training)
    image, mask = images(block)
    torch.testing.assert_close(block(image), block(image, mask | True), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_shape_follows_the_strides(block: SEBlock) -> None:
    for length, bands in ((1, 1), (5, 6), (8, 7)):
        image = torch.randn(2, block.conv1.in_channels, length, bands)
        made = block(image)
        down, across = block.stride
        assert made.shape == (2, block.conv2.out_channels, -(-length // down), -(-bands // across))
        assert (made >= 0).all()


def test_a_row_of_padding_is_finite_with_finite_gradients(block: SEBlock) -> None:
    image, mask = images(block)
    mask[0] = False
    made = block.train()(image, mask)
    assert torch.isfinite(made).all()
    made.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in block.parameters())


@torch.no_grad()
def test_the_gate_weights_channels_by_the_valid_mean() -> None:
    """Against the paper's formula written out: sigmoid(W2 relu(W1 z)), z the mean per channel."""
    torch.manual_seed(0)
    block = SEBlock(4, 4, (1, 1)).eval()
    image = torch.randn(1, 4, 6, 5)
    hidden = block.norm2(block.conv2(torch.relu(block.norm1(block.conv1(image)))))
    z = torch.stack([hidden[0, c].mean() for c in range(4)])
    gate = torch.sigmoid(block.excite(torch.relu(block.squeeze(z))))
    expected = torch.stack([torch.relu(image[0, c] + gate[c] * hidden[0, c]) for c in range(4)])
    torch.testing.assert_close(block(image)[0], expected)
