"""What an epoch sees: corpora, draws, pairs, cached features."""
