"""Examples into utterances: decoded once, augmented on request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mer_core.data import Example
from mer_core.types import ByteArray, FloatArray, Utterance
from train.config import SourceConfig
from train.data.augment import augment_waveform
from train.data.films import Films, Framing
from train.data.portraits import Portraits
from train.data.recordings import Recordings
from train.data.transcripts import augment_text


class Material:
    """The waveforms, texts and faces of some examples, as an experiment's sources define them.

    An example is read as one modality; a recording that has two is passed as two halves
    (`train.data.tasks.half_of`), whose contents have separate keys.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        sources: Mapping[str, SourceConfig],
        cache: Path | None = None,
    ) -> None:
        self.sources = sources
        self.recordings = Recordings(examples, cache)
        self.portraits = Portraits(examples, cache)
        framing = Framing.of(sources.get("video", SourceConfig()))
        self.films = Films(examples if "video" in sources else (), framing, cache)

    def utterance(
        self, examples: Iterable[Example | None], generator: np.random.Generator | None = None
    ) -> Utterance:
        """One utterance of these halves; clips and texts are augmented if a generator is given.

        Faces are augmented by their encoder, a batch at a time; a generator only draws the drift of
        a clip that is made of a picture. A film without a face has no frames.
        """
        waveform, text, frames = None, None, None
        for example in examples:
            if example is None:
                continue
            if example.image is not None:
                frames = self._frames(example.image, generator)
            elif example.path is not None:
                waveform = self.recordings.waveform(example.path)
                if generator is not None:
                    waveform = augment_waveform(waveform, self.sources["speech"], generator)
            elif example.video is not None:
                frames = self.films.pictures(example.video)
            elif example.text is not None:
                text = example.text
                if generator is not None:
                    text = augment_text(text, self.sources["text"], generator)
        return Utterance(waveform=waveform, text=text, frames=frames)

    def _frames(self, image: Path, generator: np.random.Generator | None) -> ByteArray:
        """(F, H, W, 1): the picture as it is, or the clip made of it where the source says so.

        Without a generator, the drift depends on the picture's name alone, so that every evaluation
        uses the same clip.
        """
        count = self.sources["video"].frames
        if count == 1:
            return self.portraits.picture(image)[None, :, :, None]
        if generator is None:
            generator = np.random.default_rng(list(hashlib.sha256(image.name.encode()).digest()))
        return self.portraits.clip(image, count, generator)

    def is_present(self, example: Example) -> bool:
        """Whether there is anything to read; a film without a face has nothing."""
        return example.video is None or self.films.has_pictures(example.video)

    def content(self, example: Example) -> str:
        """What an example is made of, for cache keys."""
        if example.image is not None:
            picture = self.portraits.picture(example.image).tobytes()
            return f"{digest(picture)} {example.image.name} {self.sources['video'].frames}"
        if example.path is not None:
            return digest(self.waveform(example).tobytes())
        if example.video is not None:
            pictures = self.films.pictures(example.video)
            return "no face" if pictures is None else f"{digest(pictures.tobytes())} film"
        return example.text or ""

    def size(self, example: Example) -> int:
        """Length of an example, in its modality's unit; for batching by length."""
        if example.image is not None or example.video is not None:
            return self.sources["video"].frames
        return len(self.waveform(example)) if example.path else len(example.text or "")

    def waveform(self, example: Example) -> FloatArray:
        """(S,) of a clip."""
        assert example.path is not None
        return self.recordings.waveform(example.path)


def digest(data: bytes) -> str:
    """SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
