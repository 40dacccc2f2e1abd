"""Whole manifests: clips listed in a table in, Parquet files of results out, resumable."""
