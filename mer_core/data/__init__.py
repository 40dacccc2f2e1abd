"""Corpora with their splits, and padded batches."""

from mer_core.data.collate import collate
from mer_core.data.corpora import CORPORA, check_corpus, load_corpus
from mer_core.data.example import Example, Side, VideoSpan

__all__ = ["CORPORA", "Example", "Side", "VideoSpan", "check_corpus", "collate", "load_corpus"]
