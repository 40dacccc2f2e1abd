"""Changing a clip that was read, to see what the model makes of it: words, noise, level, muting.

Sound is changed in the waveform and listened to anew, so that a voice drowned in noise may well
become "no speech": a changed reading is as honest as the first one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch

from mer_core.media import MediaError
from mer_core.media.speech_activity import detect_speech
from mer_core.serving.inputs import SENTENCES, SpeechTextInputs, explain, why_unspoken
from mer_core.serving.video_inputs import VideoInputs
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray

if TYPE_CHECKING:
    from mer_core.serving.inputs import SpeechTextReader

SNR_BOUNDS = (-20.0, 80.0)  # dB; from "nothing but noise" to inaudible
GAIN_BOUNDS = (-60.0, 40.0)  # dB
LOWEST_PITCH = 50.0  # Hz; pink noise is flat below, where it would only shake the waveform
VOICE, FACE, WORDS = frozenset({"speech", "audio"}), frozenset({"video"}), frozenset({"text"})
NOTHING_LEFT = "Nothing is left to judge: every part that the clip has is muted. Leave one on."

Read = TypeVar("Read", SpeechTextInputs, VideoInputs)


@dataclass(frozen=True)
class Changes:
    """What to change of a clip; the defaults change nothing.

    Attributes:
        text: Words in place of the clip's, blank for none, or None to keep them. Means nothing
            for a video.
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
        """Refuse what has no meaning."""
        unknown = sorted(self.mute - VOICE - FACE - WORDS)
        if unknown:
            known = ", ".join(sorted(VOICE | FACE | WORDS))
            raise ValueError(f"{', '.join(unknown)} cannot be muted; it can be {known}.")
        if self.snr_db is not None:
            _check_within("snr_db", self.snr_db, SNR_BOUNDS)
        _check_within("gain_db", self.gain_db, GAIN_BOUNDS)


def louder(waveform: FloatArray, decibels: float) -> FloatArray:
    """`waveform` (S,) at another level, the loudest sample at 1 at most.

    A gain that would go beyond 1 is made smaller for the whole waveform: clipping would distort
    the voice, and then it is not loudness that is compared. Silence stays silence.
    """
    gain = min(decibels, headroom(waveform))
    return np.asarray(waveform * 10 ** (gain / 20), dtype=np.float32)


def headroom(waveform: FloatArray) -> float:
    """How much louder `waveform` (S,) can get before it clips, dB; infinite for silence."""
    peak = float(np.abs(waveform).max(initial=0.0))
    return -20 * math.log10(peak) if peak > 0 else math.inf


def with_noise(waveform: FloatArray, snr_db: float, seed: int = 0) -> FloatArray:
    """`waveform` (S,) with pink noise, as of a busy room, that is the same for the same seed.

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
    """(S,) at `SAMPLE_RATE` whose power falls by 3 dB an octave, as that of most real noise."""
    white = np.random.default_rng(seed).standard_normal(samples)
    pitches = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), LOWEST_PITCH)
    spectrum = np.fft.rfft(white) / np.sqrt(pitches)
    spectrum[0] = 0.0  # no constant offset
    shaped = np.fft.irfft(spectrum, samples)
    return np.asarray(shaped / max(float(shaped.std()), 1e-12), dtype=np.float32)


def changed(reading: Read, changes: Changes, reader: SpeechTextReader | None = None) -> Read:
    """`reading` as it would be if the clip were changed; the same object without any change.

    Args:
        reading: Of a recording with its words, or of a video.
        changes: What to change.
        reader: What read it; needed for a recording, where words are looked up anew.

    Raises:
        MediaError: Nothing is left to judge, or the new words cannot be read.
    """
    if isinstance(reading, VideoInputs):
        if replace(changes, text=None) == Changes(seed=changes.seed):
            return reading
        clip: Any = _changed_clip(reading, changes)
        return clip
    if changes == Changes(seed=changes.seed):
        return reading
    assert reader is not None, "words are read by a reader"
    return _changed_recording(reading, changes, reader)


def _changed_recording(
    reading: SpeechTextInputs, changes: Changes, reader: SpeechTextReader
) -> SpeechTextInputs:
    heard = None if changes.mute & VOICE else _changed_sound(reading.waveform, changes)
    words = reading.text if changes.text is None else changes.text
    if changes.mute & WORDS or not words or not words.strip():
        words = None
    unheard = reading.waveform is None and reading.activity is not None
    unheard = unheard and not changes.mute & VOICE
    if heard is None and words is None:
        raise MediaError("no_input", NOTHING_LEFT)
    again = reader.read(None if heard is None else (heard, SAMPLE_RATE), words)
    return _with_lost(again, reading, changes, unheard)


def _with_lost(
    again: SpeechTextInputs, reading: SpeechTextInputs, changes: Changes, unheard: bool
) -> SpeechTextInputs:
    """`again`, with the reasons of those inputs that `reading` has found unfit and not kept."""
    before, after = [], []
    if unheard:
        assert reading.activity is not None
        before = [why_unspoken(reading.activity)]
        again = replace(
            again, activity=reading.activity, envelope=reading.envelope, duration=reading.duration
        )
    unread = reading.text is None and SENTENCES["unreadable_text"] in reading.message
    if unread and changes.text is None and not changes.mute & WORDS:
        after = ["unreadable_text"]
    if not before and not after:
        return again
    known = [key for key, sentence in SENTENCES.items() if sentence in again.message]
    reasons = [*before, *known, *after]
    fit = (("speech", again.waveform), ("text", again.text))
    judged = [name for name, there in fit if there is not None]
    return replace(again, state=reasons[0], message=" ".join(explain(reasons, *judged)))


def _changed_clip(reading: VideoInputs, changes: Changes) -> VideoInputs:
    mute_voice, mute_face = bool(changes.mute & VOICE), bool(changes.mute & FACE)
    no_voice = mute_voice or reading.waveform is None
    if no_voice and (mute_face or reading.pictures is None):
        raise MediaError("no_input", NOTHING_LEFT)
    waveform = None if mute_voice else _changed_sound(reading.waveform, changes)
    activity = None if waveform is None else detect_speech(waveform)
    spoken = activity is not None and activity.spoken
    seen = reading.pictures is not None and not mute_face
    reasons = []
    if activity is None and not mute_voice:
        reasons.append("no_sound")
    elif activity is not None and not spoken:
        reasons.append(why_unspoken(activity))
    if not seen and not mute_face:
        reasons.append("no_face")
    judged = [name for name, there in (("voice", spoken), ("face", seen)) if there]
    return replace(
        reading,
        waveform=waveform,
        activity=activity,
        track=reading.track if seen else None,
        pictures=reading.pictures if seen else None,
        times=reading.times if seen else reading.times[:0],
        state=reasons[0] if reasons else "ok",
        message=" ".join(explain(reasons, *judged)),
    )


def _changed_sound(waveform: FloatArray | None, changes: Changes) -> FloatArray | None:
    """Noise first, so that its ratio to the voice is the one asked for; then the level of both."""
    if waveform is None:
        return None
    if changes.snr_db is not None:
        waveform = with_noise(waveform, changes.snr_db, changes.seed)
    return louder(waveform, changes.gain_db) if changes.gain_db else waveform


def _check_within(name: str, value: Any, bounds: tuple[float, float]) -> None:
    low, high = bounds
    if not low <= cast("float", value) <= high:  # False for NaN too
        raise ValueError(f"{name} must be {low:g} to {high:g} dB, but is {value}.")
