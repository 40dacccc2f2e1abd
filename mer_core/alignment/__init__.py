"""The papers' alignment terms: pure functions, and modules where there are parameters."""
