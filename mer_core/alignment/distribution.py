"""Distribution alignment: a Gaussian a modality, their squared 2-Wasserstein distance, and Sim.

MGCMA (arXiv 2412.20821) splits the output of a multi-head self-attention into a branch for the
mean and one for the spread and contrasts the Gaussians coarsely; its own wiring is not public.
This is the wiring of the closest published design, the probability distribution encoder of MAP
(Ji et al., CVPR 2023, arXiv 2210.05335), with an utterance Gaussian in place of its [CLS] one,
for speech has no such token. Covariances are diagonal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.gaussians import Gaussians
from mer_core.layers.attention import attendable, normed_mlp, zero_without_keys
from mer_core.layers.pooling import masked_mean

Pool = Literal["mean", "cls"]
Similarity = Literal["scaled", "map", "sigmoid"]

# exp(-5) to exp(3): a spread of 0.7 % to 20 times that of normalised features. Below, the Gaussian
# is a point and its gradient vanishes; above, W2 grows with exp(2 · log_std) and drowns the means.
LOG_STD_RANGE = (-5.0, 3.0)

TEMPERATURE_RANGE = (0.01, 10.0)  # one similarity of 1 is worth 100 to 0.1 in the logits
MAP_SLOPE, MAP_SHIFT = 1 / 200, 4.0  # Sim = -a W2 + b of MAP
FIRST_TEMPERATURE = {"scaled": 1.0, "map": 0.07, "sigmoid": 1.0}
FIRST_SHIFT = 0.5  # W2 / D starts at a few tenths, so the sigmoid starts near 1/2


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
    """Tokens (B, T, D) → a Gaussian a token and one an utterance.

    Half of the attention heads feed the mean, half the log standard deviation. Only the mean has
    a residual path to the input: what a token says stays, how sure it is is computed afresh.

    Args:
        width: D.
        heads: Attention heads, an even number that divides D.
        feed_forward: Width of the two MLPs as a multiple of D.
        dropout: After each linear layer behind the attention.
        pool: `mean`: the utterance's mean and log-spread are averages over its tokens; `cls`:
            those of a learned token put in front.
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
        """`tokens` (B, T, D), `mask` (B, T); a row without a valid token is finite and unused."""
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
    mode = "donot_use_mm_for_euclid_dist"  # the matrix product cancels digits of near neighbours
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
        kind: `scaled`: -W2/D / temperature; raw W2 grows with D and saturates the softmax at the
            start. `map`: (b - a W2) / temperature with a = 1/200, b = 4. `sigmoid`:
            shift - W2/D / temperature, for `sigmoid_contrastive_loss`.
        width: D of the Gaussians.
        temperature: Positive; small = sharp.
        shift: Used by `sigmoid` alone: in a softmax it cancels.
    """
    if kind == "scaled":
        return -distance / width / temperature
    if kind == "map":
        return (MAP_SHIFT - MAP_SLOPE * distance) / temperature
    if kind == "sigmoid":
        return shift - distance / width / temperature
    raise ValueError(f"There is no similarity {kind!r}; there are {', '.join(FIRST_TEMPERATURE)}.")


def clamp_temperature_(log_temperature: Tensor) -> None:
    """Move the logarithm of a learned temperature back into `TEMPERATURE_RANGE`, in place.

    Called after an optimiser's step. A clamp inside `forward` would stop the gradient at a bound,
    and the temperature could never leave it again.
    """
    low, high = TEMPERATURE_RANGE
    with torch.no_grad():
        log_temperature.clamp_(math.log(low), math.log(high))


class DistributionSimilarity(nn.Module):
    """`similarity` with its learned temperature, kept in log space, and shift.

    MAP learns the temperature itself, unbounded; here it is learned as a logarithm, so that it
    cannot cross zero, and `constrain_` keeps it within `TEMPERATURE_RANGE`.

    Args:
        kind: Of `similarity`.
        width: D of the Gaussians.
        temperature: The first one; None is the one that suits `kind`.
        learn: Whether it is trained.
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
        if kind not in FIRST_TEMPERATURE:
            raise ValueError(
                f"There is no similarity {kind!r}; there are {', '.join(FIRST_TEMPERATURE)}."
            )
        self.kind = kind
        self.width = width
        first = FIRST_TEMPERATURE[kind] if temperature is None else temperature
        self.log_temperature = nn.Parameter(torch.tensor(math.log(first)), requires_grad=learn)
        self.shift = nn.Parameter(torch.tensor(FIRST_SHIFT)) if kind == "sigmoid" else None

    def constrain_(self) -> None:
        """Move the temperature back into its range; called after an optimiser's step."""
        clamp_temperature_(self.log_temperature)

    def forward(self, a: Gaussians[Tensor], b: Gaussians[Tensor]) -> Tensor:
        """A and B Gaussians → logits (A, B)."""
        shift = 0.0 if self.shift is None else self.shift
        distance = squared_wasserstein(a, b)
        return similarity(distance, self.kind, self.width, self.log_temperature.exp(), shift)
