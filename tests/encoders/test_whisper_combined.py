"""Whisper's encoder: several layers joined, and what its frozen layers give, kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from mer_core.data.collate import collate_features
from mer_core.encoders.base import encoder_hash
from tests.encoders.tiny_whisper import (
    LAYERS,
    WIDTH,
    batch_of,
    build,
    original,
    waves,
)


@torch.no_grad()
def test_joined_outputs_are_averaged_and_mapped_side_by_side(whisper_folder: Path) -> None:
    (waveform,) = waves((9_999,))
    settings = {"frozen_layers": 2, "combine_from": 1, "pool": 2, "pool_after": 2}
    encoder = build(whisper_folder, join=7, normalize=True, final_norm=False, **settings)
    outputs = [
        torch.stack([group.mean(dim=0) for group in torch.split(output, 2)])
        for output in original(whisper_folder, waveform)[1:3]
    ]
    hidden = encoder.backbone.layers[2](outputs[-1][None], None)
    outputs.append((hidden[0] if isinstance(hidden, tuple) else hidden).reshape(-1, WIDTH))
    side_by_side = torch.cat([F.layer_norm(output, (WIDTH,)) for output in outputs], dim=1)
    expected = side_by_side @ encoder.join.weight.T + encoder.join.bias
    found = encoder(batch_of(waveform)).tokens[0]
    assert encoder.width == found.shape[1] == 7
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(
    "settings",
    [
        {"frozen_layers": 0},
        {"frozen_layers": LAYERS},
        {"frozen_layers": 2, "pool": 2, "pool_after": 2, "join": 5, "combine_from": 1},
        {"frozen_layers": 1, "pool": 2, "pool_after": 2, "mix": True, "combine_from": 2},
        {"frozen_layers": 2, "pool": 4, "mix": True, "combine_from": 0},
    ],
)
def test_cached_lower_layers_give_the_same_tokens(
    whisper_folder: Path, settings: dict[str, object]
) -> None:
    encoder = build(whisper_folder, **settings)
    lower = encoder.frozen_part()
    assert lower is not None
    batch = batch_of(*waves())
    whole, found = encoder(batch), lower(batch)
    assert found.tokens.shape[2] == lower.width
    rows = [tokens[mask] for tokens, mask in zip(found.tokens, found.mask, strict=True)]
    from_cache = encoder(
        collate_features([{"speech": row} for row in rows], {"speech": lower.width})
    )
    assert torch.equal(from_cache.mask, whole.mask)
    torch.testing.assert_close(from_cache.tokens, whole.tokens, atol=1e-5, rtol=1e-5)


def test_the_frozen_part_is_known_by_what_it_depends_on(whisper_folder: Path) -> None:
    def digest(**settings: object) -> str:
        lower = build(
            whisper_folder, **{"frozen_layers": 2, "time_mask": 5, **settings}
        ).frozen_part()
        assert lower is not None
        assert sum(parameter.requires_grad for parameter in lower.parameters()) == 0
        return encoder_hash(lower)

    torch.manual_seed(1)
    same = digest(join=4, combine_from=2)
    torch.manual_seed(2)  # the map that learns starts elsewhere
    assert digest(join=4, combine_from=2, dropout=0.5) == same
    assert len({same, digest(join=4, combine_from=1), digest(time_mask=6), digest(pool=4)}) == 4
    assert build(whisper_folder, frozen_layers=-1).frozen_part() is None
