"""faster-whisper's model for one clip at a time: short windows, each encoded once.

Radford et al., Robust speech recognition via large-scale weak supervision, arXiv:2212.04356.
`transcribe` imports this at the first use: it loads CTranslate2.
"""

from __future__ import annotations

import json
import os
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import merge_punctuations
from tokenizers import Tokenizer as Vocabulary

from mer_core.types import ENGLISH, FloatArray

WINDOW_FRAMES = 3_000  # 30 s of 10 ms, Whisper's window
# Whisper was trained on windows padded to 30 s and repeats itself without padding, but English
# needs only a part of it, and the encoder takes most of the time. Word error rates on 100 clips of
# the development speakers, 10 s of padding instead of all: RAVDESS (English) 0.028 instead of
# 0.032, nEMO (Polish) 0.502 instead of 0.453, in a third of the time.
PADDING_FRAMES = 1_000  # 10 s
MAX_THREADS = 4  # more make a small model no faster
MAX_TEXT_TOKENS = 220  # what Whisper writes of one window at most
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # faster-whisper's: part of a word
HUB_PREFIX = "openai/whisper-"  # weights in another format; their sizes exist in CTranslate2's too


class ClipWhisper(WhisperModel):  # type: ignore[misc]  # faster-whisper has no types
    """A loaded model that keeps the last window it encoded: one object a call.

    Detecting the language, transcribing and translating all encode a clip's first window. The
    object ends with the call, and with it what it keeps of the recording.
    """

    def __init__(self, loaded: WhisperModel) -> None:
        self.__dict__.update(loaded.__dict__)
        self._padding = PADDING_FRAMES
        self._window: FloatArray | None = None
        self._encoded: Any = None

    def encode(self, features: FloatArray) -> Any:
        """The encoder's output for one window of features (mels, `WINDOW_FRAMES`)."""
        window = with_padding(features, self._padding)
        if self._window is None or not np.array_equal(window, self._window):
            self._encoded = super().encode(window)
            self._window = window
        return self._encoded

    def language_of(self, waveform: FloatArray) -> tuple[str, float]:
        """Code and probability of the language in the first 30 s of a waveform (S,).

        Where it does not sound English, it is detected again in a whole window, and so the words
        are then found.
        """
        if not self.model.is_multilingual:
            return ENGLISH, 1.0
        # `transcribe` leaves out the last frame; so does this, to encode the same window.
        features = self.feature_extractor(waveform)[..., :-1]
        language, probability, _ = self.detect_language(features=features)
        if language != ENGLISH and self._padding < WINDOW_FRAMES:
            self._padding = WINDOW_FRAMES
            return self.language_of(waveform)
        return str(language), float(probability)

    def align(self, waveform: FloatArray, text: str, language: str) -> list[dict[str, Any]]:
        """When each word of a text was said in a waveform (S,) of up to 30 s (forced alignment).

        The decoder reads the text instead of writing one; the moments come from its attention to
        the sound, and the probabilities are those that it would have written the words with.

        Returns:
            `word`, `start` and `end` in seconds, and `probability` of each word; none of a text
            that is too long for 30 s.
        """
        features = self.feature_extractor(waveform)[..., :-1]
        tokenizer = Tokenizer(
            self.hf_tokenizer, self.model.is_multilingual, task="transcribe", language=language
        )
        tokens = tokenizer.encode(f" {text}")
        if len(tokens) > MAX_TEXT_TOKENS:
            return []
        encoded = self.encode(pad_or_trim(features))
        (found,) = self.find_alignment(tokenizer, [tokens], encoded, features.shape[-1])
        merge_punctuations(found, PREPENDED, APPENDED)
        return [word for word in found if word["word"].strip()]


def with_padding(features: FloatArray, padding: int) -> FloatArray:
    """A window (mels, frames) whose end holds no more than so many frames of zeros."""
    filled = np.flatnonzero(features.any(axis=0))
    content = int(filled[-1]) + 1 if filled.size else 0
    frames = content + padding
    return np.ascontiguousarray(features[:, : frames + frames % 2])  # the encoder halves them


def load_whisper(model: str, device: str) -> WhisperModel:
    """Load a model.

    Args:
        model: A folder in CTranslate2's format, a size such as `small`, or a Hub id.
        device: `auto` (a GPU where there is one that works), `cpu`, `cuda` or `cuda:N`; CTranslate2
            knows no others and uses the CPU instead.

    Raises:
        Exception: Of CTranslate2, the Hub or the file system: there is no such model or device.
    """
    if device == "auto":
        if ctranslate2.get_cuda_device_count():
            try:
                return _load(model, "cuda")
            except (RuntimeError, ValueError):  # its CUDA libraries are not the installed ones
                pass
        return _load(model, "cpu")
    return _load(model, device)


def with_every_merge(vocabulary: Vocabulary) -> Vocabulary:
    """A vocabulary that can write every one of its tokens.

    `tokenizer.json` of `openai/whisper-base` lacks the first merge of its byte-pair encoding, of a
    space and a `t`, and so splits ` the` into two tokens, which Whisper never writes.
    """
    merged = len(vocabulary.encode(" t", add_special_tokens=False).ids) == 1
    if merged or vocabulary.token_to_id("Ġt") is None:
        return vocabulary
    content = json.loads(vocabulary.to_str())
    merges = content["model"]["merges"]
    merges.insert(0, "Ġ t" if merges and isinstance(merges[0], str) else ["Ġ", "t"])
    return Vocabulary.from_str(json.dumps(content))


def _load(model: str, device: str) -> WhisperModel:
    kind, _, index = device.partition(":")
    gpu = kind == "cuda"
    loaded = WhisperModel(
        model.removeprefix(HUB_PREFIX),
        device="cuda" if gpu else "cpu",
        device_index=int(index or 0) if gpu else 0,
        compute_type="int8_float16" if gpu else "int8",
        cpu_threads=0 if "OMP_NUM_THREADS" in os.environ else min(MAX_THREADS, usable_cores()),
    )
    loaded.hf_tokenizer = with_every_merge(loaded.hf_tokenizer)
    if gpu:  # CTranslate2 looks for its libraries only when it computes
        ClipWhisper(loaded).encode(np.zeros((loaded.model.n_mels, WINDOW_FRAMES), np.float32))
    return loaded


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
