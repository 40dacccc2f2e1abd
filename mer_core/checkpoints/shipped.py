"""Where the files that ship with Attune are: beside the package in a checkout, inside a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]  # `mer_core`
INSTALLED, CHECKOUT = PACKAGE / "assets", PACKAGE.parent / "assets"
ASSETS = INSTALLED if INSTALLED.is_dir() else CHECKOUT

DEFAULT_MODEL = ASSETS / "default"
ATLAS = ASSETS / "atlas"
EXAMPLES = ASSETS / "examples"
WHISPER = ASSETS / "whisper"  # the transcriber's model
