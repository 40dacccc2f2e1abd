"""Ridge regression against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from mer_core.metrics.ridge import Ridge


@pytest.mark.parametrize("targets", [1, 3])
def test_it_is_sklearns(targets: int) -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((60, 5)) + 2
    known = rows @ random.standard_normal((5, targets)) + random.standard_normal((60, targets))
    weights = random.uniform(0.5, 2, 60)
    shares = weights / weights.sum()
    variance = float((shares @ np.square(rows - shares @ rows)).mean())
    oracle = SklearnRidge(alpha=0.1 * variance).fit(rows, known, sample_weight=shares)
    fitted = Ridge.fit(rows, known, weights, ridge=0.1)
    new = random.standard_normal((7, 5))
    expected = oracle.predict(new).reshape(7, targets)
    np.testing.assert_allclose(fitted.predict(new), expected, atol=1e-9)
    alone = Ridge.fit(rows, known[:, 0], weights, ridge=0.1)
    np.testing.assert_allclose(alone.predict(new), expected[:, 0], atol=1e-9)


def test_features_that_do_not_vary_predict_the_mean() -> None:
    fitted = Ridge.fit(np.ones((4, 2)), np.array([1.0, 2, 3, 6]), np.ones(4))
    np.testing.assert_allclose(fitted.predict(np.ones((1, 2))), [3])
