"""The services that pages are built with."""

from __future__ import annotations

from dataclasses import dataclass

from mer_core.demo.engine import Engine
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.transcription import TranscriptionService


@dataclass(frozen=True)
class Services:
    """Shared by all pages and all visitors.

    Attributes:
        engine: The model.
        transcription: Speech to text.
        atlases: Maps, and the clips of current visits.
    """

    engine: Engine
    transcription: TranscriptionService
    atlases: Atlases
