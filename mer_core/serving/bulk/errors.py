"""Why a run over a manifest cannot start or go on."""

from __future__ import annotations


class BulkError(ValueError):
    """A run over a manifest cannot start or go on; the message is one plain sentence or two."""
