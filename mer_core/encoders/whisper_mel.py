"""The log-mel spectrum that Whisper reads, of recordings of any length.

As transformers' `WhisperFeatureExtractor` computes it, but of the recording itself: nothing is
padded to 30 seconds, and each recording is clamped by its own maximum and reflected at its own
ends. So padding a batch changes nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import mer_core.torchaudio_compat  # noqa: F401  (before transformers, see there)
from mer_core.types import SAMPLE_RATE

from transformers.audio_utils import mel_filter_bank  # isort: skip  (after torchaudio_compat)

WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
SHORTEST = WINDOW // 2 + 1  # samples: the least that reflection by half a window needs
FLOOR = 1e-10  # of the mel power
RANGE = 8.0  # powers of ten below a recording's maximum


class WhisperMel(nn.Module):
    """`waveform` (B, S) → log-mel (B, T, M), 100 frames a second, with its mask (B, T)."""

    filters: Tensor
    window: Tensor

    def __init__(self, mels: int) -> None:
        super().__init__()
        filters = mel_filter_bank(
            num_frequency_bins=WINDOW // 2 + 1,
            num_mel_filters=mels,
            min_frequency=0.0,
            max_frequency=SAMPLE_RATE / 2,
            sampling_rate=SAMPLE_RATE,
            norm="slaney",
            mel_scale="slaney",
        )  # (WINDOW / 2 + 1, M)
        # Both follow from `mels`, so checkpoints need not hold them.
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def forward(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Zero where the mask is False.

        Args:
            waveform: (B, S).
            lengths: (B,) samples of each recording; what follows them is not read. A recording
                below `SHORTEST` has no frame.
        """
        counts = torch.where(lengths >= SHORTEST, lengths // HOP, 0)  # (B,)
        steps = max(1, int(counts.max()))
        mask = torch.arange(steps, device=counts.device) < counts[:, None]  # (B, T)
        with torch.autocast(waveform.device.type, enabled=False):
            samples = reflected(waveform.float(), lengths, steps)
            spectrum = torch.stft(
                samples, WINDOW, HOP, window=self.window, center=False, return_complex=True
            )  # (B, WINDOW / 2 + 1, T)
            power = spectrum.abs().square().transpose(1, 2) @ self.filters  # (B, T, M)
            log_mel = power.clamp(min=FLOOR).log10()
        loudest = log_mel.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=(1, 2), keepdim=True)
        log_mel = (torch.maximum(log_mel, loudest - RANGE) + 4.0) / 4.0
        return torch.where(mask[:, :, None], log_mel, 0.0), mask


def reflected(waveform: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """The samples that `steps` windows centred every `HOP` samples read, (B, steps windows).

    Each row of `waveform` (B, S) is mirrored at its first and at its own last sample.
    """
    needed = (steps - 1) * HOP + WINDOW
    position = torch.arange(needed, device=waveform.device) - WINDOW // 2  # (N,)
    position = position.abs()[None]  # (1, N): mirrored at the start
    last = (lengths - 1)[:, None]  # (B, 1)
    position = torch.where(position > last, 2 * last - position, position)  # and at the end
    return waveform.gather(1, position.clamp(0, waveform.shape[1] - 1))  # (B, N)
