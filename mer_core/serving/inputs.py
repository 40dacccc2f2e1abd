"""A recording and a text, read: each a modality that can be judged, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mer_core.encoders.text_tokens import TextTokenizer, TokenizedText
from mer_core.media import (
    MAX_CHARACTERS,
    MediaError,
    MediaErrorKind,
    load_audio,
    load_text,
)
from mer_core.media.audio import ACCEPTED, AudioSource
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.serving.messages import explain
from mer_core.types import ENVELOPE_RATE, SAMPLE_RATE, FloatArray, State, Transcript

MAX_UNKNOWN = 0.5  # share of word pieces outside the vocabulary beyond which a text is unreadable


@dataclass(frozen=True)
class SpeechTextInputs:
    """One recording, one text, or both, ready to be judged.

    Attributes:
        waveform: (S,), or None without speech to judge.
        activity: Where there is speech in the recording, or None without a recording.
        envelope: See `Prediction.envelope`; of silent recordings too.
        duration: Seconds of the recording, or None without one.
        text: The text, or None without one to judge.
        tokens: Of the text, or None.
        reasons: Why the rest cannot be judged.
        transcript: What was said in the recording, or None unless it was transcribed.
    """

    waveform: FloatArray | None = None
    activity: SpeechActivity | None = None
    envelope: FloatArray | None = None
    duration: float | None = None
    text: str | None = None
    tokens: TokenizedText | None = None
    reasons: tuple[State, ...] = ()
    transcript: Transcript | None = None

    @property
    def state(self) -> State:
        """See `Prediction.state`."""
        return self.reasons[0] if self.reasons else State.OK

    @property
    def message(self) -> str:
        """What belongs to the state, in words; a text that was cut is named with `OK` too."""
        parts = (("speech", self.waveform), ("text", self.text))
        judged = [noun for noun, part in parts if part is not None]
        return explain(self.reasons, judged, words_read(self.tokens))


class SpeechTextReader:
    """Reads recordings and texts for a framework of certain modalities.

    Args:
        tokenizer: Of the framework's text encoder, or None without one.
        modalities: What its encoders read.
        detect: Where there is speech in a waveform.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer | None,
        modalities: tuple[str, ...],
        detect: Callable[[FloatArray], SpeechActivity] = detect_speech,
    ) -> None:
        self.tokenizer = tokenizer
        self.modalities = modalities
        self.detect = detect

    def read(self, audio: AudioSource | None, text: str | None) -> SpeechTextInputs:
        """Decode, look for speech, tokenize.

        Raises:
            MediaError: Something cannot be read, or nothing is given.
        """
        written = load_text(text) if "text" in self.modalities else None
        if "speech" not in self.modalities:
            audio = None
        if audio is None and written is None:
            self._refuse_nothing(blank=bool(text))
        waveform = None if audio is None else load_audio(audio)
        activity = None if waveform is None else self.detect(waveform)
        spoken = activity is not None and activity.spoken
        tokens = readable_tokens(written, self.tokenizer)
        reasons = []
        if activity is not None and not spoken:
            reasons.append(why_unspoken(activity))
        if written is not None and tokens is None:
            reasons.append(State.UNREADABLE_TEXT)
        return SpeechTextInputs(
            waveform=waveform if spoken else None,
            activity=activity,
            envelope=None if waveform is None else envelope(waveform),
            duration=None if waveform is None else len(waveform) / SAMPLE_RATE,
            text=written if tokens else None,
            tokens=tokens,
            reasons=tuple(reasons),
        )

    def with_transcript(self, inputs: SpeechTextInputs, transcript: Transcript) -> SpeechTextInputs:
        """`inputs` with a transcript; its English words are the text, unless there is one."""
        if inputs.text is not None or State.UNREADABLE_TEXT in inputs.reasons:
            return replace(inputs, transcript=transcript)
        text, tokens = readable_words(transcript, self.tokenizer)
        return replace(inputs, transcript=transcript, text=text, tokens=tokens)

    def _refuse_nothing(self, *, blank: bool) -> None:
        if len(self.modalities) == 1:
            raise MediaError(
                MediaErrorKind.NO_INPUT, f"This model reads {self.modalities[0]} only: give some."
            )
        start = "The text is blank and there" if blank else "There"
        raise MediaError(
            MediaErrorKind.NO_INPUT,
            f"{start} is no recording: give a recording, a text, or both. {ACCEPTED}",
        )


def readable_tokens(text: str | None, tokenizer: TextTokenizer | None) -> TokenizedText | None:
    """Tokens of a text with words, most of them in the vocabulary; else None."""
    if text is None or tokenizer is None:
        return None
    tokens = tokenizer.detail(text)
    has_letters = any(character.isalpha() for word in tokens.words for character in word)
    return tokens if has_letters and tokens.unknown <= MAX_UNKNOWN else None


def readable_words(
    transcript: Transcript, tokenizer: TextTokenizer | None
) -> tuple[str | None, TokenizedText | None]:
    """A transcript's English words as a text with its tokens, or None twice without readable ones.

    Words that nobody typed are left out without a reason. Of a long recording as many are kept as
    may be typed, which is more than text encoders read.
    """
    if transcript.english is None or tokenizer is None:
        return None, None
    text = load_text(transcript.english[:MAX_CHARACTERS])
    tokens = readable_tokens(text, tokenizer)
    return (None, None) if tokens is None else (text, tokens)


def words_read(tokens: TokenizedText | None) -> int | None:
    """How many words were read of a text that was cut; None of one that was not."""
    return len(tokens.words) if tokens is not None and tokens.truncated else None


def why_unspoken(activity: SpeechActivity) -> State:
    """The reason why a recording without speech cannot be judged."""
    return State.SILENCE if activity.silent else State.NO_SPEECH


def envelope(waveform: FloatArray) -> FloatArray:
    """(N,) loudest sample of each 1/`ENVELOPE_RATE` s of a waveform (S,)."""
    step = SAMPLE_RATE // ENVELOPE_RATE
    padded = np.pad(np.abs(waveform), (0, -len(waveform) % step))
    return padded.reshape(-1, step).max(axis=1).astype(np.float32)
