"""Every loader on a tiny copy of its corpus' file format."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from mer_core.data import CORPORA, Example, load_corpus
from mer_core.data.corpora import WORDS
from mer_core.data.nemo import english_sentences
from mer_core.data.ravdess import FOLDS
from mer_core.emotions import FACE, FOUR, SPEECH, TEXT

RAVDESS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
NEMO = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprised",
}
ISEAR = ("joy", "fear", "anger", "sadness", "disgust", "shame", "guilt")


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def make_ravdess(root: Path) -> None:
    for actor in range(1, 25):
        for emotion in range(1, 9):
            name = f"03-01-{emotion:02d}-01-02-01-{actor:02d}.opus"
            touch(root / "ravdess" / f"Actor_{actor:02d}" / name)
    for other in ("01-01-05-01-02-01-01.mp4", "02-01-05-01-02-01-01.mp4", "notes.txt"):
        touch(root / "ravdess" / "Actor_01" / other)
    touch(root / "ravdess" / "Actor_01" / "03-02-05-01-02-01-01.wav")  # sung
    touch(root / "ravdess" / "metadata.csv")


def make_nemo(root: Path) -> None:
    for speaker in ("MK0", "WR0", "EB0", "SM0", "IC0"):
        for emotion in NEMO:
            touch(root / "nemo" / "samples" / f"{speaker}_{emotion}_17.opus")


def make_fer2013(root: Path) -> None:
    rows = []
    for split in ("train", "validation", "test"):
        for i, emotion in enumerate(("anger", "happiness", "neutral", "surprise")):
            path = f"{split}/{emotion}/{split}_{i}.jpg"
            touch(root / "fer2013" / path)
            row = {"path": path, "split": split, "emotion": emotion}
            rows.append({**row, "duplicate": "0", "ambiguous": "0"})
    write_csv(root / "fer2013" / "metadata.csv", rows)


def make_goemotions(root: Path) -> None:
    folder = root / "text" / "goemotions"
    write(folder / "labels.txt", "anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise")
    for split in ("train", "dev", "test"):
        lines = [
            f"So glad 😀 ({split})\t3\tk1{split}",
            "Glad, or not?\t3,5\tk2",
            f"a\tb\t0\tk3{split}",
        ]
        write(
            folder / f"{split}.tsv", "\n".join([*lines, f"one\u2028two\x85three\t5\tk4{split}", ""])
        )


def make_meld(root: Path) -> None:
    for split in ("train", "dev", "test"):
        write_csv(
            root / "text" / "meld" / f"{split}_sent_emo.csv",
            [
                {"Utterance": 'Oh, "great".\nReally', "Emotion": "anger", "Dialogue_ID": "0"},
                {"Utterance": "You’re here!", "Emotion": "joy", "Dialogue_ID": "0"},
                {"Utterance": "Yes.", "Emotion": "neutral", "Dialogue_ID": "1"},
            ],
        )


def make_emorynlp(root: Path) -> None:
    scene = {"Season": "1", "Episode": "15"}
    for split in ("train", "dev", "test"):
        write_csv(
            root / "text" / "emorynlp" / f"emorynlp_{split}_final.csv",
            [
                {"Utterance": "Coffee.", "Emotion": "Neutral", "Scene_ID": "1", **scene},
                {"Utterance": "Hey!", "Emotion": "Joyful", "Scene_ID": "1", **scene},
                {"Utterance": "Go away.", "Emotion": "Mad", "Scene_ID": "2", **scene},
                {"Utterance": "Help!", "Emotion": "Scared", "Scene_ID": "2", **scene},
                {"Utterance": "Mine.", "Emotion": "Powerful", "Scene_ID": "2", **scene},
                {"Utterance": "Calm down.", "Emotion": "Peaceful", "Scene_ID": "2", **scene},
            ],
        )


def make_isear(root: Path) -> None:
    rows = ["ID|Field1|SIT|STATE|"]
    for writer in range(60):
        rows += [f"{writer}|{emotion}|When I á \twas {emotion}.|1|" for emotion in ISEAR]
        rows.append(f"{writer}|shame|[ No response.]|1|")
    write(root / "text" / "isear" / "isear.csv", "\n".join(rows) + "\n")


def make_iemocap(root: Path) -> None:
    labels = {"ang": 0, "hap": 1, "exc": 2, "neu": 3, "sad": 4, "fru": 5, "xxx": 6}
    for session in range(1, 6):
        scene, folder = f"Ses{session:02d}F_impro01", root / "iemocap" / f"Session{session}"
        rated, spoken = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
        for label, turn in labels.items():
            name = f"{scene}_{'FM'[turn % 2]}{turn:03d}"
            rated.append(f"[6.2901 - 8.2357]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]")
            rated.append(f"C-E1:\tNeutral;\t({label})")
            spoken.append(f"{name} [006.2901-008.2357]: This is {label}.")
            touch(folder / "sentences" / "wav" / scene / f"{name}.wav")
        write(folder / "dialog" / "EmoEvaluation" / f"{scene}.txt", "\n".join(rated))
        write(folder / "dialog" / "transcriptions" / f"{scene}.txt", "\n".join(spoken))


def make_cremad(root: Path) -> None:
    for actor in range(1001, 1012):
        for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
            name = f"{actor}_TSI_{emotion}_XX"
            touch(root / "cremad" / "AudioWAV" / f"{name}.wav")
            touch(root / "cremad" / "VideoFlash" / f"{name}.flv")


def make_msp_improv(root: Path) -> None:
    folder, rated = root / "msp_improv", []
    for session in range(1, 7):
        for letter in "AHNSOX":
            turn = f"S01{'N' if letter in 'OX' else letter}-F0{session}-S-FM0{session}"
            turn = f"{turn[:-1]}{'AHNSOX'.index(letter)}"
            place, name = Path(f"session{session}", "S01A", "S"), f"MSP-IMPROV-{turn}"
            touch(folder / "Audio" / place / f"{name}.wav")
            touch(folder / "Video" / place / f"{name}.avi")
            write(folder / "All_human_transcriptions" / f"{name}.txt", f"This is {letter}.\n")
            rated.append(f"UTD-IMPROV-{turn}.avi; {letter}; A:2.5; V:3.0; D:3.0 ; N:NaN;")
            rated.append("WORKER00000001; Neutral; Neutral,; A:2.0; V:3.0; D:3.0; N:4.0;\n")
    write(folder / "Evalution.txt", "\n".join(rated))


MAKERS = {
    "cremad": make_cremad,
    "iemocap": make_iemocap,
    "msp_improv": make_msp_improv,
    "ravdess": make_ravdess,
    "nemo": make_nemo,
    "fer2013": make_fer2013,
    "goemotions": make_goemotions,
    "meld": make_meld,
    "emorynlp": make_emorynlp,
    "isear": make_isear,
}
SPOKEN = ("ravdess", "nemo", "iemocap", "cremad", "msp_improv")
PICTURED = ("fer2013",)
WORDLESS = ("ravdess", "nemo", "fer2013", "cremad")  # neutral sentences, or none


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for make in MAKERS.values():
        make(tmp_path)
    return tmp_path


def test_every_corpus_has_a_tree_here() -> None:
    assert set(MAKERS) == set(CORPORA)


@pytest.mark.parametrize("name", CORPORA)
class TestEveryCorpus:
    def test_examples_are_whole(self, name: str, root: Path) -> None:
        labels = SPEECH if name in SPOKEN else FACE if name in PICTURED else TEXT
        for example in load_corpus(name, root):
            assert example.corpus == name
            assert example.emotion in labels
            assert example.split in ("train", "dev", "test")
            assert example.group.startswith(name)
            assert (example.path is not None) == (name in SPOKEN)
            assert (example.image is not None) == (name in PICTURED)
            assert (example.text is not None) == (name not in WORDLESS)

    def test_every_split_has_examples(self, name: str, root: Path) -> None:
        for split in ("train", "dev", "test"):
            assert load_corpus(name, root, split=split)

    def test_groups_never_cross_splits(self, name: str, root: Path) -> None:
        splits = defaultdict(set)
        for example in load_corpus(name, root):
            splits[example.group].add(example.split)
        assert all(len(of_group) == 1 for of_group in splits.values())

    def test_the_order_is_the_same_each_time(self, name: str, root: Path) -> None:
        assert load_corpus(name, root) == load_corpus(name, root)

    def test_labels_select(self, name: str, root: Path) -> None:
        four = load_corpus(name, root, labels=FOUR)
        assert four == [e for e in load_corpus(name, root) if e.emotion in FOUR]

    def test_a_missing_corpus_is_an_error(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=f"Corpus '{name}'"):
            load_corpus(name, tmp_path / "nowhere")


def test_an_unknown_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no corpus 'iemocop'; corpora are ravdess"):
        load_corpus("iemocop", tmp_path)


def test_ravdess_follows_the_folds_and_skips_songs_and_videos(root: Path) -> None:
    examples = load_corpus("ravdess", root)
    assert len(examples) == 24 * 8
    assert sorted(a for fold in FOLDS.values() for a in fold) == list(range(1, 25))
    actors = {s: {int(e.group[-2:]) for e in examples if e.split == s} for s in ("dev", "test")}
    assert actors == {"dev": {2, 15, 16, 18}, "test": {6, 13, 17, 22}}
    for example in examples:
        assert example.path is not None
        code = int(example.path.stem.split("-")[2])
        assert example.emotion == RAVDESS[code - 1]


def test_nemo_splits_by_speaker(root: Path) -> None:
    examples = load_corpus("nemo", root)
    assert len(examples) == 5 * 6
    speakers = {s: {e.group for e in examples if e.split == s} for s in ("train", "dev", "test")}
    assert speakers["test"] == {"nemo_MK0", "nemo_WR0"}
    assert speakers["dev"] == {"nemo_EB0"}
    assert speakers["train"] == {"nemo_SM0", "nemo_IC0"}
    for example in examples:
        assert example.path is not None
        assert example.emotion == NEMO[example.path.stem.split("_")[1]]


def test_acted_clips_have_known_words(root: Path) -> None:
    said = {
        name: {words(e.path) for e in load_corpus(name, root) if e.path}
        for name, words in WORDS.items()
    }
    assert said == {
        "ravdess": {"Dogs are sitting by the door"},
        "nemo": {"I want to read this article again."},
        "cremad": {"The surface is slick"},
    }


def test_nemo_is_translated_whole() -> None:
    sentences = english_sentences()
    assert list(sentences) == [str(number) for number in range(1, 91)]
    assert len(set(sentences.values())) == 90
    assert all(text == text.strip() and text[-1] in ".!?" for text in sentences.values())


def test_goemotions_keeps_single_labels_and_odd_separators(root: Path) -> None:
    dev = load_corpus("goemotions", root, split="dev")
    assert [(e.text, e.emotion) for e in dev] == [
        ("So glad 😀 (dev)", "happy"),
        ("a\tb", "angry"),
        ("one\u2028two\x85three", "sad"),
    ]


def test_meld_reads_quoted_lines_and_groups_by_dialogue(root: Path) -> None:
    test = load_corpus("meld", root, split="test")
    assert [e.emotion for e in test] == ["angry", "happy", "neutral"]
    assert test[0].text == 'Oh, "great".\nReally'
    assert test[0].group == test[1].group != test[2].group


def test_emorynlp_maps_its_seven_names(root: Path) -> None:
    train = load_corpus("emorynlp", root, split="train")
    emotions = ["neutral", "happy", "angry", "fearful", "powerful", "peaceful"]
    assert [e.emotion for e in train] == emotions
    assert train[0].group == train[1].group != train[2].group


def test_isear_leaves_blanks_out_and_repairs_lines(root: Path) -> None:
    examples = load_corpus("isear", root)
    assert len(examples) == 60 * 7
    assert examples[0].text == "When I was joy."
    assert {e.emotion for e in examples[:7]} == {
        "happy", "fearful", "angry", "sad", "disgust", "shame", "guilt"
    }  # fmt: skip


def test_isear_splits_about_8_1_1_by_writer(root: Path) -> None:
    shares = {s: len(load_corpus("isear", root, split=s)) / 420 for s in ("train", "dev", "test")}
    assert shares["train"] > 0.6
    assert 0.0 < shares["dev"] < 0.3
    assert 0.0 < shares["test"] < 0.3


def test_an_example_is_plain_data() -> None:
    example = Example("meld", "train", "sad", "meld_train_0", text="No.")
    with pytest.raises(AttributeError):
        example.split = "test"  # type: ignore[misc]
