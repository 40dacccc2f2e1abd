"""MGCMA as a whole: outputs, switches, padding, absence, losses."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from mer_core.data.collate import collate_features
from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.base import MATCHED, total_loss
from mer_core.frameworks.mgcma import MGCMA, MGCMAConfig
from mer_core.frameworks.registry import build_framework
from mer_core.types import Batch, Features

LABELS = ("angry", "happy", "sad")
SPEECH, TEXT, WIDTH = 6, 8, 8
LENGTHS = ((5, 3), (2, 4), (4, 1), (3, 2))
SWITCHES = list(itertools.product([False, True], repeat=3))
SWITCH_NAMES = ("distribution", "token", "instance")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


WIDTHS = {"speech": SPEECH, "text": TEXT}


def mgcma(**settings):
    config = MGCMAConfig(**{"width": WIDTH, "heads": 2, "feed_forward": 2.0, **settings})
    speech, text = CachedEncoder("speech", SPEECH), CachedEncoder("text", TEXT)
    return MGCMA(speech, text, LABELS, config).eval()


def rows(absent=()):
    """One {modality: tokens} an utterance; `absent` holds (row, modality) to leave out."""
    generator = torch.Generator().manual_seed(7)
    result = []
    for i, (speech, text) in enumerate(LENGTHS):
        row = {
            "speech": torch.randn(speech, SPEECH, generator=generator),
            "text": torch.randn(text, TEXT, generator=generator),
        }
        result.append({k: None if (i, k) in absent else v for k, v in row.items()})
    return result


def padded(batch, steps, value=99.0):
    """The same batch with `steps` more positions of junk and a mask that excludes them."""
    cached = {}
    for modality, features in batch.cached.items():
        junk = torch.full((len(features.tokens), steps, features.tokens.shape[2]), value)
        cached[modality] = Features(
            torch.cat([features.tokens, junk], dim=1),
            F.pad(features.mask, (0, steps)),
            features.present,
        )
    return Batch(cached=cached)


def perturb(model):
    """Weights away from their symmetric start, so that no norm is an identity by luck."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.2)
    return model


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


ABSENCES = {
    "none": set(),
    "one text": {(0, "text")},
    "every speech": {(i, "speech") for i in range(4)},
    "every text": {(i, "text") for i in range(4)},
    "everything of one": {(2, "speech"), (2, "text")},
    "all but one pair": {(0, "text"), (1, "speech"), (2, "text")},
    "everything": {(i, k) for i in range(4) for k in ("speech", "text")},
}


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize("absence", ABSENCES)
def test_outputs_and_gradients_are_finite_whatever_is_absent(switches, absence):
    model = mgcma(**dict(zip(SWITCH_NAMES, switches, strict=True))).train()
    batch = with_absence(collate_features(rows(), WIDTHS), ABSENCES[absence])
    output = model(batch)
    assert torch.isfinite(output.logits).all()
    losses = model.losses(output, torch.tensor([0, 1, 1, 2]))
    total = total_loss(losses, {})
    assert torch.isfinite(total)
    total.backward()
    for name, p in model.named_parameters():
        assert p.grad is None or torch.isfinite(p.grad).all(), name


def with_absence(batch, absent):
    """Absent rows as an encoder may leave them: no valid step, and junk in the padding."""
    cached = {}
    for modality, features in batch.cached.items():
        gone = torch.tensor([(i, modality) in absent for i in range(len(features.present))])
        tokens = torch.where(gone[:, None, None], torch.nan, features.tokens)
        cached[modality] = Features(tokens, features.mask & ~gone[:, None], ~gone)
    return Batch(cached=cached)


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


def test_stand_ins_learn_from_absence_and_only_from_it():
    model = mgcma()
    output = model(collate_features(rows(absent={(0, "speech")}), WIDTHS))
    model.losses(output, torch.tensor([0, 1, 2, 0]))["ce"].backward()
    assert model.speech_input.stand_in.grad.abs().sum() > 0
    assert model.text_input.stand_in.grad.abs().sum() == 0


def cosines_over_temperature(output, kept, temperature):
    speech = output.features["speech_embedding"].detach()
    text = output.features["text_embedding"].detach()
    return [[float(speech[i] @ text[j]) / temperature for j in kept] for i in kept]


def slow_wasserstein(output, kept):
    speech = [output.features[f"speech_{k}"].detach() for k in ("mean", "std")]
    text = [output.features[f"text_{k}"].detach() for k in ("mean", "std")]
    return [
        [sum(float(((a[i] - b[j]) ** 2).sum()) for a, b in zip(speech, text, strict=True))
         for j in kept]
        for i in kept
    ]  # fmt: skip


def slow_info_nce(similarity, positive):
    n, total = len(similarity), 0.0
    for matrix in (similarity, list(zip(*similarity, strict=True))):
        for i, row in enumerate(matrix):
            partition = sum(math.exp(s) for s in row)
            positives = [j for j in range(n) if positive(i, j)]
            total -= sum(math.log(math.exp(row[j]) / partition) for j in positives) / len(positives)
    return total / (2 * n)


@pytest.mark.parametrize("incomplete", ["absent", "unmatched"])
@pytest.mark.parametrize("targets", ["pair", "label"])
def test_losses_equal_the_slow_loops_over_the_complete_rows(targets, incomplete):
    model = perturb(mgcma(distribution_targets=targets, instance_targets=targets))
    absent = {(1, "text")} if incomplete == "absent" else ()
    output = model(collate_features(rows(absent), WIDTHS))
    if incomplete == "unmatched":
        matched = torch.tensor([True, False, True, True])
        output = dataclasses.replace(output, masks={**output.masks, MATCHED: matched})
    labels, kept = [0, 1, 0, 2], [0, 2, 3]

    def positive(i, j):
        return i == j if targets == "pair" else labels[kept[i]] == labels[kept[j]]

    losses = model.losses(output, torch.tensor(labels))
    instance = slow_info_nce(cosines_over_temperature(output, kept, 0.07), positive)
    assert losses["instance"].item() == pytest.approx(instance, rel=1e-4)
    temperature = model.distribution_similarity.log_temperature.exp().item()
    sims = [[-w / WIDTH / temperature for w in row] for row in slow_wasserstein(output, kept)]
    assert losses["distribution"].item() == pytest.approx(slow_info_nce(sims, positive), rel=1e-4)
    log_p = torch.log_softmax(output.logits, dim=1)
    ce = -sum(log_p[i, c].item() for i, c in enumerate(labels)) / 4  # every row, also incomplete
    assert losses["ce"].item() == pytest.approx(ce, rel=1e-5)


def test_constrain_brings_only_the_temperature_back():
    model = mgcma()
    with torch.no_grad():
        model.distribution_similarity.log_temperature.fill_(9.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.constrain_()
    changed = [n for n, value in model.state_dict().items() if not torch.equal(value, before[n])]
    assert changed == ["distribution_similarity.log_temperature"]
    assert model.distribution_similarity.log_temperature.exp().item() == pytest.approx(10.0)
    mgcma(distribution=False).constrain_()  # has none


@pytest.mark.parametrize("kind", ["scaled", "map", "sigmoid"])
def test_every_similarity_trains(kind):
    model = mgcma(distribution_similarity=kind).train()
    output = model(collate_features(rows(), WIDTHS))
    loss = model.losses(output, torch.tensor([0, 1, 2, 0]))["distribution"]
    loss.backward()
    assert loss.item() > 0
    assert all(p.grad.abs() > 0 for p in model.distribution_similarity.parameters())
    assert model.speech_gaussian.log_std_out.weight.grad.abs().sum() > 0


def test_sigmoid_similarity_is_binary_cross_entropy():
    model = mgcma(distribution_similarity="sigmoid")
    output = model(collate_features(rows(), WIDTHS))
    distances = slow_wasserstein(output, range(4))
    total = 0.0
    for i, j in itertools.product(range(4), repeat=2):
        p = 1 / (1 + math.exp(distances[i][j] / WIDTH - model.distribution_similarity.shift.item()))
        total -= math.log(p if i == j else 1 - p) / 16
    result = model.losses(output, torch.tensor([0, 1, 2, 0]))["distribution"]
    assert result.item() == pytest.approx(total, rel=1e-4)


def test_default_loss_of_the_distribution_term_starts_near_log_b():
    speech, text = CachedEncoder("speech", 192), CachedEncoder("text", 384)
    model = MGCMA(speech, text, LABELS).eval()
    made = [{"speech": torch.randn(9, 192), "text": torch.randn(6, 384)} for _ in range(16)]
    loss = model.losses(model(collate_features(made, WIDTHS)), torch.zeros(16).long())[
        "distribution"
    ]
    assert loss.item() == pytest.approx(math.log(16), abs=0.15)


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


def test_draws_count_in_training_and_never_in_evaluation():
    plain = mgcma(dropout=0.0, classifier_dropout=0.0)
    drawing = mgcma(dropout=0.0, classifier_dropout=0.0, samples=5)
    drawing.load_state_dict(plain.state_dict())
    batch = collate_features(rows(), WIDTHS)
    assert torch.equal(drawing(batch).logits, plain(batch).logits)
    drawing.train()
    first, second = drawing(batch), drawing(batch)
    assert not torch.equal(first.logits, second.logits)
    for name in ("speech_embedding", "text_embedding", "speech_mean"):
        assert torch.equal(first.features[name], second.features[name])
    with torch.no_grad():  # without spread, every draw is the mean
        for gaussian in (drawing.speech_gaussian, drawing.text_gaussian):
            gaussian.log_std_out.bias.fill_(-1e9)
            gaussian.log_std_mlp[4].weight.zero_()
    close, mean = drawing(batch), drawing.eval()(batch)
    assert torch.allclose(close.logits, mean.logits, atol=0.05)


def test_bfloat16_autocast_stays_close_and_its_losses_are_float32():
    model = mgcma().train()
    batch = collate_features(rows(absent={(0, "text")}), WIDTHS)
    labels = torch.tensor([0, 1, 2, 0])
    exact = mgcma_losses(model.eval(), batch, labels)
    with torch.autocast("cpu", torch.bfloat16):
        rough = mgcma_losses(model, batch, labels)
    for name, loss in rough.items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(exact[name].item(), abs=0.2)
    total_loss(rough, {}).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in grads)


def mgcma_losses(model, batch, labels):
    return model.losses(model(batch), labels)


def test_it_learns_a_toy_task():
    model = mgcma(dropout=0.0, classifier_dropout=0.0).train()
    batch, labels = collate_features(rows(), WIDTHS), torch.tensor([0, 1, 2, 0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    weights = {"distribution": 0.1, "instance": 0.1}
    first = mgcma_losses(model, batch, labels)
    for _ in range(40):
        optimizer.zero_grad()
        total_loss(mgcma_losses(model, batch, labels), weights).backward()
        optimizer.step()
    last = mgcma_losses(model, batch, labels)
    assert last["ce"] < 0.1 < first["ce"]
    assert last["distribution"] < first["distribution"]
    assert last["instance"] < first["instance"]


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
