"""Runs on other splits than the corpora's own: folds, transfer, cross-fitting; robustness."""
