"""Cached features are what the encoder would compute now; another encoder never reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.data import collate
from mer_core.encoders.base import encoder_hash
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.types import Utterance
from train.data.features import BATCH, frozen_features


@pytest.fixture
def encoder() -> CompactSpeechEncoder:
    torch.manual_seed(0)
    return CompactSpeechEncoder(CompactSpeechConfig(channels=(16, 16), blocks=1, width=6)).eval()


@pytest.fixture
def clips(generator) -> list[Utterance]:
    lengths = np.linspace(5_000, 9_000, BATCH + 3).astype(int)
    return [Utterance(waveform=generator.normal(0, 0.1, n).astype(np.float32)) for n in lengths]


def test_rows_are_the_encoders_tokens_without_padding(encoder, clips):
    rows = frozen_features(encoder, len(clips), clips.__getitem__, key=["a"], title="t")
    assert len(rows) == len(clips)
    for i in (0, BATCH, len(clips) - 1):
        with torch.inference_mode():
            alone = encoder(collate([clips[i]]))
        assert rows[i].dtype == torch.float16
        assert torch.allclose(rows[i].float(), alone.tokens[0], atol=2e-3)


def test_cached_rows_are_read_without_the_encoder(encoder, clips, tmp_path: Path):
    def never(_: int) -> Utterance:
        raise AssertionError("computed again")

    options = {"key": ["a"], "title": "t", "cache": tmp_path}
    first = frozen_features(encoder, len(clips), clips.__getitem__, **options)
    again = frozen_features(encoder, len(clips), never, **options)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other)
    with pytest.raises(AssertionError, match="computed again"):
        frozen_features(encoder, len(clips), never, key=["b"], title="t", cache=tmp_path)
    with torch.no_grad():
        next(encoder.parameters()).add_(1.0)
    with pytest.raises(AssertionError, match="computed again"):
        frozen_features(encoder, len(clips), never, **options)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_damaged_file_is_computed_again(share: float, encoder, clips, tmp_path: Path, capsys):
    options = {"key": ["a"], "title": "t", "cache": tmp_path}
    first = frozen_features(encoder, len(clips), clips.__getitem__, **options)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    again = frozen_features(encoder, len(clips), clips.__getitem__, **options)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert "is damaged and computed again" in capsys.readouterr().out
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_the_hash_depends_on_shape_and_weights(encoder):
    same = CompactSpeechEncoder(encoder.config)
    assert encoder_hash(same) != encoder_hash(encoder)
    same.load_state_dict(encoder.state_dict())
    assert encoder_hash(same) == encoder_hash(encoder)


def test_the_hash_does_not_depend_on_the_sign_of_zero(encoder):
    weight = next(encoder.parameters())
    with torch.no_grad():
        weight.view(-1)[0] = 0.0
        expected = encoder_hash(encoder)
        weight.view(-1)[0] = -0.0
    assert encoder_hash(encoder) == expected
