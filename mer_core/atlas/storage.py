"""Reading an atlas' files: whole, without pickle, and with one-sentence errors naming the file.

Every array of an npz is read before anything is made of it, so that damage anywhere in the file is
found at once, and so is a pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mer_core.types import FloatArray

KINDS = {"f": "floating-point numbers", "u": "counts", "U": "text"}  # numpy's letters

Value = TypeVar("Value")


class Arrays:
    """The arrays of one file by name, each returned only as the type it should have.

    Every method raises ValueError for an array that is missing or of another kind or shape.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def table(self, name: str) -> FloatArray:
        """(N, D) float32."""
        return self._take(name, "f", 2).astype(np.float32)

    def counts(self, name: str) -> NDArray[np.int64]:
        """(N,) numbers from 0, stored unsigned."""
        return self._take(name, "u", 1).astype(np.int64)

    def strings(self, name: str) -> tuple[str, ...]:
        """N strings."""
        return tuple(self._take(name, "U", 1).tolist())

    def string(self, name: str) -> str:
        """One string."""
        return str(self._take(name, "U", 0))

    def _take(self, name: str, kind: str, dimensions: int) -> NDArray[Any]:
        if name not in self._arrays:
            raise ValueError(f"{name!r} is missing")
        array = self._arrays[name]
        if array.dtype.kind != kind or array.ndim != dimensions:
            raise ValueError(
                f"{name!r} must be {KINDS[kind]} in {dimensions} dimensions, "
                f"but is {array.dtype} in {array.ndim}"
            )
        return array


def read_npz(path: Path, kind: str, make: Callable[[Arrays], Value]) -> Value:
    """What `make` makes of the arrays of an npz; runs no code from the file.

    Args:
        path: Of the file.
        kind: What it should be, in a word.
        make: May raise what `readable_errors` translates.

    Raises:
        ValueError: There is no such file, it is damaged, or it is something else.
    """
    if not path.is_file():
        raise ValueError(f"{display_name(path)} is missing.")
    try:
        arrays = Arrays(_arrays(path))
    except Exception as error:
        # On damaged bytes, zipfile, zlib and numpy raise a dozen kinds of error, one of which
        # advises allowing pickles: the sentence is ours, theirs is its cause.
        raise ValueError(f"{display_name(path)} is damaged, or no npz file.") from error
    with readable_errors(path, kind):
        return make(arrays)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:  # ours, so that it is closed even where numpy fails half-way
        stored = np.load(file, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise TypeError("one array alone")
        arrays = {name: stored[name] for name in stored.files}
    return {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}


@contextmanager
def readable_errors(path: Path, kind: str) -> Iterator[None]:
    """Within this block, contents of `path` that are no `kind` end in one readable ValueError."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{display_name(path)} is no {kind}: {error} is missing.") from error
    except (ValueError, OSError) as error:
        reason = str(error).rstrip(".")
        raise ValueError(f"{display_name(path)} is no {kind}: {reason}.") from error
    except (TypeError, AttributeError, OverflowError) as error:  # worded for programmers
        message = f"{display_name(path)} is no {kind}: a value is of the wrong kind."
        raise ValueError(message) from error


def display_name(path: Path) -> str:
    """A file with its folder, because every strategy has files of the same names."""
    return "/".join(path.parts[-2:])
