"""EmoBox's published folds of 32 speech corpora (arXiv 2406.07162), as its repository holds them.

A fold is a folder `data/CORPUS/fold_K` with JSONL files named by their split; `data/CORPUS` holds
`label_map.json`, and the recordings lie where the lists say, below the repository
(`downloads/CORPUS/…`). The lists name no speakers: each clip is its own group, and whether a
speaker is on both sides of a fold depends on the corpus. Where a fold has no validation list,
EmoBox takes a fifth of the training clips at random, and so does this, always the same ones.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from mer_core.data.example import Example
from mer_core.data.splits import deal
from mer_core.data.table_files import read_table
from mer_core.emotions import KNOWN, canonical

LISTS = {"train": "train", "valid": "dev", "test": "test"}  # EmoBox's word → our split
DEV_SHARE = 0.2


def load(fold: Path, corpus: str) -> list[Example]:
    """The clips of one fold whose label is in one of our sets.

    Raises:
        FileNotFoundError: A list or `label_map.json` is missing.
        ValueError: A row lacks a field.
    """
    labels = json.loads((fold.parent / "label_map.json").read_text("utf-8"))
    repository = fold.parents[2]
    examples = []
    for word, split in LISTS.items():
        path = fold / f"{fold.parent.name}_{word}_{fold.name}.jsonl"
        if word == "valid" and not path.exists():
            continue
        for row in read_table(path).rows:
            lacking = {"key", "wav", "emo"} - row.values.keys()
            if lacking:
                raise ValueError(f"{path.name}, row {row.number} lacks {sorted(lacking)[0]!r}.")
            if row.values.get("start_time"):
                raise ValueError(
                    f"{path.name}, row {row.number}: names a part of a recording (start_time), "
                    "which is not read here; cut the recordings, and list them in a manifest."
                )
            label = row.values["emo"]
            emotion, group = canonical(labels.get(label, label)), f"{corpus}_{row.values['key']}"
            if emotion in KNOWN:
                wav = repository / row.values["wav"]
                examples.append(Example(corpus, split, emotion, group, wav))
    return examples if any(e.split == "dev" for e in examples) else _with_dev(examples)


def _with_dev(examples: list[Example]) -> list[Example]:
    """The same with a fifth of the training clips as the development split."""
    dealt = deal((e.group for e in examples if e.split == "train"), shares=(DEV_SHARE, 0.0))
    return [replace(e, split=dealt[e.group]) if e.split == "train" else e for e in examples]
