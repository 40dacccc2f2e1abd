"""Fitting maps: UMAP, the common frame, and refits in a process of their own."""
