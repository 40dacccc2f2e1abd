"""Time of the lab's answers for all strategies, beside judging the changed clip from the start.

    python -m tests.benchmarks.lab [--threads 2] [--repeats 10]

An answer is what a change of one control costs the server: reading the change, encoding the half
that it concerns, every strategy's head, the cards, and the star's place on every map. The baseline
encodes both halves and scores them with every head, and draws and places nothing. Clips: for each
framework, the examples that the lab may begin with.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from mer_core.atlas.visitor import VisitorClip, stars
from mer_core.demo.engine import Engine
from mer_core.demo.sections.lab_judging import LabJudge
from mer_core.demo.sections.lab_settings import Half, LabSettings, own_words, reads_words
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.openings import LONGEST
from mer_core.demo.services.shipped_clips import ShippedClips
from mer_core.demo.session import Visits
from mer_core.serving.predictor import Predictor
from mer_core.types import SAMPLE_RATE
from tests.benchmarks.timing import alternating

WORDS = "Leave me alone, I hate this."


def main() -> None:
    """Measure every change of every clip, alternating, and print a row for each kind of change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    engine = Engine(Predictor.load)
    engine.start()
    atlases = Atlases(engine, Visits())
    shipped = ShippedClips(atlases, engine)
    print("| framework, strategies | change | p50, ms | p95, ms | ratio to the baseline |")
    print("|---|---|---|---|---|")
    for framework in atlases.frameworks:
        heads = atlases.strategies(framework)
        assert heads is not None
        clips = [shipped.find(clip_id) for _, clip_id in shipped.choices(framework)]
        clips = [clip for clip in clips if len(clip.modalities) == 2 and _seconds(clip) <= LONGEST]
        measured = _measured(atlases, framework, clips, options.repeats)
        base = float(np.median(measured.pop("baseline")))
        for change, seconds in measured.items():
            middle, high = np.percentile(seconds, [50, 95])
            print(
                f"| {framework}, {len(heads.names)} | {change} | {middle * 1e3:.0f} "
                f"| {high * 1e3:.0f} | {middle / base:.2f} |"
            )
        print(f"| {framework}, {len(heads.names)} | baseline | {base * 1e3:.0f} | – | 1.00 |")


def _measured(
    atlases: Atlases, framework: str, clips: list[VisitorClip], repeats: int
) -> dict[str, list[float]]:
    """Kind of change → seconds of all clips and repeats."""
    judge, heads = LabJudge(atlases.judge, atlases.reader, {}), atlases.strategies(framework)
    assert heads is not None
    seconds: dict[str, list[float]] = {}
    for clip, other in zip(clips, [*clips[1:], clips[0]], strict=True):
        functions: dict[str, Callable[[], Any]] = {
            change: partial(_answer, judge, atlases, clip, settings, other)
            for change, settings in _changes(clip, other).items()
        }
        functions["baseline"] = partial(heads.score, clip.reading)
        for name, times in alternating(functions, repeats).items():
            seconds.setdefault(name, []).extend(times)
    return seconds


def _changes(clip: VisitorClip, other: VisitorClip) -> dict[str, LabSettings]:
    """One control moved at a time."""
    words = own_words(clip)
    changes = {
        "pitch": LabSettings(words, pitch=2.0),
        "speed": LabSettings(words, tempo=1.2),
        "telephone": LabSettings(words, telephone=True),
        "the other half of another clip": LabSettings(
            own_words(clip, other.reading), other=str(other.id), half=Half.PARTNER
        ),
    }
    return {"words": LabSettings(WORDS), **changes} if reads_words(clip) else changes


def _answer(
    judge: LabJudge,
    atlases: Atlases,
    clip: VisitorClip,
    settings: LabSettings,
    other: VisitorClip,
) -> None:
    answer = judge.answer(clip, settings, other)
    if answer.clip is None:
        raise RuntimeError(f"{clip.name}: {answer.summary or answer.html}")
    stars(atlases.atlas(clip.framework), [answer.clip])


def _seconds(clip: VisitorClip) -> float:
    waveform = clip.reading.waveform
    return 0.0 if waveform is None else len(waveform) / SAMPLE_RATE


if __name__ == "__main__":
    main()
