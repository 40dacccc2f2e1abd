"""MiniLM cut down to the layers and word pieces that emotion text needs.

Half of MiniLM's 22.7 M parameters are the embeddings of 30 522 word pieces, most of which never
occur here. The pieces that the training texts use most remain, and every single character, so that
a rarer word is still split into pieces of the vocabulary instead of becoming unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

import mer_core.torchaudio_compat  # noqa: F401  (before transformers, see there)

from transformers import BertModel  # isort: skip

from mer_core.encoders.compact_text import MAX_TOKENS, CompactTextEncoder
from mer_core.encoders.text_tokens import TextTokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def prune(
    source: Path, texts: Sequence[str], *, vocabulary: int, layers: Sequence[int]
) -> CompactTextEncoder:
    """A compact text encoder that starts from a BERT checkpoint folder.

    Args:
        source: Folder with `config.json`, weights and `tokenizer.json` (WordPiece).
        texts: Training texts, whose most frequent pieces are kept.
        vocabulary: Pieces to keep.
        layers: Indices of the layers to keep, in order.

    Raises:
        ValueError: The tokenizer is not a WordPiece, or a layer does not exist.
    """
    bert = BertModel.from_pretrained(source, add_pooling_layer=False, use_safetensors=True)
    if max(layers) >= bert.config.num_hidden_layers:
        raise ValueError(f"{source.name} has {bert.config.num_hidden_layers} layers.")
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    pieces = frequent_pieces(tokenizer, texts, vocabulary)
    encoder = CompactTextEncoder(
        smaller_tokenizer(tokenizer, pieces),
        vocabulary=len(pieces),
        width=bert.config.hidden_size,
        layers=len(layers),
        heads=bert.config.num_attention_heads,
        intermediate=bert.config.intermediate_size,
    )
    old = tokenizer.get_vocab()
    rows = torch.tensor([old[piece] for piece in pieces])
    weights = _selected(bert.state_dict(), rows, layers)
    encoder.bert.load_state_dict(weights, strict=False)  # position ids are not stored
    return encoder


def _selected(
    weights: Mapping[str, Tensor], rows: Tensor, layers: Sequence[int]
) -> dict[str, Tensor]:
    """BERT's weights of these rows of the word embeddings and these layers, renumbered."""
    selected = {}
    for name, value in weights.items():
        parts = name.split(".")
        if parts[:2] == ["encoder", "layer"]:
            if int(parts[2]) not in layers:
                continue
            parts[2] = str(list(layers).index(int(parts[2])))
        elif "word_embeddings" in name:
            value = value[rows]
        elif "position_embeddings" in name:
            value = value[:MAX_TOKENS]
        selected[".".join(parts)] = value.clone()
    return selected


def frequent_pieces(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int) -> list[str]:
    """The pieces to keep: special ones, single characters, then by frequency; old order."""
    encode = TextTokenizer(tokenizer, 512)
    counts = Counter(i for text in texts for i in encode(text))
    pieces = {i: piece for piece, i in tokenizer.get_vocab().items()}
    characters = {
        i for i, piece in pieces.items() if len(piece.removeprefix("##")) == 1 and piece.isascii()
    }
    kept = {i for i, piece in pieces.items() if piece in SPECIAL} | characters
    for i, _ in counts.most_common():
        if len(kept) == vocabulary:
            break
        kept.add(i)
    return [pieces[i] for i in sorted(kept)]


def smaller_tokenizer(tokenizer: Tokenizer, pieces: Sequence[str]) -> Tokenizer:
    """The same WordPiece tokenizer over fewer pieces, numbered in the order given."""
    tree = json.loads(tokenizer.to_str())
    if tree["model"]["type"] != "WordPiece":
        raise ValueError(f"A WordPiece tokenizer is needed, not {tree['model']['type']}.")
    ids = {piece: i for i, piece in enumerate(pieces)}
    tree["model"]["vocab"] = ids
    tree["truncation"] = tree["padding"] = None
    tree["added_tokens"] = [
        {**token, "id": ids[token["content"]]} for token in tree["added_tokens"]
    ]
    for special in tree["post_processor"].get("special_tokens", {}).values():
        special["ids"] = [ids[piece] for piece in special["tokens"]]
    return Tokenizer.from_str(json.dumps(tree))
