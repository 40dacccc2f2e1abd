"""Models that several adapters' tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoders.tiny_whisper import tiny_model


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as on the Hub, of a whole tiny Whisper."""
    folder = tmp_path_factory.mktemp("private") / "tiny-whisper"
    tiny_model().save_pretrained(folder)
    return folder
