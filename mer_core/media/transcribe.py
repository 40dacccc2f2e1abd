"""Speech to text with a Whisper model from the local Hub cache or, where reachable, the Hub.

Radford et al., Robust speech recognition via large-scale weak supervision, arXiv:2212.04356.
Emotion recognition does not need it; without a Whisper model, the page says so.
"""

from __future__ import annotations

import importlib
import os
import threading
from dataclasses import dataclass
from typing import Any

from mer_core.types import SAMPLE_RATE

# Multilingual models, best first. Where none is cached, `DOWNLOADED` is downloaded.
MODELS = ("openai/whisper-small", "openai/whisper-base", "openai/whisper-tiny")
DOWNLOADED = "openai/whisper-base"
DOWNLOADED_MB = 290
FILES = ("config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors")
CHUNK_SECONDS = 30.0  # Whisper's window; longer recordings need timestamps


@dataclass(frozen=True)
class Whisper:
    """The Whisper model that is available, if any.

    Attributes:
        model: Folder or Hub id, or None.
        cached: Whether it is already on this machine.
        reason: One sentence for the visitor on what transcription uses, or why it is off.
    """

    model: str | None
    cached: bool
    reason: str


def find_whisper(timeout: float = 3.0) -> Whisper:
    """The best cached model, or `DOWNLOADED` if the Hub answers within `timeout` seconds."""
    for model in MODELS:
        if folder := cached_folder(model):
            return Whisper(folder, True, f"Transcribe turns the recording into text with {model}.")
    if hub_answers(DOWNLOADED, timeout):
        reason = f"The first transcription downloads {DOWNLOADED} ({DOWNLOADED_MB} MB)."
        return Whisper(DOWNLOADED, False, reason)
    return Whisper(
        None,
        False,
        "Transcribe is off: this machine has no Whisper model, and the Hugging Face Hub cannot be "
        "reached.",
    )


def cached_folder(model: str) -> str | None:
    """The local Hub cache's folder of a complete model, or None; it loads without a network."""
    from huggingface_hub import try_to_load_from_cache

    cached = [try_to_load_from_cache(model, file) for file in FILES]
    paths = [path for path in cached if isinstance(path, str)]
    return os.path.dirname(paths[0]) if len(paths) == len(FILES) else None


def hub_answers(model: str, timeout: float) -> bool:
    """Whether the Hub has the model and answers in time; never raises."""
    from huggingface_hub import HfApi
    from huggingface_hub.constants import is_offline_mode

    if is_offline_mode():
        return False
    try:
        HfApi().model_info(model, timeout=timeout)
    except Exception:  # any failure means that the Hub cannot be used
        return False
    return True


class Transcriber:
    """A Whisper model, loaded at the first call.

    Args:
        model: Hub id or local folder.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._pipeline: Any = None
        self._lock = threading.Lock()

    def __call__(self, source: str) -> str:
        """The words of a recording, without surrounding white space.

        Raises:
            MediaError: The recording cannot be read.
        """
        from mer_core.media.audio import load_audio

        waveform = load_audio(source)  # decoded here, so that no ffmpeg program is needed
        long = waveform.size > CHUNK_SECONDS * SAMPLE_RATE
        with self._lock:
            if self._pipeline is None:
                self._pipeline = self._load()
            result = self._pipeline(
                {"raw": waveform, "sampling_rate": SAMPLE_RATE}, return_timestamps=long
            )
        return str(result["text"]).strip()

    def _load(self) -> Any:
        import mer_core.torchaudio_compat  # noqa: F401  (transformers imports torchaudio)

        pipeline = importlib.import_module("transformers").pipeline
        return pipeline("automatic-speech-recognition", model=self._model)
