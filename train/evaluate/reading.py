"""Examples as a visitor's input is read: speech detector, tokenizer, windows of long clips.

A recording in which the detector hears no speech gets no label, and neither does a text without
readable words, or a film without a face. Pictures of faces are corpora's crops, in which no face is
looked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mer_core.data import Example
from mer_core.encoders.text_tokens import TextTokenizer
from mer_core.media import MediaError, speech_activity, voicing
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.serving.inputs import SpeechTextInputs, SpeechTextReader
from mer_core.serving.windows import Piece, Span, cut
from mer_core.types import SAMPLE_RATE, FloatArray
from train.data.material import Material, digest
from train.files import cached

WHOLE = Span(0.0, 0.0, 1.0)  # of what has no windows

Activities = dict[str, SpeechActivity]  # digest of a waveform → where there is speech in it


@dataclass(frozen=True)
class VisitorReader:
    """Reads the examples of an evaluation as `Predictor` reads its inputs.

    Attributes:
        material: Of every example that will be read.
        tokenizer: Needed for texts.
        activities: Detected earlier; waveforms that are missing are detected when read.
    """

    material: Material
    tokenizer: TextTokenizer | None = None
    activities: Activities = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        examples: Iterable[Example],
        material: Material,
        tokenizer: TextTokenizer | None = None,
        cache: Path | None = None,
    ) -> VisitorReader:
        """A reader that has looked for speech in every clip of `examples`.

        Args:
            examples: Of any modality.
            material: Of them.
            tokenizer: Needed for texts.
            cache: Folder for what was detected.
        """
        clips = sorted({e for e in examples if e.path is not None}, key=lambda e: str(e.path))
        waveforms = {digest(material.waveform(e).tobytes()): e for e in clips}
        found = detected({key: material.waveform(e) for key, e in waveforms.items()}, cache)
        return cls(material, tokenizer, found)

    def pieces(self, example: Example) -> list[Piece]:
        """What the encoder gets: one piece, several windows of a long clip, or nothing."""
        if example.image is not None or example.video is not None:
            utterance = self.material.utterance([example])
            return [] if utterance.frames is None else [Piece(0, WHOLE, utterance)]
        try:
            return cut(0, self._inputs(example))
        except MediaError:
            return []

    def _inputs(self, example: Example) -> SpeechTextInputs:
        if example.path is None:
            return SpeechTextReader(self.tokenizer, ("text",)).read(None, example.text)
        reader = SpeechTextReader(None, ("speech",), self._detect)
        return reader.read((self.material.waveform(example), SAMPLE_RATE), None)

    def _detect(self, waveform: FloatArray) -> SpeechActivity:
        return self.activities.get(digest(waveform.tobytes())) or detect_speech(waveform)


def detected(waveforms: Mapping[str, FloatArray], cache: Path | None = None) -> Activities:
    """Where there is speech in some waveforms, by their digests; stored in `cache` if given."""
    keys = sorted(waveforms)
    files = [Path(str(module.__file__)) for module in (speech_activity, voicing)]
    detector = [digest(file.read_bytes()) for file in files]  # other versions may differ
    name = hashlib.sha256(json.dumps([*detector, *keys]).encode()).hexdigest()[:16]
    return cached(
        cache / f"speech-{name}.npz" if cache and keys else None,
        lambda: {key: detect_speech(waveforms[key]) for key in tqdm(keys, desc="detect speech")},
        read=lambda path: _read(path, keys),
        write=_write,
    )


def _read(path: Path, keys: list[str]) -> Activities:
    with np.load(path) as archive:
        rows = np.split(archive["probability"], archive["ends"][:-1])
        silent = archive["silent"].tolist()
    return {
        key: SpeechActivity(row, silent=quiet)
        for key, row, quiet in zip(keys, rows, silent, strict=True)
    }


def _write(activities: Activities, path: Path) -> None:
    rows = [activities[key].probability for key in sorted(activities)]
    silent = [activities[key].silent for key in sorted(activities)]
    with path.open("wb") as file:  # NumPy would append `.npz` to a name
        ends = np.cumsum([len(row) for row in rows])
        np.savez(file, probability=np.concatenate(rows), ends=ends, silent=np.array(silent))
