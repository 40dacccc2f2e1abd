"""Reading an atlas' files: whole, without pickle, and refused in one sentence that names the file.

Of an npz, every array is read before anything is made of it, so that damage anywhere in the file
is found at once, a pickle among it.
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
    """The arrays of one file by name, each given out only as what it should be.

    Every method raises ValueError for an array that is missing or of another kind or shape.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def table(self, name: str) -> FloatArray:
        """(N, D) float32."""
        return self._take(name, "f", 2).astype(np.float32)

    def counts(self, name: str) -> NDArray[np.int64]:
        """(N,) numbers from 0, stored unsigned."""
        return self._take(name, "u", 1).astype(np.int64)

    def words(self, name: str) -> tuple[str, ...]:
        """N strings."""
        return tuple(self._take(name, "U", 1).tolist())

    def text(self, name: str) -> str:
        """One string."""
        return str(self._take(name, "U", 0))

    def _take(self, name: str, kind: str, dimensions: int) -> NDArray[Any]:
        if name not in self._arrays:
            raise ValueError(f"{name!r} is missing")
        found = self._arrays[name]
        if found.dtype.kind != kind or found.ndim != dimensions:
            raise ValueError(
                f"{name!r} must be {KINDS[kind]} in {dimensions} dimensions, "
                f"but is {found.dtype} in {found.ndim}"
            )
        return found


def read_npz(path: Path, what: str, make: Callable[[Arrays], Value]) -> Value:
    """What `make` makes of the arrays of an npz; runs no code of the file's own.

    Args:
        path: Of the file.
        what: It should be, in a word.
        make: May raise what `refusing` puts in words.

    Raises:
        ValueError: There is no such file, it is damaged, or it is something else.
    """
    if not path.is_file():
        raise ValueError(f"{named(path)} is missing.")
    try:
        arrays = Arrays(_arrays(path))
    except Exception as error:
        # Over damaged bytes, zipfile, zlib and numpy raise a dozen kinds in words of their own,
        # advice to allow pickles among them: the sentence is ours, theirs is its cause.
        raise ValueError(f"{named(path)} is damaged, or no npz file at all.") from error
    with refusing(path, what):
        return make(arrays)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:  # ours, so that it is closed even where numpy fails half-way
        stored = np.load(file, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise TypeError("one array alone")
        read = {name: stored[name] for name in stored.files}
    return {name: array for name, array in read.items() if isinstance(array, np.ndarray)}


@contextmanager
def refusing(path: Path, what: str) -> Iterator[None]:
    """Within this block, contents that are not those of a `what` end in one ValueError in words."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{named(path)} is no {what}: {error} is missing.") from error
    except (ValueError, OSError) as error:
        raise ValueError(f"{named(path)} is no {what}: {str(error).rstrip('.')}.") from error
    except (TypeError, AttributeError, OverflowError) as error:  # in words for programmers
        raise ValueError(f"{named(path)} is no {what}: a value is of the wrong kind.") from error


def named(path: Path) -> str:
    """A file as a message names it: with its folder, for every strategy has files of one name."""
    return "/".join(path.parts[-2:])
