"""The section "Contradiction lab" of the atlas: its controls, its cards, and their events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.panels import notes
from mer_core.demo.sections.lab_controls import Controls, build_controls
from mer_core.demo.sections.lab_events import CHOOSE, LabHandlers, LabUpdate
from mer_core.demo.sections.lab_settings import LabSettings

TITLE = "Contradiction lab"
ABOUT = (
    "Change one clip and compare what the model predicts under every strategy. Do the words or "
    "the voice decide? How much noise does it take to change the category? A dashed line on the "
    "maps leads from where the clip was to where it is."
)
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
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
        other: Dropdown of the clip that gives a half; likewise, by `lab_controls.other_choices`.
        version: State: a `LabVersion` or None; its `change` event is where a page redraws its
            stars.
        begin_after: Begins with clips of its own choice after an event of the page.
    """

    clip: gr.Dropdown
    other: gr.Dropdown
    version: gr.State
    begin_after: Callable[[Any], None]


def build_lab(
    handlers: LabHandlers,
    framework: Any,
    choices: Sequence[tuple[str, str]] = (),
    concurrency_id: str = "model",
) -> Lab:
    """Lay the section out where it is called and connect it.

    Args:
        handlers: What its events call.
        framework: Component that holds the framework's name.
        choices: (name, id) of the clips to begin with.
        concurrency_id: Queue in which its predictions wait; the model's, by default.
    """
    intro = f'<h2 class="at-title">{TITLE}</h2><p class="at-caption">{ABOUT}</p>'
    with gr.Column(elem_id="lab"):
        gr.HTML(intro, elem_id="lab-title", apply_default_css=False)
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300, elem_id="lab-controls"):
                clip, controls, reset = build_controls(choices)
            with gr.Column(scale=8, min_width=300):
                hint = gr.HTML(
                    notes.hint(CHOOSE), elem_id="lab-hint", apply_default_css=False, js_on_load=KEYS
                )
                cards = gr.HTML("", elem_id="lab-out", apply_default_css=False)
    # In the page, not in a state: it must say which opening the controls were set for when they
    # were sent, not when the event is handled.
    opening, version = gr.Textbox(visible=False), gr.State(None)
    parts = {
        "clip": clip, **vars(controls), "cards": cards, "hint": hint, "opening": opening,
        "version": version,
    }  # fmt: skip
    applying = _connect_controls(handlers, controls, parts, concurrency_id)
    # Queued, because a state changed outside the queue fires no change event. What is still being
    # predicted is cancelled, because it would arrive as the answer to another question.
    opens: dict[str, Any] = {
        "outputs": list(parts.values()), "cancels": [applying], "concurrency_limit": None, **QUIET,
    }  # fmt: skip
    open_clip, reset_clip = (by_component(f, parts) for f in (handlers.open, handlers.reset))
    clip.change(open_clip, [clip, version, framework], trigger_mode="always_last", **opens)
    reset.click(reset_clip, clip, **opens)
    begin = by_component(handlers.begin, parts)

    def begin_after(event: Any) -> None:
        event.then(begin, framework, list(parts.values()), concurrency_limit=None, **QUIET)

    return Lab(clip, controls.other, version, begin_after)


def _connect_controls(
    handlers: LabHandlers, controls: Controls, parts: dict[str, Any], concurrency_id: str
) -> Any:
    """Every control's event; `parts` are the components of a `LabUpdate`."""
    names = tuple(vars(controls))

    def apply(request: gr.Request, chosen: str | None, *values: Any) -> Iterator[LabUpdate]:
        *settings, opening, version = values
        named = dict(zip(names, settings, strict=True))
        swap = named.pop("swap")
        yield from handlers.apply(chosen, LabSettings.of(named), swap, opening, version, request)

    return gr.on(
        controls.events,
        by_component(apply, parts),
        [parts["clip"], *vars(controls).values(), parts["opening"], parts["version"]],
        [parts[name] for name in ("words", "swap", "cards", "hint", "version")],
        trigger_mode="always_last",
        concurrency_id=concurrency_id,
        **QUIET,
    )
