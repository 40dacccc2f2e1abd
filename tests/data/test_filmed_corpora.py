"""Corpora whose recordings have a voice and a face: which files belong together."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from mer_core.data import Example, Side, VideoSpan, load_corpus
from mer_core.data.cremad import fold_of
from mer_core.data.iemocap import COUNTS, DIALOGUES, is_improvised, side

TAKE = "01-05-01-02-01"  # speech, angry, normal, dogs, first


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def only(examples: list[Example]) -> Example:
    (example,) = examples
    return example


class TestRavdess:
    def test_a_take_is_one_example_with_its_voice_and_its_face(self, tmp_path: Path) -> None:
        actor = "Actor_06"
        voice = touch(tmp_path / "ravdess" / actor / f"03-{TAKE}-06.wav")
        films = tmp_path / "ravdess" / "Video_Speech_Actor_06" / actor
        touch(films / f"02-{TAKE}-06.mp4")
        film = touch(films / f"01-{TAKE}-06.mp4")
        example = only(load_corpus("ravdess", tmp_path))
        assert example == Example(
            "ravdess", "test", "angry", "ravdess_06", voice,
            video=VideoSpan(film), session="ravdess_fold6",
        )  # fmt: skip

    def test_a_video_with_sound_is_both(self, tmp_path: Path) -> None:
        film = touch(tmp_path / "ravdess" / "Actor_02" / f"01-{TAKE}-02.mp4")
        example = only(load_corpus("ravdess", tmp_path))
        assert (example.path, example.video) == (film, VideoSpan(film))

    def test_a_video_without_sound_is_a_face_alone(self, tmp_path: Path) -> None:
        film = touch(tmp_path / "ravdess" / "Actor_02" / f"02-{TAKE}-02.mp4")
        example = only(load_corpus("ravdess", tmp_path))
        assert (example.path, example.video) == (None, VideoSpan(film))

    def test_sessions_are_the_published_folds(self, tmp_path: Path) -> None:
        for actor in range(1, 25):
            touch(tmp_path / "ravdess" / f"Actor_{actor:02d}" / f"03-{TAKE}-{actor:02d}.wav")
        sessions = Counter(e.session for e in load_corpus("ravdess", tmp_path))
        assert sessions == {f"ravdess_fold{fold}": 4 for fold in range(1, 7)}


class TestMeld:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        columns = ["Sr No.", "Utterance", "Emotion", "Dialogue_ID", "Utterance_ID"]
        (tmp_path / "text" / "meld").mkdir(parents=True)
        for split in ("train", "dev", "test"):
            with (tmp_path / "text" / "meld" / f"{split}_sent_emo.csv").open("w") as file:
                csv.writer(file).writerows(
                    [columns, [1, "Oh!", "joy", 0, 0], [2, "No", "anger", 0, 1]]
                )
        return tmp_path

    def test_without_media_it_is_text(self, root: Path) -> None:
        examples = load_corpus("meld", root)
        assert {(e.path, e.video) for e in examples} == {(None, None)}
        assert {e.dialogue for e in examples} == {"meld_train_0", "meld_dev_0", "meld_test_0"}

    def test_a_clip_is_voice_face_and_words(self, root: Path) -> None:
        folders = {"train": "train_splits", "dev": "dev_splits_complete",
                   "test": "output_repeated_splits_test"}  # fmt: skip
        for split, folder in folders.items():
            clip = touch(root / "meld" / folder / "dia0_utt1.mp4")
            touch(root / "meld" / folder / "final_videos_testdia0_utt0.mp4")  # a leftover
            text, filmed = load_corpus("meld", root, split=split)
            assert (text.path, text.video, text.text) == (None, None, "Oh!")
            assert (filmed.path, filmed.video, filmed.text) == (clip, VideoSpan(clip), "No")


class TestCremad:
    def test_voice_and_face_are_paired_by_name(self, tmp_path: Path) -> None:
        voice = touch(tmp_path / "cremad" / "AudioWAV" / "1005_DFA_ANG_XX.wav")
        film = touch(tmp_path / "cremad" / "VideoFlash" / "1005_DFA_ANG_XX.flv")
        lone = touch(tmp_path / "cremad" / "VideoFlash" / "1005_IEO_SAD_LO.flv")
        first, second = load_corpus("cremad", tmp_path)
        assert first == Example(
            "cremad", "test", "angry", "cremad_1005", voice,
            video=VideoSpan(film), session="cremad_fold5",
        )  # fmt: skip
        assert (second.path, second.video, second.emotion) == (None, VideoSpan(lone), "sad")

    def test_folds_hold_whole_actors(self) -> None:
        actors = defaultdict(list)
        for actor in range(1001, 1092):
            actors[fold_of(actor)].append(actor)
        assert {fold: len(of) for fold, of in actors.items()} == {1: 19, 2: 18, 3: 18, 4: 18, 5: 18}


class TestMspImprov:
    RATED = "UTD-IMPROV-{}.avi; {}; A:2.833333; V:3.000000; D:3.000000 ; N:3.833333;\n"

    def rate(self, root: Path, name: str, **letters: str) -> Path:
        folder = root / "msp_improv"
        folder.mkdir()
        lines = [self.RATED.format(turn.replace("_", "-"), one) for turn, one in letters.items()]
        # What a rater said follows each line, and must not count as one.
        (folder / name).write_text("WORKER01; Angry; Angry,; A:1.0; V:2.0;\n\n".join(lines))
        return folder

    @pytest.mark.parametrize("name", ["Evalution.txt", "Evaluation.txt"])
    def test_a_turn_is_voice_face_and_words(self, tmp_path: Path, name: str) -> None:
        folder = self.rate(tmp_path, name, S08A_F05_S_FM02="H", S08A_F05_S_FM03="O")
        place = Path("session5", "S08A", "S")
        voice = touch(folder / "Audio" / place / "MSP-IMPROV-S08A-F05-S-FM02.wav")
        film = touch(folder / place / "MSP-IMPROV-S08A-F05-S-FM02.avi")
        touch(folder / place / "MSP-IMPROV-S08A-F05-S-FM03.avi")
        words = touch(folder / "All_human_transcriptions" / "MSP-IMPROV-S08A-F05-S-FM02.txt")
        words.write_text("How can I\n not?\n")
        assert only(load_corpus("msp_improv", tmp_path)) == Example(
            "msp_improv", "dev", "happy", "msp_improv_F05", voice, "How can I not?",
            video=VideoSpan(film), session="msp_improv_5", dialogue="S08A_5_S",
        )  # fmt: skip

    def test_absent_parts_stay_absent(self, tmp_path: Path) -> None:
        folder = self.rate(
            tmp_path, "Evalution.txt", S01A_M06_T_MM01="A", S01A_M06_T_MM02="S", S01A_M06_T_MM03="N"
        )
        voice = touch(folder / "MSP-IMPROV-S01A-M06-T-MM01.wav")
        film = touch(folder / "MSP-IMPROV-S01A-M06-T-MM02.avi")
        spoken, filmed = load_corpus("msp_improv", tmp_path)
        assert (spoken.path, spoken.text, spoken.video) == (voice, None, None)
        assert (filmed.path, filmed.text, filmed.video) == (None, None, VideoSpan(film))
        assert {e.split for e in (spoken, filmed)} == {"test"}

    def test_another_name_is_refused(self, tmp_path: Path) -> None:
        folder = self.rate(tmp_path, "Evalution.txt", S01A_X="A")
        touch(folder / "MSP-IMPROV-S01A-X.wav")
        with pytest.raises(ValueError, match="'S01A-X' is no name of a turn"):
            load_corpus("msp_improv", tmp_path)


class TestIemocap:
    @pytest.mark.parametrize(
        ("name", "half"),
        [
            ("Ses01F_impro04_F012", Side.LEFT),  # the wearer of the markers speaks
            ("Ses01F_impro04_M012", Side.RIGHT),
            ("Ses03M_script01_1_M003", Side.LEFT),
            ("Ses03M_script01_1_F003", Side.RIGHT),
        ],
    )
    def test_the_wearer_of_the_markers_sits_on_the_left(self, name: str, half: Side) -> None:
        assert side(name) is half

    def test_dialogues_are_improvised_or_scripted(self) -> None:
        assert is_improvised("Ses01F_impro04")
        assert not is_improvised("Ses01F_script01_1")

    def test_a_film_is_cut_as_the_labels_say(self, tmp_path: Path) -> None:
        folder = tmp_path / "iemocap" / "Session2" / "dialog"
        label = "[52.4300 - 55.1205]\tSes02M_impro01_F001\texc\t[2.5000, 2.5000, 2.5000]\n"
        path = folder / "EmoEvaluation" / "Ses02M_impro01.txt"
        path.parent.mkdir(parents=True)
        path.write_text(label)
        assert only(load_corpus("iemocap", tmp_path)).video is None
        film = touch(folder / "avi" / "DivX" / "Ses02M_impro01.avi")
        example = only(load_corpus("iemocap", tmp_path))
        assert example.video == VideoSpan(film, 52.43, 55.1205, Side.RIGHT)
        assert (example.session, example.dialogue) == ("iemocap_2", "Ses02M_impro01")

    def test_the_counts_are_the_published_ones(self) -> None:
        """The classes and the whole, as the literature has them."""
        classes: Counter[str] = Counter()
        for counts in COUNTS.values():
            classes.update(counts)
        assert classes == {"neutral": 1708, "happy": 595 + 1041, "angry": 1103, "sad": 1084}
        assert [sum(counts.values()) for counts in COUNTS.values()] == [
            1085,
            1023,
            1151,
            1031,
            1241,
        ]
        assert DIALOGUES == 28 + 30 + 32 + 30 + 31
