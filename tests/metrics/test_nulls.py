"""Null lines are the means of their metrics over shuffles that share no code with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import permutation_test, special_ortho_group

from mer_core.alignment.gaussians import Gaussians
from mer_core.metrics.catalogue import METRICS, Null
from mer_core.metrics.clouds import Clouds, normalised
from mer_core.metrics.nulls import null_report, pairs_nulls
from mer_core.metrics.report import alignment_report, pairs_report
from mer_core.metrics.structure import mutual_neighbours

Cloud = NDArray[np.float64]
LABELS = np.arange(24) % 4
TIMES = 120


def clouds() -> tuple[Cloud, Cloud]:
    """Emotions and modalities that can be told apart, so that a shuffle changes every metric."""
    random = np.random.default_rng(0)
    x, y = (np.eye(5)[LABELS] + 0.4 * random.normal(size=(24, 5)) for _ in range(2))
    return normalised(x), normalised(y + 0.5 * np.eye(5)[4] + 0.3 * x)


def gaussians_of(x: Cloud, y: Cloud) -> tuple[Gaussians[Cloud], Gaussians[Cloud]]:
    return Gaussians(x, np.abs(x)), Gaussians(y, np.abs(y))


def modalities(random: np.random.Generator) -> tuple[Cloud, ...]:
    x, y = (z.copy() for z in clouds())
    for label in range(4):
        own = np.flatnonzero(label == LABELS)
        pool = random.permutation(np.concatenate([x[own], y[own]]))
        x[own], y[own] = pool[: len(own)], pool[len(own) :]
    return x, y, LABELS, LABELS


def emotions(random: np.random.Generator) -> tuple[Cloud, ...]:
    return *clouds(), random.permutation(LABELS), random.permutation(LABELS)


def partners(random: np.random.Generator) -> tuple[Cloud, ...]:
    x, y = clouds()
    order = random.permutation(24)
    return x, y[order], LABELS, LABELS[order]


def directions(random: np.random.Generator) -> tuple[Cloud, ...]:
    vectors = random.normal(size=(2, 24, 5))
    return vectors[0], vectors[1], LABELS, LABELS


SHUFFLES = {
    Null.MODALITIES: modalities,
    Null.EMOTIONS: emotions,
    Null.PARTNERS: partners,
    Null.DIRECTIONS: directions,
}


@pytest.fixture(scope="module")
def shuffled() -> dict[Null, dict[str, Cloud]]:
    """Null → metric → its values over `TIMES` shuffles."""
    found = {}
    for null, shuffle in SHUFFLES.items():
        random, reports = np.random.default_rng(7), []
        for _ in range(TIMES):
            x, y, *labels = shuffle(random)
            given = gaussians_of(normalised(x), normalised(y))
            reports.append(alignment_report(x, y, *labels, natural=True, gaussians=given))
        found[null] = {n: np.array([r[n] for r in reports], dtype=np.float64) for n in METRICS}
    return found


@pytest.mark.parametrize("name", METRICS)
def test_a_null_line_is_the_mean_over_shuffles(
    name: str, shuffled: dict[Null, dict[str, Cloud]]
) -> None:
    x, y = clouds()
    given = gaussians_of(x, y)
    null = null_report(Clouds.of(x, y, LABELS, LABELS, natural=True, gaussians=given))[name]
    found = shuffled[METRICS[name].null][name]
    # The null line itself may be a mean over 20 shuffles, and mixing ignores the emotions.
    allowed = 4 * found.std() * math.sqrt(1 / TIMES + 1 / 20) + 0.02
    assert null == pytest.approx(found.mean(), abs=allowed)


def test_closed_forms() -> None:
    x, y = clouds()
    nulls = null_report(Clouds.of(x, y, LABELS, LABELS, natural=True))
    assert nulls["mixing"] == pytest.approx(24 / 47)
    assert nulls["precision_at_5"] == pytest.approx(0.25)
    assert nulls["modality_probe"] == nulls["foscttm"] == nulls["foscttm_emotion"] == 0.5
    assert nulls["recall_at_5"] == pytest.approx(5 / 24)
    assert nulls["mutual_neighbours"] == pytest.approx(10 / 23)
    assert nulls["mmd2"] == nulls["mmd2_fixed"] == 0.0
    unequal = null_report(Clouds.of(x, y[:9], LABELS, LABELS[:9] % 2, natural=False))
    assert unequal["precision_at_1"] == pytest.approx(0.25 * 5 / 9 + 0.25 * 4 / 9)


def test_random_directions_in_three_dimensions_have_a_known_uniformity() -> None:
    """The cosine is uniform in three dimensions: the mean of exp(4 u - 4) is (1 - e⁻⁸) / 8."""
    x = np.random.default_rng(0).normal(size=(8, 3))
    labels = np.arange(8) % 2
    nulls = null_report(Clouds.of(x, x, labels, labels, natural=False))
    assert nulls["uniformity_x"] == pytest.approx(math.log((1 - math.exp(-8)) / 8))
    assert nulls["uniformity_joint"] == nulls["uniformity_y"] == nulls["uniformity_x"]


def test_pairs_have_the_mean_over_all_permutations() -> None:
    """Four recordings have 24 orders: all of them, by SciPy."""
    random = np.random.default_rng(1)
    x, y = normalised(random.normal(size=(4, 3))), normalised(random.normal(size=(4, 3)))
    nulls = pairs_nulls(x, y)
    for name in pairs_report(x, y):
        every = permutation_test(
            (np.arange(4),),
            lambda order, name=name: pairs_report(x, y[order.astype(int)])[name],
            permutation_type="pairings",
            n_resamples=np.inf,
            vectorized=False,
        ).null_distribution
        assert len(every) == 24
        assert nulls[name] == pytest.approx(
            every.mean(), abs=0.01 * (name == "relative_gap") + 1e-9
        )


def test_mutual_neighbours_of_independent_clouds_are_at_their_null() -> None:
    random = np.random.default_rng(2)
    found = [mutual_neighbours(*random.normal(size=(2, 60, 8))) for _ in range(40)]
    assert abs(np.mean(found) - 10 / 59) < 4 * np.std(found) / math.sqrt(40)


def test_what_has_no_metric_has_no_null_line_and_all_else_has_one() -> None:
    x, y = clouds()
    report = alignment_report(x, y, LABELS, LABELS, natural=False)
    nulls = null_report(Clouds.of(x, y, LABELS, LABELS, natural=False))
    assert list(nulls) == list(METRICS)
    assert {n for n, v in nulls.items() if v is None} == {n for n, v in report.items() if v is None}
    assert nulls == null_report(Clouds.of(x, y, LABELS, LABELS, natural=False))  # seeded
    turn = 3.0 * special_ortho_group.rvs(5, random_state=0)
    turned = null_report(Clouds.of(x @ turn, y @ turn, LABELS, LABELS, natural=False))
    assert turned == pytest.approx(nulls, abs=1e-6)
    with pytest.raises(ValueError, match="Two emotions"):
        null_report(Clouds.of(x, y, LABELS * 0, LABELS, natural=False))


def test_every_metric_asks_one_question() -> None:
    for name, metric in METRICS.items():
        assert metric.question.endswith("?"), name
        assert metric.question.count("?") == 1, name
        assert metric.question.format(x="speech", y="text")[0].isupper(), name
