"""Time from a video file to its prediction, compared with CLIP ViT-B/32 + WavLM-base.

    python -m tests.benchmarks.video_latency [--threads 2] [--repeats 20]

Ours is all of `Predictor.predict(video=…)` for a clip of 5 s at 640 × 480 and 30 frames per second:
decoding, speech detection, face tracking, both encoders, and fusion of the whole clip and of every
second, each with both modalities and with each alone. The baseline is only the two forward passes
with random weights on the same sound and on as many frames, which favours it. Parts of ours are
timed separately in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.cbook
import numpy as np
import torch

from mer_core.media import load_audio
from mer_core.media.faces import track_face
from mer_core.media.video import load_video
from mer_core.serving.predictor import Predictor
from mer_core.types import FloatArray
from tests.benchmarks.clip import five_seconds, write_wav
from tests.benchmarks.timing import alternating, timed

from transformers import (  # isort: skip
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    WavLMConfig,
    WavLMModel,
)


def main() -> None:
    """Measure both, alternating, and print times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = write_clip(Path(folder))
        predictor = Predictor.load(device="cpu")
        first = timed(lambda: predictor.predict(video=path))
        video = load_video(path)
        baseline = baseline_pair(load_audio(path), len(video.frames))
        functions: dict[str, Callable[[], object]] = {
            "ours": lambda: predictor.predict(video=path),
            "baseline": baseline,
            "decoding": lambda: load_video(path),
            "face tracking": lambda: track_face(video),
        }
        seconds = alternating(functions, options.repeats)
    p90 = np.percentile(seconds["ours"], 90)
    p50, base50 = statistics.median(seconds["ours"]), statistics.median(seconds["baseline"])
    print(f"threads                              {options.threads}")
    print(f"first predict                        {first * 1e3:8.0f} ms")
    print(f"predict, 5 s of video: p50           {p50 * 1e3:8.0f} ms")
    print(f"predict, 5 s of video: p90           {p90 * 1e3:8.0f} ms")
    for name in ("decoding", "face tracking"):
        print(f"  of it {name:<29}{statistics.median(seconds[name]) * 1e3:8.0f} ms")
    print(f"CLIP ViT-B/32 + WavLM-base: p50      {base50 * 1e3:8.0f} ms")
    print(f"ratio ours / baseline                {p50 / base50:8.2f}")


def write_clip(folder: Path) -> Path:
    """Five seconds of a swaying portrait in the public domain, with synthetic speech."""
    write_wav(folder / "voice.wav", five_seconds())
    portrait = str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    sway = "scale=-2:480,pad=640:480:(640-iw)/2:0,rotate=0.05*sin(2*t):ow=iw:oh=ih,setsar=1"
    subprocess.run(
        ["ffmpeg", "-y", "-loglevel", "error", "-loop", "1", "-framerate", "30", "-i", portrait,
         "-i", str(folder / "voice.wav"), "-vf", sway, "-t", "5", "-pix_fmt", "yuv420p",
         str(folder / "clip.mp4")],
        check=True,
    )  # fmt: skip
    return folder / "clip.mp4"


def baseline_pair(waveform: FloatArray, frames: int) -> Callable[[], None]:
    """One forward pass of each large encoder, random weights."""
    speech = WavLMModel(WavLMConfig()).eval()
    vision = CLIPVisionModelWithProjection(CLIPVisionConfig()).eval()  # ViT-B/32
    samples = torch.from_numpy(waveform)[None]  # (1, S)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(frames, 3, 224, 224, generator=generator)

    def run() -> None:
        with torch.inference_mode():
            speech(samples)
            vision(pictures)

    run()
    return run


if __name__ == "__main__":
    main()
