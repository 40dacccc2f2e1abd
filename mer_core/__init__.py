"""Multimodal emotion recognition: MGCMA on speech and text, Foal-Net on voice and face.

Importing this costs nothing; torch and the models load when a name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mer_core.types import Prediction

if TYPE_CHECKING:
    from mer_core.media import MediaError
    from mer_core.serving.predictor import Predictor

__all__ = ["MediaError", "Prediction", "Predictor", "__version__"]

__version__ = "0.1.0"  # the only place: pyproject.toml reads it from here


def __getattr__(name: str) -> Any:
    if name == "Predictor":
        from mer_core.serving.predictor import Predictor

        return Predictor
    if name == "MediaError":
        from mer_core.media.errors import MediaError

        return MediaError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
