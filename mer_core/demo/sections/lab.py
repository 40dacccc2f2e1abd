"""Where the contradiction lab stands on the page: its controls, its answer, and their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.demo.panels import notes
from mer_core.demo.sections.lab_handlers import CHOOSE, LabHandlers
from mer_core.demo.sections.lab_knobs import LISTED, QUIETEST_NOISE

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
    "Change one clip and see what every strategy makes of it: do the words or the voice decide, "
    "and from which noise on?"
)
# Gradio's slider reports a drag when the pointer is let go, but not the keys that move it.
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
    """The section's parts that a page connects.

    Attributes:
        clip: Dropdown whose choices (name, id) the page keeps up to date.
        version: State: another string whenever the clip is changed otherwise; its `change` event
            is where a page redraws its stars.
    """

    clip: gr.Dropdown
    version: gr.State


def build_lab(
    handlers: LabHandlers,
    choices: Sequence[tuple[str, str]] = (),
    concurrency_id: str = "model",
) -> Lab:
    """Lay the section out where it is called and connect it.

    Args:
        handlers: What its events call.
        choices: (name, id) of the clips to begin with.
        concurrency_id: Queue that its judging waits in; the model's, by default.
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
    # What the controls were set for, sent along with them.
    owner, version = gr.Textbox(visible=False), gr.State("")
    _connect(handlers, clip, reset, controls, [cards, hint], owner, version, concurrency_id)
    return Lab(clip, version)


def _controls(
    choices: Sequence[tuple[str, str]],
) -> tuple[gr.Dropdown, list[Any], gr.Button]:
    clip = gr.Dropdown(
        list(choices), value=None, label="Clip", info=LISTED, elem_id="lab-clip", interactive=True
    )
    words = gr.Textbox(
        "", label="Words", info="Enter judges them.", max_lines=3, elem_id="lab-words",
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
    return clip, [words, swap, mute_lead, mute_partner, noise, gain], reset


def _connect(
    handlers: LabHandlers,
    clip: gr.Dropdown,
    reset: gr.Button,
    controls: Sequence[Any],
    answers: Sequence[gr.HTML],
    owner: gr.Textbox,
    version: gr.State,
    concurrency_id: str,
) -> None:
    words, swap, mute_lead, mute_partner, noise, gain = controls
    shared: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    applying = gr.on(
        [words.submit, words.blur, swap.input, mute_lead.input, mute_partner.input,
         noise.release, gain.release],
        handlers.apply,
        [clip, *controls, owner, version],
        [words, swap, *answers, version],
        trigger_mode="always_last",
        concurrency_id=concurrency_id,
        **shared,
    )  # fmt: skip
    # In the queue, for only there a changed state is told to who listens. What is still being
    # judged is no longer asked for, and would come back as the answer to another question.
    fresh: dict[str, Any] = {**shared, "cancels": [applying], "concurrency_limit": None}
    everything = [*controls, *answers, owner, version]
    clip.change(handlers.open, [clip, version], everything, trigger_mode="always_last", **fresh)
    reset.click(handlers.reset, clip, everything, **fresh)
