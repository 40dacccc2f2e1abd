"""Diagonal Gaussians of tensors or of NumPy arrays; needs no torch to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", "Tensor", NDArray[np.float64])


@dataclass(frozen=True)
class Gaussians(Generic[Array]):
    """N diagonal Gaussians.

    Attributes:
        mean: (N, D).
        std: (N, D), standard deviations and not variances.
    """

    mean: Array
    std: Array

    @property
    def points(self) -> Array:
        """(N, 2 D), each mean beside its standard deviation.

        The squared distance between two points is the squared 2-Wasserstein distance between their
        Gaussians: W2²(a, b) = ||mean_a - mean_b||² + ||std_a - std_b||² (MAP, Eq. 6).
        """
        if isinstance(self.mean, np.ndarray):
            return np.concatenate([self.mean, self.std], axis=1)
        import torch

        return torch.cat([self.mean, self.std], dim=1)
