"""Centring against NumPy: batch means in the losses, running means elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mer_core.alignment.centring import MOMENTUM, Centring


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clouds(seed=0):
    """Two modalities whose clouds are far apart."""
    random = np.random.default_rng(seed)
    shifts = {"speech": [4.0, 0, 0], "text": [0, -3.0, 1.0]}
    return {m: random.standard_normal((9, 3)) + shift for m, shift in shifts.items()}


def test_a_batch_is_centred_by_its_own_counted_rows():
    centring, rows = Centring({"speech": 3, "text": 3}).double(), clouds()
    counted = torch.arange(9) < 6
    for modality, vectors in rows.items():
        result = centring.of_batch(modality, torch.from_numpy(vectors), counted)
        np.testing.assert_allclose(result, unit(vectors - vectors[:6].mean(axis=0)), atol=1e-12)


def test_running_means_follow_the_batches_each_for_its_modality():
    centring = Centring({"speech": 3, "text": 3}).double()
    running = {"speech": np.zeros(3), "text": np.zeros(3)}
    everyone = torch.ones(9, dtype=torch.bool)
    for seed in range(4):
        for modality, vectors in clouds(seed).items():
            centring.of_batch(modality, torch.from_numpy(vectors), everyone)
            step = MOMENTUM * (vectors.mean(axis=0) - running[modality])
            running[modality] = running[modality] + step
    new = clouds(9)
    for modality, mean in running.items():
        result = centring(modality, torch.from_numpy(new[modality]))
        np.testing.assert_allclose(result, unit(new[modality] - mean), atol=1e-12)


def test_after_many_batches_the_centroids_coincide():
    centring, everyone = Centring({"speech": 3, "text": 3}), torch.ones(9, dtype=torch.bool)
    for seed in range(200):
        for modality, vectors in clouds(seed).items():
            centring.of_batch(modality, torch.from_numpy(vectors).float(), everyone)
    test = [np.concatenate([clouds(s)[m] for s in range(200, 260)]) for m in ("speech", "text")]
    apart = [unit(vectors).mean(axis=0) for vectors in test]
    together = [
        centring(m, torch.from_numpy(v).float()).mean(dim=0).numpy()
        for m, v in zip(("speech", "text"), test, strict=True)
    ]
    assert np.linalg.norm(apart[0] - apart[1]) > 1
    assert np.linalg.norm(together[0] - together[1]) < 0.2


def test_moving_a_whole_cloud_changes_no_loss():
    centring, everyone = Centring({"speech": 3}).double(), torch.ones(9, dtype=torch.bool)
    vectors = torch.from_numpy(clouds()["speech"]).requires_grad_()
    (centring.of_batch("speech", vectors, everyone) ** 3).sum().backward()
    assert vectors.grad.abs().max() > 0.01
    np.testing.assert_allclose(vectors.grad.sum(dim=0), 0, atol=1e-12)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_centred_by_the_running_mean_and_do_not_move_it(rows):
    centring = Centring({"speech": 3})
    centring.get_buffer("speech_mean").copy_(torch.tensor([1.0, 2.0, 3.0]))
    vectors = torch.from_numpy(clouds()["speech"]).float().requires_grad_()
    result = centring.of_batch("speech", vectors, torch.arange(9) < rows)
    torch.testing.assert_close(result, centring("speech", vectors))
    assert centring.get_buffer("speech_mean").tolist() == [1, 2, 3]
    result.sum().backward()
    assert vectors.grad.isfinite().all()


def test_rows_that_do_not_count_may_be_anything():
    centring, vectors = Centring({"speech": 3}), torch.randn(4, 3)
    vectors[3] = torch.nan
    result = centring.of_batch("speech", vectors, torch.arange(4) < 3)
    assert result[:3].isfinite().all()
    assert centring.get_buffer("speech_mean").isfinite().all()


def test_the_running_means_are_stored_with_the_weights():
    assert set(Centring({"speech": 3, "text": 2}).state_dict()) == {"speech_mean", "text_mean"}
