"""Text → token ids, and which word of the text each token belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import emoji
from tokenizers import Tokenizer

QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u0092": "'"})


@dataclass(frozen=True)
class TokenizedText:
    """Token ids of one text.

    Attributes:
        ids: T token ids, special tokens included.
        words: The W words of the text.
        word_of_token: T word indices, None for special tokens.
        unknown: Share of the words' tokens outside the vocabulary, 0 to 1.
        truncated: Whether the text continues after the last token.
    """

    ids: list[int]
    words: tuple[str, ...]
    word_of_token: list[int | None]
    unknown: float
    truncated: bool = False


class TextTokenizer:
    """A `tokenizers.Tokenizer` limited to `max_tokens`, with emoji spelled out as words."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())  # a copy
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)
        vocabulary = self.tokenizer.get_vocab()
        self.unknown_id = next(
            (vocabulary[token] for token in ("[UNK]", "<unk>") if token in vocabulary), -1
        )

    def __call__(self, text: str) -> list[int]:
        """Token ids, at most `max_tokens`."""
        return self.tokenizer.encode(prepare(text)).ids

    def detail(self, text: str) -> TokenizedText:
        """Ids with the words they belong to (split at white space)."""
        prepared = prepare(text)
        encoding = self.tokenizer.encode(prepared)
        spaced = " " + prepared
        starts = [i for i, c in enumerate(prepared) if c != " " and spaced[i] == " "]
        word_of_token: list[int | None] = []
        for (begin, end), special in zip(
            encoding.offsets, encoding.special_tokens_mask, strict=True
        ):
            # In byte-level vocabularies a word's first token includes the space before it.
            position = begin + (end > begin and prepared[begin : begin + 1] == " ")
            word = sum(start <= position for start in starts) - 1
            word_of_token.append(None if special else word)
        kept = max((word for word in word_of_token if word is not None), default=-1) + 1
        inside = [
            token
            for token, word in zip(encoding.ids, word_of_token, strict=True)
            if word is not None
        ]
        unknown = sum(token == self.unknown_id for token in inside) / max(1, len(inside))
        words = tuple(prepared.split(" ")[:kept])
        return TokenizedText(
            encoding.ids, words, word_of_token, unknown, truncated=bool(encoding.overflowing)
        )


def prepare(text: str) -> str:
    """Emoji as words ("😡" → "enraged face"), typographic quotes as straight ones."""
    spelled = emoji.demojize(text, delimiters=(" \x00", "\x00 "))
    parts = spelled.split("\x00")
    parts[1::2] = [part.replace("_", " ") for part in parts[1::2]]
    return " ".join("".join(parts).translate(QUOTES).split())
