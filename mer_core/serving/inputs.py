"""Input into readable modalities, each with a reason where it has nothing to say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mer_core.encoders.text_tokens import TextTokenizer, TokenizedText
from mer_core.media import MediaError, load_audio, load_text
from mer_core.media.audio import ACCEPTED, AudioSource
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.types import ENVELOPE_RATE, SAMPLE_RATE, FloatArray

MAX_UNKNOWN = 0.5  # share of word pieces outside the vocabulary beyond which a text is unreadable

SENTENCES = {
    "silence": "The recording is silent.",
    "no_speech": "No speech was found in the recording, only noise, music or too few words.",
    "no_sound": "The video has no sound.",
    "no_face": "No face was found in the video.",
    "unreadable_text": "The text holds no words that the model knows; it reads English.",
}
HELP = {
    "silence": "Check the microphone and its level, and record again.",
    "no_speech": "Speak a sentence close to the microphone, and record again.",
    "no_sound": "Record it with the microphone on.",
    "no_face": "Look at the camera from the front, in even light, and record again.",
    "unreadable_text": "Write it in English, or leave it out.",
}


@dataclass(frozen=True)
class SpeechTextInputs:
    """One item, read: what can be judged, and why the rest cannot.

    Attributes:
        waveform: (S,), or None where there is no speech to judge.
        activity: Of the recording, or None without one.
        envelope: See `Prediction.envelope`; there for silent recordings too.
        duration: Seconds of the recording, or None without one.
        text: The text, or None where there is none to judge.
        tokens: Of the text, or None.
        state: See `Prediction.state`.
        message: Sentences that belong to the state; may be there with `ok` too.
    """

    waveform: FloatArray | None
    activity: SpeechActivity | None
    envelope: FloatArray | None
    duration: float | None
    text: str | None
    tokens: TokenizedText | None
    state: str
    message: str


class SpeechTextReader:
    """Reads items for a framework that knows certain modalities."""

    def __init__(self, tokenizer: TextTokenizer | None, modalities: tuple[str, ...]) -> None:
        self.tokenizer = tokenizer
        self.modalities = modalities

    def read(self, audio: AudioSource | None, text: str | None) -> SpeechTextInputs:
        """Decode, look for speech, tokenize.

        Raises:
            MediaError: Something cannot be read, or nothing is there.
        """
        written = load_text(text)
        if "speech" not in self.modalities:
            audio = None
        if "text" not in self.modalities:
            written = None
        if (audio, written) == (None, None) and len(self.modalities) == 1:
            raise MediaError("no_input", f"This model reads {self.modalities[0]} only: give some.")
        if audio is None and written is None:
            blank = "The text is blank and there" if text else "There"
            raise MediaError(
                "no_input",
                f"{blank} is no recording: give a recording, a text, or both. {ACCEPTED}",
            )
        heard = None if audio is None else load_audio(audio)
        activity = None if heard is None else detect_speech(heard)
        tokens = self.tokenizer.detail(written) if self.tokenizer and written else None
        readable = tokens is not None and is_readable(tokens)
        spoken = activity is not None and activity.spoken
        judged = [name for name, there in (("speech", spoken), ("text", readable)) if there]
        truncated = len(tokens.words) if tokens and readable and tokens.truncated else 0
        reasons = []
        if activity is not None and not spoken:
            reasons.append(why_unspoken(activity))
        if written is not None and not readable:
            reasons.append("unreadable_text")
        return SpeechTextInputs(
            waveform=heard if spoken else None,
            activity=activity,
            envelope=None if heard is None else envelope(heard),
            duration=None if heard is None else len(heard) / SAMPLE_RATE,
            text=written if readable else None,
            tokens=tokens if readable else None,
            state=reasons[0] if reasons else "ok",
            message=" ".join(explain(reasons, *judged, truncated=truncated)),
        )


def explain(reasons: list[str], *judged: str, truncated: int = 0) -> list[str]:
    """The sentences for what could not be judged, and for what was judged instead.

    Args:
        reasons: Keys of `SENTENCES`.
        judged: What could be judged, in words.
        truncated: Words that were read of a text too long to be read in full, or 0.
    """
    sentences = [SENTENCES[reason] for reason in reasons]
    if reasons and not judged:
        sentences += [HELP[reason] for reason in reasons]
    elif reasons:
        sentences.append(f"Only the {judged[0]} was judged.")
    if truncated:
        sentences.append(f"Only the first {truncated} words of the text were read.")
    return sentences


def why_unspoken(activity: SpeechActivity) -> str:
    """The reason, a key of `SENTENCES`, why a recording without speech says nothing."""
    return "silence" if activity.silent else "no_speech"


def is_readable(tokens: TokenizedText) -> bool:
    """Whether there are words, and most of them known."""
    has_letters = any(character.isalpha() for word in tokens.words for character in word)
    return has_letters and tokens.unknown <= MAX_UNKNOWN


def envelope(waveform: FloatArray) -> FloatArray:
    """(N,) loudest sample of each 1/`ENVELOPE_RATE` s of a waveform (S,)."""
    step = SAMPLE_RATE // ENVELOPE_RATE
    padded = np.pad(np.abs(waveform), (0, -len(waveform) % step))
    return padded.reshape(-1, step).max(axis=1).astype(np.float32)
