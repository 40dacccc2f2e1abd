"""How recognition of text alone holds up where a transcriber, not an editor, sets the marks.

The corpora's texts have exclamation marks and capitals. Transcripts of speech end sentences calmly,
or have no marks at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mer_core.checkpoints.checkpoint import load_checkpoint, write_json
from mer_core.data import Example, collate, load_corpus
from mer_core.data.collate import Tokenize
from mer_core.emotions import FOUR
from mer_core.frameworks.base import Framework
from mer_core.metrics.recognition import recognition_report
from mer_core.types import Utterance
from train.data.tasks import class_indices
from train.data.transcripts import calm, plain_words
from train.evaluate.protocol import Floats
from train.stages import tokenizer_of

BATCH = 32
AS_WRITTEN = "as written"
STYLES: dict[str, Callable[[str], str]] = {
    AS_WRITTEN: lambda text: text,
    "full stops and question marks": calm,
    "no marks": lambda text: " ".join(plain_words(text)) or text,
}


def transcripts(
    model: Path, root: Path, corpora: Sequence[str], split: str, out: Path
) -> dict[str, Any]:
    """Figures of every style of writing on the four classes of some corpora.

    Writes `transcripts.json` and `transcripts.md` to `out`.

    Args:
        model: A checkpoint that reads text.
        root: Folder of the corpora.
        corpora: Names in `CORPORA`, of text.
        split: `test` or `dev`.
        out: Made if missing.

    Raises:
        ValueError: The checkpoint reads no text.
    """
    framework = load_checkpoint(model).framework
    tokenize = tokenizer_of(framework)
    if tokenize is None:
        raise ValueError(f"{model.name} reads no text.")
    rows = {
        corpus: measure(framework, load_corpus(corpus, root, split=split, labels=FOUR), tokenize)
        for corpus in corpora
    }
    result = {"split": split, "labels": list(FOUR), "corpora": rows}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "transcripts.json", result)
    (out / "transcripts.md").write_text(transcripts_table(result) + "\n", "utf-8")
    return result


def measure(
    framework: Framework, examples: Sequence[Example], tokenize: Tokenize
) -> dict[str, Any]:
    """Style → report, from the logits of the four classes."""
    columns = [framework.labels.index(name) for name in FOUR]
    labels = class_indices(examples, FOUR).numpy()
    groups = [e.group for e in examples]
    reports = {}
    for style, write in STYLES.items():
        texts = [write(e.text or "") for e in examples]
        logits = text_logits(framework, texts, tokenize)[:, columns]  # (N, 4)
        reports[style] = recognition_report(labels, logits, FOUR, groups=groups)
    return reports


def text_logits(framework: Framework, texts: Sequence[str], tokenize: Tokenize) -> Floats:
    """(N, C) logits of text alone; similar lengths are batched together."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = np.zeros((len(texts), len(framework.labels)), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            batch = collate([Utterance(text=texts[i]) for i in part], tokenize)
            rows[part] = framework(batch).logits.float().numpy()
    return rows


def transcripts_table(result: Mapping[str, Any]) -> str:
    """A Markdown row for each corpus and style."""
    lines = ["| text | written | n | UA [95 %] | WA |", "|---|---|---|---|---|"]
    for corpus, reports in result["corpora"].items():
        for style, report in reports.items():
            low, high = report["unweighted_accuracy_95"]
            lines.append(
                f"| {corpus}, {result['split']} | {style} | {report['n']} "
                f"| {report['unweighted_accuracy']:.3f} [{low:.2f}, {high:.2f}] "
                f"| {report['weighted_accuracy']:.3f} |"
            )
    return "\n".join(lines)
