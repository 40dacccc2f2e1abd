"""The compact text encoder on a vocabulary of a few words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from mer_core.data.collate import collate
from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import TOKENIZER_FILE, build_encoder
from mer_core.types import Batch, Utterance

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "i", "am", "so", "happy", "sad", "##der", "."]
SHAPE = {
    "family": "compact_text",
    "vocabulary": len(VOCABULARY),
    "width": 24,
    "layers": 2,
    "heads": 2,
    "intermediate": 32,
    "max_tokens": 16,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder with a BERT-like tokenizer."""
    ids = {word: i for i, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made = tmp_path_factory.mktemp("checkpoint")
    tokenizer.save(str(made / TOKENIZER_FILE))
    return made


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    torch.manual_seed(0)
    made = build_encoder(SHAPE, folder)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(4.0)
    return made.eval()


def read(encoder: Encoder, *texts: str | None) -> Batch:
    return collate([Utterance(text=text) for text in texts], encoder.tokenizer)


@torch.no_grad()
def test_padding_never_changes_a_token(encoder: Encoder) -> None:
    texts = ("happy", "I am so sadder .", "I am so happy . I am so sad .")
    batch = read(encoder, *texts)
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    for junk in (0, 9):
        junked = replace(batch, input_ids=torch.where(batch.attention_mask, batch.input_ids, junk))
        together = encoder(junked)
        assert torch.all(together.tokens[~together.mask] == 0)
        for text, tokens, mask in zip(texts, together.tokens, together.mask, strict=True):
            alone = encoder(read(encoder, text)).tokens[0]
            torch.testing.assert_close(tokens[mask], alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_absent_rows_are_zero_and_never_nan(encoder: Encoder) -> None:
    for texts in ((None,), (None, "so sad", "")):
        features = encoder(read(encoder, *texts))
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [False, True, False][: len(texts)]
        assert torch.equal(features.mask.any(dim=1), features.present)


@torch.no_grad()
def test_long_texts_are_cut_and_order_matters(encoder: Encoder) -> None:
    assert encoder(read(encoder, "sad " * 1_000)).tokens.shape == (1, 16, 24)
    first, second = encoder(read(encoder, "happy so sad", "sad so happy")).tokens
    assert not torch.allclose(first, second, atol=1e-3)


@torch.no_grad()
def test_round_trip(encoder: Encoder, folder: Path, tmp_path: Path) -> None:
    (tmp_path / TOKENIZER_FILE).write_text(encoder.tokenizer.tokenizer.to_str())
    again = build_encoder(json.loads(json.dumps(encoder.architecture())), tmp_path).eval()
    again.load_state_dict(encoder.state_dict())
    batch = read(encoder, "I am so sadder")
    torch.testing.assert_close(again(batch).tokens, encoder(batch).tokens)
    with pytest.raises(ValueError, match="folder of its tokenizer"):
        build_encoder(SHAPE)
