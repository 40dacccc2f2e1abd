"""What the fake Hub holds: repositories, their commits, and what shall go wrong."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

TOKEN = "hf_a_secret_that_nothing_may_print"
OWNER = "someone"  # whom TOKEN belongs to

Tree = dict[str, bytes]  # path → content


def is_lfs(path: str) -> bool:
    """As the Hub's own `.gitattributes` has it; a size would do so too."""
    return path.endswith((".safetensors", ".bin", ".npz"))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def oid(path: str, content: bytes) -> str:
    """The ETag: SHA-256 of LFS files, git's hash of others."""
    if is_lfs(path):
        return sha256(content)
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repo:
    """A repository: its branches, and the files of every commit."""

    settings: dict[str, Any]
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Tree] = field(default_factory=dict)

    @property
    def private(self) -> bool:
        """Clients before and after 2.0 ask for it in their own words."""
        return bool(self.settings.get("private")) or self.settings.get("visibility") == "private"

    def commit(self, branch: str, tree: Tree) -> str:
        before = self.branches.get(branch, "")
        described = json.dumps([before, {p: sha256(c) for p, c in sorted(tree.items())}])
        name = hashlib.sha1(described.encode()).hexdigest()
        self.commits[name] = tree
        self.branches[branch] = name
        return name

    def resolve(self, revision: str) -> str | None:
        name = self.branches.get(revision, revision)
        return name if name in self.commits else None


@dataclass
class Faults:
    """What goes wrong, until it is told to stop."""

    break_uploads_after: int | None = None  # LFS files that arrive before the connection breaks
    damaged: set[str] = field(default_factory=set)  # paths that are sent with one wrong byte
    cut: set[str] = field(default_factory=set)  # paths of which only the first half is sent
    lost: set[str] = field(default_factory=set)  # paths that are listed, but not there
    status: int | None = None  # the answer to everything


class Answer(Exception):  # noqa: N818 (an answer is no error)
    """Ends a request."""

    def __init__(self, status: int, content: Any = None, **headers: str) -> None:
        self.status, self.content = status, content
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
