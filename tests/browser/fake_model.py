"""A stand-in for the model, so that pages can be tested without weights."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mer_core.types import (
    ENVELOPE_RATE,
    SAMPLE_RATE,
    FloatArray,
    Occlusions,
    Prediction,
    Transcript,
    Window,
    Word,
)

LABELS = ("angry", "happy", "neutral", "sad")
SAID = ("We", "won!", "Happy", "days.")
POLISH = ("Jestem", "szczęśliwa.")
LATE = ("Leave", "me", "alone.")
LATE_SECONDS = 1.5  # to write `LATE` down
MISFIT = "leave"  # a word that nobody says
BUSY, BUSY_SECONDS = "busy", 5.0  # a word, and how long a text with it takes to be judged
WORDS = {"angry": 0, "leave": 0, "won": 1, "happy": 1, "great": 1, "sad": 3, "miss": 3}


def envelope_of(waveform: FloatArray) -> FloatArray:
    """(N,) loudest sample of each 1/`ENVELOPE_RATE` s."""
    size = SAMPLE_RATE // ENVELOPE_RATE
    usable = waveform[: waveform.size // size * size]
    return np.abs(usable.reshape(-1, size)).max(axis=1)


def chances(first: int, share: float) -> dict[str, float]:
    """`share` for one label, the rest spread over the others."""
    rest = (1 - share) / (len(LABELS) - 1)
    return {label: share if i == first else rest for i, label in enumerate(LABELS)}


def windows_of(envelope: FloatArray, seconds: float) -> tuple[Window, ...]:
    """4-second windows every 2 s; quiet ones hold no speech."""
    made = []
    for start in np.arange(0, seconds - 3.9, 2.0):
        piece = envelope[int(start * ENVELOPE_RATE) : int((start + 4) * ENVELOPE_RATE)]
        level = float(piece.mean())
        label = 0 if level > 0.15 else 2 if level > 0.06 else 3
        named = level > 0.02
        made.append(
            Window(
                float(start), float(min(start + 4, seconds)), LABELS[label] if named else None,
                chances(label, 0.45 + min(level, 0.3)) if named else {},
            )
        )  # fmt: skip
    return tuple(made)


class FakeTranscriber:
    """The same words for every clip that is not quiet, unless its name holds `polish` or `late`."""

    def load(self) -> None:
        """There is nothing to load."""

    def transcribe(
        self, clip: str, *, translate: bool = False, language: str | None = None
    ) -> Transcript:
        """`SAID`, spread evenly over the clip; the second word is not sure."""
        from mer_core.media import load_audio

        waveform = load_audio(clip)
        if np.abs(waveform).max() < 0.01:
            return Transcript("", "", 0.0, ())
        polish, late = (kind in Path(clip).name for kind in ("polish", "late"))
        if late:
            time.sleep(LATE_SECONDS)
        said = POLISH if polish else LATE if late else SAID
        step = waveform.size / SAMPLE_RATE / len(said)
        words = tuple(
            Word(word, i * step, (i + 0.8) * step, 0.4 if i == 1 else 0.9)
            for i, word in enumerate(said)
        )
        english = "I am happy." if polish and translate else None
        return Transcript(" ".join(said), "pl" if polish else "en", 0.9, words, english)

    def align(self, clip: str, text: str) -> tuple[Word, ...]:
        """The words of a text, spread evenly over the clip; `MISFIT` was not said."""
        from mer_core.media import load_audio

        said = text.split()
        step = load_audio(clip).size / SAMPLE_RATE / len(said)
        sure = 0.05 if MISFIT in text else 0.8
        return tuple(Word(word, i * step, (i + 0.8) * step, sure) for i, word in enumerate(said))


class FakeModel:
    """Loud is angry, quiet is sad, and a few words name their emotion."""

    labels = LABELS
    framework = "mgcma"
    frameworks = ("mgcma", "foal_net")
    judges_video = True
    scorers: ClassVar[dict[str, Any]] = {}
    readers: ClassVar[dict[str, Any]] = {}
    transcriber: ClassVar[Any] = FakeTranscriber()

    def predict(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> Prediction:
        """A plausible prediction; refuses what the real media layer refuses."""
        if video is not None:
            return self._watched(video)
        from mer_core.media import MediaError, load_audio, load_text

        text = load_text(text)
        if audio is None and text is None:
            raise MediaError("no_input", "There is nothing to analyse: record or type.")
        waveform = None if audio is None else load_audio(audio)
        if text and "crash" in text:
            raise RuntimeError("secret inside")
        if text and BUSY in text:
            time.sleep(BUSY_SECONDS)
        envelope = None if waveform is None else envelope_of(waveform)
        speech = None if envelope is None else self._speech(float(envelope.mean()))
        written = None if text is None else self._text(text)
        if envelope is not None and envelope.max() < 0.01:
            return Prediction(None, {}, {}, "silence", "The recording is silent.", name=str(audio))
        return self._joined(speech, written, waveform, envelope, text, audio)

    def read(
        self, audio: str | None = None, text: str | None = None, video: str | None = None
    ) -> dict[str, str | None]:
        """The arguments: reading happens in `score`."""
        return {"audio": audio, "text": text, "video": video}

    def with_transcript(self, inputs: dict[str, Any], transcript: Transcript) -> dict[str, Any]:
        """The arguments, and the transcript."""
        return {**inputs, "transcript": transcript}

    def judge(self, inputs: dict[str, Any]) -> tuple[Prediction, dict[str, Any]]:
        """The same as `predict`, and the arguments."""
        given = {name: value for name, value in inputs.items() if name != "transcript"}
        return replace(self.predict(**given), transcript=inputs.get("transcript")), inputs

    def occlusions(self, inputs: dict[str, Any]) -> Occlusions | None:
        """A word that names the category counts, and so does the first half of a voice."""
        if inputs["video"] is not None:
            return None
        whole, _ = self.judge(inputs)
        if whole.emotion is None:
            return None
        present = {name: p for name, p in whole.by_modality.items() if p}
        chances = {name: p[whole.emotion] for name, p in present.items()}
        words = tuple((inputs["text"] or "").split())
        counts = [self._text(word)[whole.emotion] > 0.5 for word in words]
        edges = np.linspace(0, whole.duration, 3) if whole.duration else np.empty(0)
        return Occlusions(
            whole.emotion,
            chances,
            words,
            {
                name: np.array([chance * (0.3 if own else 1.0) for own in counts], np.float32)
                for name, chance in chances.items()
                if words and name != "speech"
            },
            edges.astype(np.float32),
            {
                name: np.array([chance * 0.8, chance], np.float32)
                for name, chance in chances.items()
                if edges.size and name != "text"
            },
        )

    def _watched(self, video: str) -> Prediction:
        from mer_core.media import MediaError, load_audio
        from tests.browser.fake_video import watched

        try:
            waveform = load_audio(video)
        except MediaError as error:
            if error.kind != "no_sound":
                raise
            return watched(video, None, "The video has no sound.", chances)
        return watched(video, envelope_of(waveform), "Nothing is said in the video.", chances)

    def _speech(self, level: float) -> dict[str, float]:
        return chances(0 if level > 0.12 else 3, 0.72)

    def _text(self, text: str) -> dict[str, float]:
        hits = [WORDS[w] for w in re.findall("[a-z]+", text.lower()) if w in WORDS]
        return chances(hits[0] if hits else 2, 0.81)

    def _joined(
        self,
        speech: dict[str, float] | None,
        written: dict[str, float] | None,
        waveform: FloatArray | None,
        envelope: FloatArray | None,
        text: str | None,
        audio: str | None,
    ) -> Prediction:
        parts = [part for part in (speech, written) if part]
        both = {label: float(np.mean([part[label] for part in parts])) for label in LABELS}
        seconds = None if waveform is None else waveform.size / SAMPLE_RATE
        return Prediction(
            emotion=max(both, key=lambda label: both[label]),
            probabilities=both,
            by_modality={
                "speech": speech, "text": written, "both": both if len(parts) == 2 else None
            },
            framework="mgcma",
            duration=seconds,
            timeline=windows_of(envelope, seconds) if seconds and seconds > 8 else (),
            envelope=envelope,
            text=text,
            name=Path(audio).name if audio else "",
        )  # fmt: skip
