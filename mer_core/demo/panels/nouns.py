"""What a sentence calls a modality: `voice`, `words`, `face`, as the descriptors name them."""

from __future__ import annotations

from mer_core.frameworks.descriptor import MODALITIES
from mer_core.types import Prediction


def modalities(prediction: Prediction) -> tuple[str, ...]:
    """Those of the prediction's framework, the leading one first, whether present or not."""
    return tuple(name for name in prediction.by_modality if name in MODALITIES)


def noun(modality: str) -> str:
    """What the modality carries; a name that no framework uses stays as it is."""
    known = MODALITIES.get(modality)
    return modality if known is None else known.noun


def several(modality: str) -> str:
    """The noun's plural: `voices`, `words`, `faces`."""
    known = MODALITIES.get(modality)
    return f"{modality}s" if known is None else known.several


def is_plural(modality: str) -> bool:
    """Whether the noun takes the verb's plural."""
    known = MODALITIES.get(modality)
    return known is not None and known.plural


def verb(modality: str, singular: str, plural: str) -> str:
    """The form of a verb that goes with the noun."""
    return plural if is_plural(modality) else singular
