"""docs/extend.md, followed word by word on a copy of the repository, as a newcomer would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tokenizers import Tokenizer

from mer_core.checkpoints.shipped import CHECKOUT
from tests.train.tiny_frameworks import write_bert

ROOT = CHECKOUT.parent
PAGE = (ROOT / "docs" / "extend.md").read_text("utf-8")
LEFT_OUT = shutil.ignore_patterns("assets", "runs", "__pycache__", ".*")
BLOCK = re.compile(r"^(?P<said>[^\n]+)\n\n```(?P<kind>\w+)\n(?P<content>.*?)^```$", re.M | re.S)
WRITE = re.compile(r"Write `(?P<path>[^`]+)`(?:, with [^:]+)?:$")
ADD = re.compile(r"In `(?P<path>[^`]+)`, (?P<where>above|below) the line `(?P<line>[^`]+)`, add:$")
SHORTER = ["--set", "optim.epochs=1", "--set", "optim.draws=16", "--set", "optim.batch_size=8"]

pytestmark = pytest.mark.slow


class Block(NamedTuple):
    """A code block, and the sentence above it, which says what to do with it."""

    said: str
    kind: str
    content: str


def blocks(heading: str) -> Iterator[Block]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = [Block(*match.groups()) for match in BLOCK.finditer(section)]
    assert len(found) == section.count("\n```") / 2, "a block without a sentence above it"
    yield from found


class Copy:
    """The repository without its assets, and the steps of the page."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
        self.folder, self.names = folder, names

    def follow(self, block: Block) -> None:
        if written := WRITE.search(block.said):
            path = self.folder / written["path"]
            assert not path.exists(), "it is to be written, so it must be new"
            path.write_text(self.named(block.content), "utf-8")
        elif added := ADD.search(block.said):
            self.add(self.folder / added["path"], added["where"], added["line"], block.content)
        else:
            assert block.said == "Run:", f"nobody knows what to do with: {block.said}"
            for line in block.content.splitlines():
                self.run(self.named(line).split())

    def named(self, text: str) -> str:
        """With paths in place of the page's names in capitals."""
        for name, value in self.names.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return text

    def add(self, path: Path, where: str, line: str, content: str) -> None:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        (index,) = (i for i, text in enumerate(lines) if text.strip() == line)  # exactly one
        at = index + (where == "below")
        path.write_text("".join([*lines[:at], content, *lines[at:]]), "utf-8")

    def run(self, command: list[str]) -> None:
        if "fit" in command:
            command = command + SHORTER
        if command[0] == "python":
            command = [sys.executable, *command[1:]]
        ran = subprocess.run(
            command, cwd=self.folder, env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert ran.returncode == 0, f"{' '.join(command)}:\n{ran.stdout}\n{ran.stderr}"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, corpora: Path, tokenizer: Tokenizer) -> Copy:
    bert = write_bert(tmp_path_factory.mktemp("bert"), tokenizer)
    folder = tmp_path_factory.mktemp("newcomer") / "attune"
    return Copy(folder, {"DIR": str(corpora), "BERT": str(bert)})


@pytest.mark.parametrize("heading", ["Add an encoder", "Add an alignment strategy"])
def test_the_page_works(copy: Copy, heading: str) -> None:
    """In this order: the strategy is trained on the encoder."""
    steps = list(blocks(heading))
    assert steps[-1].said == "Run:"
    for step in steps:
        copy.follow(step)


def test_every_section_is_followed() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.M) == ["Add an encoder", "Add an alignment strategy"]
