"""The lab's settings as data, what they change in a clip, and that change in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.services.atlases import EDITABLE_SECONDS
from mer_core.frameworks.descriptor import DESCRIPTORS, MODALITIES, Modality
from mer_core.types import FloatArray

if TYPE_CHECKING:  # it imports torch, which the page must not wait for
    from mer_core.serving.perturb import Changes

QUIETEST_NOISE = 40  # dB of the voice above the noise at the slider's left end, "off"
CLIPS_INFO = f"Clips of up to {EDITABLE_SECONDS:g} seconds; longer ones cannot be changed here."


class Half(StrEnum):
    """Which half of another clip takes the place of the clip's own."""

    LEAD = "lead"  # the voice
    PARTNER = "partner"  # the words or the face


@dataclass(frozen=True)
class LabSettings:
    """How the visitor has set the controls.

    Attributes:
        words: In the text box.
        other: Id of the clip that gives a half, in its string form, or empty.
        half: Which one it gives.
        mute_lead: Whether the voice is muted.
        mute_partner: Whether its partner, the words or the face, is muted.
        pitch: Semitones.
        tempo: As a multiple of the recorded one.
        noise: 0 (off) to `QUIETEST_NOISE` dB (as loud as the voice).
        gain: dB.
        telephone: Whether the voice comes through a telephone.
        categories: Those that may be assigned; empty for all.
    """

    words: str = ""
    other: str = ""
    half: Half = Half.LEAD
    mute_lead: bool = False
    mute_partner: bool = False
    pitch: float = 0.0
    tempo: float = 1.0
    noise: float = 0.0
    gain: float = 0.0
    telephone: bool = False
    categories: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LabSettings:
        """From the controls' values by their names; a cleared one is at rest."""
        rest = cls()
        given = {name: getattr(rest, name) if v is None else v for name, v in values.items()}
        given["half"] = Half(given.get("half", rest.half))
        given["categories"] = tuple(given.get("categories", ()))
        return cls(**given)

    @property
    def gives_partner(self) -> bool:
        """Whether words or face come from another clip."""
        return bool(self.other) and self.half is Half.PARTNER


def to_changes(clip: VisitorClip, settings: LabSettings, reading: Any = None) -> Changes:
    """The settings as `serving.perturb.changed` takes them.

    Args:
        clip: That is changed.
        settings: Of the controls.
        reading: Its inputs with a half of another clip, if it has one.
    """
    from mer_core.serving.perturb import Changes

    mutes = zip(modalities(clip), (settings.mute_lead, settings.mute_partner), strict=True)
    return Changes(
        text=settings.words if has_new_words(clip, settings, reading) else None,
        mute=frozenset(modality.name for modality, muted in mutes if muted),
        snr_db=QUIETEST_NOISE - settings.noise if settings.noise > 0 else None,
        gain_db=settings.gain,
        pitch=settings.pitch,
        tempo=settings.tempo,
        telephone=settings.telephone,
    )


def describe(clip: VisitorClip, settings: LabSettings, reading: Any = None, other: str = "") -> str:
    """What was changed, in words.

    Args:
        clip: That is changed.
        settings: Of the controls.
        reading: Its inputs with a half of another clip, if it has one.
        other: That clip's name.
    """
    lead, partner = modalities(clip)
    reading = clip.reading if reading is None else reading
    changes = []
    if settings.mute_partner:
        changes.append(f"the {partner.noun} {_is(partner)} muted")
    elif has_new_words(clip, settings, reading):
        has_words = bool(settings.words.strip())
        changes.append("the words are different" if has_words else "there are no words")
    elif settings.gives_partner:
        changes.append(f"the {partner.noun} {_is(partner)} from “{other}”")
    if settings.mute_lead:
        changes.append(f"the {lead.noun} {_is(lead)} muted")
    else:
        if settings.other and settings.half is Half.LEAD:
            changes.append(f"the {lead.noun} {_is(lead)} from “{other}”")
        if reading.waveform is not None:
            changes += _describe_sound(reading.waveform, settings, lead.noun)
    if settings.categories:
        names = list(settings.categories)
        changes.append(f"only {', '.join(names[:-1])} and {names[-1]} may be assigned")
    sentence = "; ".join(changes)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _is(modality: Modality) -> str:
    return "are" if modality.plural else "is"


def _describe_sound(waveform: FloatArray, settings: LabSettings, lead: str) -> list[str]:
    """What the settings change in a sound (S,)."""
    changes = []
    if settings.pitch:
        size, way = abs(settings.pitch), "higher" if settings.pitch > 0 else "lower"
        changes.append(f"the {lead} is {size:g} semitone{'s' * (size != 1)} {way}")
    if settings.tempo != 1:
        changes.append(f"it is spoken {settings.tempo:g} times as fast")
    if settings.noise > 0:
        snr = QUIETEST_NOISE - settings.noise
        changes.append(f"noise is {f'{snr:g} dB below' if snr else 'as loud as'} the {lead}")
    if settings.telephone:
        changes.append("it comes through a telephone")
    if settings.gain > 0 and settings.gain > max(0.0, _headroom(waveform, settings)):
        changes.append("the sound is as loud as it can be without clipping")
    elif settings.gain:
        louder = "louder" if settings.gain > 0 else "quieter"
        changes.append(f"the sound is {abs(settings.gain):g} dB {louder}")
    return changes


def _headroom(waveform: FloatArray, settings: LabSettings) -> float:
    """What the level may rise by, dB, after everything else that is changed in the sound."""
    from mer_core.media.effects import headroom
    from mer_core.serving.perturb import Changes, changed_sound

    snr = QUIETEST_NOISE - settings.noise if settings.noise > 0 else None
    before = Changes(
        snr_db=snr, pitch=settings.pitch, tempo=settings.tempo, telephone=settings.telephone
    )
    return headroom(changed_sound(waveform, before))


def modalities(clip: VisitorClip) -> tuple[Modality, Modality]:
    """What its model reads, the leading one first, whether the clip has it or not."""
    prediction = next(iter(clip.predictions.values()))
    lead, partner = (MODALITIES[name] for name in prediction.by_modality if name in MODALITIES)
    return lead, partner


def has_new_words(clip: VisitorClip, settings: LabSettings, reading: Any = None) -> bool:
    """Whether other words are in the text box than those of the clip, or of its other half."""
    return reads_words(clip) and settings.words.strip() != own_words(clip, reading)


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


def own_words(clip: VisitorClip, reading: Any = None) -> str:
    """The clip's words where they can be changed, or empty; those of `reading` if it is given."""
    return ((reading or clip.reading).text or "") if reads_words(clip) else ""


def categories_of(clip: VisitorClip) -> tuple[str, ...]:
    """Those that its model can assign, in the model's order."""
    return next((tuple(p.probabilities) for p in clip.predictions.values() if p.probabilities), ())
