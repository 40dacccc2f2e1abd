"""What every evaluation shares: its protocol in words, and its temperatures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mer_core.data.corpora import STILLS, transcribed
from mer_core.metrics.calibration import fit_temperature
from train.config import Experiment, SourceConfig
from train.data.pairs import SetName, pairing_sentence

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Labelled = tuple[Floats, Labels]  # logits (N, C), labels (N,)


def protocol(
    experiment: Experiment,
    seed: int,
    labels: Sequence[str],
    sets: Iterable[SetName] = (),
    split: str = "test",
) -> dict[str, Any]:
    """What the figures mean; of pairs, if there are `sets` of them."""
    words: dict[str, Any] = {
        "experiment": experiment.name,
        "training_seed": experiment.seed,
        "evaluation_seed": seed,
        "split": f"{split}; temperatures and every choice from the development split",
        "labels": list(labels),
    }
    if names := list(sets):
        words["pairing"] = pairing_sentence(names)
    words["interval"] = (
        "95 % bootstrap over speakers (clips, pairs), writers, dialogues or pictures"
    )
    if "speech" in experiment.sources:
        words["reading"] = (
            "as a visitor's recording: clips in which the speech detector hears no speech have no "
            "answer; they count as wrong, except in the ECE, and their share is `refused`"
        )
    heard = {c for s in experiment.sources.values() for c in s.corpora if transcribed(c)}
    if heard:
        words["words"] = (
            f"of {', '.join(sorted(heard))} as a speech-to-text model wrote them down, not people"
        )
    if "video" in experiment.sources:
        words["video"] = _seen(experiment.sources["video"])
    return words


def _seen(source: SourceConfig) -> str:
    """What a clip of a source of video is, in words."""
    stills = [corpus for corpus in source.corpora if corpus in STILLS]
    films = [corpus for corpus in source.corpora if corpus not in STILLS]
    still = f"a clip is {source.frames} drifting crops of one picture: no facial motion"
    what = "the followed face" if source.picture == "face" else "the whole picture"
    film = f"a clip is up to {source.frames} frames of {what} of a film, evenly spaced"
    if not films:
        return still
    return f"{film} ({', '.join(films)}); {still} ({', '.join(stills)})" if stills else film


def common_temperature(parts: Sequence[Labelled]) -> float:
    """One temperature for several sets of logits and labels; smaller sets are repeated.

    Rows without an answer (NaN) are left out.
    """
    parts = [part for one in parts if len((part := _answered(*one))[1])]
    if not parts:
        return 1.0
    size = max(len(labels) for _, labels in parts)
    rows = [np.arange(size) % len(labels) for _, labels in parts]
    logits = np.concatenate([part[i] for (part, _), i in zip(parts, rows, strict=True)])
    labels = np.concatenate([part[i] for (_, part), i in zip(parts, rows, strict=True)])
    return fit_temperature(logits, labels)


def _answered(logits: Floats, labels: Labels) -> Labelled:
    answered = ~np.isnan(logits).any(axis=1)
    return logits[answered], labels[answered]


def common_temperatures(parts: Iterable[tuple[str, Labelled]]) -> dict[str, float]:
    """Condition → T, every set of a condition counting equally."""
    by_condition: dict[str, list[Labelled]] = {}
    for condition, part in parts:
        by_condition.setdefault(condition, []).append(part)
    return {condition: common_temperature(group) for condition, group in by_condition.items()}
