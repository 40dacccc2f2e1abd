"""What every refusal of a recording or a video has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mer_core.media import MediaError, load_audio


def refusal_of(source: Any, load: Callable[[Any], Any] = load_audio) -> MediaError:
    with pytest.raises(MediaError) as refused:
        load(source)
    error = refused.value
    assert error.kind.isidentifier()
    assert str(error) == error.message
    assert error.message[0].isupper() or error.message[0] in "'\""
    assert error.message.endswith(".")
    assert "Error" not in error.message
    return error
