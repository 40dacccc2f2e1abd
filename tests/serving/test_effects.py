"""Which effect of leaving something out is the strongest, and which are noise."""

from __future__ import annotations

import numpy as np
import pytest

from mer_core.serving.effects import (
    MOMENT_NOISE,
    WORD_NOISE,
    Effect,
    decisive,
    moment_effects,
    strongest,
    word_effects,
)
from mer_core.types import Occlusions


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


FOUND = Occlusions(
    "happy",
    {"both": 0.5, "speech": 0.9, "text": 0.1},
    ("so", "happy"),
    {"both": array(0.52, 0.2), "text": array(0.1, 0.9)},
    array(0, 1, 2),
    {"both": array(0.7, 0.45), "speech": array(0.9, 0.1)},
)


def test_effects_are_those_on_the_answer_of_both() -> None:
    assert decisive(FOUND) == "both"
    so, happy = word_effects(FOUND)
    assert (so.part, so.before, so.after) == (0, 0.5, pytest.approx(0.52))
    assert happy.change == pytest.approx(-0.3)
    assert [effect.change for effect in moment_effects(FOUND)] == pytest.approx([0.2, -0.05])


def test_one_half_alone_decides_for_itself() -> None:
    alone = Occlusions("sad", {"text": 0.6}, ("so",), {"text": array(0.5)}, array(), {})
    assert decisive(alone) == "text"
    assert [effect.change for effect in word_effects(alone)] == pytest.approx([-0.1])
    assert moment_effects(alone) == ()


def test_the_strongest_changes_most_whichever_way() -> None:
    assert strongest(word_effects(FOUND)) == word_effects(FOUND)[1]
    assert strongest(moment_effects(FOUND)) == moment_effects(FOUND)[0]
    assert strongest(()) is None


def test_what_changes_less_than_meaningless_changes_do_is_noise() -> None:
    assert not Effect(0, 0.5, 0.56, noise=0.1).clear
    assert Effect(0, 0.5, 0.61, noise=0.1).clear
    assert Effect(0, 0.5, 0.39, noise=0.1).clear
    assert [effect.noise for effect in word_effects(FOUND)] == [WORD_NOISE] * 2
    assert [effect.noise for effect in moment_effects(FOUND)] == [MOMENT_NOISE] * 2
    assert WORD_NOISE < MOMENT_NOISE
