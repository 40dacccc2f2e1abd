"""The transcriber's model: a Whisper checkpoint of transformers in CTranslate2's format, int8.

Its licence (MIT, OpenAI) and a card with the weights' hashes are written beside it.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from mer_core.checkpoints.checkpoint import METRICS_FILE, write_json
from mer_core.files import sha256
from train.evaluate.words import words_table
from train.publish.card import CARD_FILE

HUB_ID = "openai/whisper-base"
LARGEST = 80 * 2**20  # bytes, of a file that ships
WEIGHTS, MODEL_FILE, CONFIG_FILE = "model.safetensors", "model.bin", "config.json"
COPIED = ("tokenizer.json", "preprocessor_config.json")
SOURCE_FILE = "source.json"  # of what the folder was made
GENERATION_FILE = "generation_config.json"
LANGUAGE_TOKEN = re.compile(r"<\|[a-z]{2,3}\|>")  # `<|en|>`, among the tokenizer's added tokens
# (layer, head) whose cross-attention follows the words in time, of the multilingual base model; for
# folders without GENERATION_FILE. From `_ALIGNMENT_HEADS` in openai/whisper's `__init__.py`.
BASE_LAYERS, BASE_HEADS, BASE_VOCABULARY = 6, 8, 51_865
BASE_ALIGNMENT = [[3, 1], [4, 2], [4, 3], [4, 7], [5, 1], [5, 2], [5, 4], [5, 6]]
CARD_TEMPLATE = Path(__file__).parent / "whisper_card.md"
LICENSE_TEXT = Path(__file__).parent / "whisper_license.txt"


def make_whisper(source: str, out: Path) -> None:
    """Convert a checkpoint and write it with its licence and card.

    Args:
        source: A folder of transformers, or a Hub id.
        out: Folder to write; its `metrics.json`, if any, stays.

    Raises:
        ValueError: It is no Whisper checkpoint, lacks a file, or is too large.
    """
    folder = source_folder(source)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        converted = Path(scratch) / "int8"  # the converter empties the folder it writes into
        convert(folder, converted)
        complete_config(folder, converted)
        if (size := (converted / MODEL_FILE).stat().st_size) > LARGEST:
            raise ValueError(f"{source}: {size / 2**20:.0f} MB is more than a file may have.")
        for file in converted.iterdir():
            shutil.copyfile(file, out / file.name)
    shutil.copyfile(LICENSE_TEXT, out / "LICENSE")
    write_json(out / SOURCE_FILE, {"source": HUB_ID, "source_sha256": sha256(folder / WEIGHTS)})
    write_whisper_card(out)


def source_folder(source: str) -> Path:
    """The folder of a checkpoint, downloaded if it is a Hub id.

    Raises:
        ValueError: A file is missing.
    """
    folder = Path(source)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        wanted = [WEIGHTS, CONFIG_FILE, GENERATION_FILE, "*.json", *COPIED]
        folder = Path(snapshot_download(source, allow_patterns=wanted))
    for name in (WEIGHTS, CONFIG_FILE, *COPIED):
        if not (folder / name).is_file():
            raise ValueError(f"{source}: {name} is missing.")
    return folder


def convert(folder: Path, out: Path) -> None:
    """Write weights, vocabulary and what is copied, with weights of linear layers as int8."""
    import mer_core.torchaudio_compat  # noqa: F401  (transformers imports torchaudio)

    from ctranslate2.converters import TransformersConverter  # isort: skip

    converter = TransformersConverter(str(folder), copy_files=list(COPIED))
    converter.convert(str(out), quantization="int8")


def complete_config(folder: Path, converted: Path) -> None:
    """State what decoding needs and the converter finds only in `GENERATION_FILE`.

    Raises:
        ValueError: The folder has no such file and is not the base model.
    """
    if (folder / GENERATION_FILE).is_file():
        return
    stated = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
    shape = [stated[key] for key in ("decoder_layers", "decoder_attention_heads", "vocab_size")]
    if shape != [BASE_LAYERS, BASE_HEADS, BASE_VOCABULARY]:
        raise ValueError(f"{folder}: {GENERATION_FILE} is missing, and this is not {HUB_ID}.")
    config = json.loads((converted / CONFIG_FILE).read_text("utf-8"))
    tokens = json.loads((folder / "tokenizer.json").read_text("utf-8"))["added_tokens"]
    languages = [t["id"] for t in tokens if LANGUAGE_TOKEN.fullmatch(t["content"])]
    config |= {
        "alignment_heads": BASE_ALIGNMENT,
        "lang_ids": sorted(languages),
        "suppress_ids": [int(i) for i in suppressed_tokens(folder / "tokenizer.json")],
    }
    write_json(converted / CONFIG_FILE, config)


def suppressed_tokens(tokenizer_file: Path) -> tuple[int, ...]:
    """Ids of tokens that are no speech, such as brackets and notes of music."""
    from faster_whisper.tokenizer import Tokenizer
    from faster_whisper.transcribe import get_suppressed_tokens
    from tokenizers import Tokenizer as Vocabulary

    vocabulary = Vocabulary.from_file(str(tokenizer_file))
    tokenizer = Tokenizer(vocabulary, multilingual=True, task="transcribe", language="en")
    return tuple(get_suppressed_tokens(tokenizer, [-1]))


def write_whisper_card(folder: Path) -> None:
    """Write the card of a folder that `make_whisper` wrote: sources, hashes and figures."""
    facts = json.loads((folder / SOURCE_FILE).read_text("utf-8"))
    table = "Not measured yet."
    if (folder / METRICS_FILE).is_file():
        table = words_table(json.loads((folder / METRICS_FILE).read_text("utf-8")))
    card = CARD_TEMPLATE.read_text("utf-8").format(
        **facts,
        model_sha256=sha256(folder / MODEL_FILE),
        megabytes=f"{(folder / MODEL_FILE).stat().st_size / 2**20:.1f}",
        table=table,
    )
    (folder / CARD_FILE).write_text(card, "utf-8")
