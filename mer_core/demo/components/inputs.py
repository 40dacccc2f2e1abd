"""Parts of the input column that the recording pages share: example clips, device messages."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.demo.services.examples import Example


def examples_gallery(
    examples: list[Example], rows: list[list[str]], inputs: list[Any], label: str
) -> Any:
    """Clips that come with the demo, one button each, or None where they are not installed.

    Args:
        examples: The clips.
        rows: Of each, the values of `inputs`.
        inputs: Components that a button fills.
        label: Above the buttons.
    """
    if not examples:
        return None
    gr.set_static_paths([EXAMPLES])
    with gr.Column(elem_id="examples"):
        return gr.Examples(
            rows,
            inputs=inputs,
            example_labels=[example.label for example in examples],
            label=label,
            api_visibility="private",
        )


def device_note() -> None:
    """Where `page.js` explains why a camera or a microphone could not be opened."""
    gr.HTML('<p id="device-note" role="alert"></p>', elem_id="device", apply_default_css=False)
