"""`accelerate launch` and `torchrun` start `fit` in two processes, which train one model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from mer_core.checkpoints.checkpoint import load_checkpoint
from tests.train.tiny_frameworks import write_bert

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
name = "launched"
freeze_encoders = true

[architecture]
framework = "mgcma"
width = 12
heads = 2
speech_encoder = {{ family = "compact_speech", channels = [16, 16], blocks = 1, width = 16 }}
text_encoder = {{ family = "pretrained_text", source = "{bert}" }}

[sources.speech]
corpora = {{ ravdess = 1.0 }}
views = 1

[sources.text]
corpora = {{ meld = 1.0 }}

[optim]
epochs = 1
draws = 16
batch_size = 8
precision = "fp32"
"""
LAUNCHERS = {
    "accelerate": (
        "accelerate.commands.launch --multi_gpu --num_machines 1 --num_processes 2 "
        "--mixed_precision no --dynamo_backend no --main_process_port 0"
    ),
    "torchrun": "torch.distributed.run --standalone --nproc_per_node 2",
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_launched_processes(
    launcher: str, corpora: Path, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    pytest.importorskip("accelerate")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(bert=write_bert(tmp_path / "bert", tokenizer)))
    fit = ["-m", "train", "fit", "--device", "cpu", "--config", str(config), "--data", str(corpora)]
    fit += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    command = [sys.executable, "-m", *LAUNCHERS[launcher].split(), *fit]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2_000:]
    assert ran.stdout.count("2 updates an epoch") == 1, "one process speaks"
    (row,) = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert {"train_ce", "train_distribution", "train_instance"} <= set(json.loads(row))
    assert load_checkpoint(tmp_path / "run").framework.labels == (
        "angry",
        "happy",
        "neutral",
        "sad",
    )
