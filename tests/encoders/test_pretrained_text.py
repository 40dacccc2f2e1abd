"""The BERT and RoBERTa adapter, on tiny models and tokenizers made locally."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from mer_core.data.collate import collate
from mer_core.encoders.base import Encoder
from mer_core.encoders.registry import TOKENIZER_FILE, build_encoder
from mer_core.types import Batch, Utterance

import mer_core.torchaudio_compat  # noqa: F401  isort: skip  (before transformers)
from transformers import (  # isort: skip
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

SENTENCE = "i am so happy sad today what a lovely terrible day oh no it is you"
WORDS = SENTENCE.split()
TEXTS = ("happy", "oh no what a terrible day", "i am so sad today", "it is you")
TINY = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "initializer_range": 0.5,
}
MODELS = {
    "bert": (BertConfig, BertModel, ["[PAD]", "[CLS]", "[SEP]", "[UNK]"], 40),
    "roberta": (RobertaConfig, RobertaModel, ["<s>", "<pad>", "</s>", "<unk>"], 42),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel, ["<s>", "<pad>", "</s>", "<unk>"], 42),
}


def tiny_tokenizer(specials: list[str]) -> PreTrainedTokenizerFast:
    vocabulary = {word: i for i, word in enumerate([*specials, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=specials[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    begin, pad, end = ("[CLS]", "[PAD]", "[SEP]") if "[CLS]" in specials else specials[:3]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        special_tokens=[(begin, vocabulary[begin]), (end, vocabulary[end])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, unk_token=specials[3], cls_token=begin
    )


@pytest.fixture(scope="module", params=MODELS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as on the Hub: config, safetensors and tokenizer."""
    torch.manual_seed(0)
    make_config, make_model, specials, positions = MODELS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    config = make_config(
        **TINY,
        vocab_size=len(specials) + len(WORDS),
        max_position_embeddings=positions,
        pad_token_id=0 if request.param == "bert" else 1,
    )
    make_model(config).save_pretrained(folder)
    tiny_tokenizer(specials).save_pretrained(folder)
    return folder


def build(folder: Path, **settings: object) -> Encoder:
    architecture = {"family": "pretrained_text", "source": str(folder), **settings}
    return build_encoder(architecture).eval()


def read(encoder: Encoder, texts: tuple[str | None, ...] = TEXTS) -> Batch:
    tokenize: Callable[[str], list[int]] = encoder.tokenizer
    return collate([Utterance(text=text) for text in texts], tokenize)


def with_padding(batch: Batch, junk: int) -> Batch:
    """The same batch with five more steps and with `junk` in all padding."""
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    more = (0, 5)
    mask = torch.nn.functional.pad(batch.attention_mask, more)
    ids = torch.nn.functional.pad(batch.input_ids, more)
    return replace(batch, attention_mask=mask, input_ids=torch.where(mask, ids, junk))


@torch.no_grad()
def test_a_padded_batch_agrees_with_the_bare_model(saved: Path) -> None:
    encoder = build(saved)
    family = json.loads((saved / "config.json").read_text())["model_type"]
    bare = MODELS[family][1].from_pretrained(saved).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(saved)
    for batch in (read(encoder), with_padding(read(encoder), 99), with_padding(read(encoder), 1)):
        features = encoder(batch)
        assert features.present.all()
        assert torch.all(features.tokens[~features.mask] == 0)
        for tokens, mask, text in zip(features.tokens, features.mask, TEXTS, strict=True):
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            alone = bare(ids).last_hidden_state[0]
            torch.testing.assert_close(tokens[mask], alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_absent_texts_are_zero_and_never_nan(saved: Path) -> None:
    encoder = build(saved)
    for texts in ((None,), (None, "happy", "")):
        features = encoder(with_padding(read(encoder, texts), 7))
        assert torch.isfinite(features.tokens).all()
        assert features.present.tolist() == [False, True, False][: len(texts)]
        assert torch.equal(features.mask.any(dim=1), features.present)
    hidden = replace(read(encoder), text_present=torch.tensor([True, False, True, True]))
    assert encoder(hidden).mask.any(dim=1).tolist() == [True, False, True, True]


@torch.no_grad()
def test_long_texts_fit_the_positions(saved: Path) -> None:
    encoder = build(saved)
    assert read(encoder, ("sad " * 500,)).input_ids.shape == (1, 40)
    assert encoder(read(encoder, ("sad " * 500,))).mask.all()
    assert read(build(saved, max_tokens=8), ("sad " * 500,)).input_ids.shape == (1, 8)


@torch.no_grad()
def test_a_padding_token_in_the_text_shifts_no_position(saved: Path) -> None:
    encoder = build(saved)
    batch = read(encoder, ("i am sad today",))
    pad = encoder.backbone.config.pad_token_id
    assert batch.input_ids is not None
    typed = replace(batch, input_ids=batch.input_ids.clone())
    typed.input_ids[0, 2] = pad
    word = encoder.backbone.embeddings.word_embeddings
    word.weight[pad] = word.weight[batch.input_ids[0, 2]]
    torch.testing.assert_close(encoder(typed).tokens, encoder(batch).tokens)


@torch.no_grad()
def test_it_is_rebuilt_without_its_source(saved: Path, tmp_path: Path) -> None:
    first = build(saved, max_tokens=16)
    architecture = json.loads(json.dumps(first.architecture()))
    assert str(saved.parent) not in json.dumps(architecture)
    (tmp_path / TOKENIZER_FILE).write_text(first.tokenizer.tokenizer.to_str())
    again = build_encoder(architecture, tmp_path).eval()
    again.load_state_dict(first.state_dict())
    assert again.architecture() == first.architecture()
    assert again.tokenizer("sad " * 50) == first.tokenizer("sad " * 50)
    torch.testing.assert_close(again(read(again)).tokens, first(read(first)).tokens)


def test_gradient_reaches_every_weight(saved: Path) -> None:
    encoder = build(saved).train()
    encoder(read(encoder, (None, *TEXTS))).tokens.square().sum().backward()
    gradients = [p.grad for p in encoder.parameters()]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)


def test_other_families_and_missing_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Hub id or a local folder"):
        build_encoder({"family": "pretrained_text"})
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="reads bert, roberta"):
        build(tmp_path)
    config = BertConfig(**TINY, vocab_size=9).to_diff_dict()
    with pytest.raises(ValueError, match="folder of its tokenizer"):
        build_encoder({"family": "pretrained_text", "config": config})
    with pytest.raises(ValueError, match="unexpected keyword"):
        build(tmp_path, colour="red")
