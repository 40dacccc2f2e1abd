"""One step from batch to loss, in one process."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from mer_core.frameworks.base import CLASSES, MATCHED, total_loss
from mer_core.types import Batch, Output
from tests.train.test_distributed import batch_of, experiment, framework_of
from train.config import EngineConfig
from train.data.labelled import Labelled
from train.distributed import World
from train.step import LossStep, of_all_processes, rows_of, with_masks

CPU = torch.device("cpu")


def test_the_loss_is_the_weighted_sum_of_the_terms() -> None:
    framework, item = framework_of("mgcma").eval(), batch_of("mgcma", slice(0, 6), 6)
    weights = {"distribution": 0.25, "instance": 0.0}
    step = LossStep(framework, dataclasses.replace(experiment(), loss_weights=weights), World(CPU))
    loss, terms = step(item)
    expected = framework.losses(with_masks(framework(item.batch), item), item.labels)
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        assert torch.equal(term, expected[name])
        assert not term.requires_grad
    assert torch.equal(loss, total_loss(expected, weights))
    loss.backward()
    assert framework.speech_gaussian is not None  # type: ignore[union-attr]


def test_what_is_known_of_rows_reaches_the_losses() -> None:
    item = Labelled(Batch(), torch.tensor([0]), classes=torch.ones(1, 2, dtype=torch.bool))
    masks = with_masks(Output(torch.zeros(1, 2), masks={"own": torch.ones(1)}), item).masks
    assert set(masks) == {"own", CLASSES}
    assert set(with_masks(Output(torch.zeros(1, 2)), batch_of("mgcma", slice(0, 4), 4)).masks) == {
        MATCHED
    }


def test_one_process_gathers_only_itself() -> None:
    output = Output(torch.zeros(2, 3), {"a": torch.ones(2)}, {"w": torch.ones(2)})
    whole, labels = of_all_processes(output, torch.tensor([1, 2]), World(CPU))
    assert torch.equal(whole.logits, output.logits)
    assert torch.equal(whole.features["a"], output.features["a"])
    assert labels.tolist() == [1, 2]


def test_the_framework_is_compiled_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(torch, "compile", lambda m, dynamic: (compiled.append(m), m)[1])
    framework = framework_of("mgcma")
    for engine in (EngineConfig(), EngineConfig(compile=True)):
        step = LossStep(framework, dataclasses.replace(experiment(), engine=engine), World(CPU))
        assert {n.partition(".")[0] for n, _ in step.named_parameters()} == {"framework"}
    assert compiled == [framework]


def test_rows_are_counted_whatever_a_batch_holds() -> None:
    assert rows_of(batch_of("mgcma", slice(0, 5), 5).batch) == 5
    assert rows_of(Batch(text_present=torch.ones(3))) == 3


def test_a_term_of_ours_that_is_off_may_have_weight_0_and_no_other() -> None:
    framework, item = framework_of("mgcma").eval(), batch_of("mgcma", slice(0, 6), 6)
    ours = dataclasses.replace(experiment(), architecture={"framework": "mgcma"})
    off = dataclasses.replace(ours, loss_weights={"joint": 0.0})
    plain, listed = (LossStep(framework, one, World(CPU))(item)[0] for one in (ours, off))
    assert torch.equal(plain, listed)
    for slip in ({"joint": 0.3}, {"jiont": 0.0}):
        step = LossStep(framework, dataclasses.replace(ours, loss_weights=slip), World(CPU))
        with pytest.raises(ValueError, match="No loss named"):
            step(item)
