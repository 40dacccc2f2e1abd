"""Names become components, whatever kind of function a handler is."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr
import pytest

from mer_core.demo.components.named_outputs import by_component
from tests.demo.coroutines import finished

PARTS = {"first": "component 1", "second": "component 2"}


def test_a_function_answers_with_components_and_leaves_out_the_rest() -> None:
    assert by_component(lambda value: {"second": value}, PARTS)(3) == {"component 2": 3}
    assert by_component(dict, PARTS)() == gr.skip()


def test_a_generator_is_renamed_step_by_step_and_closed() -> None:
    ended = []

    def handler(count: int) -> Iterator[dict[str, Any]]:
        try:
            for number in range(count):
                yield {"first": number}
        finally:
            ended.append(count)

    wrapped = by_component(handler, PARTS)
    assert inspect.isgeneratorfunction(wrapped)
    assert list(wrapped(2)) == [{"component 1": 0}, {"component 1": 1}]
    running = wrapped(3)
    next(running)
    running.close()
    assert ended == [2, 3]


def test_an_asynchronous_generator_too() -> None:
    async def handler() -> AsyncIterator[dict[str, Any]]:
        yield {"first": 1}
        yield {}

    wrapped = by_component(handler, PARTS)
    assert inspect.isasyncgenfunction(wrapped)

    async def collected() -> list[Any]:
        return [values async for values in wrapped()]

    assert finished(collected()) == [{"component 1": 1}, gr.skip()]


def test_gradio_still_sees_the_name_and_the_parameters() -> None:
    class Handlers:
        def show(self, value: str, request: gr.Request) -> dict[str, Any]:
            """Doc."""
            return {}

    wrapped = by_component(Handlers().show, PARTS)
    assert (wrapped.__name__, wrapped.__doc__) == ("show", "Doc.")
    assert list(inspect.signature(wrapped).parameters) == ["value", "request"]


def test_an_unknown_name_is_our_mistake() -> None:
    with pytest.raises(KeyError, match="third"):
        by_component(lambda: {"third": 1}, PARTS)()
