"""What fusion gains, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mer_core.data import Example
from mer_core.emotions import FOUR
from mer_core.types import COMBINED
from train.data.pairs import Pair, SetName
from train.evaluate.fusion import Logits, contradiction, gain
from train.evaluate.tables import metrics_table

PAIRED, SPOKEN = SetName.parse("paired/a×b"), SetName.parse("spoken/a")


def pair(emotion: str, speaker: str, index: int) -> Pair:
    clip = Example("a", "test", emotion, speaker, Path(f"{speaker}{index}.wav"))
    return Pair(clip, Example("b", "test", emotion, "writer", text=f"{emotion} {index}"))


def logits(*labels: str) -> NDArray[np.float32]:
    """Rows whose largest entry is each label's; NaN for an empty one."""
    rows = [np.eye(4)[FOUR.index(label)] if label else np.full(4, np.nan) for label in labels]
    return np.array(rows, dtype=np.float32)


PAIRS = [pair("sad", "x", 0), pair("sad", "x", 1), pair("happy", "y", 0), pair("happy", "y", 1)]
ANSWERS: Logits = {
    "speech": logits("sad", "happy", "happy", "happy"),  # UA (1/2 + 1) / 2
    "text": logits("sad", "neutral", "sad", ""),  # UA (1/2 + 0) / 2
    COMBINED: logits("sad", "sad", "happy", "neutral"),  # UA (1 + 1/2) / 2
}


def test_both_are_compared_with_the_better_half() -> None:
    found = gain(PAIRED, PAIRS, ANSWERS, seed=0)
    assert found["against"] == "speech"
    assert (found["both"], found["alone"], found["difference"]) == (0.75, 0.75, 0.0)
    # Two speakers: the mean of both, or one of them twice, who has one label only.
    assert found["difference_95"] == [-0.5, 0.5]
    assert found["recall"]["speech"] == {"angry": None, "happy": 1.0, "neutral": None, "sad": 0.5}
    assert found["recall"][COMBINED]["sad"] == 1.0


def test_own_words_are_never_what_a_voice_is_compared_with() -> None:
    turned = {"speech": ANSWERS["text"], "text": ANSWERS["speech"], COMBINED: ANSWERS[COMBINED]}
    assert gain(PAIRED, PAIRS, turned, seed=0)["against"] == "text"
    found = gain(SPOKEN, PAIRS, turned, seed=0)
    assert (found["against"], found["difference"]) == ("speech", 0.5)


def contradicted(pairs: Sequence[Pair]) -> Logits:
    """Voices are heard right, texts read as angry; together neutral, or as the voice if sad."""
    voices = [p.emotion for p in pairs]
    return {
        "speech": logits(*voices),
        "text": logits(*["angry"] * len(pairs)),
        COMBINED: logits(*[v if v == "sad" else "neutral" for v in voices]),
    }


def test_a_contradiction_counts_the_label_of_either_half() -> None:
    found = contradiction(PAIRS, contradicted, seed=0)
    assert (found["against"], found["alone"]) == ("speech", 1.0)
    assert (found["both"], found["difference"], found["neither"]) == (0.5, -0.5, 0.5)
    assert found["follows"] == {"speech": 0.5, "text": 0.0}
    assert found["difference_95"] == [-1.0, 0.0]


def test_the_tables_show_gains_and_contradictions() -> None:
    fusion = {
        "gain": {str(PAIRED): gain(PAIRED, PAIRS, ANSWERS, seed=0)},
        "contradiction": {str(PAIRED): contradiction(PAIRS, contradicted, seed=0)},
    }
    rows = metrics_table({"sets": {}, "fusion": fusion}).splitlines()
    assert "| paired/a×b | speech | 0.750 | 0.750 | +0.000 [-0.500, +0.500] " in rows[5]
    assert rows[5].endswith("| – → – | 1.00 → 0.50 | – → – | 0.50 → 1.00 |")
    assert rows[-1].endswith("| speech 0.500, text 0.000 | 0.500 |")
    assert len({row.count("|") for row in rows[3:6]}) == 1
    assert len({row.count("|") for row in rows[-3:]}) == 1


@pytest.mark.parametrize("missing", ["gain", "contradiction"])
def test_older_figures_have_no_such_tables(missing: str) -> None:
    assert len(metrics_table({"sets": {}, "fusion": {missing: {}}}).splitlines()) == 2
    assert len(metrics_table({"sets": {}}).splitlines()) == 2
