"""Pieces that more than one page is made of: the way to a result, its JSON, the examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.demo.engine import INTERNAL, Engine, Examined, refusal, report
from mer_core.demo.panels import notes
from mer_core.demo.panels.summary import summary
from mer_core.demo.services.examples import Example
from mer_core.serving.rows import to_row
from mer_core.types import Prediction


@dataclass(frozen=True)
class Renderers:
    """How a page draws a prediction.

    Attributes:
        verdict: Beside the inputs.
        details: Below them, over the full width.
    """

    verdict: Callable[[Prediction], str]
    details: Callable[[Prediction], str]


def answered(
    engine: Engine,
    ask: Callable[[], Examined],
    renderers: Renderers,
    afterwards: Callable[[Examined], None],
) -> Iterator[tuple[str, Any]]:
    """First that it is being worked on, then the result.

    What is done `afterwards` does not delay the result, and its failure does not touch it.
    """
    waiting = "Analysing…" if engine.state == "ready" else engine.sentence()
    yield notes.working(waiting), gr.skip()
    examined = ask()
    try:
        yield renderers.verdict(examined.prediction), renderers.details(examined.prediction)
    except Exception as error:  # a visitor gets a sentence, never a trace
        report(error)
        yield renderers.verdict(refusal("internal", INTERNAL)), ""
        return
    try:
        afterwards(examined)
    except Exception as error:
        report(error)


def as_json(prediction: Prediction) -> dict[str, Any]:
    """The fields of the command line's `--json`, and a sentence that sums them up."""
    row = to_row(None, prediction) | {"sentence": summary(prediction)}
    del row["file"]  # a name on the server's disk means nothing to the caller
    return row


def result_events(
    triggers: Sequence[Any], examples: Any, fn: Any, inputs: list[Any], results: list[Any]
) -> None:
    """Compute a result when a trigger fires and when an example has filled the inputs.

    Of what is asked for while a result is under way, the last is answered too: otherwise the page
    would show one clip and the result of another.
    """
    shared: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "model"}
    shared |= {"fn": fn, "inputs": inputs, "outputs": results, "show_progress": "hidden"}
    shared["trigger_mode"] = "always_last"
    gr.on(list(triggers), **shared)
    if examples is not None:
        examples.load_input_event.then(**shared)


def examples_gallery(
    examples: list[Example], rows: list[list[str]], inputs: list[Any], label: str
) -> Any:
    """Clips that we made ourselves, one button each, or None where they are not installed."""
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
    """Where `page.js` says why a camera or a microphone could not be opened."""
    gr.HTML('<p id="device-note" role="alert"></p>', elem_id="device", apply_default_css=False)
