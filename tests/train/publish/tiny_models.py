"""A bundle of both frameworks and a classifier, on shared encoders too small to matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from mer_core.checkpoints.checkpoint import METRICS_FILE, save_checkpoint, write_json
from mer_core.emotions import FOUR
from mer_core.encoders.compact_face import CompactFaceConfig, CompactFaceEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.encoders.compact_text import CompactTextEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.frameworks.mgcma import MGCMA
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.frameworks.unimodal import Unimodal

CARD = """---
license: cc-by-nc-sa-4.0
language: [en, pl]
---

# A tiny bundle

For research only.
"""


def report(n: int, ua: float) -> dict[str, Any]:
    """As `recognition_report` writes it, but for the confusion."""
    return {
        "n": n,
        "refused": 0.0,
        "unweighted_accuracy": ua,
        "weighted_accuracy": ua - 0.01,
        "macro_f1": ua - 0.02,
        "ece": 0.0712345,
        "unweighted_accuracy_95": [ua - 0.1, ua + 0.1],
        "weighted_accuracy_95": [ua - 0.1, ua + 0.1],
    }


def metrics(sets: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """As `evaluate` writes them."""
    return {"protocol": {"split": "test; every choice from the development split"}, "sets": sets}


MGCMA_METRICS = metrics(
    {
        "speech/ravdess": {"speech": report(112, 0.8125)},
        "paired/ravdess×meld": {"text": report(560, 0.56), "both": report(560, 0.8391)},
        "natural/iemocap": {"speech": report(9, 0.61), "both": report(9, 0.7)},
        "spoken/ravdess": {"speech": report(112, 0.8125), "both": report(112, 0.8125)},
    }
)
SPEECH_METRICS = metrics({"speech/nemo": {"all": report(989, 0.62), "four": report(719, 0.67)}})


def write_bundle(folder: Path, tokenizer: Tokenizer) -> Path:
    """`mgcma`, `foal_net` and `speech`, as `export` lays them out, beside files of no model."""
    torch.manual_seed(0)
    speech = CompactSpeechEncoder(CompactSpeechConfig(channels=(16, 16), blocks=1, width=8))
    face = CompactFaceEncoder(CompactFaceConfig(stem=16, channels=(16,), blocks=(1,)))
    size = tokenizer.get_vocab_size()
    text = CompactTextEncoder(
        tokenizer, vocabulary=size, width=8, layers=1, heads=2, intermediate=8, max_tokens=16
    )
    fused = MGCMA(speech, text, FOUR, MGCMAConfig(width=8, heads=2, feed_forward=1.0))
    seen = FoalNet(speech, face, FOUR, FoalNetConfig(projection_width=8, heads=2))
    for name, framework in (
        ("mgcma", fused),
        ("foal_net", seen),
        ("speech", Unimodal(speech, ("calm", "loud"))),
    ):
        save_checkpoint(folder / name, framework.eval(), half=True, shared=True)
    write_json(folder / "mgcma" / METRICS_FILE, MGCMA_METRICS)
    write_json(folder / "speech" / METRICS_FILE, SPEECH_METRICS)
    (folder / "README.md").write_text(CARD, "utf-8")
    (folder / "LICENSE.md").write_text("Research only.", "utf-8")
    (folder / "licenses").mkdir()
    (folder / "licenses" / "mit.txt").write_text("MIT", "utf-8")
    for private in ("mgcma/state.safetensors", ".env", "mgcma/log.jsonl", "mgcma/run.json"):
        (folder / private).write_text("not for the Hub")
    return folder
