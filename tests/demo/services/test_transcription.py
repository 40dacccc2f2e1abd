"""Finding a Whisper model, and running one of the right classes with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from mer_core.media import MediaError, transcribe
from mer_core.media.transcribe import Transcriber, find_whisper
from mer_core.types import SAMPLE_RATE


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribe, "cached_folder", lambda model: None)


def test_the_best_cached_model_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = {"openai/whisper-base": "base", "openai/whisper-tiny": "tiny"}
    monkeypatch.setattr(transcribe, "cached_folder", cached.get)
    monkeypatch.setattr(transcribe, "hub_answers", lambda *_: pytest.fail("no need to ask"))
    found = find_whisper()
    assert (found.model, found.cached) == ("base", True)
    assert "openai/whisper-base" in found.reason


@pytest.mark.usefixtures("no_cache")
def test_a_reachable_hub_is_offered_with_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribe, "hub_answers", lambda *_: True)
    found = find_whisper()
    assert (found.model, found.cached) == (transcribe.DOWNLOADED, False)
    assert "MB" in found.reason


@pytest.mark.usefixtures("no_cache")
def test_neither_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribe, "hub_answers", lambda *_: False)
    found = find_whisper()
    assert found.model is None
    assert "this machine has no Whisper model" in found.reason


def test_a_hub_that_fails_is_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def failing(*_: Any, **options: Any) -> None:
        assert options["timeout"] == 0.1
        raise OSError("no route")

    monkeypatch.setattr(HfApi, "model_info", failing)
    assert not transcribe.hub_answers("openai/whisper-base", 0.1)


def test_only_a_whole_model_counts_as_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def lookup(model: str, file: str) -> str | None:
        return str(tmp_path / file) if (tmp_path / file).exists() else None

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lookup)
    for file in transcribe.FILES:
        assert transcribe.cached_folder("some/model") is None
        (tmp_path / file).touch()
    assert transcribe.cached_folder("some/model") == str(tmp_path)


def tiny_whisper(folder: Path) -> Path:
    """A Whisper of two thin layers with a byte vocabulary and random weights."""
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    import mer_core.torchaudio_compat  # noqa: F401  (transformers imports torchaudio)

    names = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"]
    names += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    names += [f"<|{0.02 * step:.2f}|>" for step in range(1501)]
    letters = sorted(ByteLevel.alphabet())
    tokenizer = WhisperTokenizer(vocab={c: i for i, c in enumerate(letters)}, merges=[])
    tokenizer.add_tokens(names, special_tokens=True)
    ids = {name: int(tokenizer.convert_tokens_to_ids(name)) for name in names}
    torch.manual_seed(0)
    marks = {
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        **dict.fromkeys(("pad_token_id", "eos_token_id", "bos_token_id"), ids["<|endoftext|>"]),
    }
    config = WhisperConfig(
        vocab_size=len(letters) + len(names), d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, num_mel_bins=8, max_target_positions=64,
        **marks,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    # Settings of their own: those derived from the config are derived anew on loading.
    settings = model.generation_config = GenerationConfig(**marks)
    settings.is_multilingual = True
    settings.lang_to_id = {"<|en|>": ids["<|en|>"]}
    settings.task_to_id = {
        "transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]
    }  # fmt: skip
    settings.no_timestamps_token_id = ids["<|notimestamps|>"]
    settings.max_length = 12
    settings.suppress_tokens = list(ids.values())[1:9]
    settings.begin_suppress_tokens = [ids["<|endoftext|>"]]
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(feature_size=8), tokenizer).save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_recording_goes_through_the_pipeline(tmp_path: Path) -> None:
    """Random weights write nonsense; what counts is that sound goes in and text comes out."""
    transcriber = Transcriber(str(tiny_whisper(tmp_path / "whisper")))
    noise = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    for seconds in (2, 34):
        clip = tmp_path / f"{seconds}.wav"
        soundfile.write(clip, 0.1 * np.tile(noise, seconds // 2), SAMPLE_RATE)
        words = transcriber(str(clip))
        assert isinstance(words, str)
        assert words == words.strip()
    (tmp_path / "bad.wav").write_bytes(b"no sound at all" * 99)
    with pytest.raises(MediaError):
        transcriber(str(tmp_path / "bad.wav"))
