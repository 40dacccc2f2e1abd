"""Features of halves that were encoded before, so that a change of one half encodes only that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mer_core.types import Features, Utterance

FIELDS = {"speech": "waveform", "text": "text", "video": "frames"}  # an encoder reads → its field


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """A batch behind the encoders.

    Attributes:
        utterances: Its B rows.
        features: Modality, as the framework names it → features of B rows.
    """

    utterances: tuple[Utterance, ...]
    features: Mapping[str, Features]


def encoded_before(
    utterances: Sequence[Utterance], earlier: Sequence[EncodedRows], names: Mapping[str, str]
) -> dict[str, Features]:
    """Modality → features, for those whose every row was encoded in one earlier batch.

    Args:
        utterances: The rows that are to be encoded.
        earlier: Batches by the same encoders.
        names: What an encoder reads → what the framework calls it.
    """
    found = {}
    for reads, name in names.items():
        wanted = [getattr(utterance, FIELDS[reads]) for utterance in utterances]
        for batch in earlier:
            had = [getattr(utterance, FIELDS[reads]) for utterance in batch.utterances]
            rows = [_row_of(value, had) for value in wanted]
            if None not in rows:
                found[name] = batch.features[name].each(lambda tensor, rows=rows: tensor[rows])  # type: ignore[misc]
                break
    return found


def _row_of(value: Any, rows: Sequence[Any]) -> int | None:
    """The first row that holds this value, or None."""
    return next((i for i, row in enumerate(rows) if _same(value, row)), None)


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, np.ndarray) and isinstance(other, np.ndarray):
        return value is other or np.array_equal(value, other)
    return bool(type(value) is type(other) and value == other)
