"""A stand-in for the model whose numbers depend on the batch, as a network's do in the last digits.

So results are equal only if every clip was judged in the same batch at the same place.
"""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mer_core.media import MediaError, MediaErrorKind
from mer_core.serving.bulk.job import Engine, Job, Settings
from mer_core.serving.bulk.parts import remaining
from mer_core.serving.bulk.run import judge, open_job
from mer_core.types import Prediction, State

LABELS = ("angry", "happy", "neutral", "sad")
CRASH, KILL = "crash", "kill"  # texts at which the model fails, or its process dies


class FakeModel:
    """Judges texts, and files by their content."""

    labels = LABELS

    def __init__(self, before: Callable[[FakeModel], None] = lambda _: None) -> None:
        self.before = before  # called at each batch
        self.batches: list[int] = []
        self.items: list[Mapping[str, Any]] = []

    def predict_many(
        self, items: Sequence[Mapping[str, Any]], batch_size: int = 16, *, transcribe: bool = False
    ) -> list[Prediction]:
        self.batches.append(len(items))
        self.items += items
        self.before(self)
        return [self.answer(item, place / len(items)) for place, item in enumerate(items)]

    def answer(self, item: Mapping[str, Any], place: float) -> Prediction:
        try:
            content = self.read(item)
        except MediaError as error:
            return Prediction(
                None, {}, {}, State.REFUSED, message=error.message, error_kind=error.kind
            )
        share = round((zlib.crc32(content) % 1_000 + place) / 2_000, 6)
        shares = {"angry": share, "happy": 1 - share, "neutral": 0.0, "sad": 0.0}
        return Prediction("happy", shares, {"text": shares}, framework="fake", duration=1.0)

    def read(self, item: Mapping[str, Any]) -> bytes:
        if item["text"] == CRASH:
            raise RuntimeError("a bug")
        if item["text"] == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        file = item["audio"] or item["video"]
        if file is not None and not Path(file).is_file():
            raise MediaError(MediaErrorKind.NOT_FOUND, f"There is no file named {file.name!r}.")
        return (item["text"] or "").encode() + (b"" if file is None else Path(file).read_bytes())


def load() -> Any:
    """What a job calls for its model; importable from another process."""
    return FakeModel()


def load_nothing() -> Any:
    raise ValueError("there is\nno model")


def write_texts(folder: Path, count: int, special: Mapping[int, str] | None = None) -> Path:
    """A CSV manifest of texts, some of them special."""
    texts = {row: f"text {row}" for row in range(count)} | dict(special or {})
    manifest = folder / "clips.csv"
    manifest.write_text("text\n" + "".join(f"{text}\n" for text in texts.values()), "utf-8")
    return manifest


def open_fake(
    manifest: Path, out: Path, load: Callable[[], Any] = load, model: str = "a", **settings: Any
) -> Job:
    """A job with small shards and batches."""
    chosen = Settings(**{"shard_rows": 10, "batch_size": 4, **settings})
    return open_job(manifest, out, load, {"emotion": model}, chosen, "1.0")


def judge_missing(job: Job) -> Iterator[int]:
    """Numbers of clips, as this process judges what is left."""
    return judge(job, list(remaining(job)), Engine.LOCAL, None)


def finish(job: Job) -> int:
    """Judge what is left; how many clips that were."""
    return sum(judge_missing(job))


def parts(folder: Path) -> dict[str, bytes]:
    """Name → content of all results."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}
