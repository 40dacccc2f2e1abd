"""Reference embeddings, their maps, a visitor's clips on them, and figures and tables of both."""
