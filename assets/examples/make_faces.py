"""Draws the faces of the video examples: `make_faces.py KIND VOICE.wav FOLDER` writes PNG frames.

Nobody was filmed: a face of ellipses, shaded softly because face detectors look for eyes that are
darker than cheeks. Its mouth follows the loudness of the voice. Needs numpy and Pillow.
"""

from __future__ import annotations

import math
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

RATE = 15  # frames a second
WIDTH, HEIGHT = 320, 240
SCALE = 3  # drawn larger, then shrunk, for smooth edges
BLINK = 1.6  # seconds between blinks

SKIN, SHADE, BLUSH, HAIR = (233, 188, 156), (176, 122, 96), (219, 138, 116), (58, 40, 36)
LIPS, MOUTH, TEETH, SHIRT = (164, 74, 68), (70, 22, 26), (246, 240, 232), (86, 104, 140)
WALL, FLOOR = (206, 214, 214), (178, 188, 192)


@dataclass(frozen=True)
class Look:
    """A face's expression.

    Attributes:
        smile: How far the corners of the mouth go up, in pixels; below 0 they go down.
        frown: How far the inner ends of the brows go down, in pixels; below 0 they go up.
        squint: Share of the eye that is covered.
    """

    smile: float
    frown: float
    squint: float


LOOKS = {"smile": Look(11, -2, 0.25), "scowl": Look(-12, 18, 0.35)}


def loudness(voice: Path) -> np.ndarray:
    """(F,) loudness of each frame's stretch of a 16-bit mono WAV, 0 to 1."""
    with wave.open(str(voice)) as file:
        rate = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16) / 32768
    size = rate // RATE
    pieces = sound[: sound.size // size * size].reshape(-1, size)
    level = np.sqrt((pieces**2).mean(axis=1))
    return np.clip(level / np.quantile(level, 0.95), 0, 1)


class Canvas:
    """A picture with soft and hard ellipses, in the coordinates of the finished frame."""

    def __init__(self, picture: Image.Image) -> None:
        self.picture = picture

    def blob(self, x: float, y: float, rx: float, ry: float, colour: tuple[int, ...],
             soft: float = 0.0, strength: float = 1.0) -> None:  # fmt: skip
        """An ellipse around (x, y), its edge blurred over `soft` pixels."""
        mask = Image.new("L", self.picture.size, 0)
        box = [SCALE * v for v in (x - rx, y - ry, x + rx, y + ry)]
        ImageDraw.Draw(mask).ellipse(box, fill=round(255 * strength))
        self._paste(mask, colour, soft)

    def polygon(self, points: list[tuple[float, float]], colour: tuple[int, ...],
                soft: float = 0.0, strength: float = 1.0) -> None:  # fmt: skip
        """A filled outline."""
        mask = Image.new("L", self.picture.size, 0)
        ImageDraw.Draw(mask).polygon(
            [(SCALE * x, SCALE * y) for x, y in points], fill=round(255 * strength)
        )
        self._paste(mask, colour, soft)

    def _paste(self, mask: Image.Image, colour: tuple[int, ...], soft: float) -> None:
        if soft:
            mask = mask.filter(ImageFilter.GaussianBlur(SCALE * soft))
        self.picture.paste(Image.new("RGB", self.picture.size, colour), (0, 0), mask)


def gradient(top: tuple[int, ...], bottom: tuple[int, ...]) -> Image.Image:
    """A picture that fades from one colour above to another below."""
    share = np.linspace(0, 1, SCALE * HEIGHT)[:, None, None]
    rows = np.array(top) * (1 - share) + np.array(bottom) * share
    return Image.fromarray(np.repeat(rows, SCALE * WIDTH, axis=1).round().astype(np.uint8))


def face(look: Look, moment: float, level: float) -> Image.Image:
    """One frame; the head sways a little, and the mouth opens with the voice."""
    canvas = Canvas(gradient(WALL, FLOOR))
    x, y = 160 + 4 * math.sin(1.9 * moment), 118 + 2 * math.sin(3.1 * moment)
    canvas.blob(160, 268, 112, 62, SHIRT, 1)
    canvas.blob(x, 192, 30, 34, SHADE, 3)
    canvas.blob(x, y - 14, 76, 86, HAIR, 1.5)
    canvas.blob(x, y + 6, 66, 84, SKIN, 1)
    canvas.blob(x, y - 70, 52, 23, HAIR, 2)
    for side in (-1, 1):
        canvas.blob(x + side * 50, y + 12, 7, 44, SHADE, 5, 0.4)
        canvas.blob(x + side * 37, y + 26, 15, 11, BLUSH, 6, 0.5)
        _eye(canvas, x + side * 27, y - 12, side, look, moment)
    canvas.blob(x, y + 6, 5, 24, (250, 216, 188), 4, 0.8)
    canvas.blob(x, y + 27, 13, 6, SHADE, 3, 0.85)
    for side in (-1, 1):
        canvas.blob(x + side * 6, y + 28, 3.4, 2.4, (110, 62, 52), 1)
    _mouth(canvas, x, y + 50, look, level)
    canvas.blob(x, y + 70, 22, 5, SHADE, 4, 0.4)
    return canvas.picture


def _eye(canvas: Canvas, x: float, y: float, side: int, look: Look, moment: float) -> None:
    canvas.blob(x, y - 2, 21, 14, SHADE, 5, 0.95)  # the socket, in shadow
    shut = abs((moment + 0.4) % BLINK) < 0.1
    tall = 1.2 if shut else 8.5 * (1 - look.squint)
    canvas.blob(x, y, 14, tall + 1.6, (74, 46, 42), 0.8)
    if not shut:
        canvas.blob(x, y + 0.6, 12, tall - 0.6, (242, 236, 228), 0.6)
        canvas.blob(x, y, 6.4, min(6.6, tall), (58, 42, 38), 0.4)
        canvas.blob(x + 2, y - 2, 1.6, 1.6, (255, 255, 255), 0.3)
    inner, outer = x - side * 17, x + side * 19
    down, up = y - 21 + look.frown, y - 22 - 0.35 * look.frown
    middle = (x, (down + up) / 2 - 4)
    above = [(inner, down), middle, (outer, up)]
    below = [(outer, up + 4), (x, middle[1] + 7), (inner, down + 7)]
    canvas.polygon(above + below, HAIR, 1.2)


def _mouth(canvas: Canvas, x: float, y: float, look: Look, level: float) -> None:
    """Two curves between the corners; the lower one falls as the voice gets louder."""
    across = np.linspace(-1, 1, 25)
    corner = -look.smile * across**2 + look.smile * 0.45
    opened = 2.5 + 15 * level
    half = 26 - 5 * level + 0.4 * look.smile
    upper = [(x + half * a, y + c - 2 * (1 - a * a)) for a, c in zip(across, corner, strict=True)]
    lower = [
        (x + half * a, y + c + opened * (1 - a * a)) for a, c in zip(across, corner, strict=True)
    ]
    lips = [(a, b - 3) for a, b in upper] + [(a, b + 4) for a, b in reversed(lower)]
    canvas.polygon(lips, LIPS, 1)
    canvas.polygon(upper + lower[::-1], MOUTH, 0.6)
    if opened > 8 and look.smile > 0:
        canvas.polygon(upper[5:-5] + [(a, b + 4) for a, b in reversed(upper[5:-5])], TEETH, 0.6)


def landscape(moment: float) -> Image.Image:
    """Hills and a moving cloud: nothing that looks like a face."""
    canvas = Canvas(gradient((150, 190, 222), (232, 226, 208)))
    canvas.blob(246, 62, 20, 20, (250, 226, 150), 3)
    for step, (dx, dy) in enumerate(((0, 0), (24, -8), (48, 0), (22, 7))):
        canvas.blob(50 + 9 * moment + dx, 58 + dy, 24 - 2 * step, 13, (248, 246, 242), 4, 0.9)
    for offset, colour, base, tall, bend in (
        (0, (146, 170, 164), 150, 22, 0.021), (70, (112, 146, 118), 178, 18, 0.028),
        (150, (78, 118, 84), 208, 12, 0.019),
    ):  # fmt: skip
        ridge = [(x, base + tall * math.sin(bend * (x + offset))) for x in range(0, WIDTH + 9, 8)]
        canvas.polygon([*ridge, (WIDTH, HEIGHT), (0, HEIGHT)], colour, 0.8)
    return canvas.picture


def main(kind: str, voice: Path, folder: Path) -> None:
    """Write one PNG for each frame of the voice."""
    for index, level in enumerate(loudness(voice)):
        moment = index / RATE
        drawn = landscape(moment) if kind == "hills" else face(LOOKS[kind], moment, float(level))
        drawn.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(folder / f"{index:04d}.png")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
