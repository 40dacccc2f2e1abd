"""The whole path on a tiny tree: prune → encoders → MGCMA → export → Predictor."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)

from transformers import (  # isort: skip
    BertConfig,
    BertModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
    WhisperConfig,
    WhisperModel,
)

from mer_core.checkpoints.checkpoint import load_checkpoint
from mer_core.emotions import LABEL_SETS
from mer_core.serving.predictor import Predictor
from tests.films import numbered, write_film
from tests.train.conftest import CODES, PITCH, write_tone
from train.config import Experiment, OptimConfig, SourceConfig
from train.config_file import load_experiment
from train.data.pairs import SetName, evaluation_sets, mismatched
from train.evaluate.frameworks import evaluate
from train.publish.export import evaluate_folder, export
from train.stages import fit_experiment, prune_text_encoder

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bert_folder(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    folder = tmp_path / "bert"
    size = tokenizer.get_vocab_size()
    config = BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=128,
    )  # fmt: skip
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "BertTokenizer",
                "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
                "sep_token": "[SEP]", "mask_token": "[MASK]",
            }
        )
    )  # fmt: skip
    return folder


def tiny_mgcma(speech: dict[str, object], text: dict[str, object], frozen: bool) -> Experiment:
    return Experiment(
        name="mgcma",
        freeze_encoders=frozen,
        architecture={
            "framework": "mgcma", "width": 16, "heads": 2, "feed_forward": 1.0,
            "instance_targets": "label", "speech_encoder": speech, "text_encoder": text,
        },
        sources={
            "speech": SourceConfig(corpora={"ravdess": 1.0}, crop_seconds=0.5, views=1),
            "text": SourceConfig(corpora={"meld": 1.0}),
        },
        drop_modality={"speech": 0.25, "text": 0.25},
        loss_weights={"distribution": 0.1, "instance": 0.1},
        optim=OptimConfig(
            epochs=2, draws=16, batch_size=8, learning_rate=1e-3, precision="fp32", ema=0.5
        ),
    )  # fmt: skip


def test_from_corpora_to_predictor(
    speech_experiment: Experiment, corpora: Path, bert_folder: Path, tmp_path: Path
) -> None:
    fit_experiment(speech_experiment, corpora, tmp_path / "speech", CPU, tmp_path / "cache")
    text = dataclasses.replace(
        speech_experiment,
        labels="text",
        architecture={"framework": "unimodal", "encoder": {"from": str(tmp_path / "pruned")}},
        sources={"text": SourceConfig(corpora={"meld": 1.0})},
    )
    prune_text_encoder(text, corpora, bert_folder, tmp_path / "pruned", 50, (0, 2))
    fit_experiment(text, corpora, tmp_path / "text", CPU, tmp_path / "cache")
    experiment = tiny_mgcma(
        {"from": str(tmp_path / "speech")}, {"from": str(tmp_path / "text")}, frozen=True
    )
    fitted = fit_experiment(experiment, corpora, tmp_path / "mgcma", CPU, tmp_path / "cache")
    trained = load_checkpoint(tmp_path / "speech").framework.encoder  # type: ignore[union-attr]
    for name, value in fitted.speech_encoder.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(value, trained.state_dict()[name]), f"{name} moved though frozen"
    metrics = export(tmp_path / "mgcma", tmp_path / "shipped", experiment, corpora)
    assert metrics["matching"] == {}
    assert set(metrics["sets"]) == {
        "speech/ravdess", "text/meld", "paired/ravdess×meld", "spoken/ravdess",
    }  # fmt: skip
    assert set(metrics["fusion"]["gain"]) == {"paired/ravdess×meld", "spoken/ravdess"}
    assert set(metrics["fusion"]["contradiction"]) == {"paired/ravdess×meld"}
    assert set(metrics["sets"]["paired/ravdess×meld"]) == {"speech", "text", "both"}
    predictor = Predictor.load(tmp_path / "shipped", device="cpu")
    prediction = predictor.predict(text="the great joy")
    assert sum(prediction.probabilities.values()) == pytest.approx(1.0)
    assert predictor.info()["frameworks"]["mgcma"]["metrics"] == json.loads(json.dumps(metrics))
    assert "{" not in (tmp_path / "shipped" / "README.md").read_text("utf-8")


def test_evaluation_repeats_and_writes_what_it_returns(
    speech_experiment: Experiment, corpora: Path, bert_folder: Path, tmp_path: Path
) -> None:
    shape = speech_experiment.architecture["encoder"]
    experiment = tiny_mgcma(shape, {"family": "pretrained_text", "source": str(bert_folder)}, False)
    fit_experiment(experiment, corpora, tmp_path / "run", CPU, tmp_path / "cache")
    first = evaluate_folder(tmp_path / "run", experiment, corpora)
    again = load_checkpoint(tmp_path / "run")
    assert again.metrics == json.loads(json.dumps(first))
    assert again.config["temperatures"] == first["temperatures"]
    second = evaluate(again.framework, experiment, corpora)
    assert second["sets"] == first["sets"]
    with pytest.raises(ValueError, match="give --out"):
        evaluate_folder(tmp_path / "run", experiment, corpora, split="dev")
    dev = evaluate_folder(tmp_path / "run", experiment, corpora, out=tmp_path / "dev", split="dev")
    assert dev["protocol"]["split"].startswith("dev; ")
    assert dev["temperatures"] == first["temperatures"]
    assert load_checkpoint(tmp_path / "run").metrics == again.metrics


@pytest.mark.slow
def test_mgcma_base_runs_on_tiny_local_models(
    recorded: Path, bert_folder: Path, tmp_path: Path
) -> None:
    """The same TOML file as for the large pair, on models of the same classes."""
    speech = tmp_path / "wav2vec2"
    config = Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_stride=(5, 64), conv_kernel=(10, 64), num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    Wav2Vec2Model(config).save_pretrained(speech)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(speech)
    experiment = load_experiment(
        ROOT / "train" / "configs" / "mgcma_base.toml",
        [
            f"architecture.speech_encoder.source={speech}",
            f"architecture.text_encoder.source={bert_folder}",
            "architecture.width=16", "architecture.heads=2",
            "sources.speech.corpora={iemocap = 1.0}", "sources.text.corpora={iemocap = 1.0}",
            "optim.epochs=1", "optim.batch_size=4", "optim.accumulate=2", "optim.draws=16",
        ],
    )  # fmt: skip
    assert experiment.natural_corpora == ("iemocap",)
    fit_experiment(experiment, recorded, tmp_path / "run", CPU, tmp_path / "cache")
    prediction = Predictor.load(tmp_path / "run", device="cpu").predict(text="the great joy")
    assert prediction.emotion in ("angry", "happy", "neutral", "sad")
    row = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert {"train_ce", "train_distribution", "train_instance"} <= set(row)


@pytest.mark.slow
def test_mgcma_whisper_runs_on_tiny_local_models(
    recorded: Path, bert_folder: Path, tmp_path: Path
) -> None:
    """The same TOML file as for the large pair, on models of the same classes."""
    speech = tmp_path / "whisper"
    config = WhisperConfig(
        d_model=16, encoder_layers=3, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=20,
        num_mel_bins=128, pad_token_id=0, bos_token_id=1, eos_token_id=1, decoder_start_token_id=2,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(speech)
    experiment = load_experiment(
        ROOT / "train" / "configs" / "mgcma_whisper.toml",
        [
            f"architecture.speech_encoder.source={speech}",
            "architecture.speech_encoder.layers=2", "architecture.speech_encoder.frozen_layers=1",
            f"architecture.text_encoder.source={bert_folder}",
            "architecture.width=16", "architecture.heads=2",
            "optim.epochs=1", "optim.batch_size=4", "optim.accumulate=2", "optim.draws=16",
        ],
    )  # fmt: skip
    before = WhisperModel.from_pretrained(speech).encoder.layers.state_dict()
    fitted = fit_experiment(experiment, recorded, tmp_path / "run", CPU, tmp_path / "cache")
    after = fitted.encoders()["speech"].backbone.layers.state_dict()
    for name, value in after.items():
        assert torch.equal(value, before[name]) == name.startswith("0."), name
    prediction = Predictor.load(tmp_path / "run", device="cpu").predict(text="the great joy")
    assert prediction.emotion in ("angry", "happy", "neutral", "sad")
    row = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert {"train_ce", "train_distribution", "train_instance"} <= set(row)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_pairs_share_their_label_and_stay_in_their_split(split: str, corpora: Path) -> None:
    experiment = tiny_mgcma({}, {}, frozen=False)
    sets = evaluation_sets(experiment, corpora, split)
    assert [str(name) for name in sets] == ["speech/ravdess", "text/meld", "paired/ravdess×meld"]
    for pair in sets[SetName.parse("paired/ravdess×meld")]:
        assert pair.speech is not None
        assert pair.text is not None
        assert pair.speech.emotion == pair.text.emotion == pair.emotion
        assert pair.speech.split == pair.text.split == split
    assert sets == evaluation_sets(experiment, corpora, split)
    assert sets != evaluation_sets(experiment, corpora, split, seed=1)


def tiny_foal_net(audio: dict[str, object], video: dict[str, object], frozen: bool) -> Experiment:
    return Experiment(
        name="foal_net",
        freeze_encoders=frozen,
        architecture={
            "framework": "foal_net", "projection_width": 8, "heads": 2,
            "audio_encoder": audio, "video_encoder": video,
        },
        sources={
            "speech": SourceConfig(corpora={"ravdess": 1.0}, crop_seconds=0.5, views=1),
            "video": SourceConfig(corpora={"fer2013": 1.0}, views=1, frames=3),
        },
        drop_modality={"speech": 0.25, "video": 0.25},
        loss_weights={"avel": 1.0, "mem": 0.1},
        optim=OptimConfig(
            epochs=2, draws=16, batch_size=8, learning_rate=1e-3, precision="fp32", ema=0.5
        ),
    )  # fmt: skip


def test_voices_and_faces_are_paired_by_label(
    speech_experiment: Experiment, face_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    fit_experiment(speech_experiment, corpora, tmp_path / "speech", CPU, cache)
    fit_experiment(face_experiment, corpora, tmp_path / "face", CPU, cache)
    experiment = tiny_foal_net(
        {"from": str(tmp_path / "speech")}, {"from": str(tmp_path / "face")}, frozen=True
    )
    fit_experiment(experiment, corpora, tmp_path / "run", CPU, cache)
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"train_ce", "train_avel", "train_mem"} <= set(rows[0])
    metrics = evaluate_folder(tmp_path / "run", experiment, corpora)
    assert set(metrics["sets"]["paired/ravdess×fer2013"]) == {"audio", "video", "both"}
    matching = metrics["matching"]["paired/ravdess×fer2013"]
    assert matching["labels"] == ["different", "same"]
    assert sum(matching["confusion"][0]) == sum(matching["confusion"][1]) == matching["n"] / 2
    assert "match" in metrics["temperatures"]
    assert "3 drifting crops" in metrics["protocol"]["video"]
    assert evaluate_folder(tmp_path / "run", experiment, corpora)["sets"] == metrics["sets"]


def test_a_face_encoder_learns_and_is_measured_over_all_and_four(
    face_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    fit_experiment(face_experiment, corpora, tmp_path / "face", CPU, tmp_path / "cache")
    reports = evaluate_folder(tmp_path / "face", face_experiment, corpora)["sets"]["video/fer2013"]
    assert reports["all"]["labels"] == list(LABEL_SETS["four"])  # these stripes have no other
    assert reports["four"]["labels"] == list(LABEL_SETS["four"])
    assert reports["four"]["n"] == 12
    assert reports["four"]["unweighted_accuracy"] > 0.6  # chance is 0.25


def test_mismatched_pairs_never_share_their_label(corpora: Path) -> None:
    experiment = tiny_foal_net({}, {}, frozen=False)
    name = SetName.parse("paired/ravdess×fer2013")
    pairs = evaluation_sets(experiment, corpora, "test")[name]
    others = mismatched(pairs, np.random.default_rng(0))
    assert [p.speech for p in others] == [p.speech for p in pairs]
    for other in others:
        assert other.speech is not None
        assert other.video is not None
        assert other.speech.emotion != other.video.emotion
        assert other.video.split == "test"
    met = {(p.emotion, p.video.emotion) for p in others if p.video}
    assert all(sum(label == spoken for spoken, _ in met) > 1 for label in LABEL_SETS["four"])


@pytest.fixture
def filmed(tmp_path: Path) -> Path:
    """RAVDESS' voices with their films, of four actors."""
    for actor, (emotion, code) in itertools.product((1, 11, 2, 6), CODES.items()):
        folder, take = f"Actor_{actor:02d}", f"01-{code:02d}-01-01-01-{actor:02d}"
        write_tone(tmp_path / "ravdess" / folder / f"03-{take}.wav", PITCH[emotion], actor)
        film = tmp_path / "ravdess" / f"Video_Speech_{folder}" / folder / f"01-{take}.mp4"
        write_film(film, numbered(15))
    return tmp_path


@pytest.mark.slow
def test_foal_net_large_runs_on_tiny_local_models(filmed: Path, tmp_path: Path) -> None:
    """The same TOML file as for WavLM-large and CLIP ViT-L/14, on models of the same classes."""
    speech, vision = tmp_path / "wavlm", tmp_path / "clip"
    config = WavLMConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_stride=(5, 64), conv_kernel=(10, 64), num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2, feat_extract_norm="layer", do_stable_layer_norm=True,
    )  # fmt: skip
    WavLMModel(config).save_pretrained(speech)
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True).save_pretrained(speech)
    tower = CLIPVisionConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=32, patch_size=16, projection_dim=16,
    )  # fmt: skip
    CLIPVisionModelWithProjection(tower).save_pretrained(vision)
    experiment = load_experiment(
        ROOT / "train" / "configs" / "foal_net_large.toml",
        [
            f"architecture.audio_encoder.source={speech}",
            f"architecture.video_encoder.source={vision}",
            "sources.speech.corpora={ravdess = 1.0}", "sources.video.corpora={ravdess = 1.0}",
            "sources.video.frames=2", "sources.video.picture_size=32",
            "optim.epochs=1", "optim.batch_size=4", "optim.draws=16",
        ],
    )  # fmt: skip
    before = CLIPVisionModelWithProjection.from_pretrained(vision).state_dict()
    fitted = fit_experiment(experiment, filmed, tmp_path / "run", CPU, tmp_path / "cache")
    row = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert {"train_ce", "train_avel", "train_mem", "natural/ravdess"} <= set(row)
    after = fitted.encoders()["video"].backbone.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())  # CLIP is frozen
    assert Predictor.load(tmp_path / "run", device="cpu").judges_video
