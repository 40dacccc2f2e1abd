"""Test figures of a checkpoint."""
