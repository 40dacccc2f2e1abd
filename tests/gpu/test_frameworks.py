"""Both frameworks with tuned encoders: output, losses and gradients of the GPU are the CPU's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mer_core.frameworks.base import Framework
from mer_core.types import Output
from tests.random_models import LABELS, TINY, batch, foal_net, mgcma

TOLERANCE = 1e-3  # of the largest value of a tensor


def computed(
    make: Callable[..., Framework], device: torch.device
) -> tuple[Output, dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    framework = make(TINY, dropout=0.0).train().to(device)
    output = framework(batch().to(device))
    losses = framework.losses(output, torch.tensor(LABELS, device=device))
    torch.stack(list(losses.values())).sum().backward()
    named = framework.named_parameters()
    return output, losses, {name: p.grad for name, p in named if p.grad is not None}


def assert_close(name: str, ours: Tensor, theirs: Tensor) -> None:
    assert ours.device.type == "cpu"
    limit = TOLERANCE * max(1e-3, float(ours.abs().max()))
    torch.testing.assert_close(theirs.cpu(), ours, rtol=0, atol=limit, msg=lambda m: f"{name}: {m}")


@pytest.mark.parametrize("make", [mgcma, foal_net])
def test_output_losses_and_gradients_are_those_of_the_cpu(
    make: Callable[..., Framework], device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Devices draw other numbers from one seed; the most similar negatives need no draw.
    monkeypatch.setattr(
        torch, "multinomial", lambda p, _, generator=None: p.argmax(dim=1, keepdim=True)
    )
    (output, losses, gradients) = computed(make, torch.device("cpu"))
    (output_there, losses_there, gradients_there) = computed(make, device)
    assert_close("logits", output.logits.detach(), output_there.logits.detach())
    for name, value in output.features.items():
        if value.is_floating_point():
            assert_close(name, value.detach(), output_there.features[name].detach())
        else:
            assert torch.equal(value, output_there.features[name].cpu()), name
    assert len(losses) == 3
    for name, loss in losses.items():
        assert_close(name, loss.detach(), losses_there[name].detach())
    assert gradients.keys() == gradients_there.keys()
    assert any("backbone" in name for name in gradients)
    for name, gradient in gradients.items():
        assert_close(name, gradient, gradients_there[name])


@pytest.mark.parametrize("make", [mgcma, foal_net])
def test_bf16_stays_near(make: Callable[..., Framework], device: torch.device) -> None:
    torch.manual_seed(0)
    framework = make(TINY, dropout=0.0).eval().to(device)
    with torch.inference_mode():
        exact = framework(batch().to(device)).logits
        with torch.autocast(device.type, torch.bfloat16):
            rounded = framework(batch().to(device)).logits
    assert rounded.float().isfinite().all()
    assert (rounded.float() - exact).abs().max() < 0.05 * exact.abs().max() + 0.02
