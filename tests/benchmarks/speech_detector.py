"""How many recordings of speech are refused, and how many sounds without speech are accepted.

    python -m tests.benchmarks.speech_detector --data DIR [--clips N] [--altered N] [--other DIR]

Compares the detector with Silero alone, which is its first reading: "no speech" for real clips by
split, at most `--clips` of each, for the loudest of them, and for `--altered` loud clips cut,
band-passed, clipped or raised in pitch like screams; "speech" for the sounds of
`tests.benchmarks.non_speech` and, with `--other`, for every sound file in a folder of recordings
without speech. Then the time that 5 s take. Nothing was chosen on clips of the test split.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mer_core.data import load_corpus
from mer_core.media import MediaError, load_audio
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.torchaudio_compat import torchaudio
from mer_core.types import SAMPLE_RATE, FloatArray
from tests.benchmarks.clip import five_seconds
from tests.benchmarks.non_speech import sounds
from tests.benchmarks.timing import alternating

LOUD = -20.0  # loudest tenth of a second, decibels below full scale: RAVDESS' median is -31
STRONG = -25.0  # such clips are also raised in pitch and damaged
Row = tuple[str, bool, bool]  # name, spoken by Silero alone, spoken
Clip = tuple[str, str, FloatArray]  # corpus, split, waveform
Spoken = Callable[[FloatArray], bool]


def main() -> None:
    """Print the share of refused and accepted sounds, before and after, and the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", nargs="+", default=["ravdess", "nemo"])
    parser.add_argument("--clips", type=int, default=300, help="at most, of a corpus and split")
    parser.add_argument("--altered", type=int, default=30, help="loud clips, of test and the rest")
    parser.add_argument("--other", type=Path, help="a folder of recordings without speech")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    alone = silero_alone()
    drawn = list(clips(options.corpora, options.data, options.clips, options.seed))
    show("speech", "refused", refusals(real(drawn, alone)))
    show("loud speech", "refused", refusals(altered(drawn, options.altered, alone)))
    show("no speech", "accepted", synthetic(options.seed, alone))
    if options.other is not None:
        show("recordings without speech", "accepted", recorded(options.other, alone))
    speech, scream = five_seconds(), unsure_sound()
    for name, waveform in (("speech", speech), ("an unsure sound", scream)):
        functions: dict[str, Callable[[], object]] = {
            "Silero alone": partial(alone, waveform),
            "detector": partial(detect_speech, waveform),
        }
        for label, seconds in alternating(functions, 10).items():
            print(f"5 s of {name}, {label}: p50 {statistics.median(seconds) * 1e3:.0f} ms")


def silero_alone() -> Spoken:
    """Whether Silero's own threshold gives at least 0.2 s of speech."""
    from silero_vad import load_silero_vad

    model: Any = load_silero_vad()

    def spoken(waveform: FloatArray) -> bool:
        with torch.inference_mode():
            row = model.audio_forward(torch.from_numpy(waveform)[None], SAMPLE_RATE)[0]
        return SpeechActivity(row.numpy(), silent=loudest(waveform) < -60).spoken

    return spoken


def loudest(waveform: FloatArray) -> float:
    """Of the tenths of a second of (S,), root mean square in decibels below full scale."""
    tenth = SAMPLE_RATE // 10
    padded = np.pad(waveform.astype(np.float64), (0, -len(waveform) % tenth))
    power = np.square(padded.reshape(-1, tenth)).mean(axis=1).max()
    return float(10 * np.log10(power + 1e-12))


def clips(corpora: list[str], data: Path, count: int, seed: int) -> Iterator[Clip]:
    """At most `count` random clips of every corpus and split."""
    generator = np.random.default_rng(seed)
    for corpus in corpora:
        splits: dict[str, list[Path]] = defaultdict(list)
        for example in load_corpus(corpus, data):
            assert example.path is not None
            splits[example.split].append(example.path)
        for split, paths in splits.items():
            for index in sorted(generator.permutation(len(paths))[:count]):
                yield corpus, split, load_audio(paths[index])


def real(drawn: list[Clip], alone: Spoken) -> Iterator[Row]:
    """Clips by corpus and split, and the loud ones again."""
    for corpus, split, waveform in drawn:
        verdict = alone(waveform), detect_speech(waveform).spoken
        yield (f"{corpus} {split}", *verdict)
        if loudest(waveform) > LOUD:
            yield f"{corpus} {split}, loud", *verdict


def altered(drawn: list[Clip], count: int, alone: Spoken) -> Iterator[Row]:
    """Strong clips of RAVDESS' test split and of the others, evenly drawn, raised and damaged."""
    strong = [clip for clip in drawn if clip[0] == "ravdess" and loudest(clip[2]) > STRONG]
    for name, test in (("train and dev", False), ("test", True)):
        group = [waveform for _, split, waveform in strong if (split == "test") == test]
        for index in np.linspace(0, len(group) - 1, min(count, len(group))).round().astype(int):
            for change, changed in variants(group[index]).items():
                yield f"{name}, {change}", alone(changed), detect_speech(changed).spoken


def refusals(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, with what was refused instead of accepted."""
    return ((name, not old, not new) for name, old, new in rows)


def variants(waveform: FloatArray) -> dict[str, FloatArray]:
    """A loud clip raised in pitch, clipped, cut or over the telephone."""
    spectrum = np.fft.rfft(waveform)
    frequencies = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)
    spectrum[(frequencies < 300) | (frequencies > 3_400)] = 0
    energy = np.convolve(np.square(waveform), np.ones(SAMPLE_RATE), "valid")
    start = int(energy.argmax())
    return {
        "pitch × 1.25": faster(waveform, 5, 4),
        "pitch × 1.4": faster(waveform, 7, 5),
        "pitch × 1.5": faster(waveform, 3, 2),
        "pitch × 1.6": faster(waveform, 8, 5),
        "clipped by 15 dB": np.clip(5.6 * waveform, -1, 1).astype(np.float32),
        "telephone": np.fft.irfft(spectrum, n=len(waveform)).astype(np.float32),
        "loudest second alone": waveform[start : start + SAMPLE_RATE],
    }


def faster(waveform: FloatArray, above: int, below: int) -> FloatArray:
    """Played `above` / `below` times as fast, and as high."""
    resampled = torchaudio.functional.resample(torch.from_numpy(waveform), above, below)
    return np.asarray(resampled.numpy(), np.float32)


def synthetic(seed: int, alone: Spoken) -> Iterator[Row]:
    """Sounds without speech; `seed` 0 and 1 differ in every pitch and rhythm."""
    for sound in sounds(seed):
        verdict = alone(sound.waveform), detect_speech(sound.waveform).spoken
        group = "synthetic mixture" if sound.name == "mixture" else "synthetic sound"
        yield (group, *verdict)
        if any(verdict):
            seconds = len(sound.waveform) / SAMPLE_RATE
            print(f"  {sound.name}, {sound.level:.0f} dB, {seconds:.0f} s: {verdict}")


def recorded(folder: Path, alone: Spoken) -> Iterator[Row]:
    """Every sound file of a folder, in parts of 10 s, by subfolder."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            waveform = load_audio(path)
        except MediaError:
            continue
        for start in range(0, min(len(waveform), 60 * SAMPLE_RATE), 10 * SAMPLE_RATE):
            part = waveform[start : start + 10 * SAMPLE_RATE]
            if len(part) >= SAMPLE_RATE // 2:
                group = path.relative_to(folder).parts[0]
                yield group, alone(part), detect_speech(part).spoken


def unsure_sound() -> FloatArray:
    """Five seconds of synthetic speech at twice its pitch, which need the second reading."""
    return np.resize(faster(five_seconds(), 2, 1), 5 * SAMPLE_RATE)


def show(title: str, verb: str, rows: Iterable[Row]) -> None:
    """A table of how many were `verb`, by Silero alone and by the detector."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for name, old, new in rows:
        for index, value in enumerate((True, old, new)):
            counts[name][index] += value
    print(f"\n| {title} | sounds | {verb} by Silero alone | {verb} by the detector |")
    print("|---|---|---|---|")
    for name, (total, old, new) in counts.items():
        print(f"| {name} | {total} | {old} | {new} |", flush=True)


if __name__ == "__main__":
    main()
