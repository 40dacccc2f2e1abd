"""Judges the clips of one shard after another: the same class in every engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mer_core.serving.bulk.errors import BulkError
from mer_core.serving.bulk.job import Job, Shard
from mer_core.serving.bulk.manifest import Entry, ManifestReader
from mer_core.serving.bulk.parts import Row, result_row, write_part
from mer_core.types import Prediction, State

if TYPE_CHECKING:
    from mer_core.serving.predictor import Predictor

UNEXPECTED = "unexpected"  # `error` of a clip on which the program failed; others: MediaErrorKind
MAX_FAILURES = 16  # such clips one after the other; then it is not the clips


class ShardScorer:
    """One loaded model and one open manifest. Keeps nothing of a shard once it is written.

    Args:
        job: What is judged, and how.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._manifest = ManifestReader(job.manifest)
        self._predictor: Predictor | None = None
        self._failures = 0

    def score(self, shard: Shard) -> Iterator[int]:
        """Judge a shard and write its results; yields the number of clips after each batch.

        Raises:
            BulkError: The model cannot be loaded, the manifest has become unreadable, or the
                program fails on every clip. Nothing of this shard is written then.
            OSError: The results cannot be written.
        """
        predictor = self.predictor()
        rows: list[Row] = []
        entries = self._manifest.rows(shard.start, shard.stop)
        while batch := list(itertools.islice(entries, self.job.settings.batch_size)):
            predictions = self._predict(predictor, batch)
            rows += (
                result_row(entry, prediction, predictor.labels)
                for entry, prediction in zip(batch, predictions, strict=True)
            )
            del predictions  # attention, faces and embeddings: far more than a row
            yield len(batch)
        write_part(self.job.out, shard, rows, predictor.labels)

    def predictor(self) -> Predictor:
        """The model, loaded at the first call.

        Raises:
            BulkError: It cannot be loaded.
        """
        if self._predictor is None:
            try:
                self._predictor = self.job.load()
                if self.job.settings.transcribe:
                    self._predictor.transcriber.load()
            # Folder, Hub, safetensors, torch and Whisper each raise errors of their own.
            except Exception as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise BulkError(f"The model cannot be loaded: {reason}") from error
        return self._predictor

    def _predict(self, predictor: Predictor, batch: Sequence[Entry]) -> list[Prediction]:
        try:
            predictions = self._judge(predictor, batch)
        except Exception:  # one clip must not cost the others their results
            return [self._predict_alone(predictor, entry) for entry in batch]
        self._failures = 0
        return predictions

    def _predict_alone(self, predictor: Predictor, entry: Entry) -> Prediction:
        """The prediction, or a refusal where the program fails on this clip.

        Raises:
            BulkError: It has failed on `MAX_FAILURES` clips in a row, as with a lost device.
        """
        try:
            (prediction,) = self._judge(predictor, [entry])
        except Exception as error:
            self._failures += 1
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            if self._failures >= MAX_FAILURES:
                raise BulkError(
                    f"Judging failed on {MAX_FAILURES} clips in a row, up to row {entry.row} "
                    f"({reason}). Finished files are kept."
                ) from error
            return _failed(reason)
        self._failures = 0
        return prediction

    def _judge(self, predictor: Predictor, entries: Sequence[Entry]) -> list[Prediction]:
        return predictor.predict_many(
            [self._item(entry) for entry in entries],
            self.job.settings.batch_size,
            transcribe=self.job.settings.transcribe,
        )

    def _item(self, entry: Entry) -> Mapping[str, Any]:
        """What `Predictor.predict_many` takes, with paths from the manifest's folder."""
        folder = self.job.manifest.parent
        audio, video = (
            None if given is None else folder / given for given in (entry.audio, entry.video)
        )
        if self.job.settings.sound_only:
            audio, video = audio or video, None
        return {"audio": audio, "video": video, "text": entry.text}


def _failed(reason: str) -> Prediction:
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality={},
        state=State.REFUSED,
        message=f"Judging this clip failed: {reason}",
        error_kind=UNEXPECTED,
    )
