"""A checkpoint as it goes to the Hub: exactly the files of its format, licence, card and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import RepoCard

from mer_core.checkpoints.checkpoint import (
    ABOVE,
    CONFIG_FILE,
    HERE,
    METRICS_FILE,
    load_checkpoint,
)
from mer_core.checkpoints.weights import WEIGHTS_FILE, encoder_files
from mer_core.encoders.registry import TOKENIZER_FILE
from mer_core.frameworks.registry import FRAMEWORKS
from train.publish.card import CARD_FILE
from train.publish.hub_card import Part, hub_card
from train.publish.package import Package, RepoKind

LICENCES = ("LICENSE*", "NOTICE*", "licenses/*")
TABLES = {".md", ".csv", ".tex", ".png", ".jsonl"}  # what a folder of tables may hold
# Left by an earlier push, these would be loaded with the new files.
OWNED = ("*.safetensors", f"*{CONFIG_FILE}", f"*{METRICS_FILE}", f"*{TOKENIZER_FILE}", "tables/*")

Files = dict[str, Path | bytes]


def model_package(
    folder: Path, repo: str, *, tables: Iterable[Path] = (), licence: str = ""
) -> Package:
    """What a push of `folder` writes. Nothing else of the folder goes, whatever lies in it.

    A bundle keeps its layout. A checkpoint of a bundle, pushed alone, becomes a plain one with its
    encoders beside it. Either is loaded by `Predictor.load(repo)`.

    Args:
        folder: A checkpoint, or a bundle.
        repo: Id on the Hub, which the card names.
        tables: Folders of tables and figures; each goes to `tables/NAME`.
        licence: For a card that names none, an id of the Hub.

    Raises:
        ValueError: There is no checkpoint, or one does not load; no licence; no table.
    """
    alone = (folder / CONFIG_FILE).is_file()
    folders = {"": folder} if alone else _bundled(folder)
    files: Files = {}
    parts = []
    for subfolder, path in folders.items():
        part = Part(subfolder or repo.partition("/")[2], load_checkpoint(path))
        files |= _checkpoint_files(path, subfolder, part)
        parts.append(part)
    if alone and parts[0].checkpoint.config.get("encoders_in") == ABOVE:
        licence = licence or _stated_licence(folder.parent)
        files |= _licences(folder.parent)
    files |= _licences(folder)
    for table in tables:
        files |= _tables(table)
    files[CARD_FILE] = hub_card(_own_card(folder), parts, repo, licence).encode()
    return Package.of(RepoKind.MODEL, files, OWNED)


def _bundled(folder: Path) -> dict[str, Path]:
    """Subfolder → checkpoint of a bundle.

    Raises:
        ValueError: There is none, or none that is loaded by default.
    """
    names = sorted(path.parent.name for path in folder.glob(f"*/{CONFIG_FILE}"))
    if not names:
        raise ValueError(
            f"{folder} holds no checkpoint: neither {CONFIG_FILE} nor */{CONFIG_FILE}."
        )
    if not set(names) & set(FRAMEWORKS):
        raise ValueError(
            f"{folder} holds {', '.join(names)}, but none of {', '.join(FRAMEWORKS)}, which is "
            f"what a bundle is loaded by; push one alone: --model {folder / names[0]}."
        )
    return {name: folder / name for name in names}


def _checkpoint_files(folder: Path, subfolder: str, part: Part) -> Files:
    """Path in the repository → content."""
    framework, config = part.checkpoint.framework, part.checkpoint.config
    shared = config.get("encoders_in") == ABOVE
    own = f"{subfolder}/" if subfolder else ""
    beside = "" if shared else own
    encoders = folder.parent if shared else folder
    files: Files = {f"{own}{name}": folder / name for name in (CONFIG_FILE, WEIGHTS_FILE)}
    if shared and not subfolder:
        alone = json.dumps({**config, "encoders_in": HERE}, indent=1, ensure_ascii=False)
        files[CONFIG_FILE] = f"{alone}\n".encode()
    if (folder / METRICS_FILE).is_file():
        files[f"{own}{METRICS_FILE}"] = folder / METRICS_FILE
    files |= {f"{beside}{name}": encoders / name for name in encoder_files(framework).values()}
    if any(encoder.tokenizer for encoder in framework.encoders().values()):
        files[f"{beside}{TOKENIZER_FILE}"] = encoders / TOKENIZER_FILE
    return files


def _own_card(folder: Path) -> str | None:
    path = folder / CARD_FILE
    return path.read_text("utf-8") if path.is_file() else None


def _stated_licence(bundle: Path) -> str:
    """Of a bundle's card; its words describe all of it, so a part pushed alone gets its own."""
    card = _own_card(bundle)
    return str(RepoCard(card).data.get("license", "")) if card is not None else ""


def _licences(folder: Path) -> Files:
    found = (path for pattern in LICENCES for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def _tables(folder: Path) -> Files:
    files: Files = {
        f"tables/{folder.resolve().name}/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in TABLES
    }
    if not files:
        raise ValueError(f"{folder} holds no table: no file of {', '.join(sorted(TABLES))}.")
    return files
