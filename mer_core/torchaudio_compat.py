"""torchaudio, importable with a CPU-only torch too; import it from here only.

The registry's Linux wheels of torchaudio are CUDA builds. Their C++ extension cannot be loaded with
a CPU-only torch, so `import torchaudio` raises OSError, and so do transformers' models, which
import torchaudio wherever it is installed. Everything used here (resampling, log-mel features,
augmentation) is plain Python on torch, so a stub in place of the extension module is enough.

Import this module before transformers. Where the extension loads, nothing is changed.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["torchaudio"]


def _extension_stub() -> ModuleType:
    """A `torchaudio._extension` without compiled code."""

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
            del sys.modules[name]  # partly imported modules
        sys.modules["torchaudio._extension"] = _extension_stub()
        import torchaudio
    return torchaudio


torchaudio: Any = _import_torchaudio()
