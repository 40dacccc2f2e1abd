"""The repository as a Space: what goes runs the page, and what does not run it stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mer_core.checkpoints.shipped import CHECKOUT
from tests.hub.server import FakeHub, fake_hub
from tests.hub.store import OWNER
from train import commands
from train.__main__ import main
from train.publish.package import GIT_LIMIT, listing
from train.publish.space_package import LINK, pinned_requirements, space_package

ROOT = CHECKOUT.parent
README = """---
title: Page
sdk: gradio
sdk_version: 6.31.0
app_file: app.py
---

# Page

![kept](assets/kept.png) [guide](docs/guide.md#first), [licence](LICENSE), [site](https://a.b/c).
"""
FILES = {
    "README.md": README,
    "LICENSE": "free",
    "app.py": "print()",
    "requirements.txt": "-c constraints.txt\n\n# Voice\ntorch>=2.8\ngradio>=6.31,<7 # floor\n",
    "constraints.txt": "gradio==6.31.0\n\n# What development needs on top.\nruff==0.9\n",
    "mer_core/page.py": "",
    "assets/kept.png": "",
    "assets/other.png": "",
    "assets/default/model.safetensors": "weights",
    "docs/guide.md": "",
    "tests/test_page.py": "",
    "train/loop.py": "",
    ".github/workflows/tests.yml": "",
    ".gitignore": "runs/",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / ".env").write_text("HF_TOKEN=secret")  # not tracked
    for command in (["init", "-q"], ["add", "--", *FILES]):
        subprocess.run(["git", "-C", root, *command], check=True, capture_output=True)
    return root


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub(monkeypatch, tmp_path / "cache") as served:
        yield served


def test_a_space_holds_what_the_page_needs(hub, checkout, monkeypatch, capsys) -> None:
    monkeypatch.setattr(commands, "PACKAGE", checkout / "mer_core")
    repo = f"{OWNER}/page"
    assert main(["push", repo, "--space", "--dry-run"]) == 0
    listed = capsys.readouterr().out
    assert not hub.asked
    assert main(["push", repo, "--space"]) == 0
    assert hub.repos["space", repo].settings["sdk"] == "gradio"
    files = hub.files(repo, kind="space")
    expected = {
        "LICENSE", "README.md", "app.py", "requirements.txt", "mer_core/page.py",
        "assets/kept.png", "assets/default/model.safetensors",
    }  # fmt: skip
    assert set(files) == {*expected, ".gitattributes"}
    lines = listed.partition("metadata of")[0].splitlines()
    assert {line.split()[-1] for line in lines[1:]} == expected
    assert lines[0].startswith(f"{repo}: a space, {len(expected)} files, ")
    assert "sdk_version: 6.31.0" in listed
    card = files["README.md"].decode()
    assert card.startswith(README.partition("# Page")[0])
    assert card.endswith(
        "![kept](assets/kept.png) guide, [licence](LICENSE), [site](https://a.b/c).\n"
    )
    assert files["requirements.txt"].decode().splitlines() == [
        "", "# Voice", "torch>=2.8", "gradio>=6.31,<7 # floor", "gradio==6.31.0",
    ]  # fmt: skip


def test_a_file_that_is_gone_does_not_go(checkout: Path) -> None:
    (checkout / "mer_core" / "page.py").unlink()
    assert "mer_core/page.py" not in {u.path for u in space_package(checkout).uploads}


def test_files_that_plain_git_cannot_push_are_marked(checkout: Path) -> None:
    (checkout / "assets" / "default" / "model.safetensors").write_bytes(bytes(GIT_LIMIT + 1))
    shown = listing(space_package(checkout), "a/b")
    assert "   10.5 MB * assets/default/model.safetensors\n" in shown
    assert "* over 10 MiB: a plain `git push` would be refused" in shown
    assert shown.count(" * ") == 1


@pytest.mark.parametrize(
    ("front", "words"),
    [("sdk: gradio", "lacks title, sdk_version, app_file"), ("title: x", "lacks sdk")],
)
def test_a_readme_that_makes_no_space(checkout: Path, front: str, words: str) -> None:
    (checkout / "README.md").write_text(f"---\n{front}\n---\n")
    with pytest.raises(ValueError, match=words):
        space_package(checkout)


def test_an_app_that_is_not_there(checkout: Path) -> None:
    (checkout / "README.md").write_text(README.replace("app.py", "other.py"))
    with pytest.raises(ValueError, match=r"other\.py, which README\.md names, is not among"):
        space_package(checkout)


def test_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"made of a git checkout of Attune, and .* is none"):
        space_package(tmp_path)
    monkeypatch.setenv("PATH", "")  # nor is there a git
    with pytest.raises(ValueError, match="made of a git checkout"):
        space_package(ROOT)


def test_what_belongs_to_a_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "a/b", "--space", "--license", "mit"]) == 2
    assert "go with a model, not with --space" in capsys.readouterr().err


def test_the_pins_fit_the_ranges() -> None:
    """Of this repository: no option that a Space's build lacks, and every pin within its range."""
    lines = [line.split("#")[0].strip() for line in pinned_requirements(ROOT).splitlines()]
    parsed = [Requirement(line) for line in lines if line]
    pins = {r.name: str(r.specifier) for r in parsed if str(r.specifier).startswith("==")}
    ranges = {r.name: r.specifier for r in parsed if not str(r.specifier).startswith("==")}
    assert "gradio" in pins
    for name in pins.keys() & ranges.keys():
        assert pins[name].removeprefix("==") in ranges[name]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space")
    for upload in space_package(ROOT).uploads:
        path = folder / upload.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(upload.content, bytes):
            path.write_bytes(upload.content)
        else:
            shutil.copyfile(upload.content, path)
    return folder


@pytest.mark.slow
def test_this_repository_runs_as_a_space(unpacked: Path) -> None:
    """Page, model, maps, examples and transcriber: nothing that they read was left out."""
    code = (
        "import app, mer_core\n"
        "from mer_core.atlas.collection import Atlas\n"
        "from mer_core.checkpoints.shipped import ATLAS, EXAMPLES, WHISPER\n"
        "from mer_core.demo.build import build_demo\n"
        "from mer_core.demo.engine import Engine, load_predictor\n"
        "from mer_core.demo.services.examples import load_examples\n"
        "from mer_core.frameworks.descriptor import DESCRIPTORS\n"
        "from mer_core.media.transcribe import Transcriber\n"
        "for name, descriptor in DESCRIPTORS.items():\n"
        "    assert load_examples(index=descriptor.examples)\n"
        "    papers = {s for s in descriptor.strategies if not descriptor.variant(s)}\n"
        "    shown = set(Atlas.load(ATLAS / name).strategies)\n"
        "    assert papers <= shown <= set(descriptor.strategies)\n"
        "clip = EXAMPLES / 'loud_fast.flac'\n"
        "assert build_demo(Engine(lambda: load_predictor(None, 'cpu')))\n"
        "print(mer_core.__file__)\n"
        "print(load_predictor(None, 'cpu').predict(clip).emotion)\n"
        "print(Transcriber(WHISPER, 'cpu').transcribe(clip).text)"
    )
    env = {**os.environ, "PYTHONPATH": str(unpacked), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=unpacked, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    *_, file, emotion, said = ran.stdout.splitlines()
    assert file.startswith(str(unpacked))
    assert emotion == "angry"
    assert "leave me alone" in said.lower()


@pytest.mark.slow
def test_no_link_of_the_space_leads_nowhere(unpacked: Path) -> None:
    for target in LINK.findall((unpacked / "README.md").read_text("utf-8")):
        path = target[1].partition("#")[0]
        assert "://" in path or (unpacked / path).is_file(), path
    assert not (unpacked / "train").exists()
    assert not (unpacked / "tests").exists()
