"""Whether typed words fit a recording, and the time to place them, on development speakers.

    python -m tests.benchmarks.typed_words --data DIR [--clips 100]

Every clip is aligned with its own sentence, with another sentence of its corpus and with an online
comment of similar length (GoEmotions). RAVDESS has two sentences, which share four of six words.
The score is what `serving.word_times.fits` compares with `FIT`: the mean probability of the words.
The time is compared with that of transcribing the same clip.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from mer_core.checkpoints.shipped import WHISPER
from mer_core.data.corpora import load_corpus
from mer_core.media.transcribe import Transcriber
from mer_core.serving.word_times import FIT
from train.evaluate.words import SENTENCES, drawn

LENGTHS = range(4, 13)  # words of the comments
SHARES = (0.0, 0.05, 0.5, 0.95, 1.0)  # quantiles


def main() -> None:
    """Measure and print a table a corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--clips", type=int, default=100, help="of each corpus")
    options = parser.parse_args()
    transcriber = Transcriber(WHISPER, "cpu")
    transcriber.load()
    comments = [
        comment.text
        for comment in load_corpus("goemotions", options.data, split="dev")
        if comment.text and comment.text.isascii() and len(comment.text.split()) in LENGTHS
    ]
    for corpus in SENTENCES:
        scores, seconds = measured(transcriber, corpus, options.data, options.clips, comments)
        print(f"{corpus:<17} least     5 %  median    95 %    most  at least {FIT}")
        for name, found in scores.items():
            row = "".join(f"{value:8.2f}" for value in np.quantile(found, SHARES))
            print(f"{name:<14}{row}  {np.mean(np.array(found) >= FIT):11.0%}")
        ratio = statistics.median(seconds["align"]) / statistics.median(seconds["transcribe"])
        print(f"time to place / time to transcribe: {ratio:.2f}\n")


def measured(
    transcriber: Transcriber, corpus: str, root: Path, clips: int, comments: list[str]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Scores by kind of text, and seconds by what was done; clips that are refused are left out."""
    examples = drawn(load_corpus(corpus, root, split="dev"), clips, 0)
    known = SENTENCES[corpus](root, examples)
    sentences = sorted(set(known.values()))
    random = np.random.default_rng(0)
    scores: dict[str, list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for example in examples:
        assert example.path is not None
        own = known[example.path]
        others = [sentence for sentence in sentences if sentence != own]
        texts = {"own sentence": own, "another one": random.choice(others)}
        texts["a comment"] = random.choice(comments)
        for name, text in texts.items():
            started = time.perf_counter()
            words = transcriber.align(example.path, str(text))
            seconds["align"].append(time.perf_counter() - started)
            if words:
                scores[name].append(statistics.fmean(word.probability for word in words))
        started = time.perf_counter()
        transcriber.transcribe(example.path)
        seconds["transcribe"].append(time.perf_counter() - started)
    return scores, seconds


if __name__ == "__main__":
    main()
