"""From an input to a result, on every page that analyses: progress, verdict, details, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.engine import INTERNAL, Analysis, Engine, RefusalKind, refusal, report
from mer_core.demo.panels import notes
from mer_core.demo.panels.summary import summary
from mer_core.demo.services.background import LoadState
from mer_core.serving.rows import to_row
from mer_core.types import Prediction


class ResultUpdate(TypedDict, total=False):
    """New HTML of the result's two parts."""

    verdict: str
    details: str


@dataclass(frozen=True)
class Renderers:
    """How a page draws a prediction.

    Attributes:
        verdict: Beside the inputs.
        details: Below them, over the full width.
    """

    verdict: Callable[[Prediction], str]
    details: Callable[[Prediction], str]


def result_steps(
    engine: Engine,
    analyse: Callable[[], Analysis],
    renderers: Renderers,
    afterwards: Callable[[Analysis], None],
) -> Iterator[ResultUpdate]:
    """First a sign of progress, then the result.

    What is done `afterwards` does not delay the result, and its failure does not touch it.
    """
    ready = engine.state is LoadState.READY
    yield {"verdict": notes.working("Analysing…" if ready else engine.status())}
    analysis = analyse()
    prediction = analysis.prediction
    try:
        yield {"verdict": renderers.verdict(prediction), "details": renderers.details(prediction)}
    except Exception as error:  # a visitor gets a sentence, never a trace
        report(error)
        failed = refusal(RefusalKind.INTERNAL, INTERNAL)
        yield {"verdict": renderers.verdict(failed), "details": ""}
        return
    try:
        afterwards(analysis)
    except Exception as error:
        report(error)


def as_json(prediction: Prediction) -> dict[str, Any]:
    """The fields of the command line's `--json`, and a sentence that sums them up."""
    row = to_row(None, prediction) | {"sentence": summary(prediction)}
    del row["file"]  # a name on the server's disk means nothing to the caller
    return row


def result_events(
    triggers: Sequence[Any],
    examples: Any,
    show: Callable[..., Iterator[ResultUpdate]],
    inputs: list[Any],
    results: dict[str, gr.HTML],
) -> None:
    """Show a result when a trigger fires and when an example has filled the inputs.

    Of several requests during an analysis, the last is analysed too: otherwise the page would show
    one clip and the result of another.
    """
    event: dict[str, Any] = {
        "fn": by_component(show, results),
        "inputs": inputs,
        "outputs": list(results.values()),
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_id": "model",
        "trigger_mode": "always_last",
    }
    gr.on(list(triggers), **event)
    if examples is not None:
        examples.load_input_event.then(**event)
