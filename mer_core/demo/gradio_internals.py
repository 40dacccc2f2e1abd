"""What the demo needs from gradio beyond its documented names; a test explains what moved.

`gradio.processing_utils` is not documented, but only it puts bytes where gradio serves downloads
from and sweeps them with everything else that visitors leave.
"""

from __future__ import annotations

from typing import Any

from gradio.processing_utils import save_bytes_to_cache


def save_download(data: bytes, name: str, button: Any) -> str:
    """Path of a file in the cache of a `gr.DownloadButton`, which it may serve."""
    return str(save_bytes_to_cache(data, name, button.GRADIO_CACHE))
