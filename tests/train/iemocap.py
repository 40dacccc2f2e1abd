"""A tiny IEMOCAP in the layout of its owners, and an MGCMA on tiny wav2vec 2.0 and BERT for it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import torch
from tokenizers import Tokenizer

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)

from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model  # isort: skip

from tests.iemocap_tree import Turn, write_annotations
from tests.train.conftest import PITCH, WORDS, write_tone
from tests.train.tiny_frameworks import write_bert
from train.config import Experiment, OptimConfig, SourceConfig

CODES = {"neutral": "neu", "happy": "exc", "sad": "sad", "angry": "ang"}
SCENES = ("impro01", "script01_1")
PER_SESSION = 2 * len(SCENES) * len(CODES)


def write_iemocap(root: Path, sessions: int = 5) -> Path:
    """Two actors a session; each plays an improvised and a scripted scene, an emotion a line.

    Scripted words are the same in every session, improvised ones are not.
    """
    for session in range(1, sessions + 1):
        folder = root / "iemocap" / f"Session{session}"
        for scene in (f"Ses{session:02d}F_{name}" for name in SCENES):
            turns = []
            for i, (actor, emotion) in enumerate(itertools.product("FM", CODES)):
                name = f"{scene}_{actor}{i:03d}"
                own = f" {'abcde'[session - 1]} {actor}" if "impro" in scene else f" the {actor}"
                turns.append(Turn(name, CODES[emotion], f"{WORDS[emotion]}{own}"))
                clip = folder / "sentences" / "wav" / scene / f"{name}.wav"
                write_tone(clip, PITCH[emotion] * (1 + session / 40), 100 * session + i)
            write_annotations(root, session, scene, turns)
    return root


def relabel(root: Path, session: int) -> None:
    """Give the utterances of a session each other's labels; the files keep their sizes."""
    following = dict(zip(CODES.values(), [*list(CODES.values())[1:], "neu"], strict=True))
    for ratings in (root / "iemocap" / f"Session{session}").glob("dialog/EmoEvaluation/*.txt"):
        text = re.sub(
            r"\t(neu|exc|sad|ang)\t", lambda m: f"\t{following[m[1]]}\t", ratings.read_text("utf-8")
        )
        ratings.write_text(text, "utf-8")


def write_wav2vec2(folder: Path) -> Path:
    """A wav2vec 2.0 of one layer, for `pretrained_speech`."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=[8] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def tiny_study(folder: Path, tokenizer: Tokenizer) -> Experiment:
    """MGCMA on both, fine-tuned, on IEMOCAP alone."""
    speech, bert = write_wav2vec2(folder / "wav2vec2"), write_bert(folder / "bert", tokenizer)
    return Experiment(
        name="tiny_iemocap",
        seed=5,
        architecture={
            "framework": "mgcma", "width": 16, "heads": 2, "feed_forward": 1.0,
            "speech_encoder": {"family": "pretrained_speech", "source": str(speech)},
            "text_encoder": {"family": "pretrained_text", "source": str(bert)},
        },
        sources={
            "speech": SourceConfig(corpora={"iemocap": 1.0}, crop_seconds=0.5),
            "text": SourceConfig(corpora={"iemocap": 1.0}),
        },
        pairing="natural",
        drop_modality={"speech": 0.1, "text": 0.1},
        loss_weights={"distribution": 0.1, "instance": 0.1},
        optim=OptimConfig(
            epochs=3, draws=16, batch_size=8, learning_rate=3e-3, precision="fp32", patience=5
        ),
    )  # fmt: skip
