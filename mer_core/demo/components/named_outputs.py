"""Handlers name what they change; this is the one place where names become gradio components."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import aclosing, closing
from typing import Any

import gradio as gr


def by_component(handler: Callable[..., Any], components: Mapping[str, Any]) -> Callable[..., Any]:
    """`handler` as gradio calls it: a component → value dictionary in place of name → value.

    What a handler does not name stays as it is.

    Args:
        handler: Returns a dictionary of names, or yields several, also asynchronously.
        components: Name → component, all among the outputs of the event.
    """

    def renamed(values: Mapping[str, Any]) -> Any:
        return {components[name]: value for name, value in values.items()} or gr.skip()

    # `wraps` keeps the name and the signature, by which gradio hands over requests and event data.
    if inspect.isasyncgenfunction(handler):

        @functools.wraps(handler)
        async def stream(*arguments: Any) -> Any:
            async with aclosing(handler(*arguments)) as updates:
                async for values in updates:
                    yield renamed(values)

        return stream
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def steps(*arguments: Any) -> Any:
            with closing(handler(*arguments)) as updates:
                for values in updates:
                    yield renamed(values)

        return steps

    @functools.wraps(handler)
    def call(*arguments: Any) -> Any:
        return renamed(handler(*arguments))

    return call
