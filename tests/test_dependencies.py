"""One list of dependencies, stated three times, says the same each time."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OURS = {"mer_core", "train", "attune", "app"}
OPTIONAL = {  # the one file that may import an extra, and says so where it is missing → the extra
    Path("train/distributed.py"): "distributed",
    Path("mer_core/serving/bulk/on_ray.py"): "ray",
}
FREE = {"torch", "torchaudio"}  # a CPU, a CUDA and a ZeroGPU machine each need their own


def requirements(lines: list[str]) -> dict[str, Requirement]:
    """By canonical name; comments and options such as `-c constraints.txt` are left out."""
    stripped = (line.split("#")[0].strip() for line in lines)
    parsed = [Requirement(line) for line in stripped if line and not line.startswith("-")]
    return {canonicalize_name(r.name): r for r in parsed}


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared() -> tuple[dict[str, Requirement], dict[str, Requirement], dict[str, Requirement]]:
    """What running needs, and what development and Ray need on top."""
    table = project()
    extras = table["optional-dependencies"]
    assert isinstance(table["dependencies"], list)
    assert isinstance(extras, dict)
    running = requirements(table["dependencies"])
    return running, requirements(extras["dev"]), requirements(extras["ray"])


@pytest.mark.parametrize(
    ("name", "index"),
    [("requirements.txt", 0), ("requirements-dev.txt", 1), ("requirements-ray.txt", 2)],
)
def test_requirements_files_state_the_ranges_of_pyproject(name: str, index: int) -> None:
    stated, expected = requirements(lines(name)), declared()[index]
    assert {key: str(r) for key, r in stated.items()} == {k: str(r) for k, r in expected.items()}
    assert "-c constraints.txt" in lines(name), "pip must install the versions that were tested"


def test_every_constraint_is_exact_and_within_its_range() -> None:
    running, development, ray = declared()
    pinned = requirements(lines("constraints.txt"))
    for name, pin in pinned.items():
        (specifier,) = pin.specifier
        assert specifier.operator == "==", f"{name} is not pinned exactly"
        ranged = {**running, **development, **ray}.get(name)
        assert ranged is None or specifier.version in ranged.specifier, f"{pin} is outside {ranged}"
    assert {*running, *development, *ray} - FREE <= set(pinned)
    assert not FREE & set(pinned)
    assert not [name for name in pinned if re.match("nvidia-|cuda-|triton", name)]


def test_constraints_of_running_come_first() -> None:
    """docs/deploy.md cuts the file at its second heading to build a Space's requirements.txt."""
    text = (ROOT / "constraints.txt").read_text()
    running, development = text.split("# What development needs on top.\n")
    assert set(declared()[0]) - FREE <= set(requirements(running.splitlines()))
    assert set(declared()[1]) <= set(requirements(development.splitlines()))


def imported() -> Iterator[tuple[str, Path]]:
    """Top-level names of third parties that the code that ships imports, with the file."""
    files = [ROOT / "app.py", *ROOT.glob("mer_core/**/*.py"), *ROOT.glob("train/**/*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in {n.split(".")[0] for n in names} - set(sys.stdlib_module_names) - OURS:
                yield name, file.relative_to(ROOT)


def test_every_import_is_declared() -> None:
    distributions = packages_distributions()
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    for name, file in imported():
        providers = {canonicalize_name(d) for d in distributions.get(name, [name])}
        known = {*declared()[0], *requirements(extras.get(OPTIONAL.get(file, ""), []))}
        assert providers & known, f"{file} imports {name}, which pyproject.toml does not declare"


def test_several_processes_are_tested_in_the_same_range() -> None:
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    assert set(extras["distributed"]) <= set(extras["dev"])


def test_gradio_has_its_mended_leaks() -> None:
    gradio = declared()[0]["gradio"].specifier
    assert "6.31.0" in gradio
    assert "6.30.9" not in gradio, "6.25 to 6.30 leak session state between visitors"
