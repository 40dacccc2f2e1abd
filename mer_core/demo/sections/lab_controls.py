"""The lab's controls: laid out, and at rest for a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.sections.lab_settings import (
    CLIPS_INFO,
    QUIETEST_NOISE,
    Half,
    categories_of,
    has_half,
    modalities,
    own_words,
    reads_words,
)
from mer_core.frameworks.descriptor import MODALITIES, Modality

GAINS = (-30, 20)  # dB
PITCHES = (-8, 8)  # semitones
TEMPOS = (0.6, 1.6)
NO_OTHER = ("No other clip", "")
NO_CLIP = (MODALITIES["speech"], MODALITIES["text"])  # what the controls name before one is open
SENTENCES = (
    "I am so happy for you!",
    "That is the best news I have heard all year.",
    "Leave me alone, I hate this.",
    "How dare you talk to me like that.",
    "I miss her so much, nothing is the same.",
    "I lost everything and I can't stop crying.",
    "The meeting starts at nine on Tuesday.",
)


class ControlsUpdate(TypedDict, total=False):
    """New values of the controls; those left out stay as they are."""

    clip: Any
    other: Any
    half: Any
    words: Any
    swap: Any
    mute_lead: Any
    mute_partner: Any
    pitch: Any
    tempo: Any
    noise: Any
    gain: Any
    telephone: Any
    categories: Any


@dataclass(frozen=True)
class Controls:
    """What changes a clip; all but `swap` are named as in `LabSettings`."""

    other: gr.Dropdown
    half: gr.Radio
    words: gr.Textbox
    swap: gr.Dropdown
    mute_lead: gr.Checkbox
    mute_partner: gr.Checkbox
    pitch: gr.Slider
    tempo: gr.Slider
    noise: gr.Slider
    gain: gr.Slider
    telephone: gr.Checkbox
    categories: gr.CheckboxGroup

    @property
    def events(self) -> list[Any]:
        """Each control's event that says that it was moved."""
        typed: list[Any] = [self.words.submit, self.words.blur]
        sliders = [self.pitch, self.tempo, self.noise, self.gain]
        others: list[Any] = [
            self.other, self.half, self.swap, self.mute_lead, self.mute_partner, self.telephone,
            self.categories,
        ]  # fmt: skip
        return [*typed, *(one.input for one in others), *(one.release for one in sliders)]


def build_controls(
    choices: Sequence[tuple[str, str]],
) -> tuple[gr.Dropdown, Controls, gr.Button]:
    """The clip's dropdown, the controls and the button "Reset", laid out where it is called."""
    off: dict[str, Any] = {"interactive": False}
    clip = gr.Dropdown(
        list(choices), value=None, label="Clip", info=CLIPS_INFO, elem_id="lab-clip",
        interactive=True,
    )  # fmt: skip
    other = gr.Dropdown(
        [NO_OTHER], value="", label="Swap a half with another clip", elem_id="lab-other", **off
    )
    half = gr.Radio(
        half_choices(*NO_CLIP), value=Half.LEAD.value,
        label="Take from it", elem_id="lab-half", **off,
    )  # fmt: skip
    words = gr.Textbox(
        "", label="Words", info="Press Enter to apply them.", max_lines=3, elem_id="lab-words",
        **off,
    )  # fmt: skip
    swap = gr.Dropdown(
        list(SENTENCES), value=None, label="Or take other words", elem_id="lab-swap", **off
    )
    pitch = _slider("pitch", PITCHES, 0, 1, "Pitch, semitones", "0 is as recorded.")
    tempo = _slider("tempo", TEMPOS, 1, 0.05, "Speed", "1 is as recorded; the pitch stays.")
    gain = _slider("gain", GAINS, 0, 1, "Loudness, dB", "0 is as recorded.")
    noise = _slider(
        "noise", (0, QUIETEST_NOISE), 0, 1, "Noise",
        f"0 is off, {QUIETEST_NOISE} is as loud as the voice.",
    )  # fmt: skip
    telephone = gr.Checkbox(
        False, label="Through a telephone", elem_id="lab-telephone", container=False, **off
    )
    with gr.Row():
        mute_lead = gr.Checkbox(
            False, label="Mute the voice", min_width=120, elem_id="lab-mute-lead", **off
        )
        mute_partner = gr.Checkbox(
            False, label="Mute the words", min_width=120, elem_id="lab-mute-partner", **off
        )
    categories = gr.CheckboxGroup(
        [], value=[], label="Categories that may be assigned", info="At least two.",
        elem_id="lab-categories", **off,
    )  # fmt: skip
    reset = gr.Button("Reset", elem_id="lab-reset")
    controls = Controls(
        other, half, words, swap, mute_lead, mute_partner, pitch, tempo, noise, gain, telephone,
        categories,
    )  # fmt: skip
    return clip, controls, reset


def controls_at_rest(
    clip: VisitorClip | None, choices: Sequence[tuple[str, str]] = ()
) -> ControlsUpdate:
    """The controls as this clip needs them; all off without a clip.

    Args:
        clip: That is open.
        choices: (name, id) of the clips that could give it a half.
    """
    if clip is None:
        lead, partner = NO_CLIP
        has_lead = has_partner = has_sound = False
        categories: tuple[str, ...] = ()
    else:
        lead, partner = modalities(clip)
        has_lead, has_partner = has_half(clip, lead), has_half(clip, partner)
        has_sound = clip.reading.waveform is not None
        categories = categories_of(clip)
    words: dict[str, Any] = {
        "visible": clip is None or reads_words(clip),
        "interactive": clip is not None,
    }
    sound: dict[str, Any] = {"interactive": has_sound}
    return {
        "other": gr.update(
            choices=other_choices(choices, str(clip.id) if clip else ""), value="",
            interactive=clip is not None,
        ),
        "half": gr.update(
            choices=half_choices(lead, partner), value=Half.LEAD.value,
            interactive=clip is not None,
        ),
        "words": gr.update(value=own_words(clip) if clip else "", **words),
        "swap": gr.update(value=None, **words),
        "mute_lead": gr.update(value=False, label=f"Mute the {lead.noun}", interactive=has_lead),
        "mute_partner": gr.update(
            value=False, label=f"Mute the {partner.noun}", interactive=has_partner
        ),
        "pitch": gr.update(value=0, **sound),
        "tempo": gr.update(value=1, **sound),
        "noise": gr.update(value=0, **sound),
        "gain": gr.update(value=0, **sound),
        "telephone": gr.update(value=False, **sound),
        "categories": gr.update(
            choices=[(name.capitalize(), name) for name in categories], value=list(categories),
            interactive=clip is not None,
        ),
    }  # fmt: skip


def other_choices(choices: Sequence[tuple[str, str]], clip_id: str) -> list[tuple[str, str]]:
    """(name, id) of the clips that could give a half to this one, none first."""
    return [NO_OTHER, *((name, id_) for name, id_ in choices if id_ != clip_id)]


def half_choices(lead: Modality, partner: Modality) -> list[tuple[str, str]]:
    """(title, value) of the halves that another clip of these modalities could give."""
    return [(f"Its {lead.noun}", Half.LEAD.value), (f"Its {partner.noun}", Half.PARTNER.value)]


def _slider(
    name: str, bounds: tuple[float, float], rest: float, step: float, label: str, info: str
) -> gr.Slider:
    return gr.Slider(
        *bounds, rest, step=step, label=label, elem_id=f"lab-{name}", interactive=False, info=info,
        buttons=[],
    )  # fmt: skip
