"""Seconds of one training epoch, beside a plain loop in the same run.

    python -m tests.benchmarks.training                               # on a GPU, full size
    python -m tests.benchmarks.training --size small --clips 64       # on a CPU

Both papers' models with random weights, their speech and text encoders tuned, learn synthetic clips
of IEMOCAP's lengths. Ours is the loop of `python -m train fit`: batches of similar length, read
ahead by workers, bf16 where the hardware multiplies it, no loss read back before the epoch ends.
The plain loop shuffles, pads to the longest clip, computes in float32 and reads every loss.
Both run the same framework, whose convolutions skip padding, which favours the plain loop. On a GPU
the share of its rate is the work of the epoch's matrix products and attention, padding included,
over its seconds and the rate that large bf16 products reach in this run.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mer_core.data import collate
from mer_core.device import pick_device
from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework, total_loss
from mer_core.types import SAMPLE_RATE, Utterance
from tests.benchmarks.timing import alternating
from tests.iemocap_lengths import iemocap_seconds
from tests.random_models import BASE, LARGE, TINY, VOCABULARY, Size, foal_net, mgcma
from train.config import EngineConfig, Experiment, OptimConfig
from train.data.draws import CLIP_BUCKET, batches_by_length
from train.data.labelled import Labelled
from train.data.lengths import SAMPLES_PER_FRAME, padding_share
from train.data.loading import Batches
from train.distributed import World
from train.loop import Run, start_run, train_epoch, update
from train.precision import autocast_type

SMALL = Size(256, 4, 4, 64, 112)
SIZES = {"full": None, "small": SMALL, "tiny": TINY}
PIECES_A_SECOND = 3.3  # word pieces: 15 for a clip of mean length
PRODUCT = 8_192  # side of the matrices whose product measures a GPU


@dataclass(frozen=True)
class Model:
    """One paper's: how it is made, and what it reads.

    Attributes:
        make: Size → framework.
        full: The size of the paper.
        batch_size: Of the paper, or of its nearest source.
        longest: Seconds of a clip that are read.
        terms: Weights of the losses.
        has_frames: Whether it reads video beside the voice, and not words.
    """

    make: Callable[[Size], Framework]
    full: Size
    batch_size: int
    longest: float
    terms: dict[str, float]
    has_frames: bool


MODELS = {
    "mgcma": Model(mgcma, BASE, 32, 12.0, {"distribution": 0.1, "instance": 0.1}, False),
    "foal_net": Model(foal_net, LARGE, 16, 6.0, {"avel": 1.0, "mem": 0.1}, True),
}


class Clips:
    """Noise of IEMOCAP's lengths with words, or pictures, in proportion; a task for the loop."""

    def __init__(self, model: Model, size: Size, clips: int, batch_size: int, rate: float) -> None:
        seconds = np.minimum(iemocap_seconds(clips), model.longest)
        self.samples = (seconds * SAMPLE_RATE).astype(int).tolist()
        self.frames = [length // SAMPLES_PER_FRAME for length in self.samples]
        self.model, self.picture, self.rate = model, size.picture, rate
        self.batch_size = batch_size
        self.batches = len(self.bucketed())

    def bucketed(self) -> list[list[int]]:
        """As training batches clips."""
        random = np.random.default_rng(1)
        order = random.permutation(len(self.samples))
        chosen = batches_by_length(order, self.frames, self.batch_size, random, CLIP_BUCKET)
        return [batch.tolist() for batch in chosen]

    def shuffled(self) -> list[list[int]]:
        """In random order."""
        order = np.random.default_rng(2).permutation(len(self.samples)).tolist()
        starts = range(0, len(order), self.batch_size)
        return [order[start : start + self.batch_size] for start in starts]

    def epoch(self, epoch: int) -> Batches:
        """The bucketed batches."""
        return Batches(self.bucketed(), self.load)

    def validate(self, framework: nn.Module) -> dict[str, float]:
        """Nothing is measured."""
        return {}

    def load(self, rows: Sequence[int]) -> Labelled:
        """One batch."""
        utterances = [self.utterance(row) for row in rows]
        random = np.random.default_rng(list(rows))
        ids = lambda text: random.integers(1, VOCABULARY, int(text)).tolist()  # noqa: E731
        return Labelled(
            collate(utterances, None if self.model.has_frames else ids),
            torch.tensor([row % len(FOUR) for row in rows]),
        )

    def utterance(self, row: int) -> Utterance:
        """One clip."""
        random, seconds = np.random.default_rng(row), self.samples[row] / SAMPLE_RATE
        waveform = random.normal(0, 0.1, self.samples[row]).astype(np.float32)
        if not self.model.has_frames:
            return Utterance(waveform=waveform, text=str(max(1, round(seconds * PIECES_A_SECOND))))
        shape = (max(1, int(seconds * self.rate)), self.picture, self.picture, 3)
        return Utterance(waveform=waveform, frames=random.integers(0, 256, shape, np.uint8))


def main() -> None:
    """Measure each model, and print seconds, padding, memory and ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=MODELS, action="append", help="default: both")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--clips", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=0, help="0: the paper's")
    parser.add_argument("--frame-rate", type=float, default=30.0, help="pictures a second")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--workers", type=int, default=-1, help="-1: as training chooses")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.model or MODELS:
        measure(name, options)


def measure(name: str, options: argparse.Namespace) -> None:
    """Both loops on one model."""
    model, device = MODELS[name], pick_device(options.device)
    size = SIZES[options.size] or model.full
    batch_size = options.batch_size or model.batch_size
    clips = Clips(model, size, options.clips, batch_size, options.frame_rate)
    run = our_run(model, size, clips, device, options)
    memory: dict[str, float] = {}
    loops = {
        "ours": lambda: our_epoch(run),
        "plain": lambda: plain_epoch(run, clips),
    }
    warm_up(run, clips)
    seconds = alternating(
        {loop: watched(loop, function, device, memory) for loop, function in loops.items()},
        options.repeats,
    )
    ours, plain = (statistics.median(seconds[loop]) for loop in loops)
    kind = autocast_type(options.precision, device) or torch.float32
    print(f"{name}, {options.size}: {options.clips} clips in batches of {batch_size} on {device}")
    for loop, median, batches, precision in (
        ("ours", ours, clips.bucketed(), kind),
        ("plain", plain, clips.shuffled(), torch.float32),
    ):
        padding, number = (
            padding_share(clips.frames, batches),
            str(precision).removeprefix("torch."),
        )
        print(
            f"  {loop:6} {median:8.2f} s an epoch, padding {padding:4.0%}, "
            f"memory {memory[loop]:6.0f} MB, {number}"
        )
    print(f"  plain / ours {plain / ours:5.2f}")
    if device.type == "cuda":
        rate = product_rate(device)
        share = epoch_flops(run) / ours / rate
        print(f"  {share:.0%} of {rate / 1e12:.0f} TFLOP/s")


def our_run(
    model: Model, size: Size, clips: Clips, device: torch.device, options: argparse.Namespace
) -> Run:
    """The training loop's, with fresh weights and an optimiser."""
    engine = EngineConfig(
        workers=options.workers,
        gradient_checkpointing=options.gradient_checkpointing,
        compile=options.compile,
    )
    optim = OptimConfig(
        batch_size=clips.batch_size, learning_rate=1e-5, precision=options.precision
    )
    experiment = Experiment("benchmark", loss_weights=model.terms, optim=optim, engine=engine)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as nothing:  # no state to resume from
        return start_run(model.make(size), clips, experiment, Path(nothing), World(device))


def our_epoch(run: Run) -> None:
    """As `fit` trains."""
    run.state.progress.update = 0  # of the schedule
    train_epoch(run, 0, time.perf_counter())
    run.state.mean_losses()
    run.state.end_epoch()


def plain_epoch(run: Run, clips: Clips) -> None:
    """The same model and optimiser in the shortest loop that trains them."""
    framework, device = run.state.framework, run.world.device
    framework.train()
    for rows in clips.shuffled():
        item = clips.load(rows)
        losses = framework.losses(framework(item.batch.to(device)), item.labels.to(device))
        loss = total_loss(losses, run.experiment.loss_weights)
        loss.backward()
        update(run.state, run.experiment.optim, 10**9)
        assert np.isfinite(loss.item())


def warm_up(run: Run, clips: Clips) -> None:
    """One batch, so that libraries choose their kernels and the optimiser has its memory."""
    item = clips.load(clips.bucketed()[0]).to(run.world.device)
    run.step(item)[0].backward()
    update(run.state, run.experiment.optim, 10**9)


def watched(
    name: str, function: Callable[[], object], device: torch.device, memory: dict[str, float]
) -> Callable[[], None]:
    """The function, which waits for its device and leaves its peak memory in MB in `memory`."""

    def run() -> None:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            reset_peak()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            memory[name] = torch.cuda.max_memory_allocated(device) / 1e6
        else:
            memory[name] = peak()

    return run


def reset_peak() -> None:
    """Let Linux count this process' peak memory anew."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def peak() -> float:
    """Peak memory of this process in MB: since `reset_peak` on Linux, else since it started."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def epoch_flops(run: Run) -> float:
    """Floating-point operations of matrix products, convolutions and attention in one epoch."""
    with FlopCounterMode(display=False) as counter:
        our_epoch(run)
    return float(counter.get_total_flops())


def product_rate(device: torch.device) -> float:
    """Operations a second of large bf16 matrix products."""
    left, right = (
        torch.randn(PRODUCT, PRODUCT, device=device, dtype=torch.bfloat16) for _ in range(2)
    )
    for _ in range(3):
        left @ right
    torch.cuda.synchronize(device)
    started = time.perf_counter()
    for _ in range(20):
        left @ right
    torch.cuda.synchronize(device)
    return 20 * 2 * PRODUCT**3 / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
