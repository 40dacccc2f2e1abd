"""Calibration of confidence: the expected calibration error and temperature scaling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 10  # equal-width confidence bins of the calibration error


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """ECE: |accuracy - confidence| of the top class, averaged over `BINS` equal-width bins.

    Guo et al. 2017 (arXiv 1706.04599), Eq. 3.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == np.asarray(labels)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, weights=correct - confidence, minlength=BINS)
    return float(np.abs(gap).sum() / max(1, len(confidence)))


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
