"""What docs/deploy.md says about the Hub: its commands exist in the installed client."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from train.publish.space_package import pinned_requirements

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
HF = shutil.which("hf", path=str(Path(sys.executable).parent)) or "hf"
COMMANDS = sorted(set(re.findall(r"(?:^|`)(hf \w+ [^`\n#]+)", PAGE, re.MULTILINE)))
GROUPS = {"auth", "repos"}  # whose commands are of two words


@cache
def help_of(*command: str) -> str:
    ran = subprocess.run([HF, *command, "--help"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, f"there is no `hf {' '.join(command)}`: {ran.stderr}"
    return ran.stdout


def test_the_page_says_how_to_upload() -> None:
    assert "hf upload USER/attune space . --type space" in COMMANDS
    assert "hf upload USER/model assets/default ." in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_client_exist_as_they_are_written(command: str) -> None:
    _, *words = command.split()
    name = 2 if words[0] in GROUPS else 1
    shown = help_of(*words[:name])
    values = {}  # option → its value, if it has one
    arguments = []
    for word, before in zip(words[name:], words[name - 1 : -1], strict=True):
        if word.startswith("--"):
            values[word] = ""
        elif before.startswith("--"):
            values[before] = word
        else:
            arguments.append(word)
    for option, value in values.items():
        line = re.search(rf"^  .*{option}\b.*$", shown, re.MULTILINE)
        assert line, f"{option} is no option"
        if choices := re.search(r"\[([\w|]+\|\w+)\]", line[0]):
            assert value in choices[1].split("|"), (option, value)
    asked = re.findall(r"^  \[?[A-Z_]{2,}\]?  ", shown, re.MULTILINE)
    needed = [argument for argument in asked if not argument.startswith("  [")]
    assert len(needed) <= len(arguments) <= len(asked)


def test_the_pins_by_hand_are_those_of_push() -> None:
    (line,) = re.findall(r"^(\{ sed .*\}) > space/requirements\.txt$", PAGE, re.MULTILINE)
    ran = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    by_hand = [text for text in ran.stdout.splitlines() if text.strip()]
    assert by_hand == [text for text in pinned_requirements(ROOT).splitlines() if text.strip()]
