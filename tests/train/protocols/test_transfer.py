"""A corpus is tested by a run that saw nothing of it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from train.ablation.runs import RunPaths
from train.config import Experiment
from train.protocols.transfer import transfer, transfer_table

CPU = torch.device("cpu")
EMOTIONS = {"neutral": 1, "happiness": 3, "sadness": 4, "anger": 5}


@pytest.fixture
def two_corpora(corpora: Path, tmp_path: Path) -> Path:
    """RAVDESS-like tones, and the same tones in the layout of nEMO."""
    root = tmp_path / "corpora"
    shutil.copytree(corpora / "ravdess", root / "ravdess")
    (root / "nemo" / "samples").mkdir(parents=True)
    for speaker, actor in (("AO0", 1), ("EB0", 2), ("MK0", 6)):
        for emotion, code in EMOTIONS.items():
            clip = f"Actor_{actor:02d}/03-01-{code:02d}-01-01-01-{actor:02d}.wav"
            copy = root / "nemo" / "samples" / f"{speaker}_{emotion}_1.wav"
            shutil.copyfile(corpora / "ravdess" / clip, copy)
    return root


def test_each_corpus_on_the_other(
    speech_experiment: Experiment, two_corpora: Path, tmp_path: Path
) -> None:
    ((modality, source),) = speech_experiment.sources.items()
    both = dataclasses.replace(source, corpora={"ravdess": 0.5, "nemo": 0.5})
    optim = dataclasses.replace(speech_experiment.optim, epochs=1, draws=8, batch_size=4)
    experiment = dataclasses.replace(speech_experiment, sources={modality: both}, optim=optim)
    result = transfer(experiment, RunPaths(two_corpora, tmp_path / "out", CPU))
    found = [(row["from"], row["to"], row["all_speakers"]["n"]) for row in result["rows"]]
    assert found == [("ravdess", "nemo", 12), ("nemo", "ravdess", 32)]
    assert [row["test_speakers"]["n"] for row in result["rows"]] == [4, 8]
    assert all(row["all_speakers"]["labels"] == ["angry", "happy", "neutral", "sad"]
               for row in result["rows"])  # fmt: skip
    for corpus in ("ravdess", "nemo"):
        config = json.loads((tmp_path / "out" / f"from_{corpus}" / "config.json").read_text())
        stored = config["experiment"]["sources"]["speech"]
        assert stored["corpora"] == {corpus: 1.0}
        assert all(name.startswith(corpus) for name in stored["speakers"]["train"])
    table = (tmp_path / "out" / "transfer.md").read_text()
    assert table == transfer_table(result) + "\n"
    assert "| tiny | ravdess | nemo | 12 |" in table


def test_one_corpus_has_nothing_to_transfer_to(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="several corpora"):
        transfer(speech_experiment, RunPaths(corpora, tmp_path, CPU))
