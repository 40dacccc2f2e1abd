"""A clip's inputs with other words, a changed voice or a muted half.

Sound is changed in the waveform, and speech is looked for again: a voice drowned in noise may
become "no speech", as it would if it had been recorded that way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mer_core.media import MediaError, MediaErrorKind
from mer_core.media.effects import (
    change_pitch,
    change_tempo,
    louder,
    through_telephone,
    with_noise,
)
from mer_core.media.speech_activity import detect_speech
from mer_core.serving.inputs import SpeechTextInputs, why_unspoken
from mer_core.serving.video_inputs import VideoInputs, missing
from mer_core.types import SAMPLE_RATE, FloatArray, State

if TYPE_CHECKING:
    from mer_core.serving.inputs import SpeechTextReader

SNR_BOUNDS = (-20.0, 80.0)  # dB; from noise alone to inaudible noise
GAIN_BOUNDS = (-60.0, 40.0)  # dB
PITCH_BOUNDS = (-12.0, 12.0)  # semitones; an octave
TEMPO_BOUNDS = (0.5, 2.0)  # of the recorded tempo
VOICE, FACE, WORDS = frozenset({"speech", "audio"}), frozenset({"video"}), frozenset({"text"})
NOTHING_LEFT = "Nothing is left to judge: every part that the clip has is muted. Leave one on."

Inputs = TypeVar("Inputs", SpeechTextInputs, VideoInputs)


@dataclass(frozen=True)
class Changes:
    """Changes to a clip; the defaults change nothing.

    Attributes:
        text: Words in place of the clip's, blank for none, or None to keep them. Ignored for a
            video.
        mute: Modalities to leave out, by a framework's names: `speech`, `audio`, `text`, `video`.
        snr_db: Power of the voice above that of the added noise, dB, or None for no noise.
        gain_db: Louder (above 0) or quieter, dB.
        pitch: Higher (above 0) or lower, semitones.
        tempo: As a multiple of the recorded one; the pitch stays.
        telephone: Whether only a telephone's band is left.
        seed: Of the noise.
    """

    text: str | None = None
    mute: frozenset[str] = frozenset()
    snr_db: float | None = None
    gain_db: float = 0.0
    pitch: float = 0.0
    tempo: float = 1.0
    telephone: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse unknown modalities and levels out of bounds."""
        unknown = sorted(self.mute - VOICE - FACE - WORDS)
        if unknown:
            known = ", ".join(sorted(VOICE | FACE | WORDS))
            raise ValueError(f"{', '.join(unknown)} cannot be muted; it can be {known}.")
        if self.snr_db is not None:
            _check_within("snr_db", self.snr_db, SNR_BOUNDS, " dB")
        _check_within("gain_db", self.gain_db, GAIN_BOUNDS, " dB")
        _check_within("pitch", self.pitch, PITCH_BOUNDS, " semitones")
        _check_within("tempo", self.tempo, TEMPO_BOUNDS, " of the recorded tempo")

    @property
    def same_sound(self) -> bool:
        """Whether nothing changes how the voice sounds."""
        return replace(self, text=None, mute=frozenset()) == Changes(seed=self.seed)


def changed(inputs: Inputs, changes: Changes, reader: SpeechTextReader | None = None) -> Inputs:
    """`inputs` as they would be if the clip were changed; the same object without any change.

    Args:
        inputs: Of a recording with its words, or of a video.
        changes: What to change.
        reader: What read a recording and its words, to read the new ones.

    Raises:
        MediaError: Nothing is left to judge, or the new words cannot be read.
    """
    if isinstance(inputs, VideoInputs):
        if replace(changes, text=None) == Changes(seed=changes.seed):
            return inputs
        video: Any = _changed_video(inputs, changes)
        return video
    if changes == Changes(seed=changes.seed):
        return inputs
    assert reader is not None, "a recording's words need a reader"
    return _changed_recording(inputs, changes, reader)


def _changed_recording(
    inputs: SpeechTextInputs, changes: Changes, reader: SpeechTextReader
) -> SpeechTextInputs:
    muted_voice, muted_words = bool(changes.mute & VOICE), bool(changes.mute & WORDS)
    waveform = None
    if inputs.waveform is not None and not muted_voice:
        waveform = changed_sound(inputs.waveform, changes)
    text = inputs.text if changes.text is None else changes.text
    if muted_words or not text or not text.strip():
        text = None
    if waveform is None and text is None:
        raise MediaError(MediaErrorKind.NO_INPUT, NOTHING_LEFT)
    if changes.same_sound and waveform is not None:  # speech was looked for in it already
        again = _with_text(inputs, text, reader)
    else:
        again = reader.read(None if waveform is None else (waveform, SAMPLE_RATE), text)
    reasons = again.reasons
    # What was unfit in `inputs` was not kept, so it could not be read again; its reasons remain.
    if not muted_voice and inputs.waveform is None and inputs.activity is not None:
        reasons = (why_unspoken(inputs.activity), *reasons)
        again = replace(
            again, activity=inputs.activity, envelope=inputs.envelope, duration=inputs.duration
        )
    unread = inputs.text is None and State.UNREADABLE_TEXT in inputs.reasons
    if unread and changes.text is None and not muted_words:
        reasons = (*reasons, State.UNREADABLE_TEXT)
    return replace(again, reasons=reasons)


def _with_text(
    inputs: SpeechTextInputs, text: str | None, reader: SpeechTextReader
) -> SpeechTextInputs:
    """The same recording with another text, or without one."""
    if text is None:
        return replace(inputs, text=None, tokens=None, reasons=())
    written = reader.read(None, text)
    return replace(inputs, text=written.text, tokens=written.tokens, reasons=written.reasons)


def _changed_video(inputs: VideoInputs, changes: Changes) -> VideoInputs:
    mute_voice, mute_face = bool(changes.mute & VOICE), bool(changes.mute & FACE)
    mute_words = bool(changes.mute & WORDS)
    no_voice = mute_voice or inputs.waveform is None
    no_words = mute_words or inputs.text is None
    if no_voice and no_words and (mute_face or inputs.pictures is None):
        raise MediaError(MediaErrorKind.NO_INPUT, NOTHING_LEFT)
    waveform = activity = None
    if inputs.waveform is not None and not mute_voice:
        waveform, activity = inputs.waveform, inputs.activity
        if not changes.same_sound:
            waveform = changed_sound(waveform, changes)
            activity = detect_speech(waveform)
    has_face = inputs.pictures is not None and not mute_face
    hears = not mute_voice and (inputs.waveform is not None or State.NO_SOUND in inputs.reasons)
    reasons = missing(activity, hears=hears, has_face=has_face or mute_face)
    if State.UNREADABLE_TEXT in inputs.reasons and not mute_words:
        reasons.append(State.UNREADABLE_TEXT)
    return replace(
        inputs,
        waveform=waveform,
        activity=activity,
        track=inputs.track if has_face else None,
        pictures=inputs.pictures if has_face else None,
        times=inputs.times if has_face else inputs.times[:0],
        reasons=tuple(reasons),
        text=None if mute_words else inputs.text,
        tokens=None if mute_words else inputs.tokens,
    )


def changed_sound(waveform: FloatArray, changes: Changes) -> FloatArray:
    """The voice (S,) at another pitch and tempo, with noise, through a telephone, in this order.

    The level comes last, of everything together; the noise has its ratio to the changed voice.
    """
    waveform = change_tempo(change_pitch(waveform, changes.pitch), changes.tempo)
    if changes.snr_db is not None:
        waveform = with_noise(waveform, changes.snr_db, changes.seed)
    if changes.telephone:
        waveform = through_telephone(waveform)
    return louder(waveform, changes.gain_db) if changes.gain_db else waveform


def _check_within(name: str, value: Any, bounds: tuple[float, float], unit: str) -> None:
    low, high = bounds
    if not low <= cast("float", value) <= high:  # False for NaN too
        raise ValueError(f"{name} must be {low:g} to {high:g}{unit}, but is {value}.")
