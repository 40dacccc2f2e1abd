"""The wheel: it holds what running needs and nothing else, and works outside the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mer_core import __version__

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "assets" / "examples" / "loud_fast.flac"
LARGEST = 200 * 2**20  # bytes
UNWANTED = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".pyc", ".sh", ".ipynb")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network: hatchling is part of requirements-dev.txt."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    ran = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(code: str, unpacked: Path, folder: Path) -> str:
    """What a program prints that sees the unpacked wheel, and the checkout nowhere."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(unpacked), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def files_of(*folders: str) -> set[str]:
    """Every file in these folders."""
    return {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_holds_the_packages_whole(names: set[str]) -> None:
    """Every module, static file, configuration, the card's template and both `py.typed`."""
    assert files_of("mer_core", "train") <= names
    assert {"attune.py", "mer_core/py.typed", "train/py.typed"} <= names
    assert {"mer_core/demo/static/page.js", "train/configs/mgcma_default.toml"} <= names
    assert "train/publish/model_card.md" in names
    yunet = {"face_detection_yunet_2023mar.onnx", "LICENSE", "README.md"}
    assert {f"mer_core/media/yunet/{name}" for name in yunet} <= names
    assert "mer_core/data/nemo_english.tsv" in names


def test_it_holds_the_model_the_maps_and_the_examples(names: set[str]) -> None:
    needed = files_of("assets/default", "assets/atlas", "assets/examples", "assets/whisper")
    left_out = {name for name in needed if re.search(r"/(make|choose)[_.]|/maps\.png$", name)}
    assert {f"mer_core/{name}" for name in needed - left_out} <= names
    assert not {f"mer_core/{name}" for name in left_out} & names
    assert "mer_core/assets/default/LICENSE.md" in names


def test_it_holds_nothing_else(names: set[str], wheel: Path) -> None:
    about = f"attune-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"attune.py", "mer_core", "train", about}
    weights = {"mer_core/assets/whisper/model.bin"}  # CTranslate2's format, no pickle
    assert not [name for name in names - weights if name.endswith(UNWANTED)]
    assert not [name for name in names if "test" in name.split("/")[-1].split("_")]
    assert wheel.stat().st_size < LARGEST


def test_its_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        about = f"attune-{__version__}.dist-info"
        metadata = archive.read(f"{about}/METADATA").decode()
        scripts = archive.read(f"{about}/entry_points.txt").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    licences = "Apache-2.0 AND LicenseRef-Attune-Weights AND MIT AND CC-BY-NC-SA-4.0"
    assert f"\nLicense-Expression: {licences}\n" in metadata
    assert "\nRequires-Dist: torch<2.14,>=2.8\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "attune = attune:main" in scripts


def test_it_predicts_in_any_folder(unpacked: Path, tmp_path: Path) -> None:
    shutil.copy(CLIP, tmp_path / "clip.flac")
    code = (
        "import attune, mer_core, sys\n"
        f"assert mer_core.__file__.startswith({str(unpacked)!r}), mer_core.__file__\n"
        "sys.exit(attune.main(['predict', 'clip.flac', '--json', '--device', 'cpu']))"
    )
    row = json.loads(run(code, unpacked, tmp_path))
    assert (row["file"], row["emotion"], row["state"]) == ("clip.flac", "angry", "ok")


def test_its_page_has_examples_and_maps(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "from mer_core.checkpoints.shipped import ASSETS, ATLAS\n"
        "from mer_core.atlas.collection import Atlas\n"
        "from mer_core.demo.services.examples import load_examples\n"
        "from mer_core.frameworks.descriptor import DESCRIPTORS\n"
        "for name, descriptor in DESCRIPTORS.items():\n"
        "    assert load_examples(index=descriptor.examples)\n"
        "    papers = {s for s in descriptor.strategies if not descriptor.variant(s)}\n"
        "    shown = set(Atlas.load(ATLAS / name).strategies)\n"
        "    assert papers <= shown <= set(descriptor.strategies)\n"
        "print(ASSETS)"
    )
    assert run(code, unpacked, tmp_path).strip() == str(unpacked / "mer_core" / "assets")


def test_it_finds_faces_and_writes_words_down(unpacked: Path, tmp_path: Path) -> None:
    """With the models inside the wheel, not with what replaces them where they are missing."""
    code = (
        "from mer_core.checkpoints.shipped import EXAMPLES, WHISPER\n"
        "from mer_core.media.face_detectors import YUNET, YuNetDetector, default_detector\n"
        "from mer_core.media.transcribe import Transcriber\n"
        "assert isinstance(default_detector(), YuNetDetector)\n"
        "print(YUNET)\n"
        "print(Transcriber(WHISPER, 'cpu').transcribe(EXAMPLES / 'loud_fast.flac').text)"
    )
    yunet, said = run(code, unpacked, tmp_path).splitlines()
    assert yunet.startswith(str(unpacked))
    assert "leave me alone" in said.lower()


def test_training_writes_into_the_working_directory(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from train.__main__ import main, parser\n"
        "from train.commands import OUTPUT\n"
        "assert OUTPUT == Path('assets'), OUTPUT\n"
        "evaluate = ['evaluate', '--config', 'mgcma_default', '--data', 'corpora']\n"
        "assert main(evaluate) == 2  # its figures would go into the package\n"
        "print(parser().parse_args(evaluate).config)"
    )
    assert run(code, unpacked, tmp_path).strip().startswith(str(unpacked))
