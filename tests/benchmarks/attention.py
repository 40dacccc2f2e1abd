"""Whether attention, and whether occlusion, points at what a clip's category rests on.

    python -m tests.benchmarks.attention --data DIR [--clips 100] [--split test] [--seed 0]
        [--of attention|occlusion]

Attention of words to moments: the share of a word's attention that is on the moment in which the
word was said (± 0.1 s), beside the same share after a permutation of the words,
of which the mean over all permutations is exact. Of voice and face: the share on the same moment of
the other one, beside a permutation of the moments. Where words were said is found by alignment with
RAVDESS' known sentences and the example clips' texts; nEMO's are judged in translation, which has
no times.

Occlusion: see `tests.benchmarks.deletion`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mer_core.checkpoints.shipped import ATLAS, EXAMPLES
from mer_core.data.corpora import load_corpus
from mer_core.data.nemo import english_sentences
from mer_core.data.ravdess import words as ravdess_words
from mer_core.emotions import FOUR
from mer_core.frameworks.descriptor import BEFORE
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.predictor import Predictor
from mer_core.serving.strategies import Strategies
from mer_core.serving.word_times import Moment, fits, moments
from mer_core.types import FloatArray, Prediction
from tests.benchmarks import deletion
from tests.benchmarks.clip_means import ClipMean, clip_mean
from train.evaluate.words import drawn

SHIPPED = "mgcma, shipped"
MARGIN = 0.1  # seconds around a word that count as its moment: transcribers err by as much


@dataclass(frozen=True)
class Clip:
    """A recording with the words that are said in it.

    Attributes:
        path: Of the recording.
        text: Its words, in English.
        unit: Its speaker, or an example of its own; the bootstrap draws units.
        label: Its emotion; empty where there is none.
        spoken: Whether the words were said as they are written.
    """

    path: Path
    text: str
    unit: str
    label: str = ""
    spoken: bool = True


@dataclass(frozen=True)
class Pointing:
    """How much of one clip's attention is where it would be if it followed the other half.

    Attributes:
        own: Share of a row's attention on its own moment, mean over the rows.
        permuted: The same, mean over all permutations of the rows.
        entropy: Of a row, as a share of an even row's, mean over the rows.
        correlation: Between two rows, mean over pairs.
    """

    own: float
    permuted: float
    entropy: float
    correlation: float


def main() -> None:
    """Measure and print a table for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--clips", type=int, default=100, help="of each corpus")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--of", choices=("attention", "occlusion"), help="one question only")
    options = parser.parse_args()
    predictor = Predictor.load(device="cpu")
    sets = {
        "example clips": list(examples()),
        "RAVDESS": ravdess(options.data, options.split, options.clips, options.seed),
        "nEMO": nemo(options.data, options.split, options.clips, options.seed),
    }
    if options.of != "occlusion":
        report(predictor, sets, options.seed)
    if options.of != "attention":
        deletion.report(predictor, sets, options.data, options.split, options.seed)


def report(predictor: Predictor, sets: Mapping[str, Sequence[Clip]], seed: int) -> None:
    """Print the table of attention."""
    heads = ("attention of", "clips", "n", "on its own", "permuted", "difference [95 %]")
    print(f"| {' | '.join((*heads, 'entropy', 'rows alike'))} |\n{'|---' * 8}|")
    for name in ("example clips", "RAVDESS"):
        for head, found in words_pointing(predictor, sets[name]).items():
            print(pointing_row(f"words, {head}", name, found, seed), flush=True)
    for direction, seen in videos_pointing(predictor).items():
        print(pointing_row(direction, "example videos", seen, seed), flush=True)
    print()


def examples() -> Iterator[Clip]:
    """The shipped recordings that come with their words."""
    for example in json.loads((EXAMPLES / "examples.json").read_text()):
        if example["text"]:
            yield Clip(EXAMPLES / example["file"], example["text"], example["file"])


def ravdess(root: Path, split: str, count: int, seed: int) -> list[Clip]:
    """Of the split's speakers, so many clips of the four categories, with what is said."""
    found = drawn(load_corpus("ravdess", root, split=split, labels=FOUR), count, seed)
    return [Clip(e.path, f"{ravdess_words(e.path)}.", e.group, e.emotion) for e in found if e.path]


def nemo(root: Path, split: str, count: int, seed: int) -> list[Clip]:
    """Likewise, with the English translation of what is said."""
    english = english_sentences()
    return [
        Clip(e.path, english[e.path.stem.split("_")[-1]], e.group, e.emotion, spoken=False)
        for e in drawn(load_corpus("nemo", root, split=split, labels=FOUR), count, seed)
        if e.path
    ]


def words_pointing(
    predictor: Predictor, clips: Sequence[Clip]
) -> dict[str, list[tuple[str, Pointing]]]:
    """Head → (unit, result) of each clip whose words have times; heads without attention fail."""
    strategies = Strategies.load(ATLAS / "mgcma", predictor.scorers["mgcma"])
    found: dict[str, list[tuple[str, Pointing]]] = {}
    for clip in clips:
        said = predictor.transcriber.align(clip.path, clip.text)
        inputs = predictor.read(clip.path, clip.text)
        assert isinstance(inputs, SpeechTextInputs)
        judged: dict[str, Prediction] = {SHIPPED: predictor.score(inputs)}
        judged |= {name: p for name, p in strategies.score(inputs).items() if name != BEFORE}
        for head, prediction in judged.items():
            attention = prediction.attention
            if attention is None or not fits(attention.words, said):
                continue
            when = moments(attention.words, said)
            timed = [(row, own) for row, own in zip(attention.weights, when, strict=True) if own]
            inside = [share_of_steps(attention.times, own) for _, own in timed]
            rows = np.array([row for row, _ in timed])
            found.setdefault(head, []).append((clip.unit, pointing(rows, np.array(inside))))
    return found


def videos_pointing(predictor: Predictor) -> dict[str, list[tuple[str, Pointing]]]:
    """Direction → (file, result) of each shipped video with a voice and a face."""
    found: dict[str, list[tuple[str, Pointing]]] = {}
    for example in json.loads((EXAMPLES / "videos.json").read_text()):
        crossing = predictor.predict(video=EXAMPLES / example["file"]).cross_attention
        if crossing is None:
            continue
        edges, seen = crossing.audio_times, crossing.video_times
        middles = (edges[:-1] + edges[1:]) / 2
        near = (np.abs(middles[:, None] - seen[None]) <= MARGIN + np.diff(edges)[:, None] / 2) * 1.0
        for direction, rows, inside in (
            ("voice to face", crossing.audio_to_video, near),
            ("face to voice", crossing.video_to_audio, near.T),
        ):
            timed = inside.any(axis=1)
            result = pointing(rows[timed], inside[timed])
            found.setdefault(direction, []).append((example["file"], result))
    return found


def pointing(rows: FloatArray, inside: NDArray[np.float64]) -> Pointing:
    """Of rows (R, T) of attention, with the share (R, T) of each step in each row's own moment."""
    on = rows.astype(np.float64) @ inside.T  # (R, R): of each row, on the moment of each
    uncertain = -(rows * np.log(np.maximum(rows, 1e-12))).sum(axis=1) / np.log(rows.shape[1])
    alike = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    return Pointing(
        float(np.trace(on) / len(rows)), float(on.mean()),
        float(uncertain.mean()), float(alike.mean()),
    )  # fmt: skip


def share_of_steps(edges: NDArray[np.floating], moment: Moment) -> NDArray[np.float64]:
    """(T,) share of each step, between its (T + 1,) edges, within a moment and its margins."""
    start, end = moment[0] - MARGIN, moment[1] + MARGIN
    steps = edges.astype(np.float64)
    overlap = np.minimum(steps[1:], end) - np.maximum(steps[:-1], start)
    return np.clip(overlap, 0.0, None) / np.maximum(np.diff(steps), 1e-9)


def pointing_row(what: str, where: str, found: Sequence[tuple[str, Pointing]], seed: int) -> str:
    """A row of the table."""
    units = [unit for unit, _ in found]
    results = [result for _, result in found]

    def mean(values: Sequence[float]) -> ClipMean:
        return clip_mean(values, units, seed)

    own, permuted = mean([r.own for r in results]), mean([r.permuted for r in results])
    difference = mean([r.own - r.permuted for r in results])
    rest = [np.mean([getattr(r, name) for r in results]) for name in ("entropy", "correlation")]
    return (
        f"| {what} | {where} | {len(found)} | {own.value:.4f} | {permuted.value:.4f} "
        f"| {difference:+.4f} | {rest[0]:.3f} | {rest[1]:.3f} |"
    )


if __name__ == "__main__":
    main()
