"""Two GPUs compute what one process does, exchanging gradients by NCCL."""

from __future__ import annotations

import pytest
import torch

from tests.train.processes import in_processes
from tests.train.test_distributed import CASES, assert_close, losses_and_gradients
from train.distributed import World


@pytest.mark.parametrize("case", [name for name in CASES if not name.startswith("foal_net")])
def test_two_gpus_equal_one_process(case: str, gpu: torch.device) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    alone = losses_and_gradients(World(gpu), case, 7)
    for shared in in_processes(2, losses_and_gradients, case, 7, device="cuda"):
        assert_close(alone, shared)


def test_two_processes_by_gloo_where_a_gpu_is_present(device: torch.device) -> None:
    alone = losses_and_gradients(World(torch.device("cpu")), "foal_net", 7)
    for shared in in_processes(2, losses_and_gradients, "foal_net", 7, device="cpu"):
        assert_close(alone, shared)
