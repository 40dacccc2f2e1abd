"""Names of languages that Whisper writes."""

from __future__ import annotations


def language_name(code: str) -> str:
    """The English name of a language, such as `Polish` for `pl`; an unknown code as it is."""
    # Not at import: transformers takes seconds.
    import mer_core.torchaudio_compat  # noqa: F401  (transformers imports torchaudio)

    from transformers.models.whisper.tokenization_whisper import LANGUAGES  # isort: skip

    return str(LANGUAGES.get(code, code)).title()
