"""A tiny tree of corpora in their own file formats, and experiments that run on it in seconds."""

from __future__ import annotations

import csv
import itertools
import wave
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from mer_core.media.speech_activity import STEP, SpeechActivity
from mer_core.types import SAMPLE_RATE, FloatArray
from tests.iemocap_tree import Turn, write_annotations
from tests.train.tiny_frameworks import tiny_foal_net, tiny_mgcma, write_bert
from train.config import Experiment, OptimConfig, SourceConfig
from train.evaluate import reading

CODES = {"neutral": 1, "happy": 3, "sad": 4, "angry": 5}
PITCH = {"neutral": 200, "happy": 900, "sad": 110, "angry": 1800}
WORDS = {"neutral": "table door", "happy": "great joy", "sad": "tears lost", "angry": "hate you"}
MELD = {"neutral": "neutral", "happy": "joy", "sad": "sadness", "angry": "anger"}
STRIPES = {"neutral": 2, "happy": 4, "sad": 7, "angry": 11}
ACTORS = {"train": (1, 11), "dev": (2,), "test": (6,)}


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tones of these corpora count as speech, which the detector would not hear in them."""
    monkeypatch.setattr(reading, "detect_speech", hears_any_sound)


def hears_any_sound(waveform: FloatArray) -> SpeechActivity:
    steps = -(-len(waveform) // STEP)
    return SpeechActivity(np.ones(steps, np.float32), silent=not waveform.any())


def write_tone(path: Path, frequency: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    time = np.arange(int(0.6 * SAMPLE_RATE)) / SAMPLE_RATE
    write_wav(
        path, 0.3 * np.sin(2 * np.pi * frequency * time) + 0.02 * random.standard_normal(len(time))
    )


def write_wav(path: Path, samples: NDArray[np.float64]) -> None:
    """(S,) from -1 to 1, as 16-bit PCM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32_767).astype(np.int16).tobytes())


def write_faces(folder: Path) -> None:
    """Striped pictures in FER2013's own layout: a zip, and a table beside it."""
    folder.mkdir()
    random = np.random.default_rng(0)
    with (
        zipfile.ZipFile(folder / "images.zip", "w") as archive,
        (folder / "metadata.csv").open("w", newline="") as file,
    ):
        writer = csv.DictWriter(file, ["path", "split", "emotion", "duplicate", "ambiguous"])
        writer.writeheader()
        for split, takes in (("train", 6), ("validation", 3), ("test", 3)):
            for emotion, stripes in STRIPES.items():
                for take in range(takes):
                    wave = np.sin(np.arange(48) / 48 * 2 * np.pi * stripes)
                    picture = (
                        128 + 80 * np.tile(wave, (48, 1)) + 10 * random.standard_normal((48, 48))
                    )
                    data = cv2.imencode(".png", picture.clip(0, 255).astype(np.uint8))[1]
                    path = f"{split}/{emotion}/{take}.png"
                    archive.writestr(path, data.tobytes())
                    row = {"path": path, "split": split, "emotion": emotion}
                    writer.writerow({**row, "duplicate": 0, "ambiguous": 0})


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAVDESS-like tones whose pitch gives the label, MELD-like lines whose words do, and
    FER2013-like pictures whose stripes do.
    """
    root = tmp_path_factory.mktemp("corpora")
    for actors in ACTORS.values():
        for actor in actors:
            for emotion, code in CODES.items():
                for take in (1, 2):
                    name = f"03-01-{code:02d}-01-01-{take:02d}-{actor:02d}.wav"
                    path = root / "ravdess" / f"Actor_{actor:02d}" / name
                    write_tone(path, PITCH[emotion], actor * 10 + take)
    (root / "text" / "meld").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        with (root / "text" / "meld" / f"{split}_sent_emo.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["Utterance", "Emotion", "Dialogue_ID"])
            writer.writeheader()
            for dialogue in range(4):
                for emotion, words in WORDS.items():
                    row = {"Utterance": f"the {words}", "Emotion": MELD[emotion]}
                    writer.writerow({**row, "Dialogue_ID": dialogue})
    write_faces(root / "fer2013")
    return root


@pytest.fixture(scope="session")
def recorded(corpora: Path) -> Path:
    """The corpora, and with them an IEMOCAP of tones and transcripts: two actors a session, three
    takes an emotion, each take in other words. One test recording has no transcript.
    """
    codes = {"neutral": "neu", "happy": "exc", "sad": "sad", "angry": "ang"}
    for session in range(1, 6):
        scene, folder = f"Ses{session:02d}F_impro01", corpora / "iemocap" / f"Session{session}"
        turns = []
        for i, (actor, emotion, take) in enumerate(itertools.product("FM", WORDS, range(3))):
            name = f"{scene}_{actor}{i:03d}"
            words = "" if session == 5 and i == 0 else f"{WORDS[emotion]} {'abc'[take]} {actor}"
            turns.append(Turn(name, codes[emotion], words))
            pitch = PITCH[emotion] * (1 + take / 20)
            write_tone(folder / "sentences" / "wav" / scene / f"{name}.wav", pitch, i)
        write_annotations(corpora, session, scene, turns)
    return corpora


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A WordPiece tokenizer that knows the words of the tiny corpora."""
    words = " ".join(["the", *WORDS.values()]).split()
    letters = [chr(c) for c in range(97, 123)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    pieces += [f"##{letter}" for letter in letters] + words
    made = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


@pytest.fixture
def speech_experiment() -> Experiment:
    """A few epochs of a very small speech encoder."""
    return Experiment(
        name="tiny",
        seed=3,
        labels="speech",
        architecture={
            "framework": "unimodal",
            "dropout": 0.1,
            "encoder": {
                "family": "compact_speech",
                "channels": (16, 16),
                "blocks": 1,
                "width": 16,
                "frequency_shift": 1,
                "frequency_mask": 4,
                "time_mask": 8,
            },
        },
        sources={"speech": SourceConfig(corpora={"ravdess": 1.0}, crop_seconds=0.5, gain_db=2.0)},
        optim=OptimConfig(
            epochs=4, draws=32, batch_size=8, learning_rate=5e-3, ema=0.5, precision="fp32"
        ),
    )


@pytest.fixture
def face_experiment() -> Experiment:
    """A few epochs of a very small face encoder."""
    return Experiment(
        name="face",
        seed=3,
        labels="face",
        architecture={
            "framework": "unimodal",
            "encoder": {
                "family": "compact_face", "stem": 16, "channels": (16, 16), "blocks": (1, 1),
                "crop": 0, "rotate": 3.0,
            },
        },
        sources={"video": SourceConfig(corpora={"fer2013": 1.0})},
        optim=OptimConfig(
            epochs=6, draws=48, batch_size=8, learning_rate=1e-2, ema=0.5, precision="fp32"
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def mgcma(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Experiment:
    """MGCMA on encoders too small to matter, frozen."""
    return tiny_mgcma(write_bert(tmp_path_factory.mktemp("bert"), tokenizer))


@pytest.fixture(scope="session")
def foal_net() -> Experiment:
    """Foal-Net, likewise."""
    return tiny_foal_net()
