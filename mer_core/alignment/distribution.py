"""Distribution alignment: one Gaussian per modality, their 2-Wasserstein distance, and Sim.

MGCMA (arXiv 2412.20821) splits the output of multi-head self-attention into a branch for the mean
and one for the spread and contrasts the resulting Gaussians; its exact wiring is not public. This
is the wiring of the closest published design, the probability distribution encoder of MAP (Ji et
al., CVPR 2023, arXiv 2210.05335), with an utterance Gaussian in place of that of the [CLS] token,
which speech does not have. Covariances are diagonal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.gaussians import Gaussians
from mer_core.alignment.temperature import clamp_temperature_
from mer_core.layers.attention import attendable, normed_mlp, zero_without_keys
from mer_core.layers.pooling import masked_mean

Pool = Literal["mean", "cls"]
Similarity = Literal["scaled", "map", "sigmoid"]

# exp(-5) to exp(3): a spread of 0.7 % to 20 times that of normalised features. Below this range the
# gradient vanishes; above it W2 grows with exp(2 · log_std), and the means no longer matter.
LOG_STD_RANGE = (-5.0, 3.0)

MAP_SLOPE, MAP_SHIFT = 1 / 200, 4.0  # a and b of MAP's Sim = -a W2 + b
INITIAL_TEMPERATURE = {"scaled": 1.0, "map": 0.07, "sigmoid": 1.0}
INITIAL_SHIFT = 0.5  # W2 / D starts at a few tenths, so that the sigmoid starts near 1/2


@dataclass(frozen=True)
class SequenceGaussians:
    """Diagonal Gaussians of B utterances and of their T tokens.

    Attributes:
        mean: (B, T, D) of the tokens.
        log_std: (B, T, D) of the tokens.
        utterance: B Gaussians, one per utterance.
    """

    mean: Tensor
    log_std: Tensor
    utterance: Gaussians[Tensor]

    def draw(self) -> Tensor:
        """One sample per token (B, T, D), differentiable in mean and spread."""
        noise = torch.randn_like(self.mean)
        return self.mean + self.log_std.exp().to(noise.dtype) * noise


class GaussianConstructor(nn.Module):
    """Tokens (B, T, D) → one Gaussian per token and one per utterance.

    Half of the attention heads feed the mean, half the log standard deviation. Only the mean has a
    residual path to the input; the spread is computed anew.

    Args:
        width: D.
        heads: Number of attention heads, even and a divisor of D.
        feed_forward: Width of the two MLPs as a multiple of D.
        dropout: After each linear layer that follows the attention.
        pool: `mean`: the utterance's mean and log spread are averages over its tokens; `cls`: they
            are those of a learned token in front.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        feed_forward: float = 4.0,
        dropout: float = 0.1,
        pool: Pool = "mean",
    ) -> None:
        super().__init__()
        if heads % 2 or width % heads:
            raise ValueError(f"heads must be even and divide width {width}, but is {heads}.")
        if pool not in ("mean", "cls"):
            raise ValueError(f"There is no pool {pool!r}; pools are mean, cls.")
        self.heads = heads
        self.input = nn.Linear(width, width)
        self.input_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.mean_out = nn.Linear(width // 2, width)
        self.log_std_out = nn.Linear(width // 2, width)
        self.dropout = nn.Dropout(dropout)
        self.mean_mlp = normed_mlp(width, feed_forward, dropout)
        self.log_std_mlp = normed_mlp(width, feed_forward, dropout)
        self.cls = nn.Parameter(torch.randn(width) * 0.02) if pool == "cls" else None

    def forward(self, tokens: Tensor, mask: Tensor) -> SequenceGaussians:
        """`tokens` (B, T, D), `mask` (B, T); a row without a valid token stays finite."""
        if self.cls is not None:
            tokens = torch.cat([self.cls.expand(len(tokens), 1, -1).to(tokens), tokens], dim=1)
            mask = F.pad(mask, (1, 0), value=True)  # (B, 1 + T)
        attended = self._attend(tokens, mask)  # (B, T, D)
        mean_heads, log_std_heads = attended.chunk(2, dim=2)  # (B, T, D / 2) each
        mean = tokens + self.dropout(self.mean_out(mean_heads))  # MAP: mu = x + mu0
        mean = mean + self.mean_mlp(mean)
        log_std = self.dropout(self.log_std_out(log_std_heads))  # MAP: no residual to the input
        log_std = (log_std + self.log_std_mlp(log_std)).float().clamp(*LOG_STD_RANGE)
        if self.cls is not None:
            utterance = Gaussians(mean[:, 0], log_std[:, 0].exp())
            return SequenceGaussians(mean[:, 1:], log_std[:, 1:], utterance)
        utterance = Gaussians(masked_mean(mean, mask), masked_mean(log_std, mask).exp())
        return SequenceGaussians(mean, log_std, utterance)

    def _attend(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Multi-head self-attention over valid tokens without an output layer; (B, T, D)."""
        batch, steps, width = tokens.shape
        normed = self.input_norm(F.gelu(self.input(tokens)))
        stacked = self.query_key_value(normed).view(batch, steps, 3, self.heads, -1)
        query, key, value = stacked.permute(2, 0, 3, 1, 4)  # (B, H, T, D / H) each
        key_mask = attendable(mask)[:, None, None, :].expand(-1, -1, steps, -1)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=key_mask)
        attended = attended.transpose(1, 2).reshape(batch, steps, width)  # (B, T, D)
        return zero_without_keys(attended, mask)


def squared_wasserstein(a: Gaussians[Tensor], b: Gaussians[Tensor]) -> Tensor:
    """Squared 2-Wasserstein distance W2² of every pair (MAP, Eq. 6; see `Gaussians.points`).

    Differences are taken before squaring, so no result is negative.

    Args:
        a: A Gaussians.
        b: B Gaussians of the same width.

    Returns:
        (A, B), at least float32.
    """
    exact = torch.promote_types(a.points.dtype, torch.float32)
    mode = "donot_use_mm_for_euclid_dist"  # a matrix product would cancel digits of near points
    return torch.cdist(a.points.to(exact), b.points.to(exact), compute_mode=mode).square()


def similarity(
    distance: Tensor,
    kind: Similarity,
    width: int,
    temperature: Tensor | float,
    shift: Tensor | float = 0.0,
) -> Tensor:
    """Squared W2 (A, B) → logits (A, B), up = closer.

    Args:
        distance: (A, B) from `squared_wasserstein`.
        kind: `scaled`: -W2/D / temperature; without D, which W2 grows with, the softmax would start
            saturated. `map`: (b - a W2) / temperature with a = 1/200, b = 4. `sigmoid`: shift -
            W2/D / temperature, for `sigmoid_contrastive_loss`.
        width: D of the Gaussians.
        temperature: Positive; small = sharp.
        shift: Used by `sigmoid` only; in a softmax it would cancel.
    """
    if kind == "scaled":
        return -distance / width / temperature
    if kind == "map":
        return (MAP_SHIFT - MAP_SLOPE * distance) / temperature
    if kind == "sigmoid":
        return shift - distance / width / temperature
    raise ValueError(_no_similarity(kind))


def _no_similarity(kind: str) -> str:
    return f"There is no similarity {kind!r}; there are {', '.join(INITIAL_TEMPERATURE)}."


class DistributionSimilarity(nn.Module):
    """`similarity` with a learned temperature, stored as its logarithm, and a learned shift.

    MAP learns an unbounded temperature; here its logarithm is learned, so that it cannot reach
    zero, and `constrain_` keeps it within `TEMPERATURE_RANGE`.

    Args:
        kind: Of `similarity`.
        width: D of the Gaussians.
        temperature: The initial one; None is `INITIAL_TEMPERATURE` of `kind`.
        learn: Whether the temperature is trained.
    """

    def __init__(
        self,
        kind: Similarity,
        width: int,
        *,
        temperature: float | None = None,
        learn: bool = True,
    ) -> None:
        super().__init__()
        if kind not in INITIAL_TEMPERATURE:
            raise ValueError(_no_similarity(kind))
        self.kind = kind
        self.width = width
        initial = INITIAL_TEMPERATURE[kind] if temperature is None else temperature
        self.log_temperature = nn.Parameter(torch.tensor(math.log(initial)), requires_grad=learn)
        self.shift = nn.Parameter(torch.tensor(INITIAL_SHIFT)) if kind == "sigmoid" else None

    def constrain_(self) -> None:
        """Move the temperature back into its range; called after an optimiser's step."""
        clamp_temperature_(self.log_temperature)

    def forward(self, a: Gaussians[Tensor], b: Gaussians[Tensor]) -> Tensor:
        """A and B Gaussians → logits (A, B)."""
        shift = 0.0 if self.shift is None else self.shift
        distance = squared_wasserstein(a, b)
        return similarity(distance, self.kind, self.width, self.log_temperature.exp(), shift)
