"""Text → tokens, and the word of each token."""

from __future__ import annotations

import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from mer_core.encoders.text_tokens import TextTokenizer, prepare

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
LETTERS = [*ALPHABET, *"'.,!?\"-", *(f"##{letter}" for letter in ALPHABET)]
WORDS = ["i", "can", "enraged", "face", "happy", "un", "##happy", "don", "so", "say", "caf", "##e"]


def word_pieces(max_tokens: int = 64) -> TextTokenizer:
    pieces = dict.fromkeys([*SPECIALS, *LETTERS, *WORDS])
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return TextTokenizer(tokenizer, max_tokens)


def byte_level(max_tokens: int = 64, *, trim_offsets: bool = True) -> TextTokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        vocab_size=290,
        show_progress=False,
    )
    tokenizer.train_from_iterator(["i am so happy", "so so happy, i say"], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=trim_offsets, add_prefix_space=False
    )
    return TextTokenizer(tokenizer, max_tokens)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("😡", "enraged face"),
        ("so😡happy", "so enraged face happy"),
        ("\u201cdon\u2019t\u201d \u2018say\u2019", "\"don't\" 'say'"),
        ("a\t b\n\nc  ", "a b c"),
        ("snake_case :smile:", "snake_case :smile:"),
        ("👍🏽", "thumbs up medium skin tone"),
        ("❤️", "red heart"),
        ("", ""),
    ],
)
def test_prepare(text: str, prepared: str) -> None:
    assert prepare(text) == prepared


@pytest.mark.parametrize(
    "text",
    [
        "I am so happy",
        "don\u2019t \u201csay\u201d unhappy!",
        "so 😡 happy 👍🏽",
        "😡😡",
        "Café so",
        "  happy   so ",
        "so-so ... !?",
        "שלום happy 你好 so",
        "x",
    ],
)
@pytest.mark.parametrize(
    "tokenizer",
    [word_pieces(), byte_level(), byte_level(trim_offsets=False)],
    ids=["word-pieces", "bytes", "bytes-with-spaces"],
)
def test_every_token_belongs_to_the_word_it_came_from(tokenizer: TextTokenizer, text: str) -> None:
    detail = tokenizer.detail(text)
    words = prepare(text).split(" ")
    assert detail.words == tuple(words)
    assert detail.ids == tokenizer(text)
    assert len(detail.word_of_token) == len(detail.ids)
    assert detail.word_of_token[0] is None
    assert detail.word_of_token[-1] is None
    inside = [word for word in detail.word_of_token if word is not None]
    assert inside == sorted(inside)
    assert set(inside) == set(range(len(words)))
    # Oracle: each word alone has as many tokens as within the text.
    for i, word in enumerate(words):
        alone = tokenizer.tokenizer.encode((" " if i else "") + word)
        assert inside.count(i) == sum(not s for s in alone.special_tokens_mask)


def test_word_pieces_by_hand() -> None:
    detail = word_pieces().detail("so unhappy 😡!")
    assert detail.words == ("so", "unhappy", "enraged", "face", "!")
    assert detail.word_of_token == [None, 0, 1, 1, 2, 3, 4, None]
    assert detail.unknown == 0.0


@pytest.mark.parametrize("tokenizer", [word_pieces(8), byte_level(8)])
def test_truncation_keeps_the_words_of_the_kept_tokens(tokenizer: TextTokenizer) -> None:
    detail = tokenizer.detail("so happy " * 5_000)
    assert len(detail.ids) == len(detail.word_of_token) == 8
    assert 1 <= len(detail.words) <= 6
    assert set(detail.words) <= {"so", "happy"}
    assert max(word for word in detail.word_of_token if word is not None) + 1 == len(detail.words)


def test_share_of_unknown_tokens() -> None:
    tokenizer = word_pieces()
    assert tokenizer.detail("i can say so").unknown == 0.0
    assert tokenizer.detail("שלום привет 你好").unknown == 1.0
    assert tokenizer.detail("so שלום happy привет").unknown == 0.5
    assert tokenizer.detail("").unknown == 0.0
    assert tokenizer.detail("").words == ()
    assert byte_level().detail("שלום").unknown == 0.0  # bytes can spell anything


def test_the_callers_tokenizer_is_unchanged() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "so": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=9)
    assert TextTokenizer(tokenizer, 4)("so so") == [1, 1]
    assert tokenizer.padding is not None
    assert tokenizer.truncation is None
