"""The shipped encoders, and the small one of speech, train on a CPU with AVX2 and no AVX-512.

oneDNN once overwrote memory there (see `mer_core.layers.residual.MIN_CHANNELS`), which ends the
whole process; so each instruction set gets its own process.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import torch

from mer_core.checkpoints.checkpoint import load_checkpoints
from mer_core.checkpoints.shipped import DEFAULT_MODEL
from mer_core.data.collate import collate
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.types import SAMPLE_RATE, Utterance

torch.manual_seed(0)
torch.set_num_threads(1)
encoders = {"CompactSpeechEncoder": CompactSpeechEncoder(CompactSpeechConfig())}
for checkpoint in load_checkpoints(DEFAULT_MODEL).values():
    for module in checkpoint.framework.modules():
        if type(module).__name__ in ("CompactFaceEncoder", "PretrainedWhisperEncoder"):
            encoders[type(module).__name__] = module
faces = torch.randint(0, 256, (8, 48, 48, 1), dtype=torch.uint8).numpy()
voice = (0.1 * torch.randn(2 * SAMPLE_RATE)).numpy()
batch = collate([Utterance(waveform=voice, frames=faces)] * 2)
for name, encoder in sorted(encoders.items()):
    encoder.train().requires_grad_(True)
    for _ in range(3):
        encoder.zero_grad()
        encoder(batch).tokens.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters()), name
    print(name)
"""


@pytest.mark.parametrize("instructions", ["AVX2", "DEFAULT"])
def test_shipped_encoders_run_forward_and_backward(instructions: str) -> None:
    # glibc checks its heap at every free, so that an overwritten byte ends the process at once.
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions, "MALLOC_CHECK_": "3"}
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [
        "CompactFaceEncoder", "CompactSpeechEncoder", "PretrainedWhisperEncoder",
    ]  # fmt: skip
