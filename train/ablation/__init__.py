"""Alignment strategies × seeds: runs, measures, tables, figures."""
