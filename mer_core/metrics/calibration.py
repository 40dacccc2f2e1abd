"""Calibration of confidence: the expected calibration error and temperature scaling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 10  # equal-width confidence bins of the calibration error


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """ECE: |accuracy - confidence| of the top class, averaged over `BINS` equal-width bins.

    Guo et al. 2017 (arXiv 1706.04599), Eq. 3.
    """
    gaps = confidence_gaps(labels, probabilities)
    return float(np.abs(gaps).sum() / max(1, len(np.asarray(labels))))


def confidence_gaps(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """(BINS,) accuracy minus confidence of the top class, summed over the items of each bin.

    The gaps of several parts add up to those of the whole, so that the ECE of pooled parts needs no
    single item.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == np.asarray(labels)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return np.asarray(np.bincount(bins, correct - confidence, BINS), dtype=np.float64)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T that minimises the cross-entropy of softmax(logits / T).

    Guo et al. 2017, Sect. 4.2. Fit it on development data only.
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)

    def cross_entropy(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scores[np.arange(len(labels)), labels].mean())

    result = minimize_scalar(cross_entropy, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(result.x))
