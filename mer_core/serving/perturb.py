"""A clip's inputs with other words, added noise, another level or a muted half.

Sound is changed in the waveform, and speech is looked for again: a voice drowned in noise may
become "no speech", as it would if it had been recorded that way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch

from mer_core.media import MediaError, MediaErrorKind
from mer_core.media.speech_activity import detect_speech
from mer_core.serving.inputs import SpeechTextInputs, why_unspoken
from mer_core.serving.video_inputs import VideoInputs, missing
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray, State

if TYPE_CHECKING:
    from mer_core.serving.inputs import SpeechTextReader

SNR_BOUNDS = (-20.0, 80.0)  # dB; from noise alone to inaudible noise
GAIN_BOUNDS = (-60.0, 40.0)  # dB
LOWEST_PITCH = 50.0  # Hz; pink noise is flat below, where it would only shake the waveform
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
        seed: Of the noise.
    """

    text: str | None = None
    mute: frozenset[str] = frozenset()
    snr_db: float | None = None
    gain_db: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse unknown modalities and levels out of bounds."""
        unknown = sorted(self.mute - VOICE - FACE - WORDS)
        if unknown:
            known = ", ".join(sorted(VOICE | FACE | WORDS))
            raise ValueError(f"{', '.join(unknown)} cannot be muted; it can be {known}.")
        if self.snr_db is not None:
            _check_within("snr_db", self.snr_db, SNR_BOUNDS)
        _check_within("gain_db", self.gain_db, GAIN_BOUNDS)


def louder(waveform: FloatArray, decibels: float) -> FloatArray:
    """`waveform` (S,) at another level, the loudest sample at 1 at most.

    A gain that would clip is made smaller for the whole waveform, since clipping distorts the
    voice. Silence stays silence.
    """
    gain = min(decibels, headroom(waveform))
    return np.asarray(waveform * 10 ** (gain / 20), dtype=np.float32)


def headroom(waveform: FloatArray) -> float:
    """How much louder `waveform` (S,) can get before it clips, dB; infinite for silence."""
    peak = float(np.abs(waveform).max(initial=0.0))
    return -20 * math.log10(peak) if peak > 0 else math.inf


def with_noise(waveform: FloatArray, snr_db: float, seed: int = 0) -> FloatArray:
    """`waveform` (S,) with pink noise, as in a busy room; the same seed gives the same noise.

    Both powers are means over the whole waveform. Where the sum would go beyond 1 it is turned
    down as a whole, which keeps their ratio. Silence, which has no ratio to anything, stays.
    """
    if not np.any(waveform):
        return waveform
    noise = torch.from_numpy(pink_noise(len(waveform), seed))
    clean = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
    mixed = torchaudio.functional.add_noise(clean, noise, torch.tensor(float(snr_db))).numpy()
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())), dtype=np.float32)


def pink_noise(samples: int, seed: int) -> FloatArray:
    """(S,) at `SAMPLE_RATE` whose power falls by 3 dB an octave, as in most real noise."""
    white = np.random.default_rng(seed).standard_normal(samples)
    pitches = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), LOWEST_PITCH)
    spectrum = np.fft.rfft(white) / np.sqrt(pitches)
    spectrum[0] = 0.0  # no constant offset
    shaped = np.fft.irfft(spectrum, samples)
    return np.asarray(shaped / max(float(shaped.std()), 1e-12), dtype=np.float32)


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
    waveform = None if muted_voice else _changed_sound(inputs.waveform, changes)
    text = inputs.text if changes.text is None else changes.text
    if muted_words or not text or not text.strip():
        text = None
    if waveform is None and text is None:
        raise MediaError(MediaErrorKind.NO_INPUT, NOTHING_LEFT)
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


def _changed_video(inputs: VideoInputs, changes: Changes) -> VideoInputs:
    mute_voice, mute_face = bool(changes.mute & VOICE), bool(changes.mute & FACE)
    mute_words = bool(changes.mute & WORDS)
    no_voice = mute_voice or inputs.waveform is None
    no_words = mute_words or inputs.text is None
    if no_voice and no_words and (mute_face or inputs.pictures is None):
        raise MediaError(MediaErrorKind.NO_INPUT, NOTHING_LEFT)
    waveform = None if mute_voice else _changed_sound(inputs.waveform, changes)
    activity = None if waveform is None else detect_speech(waveform)
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


def _changed_sound(waveform: FloatArray | None, changes: Changes) -> FloatArray | None:
    """Add noise first, at the requested ratio to the voice; then change the level of both."""
    if waveform is None:
        return None
    if changes.snr_db is not None:
        waveform = with_noise(waveform, changes.snr_db, changes.seed)
    return louder(waveform, changes.gain_db) if changes.gain_db else waveform


def _check_within(name: str, value: Any, bounds: tuple[float, float]) -> None:
    low, high = bounds
    if not low <= cast("float", value) <= high:  # False for NaN too
        raise ValueError(f"{name} must be {low:g} to {high:g} dB, but is {value}.")
