"""Every container, rate and layout gives the same mono 16 kHz waveform, or a `MediaError`."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from mer_core.media import MAX_SECONDS, MediaError, audio, load_audio
from mer_core.types import SAMPLE_RATE, FloatArray
from tests.hostile.errors import forbid_decoding, media_error_of

MakeTone = Callable[..., FloatArray]
CODECS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "ogg": "vorbis",
    "opus": "libopus",
    "m4a": "aac",
    "webm": "libopus",
    "mp4": "aac",
}


def encode(path: Path, waveform: FloatArray, rate: int = 48_000, layout: str = "mono") -> Path:
    """Write (S,) or (channels, S) with the codec of the file's extension."""
    codec = CODECS[path.suffix[1:]]
    if codec == "vorbis":  # FFmpeg's own encoder is experimental and stereo only
        soundfile.write(path, np.atleast_2d(waveform).T, rate, format="OGG", subtype="VORBIS")
        return path
    if codec not in av.codecs_available:
        pytest.skip(f"This PyAV has no {codec} encoder.")
    samples = (np.clip(np.atleast_2d(waveform), -1, 1) * 32_767).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def dominant(waveform: FloatArray) -> float:
    """The strongest frequency in Hz, by FFT."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)[spectrum.argmax()])


def check_tone(waveform: FloatArray, seconds: float, frequency: float = 440.0) -> None:
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert np.abs(waveform).max() <= 1.0
    assert len(waveform) / SAMPLE_RATE == pytest.approx(seconds, abs=0.06)
    assert dominant(waveform) == pytest.approx(frequency, abs=1.5 / seconds)
    assert waveform[4_000:-4_000].std() == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def refusal(source: Any, kind: str) -> str:
    """The message of the `MediaError` of this kind that `source` raises."""
    error = media_error_of(source)
    assert error.kind == kind
    return error.message


@pytest.mark.parametrize("ending", CODECS)
def test_a_tone_survives_every_container(tmp_path: Path, tone: MakeTone, ending: str) -> None:
    path = encode(tmp_path / f"tone.{ending}", tone(2.0, rate=48_000))
    check_tone(load_audio(path), 2.0)
    check_tone(load_audio(str(path)), 2.0)
    check_tone(load_audio(path.read_bytes()), 2.0)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_099, 44_100, 48_000, 96_000])
def test_every_rate_from_file_and_array(tmp_path: Path, tone: MakeTone, rate: int) -> None:
    waveform = tone(1.0, rate=rate)
    check_tone(load_audio((waveform, rate)), 1.0)
    soundfile.write(tmp_path / "x.wav", waveform, rate)
    check_tone(load_audio(tmp_path / "x.wav"), 1.0)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_resampling_agrees_with_scipy(rate: int) -> None:
    seconds = np.arange(rate) / rate
    waveform = sum(0.2 * np.sin(2 * np.pi * f * seconds + f) for f in (180.0, 700.0, 2_300.0))
    ours = load_audio((waveform, rate))
    divisor = np.gcd(rate, SAMPLE_RATE)
    theirs = resample_poly(waveform, SAMPLE_RATE // divisor, rate // divisor)
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs)[500:-500].max() < 0.01


def test_resampling_leaves_no_alias() -> None:
    seconds = np.arange(48_000) / 48_000
    above = load_audio((0.5 * np.sin(2 * np.pi * 11_000 * seconds), 48_000))
    assert above[500:-500].std() < 0.01


@pytest.mark.parametrize("ending", ["wav", "flac", "m4a"])
def test_stereo_is_mixed_down(tmp_path: Path, tone: MakeTone, ending: str) -> None:
    left = tone(2.0, rate=48_000)
    for name, right in (("same", left), ("opposite", -left)):
        path = encode(tmp_path / f"{name}.{ending}", np.stack([left, right]), layout="stereo")
        check_tone(load_audio(path), 2.0)


def test_stereo_arrays_in_both_layouts(tone: MakeTone) -> None:
    left, right = tone(1.0, 300.0), tone(1.0, 500.0)
    mixed = (left + right) / 2
    for channels in (np.stack([left, right]), np.stack([left, right], axis=1)):
        np.testing.assert_allclose(load_audio((channels, SAMPLE_RATE)), mixed, atol=1e-6)
    np.testing.assert_allclose(load_audio((np.stack([left, -left]), SAMPLE_RATE)), left)
    silent = np.stack([left, 0 * left])
    np.testing.assert_allclose(load_audio((silent, SAMPLE_RATE)), left / 2, atol=1e-6)


def test_number_types_give_the_same_sound(tone: MakeTone) -> None:
    floats = tone(0.5)
    as_numbers = {
        "float64": floats.astype(np.float64),
        "int16": (floats * 2**15).astype(np.int16),
        "int32": (floats.astype(np.float64) * 2**31).astype(np.int32),
        "uint8": (floats * 128 + 128).astype(np.uint8),
        "list": floats.tolist(),
    }
    for name, array in as_numbers.items():
        got = load_audio((array, SAMPLE_RATE))
        np.testing.assert_allclose(got, floats, atol=0.01 if name == "uint8" else 1e-4)
    extremes = np.tile(np.array([-(2**15), 2**15 - 1], np.int16), 4_000)
    assert load_audio((extremes, SAMPLE_RATE)).min() == -1.0


def test_silence_is_accepted() -> None:
    assert not load_audio((np.zeros(8_000, np.float32), SAMPLE_RATE)).any()


def test_unusable_arrays_are_refused(tone: MakeTone) -> None:
    wave = tone(1.0)
    broken = wave.copy()
    broken[100] = np.nan
    assert "NaN" in refusal((broken, SAMPLE_RATE), "not_finite")
    refusal((np.full(9_000, np.inf), SAMPLE_RATE), "not_finite")
    refusal((wave.astype(np.float64) * 1e300, SAMPLE_RATE), "not_finite")
    assert "[-1, 1]" in refusal((wave * 32_768, SAMPLE_RATE), "out_of_range")
    refusal((np.zeros(0), SAMPLE_RATE), "empty")
    refusal((np.zeros((2, 0)), SAMPLE_RATE), "empty")
    assert "0.3 s" in refusal((np.zeros(1), SAMPLE_RATE), "too_short")
    refusal((np.zeros(4_799), SAMPLE_RATE), "too_short")
    assert len(load_audio((np.zeros(4_800), SAMPLE_RATE))) == 4_800
    assert "5 minutes" in refusal((np.zeros(302 * 8_000, np.int16), 8_000), "too_long")


@pytest.mark.parametrize(
    "source",
    [
        (np.zeros(9_000, complex), 16_000),
        (np.zeros(9_000, bool), 16_000),
        (np.zeros((3, 30, 30)), 16_000),
        (["a", "b"], 16_000),
        ([[1, 2], [3]], 16_000),
        (None, 16_000),
        (np.zeros(9_000), None),
        (np.zeros(9_000), "fast"),
        (np.zeros(9_000), float("nan")),
        (np.zeros(9_000), float("inf")),
        (np.zeros(9_000),),
        (),
        5,
    ],
    ids=repr,
)
def test_values_of_the_wrong_type_are_refused(source: Any) -> None:
    refusal(source, "bad_type")


@pytest.mark.parametrize("rate", [0, -16_000, 100, 10**9])
def test_unusable_rates_are_refused(rate: int) -> None:
    refusal((np.zeros(9_000), rate), "bad_rate")


def test_files_that_are_not_sound_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    refusal(tmp_path / "empty.wav", "empty")
    refusal(b"", "empty")
    (tmp_path / "notes.wav").write_text("Dear diary, this is no sound. " * 100)
    assert "wav, flac" in refusal(tmp_path / "notes.wav", "not_audio")
    for content in (b"RIFF", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"\x00" * 5_000, b"OggS" * 99):
        refusal(content, "not_audio")
    noise = np.random.default_rng(0).bytes(50_000)
    with pytest.raises(MediaError):
        load_audio(noise)


def test_files_that_cannot_be_opened_are_refused(tmp_path: Path) -> None:
    for name in ("none.wav", "http://localhost/x.wav", "concat:a.wav|b.wav", "a\0b.wav", "a" * 900):
        assert len(refusal(name, "not_found")) < 250
    refusal(tmp_path, "not_a_file")
    secret = tmp_path / "deep" / "gone.wav"
    assert str(tmp_path) not in refusal(secret, "not_found")  # messages contain no folder


def test_wav_files_with_too_little_in_them_are_refused(tmp_path: Path, tone: MakeTone) -> None:
    path = tmp_path / "x.wav"
    for samples, kinds in ((0, {"empty", "not_audio", "too_short"}), (1, {"too_short"})):
        soundfile.write(path, np.zeros(samples), SAMPLE_RATE)
        with pytest.raises(MediaError) as caught:
            load_audio(path)
        assert caught.value.kind in kinds
    broken = tone(1.0)
    broken[5_000] = np.nan
    soundfile.write(path, broken, SAMPLE_RATE, subtype="FLOAT")
    refusal(path, "not_finite")


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "opus", "webm"])
def test_a_cut_off_file_gives_what_came_before(tmp_path: Path, tone: MakeTone, ending: str) -> None:
    content = encode(tmp_path / f"x.{ending}", tone(8.0, rate=48_000)).read_bytes()
    half = load_audio(content[: len(content) // 2])
    assert 1.0 < len(half) / SAMPLE_RATE < 6.0
    assert dominant(half[: SAMPLE_RATE // 2]) == pytest.approx(440.0, abs=3.0)


def test_a_cut_off_m4a_is_refused(tmp_path: Path, tone: MakeTone) -> None:
    content = encode(tmp_path / "x.m4a", tone(4.0, rate=48_000)).read_bytes()
    refusal(content[: len(content) // 2], "not_audio")


@pytest.mark.parametrize("ending", CODECS)
def test_damage_raises_no_other_error(
    tmp_path: Path, tone: MakeTone, generator: np.random.Generator, ending: str
) -> None:
    content = encode(tmp_path / f"x.{ending}", tone(1.0, rate=48_000)).read_bytes()
    for _ in range(12):
        damaged = bytearray(content)
        for position in generator.integers(0, min(len(content), 4_000), 20):
            damaged[position] = generator.integers(0, 256)
        try:
            assert np.isfinite(load_audio(bytes(damaged))).all()
        except MediaError as error:
            assert error.kind


def test_frames_may_change_in_mid_stream(tmp_path: Path, tone: MakeTone) -> None:
    """Spliced mp3 files: the second half is stereo at another rate."""
    first = encode(tmp_path / "a.mp3", tone(1.0, rate=48_000)).read_bytes()
    left = tone(1.0, rate=44_100)
    second = encode(tmp_path / "b.mp3", np.stack([left, left]), 44_100, "stereo").read_bytes()
    frames = second[second.find(b"\xff\xfb", 200) :]  # without its tag
    whole = load_audio(first + frames)
    assert len(whole) / SAMPLE_RATE == pytest.approx(2.0, abs=0.06)
    for part in (whole[2_000:14_000], whole[18_000:30_000]):
        assert dominant(part) == pytest.approx(440.0, abs=3.0)
        assert part.std() > 0.2


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_too_long_is_refused_from_the_header(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"long.{ending}"
    soundfile.write(path, np.zeros(6 * 60 * 8_000, np.int16), 8_000)
    forbid_decoding(monkeypatch)
    tracemalloc.start()
    assert refusal(path, "too_long") == (
        "The recording lasts 6.0 minutes; at most 5 minutes are analysed."
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20, "more than the header was read"


def test_the_limit_holds_without_a_header(
    tmp_path: Path, tone: MakeTone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piped webm has no duration: decoding stops at the limit."""
    path = encode(tmp_path / "x.webm", tone(4.0, rate=48_000))
    content = path.read_bytes()
    duration = content.find(b"\x44\x89\x88")  # EBML: Duration, 8 bytes
    assert duration > 0
    # Void (0xEC) of the same total size hides the element.
    blank = content[:duration] + b"\xec\x89" + bytes(9) + content[duration + 11 :]
    with av.open(io.BytesIO(blank)) as container:
        if container.duration is not None:
            pytest.skip("This FFmpeg guesses a duration anyway.")
    monkeypatch.setattr(audio, "MAX_SECONDS", 1.0)
    refusal(blank, "too_long")
    assert MAX_SECONDS == 300.0


def test_large_files_are_refused_without_reading(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(audio.MAX_BYTES + 1)  # sparse: takes no space
    assert "MB" in refusal(path, "too_large")


def test_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    codec = next((c for c in ("mpeg4", "libx264") if c in av.codecs_available), None)
    if codec is None:
        pytest.skip("This PyAV encodes no video.")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10, width=64, height=64, pix_fmt="yuv420p")
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "without sound" in refusal(path, "no_sound")
