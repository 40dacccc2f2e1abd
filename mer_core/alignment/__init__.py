"""The papers' alignment terms: pure functions, and modules only where parameters are owned."""
