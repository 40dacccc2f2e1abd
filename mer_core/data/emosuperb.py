"""EMO-SUPERB's published partitions of six speech corpora (arXiv 2402.13018), as they are shipped.

A partition is a file `data/CORPUS/…/labels_consensus_K.csv` of its repository, with a row for each
recording of `data/CORPUS/Audios`: the share of annotators for each emotion (a little smoothed),
speaker, and split. The label is the emotion with the largest share; emotions that are one class
here, as excited and happy, are added first. Clips without a single largest one, or whose label is
in none of our sets, are left out.
"""

from __future__ import annotations

from pathlib import Path

from mer_core.data.example import Example
from mer_core.data.table_files import Row, read_table
from mer_core.emotions import KNOWN, canonical

SPLITS = {"Train": "train", "Development": "dev", "Test": "test"}
# Columns beside the emotions.
OTHERS = ("FileName", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
REQUIRED = ("FileName", "SpkrID", "Split_Set")
TIE = 1e-4  # shares are rounded to six digits


def load(path: Path, corpus: str) -> list[Example]:
    """The clips of one partition that have a label.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing, or a value is none that EMO-SUPERB uses.
    """
    table = read_table(path)
    for column in REQUIRED:
        if column not in table.columns:
            raise ValueError(f"{path.name} has no column {column!r}, as EMO-SUPERB's files have.")
    emotions = tuple(column for column in table.columns if column not in OTHERS)
    if len(emotions) < 2:
        raise ValueError(f"{path.name} has no columns of emotions, as EMO-SUPERB's files have.")
    folder = path.parent.parent / "Audios"  # data/CORPUS/Audios
    examples = []
    for row in table.rows:
        split = SPLITS.get(row.values["Split_Set"])
        if split is None:
            raise ValueError(
                f"{path.name}, row {row.number}: Split_Set must be {', '.join(SPLITS)}, not "
                f"{row.values['Split_Set']!r}."
            )
        emotion = _label(row, emotions, path.name)
        if emotion in KNOWN:
            # Speakers are numbered by gender in some corpora, as IEMOCAP's are in a session.
            group = "_".join([corpus, row.values["SpkrID"], row.values.get("Gender", "")])
            clip = folder / row.values["FileName"]
            examples.append(Example(corpus, split, emotion, group.rstrip("_"), clip))
    return examples


def _label(row: Row, emotions: tuple[str, ...], name: str) -> str:
    """The emotion with the largest share, or an empty string if there are two."""
    shares: dict[str, float] = {}
    for column in emotions:
        try:
            share = float(row.values[column])
        except ValueError:
            raise ValueError(
                f"{name}, row {row.number}: {column} must be a share, not {row.values[column]!r}."
            ) from None
        shares[canonical(column)] = shares.get(canonical(column), 0.0) + share
    first, second, *_ = sorted(shares.values(), reverse=True)
    return "" if first - second < TIE else max(shares, key=lambda emotion: shares[emotion])
