"""Imports run one way, and importing the library stays cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mer_core"

# From the bottom up. A module imports from lower lines only; its own package counts as itself.
LAYERS: list[set[str]] = [
    {"types", "emotions", "device", "files", "torchaudio_compat"},
    {"media", "layers"},
    {"data"},
    {"encoders"},
    {"alignment"},
    {"frameworks"},
    {"metrics", "checkpoints"},
    {"serving"},
    {"atlas"},
    {"demo"},
]
ENTRY_POINTS = {"__init__", "cli", "__main__"}  # may import anything; imported by nothing else
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}
RANK |= dict.fromkeys(ENTRY_POINTS, len(LAYERS))
HEAVY = ("torch", "transformers", "gradio", "umap", "numba", "cv2", "matplotlib")
MODULES = sorted(PACKAGE.rglob("*.py"))


def unit_of(path: Path) -> str:
    """`mer_core/media/audio.py` → `media`, `mer_core/types.py` → `types`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute dotted names that a file imports, wherever in it; `a.b` for `from a import b`."""
    inside = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(inside[: len(inside) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (start, node.module) if part)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imported_units(path: Path) -> set[str]:
    """Units of `mer_core` that a file imports; a public name is a use of `__init__`."""
    units = set()
    for name in imported_modules(path):
        first, *rest = name.split(".")
        if first == "mer_core":
            known = rest and ((PACKAGE / rest[0]).is_dir() or (PACKAGE / f"{rest[0]}.py").is_file())
            units.add(rest[0] if known else "__init__")
    return units


def top_levels(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lower_layers(path: Path) -> None:
    unit = unit_of(path)
    assert unit in RANK, f"{unit} has no tier in LAYERS yet: give it one"
    if unit in ENTRY_POINTS:
        return
    for imported in imported_units(path) - {unit}:
        assert RANK[imported] < RANK[unit], f"{path.name} ({unit}) imports {imported}, from above"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_library_imports_neither_training_nor_the_app(path: Path) -> None:
    assert not top_levels(path) & {"train", "app", "attune", "tests"}


def test_training_leaves_the_demo_alone() -> None:
    for path in (ROOT / "train").rglob("*.py"):
        assert "demo" not in imported_units(path), path
        assert not top_levels(path) & {"gradio", "app"}, path


def test_the_app_leaves_training_alone() -> None:
    assert "train" not in top_levels(ROOT / "app.py")


def test_the_demo_shows_predictions_and_computes_nothing() -> None:
    for path in (PACKAGE / "demo").rglob("*.py"):
        forbidden = top_levels(path) & {"torch", "torchaudio", "transformers"}
        assert not forbidden, f"{path.name} imports {forbidden}"


def test_masks_are_inverted_in_one_place() -> None:
    users = {p.name for p in MODULES if "key_padding_mask" in p.read_text("utf-8")}
    assert users <= {"attention.py"}


def test_importing_the_library_is_cheap() -> None:
    code = f"import sys, mer_core; print(*(m for m in {HEAVY} if m in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stdout.split()


def test_units_are_told_apart() -> None:
    """The tests above see what they are meant to see."""
    assert unit_of(PACKAGE / "media" / "audio.py") == "media"
    assert "media" in imported_units(PACKAGE / "media" / "__init__.py")
    assert RANK["types"] < RANK["media"] < RANK["frameworks"] < RANK["serving"] < RANK["demo"]
