"""What pages are given to work with."""

from __future__ import annotations

from dataclasses import dataclass

from mer_core.demo.engine import Engine
from mer_core.demo.transcript import Transcripts


@dataclass(frozen=True)
class Services:
    """Shared by all pages and all visitors; holds nothing of any visitor.

    Attributes:
        engine: The model.
        transcripts: Speech to text.
    """

    engine: Engine
    transcripts: Transcripts
