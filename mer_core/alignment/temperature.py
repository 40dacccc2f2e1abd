"""Learned temperatures, which divide similarities: stored as logarithms, kept within bounds.

CLIP (arXiv 2103.00020) bounds its learned temperature at 0.01. A higher floor is ours: contrastive
losses gain by sharpening, and what a sharp temperature gains in retrieval it loses in overlap, for
it pushes the two modalities apart as clouds (Liang et al. 2022, arXiv 2203.02053). Above a soft
floor, near 0.5 of cosines, training cannot get there.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TEMPERATURE_RANGE = (0.01, 10.0)  # a similarity of 1 becomes a logit of 100 to 0.1


def clamp_temperature_(log_temperature: Tensor, floor: float = TEMPERATURE_RANGE[0]) -> None:
    """Move the logarithm of a learned temperature back into its range, in place.

    Called after an optimiser's step. A clamp inside `forward` would stop the gradient at a bound,
    and the temperature could never leave it again.

    Args:
        log_temperature: A scalar.
        floor: The lowest temperature.
    """
    with torch.no_grad():
        log_temperature.clamp_(math.log(floor), math.log(TEMPERATURE_RANGE[1]))


def check_learned(name: str, first: float, floor: float) -> None:
    """Refuse bounds that a learned temperature cannot keep.

    Args:
        name: Of the setting of the first temperature; that of its floor is `NAME_floor`.
        first: The temperature that training starts with.
        floor: The lowest that can be learned.

    Raises:
        ValueError: In a sentence that names the setting.
    """
    low, high = TEMPERATURE_RANGE
    if not low <= floor <= high:
        raise ValueError(f"{name}_floor must be in [{low}, {high}], but is {floor}.")
    if not floor <= first <= high:
        raise ValueError(f"{name} must be in [{floor}, {high}] to be learned, but is {first}.")
