"""Many short clips through `attune predict --manifest`: rate, memory, a kill, and a resume.

    python -m tests.benchmarks.bulk [--clips 20000] [--model M] [--without-ray]

A manifest of a million rows is read, then clips are judged. Each is one second of a shipped
example, cut at a random place and made louder or softer. The model is a small one with random
weights, so that reading and writing, not the network, are measured; `--model assets/default` takes
the shipped one. One process judges a tenth of the clips, then all of them; two Ray workers judge
all of them, are killed half-way and go on. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mer_core.checkpoints.checkpoint import save_checkpoint
from mer_core.emotions import FOUR
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.unimodal import Unimodal
from mer_core.media import load_audio
from mer_core.types import SAMPLE_RATE
from tests.benchmarks.clip import EXAMPLES, write_wav

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2
MILLION = 1_000_000  # rows
SAMPLE_SECONDS = 1.0  # between two looks at the memory


@dataclass(frozen=True)
class Ran:
    """A finished process: wall time and the most memory that it and its children held at once."""

    seconds: float
    megabytes: float


def main() -> None:
    """Make the clips, judge them in all ways, compare the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--model", type=Path, help="default: a small one with random weights")
    parser.add_argument("--without-ray", action="store_true", help="only one process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulk-") as name:
        folder = Path(name)
        check_million(folder)
        model = options.model.resolve() if options.model else tiny_model(folder / "model")
        for clips in (options.clips // 10, options.clips):
            manifest = make_clips(folder, clips)
            here = run(command(model, manifest, folder / f"one_process_{clips}"))
            report(f"one process, {clips} clips", clips, here)
        if not options.without_ray:
            interrupted(model, manifest, folder / "ray", options.clips)
            same = compare(folder / f"one_process_{options.clips}", folder / "ray")
            print(f"files with the same bytes from both          {same}")


def make_clips(folder: Path, count: int) -> Path:
    """Write the clips that are missing, and the manifest of the first `count`."""
    speech = np.concatenate([load_audio(path) for path in sorted(EXAMPLES.glob("*.flac"))])
    generator = np.random.default_rng(0)
    manifest = folder / f"{count}.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "audio"])
        for index in range(count):
            start = generator.integers(len(speech) - SAMPLE_RATE)
            gain = generator.uniform(0.3, 1.0)
            clip = folder / "clips" / f"{index // 1_000:03}" / f"{index:06}.wav"
            if not clip.exists():
                clip.parent.mkdir(parents=True, exist_ok=True)
                write_wav(clip, speech[start : start + SAMPLE_RATE] * np.float32(gain))
            table.writerow([f"clip {index}", clip.relative_to(folder)])
    return manifest


def check_million(folder: Path) -> None:
    """Read a manifest of a million rows, as every run does before its first clip."""
    manifest = folder / "million.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "audio", "text"])
        table.writerows((f"clip {i}", f"clips/{i:06}.wav", f"sentence {i}") for i in range(MILLION))
    program = "import sys, pathlib; from mer_core.serving.bulk.manifest import inspect"
    inspected = run(
        [sys.executable, "-c", f"{program}; inspect(pathlib.Path(sys.argv[1]))", str(manifest)]
    )
    report(f"a manifest of {MILLION} rows, checked", MILLION, inspected)


def tiny_model(folder: Path) -> Path:
    """A checkpoint of a speech classifier that is small and knows nothing."""
    torch.manual_seed(0)
    encoder = CompactSpeechEncoder(CompactSpeechConfig(channels=(16, 16), blocks=1, width=16))
    save_checkpoint(folder, Unimodal(encoder, FOUR))
    return folder


def command(model: Path, manifest: Path, out: Path, *more: str) -> list[str]:
    """`attune predict --manifest` as a process."""
    start = [sys.executable, "-m", "mer_core", "predict", "--device", "cpu", "--model", str(model)]
    return [*start, "--manifest", str(manifest), "--out", str(out), *more]


def run(arguments: list[str], kill_when: Path | None = None) -> Ran:
    """Run a process to its end, or kill it as soon as a file exists."""
    started, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.DEVNULL)
    stop = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(SAMPLE_SECONDS):
            peak = max(peak, sum(map(megabytes, family(process.pid))))
            if kill_when is not None and kill_when.exists():
                process.send_signal(signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    stop.set()
    watcher.join()
    assert code == (0 if kill_when is None else -signal.SIGKILL), code
    return Ran(time.perf_counter() - started, peak)


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(status.parent.name))
    waiting = [pid]
    while waiting:
        yield (member := waiting.pop())
        waiting += parents.get(member, [])


def megabytes(pid: int) -> float:
    """Memory that a process has allocated; not program files, which other processes map too."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1_024


def interrupted(model: Path, manifest: Path, out: Path, clips: int) -> None:
    """Two Ray workers: killed with half of the files written, then run again."""
    arguments = command(model, manifest, out, "--engine", "ray", "--jobs", str(WORKERS))
    half = out / f"part-{clips // 2_000:05}.parquet"
    first = run(arguments, kill_when=half)
    kept = len(list(out.glob("part-*.parquet"))) * 1_000
    report(f"{WORKERS} Ray workers until the kill, {kept} clips kept", kept, first)
    second = run(arguments)
    report(f"{WORKERS} Ray workers, the other {clips - kept} clips", clips - kept, second)


def report(name: str, clips: int, ran: Ran) -> None:
    """Print a line; start-up is part of the time."""
    rate = clips / ran.seconds
    print(
        f"{name:44} {ran.seconds:5.0f} s {rate:8.0f} a second {ran.megabytes:6.0f} MB", flush=True
    )


def compare(expected: Path, found: Path) -> str:
    """How many files of one folder have a twin in the other."""
    names = sorted(path.name for path in expected.glob("part-*.parquet"))
    assert names == sorted(path.name for path in found.glob("part-*.parquet"))
    same, _, _ = filecmp.cmpfiles(expected, found, names, shallow=False)
    return f"{len(same)} of {len(names)}"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
