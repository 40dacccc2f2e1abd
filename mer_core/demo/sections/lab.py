"""The section "Contradiction lab" of the atlas: its controls, its cards, and their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.panels import notes
from mer_core.demo.sections.lab_events import CHOOSE, LabHandlers
from mer_core.demo.sections.lab_settings import CLIPS_INFO, QUIETEST_NOISE

GAINS = (-30, 20)  # dB
SENTENCES = (
    "I am so happy for you!",
    "That is the best news I have heard all year.",
    "Leave me alone, I hate this.",
    "How dare you talk to me like that.",
    "I miss her so much, nothing is the same.",
    "I lost everything and I can't stop crying.",
    "The meeting starts at nine on Tuesday.",
)
TITLE = "Contradiction lab"
ABOUT = (
    "Change one clip and compare what the model predicts under every strategy. Do the words or "
    "the voice decide? How much noise does it take to change the category?"
)
# Gradio's slider reports a drag when the pointer is released, but not the keys that move it.
KEYS = """
const moves = /^(Arrow|Page|Home|End)/;
document.addEventListener("keyup", (event) => {
  const range = event.target;
  if (range.type !== "range" || !range.closest("#lab-controls") || !moves.test(event.key)) return;
  range.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
});
"""


@dataclass(frozen=True)
class Lab:
    """What a page connects the section by.

    Attributes:
        clip: Dropdown whose choices (name, id) the page keeps up to date.
        version: State: a `LabVersion` or None; its `change` event is where a page redraws its
            stars.
    """

    clip: gr.Dropdown
    version: gr.State


@dataclass(frozen=True)
class Controls:
    """What changes a clip."""

    words: gr.Textbox
    swap: gr.Dropdown
    mute_lead: gr.Checkbox
    mute_partner: gr.Checkbox
    noise: gr.Slider
    gain: gr.Slider


def build_lab(
    handlers: LabHandlers,
    choices: Sequence[tuple[str, str]] = (),
    concurrency_id: str = "model",
) -> Lab:
    """Lay the section out where it is called and connect it.

    Args:
        handlers: What its events call.
        choices: (name, id) of the clips to begin with.
        concurrency_id: Queue in which its predictions wait; the model's, by default.
    """
    intro = f'<h2 class="at-title">{TITLE}</h2><p class="at-caption">{ABOUT}</p>'
    with gr.Column(elem_id="lab"):
        gr.HTML(intro, elem_id="lab-title", apply_default_css=False)
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300, elem_id="lab-controls"):
                clip, controls, reset = _controls(choices)
            with gr.Column(scale=8, min_width=300):
                hint = gr.HTML(
                    notes.hint(CHOOSE), elem_id="lab-hint", apply_default_css=False, js_on_load=KEYS
                )
                cards = gr.HTML("", elem_id="lab-out", apply_default_css=False)
    # In the page, not in a state: it must say which opening the controls were set for when they
    # were sent, not when the event is handled.
    opening, version = gr.Textbox(visible=False), gr.State(None)
    parts = {**vars(controls), "cards": cards, "hint": hint, "opening": opening, "version": version}
    _connect(handlers, clip, reset, controls, parts, concurrency_id)
    return Lab(clip, version)


def _controls(choices: Sequence[tuple[str, str]]) -> tuple[gr.Dropdown, Controls, gr.Button]:
    clip = gr.Dropdown(
        list(choices), value=None, label="Clip", info=CLIPS_INFO, elem_id="lab-clip",
        interactive=True,
    )  # fmt: skip
    words = gr.Textbox(
        "", label="Words", info="Press Enter to apply them.", max_lines=3, elem_id="lab-words",
        interactive=False,
    )  # fmt: skip
    swap = gr.Dropdown(
        list(SENTENCES), value=None, label="Or take other words", elem_id="lab-swap",
        interactive=False,
    )  # fmt: skip
    with gr.Row():
        mute_lead = gr.Checkbox(
            False, label="Mute the voice", interactive=False, min_width=120, elem_id="lab-mute-lead"
        )
        mute_partner = gr.Checkbox(
            False, label="Mute the words", interactive=False, min_width=120,
            elem_id="lab-mute-partner",
        )  # fmt: skip
    noise = gr.Slider(
        0, QUIETEST_NOISE, 0, step=1, label="Noise", elem_id="lab-noise", interactive=False,
        info=f"0 is off, {QUIETEST_NOISE} is as loud as the voice.", buttons=[],
    )  # fmt: skip
    gain = gr.Slider(
        *GAINS, 0, step=1, label="Loudness, dB", elem_id="lab-gain", interactive=False,
        info="0 is as recorded.", buttons=[],
    )  # fmt: skip
    reset = gr.Button("Reset", elem_id="lab-reset")
    return clip, Controls(words, swap, mute_lead, mute_partner, noise, gain), reset


def _connect(
    handlers: LabHandlers,
    clip: gr.Dropdown,
    reset: gr.Button,
    controls: Controls,
    parts: dict[str, Any],
    concurrency_id: str,
) -> None:
    """The section's events; `parts` are the components of a `LabUpdate`."""
    opening, version = parts["opening"], parts["version"]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    applying = gr.on(
        [controls.words.submit, controls.words.blur, controls.swap.input,
         controls.mute_lead.input, controls.mute_partner.input,
         controls.noise.release, controls.gain.release],
        by_component(handlers.apply, parts),
        [clip, *vars(controls).values(), opening, version],
        [parts[name] for name in ("words", "swap", "cards", "hint", "version")],
        trigger_mode="always_last",
        concurrency_id=concurrency_id,
        **quiet,
    )  # fmt: skip
    # Queued, because a state changed outside the queue fires no change event. What is still being
    # predicted is cancelled, because it would arrive as the answer to another question.
    opens: dict[str, Any] = {
        "outputs": list(parts.values()), "cancels": [applying], "concurrency_limit": None, **quiet,
    }  # fmt: skip
    open_clip, reset_clip = (by_component(f, parts) for f in (handlers.open, handlers.reset))
    clip.change(open_clip, [clip, version], trigger_mode="always_last", **opens)
    reset.click(reset_clip, clip, **opens)
