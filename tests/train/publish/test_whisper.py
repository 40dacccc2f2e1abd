"""The folder of the transcriber's model: what is completed, refused and written beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from mer_core.checkpoints.shipped import WHISPER
from train.publish import whisper
from train.publish.whisper import complete_config, make_whisper


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder as transformers writes it, its weights a stand-in."""
    folder = tmp_path / "source"
    folder.mkdir()
    shape = {"decoder_layers": 6, "decoder_attention_heads": 8, "vocab_size": 51_865}
    (folder / "config.json").write_text(json.dumps(shape))
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "preprocessor_config.json").write_text("{}")
    added = [{"id": 5, "content": "<|pl|>"}, {"id": 4, "content": "<|en|>"}]
    added.append({"id": 9, "content": "<|translate|>"})
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    return folder


@pytest.fixture(autouse=True)
def _no_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(folder: Path, out: Path) -> None:
        out.mkdir()
        (out / "model.bin").write_bytes(b"int8")
        (out / "config.json").write_text('{"alignment_heads": null, "lang_ids": []}')

    monkeypatch.setattr(whisper, "convert", convert)
    monkeypatch.setattr(whisper, "suppressed_tokens", lambda file: (1, 2))


def test_what_the_source_does_not_state_is_completed(source: Path, tmp_path: Path) -> None:
    make_whisper(str(source), tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["lang_ids"] == [4, 5]
    assert config["alignment_heads"][0] == [3, 1]
    assert config["suppress_ids"] == [1, 2]


def test_the_card_has_the_hashes_and_the_licence_is_beside_it(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "metrics.json").write_text('{"sets": {}}')
    make_whisper(str(source), out)
    card = (out / "README.md").read_text("utf-8")
    for content in (b"weights", b"int8"):
        assert hashlib.sha256(content).hexdigest() in card
    assert "WER" in card
    assert "Copyright (c) 2022 OpenAI" in (out / "LICENSE").read_text()


def test_a_config_with_generation_settings_stays(source: Path, tmp_path: Path) -> None:
    (source / "generation_config.json").write_text("{}")
    converted = tmp_path / "converted"
    whisper.convert(source, converted)
    complete_config(source, converted)
    assert json.loads((converted / "config.json").read_text())["lang_ids"] == []


def test_other_sizes_need_their_generation_settings(source: Path, tmp_path: Path) -> None:
    shape = {"decoder_layers": 12, "decoder_attention_heads": 12, "vocab_size": 51_865}
    (source / "config.json").write_text(json.dumps(shape))
    with pytest.raises(ValueError, match=r"generation_config\.json is missing"):
        make_whisper(str(source), tmp_path / "out")


def test_missing_files_and_large_ones_are_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper, "LARGEST", 3)
    with pytest.raises(ValueError, match="more than a file may have"):
        make_whisper(str(source), tmp_path / "out")
    (source / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"tokenizer\.json is missing"):
        make_whisper(str(source), tmp_path / "out")


def test_the_shipped_card_names_the_shipped_file() -> None:
    card = (WHISPER / "README.md").read_text("utf-8")
    assert whisper.sha256(WHISPER / "model.bin") in card
    assert (WHISPER / "model.bin").stat().st_size < whisper.LARGEST
    assert json.loads((WHISPER / "config.json").read_text())["alignment_heads"]
