"""What a run is: a manifest, a folder for its results, and how the clips are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mer_core.serving.predictor import Predictor

SHARD_ROWS = 1_000  # at most so many clips are judged again after a kill
BATCH_SIZE = 16


class Engine(StrEnum):
    """Where clips are judged."""

    LOCAL = "local"  # in this process, or several on this machine
    RAY = "ray"


@dataclass(frozen=True)
class Settings:
    """How clips are judged; results of different settings are not mixed.

    Attributes:
        shard_rows: Rows of a shard.
        batch_size: Clips that are read, and windows of speech that are judged, at once.
        transcribe: Whether what is said is written down and judged too; see `Predictor.predict`.
        sound_only: Whether a video is judged by its sound, like a recording.
    """

    shard_rows: int = SHARD_ROWS
    batch_size: int = BATCH_SIZE
    transcribe: bool = False
    sound_only: bool = False


@dataclass(frozen=True)
class Job:
    """One run over a manifest; can be sent to another process.

    Attributes:
        manifest: The table of clips.
        out: Folder of the results.
        rows: Of the manifest.
        load: Loads the model; called once a worker, at its first shard.
        settings: How clips are judged.
    """

    manifest: Path
    out: Path
    rows: int
    load: Callable[[], Predictor]
    settings: Settings = Settings()

    def shards(self) -> Iterator[Shard]:
        """All rows, cut at fixed places: so each batch, and each result, is always the same."""
        count = -(-self.rows // self.settings.shard_rows)
        return (self.shard(index) for index in range(count))

    def shard(self, index: int) -> Shard:
        """The shard of this number."""
        start = index * self.settings.shard_rows
        return Shard(index, start, min(start + self.settings.shard_rows, self.rows))


@dataclass(frozen=True)
class Shard:
    """Rows `start` to `stop` (without it) of a manifest: what is judged, written and kept at once.

    Attributes:
        index: Its number, counted from 0.
        start: Its first row.
        stop: The row behind its last one.
    """

    index: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.stop - self.start

    @property
    def file_name(self) -> str:
        """Of its results."""
        return f"part-{self.index:05}.parquet"
