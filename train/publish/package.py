"""What one push writes to the Hub: its files, before any of them goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from huggingface_hub import RepoCard

from train.publish.card import CARD_FILE

GIT_LIMIT = 10 * 2**20  # bytes; the Hub refuses larger files in a plain `git push`


class RepoKind(StrEnum):
    """What a repository of the Hub is, as its API calls it."""

    MODEL = "model"
    SPACE = "space"


@dataclass(frozen=True)
class Upload:
    """One file.

    Attributes:
        path: Within the repository.
        content: A file here, or what it holds.
    """

    path: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


@dataclass(frozen=True)
class Package:
    """Everything that one push writes, in one commit.

    Attributes:
        kind: Of the repository.
        uploads: Sorted by path.
        owned: Patterns of paths. What the Hub has of these and the push does not bring is of an
            earlier push, would be read with the new files, and is deleted.
    """

    kind: RepoKind
    uploads: tuple[Upload, ...]
    owned: tuple[str, ...]

    @classmethod
    def of(
        cls, kind: RepoKind, files: Mapping[str, Path | bytes], owned: tuple[str, ...]
    ) -> Package:
        """The package of path → content; content is a file here, or bytes."""
        return cls(kind, tuple(Upload(p, c) for p, c in sorted(files.items())), owned)

    @property
    def size(self) -> int:
        """Of all files together, in bytes."""
        return sum(upload.size for upload in self.uploads)

    @property
    def card(self) -> RepoCard:
        """Of `README.md`."""
        (content,) = (u.content for u in self.uploads if u.path == CARD_FILE)
        data = content if isinstance(content, bytes) else content.read_bytes()
        return RepoCard(data.decode("utf-8"))


def listing(package: Package, repo: str) -> str:
    """Every file with its size, and the metadata of the card, for a person."""
    lines = [f"{repo}: a {package.kind}, {len(package.uploads)} files, {_size(package.size)}"]
    for upload in package.uploads:
        mark = "*" if upload.size > GIT_LIMIT else " "
        lines.append(f"{_size(upload.size):>10} {mark} {upload.path}")
    if any(upload.size > GIT_LIMIT for upload in package.uploads):
        lines.append("* over 10 MiB: a plain `git push` would be refused")
    return "\n".join([*lines, f"metadata of {CARD_FILE}:", package.card.data.to_yaml()])


def _size(count: int) -> str:
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
