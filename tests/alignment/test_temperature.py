"""Learned temperatures stay within their bounds and can leave them again."""

from __future__ import annotations

import math

import pytest
import torch

from mer_core.alignment.temperature import check_learned, clamp_temperature_


@pytest.mark.parametrize(("value", "floor", "kept"), [(0.2, 0.5, 0.5), (0.7, 0.5, 0.7)])
def test_a_temperature_stays_above_its_floor(value, floor, kept):
    log_temperature = torch.tensor(math.log(value))
    clamp_temperature_(log_temperature, floor)
    assert log_temperature.exp().item() == pytest.approx(kept)


def test_the_widest_range_is_that_of_clip_and_softer():
    for value, kept in ((1e-4, 0.01), (50.0, 10.0)):
        log_temperature = torch.tensor(math.log(value))
        clamp_temperature_(log_temperature)
        assert log_temperature.exp().item() == pytest.approx(kept)


def test_at_the_floor_the_gradient_lives():
    log_temperature = torch.tensor(math.log(0.5), requires_grad=True)
    clamp_temperature_(log_temperature, 0.5)
    (1 / log_temperature.exp()).backward()
    assert log_temperature.grad.item() == pytest.approx(-2.0)


@pytest.mark.parametrize(
    ("first", "floor", "said"),
    [
        (0.07, 0.5, r"tau must be in \[0.5, 10.0\]"),
        (1.0, 0.001, "tau_floor"),
        (20.0, 1.0, "tau must"),
    ],
)
def test_bounds_that_cannot_be_kept_are_one_sentence(first, floor, said):
    with pytest.raises(ValueError, match=said):
        check_learned("tau", first, floor)
    check_learned("tau", 0.5, 0.5)
