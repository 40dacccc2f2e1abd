"""Why a model cannot be loaded, in words."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A checkpoint that cannot be loaded."""


class MissingHeadError(CheckpointError):
    """A head, or one of its files, does not exist."""


class ForeignHeadError(CheckpointError):
    """A head was trained on other encoders than are given, or belongs to another framework."""
