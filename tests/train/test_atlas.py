"""`python -m train atlas` on tiny corpora: heads → references, maps, a figure."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)

from transformers import BertConfig, BertModel  # isort: skip

import train.__main__ as command
import train.atlas
from mer_core.atlas.collection import Atlas
from mer_core.checkpoint import load_checkpoint
from mer_core.data import collate
from mer_core.emotions import FOUR
from train.atlas import balanced_pairs, build_atlas, load_heads
from train.config import Experiment, OptimConfig, SourceConfig
from train.material import Material
from train.stages import fit_experiment, tokenizer_of

CPU = torch.device("cpu")
PAIRS = 24
STRATEGIES = {"none": {}, "instance": {"instance": True}, "all": {"instance": True, "token": True}}

CONFIG = """
name = "mgcma_tiny"
architecture = { framework = "mgcma" }
[sources.speech]
corpora = { ravdess = 1.0 }
[sources.text]
corpora = { meld = 1.0 }
"""


def experiment_of(speech: object, text: object, strategy: str) -> Experiment:
    terms = {k: 0.1 for k in STRATEGIES[strategy] if k != "token"}
    switches = dict.fromkeys(("distribution", "token", "instance"), False)
    return Experiment(
        name=strategy,
        freeze_encoders=strategy != "none",
        architecture={
            "framework": "mgcma", "width": 16, "heads": 2, "feed_forward": 1.0,
            "instance_targets": "label", "instance_temperature": 0.5,
            "speech_encoder": speech, "text_encoder": text, **switches, **STRATEGIES[strategy],
        },
        sources={
            "speech": SourceConfig(corpora={"ravdess": 1.0}, crop_seconds=0.5, views=1),
            "text": SourceConfig(corpora={"meld": 1.0}),
        },
        loss_weights=terms,
        optim=OptimConfig(
            epochs=1, draws=16, batch_size=8, learning_rate=1e-3, precision="fp32"
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def heads(corpora: Path, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head a strategy; all but the first stand on the first one's encoders."""
    folder = tmp_path_factory.mktemp("heads")
    bert = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(bert)
    tokenizer.save(str(bert / "tokenizer.json"))
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    (bert / "tokenizer_config.json").write_text(
        json.dumps(
            {"tokenizer_class": "BertTokenizer", **{f"{k}_token": v for k, v in names.items()}}
        )
    )
    speech: object = {"family": "compact_speech", "channels": (4, 8), "blocks": 1, "width": 16}
    text: object = {"family": "pretrained_text", "source": str(bert)}
    for strategy in STRATEGIES:
        experiment = experiment_of(speech, text, strategy)
        fit_experiment(experiment, corpora, folder / strategy, CPU, folder / "cache")
        speech, text = ({"from": str(folder / "none"), "modality": m} for m in ("speech", "text"))
    return folder


@pytest.mark.slow
def test_from_heads_to_an_atlas(
    heads: Path,
    corpora: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    encode, calls = train.atlas._encode, []
    monkeypatch.setattr(
        train.atlas, "_encode", lambda *args: calls.append(args[0].modality) or encode(*args)
    )
    (tmp_path / "tiny.toml").write_text(CONFIG)
    out = tmp_path / "atlas"
    arguments = [
        "atlas", "--heads", str(heads), "--config", str(tmp_path / "tiny.toml"), "--data",
        str(corpora), "--out", str(out), "--pairs", str(PAIRS), "--seed", "5", "--device", "cpu",
        "--cache", str(tmp_path / "cache"),
    ]  # fmt: skip
    assert command.main(arguments) == 0
    assert calls == ["speech", "text"], "heads on one encoder share its features"
    printed = capsys.readouterr().out
    assert all(f"| {name} | 0." in printed for name in STRATEGIES)
    assert "ms." in printed
    atlas = Atlas.load(out)
    assert atlas.strategies == ("none", "all", "instance")
    index = json.loads((out / "index.json").read_text())
    assert (index["framework"], index["pairs"], index["pairing"]) == ("mgcma", PAIRS, "label")
    assert "before fusion" in index["representation"]
    for name, chart in atlas.charts.items():
        reference = chart.reference
        assert Counter(reference.labels.tolist()) == dict.fromkeys(range(4), PAIRS // 4)
        assert reference.joint.shape == (2 * PAIRS, 16)
        np.testing.assert_allclose(np.linalg.norm(reference.joint, axis=1), 1, atol=2e-3)
        assert chart.map.points.shape == (2 * PAIRS, 2)
        assert chart.map.params.seed == 5
        assert {"median_percent", "p90_percent"} == set(atlas.placement[name])
    assert (out / "maps.png").read_bytes().startswith(b"\x89PNG")
    first = {p.parent.name + p.name: p.read_bytes() for p in out.glob("*/*.npz")}
    assert command.main(arguments) == 0
    assert {p.parent.name + p.name: p.read_bytes() for p in out.glob("*/*.npz")} == first


@pytest.mark.slow
def test_the_reference_is_what_the_network_says_of_the_pair(
    heads: Path, corpora: Path, tmp_path: Path
) -> None:
    """Against a forward pass over waveforms and words, one pair at a time."""
    experiment = experiment_of({}, {}, "none")
    built = build_atlas(heads, experiment, corpora, tmp_path, pairs=8, seed=1)
    reference = built.atlas.charts["all"].reference
    pairs = balanced_pairs(experiment, corpora, "test", 8, np.random.default_rng(1))
    framework = load_checkpoint(heads / "all").framework
    parts = [part for pair in pairs for part in pair.parts if part]
    material, tokenize = Material(parts, experiment.sources), tokenizer_of(framework)
    for i, pair in enumerate(pairs):
        batch = collate([material.utterance(pair.parts)], tokenize)
        with torch.inference_mode():
            features = framework(batch).features
        for modality in reference.modalities:
            expected = features[f"{modality}_embedding"][0].numpy()
            np.testing.assert_allclose(reference.embeddings[modality][i], expected, atol=5e-3)


def test_pairs_are_balanced_and_repeat_only_when_they_must(corpora: Path) -> None:
    experiment = experiment_of({}, {}, "none")
    pairs = balanced_pairs(experiment, corpora, "test", 20, np.random.default_rng(0))
    assert Counter(p.emotion for p in pairs) == dict.fromkeys(FOUR, 5)
    for pair in pairs:
        assert pair.speech is not None
        assert pair.text is not None
        assert pair.speech.emotion == pair.text.emotion
        assert pair.speech.split == pair.text.split == "test"
    clips = Counter(p.speech for p in pairs)  # the tiny test split has two of each emotion
    assert set(clips.values()) == {2, 3}
    assert max(Counter(p.text for p in pairs).values()) == 2  # and four texts
    again = balanced_pairs(experiment, corpora, "test", 20, np.random.default_rng(0))
    assert pairs == again
    few = balanced_pairs(experiment, corpora, "dev", 40, np.random.default_rng(0), repeat=False)
    assert Counter(p.emotion for p in few) == dict.fromkeys(FOUR, 2)
    assert len({p.speech for p in few}) == 8


@pytest.mark.parametrize("count", [0, 2, 21])
def test_pairs_that_cannot_be_shared_out(corpora: Path, count: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        balanced_pairs(
            experiment_of({}, {}, "none"), corpora, "test", count, np.random.default_rng(0)
        )


def test_heads_without_a_before_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint; one named 'none'"):
        load_heads(tmp_path)
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="holds all; one named 'none'"):
        load_heads(tmp_path)


def test_heads_without_a_common_space_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Head:
        def architecture(self) -> dict[str, object]:
            return {"framework": "foal_net", "width": None}

    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "config.json").write_text("{}")
    loaded = dataclasses.make_dataclass("Loaded", [("framework", Head)])(Head())
    monkeypatch.setattr(train.atlas, "load_checkpoint", lambda folder: loaded)
    with pytest.raises(ValueError, match="no space in common"):
        load_heads(tmp_path)
