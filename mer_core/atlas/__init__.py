"""Reference embeddings, their maps, a visitor's place on them, and figures of all that."""
