"""The lab's controls as data, what they change of a clip, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.nouns import noun
from mer_core.demo.services.atlases import KEPT_SECONDS
from mer_core.types import FloatArray

if TYPE_CHECKING:  # it imports torch, which the page must not
    from mer_core.serving.perturb import Changes

QUIETEST_NOISE = 40  # dB that the voice stands above the noise at the slider's left end, "off"
LISTED = f"Clips of up to {KEPT_SECONDS:g} seconds; longer ones cannot be changed here."


@dataclass(frozen=True)
class Knobs:
    """How the visitor has set the controls.

    Attributes:
        words: In the text box.
        mute_lead: Whether the voice is muted.
        mute_partner: Whether its partner, the words or the face, is.
        noise: 0 (off) to `QUIETEST_NOISE` dB (as loud as the voice).
        gain: dB.
    """

    words: str = ""
    mute_lead: bool = False
    mute_partner: bool = False
    noise: float = 0.0
    gain: float = 0.0


def to_changes(clip: VisitorClip, knobs: Knobs) -> Changes:
    """The knobs as what `changed` takes."""
    from mer_core.serving.perturb import Changes

    mutes = zip(halves(clip), (knobs.mute_lead, knobs.mute_partner), strict=True)
    other_words = reads_words(clip) and knobs.words.strip() != own_words(clip)
    return Changes(
        text=knobs.words if other_words else None,
        mute=frozenset(name for name, muted in mutes if muted),
        snr_db=QUIETEST_NOISE - knobs.noise if knobs.noise > 0 else None,
        gain_db=knobs.gain,
    )


def describe(clip: VisitorClip, knobs: Knobs) -> str:
    """What was changed, in words."""
    lead, partner = (noun(name) for name in halves(clip))
    done = []
    if knobs.mute_partner:
        done.append(f"the {partner} {'are' if partner == 'words' else 'is'} muted")
    elif reads_words(clip) and knobs.words.strip() != own_words(clip):
        done.append("the words are other ones" if knobs.words.strip() else "there are no words")
    if knobs.mute_lead:
        done.append(f"the {lead} is muted")
    elif clip.reading.waveform is not None:
        done += _said_of_sound(clip.reading.waveform, knobs, lead)
    told = "; ".join(done)
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _said_of_sound(waveform: FloatArray, knobs: Knobs, lead: str) -> list[str]:
    """What noise and gain make of a sound (S,); the noise comes first, and needs headroom too."""
    from mer_core.serving.perturb import headroom, with_noise

    done = []
    if knobs.noise > 0:
        snr = QUIETEST_NOISE - knobs.noise
        waveform = with_noise(waveform, snr)
        done.append(f"noise is {f'{snr:g} dB below' if snr else 'as loud as'} the {lead}")
    if knobs.gain > max(0.0, headroom(waveform)):
        done.append("the sound is as loud as it can be without clipping")
    elif knobs.gain:
        louder = "louder" if knobs.gain > 0 else "quieter"
        done.append(f"the sound is {abs(knobs.gain):g} dB {louder}")
    return done


def halves(clip: VisitorClip) -> tuple[str, str]:
    """The framework's modalities, the leading one first, whether the clip has them or not."""
    prediction = next(iter(clip.predictions.values()))
    lead, partner = (name for name in prediction.by_modality if name != "both")
    return lead, partner


def reads_words(clip: VisitorClip) -> bool:
    """Whether the clip's framework judges words."""
    return "text" in halves(clip)


def has_pictures(clip: VisitorClip) -> bool:
    """Whether the clip shows a face."""
    return getattr(clip.reading, "pictures", None) is not None


def own_words(clip: VisitorClip) -> str:
    """The clip's words, or empty where it has none that can be read."""
    return getattr(clip.reading, "text", None) or ""
