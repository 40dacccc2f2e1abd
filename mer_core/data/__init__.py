"""Corpora with their splits, and padded batches."""

from mer_core.data.collate import collate
from mer_core.data.corpora import CORPORA, load_corpus
from mer_core.data.example import Example, Side, VideoSpan

__all__ = ["CORPORA", "Example", "Side", "VideoSpan", "collate", "load_corpus"]
