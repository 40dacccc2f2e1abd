"""Why the Hub's client failed, as data: it raises many kinds, and wraps them in others."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from enum import Enum, auto

from mer_core.checkpoints.errors import CheckpointError

# Of httpx, or of whichever client huggingface_hub uses; told by name to need none of them.
UNREACHABLE = {"ConnectError", "ConnectTimeout", "ProxyError"}
BROKEN_OFF = {"TransportError", "ConnectionError", "TimeoutError", "IncompleteRead"}
TOKEN = re.compile(r"hf_\w+")  # of a user; never to be shown


class HubProblem(Enum):
    """What went wrong between here and the Hub."""

    UNREACHABLE = auto()
    OFFLINE = auto()  # as HF_HUB_OFFLINE asks
    BROKEN_OFF = auto()
    NO_REPOSITORY = auto()  # or a private one: the Hub does not say which
    NO_REVISION = auto()
    NO_FILE = auto()  # that the repository lists
    GATED = auto()
    BAD_TOKEN = auto()
    NO_RIGHTS = auto()
    CHANGED = auto()  # by someone else, meanwhile
    TOO_MANY = auto()  # requests
    HUB_FAULT = auto()
    DISK_FULL = auto()
    BAD_NAME = auto()
    UNKNOWN = auto()


class HubError(CheckpointError):
    """A download from the Hub or an upload to it that failed.

    Attributes:
        problem: Why.
    """

    def __init__(self, message: str, problem: HubProblem) -> None:
        super().__init__(message)
        self.problem = problem


def problem_of(error: BaseException) -> HubProblem:
    """The first cause that is known, from the outermost error inwards."""
    for cause in _causes(error):
        problem = _known(cause)
        if problem is not HubProblem.UNKNOWN:
            return problem
    return HubProblem.UNKNOWN


def said_by(error: BaseException) -> str:
    """The first line of the innermost cause, for a problem without words of ours."""
    *_, innermost = _causes(error)
    line = next(iter(str(innermost).strip().splitlines()), "").rstrip(".")
    return TOKEN.sub("hf_…", f"{type(innermost).__name__}: {line}" if line else repr(innermost))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _known(error: BaseException) -> HubProblem:
    from huggingface_hub import errors

    by_type: list[tuple[type[BaseException], HubProblem]] = [
        (errors.GatedRepoError, HubProblem.GATED),  # before the class that it derives from
        (errors.RepositoryNotFoundError, HubProblem.NO_REPOSITORY),
        (errors.RevisionNotFoundError, HubProblem.NO_REVISION),
        (errors.EntryNotFoundError, HubProblem.NO_FILE),
        (errors.OfflineModeIsEnabled, HubProblem.OFFLINE),
        (errors.HFValidationError, HubProblem.BAD_NAME),
    ]
    if isinstance(error, errors.LocalEntryNotFoundError):
        return HubProblem.UNKNOWN  # "not in the cache either": its cause says why it was looked up
    for kind, problem in by_type:
        if isinstance(error, kind):
            return problem
    if isinstance(error, errors.HfHubHTTPError):
        return _by_status(error.response.status_code)
    names = {base.__name__ for base in type(error).__mro__}
    if names & UNREACHABLE:
        return HubProblem.UNREACHABLE
    if names & BROKEN_OFF:
        return HubProblem.BROKEN_OFF
    if isinstance(error, OSError):
        if error.errno == errno.ENOSPC:
            return HubProblem.DISK_FULL
        if "Consistency check failed" in str(error):  # fewer bytes than the Hub had announced
            return HubProblem.BROKEN_OFF
    return HubProblem.UNKNOWN


def _by_status(status: int) -> HubProblem:
    known = {
        401: HubProblem.BAD_TOKEN,
        402: HubProblem.NO_RIGHTS,  # such as a Space on hardware that is paid for
        403: HubProblem.NO_RIGHTS,
        404: HubProblem.NO_REPOSITORY,
        409: HubProblem.CHANGED,
        412: HubProblem.CHANGED,
        429: HubProblem.TOO_MANY,
    }
    return HubProblem.HUB_FAULT if status >= 500 else known.get(status, HubProblem.UNKNOWN)
