"""The `MediaError` of a bad source, with checks that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mer_core.media import MediaError, audio, load_audio


def media_error_of(source: Any, load: Callable[[Any], Any] = load_audio) -> MediaError:
    """The error that `load` raises for `source`, with a message for people."""
    with pytest.raises(MediaError) as raised:
        load(source)
    error = raised.value
    assert error.kind.isidentifier()
    assert str(error) == error.message
    assert error.message[0].isupper() or error.message[0] in "'\""
    assert error.message.endswith(".")
    assert not [word for word in ("Error", "Errno", "0x") if word in error.message]
    return error


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, decoding a frame of sound fails the test."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("sound was decoded before its length was checked")

    monkeypatch.setattr(audio.av, "AudioResampler", refuse)
