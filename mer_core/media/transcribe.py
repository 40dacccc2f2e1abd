"""Speech to text with a Whisper model from the local Hub cache or, if it answers, the Hub.

Radford et al., Robust speech recognition via large-scale weak supervision, arXiv:2212.04356.
Nothing here is needed for recognition; where no Whisper model can be had, the page says so.
"""

from __future__ import annotations

import importlib
import os
import threading
from dataclasses import dataclass
from typing import Any

from mer_core.types import SAMPLE_RATE

# Multilingual ones, best first; the middle one is what gets downloaded where none is cached.
MODELS = ("openai/whisper-small", "openai/whisper-base", "openai/whisper-tiny")
DOWNLOADED = "openai/whisper-base"
DOWNLOADED_MB = 290
NEEDED = ("config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors")
CHUNK_SECONDS = 30.0  # Whisper's window; longer recordings need time stamps


@dataclass(frozen=True)
class Whisper:
    """Which model can transcribe here, if any.

    Attributes:
        model: Folder or Hub id, or None.
        cached: Whether it is on this machine already.
        reason: One sentence for the visitor on where it comes from, or why there is none.
    """

    model: str | None
    cached: bool
    reason: str


def find_whisper(timeout: float = 3.0) -> Whisper:
    """The best cached model, or one that the Hub offers within `timeout` seconds."""
    for model in MODELS:
        if folder := cached_folder(model):
            return Whisper(folder, True, f"Transcribe writes down what was said, with {model}.")
    if hub_answers(DOWNLOADED, timeout):
        reason = f"The first transcription downloads {DOWNLOADED} ({DOWNLOADED_MB} MB)."
        return Whisper(DOWNLOADED, False, reason)
    return Whisper(
        None,
        False,
        "Transcribe is off: there is no Whisper model on this machine and the Hugging Face Hub "
        "cannot be reached.",
    )


def cached_folder(model: str) -> str | None:
    """Where the local Hub cache holds all of a model, or None; a folder loads without network."""
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(model, file) for file in NEEDED]
    paths = [path for path in found if isinstance(path, str)]
    return os.path.dirname(paths[0]) if len(paths) == len(NEEDED) else None


def hub_answers(model: str, timeout: float) -> bool:
    """Whether the Hub knows the model and answers in time; never raises."""
    from huggingface_hub import HfApi
    from huggingface_hub.constants import is_offline_mode

    if is_offline_mode():
        return False
    try:
        HfApi().model_info(model, timeout=timeout)
    except Exception:  # every way a network can fail means the same here
        return False
    return True


class Transcriber:
    """Whisper behind one call; the model is loaded at the first one.

    Args:
        model: Hub id or local folder.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._pipeline: Any = None
        self._lock = threading.Lock()

    def __call__(self, source: str) -> str:
        """The words of a recording, stripped.

        Raises:
            MediaError: The recording cannot be read.
        """
        from mer_core.media.audio import load_audio

        waveform = load_audio(source)  # decoded here, so that no ffmpeg program is needed
        long = waveform.size > CHUNK_SECONDS * SAMPLE_RATE
        with self._lock:
            if self._pipeline is None:
                self._pipeline = self._load()
            said = self._pipeline(
                {"raw": waveform, "sampling_rate": SAMPLE_RATE}, return_timestamps=long
            )
        return str(said["text"]).strip()

    def _load(self) -> Any:
        import mer_core.torchaudio_compat  # noqa: F401  (transformers imports torchaudio)

        pipeline = importlib.import_module("transformers").pipeline
        return pipeline("automatic-speech-recognition", model=self._model)
