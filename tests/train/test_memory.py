"""Running out of memory ends in advice; checkpointed gradients are the same gradients."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from torch import Tensor

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)
from mer_core.data import collate
from mer_core.encoders.base import CachedEncoder, Encoder
from mer_core.encoders.registry import build_encoder
from mer_core.types import Utterance
from tests.train.test_loop import Counted, Parts, counted_experiment
from tests.train.tiny_frameworks import write_bert
from train.config import EngineConfig
from train.loop import fit
from train.memory import MemoryAdviceError, advice, advice_on_memory, checkpoint_gradients

from transformers import Wav2Vec2Config, WavLMConfig, WhisperConfig  # isort: skip

CPU = torch.device("cpu")
SPEECH = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": [8, 8], "conv_stride": [5, 64], "conv_kernel": [10, 64],
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0,
}  # fmt: skip


def test_the_message_names_settings_that_keep_the_size_of_an_update(tmp_path: Path) -> None:
    class Greedy(Parts):
        def losses(self, output: object, labels: Tensor) -> dict[str, Tensor]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    experiment = counted_experiment(batch_size=32, accumulate=3)
    with pytest.raises(MemoryAdviceError) as caught:
        fit(Greedy(), Counted(1), experiment, tmp_path, CPU, report=str)
    message = str(caught.value)
    assert "optim.batch_size=16 with optim.accumulate=6" in message
    assert "engine.gradient_checkpointing=true" in message
    assert "\n" not in message


def test_advice_names_only_what_can_still_help() -> None:
    experiment = counted_experiment(batch_size=2)
    on = dataclasses.replace(experiment, engine=EngineConfig(gradient_checkpointing=True))
    assert "gradient_checkpointing" not in advice(on, CPU)
    frozen = dataclasses.replace(experiment, freeze_encoders=True)
    assert "gradient_checkpointing" not in advice(frozen, CPU)


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), advice_on_memory(counted_experiment(), CPU):
        raise RuntimeError("shapes do not match")
    with pytest.raises(MemoryAdviceError), advice_on_memory(counted_experiment(), CPU):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")


def encoder(family: str, tmp_path: Path, tokenizer: Tokenizer) -> Encoder:
    torch.manual_seed(0)
    if family == "bert":
        bert = write_bert(tmp_path / "bert", tokenizer)
        return build_encoder({"family": "pretrained_text", "source": str(bert)})
    if family == "whisper":
        config = WhisperConfig(
            d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=16,
            num_mel_bins=80,
        ).to_diff_dict()  # fmt: skip
        return build_encoder({"family": "pretrained_whisper", "config": config})
    kind = {"wav2vec2": Wav2Vec2Config, "wavlm": WavLMConfig}[family]
    config = kind(**SPEECH).to_diff_dict()
    return build_encoder({"family": "pretrained_speech", "config": config, "do_normalize": False})


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm", "whisper", "bert"])
def test_gradients_are_the_same_with_fewer_results_kept(
    family: str, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    made = encoder(family, tmp_path, tokenizer).train()
    waveform = torch.sin(torch.arange(8_000) / 7).numpy()
    batch = collate([Utterance(waveform=waveform, text="the great joy")], made.tokenizer)

    def gradients() -> tuple[dict[str, Tensor], int]:
        kept = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += tensor.numel()
            return tensor

        made.zero_grad()
        torch.manual_seed(1)  # of dropout, which is drawn again alike
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            loss = made(batch).tokens.square().sum()
        loss.backward()
        return {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}, kept

    plain, before = gradients()
    assert made.checkpoint_gradients()
    again, after = gradients()
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, msg=name)
    assert after < 0.7 * before


def test_without_an_encoder_that_can_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no encoder of this framework"):
        checkpoint_gradients(Parts(CachedEncoder("speech", 2)))
