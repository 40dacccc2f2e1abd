"""Writing a package to the Hub, in one commit: all of it arrives, or nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

from mer_core.checkpoints.hub import LOG_IN
from mer_core.checkpoints.hub_problems import HubError, HubProblem, problem_of, said_by
from train.publish.package import Package, RepoKind

# As the Hub's client checks it, with an owner.
ID = re.compile(r"\b[\w\-.]+\b/\b[\w\-.]{1,96}\b")
AGAIN = "run the same command again, files that have arrived are not sent twice"
WORDS = {
    HubProblem.UNREACHABLE: "the Hub cannot be reached; check the network",
    HubProblem.OFFLINE: "HF_HUB_OFFLINE is set",
    HubProblem.BROKEN_OFF: f"the connection broke off; {AGAIN}",
    HubProblem.NO_REPOSITORY: "the Hub has no such repository, or the token may not see it",
    HubProblem.NO_REVISION: "it has no such branch",
    HubProblem.NO_FILE: "a file to be deleted is no longer there; run the same command again",
    HubProblem.GATED: "the token may not read it",
    HubProblem.BAD_TOKEN: f"the Hub does not accept the token; {LOG_IN}",
    HubProblem.NO_RIGHTS: "the token may not write there; it needs write access to this repository",
    HubProblem.CHANGED: "someone else changed it meanwhile; run the same command again",
    HubProblem.TOO_MANY: f"the Hub asks for fewer requests; wait some minutes and {AGAIN}",
    HubProblem.HUB_FAULT: f"the Hub has a fault; wait and {AGAIN}",
    HubProblem.DISK_FULL: "the disk is full",
}


@dataclass(frozen=True)
class Target:
    """Where a package goes.

    Attributes:
        repo: Such as `name/model`.
        revision: A branch, made if it is missing; None is the main one.
        private: Whether a new repository is.
    """

    repo: str
    revision: str | None = None
    private: bool = False


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        commit: Its hash, a `revision` to load.
        url: Of the commit, to look at.
        deleted: Paths of an earlier push that are gone from the branch.
    """

    commit: str
    url: str
    deleted: tuple[str, ...]


def check_target(repo: str) -> None:
    """Refuse a name that the Hub would refuse.

    Raises:
        ValueError: It is none.
    """
    if not ID.fullmatch(repo) or "--" in repo or ".." in repo or repo.endswith(".git"):
        raise ValueError(f"{repo!r} is no id of the Hub; it reads OWNER/NAME, such as name/model.")


def push(package: Package, target: Target) -> Pushed:
    """Make the repository and the branch if they are missing, and commit the package.

    The token is the one that huggingface_hub finds: HF_TOKEN, or what `hf auth login` stored.

    Raises:
        ValueError: The name is no id of the Hub, or a private push would be public.
        HubError: There is no token; or the Hub refused, failed or could not be reached.
    """
    check_target(target.repo)
    if get_token() is None:
        raise HubError(f"There is no token for the Hub: {LOG_IN}.", HubProblem.BAD_TOKEN)
    with _explained(target.repo):
        return _push(HfApi(), package, target)


def _push(api: HfApi, package: Package, target: Target) -> Pushed:
    repo, kind, revision = target.repo, str(package.kind), target.revision
    sdk = str(package.card.data["sdk"]) if package.kind is RepoKind.SPACE else None
    api.create_repo(
        repo, repo_type=kind, private=target.private or None, exist_ok=True, space_sdk=sdk
    )
    if target.private and not api.repo_info(repo, repo_type=kind).private:
        raise ValueError(
            f"{repo} exists and is public: leave out --private, or make it private on its page"
        )
    if revision:
        api.create_branch(repo, repo_type=kind, branch=revision, exist_ok=True)
    brought = {upload.path for upload in package.uploads}
    stale = sorted(
        path
        for path in api.list_repo_files(repo, repo_type=kind, revision=revision)
        if path not in brought and any(fnmatch(path, pattern) for pattern in package.owned)
    )
    made = api.create_commit(
        repo,
        repo_type=kind,
        revision=revision,
        operations=[
            *(CommitOperationAdd(upload.path, upload.content) for upload in package.uploads),
            *(CommitOperationDelete(path) for path in stale),
        ],
        commit_message="Upload with `python -m train push`",
    )
    return Pushed(made.oid, made.commit_url, tuple(stale))


@contextmanager
def _explained(repo: str) -> Iterator[None]:
    """Turn what the Hub's client raises into one sentence, and an interruption by hand too."""
    prefix = f"{repo} was not written"
    try:
        yield
    except KeyboardInterrupt:
        raise HubError(f"{prefix}: interrupted; {AGAIN}.", HubProblem.BROKEN_OFF) from None
    except Exception as error:
        problem = problem_of(error)
        why = WORDS.get(problem)
        if why is None and isinstance(error, ValueError):  # ours, or the client's on the card
            why = " ".join(str(error).split()).rstrip(".")
        raise HubError(f"{prefix}: {why or said_by(error)}.", problem) from error
