"""Seeds of an epoch, and the state of its random numbers where it is interrupted."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from train.distributed import World

LARGEST_SEED = 2**63


def epoch_seed(seed: int, epoch: int) -> int:
    """Of everything that torch draws in an epoch of a run."""
    return seed * 100_003 + epoch


def batch_seed(seed: int, batch: int) -> int:
    """Of what the losses draw of one batch of an epoch with `seed`, alike in every process."""
    return (seed * 1_000_003 + batch + 1) % LARGEST_SEED


def start_randomness(seed: int, batch: int, world: World, states: Mapping[str, Tensor]) -> None:
    """Seed torch for an epoch, or continue where it was interrupted.

    Each process has random numbers of its own, so that dropout differs between its rows and those
    of the others.

    Args:
        seed: Of the epoch.
        batch: Batches of it that are done.
        world: The processes.
        states: From `random_states`. If it was saved on another device or by another number of
            processes, the rest of the epoch draws anew.
    """
    torch.manual_seed((seed + world.rank * 1_000_000_007) % LARGEST_SEED)
    if not batch:
        return
    own = {name: states.get(f"{name}.{world.rank}") for name in ("cpu", "cuda")}
    on_gpu = world.device.type == "cuda"
    same_size = f"cpu.{world.size - 1}" in states and f"cpu.{world.size}" not in states
    if not same_size or own["cpu"] is None or (own["cuda"] is not None) is not on_gpu:
        torch.manual_seed(batch_seed(seed + world.rank * 1_000_000_007, batch))
        return
    torch.set_rng_state(own["cpu"])
    if own["cuda"] is not None:
        torch.cuda.set_rng_state(own["cuda"], world.device)


def random_states(world: World) -> dict[str, Tensor]:
    """`cpu.RANK` and, on GPUs, `cuda.RANK`: generators' states of all processes, uint8."""
    states = {"cpu": torch.get_rng_state()}
    if world.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(world.device)
    return {
        f"{name}.{rank}": state
        for name, own in states.items()
        for rank, state in enumerate(world.collect(own))
    }
