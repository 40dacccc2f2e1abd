"""In which precision training computes."""

from __future__ import annotations

from typing import Any

import torch


def autocast_type(precision: str, device: torch.device) -> torch.dtype | None:
    """bf16 if set, or if `auto` finds hardware support; else None."""
    if precision == "auto":
        has = torch.cuda.is_bf16_supported() if device.type == "cuda" else has_cpu_bf16()
        return torch.bfloat16 if has else None
    return torch.bfloat16 if precision == "bf16" else None


def has_cpu_bf16() -> bool:
    """Whether this CPU multiplies bf16 in hardware; False if PyTorch is too old to report it."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16"))
