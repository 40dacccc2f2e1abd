"""Writes down the words of recordings that have no transcript, once for all experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from mer_core.data import heard, load_corpus
from mer_core.data.corpora import transcribed
from mer_core.data.heard import Heard
from mer_core.files import write_atomically
from mer_core.media import MediaError
from mer_core.types import Transcript
from train.config import Experiment
from train.files import unreadable

STORED_EVERY = 100  # recordings; what an interruption may cost


class Listener(Protocol):
    """What is needed of `mer_core.media.transcribe.Transcriber`."""

    def transcribe(self, source: Path, *, translate: bool = False) -> Transcript:
        """What is said in a recording, and in English."""


def transcribe_corpora(experiment: Experiment, root: Path, listener: Listener) -> None:
    """Complete the words of every `transcribed:CORPUS` of an experiment.

    Other languages are translated, since the text encoders read English. Recordings that were
    transcribed before are not heard again, and a stopped run goes on where it was.

    Raises:
        ValueError: A corpus is missing, or a recording cannot be read.
    """
    names = (name for source in experiment.sources.values() for name in source.corpora)
    corpora = dict.fromkeys(corpus for name in names if (corpus := transcribed(name)))
    for corpus in corpora:
        path = heard.file_of(root, corpus)
        found = heard.read(path)
        new = {
            heard.name_of(recording, root): recording
            for recording in heard.wordless(load_corpus(corpus, root))
        }
        missing = {name: recording for name, recording in new.items() if name not in found}
        for count, row in enumerate(_heard(missing, corpus, listener), start=1):
            found[row.file] = row
            if count % STORED_EVERY == 0 or count == len(missing):
                rows = list(found.values())
                write_atomically(path, lambda file, rows=rows: heard.write(file, rows))  # type: ignore[misc]


def _heard(recordings: Mapping[str, Path], corpus: str, listener: Listener) -> Iterator[Heard]:
    bar = tqdm(recordings.items(), desc=f"transcribe {corpus}", mininterval=1.0, unit="clip")
    for name, path in bar:
        try:
            transcript = listener.transcribe(path, translate=True)
        except MediaError as error:
            raise unreadable(path, error) from None
        yield Heard(name, transcript.english or "", transcript.language)
