"""Neither workers nor shares nor skipped batches change what an epoch reads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.types import Batch
from train.config import Experiment, SourceConfig
from train.data.labelled import Labelled
from train.data.loading import Batches, Drawn, share
from train.data.tasks import SingleTask

CPU = torch.device("cpu")


@pytest.fixture
def task(speech_experiment: Experiment, corpora: Path) -> SingleTask:
    """Clips that are cropped, played faster and made noisy at random."""
    source = SourceConfig(
        corpora={"ravdess": 1.0}, crop_seconds=0.4, gain_db=6.0, noise_probability=0.5,
        speeds=(0.9, 1.0, 1.1),
    )  # fmt: skip
    return SingleTask(
        dataclasses.replace(speech_experiment, sources={"speech": source}), corpora
    )  # fmt: skip


def same(first: Labelled, second: Labelled) -> bool:
    assert first.batch.waveform is not None
    assert second.batch.waveform is not None
    return torch.equal(first.labels, second.labels) and torch.equal(
        first.batch.waveform, second.batch.waveform
    )


def test_workers_do_not_change_a_sample(task: SingleTask) -> None:
    own = list(task.epoch(3))
    assert len(own) == task.batches
    read = list(task.epoch(3).prefetched(0, 2, CPU))
    assert all(same(a, b) for a, b in zip(own, read, strict=True))
    assert not any(same(a, b) for a, b in zip(own, task.epoch(4), strict=True))


def test_batches_before_the_first_are_not_read(task: SingleTask) -> None:
    batches, read = task.epoch(0), []

    def load(rows: list[Drawn]) -> Labelled:
        read.append(rows)
        return task._load(rows)

    later = list(dataclasses.replace(batches, load=load).prefetched(2, 0, CPU))
    assert read == list(batches.plan[2:])
    assert same(later[0], batches[2])


@pytest.mark.parametrize(("rows", "world_size"), [(8, 2), (7, 2), (5, 4), (2, 3)])
def test_shares_are_even_and_make_up_the_batch(rows: int, world_size: int) -> None:
    parts = [list(range(rows))[share(rows, rank, world_size)] for rank in range(world_size)]
    assert [row for part in parts for row in part] == list(range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_ranks_read_the_rows_that_one_process_would(task: SingleTask) -> None:
    whole = task.epoch(1)
    halves = [whole.of_rank(rank, 2) for rank in range(2)]
    for item, first, second in zip(whole, *halves, strict=True):
        assert torch.equal(item.labels, torch.cat([first.labels, second.labels]))
        row = first.batch.waveform[0]  # type: ignore[index]
        assert torch.equal(item.batch.waveform[0, : len(row)], row)  # type: ignore[index]


def test_a_process_without_rows_computes_one_that_does_not_count() -> None:
    batches = Batches([[1, 2]], lambda rows: Labelled(Batch(), torch.tensor(rows)))
    read = [batches.of_rank(rank, 3)[0] for rank in range(3)]
    assert [item.counts for item in read] == [False, True, True]
    assert [item.labels.tolist() for item in read] == [[1], [1], [2]]


def test_every_row_has_random_numbers_of_its_own() -> None:
    seeds = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    drawn = {float(Drawn(None, seed).generator().random()) for seed in seeds}
    assert len(drawn) == len(seeds)
    epoch = float(np.random.default_rng([0, 0]).random())  # which the draws of the epoch use
    assert epoch not in drawn
