"""The lab's settings as data, what they change in a clip, and that change in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.services.atlases import EDITABLE_SECONDS
from mer_core.frameworks.descriptor import DESCRIPTORS, MODALITIES, Modality
from mer_core.types import FloatArray

if TYPE_CHECKING:  # it imports torch, which the page must not wait for
    from mer_core.serving.perturb import Changes

QUIETEST_NOISE = 40  # dB of the voice above the noise at the slider's left end, "off"
CLIPS_INFO = f"Clips of up to {EDITABLE_SECONDS:g} seconds; longer ones cannot be changed here."


@dataclass(frozen=True)
class LabSettings:
    """How the visitor has set the controls.

    Attributes:
        words: In the text box.
        mute_lead: Whether the voice is muted.
        mute_partner: Whether its partner, the words or the face, is muted.
        noise: 0 (off) to `QUIETEST_NOISE` dB (as loud as the voice).
        gain: dB.
    """

    words: str = ""
    mute_lead: bool = False
    mute_partner: bool = False
    noise: float = 0.0
    gain: float = 0.0


def to_changes(clip: VisitorClip, settings: LabSettings) -> Changes:
    """The settings as `serving.perturb.changed` takes them."""
    from mer_core.serving.perturb import Changes

    mutes = zip(modalities(clip), (settings.mute_lead, settings.mute_partner), strict=True)
    return Changes(
        text=settings.words if has_new_words(clip, settings) else None,
        mute=frozenset(modality.name for modality, muted in mutes if muted),
        snr_db=QUIETEST_NOISE - settings.noise if settings.noise > 0 else None,
        gain_db=settings.gain,
    )


def describe(clip: VisitorClip, settings: LabSettings) -> str:
    """What was changed, in words."""
    lead, partner = modalities(clip)
    changes = []
    if settings.mute_partner:
        changes.append(f"the {partner.noun} {'are' if partner.plural else 'is'} muted")
    elif has_new_words(clip, settings):
        has_words = bool(settings.words.strip())
        changes.append("the words are different" if has_words else "there are no words")
    if settings.mute_lead:
        changes.append(f"the {lead.noun} {'are' if lead.plural else 'is'} muted")
    elif clip.reading.waveform is not None:
        changes += _describe_sound(clip.reading.waveform, settings, lead.noun)
    sentence = "; ".join(changes)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _describe_sound(waveform: FloatArray, settings: LabSettings, lead: str) -> list[str]:
    """What noise and gain change in a sound (S,); noise is added first and needs headroom too."""
    from mer_core.media.effects import headroom, with_noise

    changes = []
    if settings.noise > 0:
        snr = QUIETEST_NOISE - settings.noise
        waveform = with_noise(waveform, snr)
        changes.append(f"noise is {f'{snr:g} dB below' if snr else 'as loud as'} the {lead}")
    if settings.gain > max(0.0, headroom(waveform)):
        changes.append("the sound is as loud as it can be without clipping")
    elif settings.gain:
        louder = "louder" if settings.gain > 0 else "quieter"
        changes.append(f"the sound is {abs(settings.gain):g} dB {louder}")
    return changes


def modalities(clip: VisitorClip) -> tuple[Modality, Modality]:
    """What its model reads, the leading one first, whether the clip has it or not."""
    prediction = next(iter(clip.predictions.values()))
    lead, partner = (MODALITIES[name] for name in prediction.by_modality if name in MODALITIES)
    return lead, partner


def has_new_words(clip: VisitorClip, settings: LabSettings) -> bool:
    """Whether other words are in the text box than the clip's."""
    return reads_words(clip) and settings.words.strip() != own_words(clip)


def reads_words(clip: VisitorClip) -> bool:
    """Whether the words of a recording can be changed; those of a video cannot."""
    return not DESCRIPTORS[clip.framework].watches and MODALITIES["text"] in modalities(clip)


def has_half(clip: VisitorClip, modality: Modality) -> bool:
    """Whether the clip holds something of this modality that can be judged."""
    from mer_core.serving.video_inputs import VideoInputs  # imports torch

    if modality.name == "text":
        return bool(clip.reading.text)
    if modality.name == "video":
        return isinstance(clip.reading, VideoInputs) and clip.reading.pictures is not None
    return clip.reading.waveform is not None


def own_words(clip: VisitorClip) -> str:
    """The clip's words where they can be changed, or empty."""
    return (clip.reading.text or "") if reads_words(clip) else ""
