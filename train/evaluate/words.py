"""Word error rate of the transcriber on corpora whose sentences are known."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example
from mer_core.data.corpora import load_corpus
from mer_core.data.ravdess import words as ravdess_words
from mer_core.media.transcribe import Transcriber
from mer_core.types import Transcript

LANGUAGES = {"ravdess": "en", "nemo": "pl"}  # the corpora with known sentences
RESAMPLES = 2_000


@dataclass(frozen=True)
class SpokenSentence:
    """One clip whose words are known, transcribed.

    Attributes:
        speaker: Who spoke.
        words: Of the known sentence, normalised.
        heard: Of the transcript, normalised; empty where the clip was refused.
        language: Code of the detected language, or empty.
    """

    speaker: str
    words: tuple[str, ...]
    heard: tuple[str, ...]
    language: str

    @property
    def errors(self) -> int:
        """Substituted, deleted and inserted words."""
        return edit_distance(self.words, self.heard)


def ravdess_sentences(root: Path, examples: Sequence[Example]) -> dict[Path, str]:
    """Clip → its sentence."""
    return {e.path: ravdess_words(e.path) for e in examples if e.path}


def nemo_sentences(root: Path, examples: Sequence[Example]) -> dict[Path, str]:
    """Clip → its sentence, from nEMO's table.

    Raises:
        FileNotFoundError: There is no `nemo/metadata.csv`.
    """
    with open(root / "nemo" / "metadata.csv", encoding="utf-8", newline="") as file:
        stated = {Path(row["path"]).stem: row["transcript"] for row in csv.DictReader(file)}
    return {e.path: stated[e.path.stem] for e in examples if e.path}


SENTENCES: dict[str, Callable[[Path, Sequence[Example]], dict[Path, str]]] = {
    "ravdess": ravdess_sentences,
    "nemo": nemo_sentences,
}


def evaluate_words(
    transcriber: Transcriber,
    root: Path,
    split: str = "test",
    seed: int = 0,
    clips: int | None = None,
) -> dict[str, Any]:
    """Word error rates of every corpus with known sentences, on the speakers of one split.

    The clip goes through the speech detector, and its language is detected, as in the application.

    Args:
        transcriber: To be measured.
        root: Folder of the corpora.
        split: `test` or `dev`.
        seed: Of the clips that are drawn, and of the bootstrap.
        clips: Of a corpus with more clips, this many are drawn; None: all.

    Raises:
        ValueError: A corpus is missing.
        FileNotFoundError: nEMO's table is missing.
    """
    sets = {}
    for corpus, language in LANGUAGES.items():
        examples = drawn(load_corpus(corpus, root, split=split), clips, seed)
        known = SENTENCES[corpus](root, examples)
        spoken = [
            heard(example, known[example.path], transcriber.transcribe(example.path))
            for example in tqdm(examples, desc=corpus, unit="clip")
            if example.path
        ]
        sets[corpus] = word_figures(spoken, language, seed)
    words = "lower case, no punctuation; a clip without a transcript counts as all words deleted"
    return {
        "protocol": {"split": split, "evaluation_seed": seed, "clips": clips, "words": words},
        "sets": sets,
    }


def drawn(examples: Sequence[Example], count: int | None, seed: int) -> list[Example]:
    """So many of the examples, without repetition, in their order."""
    if count is None or count >= len(examples):
        return list(examples)
    chosen = np.random.default_rng(seed).permutation(len(examples))[:count]
    return [examples[index] for index in sorted(chosen)]


def heard(example: Example, sentence: str, transcript: Transcript) -> SpokenSentence:
    """One clip's known and transcribed words."""
    return SpokenSentence(
        example.group, normalised(sentence), normalised(transcript.text), transcript.language
    )


def normalised(text: str) -> tuple[str, ...]:
    """Words in lower case without punctuation, as Whisper's authors compare them."""
    import mer_core.torchaudio_compat  # noqa: F401  (transformers imports torchaudio)

    from transformers.models.whisper.english_normalizer import BasicTextNormalizer  # isort: skip

    return tuple(BasicTextNormalizer()(text).split())


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Least number of substitutions, insertions and deletions (Levenshtein)."""
    row = np.arange(len(second) + 1)
    for i, word in enumerate(first, start=1):
        previous, row = row, np.full_like(row, i)
        for j, other in enumerate(second, start=1):
            row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (word != other))
    return int(row[-1])


def word_figures(spoken: Sequence[SpokenSentence], language: str, seed: int) -> dict[str, Any]:
    """Rates over all clips, with a 95 % bootstrap interval over speakers."""
    speakers = sorted({one.speaker for one in spoken})
    counts = np.array(
        [
            [
                sum(one.errors for one in spoken if one.speaker == speaker),
                sum(len(one.words) for one in spoken if one.speaker == speaker),
            ]
            for speaker in speakers
        ]
    )
    return {
        "n": len(spoken),
        "speakers": len(speakers),
        "words": int(counts[:, 1].sum()),
        "wer": round(float(counts[:, 0].sum() / counts[:, 1].sum()), 4),
        "wer_95": [round(float(edge), 4) for edge in interval(counts, seed)],
        "exact": round(float(np.mean([not one.errors for one in spoken])), 4),
        "empty": round(float(np.mean([not one.heard for one in spoken])), 4),
        "language": round(float(np.mean([one.language == language for one in spoken])), 4),
    }


def interval(counts: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """95 % interval of errors / words on resampled speakers; `counts` is (speakers, 2)."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(counts), size=(RESAMPLES, len(counts)))
    errors, words = counts[drawn].sum(axis=1).T  # (RESAMPLES,) each
    return np.asarray(np.percentile(errors / words, (2.5, 97.5)))


def words_table(metrics: Mapping[str, Any]) -> str:
    """A Markdown row a corpus."""
    lines = [
        "| test set | n | words | WER [95 %] | all words right | no words | language found |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, figures in metrics["sets"].items():
        low, high = figures["wer_95"]
        shares = " | ".join(f"{figures[key]:.3f}" for key in ("exact", "empty", "language"))
        lines.append(
            f"| {name} | {figures['n']} | {figures['words']} "
            f"| {figures['wer']:.3f} [{low:.2f}, {high:.2f}] | {shares} |"
        )
    return "\n".join(lines)
