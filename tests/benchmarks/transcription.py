"""Time of one transcript, compared with the transformers pipeline in the same run.

    OMP_NUM_THREADS=2 python -m tests.benchmarks.transcription --reference FOLDER [--repeats 5]

The shipped example recordings, cut or padded with silence to 5 s. FOLDER holds the same weights as
transformers reads them (`openai/whisper-base`). Ours is all of `Transcriber.transcribe_waveform`:
speech detection, language, words and their times; it is also measured without the times. The
pipeline writes the text alone, which favours it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np
import torch

from mer_core.checkpoints.shipped import EXAMPLES, WHISPER
from mer_core.media import load_audio
from mer_core.media.transcribe import Transcriber
from mer_core.media.whisper import ClipWhisper, load_whisper
from mer_core.types import SAMPLE_RATE, FloatArray
from tests.benchmarks.timing import alternating

from transformers import pipeline  # isort: skip

SECONDS = 5
RATE = {"sampling_rate": SAMPLE_RATE}


def main() -> None:
    """Measure all, alternating, and print times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True, help="folder of openai/whisper-base")
    parser.add_argument("--threads", type=int, default=2, help="of the pipeline")
    parser.add_argument("--repeats", type=int, default=5, help="of every clip")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    waveforms = [five_seconds(path) for path in sorted(EXAMPLES.glob("*.flac"))]
    ours, bare = Transcriber(WHISPER, "cpu"), Transcriber(WHISPER, "cpu", without_times)
    reference = reference_pipeline(options.reference)
    functions = {
        "ours": over(waveforms, ours.transcribe_waveform),
        "without word times": over(waveforms, bare.transcribe_waveform),
        "pipeline": over(waveforms, lambda clip: reference({"raw": clip, **RATE})),
    }
    alternating(functions, 1)  # loads and compiles
    seconds = alternating(functions, options.repeats * len(waveforms))
    p50 = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"clips of 5 s                         {len(waveforms)}")
    print(f"transcript with word times: p50      {p50['ours'] * 1e3:8.0f} ms")
    print(f"without word times: p50              {p50['without word times'] * 1e3:8.0f} ms")
    print(f"transformers pipeline: p50           {p50['pipeline'] * 1e3:8.0f} ms")
    print(f"ratio ours / pipeline                {p50['ours'] / p50['pipeline']:8.2f}")


def reference_pipeline(folder: str) -> Any:
    """transformers' pipeline in float32, told the language, so that it never detects it."""
    reference = pipeline("automatic-speech-recognition", model=folder, dtype=torch.float32)
    settings, tokenizer = reference.model.generation_config, reference.tokenizer
    identify = tokenizer.convert_tokens_to_ids
    settings.is_multilingual = True
    settings.lang_to_id = {"<|en|>": identify("<|en|>")}
    settings.task_to_id = {name: identify(f"<|{name}|>") for name in ("transcribe", "translate")}
    settings.no_timestamps_token_id = identify("<|notimestamps|>")
    settings.language, settings.task = "en", "transcribe"
    return reference


def five_seconds(path: Any) -> FloatArray:
    """(S,) the first 5 s of a clip, with silence behind a shorter one."""
    waveform = load_audio(path)[: SECONDS * SAMPLE_RATE]
    return np.pad(waveform, (0, SECONDS * SAMPLE_RATE - len(waveform)))


def over(waveforms: list[FloatArray], function: Callable[[Any], Any]) -> Callable[[], Any]:
    """Calls `function` with the next of the waveforms each time."""
    clips = cycle(waveforms)
    return lambda: function(next(clips))


class WithoutTimes(ClipWhisper):
    """Writes words without their times."""

    def transcribe(self, audio: Any, **options: Any) -> Any:
        """As the model does."""
        return super().transcribe(audio, **{**options, "word_timestamps": False})


def without_times(model: str, device: str) -> Callable[[], ClipWhisper]:
    """Load a model for `WithoutTimes`."""
    loaded = load_whisper(model, device)
    return lambda: WithoutTimes(loaded)


if __name__ == "__main__":
    main()
