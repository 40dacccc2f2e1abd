"""The one door to torchaudio, so that it imports on a CPU-only torch as well.

The registry's Linux wheels of torchaudio are CUDA builds: their C++ extension cannot load beside
a CPU-only torch, and `import torchaudio` raises OSError. transformers imports torchaudio whenever
it is installed, so its models fail too. Everything used here (resampling, log-mel features,
augmentation) is plain Python on torch, so a stand-in for the extension module is enough.

Import this module before transformers. Where the extension loads, nothing is changed.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["torchaudio"]


def _extension_stub() -> ModuleType:
    """A `torchaudio._extension` that says: no compiled code here."""

    def fail_if_no_align(function: Any) -> Any:
        return function

    stub = ModuleType("torchaudio._extension")
    vars(stub).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=fail_if_no_align,
    )
    return stub


def _import_torchaudio() -> ModuleType:
    try:
        import torchaudio
    except OSError:
        for name in [n for n in sys.modules if n.split(".")[0] == "torchaudio"]:
            del sys.modules[name]  # halves of the failed import
        sys.modules["torchaudio._extension"] = _extension_stub()
        import torchaudio
    return torchaudio


torchaudio: Any = _import_torchaudio()
