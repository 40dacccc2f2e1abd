"""What pages are given to work with."""

from __future__ import annotations

from dataclasses import dataclass

from mer_core.demo.engine import Engine
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.transcript import Transcripts


@dataclass(frozen=True)
class Services:
    """Shared by all pages and all visitors.

    Attributes:
        engine: The model.
        transcripts: Speech to text.
        atlases: Maps, and for a while the clips of those who are here.
    """

    engine: Engine
    transcripts: Transcripts
    atlases: Atlases
