"""Maps to take away: figures and tables."""
