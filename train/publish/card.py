"""The model card of a bundle."""

from __future__ import annotations

import json
from pathlib import Path

from mer_core.checkpoints.checkpoint import METRICS_FILE
from train.evaluate.tables import metrics_table

CARD_TEMPLATE = Path(__file__).parent / "model_card.md"
CARD_FILE = "README.md"


def write_card(bundle: Path) -> None:
    """Write the card of every checkpoint in a bundle."""
    tables = [
        f"### {file.parent.name}\n\n{metrics_table(json.loads(file.read_text('utf-8')))}"
        for file in sorted(bundle.glob(f"*/{METRICS_FILE}"))
    ]
    size = sum(file.stat().st_size for file in bundle.rglob("*.safetensors"))
    card = CARD_TEMPLATE.read_text("utf-8").format(
        tables="\n\n".join(tables), megabytes=f"{size / 2**20:.1f}"
    )
    (bundle / CARD_FILE).write_text(card, "utf-8")
