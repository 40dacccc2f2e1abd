"""Speech to text: what was said, when, in which language and, where asked for, in English.

Whisper by faster-whisper (CTranslate2): greedy decoding at temperature 0, so that a clip always
gives the same words. Emotion recognition works without it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from mer_core.media.audio import AudioSource, load_audio
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.media.text import load_text
from mer_core.types import ENGLISH, SAMPLE_RATE, FloatArray, Transcript, Word

# Beyond these a segment is dropped; OpenAI's own limits (arXiv:2212.04356, section 4.5).
MAX_COMPRESSION = 2.4  # text that gzip shortens this much repeats itself
MIN_LOG_PROBABILITY = -1.0  # mean over tokens
MIN_SPEECH_SECONDS = 0.1  # in a segment, by the speech detector; less is invented
NO_REPEAT = 3  # tokens that may not come twice in a row of a second attempt
TOKENS_PER_SECOND, SPARE_TOKENS, MAX_TOKENS = 20, 20, 220  # nobody speaks as fast; a loop ends
WINDOW_SECONDS = 30.0

NOTHING = Transcript("", "", 0.0, ())


class TranscriberError(RuntimeError):
    """The speech-to-text model cannot be loaded; the message is a plain sentence."""


class ClipModel(Protocol):
    """What is needed of a model for one clip; see `mer_core.media.whisper.ClipWhisper`."""

    def language_of(self, waveform: FloatArray) -> tuple[str, float]:
        """Code and probability of the language."""

    def transcribe(self, audio: FloatArray, **options: Any) -> tuple[Iterable[Any], Any]:
        """Segments, and facts about the clip."""

    def align(self, waveform: FloatArray, text: str, language: str) -> list[dict[str, Any]]:
        """`word`, `start`, `end` and `probability` of each word of a text."""


class Transcriber:
    """A Whisper model, loaded at the first call; several threads may use it at once.

    Args:
        model: A folder in CTranslate2's format, such as `checkpoints.shipped.WHISPER`; a size,
            such as `small` or `large-v3-turbo`; or a Hub id. The last two are downloaded once.
        device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.
        load: Of (model, device) → what opens the model for one clip.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        device: str = "auto",
        load: Callable[[str, str], Callable[[], ClipModel]] | None = None,
    ) -> None:
        self.model = os.fspath(model)
        self.device = device
        self._load = load or clip_opener
        self._open: Callable[[], ClipModel] | None = None
        self._lock = threading.Lock()

    def transcribe(
        self, source: AudioSource, *, translate: bool = False, language: str | None = None
    ) -> Transcript:
        """What is said in a recording.

        Args:
            source: A path, the bytes of a file, or (waveform, sample rate in Hz).
            translate: Whether words in another language are translated to English too.
            language: ISO 639-1 code of the language, or None to detect it.

        Returns:
            A transcript; empty for silence, noise, music and speech without recognisable words.

        Raises:
            MediaError: The recording cannot be read.
            TranscriberError: The model cannot be loaded.
            ValueError: Whisper knows no such language.
        """
        return self.transcribe_waveform(load_audio(source), translate=translate, language=language)

    def transcribe_waveform(
        self,
        waveform: FloatArray,
        activity: SpeechActivity | None = None,
        *,
        translate: bool = False,
        language: str | None = None,
    ) -> Transcript:
        """What is said in a waveform (S,) at `SAMPLE_RATE`, as `load_audio` returns it.

        Args:
            waveform: Up to the limit of `load_audio`.
            activity: Where there is speech in it; detected if None.
            translate: See `transcribe`.
            language: See `transcribe`.

        Raises:
            TranscriberError: The model cannot be loaded.
            ValueError: Whisper knows no such language.
        """
        activity = detect_speech(waveform) if activity is None else activity
        if not activity.spoken:
            return NOTHING
        self.load()
        assert self._open is not None
        clip = Clip(self._open(), waveform, activity)
        code, probability = (language, 1.0) if language else clip.model.language_of(waveform)
        segments = clip.segments(code, "transcribe")
        if not segments:
            return NOTHING
        english = None
        if translate and code != ENGLISH:
            english = joined(clip.segments(code, "translate")) or None
        seconds = len(waveform) / SAMPLE_RATE
        heard = in_order(
            ((w.word, w.start, w.end, w.probability) for s in segments for w in s.words or ()),
            activity,
            seconds,
        )
        return Transcript(joined(segments), code, probability, heard, english)

    def align(self, source: AudioSource, text: str) -> tuple[Word, ...]:
        """When the words of a text were said in a recording (forced alignment).

        Args:
            source: A path, the bytes of a file, or (waveform, sample rate in Hz).
            text: What was said, as far as the caller knows.

        Returns:
            The words with their times; their probabilities are low where they were not said. Of
            recordings longer than 30 s the words that are heard, to be compared with the text. None
            without speech.

        Raises:
            MediaError: The recording or the text cannot be read.
            TranscriberError: The model cannot be loaded.
        """
        written, waveform = load_text(text), load_audio(source)
        activity = detect_speech(waveform)
        if written is None or not activity.spoken:
            return ()
        seconds = len(waveform) / SAMPLE_RATE
        if seconds > WINDOW_SECONDS:
            return self.transcribe_waveform(waveform, activity).words
        self.load()
        assert self._open is not None
        model = self._open()
        found = model.align(waveform, written, model.language_of(waveform)[0])
        times = ((w["word"], w["start"], w["end"], w["probability"]) for w in found)
        return in_order(times, activity, seconds)

    def load(self) -> None:
        """Load the model now instead of at the first call.

        Raises:
            TranscriberError: There is no such model or device, or the Hub cannot be reached.
        """
        with self._lock:
            if self._open is not None:
                return
            try:
                self._open = self._load(self.model, self.device)
            # CTranslate2, the Hub and the file system raise errors of their own, which all mean
            # the same to the user.
            except Exception as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise TranscriberError(
                    f"The speech-to-text model {self.model!r} cannot be loaded on device "
                    f"{self.device!r}: {reason}"
                ) from error


class Clip:
    """One recording with the model that transcribes it.

    Attributes:
        model: Opened for this recording.
        waveform: (S,) at `SAMPLE_RATE`.
        activity: Where there is speech in it.
    """

    def __init__(self, model: ClipModel, waveform: FloatArray, activity: SpeechActivity) -> None:
        self.model = model
        self.waveform = waveform
        self.activity = activity

    def segments(self, language: str, task: str) -> list[Any]:
        """faster-whisper's segments, in order, without those that nobody said.

        Args:
            language: ISO 639-1 code.
            task: `transcribe` or `translate`.
        """
        found = self._decode(language, task, no_repeat=0)
        if any(repeats(segment) for segment in found):
            found = self._decode(language, task, no_repeat=NO_REPEAT)
        return [segment for segment in found if self._was_said(segment)]

    def _decode(self, language: str, task: str, no_repeat: int) -> list[Any]:
        seconds = min(len(self.waveform) / SAMPLE_RATE, WINDOW_SECONDS)
        segments, _ = self.model.transcribe(
            self.waveform,
            language=language,
            task=task,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=task == "transcribe",
            no_repeat_ngram_size=no_repeat,
            max_new_tokens=min(MAX_TOKENS, SPARE_TOKENS + round(TOKENS_PER_SECOND * seconds)),
        )
        return list(segments)

    def _was_said(self, segment: Any) -> bool:
        speech = self.activity.between(segment.start, segment.end).seconds
        return (
            not repeats(segment)
            and segment.avg_logprob >= MIN_LOG_PROBABILITY
            and speech >= MIN_SPEECH_SECONDS
        )


def clip_opener(model: str, device: str) -> Callable[[], ClipModel]:
    """Load a model; what is returned opens it for one clip."""
    from mer_core.media.whisper import ClipWhisper, load_whisper

    loaded = load_whisper(model, device)
    return lambda: ClipWhisper(loaded)


def repeats(segment: Any) -> bool:
    """Whether a segment says the same thing again and again."""
    return bool(segment.compression_ratio > MAX_COMPRESSION)


def joined(segments: Sequence[Any]) -> str:
    """The text of segments; Whisper's own spaces are between them."""
    return " ".join("".join(segment.text for segment in segments).split())


def in_order(
    found: Iterable[tuple[str, float, float, float]], activity: SpeechActivity, seconds: float
) -> tuple[Word, ...]:
    """Words in order, their times inside a recording and without the pauses around them.

    Args:
        found: Text, start and end in seconds, and probability of each word.
        activity: Whisper counts a pause to the word beside it; the speech detector does not.
        seconds: Length of the recording.
    """
    words: list[Word] = []
    latest = 0.0
    for text, first, last, probability in found:
        if text.strip():
            start = min(max(float(first), latest), seconds)
            start, latest = activity.within(start, min(max(float(last), start), seconds))
            words.append(Word(text.strip(), start, latest, float(probability)))
    return tuple(words)
