"""The shipped model, loaded once for every test that asks it something."""

from __future__ import annotations

import pytest

from mer_core.serving import Predictor


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    return Predictor.load(device="cpu")
