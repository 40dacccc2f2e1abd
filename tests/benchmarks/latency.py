"""Time of one prediction, compared with wav2vec2-base + BERT-base in the same run.

    python -m tests.benchmarks.latency [--threads 2] [--repeats 30]

Ours is all of `Predictor.predict`: decoding a 5-second clip, speech detection, tokenization, both
encoders, and fusion with both and with each alone. The baseline is only the two forward passes
with random weights on the same waveform and as many tokens, which favours it. What single words and
moments change (`Predictor.occlusions`) is found out after the prediction, here of 12 words.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from mer_core.media import load_audio
from mer_core.serving.predictor import Predictor
from tests.benchmarks.clip import five_seconds, write_wav
from tests.benchmarks.timing import alternating, timed

from transformers import BertConfig, BertModel, Wav2Vec2Config, Wav2Vec2Model  # isort: skip

TEXT = "I really did not expect to hear that from you today, and I am not happy about it."


def main() -> None:
    """Measure both, alternating, and print times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        write_wav(path, five_seconds())
        started = time.perf_counter()
        predictor = Predictor.load(device="cpu")
        loaded = time.perf_counter()
        first = timed(lambda: predictor.predict(path, TEXT))
        baseline = baseline_pair(load_audio(path), len(TEXT.split()) + 10)
        _, encoded = predictor.judge(predictor.read(path, " ".join(TEXT.split()[:12])))
        functions = {
            "ours": lambda: predictor.predict(path, TEXT),
            "explained": lambda: predictor.occlusions(encoded),
            "baseline": baseline,
        }
        seconds = alternating(functions, options.repeats)
    p90 = np.percentile(seconds["ours"], 90)
    p50, base50 = statistics.median(seconds["ours"]), statistics.median(seconds["baseline"])
    print(f"threads                              {options.threads}")
    print(f"Predictor.load                       {(loaded - started) * 1e3:8.0f} ms")
    print(f"first predict                        {first * 1e3:8.0f} ms")
    print(f"predict, 5 s + text: p50             {p50 * 1e3:8.0f} ms")
    print(f"predict, 5 s + text: p90             {p90 * 1e3:8.0f} ms")
    explained50 = statistics.median(seconds["explained"])
    print(f"without each word and moment: p50    {explained50 * 1e3:8.0f} ms")
    print(f"wav2vec2-base + BERT-base: p50       {base50 * 1e3:8.0f} ms")
    print(f"ratio ours / baseline                {p50 / base50:8.2f}")


def baseline_pair(waveform: np.ndarray, tokens: int) -> Callable[[], None]:
    """One forward pass of each large encoder, random weights."""
    speech = Wav2Vec2Model(Wav2Vec2Config()).eval()
    text = BertModel(BertConfig()).eval()
    samples = torch.from_numpy(waveform)[None]  # (1, S)
    ids = torch.randint(0, 30_000, (1, tokens), generator=torch.Generator().manual_seed(0))

    def run() -> None:
        with torch.inference_mode():
            speech(samples)
            text(ids)

    run()
    return run


if __name__ == "__main__":
    main()
