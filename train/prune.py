"""MiniLM cut down to the layers and word pieces that emotion text needs.

Half of MiniLM's 22.7 M parameters are the embeddings of 30 522 word pieces, most of which never
occur here. Kept are the pieces that the training texts use most, and every single character, so
that a rarer word still falls apart into known pieces instead of becoming unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer

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
        texts: Training texts, which decide what pieces are kept.
        vocabulary: Pieces to keep.
        layers: Indices of the layers to keep, in order.

    Raises:
        ValueError: The tokenizer is no WordPiece, or a layer does not exist.
    """
    whole = BertModel.from_pretrained(source, add_pooling_layer=False, use_safetensors=True)
    if max(layers) >= whole.config.num_hidden_layers:
        raise ValueError(f"{source.name} has {whole.config.num_hidden_layers} layers.")
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    kept = frequent_pieces(tokenizer, texts, vocabulary)
    encoder = CompactTextEncoder(
        smaller_tokenizer(tokenizer, kept),
        vocabulary=len(kept),
        width=whole.config.hidden_size,
        layers=len(layers),
        heads=whole.config.num_attention_heads,
        intermediate=whole.config.intermediate_size,
    )
    old = tokenizer.get_vocab()
    rows = torch.tensor([old[piece] for piece in kept])
    wanted = {}
    for name, value in whole.state_dict().items():
        parts = name.split(".")
        if parts[:2] == ["encoder", "layer"]:
            if int(parts[2]) not in layers:
                continue
            parts[2] = str(list(layers).index(int(parts[2])))
        elif "word_embeddings" in name:
            value = value[rows]
        elif "position_embeddings" in name:
            value = value[:MAX_TOKENS]
        wanted[".".join(parts)] = value.clone()
    encoder.bert.load_state_dict(wanted, strict=False)  # position ids are counted, not stored
    return encoder


def frequent_pieces(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int) -> list[str]:
    """The pieces to keep: special ones, single characters, then by frequency; old order."""
    encode = TextTokenizer(tokenizer, 512)
    counts = Counter(i for text in texts for i in encode(text))
    pieces = {i: piece for piece, i in tokenizer.get_vocab().items()}
    single = {
        i for i, piece in pieces.items() if len(piece.removeprefix("##")) == 1 and piece.isascii()
    }
    kept = {i for i, piece in pieces.items() if piece in SPECIAL} | single
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
