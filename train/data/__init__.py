"""What an epoch trains on: corpora, draws, pairs, cached features."""
