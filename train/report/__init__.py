"""Results of cross-validation: their file, their tables, and published results beside them."""
