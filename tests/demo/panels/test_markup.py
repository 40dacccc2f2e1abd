"""Numbers and times as people read them."""

from __future__ import annotations

from mer_core.demo.panels.markup import number, percent, seconds, signed


def test_percent_never_claims_certainty() -> None:
    assert [percent(p) for p in (0.0, 0.004, 0.005, 0.555, 0.994, 0.999, 1.0)] == [
        "<1%", "<1%", "1%", "56%", "99%", ">99%", ">99%",
    ]  # fmt: skip


def test_seconds() -> None:
    assert [seconds(s) for s in (0.0, 2.54, 59.9, 59.96, 61.0, 299.6)] == [
        "0.0 s", "2.5 s", "59.9 s", "1:00", "1:01", "5:00",
    ]  # fmt: skip


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert [number(v) for v in (-0.254, -0.004, 0.0, 1.0)] == ["−0.25", "0.00", "0.00", "1.00"]
    assert number(-0.0004, 3) == "0.000"


def test_differences_carry_their_sign() -> None:
    assert [signed(v) for v in (0.0123, -0.64, -0.0001)] == ["+0.012", "−0.640", "0.000"]
