"""How long examples and pairs are, so that batches of similar length hold little padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mer_core.data import Example
from mer_core.types import SAMPLE_RATE
from train.data.material import Material

if TYPE_CHECKING:
    from train.data.pairs import Pair  # which imports the tasks

SAMPLES_PER_FRAME = SAMPLE_RATE // 50  # of an encoder of speech
CHARACTERS_PER_PIECE = 4  # of a word


def heard_size(example: Example, material: Material) -> int:
    """`Material.size` of what training reads of an example: of a clip, its crop."""
    size = material.size(example)
    crop = material.sources["speech"].crop_seconds if example.path is not None else 0.0
    return min(size, round(crop * SAMPLE_RATE)) if crop else size


def pair_length(pair: Pair, material: Material | None) -> int:
    """About how many tokens both halves have: speech, with 50 a second, decides.

    `material` is None where features are cached. These are cheap to pad, and their batches are
    bucketed by text alone.
    """
    if material is None:
        return len(pair.text.text or "") if pair.text else 0
    speech, text, video = pair.parts
    tokens = heard_size(speech, material) // SAMPLES_PER_FRAME if speech else 0
    tokens += heard_size(text, material) // CHARACTERS_PER_PIECE if text else 0
    return tokens + (heard_size(video, material) if video else 0)


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Share of padded batches that is padding.

    Args:
        lengths: Of all items.
        batches: Indices of each batch's items, which are padded to their longest.
    """
    real = sum(lengths[i] for batch in batches for i in batch)
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - real / padded
