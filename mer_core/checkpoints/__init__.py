"""Models on disk: configuration, weights, heads of strategies; a local folder or a Hub id."""
