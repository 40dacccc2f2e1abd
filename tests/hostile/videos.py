"""Bad video files and small good ones, generated."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
CLOCK = 1_000  # ticks per second of the generated files
NESTED = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")


def flat(colour: tuple[int, int, int] = (128, 128, 128), width: int = 64, height: int = 48) -> Any:
    """(H, W, 3) picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def quarters(width: int = 64, height: int = 48) -> Picture:
    """Red, green / blue, white: every rotation and mirroring changes it."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 255)
    picture[height // 2 :, width // 2 :] = (255, 255, 255)
    return picture


def encoded(
    pictures: Iterable[Picture],
    times: Iterable[float] | None = None,
    container: str = "mp4",
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    stretch: Fraction | None = None,
    options: Mapping[str, str] | None = None,
    sound: bool = False,
) -> bytes:
    """(H, W, 3) pictures shown at `times` (10 per second by default), as one file."""
    pictures = list(pictures)
    shown = [index / 10 for index in range(len(pictures))] if times is None else list(times)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=dict(options or {})) as output:
        fast = {"deadline": "realtime", "cpu-used": "8"} if "vpx" in codec else {}
        stream: Any = output.add_stream(codec, rate=CLOCK, options=fast)
        stream.height, stream.width = pictures[0].shape[:2] if pictures else (48, 64)
        stream.pix_fmt = pix_fmt
        stream.bit_rate = 2_000_000
        stream.codec_context.time_base = Fraction(1, CLOCK)
        if stretch:
            stream.codec_context.sample_aspect_ratio = stretch
        if rotation:
            stream.set_display_rotation(rotation)
        voice: Any = output.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for picture, seconds in zip(pictures, shown, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(seconds * CLOCK), Fraction(1, CLOCK)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if voice:
            samples = np.zeros((1, 16_000), np.float32)
            tone = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            tone.sample_rate = 16_000
            output.mux(voice.encode(tone))
            output.mux(voice.encode(None))
    return buffer.getvalue()


def sound_only(container: str, codec: str, rate: int = 48_000, cover: bool = False) -> bytes:
    """A second of silence, optionally with cover art."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        voice: Any = output.add_stream(codec, rate=rate, layout="mono")
        image: Any = None
        if cover:
            image = output.add_stream("mjpeg", rate=1)
            image.width, image.height, image.pix_fmt = 64, 48, "yuvj420p"
            image.disposition = av.stream.Disposition.attached_pic
        silence = np.zeros((1, rate), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=voice.format, layout="mono", rate=rate, frame_size=voice.frame_size or 1024
        )
        if image:
            output.mux(image.encode(av.VideoFrame.from_ndarray(flat(), format="rgb24")))
            output.mux(image.encode(None))
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(voice.encode(part))
        output.mux(voice.encode(None))
    return buffer.getvalue()


def huge_picture(codec: str, side: int = 8_192) -> bytes:
    """A small grey picture that decodes into 100 MB."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream: Any = output.add_stream(codec, rate=10)
        stream.width = stream.height = side
        stream.pix_fmt = "yuvj420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast"}
        frame = av.VideoFrame(side, side, "yuvj420p")
        for plane in frame.planes:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def many_frames(frames: int, seconds: float, container: str = "mp4") -> bytes:
    """One tiny packet, repeated."""
    source = av.open(io.BytesIO(encoded([flat(width=16, height=16)])))
    template = source.streams.video[0]
    data = bytes(next(source.demux(template)))
    clock = Fraction(1, 90_000)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream_from_template(template)
        stream.time_base = clock
        for index in range(frames):
            packet = av.Packet(data)
            packet.pts = packet.dts = int(index * seconds * 90_000 / frames)
            packet.time_base, packet.stream, packet.is_keyframe = clock, stream, True
            output.mux(packet)
    source.close()
    return buffer.getvalue()


def rewritten(data: bytes, bodies: Mapping[bytes, bytes]) -> bytes:
    """An MP4 with the bodies of some boxes replaced and the sizes corrected."""
    out, position = b"", 0
    while position + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + size]
        if kind in NESTED:
            body = rewritten(body, bodies)
        body = bodies.get(kind, body)
        out += struct.pack(">I4s", len(body) + 8, kind) + body
        position += size
    return out


def declaring_samples(samples: int) -> bytes:
    """One frame whose tables declare `samples` of one byte each."""
    return rewritten(
        encoded([flat()]),
        {
            b"stts": struct.pack(">IIII", 0, 1, samples, 1),
            b"stsc": struct.pack(">IIIII", 0, 1, 1, samples, 1),
            b"stsz": struct.pack(">III", 0, 1, samples),
        },
    )


def declaring_fragment(samples: int) -> bytes:
    """A fragment that declares `samples`, without a field per sample."""
    movflags = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    whole = encoded([flat()] * 3, options=movflags)
    return rewritten(whole, {b"trun": struct.pack(">IIi", 1, samples, 0)})


def declaring_duration(data: bytes, seconds: float) -> bytes:
    """A Matroska file whose header declares a duration of `seconds`."""
    position = data.index(b"\x44\x89\x88") + 3  # Duration, 8 bytes
    return data[:position] + struct.pack(">d", seconds * 1_000) + data[position + 8 :]


def declaring_size(data: bytes, width: int, height: int) -> bytes:
    """An MP4 whose sample description declares this size; the codec's header is unchanged."""
    position = data.index(b"mp4v") + 4 + 24
    return data[:position] + struct.pack(">HH", width, height) + data[position + 4 :]
