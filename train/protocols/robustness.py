"""How recognition of speech alone holds up under noise, rooms, microphones, codecs and lengths.

Test clips go through `Predictor`, as a visitor's do: a clip in which no speech is heard counts as
wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from mer_core.checkpoints.checkpoint import write_json
from mer_core.data import Example, load_corpus
from mer_core.media.effects import add_noise, through_telephone
from mer_core.metrics.recognition import recognition_report
from mer_core.serving.predictor import Predictor
from mer_core.types import SAMPLE_RATE, FloatArray
from train.data.augment import add_room, change_gain, clip_peaks, coloured_noise, through_opus
from train.data.recordings import Recordings
from train.evaluate.tables import refusals

CLEAN = "clean"
SHORT_SECONDS, LONG_SECONDS, PAUSE_SECONDS = 2.0, 20.0, 0.5
PINK = 0.5  # slope of the noise's amplitude: between white and brown

Change = Callable[[FloatArray, np.random.Generator], FloatArray]


def _noise(decibels: float) -> Change:
    return lambda wave, generator: add_noise(
        wave, coloured_noise(len(wave), PINK, generator), decibels
    )


# Condition → change of one clip. Clips of 20 s are joined from several, see `joined`.
CHANGES: dict[str, Change] = {
    CLEAN: lambda wave, _: wave,
    "noise 20 dB": _noise(20.0),
    "noise 10 dB": _noise(10.0),
    "noise 0 dB": _noise(0.0),
    "telephone": lambda wave, _: through_telephone(wave),
    "gain +12 dB": lambda wave, _: change_gain(wave, 12.0),
    "gain -12 dB": lambda wave, _: change_gain(wave, -12.0),
    "clipping 12 dB": lambda wave, _: clip_peaks(wave, 12.0),
    "echo": lambda wave, generator: add_room(wave, 0.6, 0.0, generator),
    "Opus 16 kb/s": lambda wave, _: through_opus(wave, 16_000),
    "2 s": lambda wave, _: middle(wave, SHORT_SECONDS),
}
LONG = "20 s"


def robustness(
    model: Path | None, root: Path, corpora: Sequence[str], out: Path, cache: Path | None = None
) -> dict[str, Any]:
    """Figures of every condition on the test clips of some corpora.

    Writes `robustness.json`, `.md` and `.png` to `out`.

    Args:
        model: A checkpoint; None is the shipped one.
        root: Folder of the corpora.
        corpora: Names in `CORPORA`, of speech.
        out: Made if missing.
        cache: Folder for decoded clips.
    """
    predictor = Predictor.load(model, device="cpu")
    rows: dict[str, dict[str, Any]] = {}
    for corpus in corpora:
        examples = load_corpus(corpus, root, split="test", labels=predictor.labels)
        clips = [example for example in examples if example.path]
        rows[corpus] = measure(predictor, clips, Recordings(clips, cache))
    result = {"labels": list(predictor.labels), "corpora": rows}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "robustness.json", result)
    (out / "robustness.md").write_text(robustness_table(result) + "\n", "utf-8")
    save_curves(result, out / "robustness.png")
    return result


def measure(
    predictor: Predictor, clips: Sequence[Example], recordings: Recordings
) -> dict[str, Any]:
    """Condition → report, with its difference of UA to clean clips."""
    waves = [recordings.waveform(clip.path) for clip in clips if clip.path]
    reports: dict[str, Any] = {}
    for name, change in CHANGES.items():
        changed = [change(wave, _generator(name, wave)) for wave in waves]
        reports[name] = _report(predictor, clips, changed)
        print(f"{name}: UA {reports[name]['unweighted_accuracy']:.3f}", flush=True)
    reports[LONG] = _report(predictor, clips, joined(clips, waves))
    clean = reports[CLEAN]["unweighted_accuracy"]
    for report in reports.values():
        report["difference"] = report["unweighted_accuracy"] - clean
    return reports


def middle(waveform: FloatArray, seconds: float) -> FloatArray:
    """The middle of a clip, or all of a shorter one."""
    samples = round(seconds * SAMPLE_RATE)
    start = max(0, (len(waveform) - samples) // 2)
    return waveform[start : start + samples]


def joined(clips: Sequence[Example], waves: Sequence[FloatArray]) -> list[FloatArray]:
    """Each clip, followed by others of its speaker and label, in turn, up to `LONG_SECONDS`.

    A pause separates them; a clip is repeated where there are too few.
    """
    alike: dict[tuple[str, str], list[int]] = {}
    for i, clip in enumerate(clips):
        alike.setdefault((clip.group, clip.emotion), []).append(i)
    pause = np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE), np.float32)
    samples = round(LONG_SECONDS * SAMPLE_RATE)
    long = []
    for i, clip in enumerate(clips):
        own = alike[clip.group, clip.emotion]
        parts: list[FloatArray] = []
        position = own.index(i)
        while sum(map(len, parts)) < samples:
            parts += [waves[own[position % len(own)]], pause]
            position += 1
        long.append(np.concatenate(parts)[:samples])
    return long


def _generator(condition: str, waveform: FloatArray) -> np.random.Generator:
    """The same numbers for the same clip and condition, whatever else is measured."""
    key = hashlib.sha256(condition.encode() + waveform.tobytes()).digest()
    return np.random.default_rng(list(key))


def _report(
    predictor: Predictor, clips: Sequence[Example], waves: Sequence[FloatArray]
) -> dict[str, Any]:
    predictions = predictor.predict_many([{"audio": (wave, SAMPLE_RATE)} for wave in waves])
    scores = np.full((len(clips), len(predictor.labels)), np.nan)
    for row, prediction in zip(scores, predictions, strict=True):
        if prediction.probabilities:
            row[:] = [np.log(prediction.probabilities[name] + 1e-12) for name in predictor.labels]
    labels = [predictor.labels.index(clip.emotion) for clip in clips]
    return recognition_report(
        labels, scores, predictor.labels, groups=[clip.group for clip in clips]
    )


def robustness_table(result: Mapping[str, Any]) -> str:
    """A Markdown row for each condition, with UA, its difference and refusals by corpus."""
    corpora = list(result["corpora"])
    heads = [f"{c}: UA | difference | refused" for c in corpora]
    lines = [f"| condition | {' | '.join(heads)} |", "|---" * (1 + 3 * len(corpora)) + "|"]
    for name in result["corpora"][corpora[0]]:
        cells = []
        for corpus in corpora:
            row = result["corpora"][corpus][name]
            cells += [
                f"{row['unweighted_accuracy']:.3f}", f"{row['difference']:+.3f}", refusals(row)
            ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def save_curves(result: Mapping[str, Any], picture: Path) -> None:
    """Draw the UA of every condition, a line for each corpus, as PNG."""
    figure, axis = plt.subplots(figsize=(9, 4), layout="constrained")
    for corpus, rows in result["corpora"].items():
        values = [row["unweighted_accuracy"] for row in rows.values()]
        axis.plot(range(len(rows)), values, marker="o", label=corpus)
        axis.set_xticks(range(len(rows)), list(rows), rotation=35, ha="right")
    axis.axhline(1 / len(result["labels"]), color="grey", linestyle=":", label="chance")
    axis.set(ylabel="UA", ylim=(0, 1), title="Speech alone, test speakers")
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
    figure.savefig(picture, dpi=110)
    plt.close(figure)
