"""torchaudio and transformers import on any torch, and ours stays cheap."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

from mer_core.torchaudio_compat import _extension_stub

ROOT = Path(__file__).parents[1]
HEAVY = ("gradio", "umap", "numba", "cv2", "matplotlib")


def run(code: str) -> str:
    """The output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torchaudio_and_transformers_work_in_a_fresh_interpreter() -> None:
    code = """
import math
import torch
torch.set_num_threads(1)
from mer_core.torchaudio_compat import torchaudio
import transformers
from transformers import BertModel, Wav2Vec2Model
tone = torch.sin(2 * math.pi * 440 * torch.arange(48_000) / 48_000)
resampled = torchaudio.functional.resample(tone, 48_000, 16_000)
assert resampled.shape == (16_000,)
expected = torch.sin(2 * math.pi * 440 * torch.arange(16_000) / 16_000)
assert (resampled - expected)[200:-200].abs().max() < 0.01
assert torchaudio.transforms.MelSpectrogram(16_000)(resampled).isfinite().all()
print(BertModel.__name__, Wav2Vec2Model.__name__)
"""
    assert run(code).split() == ["BertModel", "Wav2Vec2Model"]


def test_a_working_torchaudio_is_unchanged() -> None:
    code = """
import sys
from types import ModuleType
sys.modules["torchaudio"] = fake = ModuleType("torchaudio")
from mer_core.torchaudio_compat import torchaudio
assert torchaudio is fake
assert "torchaudio._extension" not in sys.modules
"""
    run(code)


def test_the_stub_has_every_name_that_torchaudio_takes_from_its_extension() -> None:
    """Read in torchaudio's source, so that it fails in words where the extension loads, too."""
    spec = importlib.util.find_spec("torchaudio")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    moved = "torchaudio has no _extension any more: see mer_core/torchaudio_compat.py"
    assert (folder / "_extension").is_dir(), moved
    taken: set[str] = set()
    for file in folder.rglob("*.py"):
        if (folder / "_extension") in file.parents:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("_extension"):
                taken |= {alias.name for alias in node.names}
    missing = taken - set(vars(_extension_stub()))
    assert not missing, f"torchaudio now takes {missing} from _extension: add them to the stub"


def test_importing_the_library_loads_nothing_heavy() -> None:
    code = f"""
import sys
import mer_core
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert run(code).strip() == "[]"


def test_the_layers_below_the_demo_load_nothing_heavy() -> None:
    code = f"""
import sys
import mer_core.encoders.registry, mer_core.media, mer_core.data, mer_core.frameworks.registry
import mer_core.encoders.compact_speech
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert run(code).strip() == "[]"
