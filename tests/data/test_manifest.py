"""A user's own table of clips: three formats, one meaning; every mistake in one sentence."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from mer_core.data import VideoSpan, load_corpus
from mer_core.data.manifest import COLUMNS
from train.config import SourceConfig

Rows = list[dict[str, Any]]
ROWS: Rows = [
    {"audio": "a/1.wav", "video": "a/1.mp4", "text": "Café, “no”", "emotion": "Happy",
     "speaker": "1", "session": "2", "split": "train"},
    {"audio": "a/2.wav", "video": None, "text": None, "emotion": "sadness",
     "speaker": "2", "session": None, "split": "validation"},
    {"audio": None, "video": None, "text": "line\u2028one", "emotion": "ang",
     "speaker": "3", "session": None, "split": "test"},
]  # fmt: skip


def write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # as Excel writes it
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path: Path, rows: Rows) -> None:
    lines = (json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def write_parquet(path: Path, rows: Rows) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)  # type: ignore[no-untyped-call]


WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    "csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mine" / "a").mkdir(parents=True)
    for name in ("1.wav", "1.mp4", "2.wav"):
        (tmp_path / "mine" / "a" / name).touch()
    return tmp_path


def own(root: Path, rows: Rows, kind: str = "csv") -> str:
    WRITERS[kind](root / "mine" / f"clips.{kind}", rows)
    return f"manifest:mine/clips.{kind}"


@pytest.mark.parametrize("kind", WRITERS)
def test_three_formats_say_the_same(root: Path, kind: str) -> None:
    name = own(root, ROWS, kind)
    whole, voice, words = load_corpus(name, root)
    folder = root / "mine" / "a"
    assert {e.corpus for e in (whole, voice, words)} == {name}
    assert (whole.path, whole.video) == (folder / "1.wav", VideoSpan(folder / "1.mp4"))
    assert (whole.text, whole.emotion, whole.split) == ("Café, “no”", "happy", "train")
    assert (whole.group, whole.session) == (f"{name}_1", f"{name}_2")
    assert (voice.path, voice.video, voice.text) == (folder / "2.wav", None, None)
    assert (voice.emotion, voice.split, voice.session) == ("sad", "dev", "")
    assert (words.path, words.text, words.emotion) == (None, "line\u2028one", "angry")


def test_numbers_and_gaps_of_a_data_frame_are_read_as_text(root: Path) -> None:
    rows = [{"text": "a", "emotion": "sad", "speaker": float(n), "session": s}
            for n, s in ((1, 1.0), (2, float("nan")), (3, None))]  # fmt: skip
    name = own(root, rows, "parquet")
    assert [(e.group, e.session) for e in load_corpus(name, root)] == [
        (f"{name}_1", f"{name}_1"), (f"{name}_2", ""), (f"{name}_3", "")
    ]  # fmt: skip


def texts(speakers: list[str]) -> Rows:
    return [{"text": f"{i}", "emotion": "sad", "speaker": s} for i, s in enumerate(speakers)]


class TestSplits:
    def test_speakers_are_dealt_eight_one_one(self, root: Path) -> None:
        name = own(root, texts([f"s{i % 30}" for i in range(90)]))
        groups = {
            split: {e.group for e in load_corpus(name, root, split=split)}
            for split in ("train", "dev", "test")
        }
        assert {split: len(of) for split, of in groups.items()} == {
            "train": 24,
            "dev": 3,
            "test": 3,
        }
        assert not groups["train"] & groups["dev"] | groups["test"] & groups["dev"]
        assert not groups["train"] & groups["test"]

    def test_the_order_of_rows_does_not_matter(self, root: Path) -> None:
        rows = texts([f"s{i}" for i in range(12)])
        forward = {e.group: e.split for e in load_corpus(own(root, rows), root)}
        backward = {e.group: e.split for e in load_corpus(own(root, rows[::-1]), root)}
        assert forward == backward

    def test_three_speakers_are_enough_and_two_are_not(self, root: Path) -> None:
        examples = load_corpus(own(root, texts(["a", "b", "c"])), root)
        assert {e.split for e in examples} == {"train", "dev", "test"}
        name = own(root, texts(["a", "b", "a"]))
        with pytest.raises(ValueError, match=r"clips\.csv has 2 speakers; three are needed"):
            load_corpus(name, root)

    def test_without_speakers_clips_are_dealt(self, root: Path) -> None:
        rows = [{"text": f"{i}", "emotion": "sad"} for i in range(20)]
        examples = load_corpus(own(root, rows), root)
        assert sorted(e.split for e in examples) == ["dev"] * 2 + ["test"] * 2 + ["train"] * 16
        assert len({e.group for e in examples}) == 20

    def test_the_same_words_may_be_in_two_splits_and_the_same_file_may_not(
        self, root: Path
    ) -> None:
        words = [{"text": "Yes.", "emotion": "sad", "split": s} for s in ("train", "dev", "test")]
        examples = load_corpus(own(root, words), root)
        assert len({e.group for e in examples}) == 3  # no group crosses a split
        files = [{"audio": "a/1.wav", "emotion": "sad", "split": s} for s in ("train", "test")]
        with pytest.raises(ValueError, match="row 3: this clip is in test here and in train in"):
            load_corpus(own(root, files), root)


MISTAKES = {
    "unknown emotion": ({"emotion": "hapy"}, r"3: unknown emotion 'hapy' \(did you mean 'happy'\?"),
    "no emotion": ({"emotion": ""}, "row 3: the emotion is missing; emotions are angry, "),
    "missing file": ({"audio": "a/3.wav"}, "row 3: there is no file 'a/3.wav'; paths are relative"),
    "a folder": ({"audio": "a"}, "row 3: there is no file 'a'"),
    "no split": ({"split": ""}, "row 3: the split is missing; splits are train, dev, test"),
    "unknown split": ({"split": "holdout"}, "row 3: there is no split 'holdout'"),
    "nothing": ({"audio": "", "text": ""}, "row 3: audio, video and text are all empty"),
    "speaker in two splits": (
        {"speaker": "1"}, "row 3: speaker '1' is in dev here and in train in row 2; move all of"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_row_is_named(root: Path, change: dict[str, str], message: str) -> None:
    name = own(root, [ROWS[0], ROWS[1] | change, ROWS[2]])
    with pytest.raises(ValueError, match=message) as raised:
        load_corpus(name, root)
    assert str(raised.value).startswith("clips.csv, ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("kind", "row"), [("jsonl", 2), ("parquet", 2)])
def test_rows_are_counted_as_their_editors_do(root: Path, kind: str, row: int) -> None:
    name = own(root, [ROWS[0], ROWS[1] | {"emotion": "?"}, ROWS[2]], kind)
    with pytest.raises(ValueError, match=rf"clips\.{kind}, row {row}: unknown emotion"):
        load_corpus(name, root)


FILES = {
    "no emotion column": (
        "text,label\na,sad\n",
        "has no column 'emotion'; its columns are text, label",
    ),
    "no medium": ("emotion\nsad\n", "needs a column 'audio', 'video' or 'text'"),
    "a slip": ("text,emotion,spaeker\na,sad,1\n", "has a column 'spaeker': rename it to 'speaker'"),
    "capitals": ("Text,emotion\na,sad\n", "has a column 'Text': rename it to 'text'"),
    "twice": ("text,emotion,text\na,sad,b\n", "row 1: a column occurs twice"),
    "semicolons": ("text;emotion\na;sad\n", "must be separated by commas"),
    "a comma": ("text,emotion\nwell, no,sad\n", "row 2: there are more values than columns"),
    "a quote": ('text,emotion\n"well"x,sad\n', "quote texts as CSV requires"),
    "empty": ("text,emotion\n", "has no rows"),
    "nothing": ("", "has no rows"),
}


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES)
def test_a_wrong_table_is_named(root: Path, content: str, message: str) -> None:
    (root / "mine" / "clips.csv").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=rf"clips\.csv.*{message}"):
        load_corpus("manifest:mine/clips.csv", root)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_another_encoding_is_refused(root: Path, encoding: str) -> None:
    (root / "mine" / "clips.csv").write_bytes("text,emotion\nok,sad\nCafé,sad\n".encode(encoding))
    line = 3 if encoding == "cp1252" else 1
    with pytest.raises(ValueError, match=rf"clips\.csv, line {line}: the text is not UTF-8"):
        load_corpus("manifest:mine/clips.csv", root)


BROKEN = {
    "clips.jsonl": (b'{"text": "a", "emotion": "sad"}\n{"text"', "row 2: no JSON"),
    "list.jsonl": (b'["a", "sad"]\n', "row 1: must be an object"),
    "deep.jsonl": (b'{"text": ["a"], "emotion": "sad"}\n', "row 1: text must be a text, not list"),
    "clips.parquet": (b"PAR1 no table", "cannot be read as Parquet"),
    "clips.xlsx": (b"PK", "must end in .csv, .jsonl, .parquet"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(root: Path, name: str) -> None:
    content, message = BROKEN[name]
    (root / "mine" / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*{message}") as raised:
        load_corpus(f"manifest:mine/{name}", root)
    assert "\n" not in str(raised.value)


def test_a_missing_manifest_is_named(root: Path) -> None:
    with pytest.raises(ValueError, match=r"'manifest:no\.csv': .*no\.csv is missing"):
        load_corpus("manifest:no.csv", root)
    with pytest.raises(ValueError, match=r"no corpus 'manifest:'.*manifest:PATH"):
        load_corpus("manifest:", root)


def test_other_columns_are_ignored_and_rows_without_anything_too(root: Path) -> None:
    rows = [{**dict.fromkeys(COLUMNS, ""), "id": ""}, *({"id": "7", **row} for row in ROWS)]
    assert len(load_corpus(own(root, rows), root)) == 3


def test_an_experiment_may_name_a_manifest() -> None:
    SourceConfig(corpora={"manifest:mine/clips.csv": 1.0})
    with pytest.raises(ValueError, match="no corpus 'manifests:mine"):
        SourceConfig(corpora={"manifests:mine/clips.csv": 1.0})
