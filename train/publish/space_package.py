"""This repository as a Space: what the web page needs to run, and nothing else."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import RepoCard

from train.publish.card import CARD_FILE
from train.publish.package import Package, RepoKind

REQUIREMENTS, CONSTRAINTS = "requirements.txt", "constraints.txt"
DEVELOPMENT = "# What development needs on top."  # heads the second half of `CONSTRAINTS`
# Tracked files that the page does not read; `*` also stands for slashes.
LEFT_OUT = (
    ".*",  # of git, of checks
    "docs/*",
    "tests/*",
    "train/*",
    "assets/ablation/*",
    "assets/crossval/*",
    "assets/atlas/*/maps.png",
    "assets/examples/make*",
    "assets/examples/choose*",
    "attune.py",  # the command line
    "pyproject.toml",
    "requirements-dev.txt",
    CONSTRAINTS,  # a Space's build mounts `REQUIREMENTS` alone: the pins are written into it
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
)
PICTURES = "assets/*.png"  # of the documents; those go that `CARD_FILE` shows
LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^)\s]+)\)")
NEEDED = ("title", "sdk", "sdk_version", "app_file")  # of the front matter
OWNED = ("app.py", "mer_core/*", "assets/*")


def space_package(root: Path) -> Package:
    """What a push of the repository as a Space writes: its tracked files, as they are now.

    Args:
        root: Of a checkout.

    Raises:
        ValueError: `root` is no checkout, or its README has no front matter of a Space.
    """
    tracked = [path for path in _tracked(root) if not _matches(path, LEFT_OUT)]
    card = (root / CARD_FILE).read_text("utf-8") if CARD_FILE in tracked else ""
    shown = {target for _, target in LINK.findall(card)}
    kept = [path for path in tracked if not fnmatch(path, PICTURES) or path in shown]
    _check_front_matter(card, kept)
    files: dict[str, Path | bytes] = {path: root / path for path in kept}
    files[CARD_FILE] = without_dead_links(card, set(kept)).encode()
    files[REQUIREMENTS] = pinned_requirements(root).encode()
    return Package.of(RepoKind.SPACE, files, OWNED)


def _tracked(root: Path) -> list[str]:
    """Paths of the files that git tracks and that still exist."""
    command = ["git", "-C", str(root), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        listed = ""
    paths = [path for path in listed.split("\0") if path and (root / path).is_file()]
    if not paths:
        raise ValueError(f"A Space is made of a git checkout of Attune, and {root} is none.")
    return paths


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _check_front_matter(card: str, kept: list[str]) -> None:
    stated = RepoCard(card).data
    if missing := [key for key in NEEDED if not stated.get(key)]:
        raise ValueError(f"The front matter of {CARD_FILE} lacks {', '.join(missing)}.")
    if stated["app_file"] not in kept:
        raise ValueError(f"{stated['app_file']}, which {CARD_FILE} names, is not among the files.")


def without_dead_links(card: str, kept: set[str]) -> str:
    """The card with links to files that stay behind turned into their text."""

    def resolved(match: re.Match[str]) -> str:
        text, target = match.groups()
        outside = "://" in target or target.startswith(("#", "mailto:"))
        return match[0] if outside or target.partition("#")[0] in kept else text

    return LINK.sub(resolved, card)


def pinned_requirements(root: Path) -> str:
    """`requirements.txt` with the tested versions in place of its `-c constraints.txt`."""
    ranges = (root / REQUIREMENTS).read_text("utf-8")
    pins = (root / CONSTRAINTS).read_text("utf-8").partition(DEVELOPMENT)[0]
    kept = [line for line in ranges.splitlines() if not line.startswith("-c ")]
    return "\n".join([*kept, pins.rstrip(), ""])
