"""Shipped clips in the atlas: for the lab, judged once for everybody; for a visit, added to it."""

from __future__ import annotations

import threading
from collections import defaultdict

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import INTERNAL, Engine
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.examples import Example, load_examples
from mer_core.demo.session import EXAMPLE

INDEX = {"mgcma": "examples.json", "foal_net": "videos.json"}
GONE = "This clip is no longer here. Choose another one."


class ShippedClips:
    """Safe to use from many threads.

    Args:
        atlases: Maps, heads and visits.
        engine: The model, which reads the clips.
    """

    def __init__(self, atlases: Atlases, engine: Engine) -> None:
        self._atlases, self._engine = atlases, engine
        self._judged: dict[str, VisitorClip] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def choices(self, framework: str) -> list[tuple[str, str]]:
        """(name, id) of every one."""
        listed = enumerate(shipped(framework))
        return [(_name(example), f"{EXAMPLE}{framework} {i}") for i, example in listed]

    def find(self, chosen: str) -> VisitorClip:
        """The clip of an id.

        Raises:
            ValueError: There is none, or it cannot be judged now; in words for a visitor.
        """
        with self._locks[chosen]:  # what two ask for at once is judged once
            if chosen not in self._judged:
                self._judged[chosen] = self._score(chosen)  # or fails, and is tried again
            return self._judged[chosen]

    def add(self, framework: str, visit: str | None) -> None:
        """Put one on the maps of a visit, the next one each time that has a category."""
        if visit is None or self._atlases.trouble(framework):
            return  # the line below the clips says why
        examples, analysed = shipped(framework), self._atlases.visits.get(visit).analysed
        for offset in range(len(examples)):
            example = examples[(analysed + offset) % len(examples)]
            self._atlases.remember(visit, self._engine.examine(*inputs(framework, example)))
            if self._atlases.visits.get(visit).analysed > analysed:
                return

    def _score(self, chosen: str) -> VisitorClip:
        framework, number = chosen.removeprefix(EXAMPLE).split()
        examples = shipped(framework)
        if not int(number) < len(examples):
            raise ValueError(GONE)
        if trouble := self._atlases.trouble(framework):
            raise ValueError(trouble)
        example = examples[int(number)]
        examined = self._engine.examine(*inputs(framework, example))
        if examined.reading is None:
            raise ValueError(examined.prediction.message)
        predictions = self._atlases.score(framework, examined.reading)
        if not predictions:
            raise ValueError(self._atlases.trouble(framework) or INTERNAL)
        return VisitorClip(chosen, _name(example), framework, predictions, examined.reading)


def shipped(framework: str) -> list[Example]:
    """Those that a framework reads."""
    return load_examples(index=INDEX[framework])


def inputs(framework: str, example: Example) -> tuple[str | None, str | None, str | None]:
    """(audio, text, video)."""
    if framework == "foal_net":
        return None, None, str(example.clip)
    return str(example.clip), example.text, None


def _name(example: Example) -> str:
    return f"Example: {example.label}"
