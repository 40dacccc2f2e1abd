"""Recordings without a transcript get one from the transcriber, once, under a name that says so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import train.__main__ as command
from mer_core.data import heard, load_corpus
from mer_core.types import Transcript
from train import commands
from train.config import Experiment, SourceConfig
from train.data import transcription
from train.data.pairs import SetKind, evaluation_sets
from train.data.transcription import transcribe_corpora
from train.evaluate.protocol import protocol

NAME = "transcribed:ravdess"


class Listener:
    """Hears the file's name, and in every fourth recording nothing; counts what it heard."""

    def __init__(self) -> None:
        self.heard: list[Path] = []

    def transcribe(self, source: Path, *, translate: bool = False) -> Transcript:
        assert translate
        self.heard.append(source)
        if len(self.heard) % 4 == 0:
            return Transcript("", "", 0.0, ())
        return Transcript("Nazwa", "pl", 0.9, (), f"Name “{source.stem}”")


@pytest.fixture
def root(corpora: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpora / "ravdess", tmp_path / "root" / "ravdess")
    return tmp_path / "root"


@pytest.fixture
def experiment(mgcma: Experiment) -> Experiment:
    source = SourceConfig(corpora={NAME: 1.0})
    return replace(mgcma, sources={"speech": source, "text": source})


def test_recordings_get_the_english_words_that_were_heard(
    root: Path, experiment: Experiment
) -> None:
    transcribe_corpora(experiment, root, Listener())
    examples, plain = load_corpus(NAME, root), load_corpus("ravdess", root)
    assert len(examples) == len(plain) == 32
    for example, own in zip(examples, plain, strict=True):
        assert example == replace(own, corpus=NAME, text=example.text)
        assert own.path is not None
        assert example.text in (None, f"Name “{own.path.stem}”")
    assert sum(example.text is None for example in examples) == 8  # nothing was heard


def test_nothing_is_heard_twice_and_new_recordings_are_added(
    root: Path, experiment: Experiment
) -> None:
    first, again = Listener(), Listener()
    transcribe_corpora(experiment, root, first)
    assert len(first.heard) == 32
    added = root / "ravdess" / "Actor_06" / "03-01-05-02-01-01-06.wav"
    shutil.copy(first.heard[0], added)
    with pytest.raises(ValueError, match=r"1 recordings have not been transcribed.*--transcribe"):
        load_corpus(NAME, root)
    transcribe_corpora(experiment, root, again)
    assert again.heard == [added]
    assert load_corpus(NAME, root)


def test_a_stopped_run_goes_on(
    root: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Listener):
        def transcribe(self, source: Path, *, translate: bool = False) -> Transcript:
            if len(self.heard) == 25:
                raise KeyboardInterrupt
            return super().transcribe(source, translate=translate)

    monkeypatch.setattr(transcription, "STORED_EVERY", 10)
    with pytest.raises(KeyboardInterrupt):
        transcribe_corpora(experiment, root, Stopped())
    rest = Listener()
    transcribe_corpora(experiment, root, rest)
    assert len(rest.heard) == 32 - 20


def test_every_table_names_the_words_as_transcribed(root: Path, experiment: Experiment) -> None:
    transcribe_corpora(experiment, root, Listener())
    sets = evaluation_sets(experiment, root, "test")
    assert {str(name) for name in sets} == {
        f"speech/{NAME}", f"text/{NAME}", f"natural/{NAME}"
    }  # fmt: skip
    for name, pairs in sets.items():
        if name.kind is SetKind.NATURAL:
            assert 0 < len(pairs) < 8  # of those in which words were heard
    words = protocol(experiment, 0, ("sad",))["words"]
    assert words == "of transcribed:ravdess as a speech-to-text model wrote them down, not people"


def test_the_command_line_asks_for_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "words.toml"
    config.write_text(f'name = "words"\n[sources.text]\ncorpora = {{ "{NAME}" = 1.0 }}\n')
    arguments = ["fit", "--data", str(root), "--config", str(config), "--out", str(tmp_path / "o")]
    listener = Listener()
    monkeypatch.setattr(commands, "Transcriber", lambda *_: listener)
    monkeypatch.setattr(commands, "fit_experiment", lambda *_: None)
    assert command.main([*arguments, "--transcribe"]) == 0
    assert len(listener.heard) == 32
    assert heard.file_of(root, "ravdess") == root / "transcripts" / "ravdess.jsonl"
    assert heard.file_of(root, "ravdess").is_file()


def test_a_corpus_that_does_not_exist_cannot_be_transcribed() -> None:
    with pytest.raises(ValueError, match="no corpus 'transcribed:ravdes'"):
        SourceConfig(corpora={"transcribed:ravdes": 1.0})
    with pytest.raises(ValueError, match="no corpus 'transcribed:transcribed:ravdess'"):
        SourceConfig(corpora={"transcribed:transcribed:ravdess": 1.0})
    SourceConfig(corpora={"transcribed:manifest:own/clips.csv": 1.0})
    name = heard.file_of(Path("root"), "manifest:own/clips.csv").name
    assert name == "manifest_own_clips.csv.jsonl"
