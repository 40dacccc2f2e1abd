"""Example clips in the atlas: for the lab, judged once for everybody; for a visit, added to it."""

from __future__ import annotations

import threading
from collections import defaultdict

from mer_core.atlas.clip_id import ClipId, Origin
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import INTERNAL, Analysis, Engine
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.examples import Example, load_examples
from mer_core.frameworks.descriptor import DESCRIPTORS

GONE = "This clip is no longer here. Choose another one."


class ShippedClips:
    """Safe to use from many threads.

    Args:
        atlases: Maps, heads and visits.
        engine: The model, which reads the clips.
    """

    def __init__(self, atlases: Atlases, engine: Engine) -> None:
        self._atlases, self._engine = atlases, engine
        self._judged: dict[ClipId, VisitorClip] = {}
        self._locks: defaultdict[ClipId, threading.Lock] = defaultdict(threading.Lock)

    def choices(self, framework: str) -> list[tuple[str, ClipId]]:
        """(name, id) of every one."""
        return [
            (clip_name(example), example_id(framework, example)) for example in examples(framework)
        ]

    def find(self, chosen: ClipId) -> VisitorClip:
        """The clip of an id.

        Raises:
            ValueError: There is none, or it cannot be judged now; in words for a visitor.
        """
        with self._locks[chosen]:  # what two visitors ask for at once is judged once
            if chosen not in self._judged:
                self._judged[chosen] = self._score(chosen)  # after an error, tried again
            return self._judged[chosen]

    def add(self, framework: str, visit: str | None) -> None:
        """Put one on the maps of a visit: each time the next one that gets a category."""
        if visit is None or self._atlases.problem(framework):
            return  # the line below the clips says why
        clips, analysed = examples(framework), self._atlases.visits.get(visit).analysed
        for offset in range(len(clips)):
            example = clips[(analysed + offset) % len(clips)]
            self._atlases.remember(visit, self._analyse(framework, example))
            if self._atlases.visits.get(visit).analysed > analysed:
                return

    def _analyse(self, framework: str, example: Example) -> Analysis:
        return self._engine.analyse(**example.inputs(DESCRIPTORS[framework]))

    def _score(self, chosen: ClipId) -> VisitorClip:
        framework = chosen.framework
        example = next((e for e in examples(framework) if example_id(framework, e) == chosen), None)
        if example is None:
            raise ValueError(GONE)
        if problem := self._atlases.problem(framework):
            raise ValueError(problem)
        analysis = self._analyse(framework, example)
        if analysis.inputs is None:
            raise ValueError(analysis.prediction.message)
        predictions, encoded = self._atlases.judge(framework, analysis.inputs, [analysis.encoded])
        if not predictions:
            raise ValueError(self._atlases.problem(framework) or INTERNAL)
        name, inputs = clip_name(example), analysis.inputs
        return VisitorClip(chosen, name, framework, predictions, inputs, encoded=encoded)


def examples(framework: str) -> list[Example]:
    """Those that a framework can read."""
    if framework not in DESCRIPTORS:
        return []
    return load_examples(index=DESCRIPTORS[framework].examples)


def example_id(framework: str, example: Example) -> ClipId:
    """The id of an example on a framework's maps."""
    return ClipId(Origin.EXAMPLE, framework, example.path.stem)


def clip_name(example: Example) -> str:
    """An example's name for people."""
    return f"Example: {example.label}"
