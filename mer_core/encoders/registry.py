"""The encoders by family. To add one, write a module and a line in `ENCODERS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mer_core.encoders.base import CachedEncoder, Encoder

TOKENIZER_FILE = "tokenizer.json"


def _compact_speech(folder: Path | None, **shape: Any) -> Encoder:
    from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder

    return CompactSpeechEncoder(CompactSpeechConfig(**shape))


def _compact_face(folder: Path | None, **shape: Any) -> Encoder:
    from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder

    return CompactFaceEncoder(CompactFaceConfig(**shape))


def _compact_text(folder: Path | None, **shape: Any) -> Encoder:
    from tokenizers import Tokenizer

    from mer_core.encoders.compact_text import CompactTextEncoder

    if folder is None:
        raise ValueError("A compact text encoder needs the folder of its tokenizer.")
    return CompactTextEncoder(Tokenizer.from_file(str(folder / TOKENIZER_FILE)), **shape)


def _pretrained_speech(folder: Path | None, **shape: Any) -> Encoder:
    from mer_core.encoders.pretrained_speech import PretrainedSpeechConfig, PretrainedSpeechEncoder

    return PretrainedSpeechEncoder(PretrainedSpeechConfig(**shape))


def _pretrained_whisper(folder: Path | None, **shape: Any) -> Encoder:
    from mer_core.encoders.pretrained_whisper import PretrainedWhisperEncoder
    from mer_core.encoders.whisper_backbone import PretrainedWhisperConfig

    return PretrainedWhisperEncoder(PretrainedWhisperConfig(**shape))


def _pretrained_text(folder: Path | None, **shape: Any) -> Encoder:
    from tokenizers import Tokenizer

    from mer_core.encoders.pretrained_text import PretrainedTextConfig, PretrainedTextEncoder

    settings = PretrainedTextConfig(**shape)
    if settings.config is None:  # the source has the tokenizer too
        return PretrainedTextEncoder(settings)
    if folder is None:
        raise ValueError("A pretrained text encoder needs the folder of its tokenizer.")
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    return PretrainedTextEncoder(settings, tokenizer)


def _pretrained_vision(folder: Path | None, **shape: Any) -> Encoder:
    from mer_core.encoders.pretrained_vision import PretrainedVisionConfig, PretrainedVisionEncoder

    return PretrainedVisionEncoder(PretrainedVisionConfig(**shape))


def _cached(folder: Path | None, **shape: Any) -> Encoder:
    return CachedEncoder(**shape)


# transformers takes seconds to import, so each family is imported when it is built.
ENCODERS: dict[str, Callable[..., Encoder]] = {
    "compact_speech": _compact_speech,
    "compact_face": _compact_face,
    "compact_text": _compact_text,
    "pretrained_speech": _pretrained_speech,
    "pretrained_whisper": _pretrained_whisper,
    "pretrained_text": _pretrained_text,
    "pretrained_vision": _pretrained_vision,
    "cached": _cached,
}


def build_encoder(architecture: dict[str, Any], folder: Path | None = None) -> Encoder:
    """An encoder with fresh weights from the result of `Encoder.architecture`.

    Args:
        architecture: `family`, a key of `ENCODERS`, and that family's settings.
        folder: Checkpoint folder with the tokenizer, if the encoder has one.

    Raises:
        ValueError: The family or a setting is unknown.
    """
    shape = dict(architecture)
    family = shape.pop("family", None)
    if family not in ENCODERS:
        raise ValueError(f"There is no encoder {family!r}; encoders are {', '.join(ENCODERS)}.")
    shape = {key: tuple(v) if isinstance(v, list) else v for key, v in shape.items()}
    try:
        return ENCODERS[family](folder, **shape)
    except TypeError as error:
        raise ValueError(f"Encoder {family!r}: {error}") from None
