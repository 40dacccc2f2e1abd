"""What an epoch sees: expected counts, repeatable draws, and partners of the same label."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mer_core.data import Example
from train.config import SourceConfig
from train.data.draws import (
    batch_count,
    batches_by_length,
    draw_indices,
    draw_weights,
    epoch_generator,
    label_partners,
)


def examples(corpus: str, **counts: int) -> list[Example]:
    return [
        Example(corpus, "train", emotion, f"{corpus}_{emotion}_{i}", text=emotion)
        for emotion, count in counts.items()
        for i in range(count)
    ]


MIXED = [*examples("meld", neutral=80, sad=20), *examples("isear", sad=30, happy=10)]
SHARES = {"meld": 3.0, "isear": 1.0}


def share(weights: np.ndarray, corpus: str, emotion: str | None = None) -> float:
    chosen = [e.corpus == corpus and emotion in (None, e.emotion) for e in MIXED]
    return float(weights[np.array(chosen)].sum())


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_corpora_get_their_share_whatever_the_balance(balance: float) -> None:
    weights = draw_weights(MIXED, SourceConfig(SHARES, balance=balance))
    assert weights.sum() == pytest.approx(1.0)
    assert share(weights, "meld") == pytest.approx(0.75)
    assert share(weights, "isear") == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("balance", "neutral"),
    [(0.0, 0.8), (1.0, 0.5), (0.5, 80**0.5 / (80**0.5 + 20**0.5))],
)
def test_balance_moves_classes_from_their_count_to_even(balance: float, neutral: float) -> None:
    weights = draw_weights(MIXED, SourceConfig(SHARES, balance=balance))
    assert share(weights, "meld", "neutral") / share(weights, "meld") == pytest.approx(neutral)


def test_examples_of_one_class_have_equal_weights() -> None:
    weights = draw_weights(MIXED, SourceConfig(SHARES))
    assert len({round(w, 12) for w in weights[:80]}) == 1


def test_even_weights_draw_everything_once() -> None:
    drawn = draw_indices(np.full(50, 1 / 50), 50, np.random.default_rng(0))
    assert sorted(drawn) == list(range(50))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    weights=st.lists(st.floats(0.01, 10.0), min_size=1, max_size=40),
    draws=st.integers(1, 200),
    seed=st.integers(0, 1000),
)
def test_counts_are_the_expected_ones_rounded(weights: list[float], draws: int, seed: int) -> None:
    shares = np.array(weights) / sum(weights)
    drawn = draw_indices(shares, draws, np.random.default_rng(seed))
    assert len(drawn) == draws
    counts = np.bincount(drawn, minlength=len(shares))
    assert (np.abs(counts - draws * shares) < 1.0 + 1e-6).all()


def test_counts_over_many_epochs_are_the_expected_ones() -> None:
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    counts = np.zeros(4)
    for epoch in range(2_000):
        counts += np.bincount(draw_indices(weights, 3, epoch_generator(0, epoch)), minlength=4)
    np.testing.assert_allclose(counts / counts.sum(), weights, atol=0.01)


def test_weight_0_is_never_drawn() -> None:
    drawn = draw_indices(np.array([0.0, 1.0, 0.0]), 30, np.random.default_rng(0))
    assert set(drawn) == {1}


def test_an_epoch_repeats_itself_and_differs_from_the_next() -> None:
    weights = draw_weights(MIXED, SourceConfig(SHARES))

    def drawn(seed: int, epoch: int) -> list[int]:
        return draw_indices(weights, 60, epoch_generator(seed, epoch)).tolist()

    assert drawn(1, 4) == drawn(1, 4)
    assert drawn(1, 4) != drawn(1, 5)
    assert drawn(1, 4) != drawn(2, 4)


def test_batches_hold_every_draw_once_except_a_single_last_one() -> None:
    lengths = np.random.default_rng(1).integers(1, 100, 65).tolist()
    indices = np.arange(65)
    batches = list(batches_by_length(indices, lengths, 4, np.random.default_rng(0)))
    seen = Counter(int(i) for batch in batches for i in batch)
    assert len(seen) == 64
    assert set(seen.values()) == {1}
    assert all(2 <= len(batch) <= 4 for batch in batches)


@pytest.mark.parametrize("draws", [2, 63, 64, 65, 66, 1_025, 1_090])
def test_batches_are_counted(draws: int) -> None:
    batches = batches_by_length(np.arange(draws), [1] * draws, 64, np.random.default_rng(0))
    assert batch_count(draws, 64) == len(list(batches))


def test_batches_hold_similar_lengths() -> None:
    lengths = np.random.default_rng(1).integers(1, 1_000, 64).tolist()
    spread = [
        np.ptp([lengths[i] for i in batch])
        for batch in batches_by_length(np.arange(64), lengths, 4, np.random.default_rng(0))
    ]
    assert np.mean(spread) < 150  # 600 if batches were drawn blindly


def test_partners_have_the_same_label() -> None:
    pool = examples("meld", sad=5, happy=7, angry=2)
    labels = ["happy", "sad", "angry", "sad", "happy"] * 20
    partners = label_partners(labels, pool, np.random.default_rng(0))
    assert [pool[i].emotion for i in partners] == labels


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.sampled_from(["sad", "happy", "angry"]), max_size=50),
    counts=st.tuples(*[st.integers(1, 6)] * 3),
    seed=st.integers(0, 1000),
)
def test_partners_never_cross_labels(
    labels: list[str], counts: tuple[int, int, int], seed: int
) -> None:
    pool = examples("meld", sad=counts[0], happy=counts[1], angry=counts[2])
    partners = label_partners(labels, pool, np.random.default_rng(seed))
    assert [pool[i].emotion for i in partners] == labels


def test_partners_never_leave_the_pool() -> None:
    """A pool of one split yields that split only, whatever else the corpus holds."""
    train = examples("meld", sad=4, happy=4)
    dev = [Example("meld", "dev", e.emotion, f"dev_{e.group}") for e in train]
    for pool in (train, dev):
        partners = label_partners(["sad", "happy"] * 50, pool, np.random.default_rng(0))
        assert {pool[i].split for i in partners} == {pool[0].split}


def test_partners_cover_their_class_and_change_every_epoch() -> None:
    pool = examples("meld", sad=5, happy=5)
    labels = ["sad"] * 200
    first = label_partners(labels, pool, epoch_generator(0, 0))
    assert set(first) == {0, 1, 2, 3, 4}
    assert first.tolist() == label_partners(labels, pool, epoch_generator(0, 0)).tolist()
    assert first.tolist() != label_partners(labels, pool, epoch_generator(0, 1)).tolist()


def test_a_label_without_partner_is_named() -> None:
    pool = examples("meld", sad=2)
    with pytest.raises(ValueError, match="No partner labelled 'angry'"):
        label_partners(["sad", "angry"], pool, np.random.default_rng(0))
