"""From an input to a result, on every page that analyses: progress, verdict, details, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.demo.components.named_outputs import by_component
from mer_core.demo.engine import INTERNAL, Analysis, Engine, RefusalKind, refusal, report
from mer_core.demo.panels import notes
from mer_core.demo.panels.summary import summary
from mer_core.demo.services.background import LoadState
from mer_core.serving.rows import to_row
from mer_core.types import Prediction

Update = Mapping[str, Any]  # names of a page's parts → new values; those left out stay


def nothing_more(prediction: Prediction) -> Update:
    """The result changes no other part of the page."""
    return {}


def not_stored(analysis: Analysis) -> None:
    """The result does not go to the atlas."""


def not_explained(analysis: Analysis) -> Analysis:
    """The result, as it is."""
    return analysis


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
    accompany: Callable[[Prediction], Update] = nothing_more,
    explain: Callable[[Analysis], Analysis] = not_explained,
) -> Iterator[Update]:
    """First a sign of progress, then the result, then what it rests on.

    Args:
        engine: The model.
        analyse: What takes time.
        renderers: Of the result.
        afterwards: Done without delaying the result; its failure does not touch it.
        accompany: What else changes with the result.
        explain: Adds to the result what takes time, without delaying it; see `Engine.explain`.
    """
    ready = engine.state is LoadState.READY
    yield {"verdict": notes.working("Analysing…" if ready else engine.status())}
    yield from result(analyse(), renderers, afterwards, accompany, explain)


def result(
    analysis: Analysis,
    renderers: Renderers,
    afterwards: Callable[[Analysis], None],
    accompany: Callable[[Prediction], Update] = nothing_more,
    explain: Callable[[Analysis], Analysis] = not_explained,
) -> Iterator[Update]:
    """The second half of `result_steps`."""
    prediction = analysis.prediction
    try:
        drawn = {
            "verdict": renderers.verdict(prediction), "details": renderers.details(prediction)
        }  # fmt: skip
        yield {**drawn, **accompany(prediction)}
    except Exception as error:  # a visitor gets a sentence, never a trace
        report(error)
        failed = refusal(RefusalKind.INTERNAL, INTERNAL)
        yield {"verdict": renderers.verdict(failed), "details": ""}
        return
    try:
        explained = explain(analysis)
        if explained is not analysis:
            yield {"details": renderers.details(explained.prediction)}
        afterwards(analysis)
    except Exception as error:  # the result stands
        report(error)


def as_json(prediction: Prediction) -> dict[str, Any]:
    """The fields of the command line's `--json`, and a sentence that sums them up."""
    row = to_row(None, prediction) | {"sentence": summary(prediction)}
    del row["file"]  # a name on the server's disk means nothing to the caller
    return row


def result_events(
    triggers: Sequence[Any],
    examples: Any,
    show: Callable[..., Iterator[Update]],
    inputs: list[Any],
    parts: Mapping[str, Any],
) -> list[Any]:
    """Show a result when a trigger fires and when an example has filled the inputs.

    Of several requests during an analysis, the last is analysed too: otherwise the page would show
    one clip and the result of another.

    Args:
        triggers: Events.
        examples: The gallery, or None.
        show: Judges the inputs.
        inputs: Components.
        parts: What `show` changes, by name.

    Returns:
        The events, for what follows them.
    """
    event: dict[str, Any] = {
        "fn": by_component(show, parts),
        "inputs": inputs,
        "outputs": list(parts.values()),
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_id": "model",
        "trigger_mode": "always_last",
    }
    events = [gr.on(list(triggers), **event)]
    if examples is not None:
        events.append(examples.load_input_event.then(**event))
    return events


def endpoint(
    handler: Callable[..., dict[str, Any]],
    inputs: list[Any],
    name: str,
    label: str,
    concurrency_id: str,
) -> None:
    """A public endpoint that answers in JSON.

    Args:
        handler: Its docstring is the endpoint's description.
        inputs: Components, one an argument.
        name: In the address.
        label: Of the answer.
        concurrency_id: What it shares its turn with.
    """
    gr.Button(visible=False).click(
        handler, inputs, gr.JSON(visible=False, label=label),
        api_name=name, concurrency_id=concurrency_id,
    )  # fmt: skip
