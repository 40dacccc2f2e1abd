"""`train check` on copies of tiny corpora, each with one thing wrong."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

import train.__main__ as command
from mer_core.data import iemocap
from mer_core.types import SAMPLE_RATE
from tests.films import numbered
from tests.iemocap_tree import write_dialogue
from train.checks.check import check_data
from train.checks.examine import published_counts
from train.checks.findings import CheckResult, Finding, FindingKind
from train.checks.report import SENTENCES, report, sentence
from train.config import Experiment, SourceConfig

CLIP = "ravdess/Actor_{0:02d}/03-01-05-01-01-01-{0:02d}.wav"


@pytest.fixture
def root(corpora: Path, tmp_path: Path) -> Path:
    """A copy of the tiny RAVDESS and MELD, and a tiny FER2013, to be damaged."""
    copy = tmp_path / "corpora"
    for name in ("ravdess", "text"):
        shutil.copytree(corpora / name, copy / name)
    write_faces(copy / "fer2013", ("train", "validation", "test"))
    return copy


def write_faces(folder: Path, splits: Sequence[str], copies: Sequence[str] = ()) -> None:
    """A picture for each of `splits`; then the same picture for each of `copies`."""
    lines = ["path,split,emotion,duplicate,ambiguous"]
    for i, split in enumerate([*splits, *copies]):
        seed = i if i < len(splits) else 99
        picture = np.random.default_rng(seed).integers(0, 256, (48, 48)).astype(np.uint8)
        path = f"{split}/angry/{i}.png"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / path), picture)
        lines.append(f"{path},{split},angry,0,0")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")


def found(result: CheckResult, kind: FindingKind) -> Finding:
    (finding,) = (finding for finding in result.findings if finding.kind is kind)
    return finding


def kinds(result: CheckResult) -> set[FindingKind]:
    return {finding.kind for finding in result.findings}


def test_sound_corpora_pass(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check", "--data", str(root)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("ravdess: 32 examples, 0.01 h (shortest 0.6 s, median 0.6 s")
    assert "| split | angry | happy | neutral | sad | all | groups |" in printed
    assert "| train | 4 | 4 | 4 | 4 | 16 | 2 |\n| dev | 2 | 2 | 2 | 2 | 8 | 1 |" in printed
    assert printed.rstrip().endswith("Nothing was found that would spoil a result.")


def test_what_is_worth_knowing_spoils_nothing(root: Path) -> None:
    result = check_data(root)
    assert not result.spoiled
    # Every split of the tiny MELD says the same; the people of FER2013 are unknown.
    assert kinds(result) == {FindingKind.REPEATED_TEXTS, FindingKind.UNKNOWN_SPEAKERS}
    assert {(f.corpus, f.count, f.total, f.subject) for f in result.findings if f.count == 16} == {
        ("meld", 16, 16, "dev"), ("meld", 16, 16, "test")
    }  # fmt: skip


class TestSpoiled:
    """Each of these ends the command with exit code 1."""

    def sentence(self, root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
        """The only line that says what would spoil a result."""
        assert command.main(["check", "--data", str(root), *options]) == 1
        (line,) = capsys.readouterr().out.partition("Would spoil a result:\n")[2].splitlines()
        return line

    def test_a_copy_in_another_split(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The same sound in another file format is found too."""
        waveform, rate = soundfile.read(root / CLIP.format(1), dtype="int16")
        (root / CLIP.format(6)).unlink()
        soundfile.write((root / CLIP.format(6)).with_suffix(".flac"), waveform, rate)
        line = self.sentence(root, capsys)
        assert line.startswith(
            "- ravdess: 1 × the same recording or picture in train and test. Keep"
        )
        assert line.endswith(f": {CLIP.format(1)}.")

    def test_damaged_and_missing_files(
        self, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (root / CLIP.format(1)).write_bytes(b"RIFF, but no more")
        line = self.sentence(root, capsys)
        assert line.startswith("- ravdess: 1 of 32 files cannot be read. Repair or remove them: ")
        assert f"{CLIP.format(1)} (The file could not be read as sound" in line

    def test_an_empty_split(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        shutil.rmtree(root / "ravdess" / "Actor_02")
        assert self.sentence(root, capsys) == "- ravdess: the split dev is empty."

    def test_a_class_that_training_lacks(
        self, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for actor in (1, 11):
            for take in (1, 2):
                name = f"03-01-05-01-01-{take:02d}-{actor:02d}.wav"
                (root / "ravdess" / f"Actor_{actor:02d}" / name).unlink()
        line = self.sentence(root, capsys)
        assert line == "- ravdess: angry (4 examples) is in dev or test, but not in train."

    def test_a_wrong_manifest(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (root / "own.csv").write_text("text,emotion\nHello,hapy\n")
        line = self.sentence(root, capsys, "--corpora", "manifest:own.csv")
        assert "own.csv, row 2: unknown emotion 'hapy'" in line

    def test_a_speaker_in_two_splits(
        self, root: Path, speech_experiment: Experiment, tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        config = tmp_path / "twice.toml"
        config.write_text(
            'name = "twice"\nlabels = "speech"\n[sources.speech]\ncorpora = { ravdess = 1.0 }\n'
            '[sources.speech.speakers]\ntrain = ["ravdess_01"]\ndev = ["ravdess_02"]\n'
            'test = ["ravdess_06", "ravdess_02"]\n'
        )
        assert command.main(["check", "--data", str(root), "--config", str(config)]) == 1
        printed = capsys.readouterr().out
        assert "- ravdess: 1 of 3 speakers (or dialogues, writers) are in more than one" in printed
        assert ": ravdess_02." in printed

    def test_a_copy_in_another_corpus(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        shutil.copy(root / CLIP.format(6), root / "copy.wav")
        for i, pitch in enumerate((300, 400)):
            time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
            soundfile.write(root / f"{i}.wav", 0.3 * np.sin(pitch * time), SAMPLE_RATE)
        (root / "own.csv").write_text(
            "audio,emotion,split\ncopy.wav,angry,train\n0.wav,angry,dev\n1.wav,angry,test\n"
        )
        line = self.sentence(root, capsys, "--corpora", "ravdess", "manifest:own.csv")
        assert line.startswith(
            "- manifest:own.csv + ravdess: 1 × the same recording or picture in two"
        )


def test_the_same_picture_with_two_labels_is_a_note(root: Path) -> None:
    shutil.copy(root / CLIP.format(6), root / CLIP.format(6).replace("-05-01-", "-04-01-"))
    result = check_data(root, corpora=["ravdess"])
    assert found(result, FindingKind.TWO_LABELS).count == 1
    assert not result.spoiled


def test_copies_of_dev_in_test_that_were_published_are_a_note(tmp_path: Path) -> None:
    """Of FER2013, whose training leaves copies out; those that it had would spoil a result."""
    splits = ("train", "validation", "test")
    write_faces(tmp_path / "fer2013", splits, ("validation", "test"))
    result = check_data(tmp_path)
    assert found(result, FindingKind.PUBLISHED_DUPLICATES).subject == "dev and test"
    assert not result.spoiled
    write_faces(tmp_path / "fer2013", splits, ("train", "test"))
    assert found(check_data(tmp_path), FindingKind.DUPLICATES).subject == "train and test"


def test_an_empty_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check", "--data", str(tmp_path)]) == 2
    assert "There is no corpus in" in capsys.readouterr().err


class TestIemocap:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for session in range(1, 6):
            write_dialogue(tmp_path, session, f"Ses0{session}F_impro01", numbered(120 + session))
        return tmp_path

    def film(self, root: Path, session: int) -> Path:
        name = f"Ses0{session}F_impro01.avi"
        return root / "iemocap" / f"Session{session}" / "dialog" / "avi" / "DivX" / name

    @pytest.fixture
    def pairs(self) -> Experiment:
        source = SourceConfig(corpora={"iemocap": 1.0}, picture="whole")
        return Experiment("pairs", sources={"speech": source, "video": source})

    def test_a_part_of_it_is_a_note(self, root: Path) -> None:
        result = check_data(root)
        note = found(result, FindingKind.INCOMPLETE)
        assert (note.count, note.total) == (5, 151)
        assert not result.spoiled
        assert len(result.corpora[0].seconds) == 20

    def test_a_whole_copy_must_have_the_published_counts(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iemocap, "DIALOGUES", 5)
        one_each = {s: dict.fromkeys(("angry", "happy", "neutral", "sad"), 1) for s in range(1, 6)}
        monkeypatch.setattr(iemocap, "COUNTS", one_each)
        assert list(published_counts(root)) == []
        label = root / "iemocap" / "Session3" / "dialog" / "EmoEvaluation" / "Ses03F_impro01.txt"
        label.write_text(label.read_text().replace("\tang\t", "\tfru\t"))
        (finding,) = published_counts(root)
        assert finding.spoils
        assert "session 3, angry: 0 utterances, where the literature has 1" in sentence(finding)

    def test_missing_films(self, root: Path, pairs: Experiment) -> None:
        self.film(root, 2).unlink()
        result = check_data(root, pairs)
        lacking = found(result, FindingKind.LACKING_HALF)
        assert (lacking.count, lacking.total, lacking.subject) == (4, 20, "video")
        assert not result.spoiled
        for session in (1, 3, 4, 5):
            self.film(root, session).unlink()
        result = check_data(root, pairs)
        assert found(result, FindingKind.NO_HALF).subject == "video"
        assert result.spoiled

    def test_a_damaged_and_a_short_film(self, root: Path, pairs: Experiment) -> None:
        self.film(root, 1).write_bytes(b"RIFF AVI, but no more")
        write_dialogue(root, 2, "Ses02F_impro01", numbered(70))  # ends at 2.33 s, turns at 3.1 s
        finding = found(check_data(root, pairs), FindingKind.UNREADABLE)
        assert finding.count == 4 + 1
        assert any("Ses02F_impro01.avi at 2.6 s" in item for item in finding.items)


def test_every_kind_has_a_sentence() -> None:
    assert set(SENTENCES) == set(FindingKind)
    for kind in FindingKind:
        line = sentence(Finding(kind, "corpus", 2, 3, "subject", tuple("abcdefg")))
        assert line.startswith("- corpus: ")
        assert line.endswith(": a, b, c, d, e and 2 more.")
        assert "\n" not in line


def test_problems_come_last(root: Path) -> None:
    (root / CLIP.format(1)).write_bytes(b"")
    text = report(check_data(root))
    assert text.index("Worth knowing:") < text.index("Would spoil a result:")
