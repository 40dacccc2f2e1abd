"""EmoBox's and EMO-SUPERB's lists, in the files that their repositories hold."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mer_core.data import load_corpus


def emobox_row(key: str, emotion: str) -> dict[str, object]:
    return {
        "key": key, "dataset": "cafe", "wav": f"downloads/cafe/Fort/{key}.wav", "type": "raw",
        "sample_rate": 48000, "num_frame": 168833.0, "task": "category", "length": 3.517354,
        "emo": emotion, "channel": 1,
    }  # fmt: skip


class TestEmoBox:
    NAME = "emobox:EmoBox/data/cafe/fold_1"

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        labels = {"c": "Angry", "d": "Disgust", "j": "Happy", "p": "Fear", "x": "Boredom"}
        folder = tmp_path / "EmoBox" / "data" / "cafe"
        (folder / "fold_1").mkdir(parents=True)
        (folder / "label_map.json").write_text(json.dumps(labels))
        self.write(
            tmp_path, "train", [emobox_row(f"cafe-01-{i}", "cdjp"[i % 4]) for i in range(20)]
        )
        self.write(tmp_path, "test", [emobox_row("cafe-08-P-2-1", "p"), emobox_row("b", "x")])
        return tmp_path

    def write(self, root: Path, word: str, rows: list[dict[str, object]]) -> None:
        path = root / "EmoBox" / "data" / "cafe" / "fold_1" / f"cafe_{word}_fold_1.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def test_labels_are_mapped_and_paths_start_at_the_repository(self, root: Path) -> None:
        (test,) = load_corpus(self.NAME, root, split="test")  # boredom is no label of ours
        assert test.emotion == "fearful"
        assert test.path == root / "EmoBox" / "downloads" / "cafe" / "Fort" / "cafe-08-P-2-1.wav"

    def test_a_fifth_of_training_selects_where_there_is_no_list(self, root: Path) -> None:
        splits = Counter(e.split for e in load_corpus(self.NAME, root))
        assert splits == {"train": 16, "dev": 4, "test": 1}
        assert load_corpus(self.NAME, root) == load_corpus(self.NAME, root)

    def test_the_published_validation_list_is_used(self, root: Path) -> None:
        self.write(root, "valid", [emobox_row("v", "j")])
        splits = Counter(e.split for e in load_corpus(self.NAME, root))
        assert splits == {"train": 20, "dev": 1, "test": 1}

    def test_parts_of_recordings_are_refused(self, root: Path) -> None:
        self.write(root, "test", [emobox_row("a", "j") | {"start_time": 1.5, "end_time": 2.0}])
        with pytest.raises(ValueError, match="row 1: names a part of a recording"):
            load_corpus(self.NAME, root)

    def test_what_is_missing_is_named(self, root: Path) -> None:
        self.write(root, "test", [{"key": "a", "wav": "a.wav"}])
        with pytest.raises(ValueError, match=r"cafe_test_fold_1\.jsonl, row 1 lacks 'emo'"):
            load_corpus(self.NAME, root)
        with pytest.raises(ValueError, match=r"fold_2.* is missing"):
            load_corpus("emobox:EmoBox/data/cafe/fold_2", root)


HEADER = (
    "FileName,frustrated,angry,excited,neutral,happy,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
)
ROWS = (
    "a.wav,0.00625,0.95,0.00625,0.00625,0.00625,3.3,2.0,3.0,01,Male,Train",
    "b.wav,0.00625,0.00625,0.320833,0.320833,0.320833,2.5,3.0,2.5,01,Female,Train",  # happy
    "c.wav,0.478125,0.478125,0.00625,0.00625,0.00625,2.5,3.0,2.5,04,Male,Development",  # a tie
    "d.wav,0.00625,0.00625,0.00625,0.95,0.00625,2.5,3.0,2.5,04,Male,Development",
    "e.wav,0.95,0.00625,0.00625,0.00625,0.00625,2.5,3.0,2.5,05,Male,Test",  # frustrated
    "f.wav,0.00625,0.00625,0.635417,0.320833,0.00625,2.5,3.0,2.5,05,Male,Test",
)


class TestEmoSuperb:
    NAME = "emosuperb:data/IEMOCAP/Secondary/labels_consensus_1.csv"

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "data" / "IEMOCAP" / "Secondary" / "labels_consensus_1.csv"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join([HEADER, *ROWS]) + "\n")
        return path

    def test_the_largest_share_is_the_label(self, path: Path, tmp_path: Path) -> None:
        examples = load_corpus(self.NAME, tmp_path)
        found = [(e.path.name, e.emotion, e.split) for e in examples if e.path]
        assert found == [
            ("a.wav", "angry", "train"), ("b.wav", "happy", "train"),
            ("d.wav", "neutral", "dev"), ("f.wav", "happy", "test"),
        ]  # fmt: skip
        assert {e.path.parent for e in examples if e.path} == {path.parents[1] / "Audios"}
        assert [e.group for e in examples] == [
            f"{self.NAME}_{who}" for who in ("01_Male", "01_Female", "04_Male", "05_Male")
        ]

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("Split_Set", "Split", "has no column 'Split_Set'"),
            ("Development", "Holdout", "row 4: Split_Set must be Train, Development, Test"),
            ("0.635417", "much", "row 7: excited must be a share, not 'much'"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, path: Path, tmp_path: Path, old: str, new: str, message: str
    ) -> None:
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(ValueError, match=message):
            load_corpus(self.NAME, tmp_path)
