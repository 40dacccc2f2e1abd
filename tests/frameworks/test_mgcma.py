"""MGCMA as a whole: outputs, switches, padding, settings."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mer_core.data.collate import collate_features
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.frameworks.registry import build_framework
from mer_core.types import Batch, Features
from tests.frameworks.changed import perturb
from tests.frameworks.tiny_mgcma import (
    LABELS,
    SWITCH_NAMES,
    SWITCHES,
    WIDTH,
    WIDTHS,
    mgcma,
    padded,
    rows,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("switches", SWITCHES)
def test_each_alignment_can_be_switched_off_alone(switches):
    distribution, token, instance = switches
    model = mgcma(**dict(zip(SWITCH_NAMES, switches, strict=True)))
    output = model(collate_features(rows(), WIDTHS))
    losses = model.losses(output, torch.tensor([0, 1, 2, 0]))
    assert output.logits.shape == (4, 3)
    expected = {"ce"} | ({"distribution"} if distribution else set())
    assert set(losses) == expected | ({"instance"} if instance else set())
    assert all(loss.shape == () and loss.dtype == torch.float32 for loss in losses.values())
    assert set(output.attention) == ({"speech_to_text", "text_to_speech"} if token else set())
    assert ("speech_mean" in output.features) == distribution
    names = [name for name, _ in model.named_parameters()]
    assert any("gaussian" in name for name in names) == distribution
    assert any("token_alignment" in name for name in names) == token
    assert any("_embed." in name for name in names) == instance
    for modality in ("speech", "text"):
        assert output.features[f"{modality}_pooled"].shape == (4, WIDTH)
        length = output.features[f"{modality}_embedding"].norm(dim=1)
        assert torch.allclose(length, torch.ones(4))


def test_outputs_have_their_shapes_and_rows_of_attention_sum_to_one():
    batch = collate_features(rows(absent={(1, "speech"), (2, "text")}), WIDTHS)
    output = mgcma()(batch)
    assert output.masks["speech"].sum(dim=1).tolist() == [5, 1, 4, 3]  # a stand-in is one token
    assert output.masks["text"].sum(dim=1).tolist() == [3, 4, 1, 2]
    assert output.features["speech_present"].tolist() == [True, False, True, True]
    assert output.features["text_present"].tolist() == [True, True, False, True]
    for name, shape in (("speech_to_text", (4, 5, 4)), ("text_to_speech", (4, 4, 5))):
        assert output.attention[name].shape == shape
        assert torch.allclose(output.attention[name].sum(dim=2), torch.ones(shape[:2]))
    assert (output.attention["text_to_speech"][1, :, 1:] == 0).all()
    assert (output.features["speech_std"] > 0).all()


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_padding_never_changes_an_output(switches, pool):
    settings = dict(zip(SWITCH_NAMES, switches, strict=True))
    model = perturb(mgcma(distribution_pool=pool, **settings))
    batch = collate_features(rows(absent={(3, "speech")}), WIDTHS)
    alone, result = model(batch), model(padded(batch, 3))
    assert torch.allclose(result.logits, alone.logits, atol=1e-5)
    for name, value in alone.features.items():
        assert torch.allclose(result.features[name].float(), value.float(), atol=1e-5), name


@pytest.mark.parametrize("switches", SWITCHES)
def test_a_batch_of_one_equals_the_row_in_a_batch(switches):
    model = perturb(mgcma(**dict(zip(SWITCH_NAMES, switches, strict=True))))
    utterances = rows(absent={(1, "text"), (2, "speech")})
    together = model(collate_features(utterances, WIDTHS))
    for i, utterance in enumerate(utterances):
        alone = model(collate_features([utterance], WIDTHS))
        assert torch.allclose(alone.logits[0], together.logits[i], atol=1e-5)
        for name in ("speech_embedding", "text_embedding", "speech_pooled", "text_pooled"):
            assert torch.allclose(alone.features[name][0], together.features[name][i], atol=1e-5)


def test_presence_alone_hides_a_modality():
    model = perturb(mgcma())
    batch = collate_features(rows(), WIDTHS)
    speech = batch.cached["speech"]
    hidden = Features(speech.tokens, speech.mask, torch.zeros(4, dtype=torch.bool))
    result = model(Batch(cached={**batch.cached, "speech": hidden}))
    changed = Features(speech.tokens * 3 + 1, speech.mask, hidden.present)
    again = model(Batch(cached={**batch.cached, "speech": changed}))
    assert torch.equal(result.logits, again.logits)
    assert not torch.allclose(result.logits, model(batch).logits, atol=1e-3)


def test_embeddings_do_not_depend_on_their_partner():
    model = perturb(mgcma())
    utterances = rows()
    swapped = [{**row, "text": other["text"]} for row, other in zip(utterances, utterances[::-1],
                                                                    strict=True)]  # fmt: skip
    first, other = (
        model(collate_features(utterances, WIDTHS)),
        model(collate_features(swapped, WIDTHS)),
    )
    for name in ("speech_embedding", "speech_pooled", "speech_mean"):
        assert torch.allclose(first.features[name], other.features[name], atol=1e-6)
    assert not torch.allclose(first.logits, other.logits, atol=1e-3)


def test_without_any_alignment_it_is_mean_pool_and_concatenate():
    model = perturb(mgcma(distribution=False, token=False, instance=False))
    utterances = rows()
    output = model(collate_features(utterances, WIDTHS))
    for i, row in enumerate(utterances):
        speech = model.speech_input.norm(model.speech_input.project(row["speech"])).mean(dim=0)
        text = model.text_input.norm(row["text"]).mean(dim=0)  # same width: no projection
        logits = model.classifier(torch.cat([speech, text]))
        assert torch.allclose(output.logits[i], logits, atol=1e-5)
        embedding = output.features["speech_embedding"][i]
        assert torch.allclose(embedding, speech / speech.norm(), atol=1e-5)
    assert isinstance(model.text_input.project, torch.nn.Identity)


@pytest.mark.parametrize("samples", [0, 2])
def test_architecture_builds_the_same_model_again(samples):
    model = mgcma(instance=False, samples=samples, distribution_pool="cls")
    architecture = model.architecture()
    assert architecture["framework"] == "mgcma"
    again = build_framework(architecture, LABELS).eval()
    again.load_state_dict(model.state_dict())
    assert again.architecture() == architecture
    batch = collate_features(rows(), WIDTHS)
    assert torch.equal(again(batch).logits, model(batch).logits)


@pytest.mark.parametrize(
    "settings",
    [
        {"distribution_similarity": "cosine"},
        {"distribution_pool": "max"},
        {"distribution_targets": "all"},
        {"instance_targets": "all"},
        {"samples": -1},
        {"samples": 2, "distribution": False},
        {"instance_temperature": 0.0},
    ],
)
def test_invalid_settings_are_refused_with_a_sentence(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        MGCMAConfig(**settings)


def test_an_unknown_setting_is_an_error():
    architecture = {**mgcma().architecture(), "banana": 1}
    with pytest.raises(ValueError, match="banana"):
        build_framework(architecture, LABELS)


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MGCMAConfig().width = 3  # type: ignore[misc]
