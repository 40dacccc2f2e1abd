"""The control: what a map of nothing looks like.

Random directions in place of the embeddings, as many and as wide, under the same labels. Whatever
structure their map shows is UMAP's, and whatever separation their linear view shows is chance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mer_core.atlas.reference import Reference, at_half_precision

SEED = 0


def random_reference(reference: Reference) -> Reference:
    """`reference` with every embedding replaced by a random one of length 1, always the same."""
    random = np.random.default_rng(SEED)
    embeddings = {}
    for modality, vectors in reference.embeddings.items():
        rows = random.standard_normal(vectors.shape)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        embeddings[modality] = at_half_precision(rows.astype(np.float32))
    return replace(reference, embeddings=embeddings)
