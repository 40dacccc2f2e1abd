"""Runs a function in several processes that know each other, as a launcher would start them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from typing import Any

import torch

from train.distributed import World, join_world

SECONDS = 120.0  # a hang is a failure


def in_processes(
    count: int, function: Callable[..., Any], *arguments: Any, device: str = "cpu"
) -> list[Any]:
    """`function(world, *arguments)` in each of `count` processes; their results, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A forked process starts at once, but cannot use a GPU that this one has used.
    method = "spawn" if torch.cuda.is_available() else "fork"
    context = multiprocessing.get_context(method)
    results = context.Queue()
    processes = [
        context.Process(target=_run, args=(rank, count, port, device, function, arguments, results))
        for rank in range(count)
    ]
    for process in processes:
        process.start()
    try:
        found = dict(results.get(timeout=SECONDS) for _ in processes)
    finally:
        for process in processes:
            process.join(timeout=10)
            process.kill()
    for failure in found.values():
        if isinstance(failure, Failure):
            raise AssertionError(failure)
    return [found[rank] for rank in range(count)]


class Failure(str):
    """The stack trace of a process."""


def _run(
    rank: int, count: int, port: int, device: str, function: Any, arguments: Any, results: Any
) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    torch.set_num_threads(1)
    try:
        world: World = join_world(device)
        result = function(world, *arguments)
        world.leave()
    except BaseException:
        result = Failure(traceback.format_exc())
    results.put((rank, result))
