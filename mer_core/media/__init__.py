"""Files and bytes → bounded arrays; input that cannot be read raises a `MediaError`."""

from mer_core.media.audio import MAX_SECONDS, MIN_SECONDS, load_audio
from mer_core.media.errors import MediaError, MediaErrorKind
from mer_core.media.text import MAX_CHARACTERS, load_text

__all__ = [
    "MAX_CHARACTERS",
    "MAX_SECONDS",
    "MIN_SECONDS",
    "MediaError",
    "MediaErrorKind",
    "load_audio",
    "load_text",
]
