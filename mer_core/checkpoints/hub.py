"""Finding a checkpoint: a local folder, or a repository of the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path, PurePosixPath

from mer_core.checkpoints.errors import CheckpointError
from mer_core.checkpoints.hub_problems import HubError, HubProblem, problem_of, said_by
from mer_core.files import sha256

FILES = ["*.json", "*.safetensors"]  # what is downloaded: nothing that could run code
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
WORDS = {
    HubProblem.UNREACHABLE: "the Hub cannot be reached; check the network",
    HubProblem.OFFLINE: "HF_HUB_OFFLINE is set, and it was not downloaded before",
    HubProblem.BROKEN_OFF: "the download broke off; run it again to go on",
    HubProblem.NO_REPOSITORY: f"the Hub has no such model, or a private one: {LOG_IN}",
    HubProblem.NO_REVISION: "it has no such revision",
    HubProblem.NO_FILE: "one of its files is missing on the Hub",
    HubProblem.GATED: "access to it must be asked for on its page on the Hub",
    HubProblem.BAD_TOKEN: f"the Hub does not accept the token; {LOG_IN}",
    HubProblem.NO_RIGHTS: "the token may not read it",
    HubProblem.TOO_MANY: "the Hub asks for fewer requests; wait some minutes",
    HubProblem.HUB_FAULT: "the Hub has a fault; try again later",
    HubProblem.DISK_FULL: "the disk is full",
    HubProblem.BAD_NAME: "this is no id that the Hub allows",
}
SHA256, GIT_SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


def locate(
    source: str | os.PathLike[str], revision: str | None = None, subfolder: str = ""
) -> Path:
    """The folder of a checkpoint, downloaded into the Hub's cache unless it is local.

    Args:
        source: A folder, or a Hub id such as `name/model`.
        revision: Branch, tag or commit of a Hub id.
        subfolder: One checkpoint within a bundle.

    Raises:
        CheckpointError: There is no such folder, and the Hub has none or cannot be reached; or a
            file that it sent is not the one that it has.
    """
    path = Path(source)
    if not path.is_dir():
        if path.exists() or not _looks_like_hub_id(str(source)):
            raise CheckpointError(f"{source} is neither a folder nor a Hub id such as name/model.")
        path = _download(str(source), revision)
        check_hashes(path, str(source))
    return _within(path, subfolder, str(source))


def _within(folder: Path, subfolder: str, source: str) -> Path:
    inside = PurePosixPath(subfolder)
    if inside.is_absolute() or ".." in inside.parts or not (folder / inside).is_dir():
        names = ", ".join(sorted(child.name for child in folder.iterdir() if child.is_dir()))
        raise CheckpointError(
            f"{source} has no subfolder {subfolder!r}; it has {names or 'none at all'}."
        )
    return folder / inside


def _download(source: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source, revision=revision, allow_patterns=FILES))
    except Exception as error:
        # The Hub client raises many kinds; users need one sentence, developers the cause.
        problem = problem_of(error)
        why = WORDS.get(problem) or said_by(error)
        at = f" at revision {revision}" if revision else ""
        raise HubError(
            f"{source}{at} is no folder here and could not be fetched from the Hub: {why}.",
            problem,
        ) from error


def check_hashes(folder: Path, source: str) -> None:
    """Compare every file of a download with its hash, which the cache has as the file's real name.

    The Hub's client compares sizes only. Where the system has no symbolic links, the cache keeps no
    hashes, and nothing is compared.

    Raises:
        CheckpointError: A file differs. It is deleted, so that the next attempt downloads it.
    """
    for path in sorted(folder.rglob("*")):
        if not path.is_symlink() or path.is_dir():
            continue
        blob = path.resolve()
        if not _is_whole(blob):
            path.unlink()
            blob.unlink()
            name = path.relative_to(folder).as_posix()
            raise CheckpointError(
                f"{source}: {name} did not arrive as it is on the Hub (its hash differs); "
                "run it again to download it anew."
            )


def _is_whole(blob: Path) -> bool:
    """Whether a blob of the cache has the hash that it is named by: of LFS or of git."""
    if SHA256.fullmatch(blob.name):
        return sha256(blob) == blob.name
    if GIT_SHA1.fullmatch(blob.name):  # only small files: those outside LFS
        content = blob.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == blob.name
    return True


def _looks_like_hub_id(source: str) -> bool:
    parts = source.split("/")
    return len(parts) == 2 and all(parts) and not source.startswith((".", "~"))
