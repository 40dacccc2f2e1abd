"""Maps as files: figures and tables."""
