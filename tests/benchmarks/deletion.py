"""Whether the words and moments whose occlusion costs most are those that the category rests on.

Deletion test: of each clip, the quarter of its words (or moments) whose occlusion lowers the
category's probability most, each judged alone, are left out together, and so are as many drawn at
random. Moments are left out twice: hidden from the framework, as `serving.occlusion` does, and
silenced in the recording, which is then encoded anew.

Noise: how much the probability changes where nothing of meaning does: as many tokens of the speech
as a moment has are hidden, but scattered over the recording; the recording is 3 dB quieter, or
loses its first 30 ms; the text loses its last mark. See `serving.effects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mer_core.data.corpora import load_corpus
from mer_core.emotions import FOUR
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.occlusion import Parts, Variant, encode_parts, explainable, judge, occlusions
from mer_core.serving.predictor import Predictor
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.types import COMBINED, SAMPLE_RATE, FloatArray, Occlusions
from tests.benchmarks.clip_means import clip_mean

if TYPE_CHECKING:
    from tests.benchmarks.attention import Clip

SHARE = 0.25  # of the words, of the moments
FEWEST = 2  # left out together: of one alone, the test would be true by construction
DRAWS = 5  # of random words or moments
CUT_SECONDS, QUIETER = 0.03, 10 ** (-3 / 20)
LENGTHS = range(4, 21)  # words of drawn texts
MARKS = ".,!?…"


@dataclass(frozen=True)
class Falls:
    """What a clip's probability falls by, in points, when parts are left out together.

    Attributes:
        unit: Which the bootstrap draws.
        ranked: Without those whose occlusion costs most.
        random: Without as many random ones, mean over the draws.
    """

    unit: str
    ranked: float
    random: float


def report(
    predictor: Predictor, sets: Mapping[str, Sequence[Clip]], root: Path, split: str, seed: int
) -> None:
    """Print both tables."""
    scorer = predictor.scorers["mgcma"]
    assert isinstance(scorer, SpeechTextScorer)
    spoken = {name: list(clips) for name, clips in sets.items() if name != "example clips"}
    spoken["RAVDESS × MELD"] = with_drawn_texts(sets["RAVDESS"], root, split, seed)
    print("| left out together | clips | n | ranked | random | difference [95 %] |")
    print("|---|---|---|---|---|---|")
    changes: dict[str, list[float]] = {}
    for name, clips in spoken.items():
        generator, elsewhere = np.random.default_rng(seed), np.random.default_rng(seed)
        falls: dict[str, list[Falls]] = {}
        for clip in clips:
            inputs = predictor.read(clip.path, clip.text)
            assert isinstance(inputs, SpeechTextInputs)
            if not explainable(inputs) or inputs.waveform is None or inputs.text is None:
                continue
            parts = encode_parts(scorer, scorer.encode([inputs]))
            whole = occlusions(scorer, parts)
            for kind, pair in deleted(scorer, inputs, parts, whole, generator).items():
                falls.setdefault(kind, []).append(Falls(clip.unit, *pair))
            noise = scattered(scorer, parts, whole, elsewhere)
            for kind, change in {**noise, **meaningless(predictor, inputs, whole)}.items():
                changes.setdefault(kind, []).append(change)
        for kind, found in falls.items():
            print(deletion_row(kind, name, found, seed), flush=True)
    print("\n| change | n | median | 95 % below |\n|---|---|---|---|")
    for kind, values in changes.items():
        median, most = np.percentile(values, (50, 95))
        print(f"| {kind} | {len(values)} | {median:.1f} | {most:.1f} |")


def with_drawn_texts(clips: Sequence[Clip], root: Path, split: str, seed: int) -> list[Clip]:
    """The clips, each with a MELD text of its label."""
    generator = np.random.default_rng(seed)
    texts: dict[str, list[str]] = {}
    for example in load_corpus("meld", root, split=split, labels=FOUR):
        if example.text and len(example.text.split()) in LENGTHS:
            texts.setdefault(example.emotion, []).append(example.text)
    return [replace(c, text=str(generator.choice(texts[c.label])), spoken=False) for c in clips]


def deleted(
    scorer: SpeechTextScorer,
    inputs: SpeechTextInputs,
    parts: Parts,
    whole: Occlusions,
    generator: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """Kind of part → points lost without the ranked ones, and without random ones."""
    before = whole.whole[COMBINED]

    def points(rows: FloatArray) -> tuple[float, float]:
        chances = [scorer.probabilities(row, COMBINED)[whole.emotion] for row in rows]
        lost = [100 * (before - chance) for chance in chances]
        return lost[0], float(np.mean(lost[1:]))

    found = {}
    words = chosen(whole.without_word[COMBINED], generator)
    if words:
        texts = [" ".join(np.delete(parts.words, list(some))) for some in words]
        several = replace(parts, texts=scorer.encode_texts(texts))
        variants = [Variant(text=row) for row in range(len(texts))]
        found["words"] = points(judge(scorer, several, COMBINED, variants))
    moments = chosen(whole.without_moment.get(COMBINED, np.empty(0, np.float32)), generator)
    if moments:
        masks = [parts.moments[1:][list(some)].any(dim=0) for some in moments]
        hidden = replace(parts, moments=torch.stack(masks))
        variants = [Variant(moment=row) for row in range(len(masks))]
        found["moments, hidden"] = points(judge(scorer, hidden, COMBINED, variants))
        silent = [replace(inputs, waveform=silenced(inputs, parts, some)) for some in moments]
        chances = [p.by_modality[COMBINED] for p in scorer.score(silent)]
        lost = [100 * (before - chance[whole.emotion]) for chance in chances if chance]
        found["moments, silenced"] = lost[0], float(np.mean(lost[1:]))
    return found


def chosen(without: FloatArray, generator: np.random.Generator) -> list[tuple[int, ...]]:
    """The parts whose occlusion costs most, then random ones, as often as `DRAWS` says.

    None of fewer parts than twice as many as are left out.
    """
    count = max(FEWEST, round(SHARE * len(without)))
    if len(without) < 2 * count:
        return []
    ranked = np.argsort(without, kind="stable")[:count]
    random = [generator.choice(len(without), count, replace=False) for _ in range(DRAWS)]
    return [tuple(int(index) for index in some) for some in (ranked, *random)]


def silenced(inputs: SpeechTextInputs, parts: Parts, moments: Sequence[int]) -> FloatArray:
    """The recording with zeros in some moments."""
    assert inputs.waveform is not None
    waveform = inputs.waveform.copy()
    edges = np.round(parts.times * SAMPLE_RATE).astype(int)
    for moment in moments:
        waveform[edges[moment] : edges[moment + 1]] = 0.0
    return waveform


def scattered(
    scorer: SpeechTextScorer, parts: Parts, whole: Occlusions, generator: np.random.Generator
) -> dict[str, float]:
    """Points by which the probability moves when the tokens of one moment are hidden elsewhere."""
    assert parts.speech is not None
    if not parts.times.size:
        return {}
    count = int(parts.moments.sum(dim=2).max())
    valid = np.flatnonzero(parts.speech.mask[0].numpy())
    mask = torch.zeros_like(parts.moments[:1])
    mask[0, 0, generator.choice(valid, min(count, len(valid) - 1), replace=False)] = True
    hidden = replace(parts, moments=mask)
    (row,) = judge(scorer, hidden, COMBINED, [Variant()])
    chance = scorer.probabilities(row, COMBINED)[whole.emotion]
    return {"a moment's tokens, scattered": 100 * abs(chance - whole.whole[COMBINED])}


def meaningless(
    predictor: Predictor, inputs: SpeechTextInputs, whole: Occlusions
) -> dict[str, float]:
    """Change → points by which it moves the probability, whichever way."""
    assert inputs.waveform is not None
    text = inputs.text or ""
    waveforms: dict[str, Callable[[FloatArray], FloatArray]] = {
        "30 ms cut from the start": lambda sound: sound[round(CUT_SECONDS * SAMPLE_RATE) :],
        "3 dB quieter": lambda sound: (sound * QUIETER).astype(np.float32),
    }
    changed = {
        kind: predictor.read((change(inputs.waveform), SAMPLE_RATE), text)
        for kind, change in waveforms.items()
    }
    if text.rstrip(MARKS) != text:
        sound = (inputs.waveform, SAMPLE_RATE)
        changed["last mark of the text"] = predictor.read(sound, text.rstrip(MARKS))
    found = {}
    for kind, other in changed.items():
        chances = predictor.score(other).by_modality[COMBINED]
        if chances:
            found[kind] = 100 * abs(chances[whole.emotion] - whole.whole[COMBINED])
    return found


def deletion_row(kind: str, where: str, found: Sequence[Falls], seed: int) -> str:
    """A row of the table."""
    units = [one.unit for one in found]
    difference = clip_mean([one.ranked - one.random for one in found], units, seed)
    means = [np.mean([getattr(one, name) for one in found]) for name in ("ranked", "random")]
    return (
        f"| {kind} | {where} | {len(found)} | {means[0]:.1f} | {means[1]:.1f} | {difference:+.1f} |"
    )
