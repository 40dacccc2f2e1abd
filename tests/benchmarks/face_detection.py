"""YuNet beside Haar: how many turned and small faces each finds, and its time in the same run.

    python -m tests.benchmarks.face_detection --data DIR [--faces 100]

Test pictures of FER2013, scaled and turned in the plane, are pasted at chance places into frames of
640 × 480 of smooth noise. A face is found if a box's centre is within a quarter of the picture's
side of the true one and its side within a factor of two; any other box is a false alarm.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mer_core.data.corpora import load_corpus
from mer_core.media.face_detectors import FaceDetector, HaarDetector, YuNetDetector
from mer_core.types import ByteArray
from tests.benchmarks.timing import alternating
from train.data.portraits import SIDE, Portraits

WIDTH, HEIGHT = 640, 480
SIDES = (240, 120, 60, 40)  # pixels, of a picture in the frame
TURNS = (0, 15, 30, 45)  # degrees, to either side
BORDER = SIDE // 4  # pixels around a picture, over which its edge fades into the background
NEAR, ALIKE = 0.25, 2.0  # see above
TIMED = 40  # frames


@dataclass(frozen=True)
class Scene:
    """A frame (H, W, 3) with one face: its centre and the side of its picture, pixels."""

    frame: ByteArray
    x: float
    y: float
    side: float

    def holds(self, box: Sequence[float]) -> bool:
        """Whether a box (left, top, width, height) is the face."""
        left, top, width, height = box
        distance = math.hypot(left + width / 2 - self.x, top + height / 2 - self.y)
        ratio = max(width, height) / self.side
        return distance <= NEAR * self.side and 1 / ALIKE <= ratio <= ALIKE


def main() -> None:
    """Print a row a size and turn, then false alarms and the ratio of the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--faces", type=int, default=100, help="of each size and turn")
    options = parser.parse_args()
    detectors: dict[str, FaceDetector] = {"Haar": HaarDetector(), "YuNet": YuNetDetector()}
    pictures = drawn(options.data, options.faces)
    false = dict.fromkeys(detectors, 0)
    print("side, px  turn   " + "".join(f"{name:>8}" for name in detectors))
    for side, turn in itertools.product(SIDES, TURNS):
        scenes = made(pictures, side, turn)
        shares = []
        for name, detector in detectors.items():
            hits = [[scene.holds(box) for box in detector.detect(scene.frame)] for scene in scenes]
            shares.append(np.mean([any(found) for found in hits]))
            false[name] += sum(not hit for found in hits for hit in found)
        print(f"{side:8}  {turn:3}°   " + "".join(f"{share:8.0%}" for share in shares))
    frames = len(SIDES) * len(TURNS) * len(pictures)
    for name, count in false.items():
        print(f"false alarms of {name} in 100 frames: {100 * count / frames:.1f}")
    print(f"time of YuNet / time of Haar, p50: {time_ratio(detectors, pictures):.2f}")


def drawn(root: Path, count: int) -> list[ByteArray]:
    """(SIDE, SIDE) grey test pictures of FER2013."""
    examples = load_corpus("fer2013", root, split="test")
    chosen = np.random.default_rng(0).permutation(len(examples))[:count]
    images = [examples[index] for index in sorted(chosen)]
    portraits = Portraits(images)
    return [portraits.picture(example.image) for example in images if example.image]


def made(pictures: Sequence[ByteArray], side: int, turn: float) -> list[Scene]:
    """One scene a picture, turned to the left and to the right in turn."""
    random = np.random.default_rng([side, int(turn)])
    signs = itertools.cycle((1, -1))
    return [
        scene(picture, side, sign * turn, random)
        for picture, sign in zip(pictures, signs, strict=False)
    ]


def scene(picture: ByteArray, side: int, turn: float, random: np.random.Generator) -> Scene:
    """A picture in a frame of smooth noise, all of it inside."""
    reach = side * math.sqrt(0.5)  # half the diagonal, without the border
    x = random.uniform(min(reach, WIDTH / 2), max(WIDTH - reach, WIDTH / 2))
    y = random.uniform(min(reach, HEIGHT / 2), max(HEIGHT - reach, HEIGHT / 2))
    middle = SIDE / 2 + BORDER
    matrix = cv2.getRotationMatrix2D((middle, middle), turn, side / SIDE)
    matrix[:, 2] += x - middle, y - middle
    size = (WIDTH, HEIGHT)
    padded = cv2.copyMakeBorder(picture, *[BORDER] * 4, cv2.BORDER_REPLICATE)
    face = cv2.warpAffine(padded, matrix, size, flags=cv2.INTER_CUBIC)
    share = cv2.warpAffine(faded(), matrix, size, flags=cv2.INTER_LINEAR)
    grey = share * face + (1 - share) * background(picture, random)
    frame = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return Scene(frame, x, y, side)


def faded() -> np.ndarray:
    """1 inside a picture, falling to 0 across its border."""
    steps = np.arange(SIDE + 2 * BORDER) + 0.5
    ramp = np.clip(np.minimum(steps, steps[::-1]) / BORDER, 0, 1)
    return np.outer(ramp, ramp).astype(np.float32)


def background(picture: ByteArray, random: np.random.Generator) -> np.ndarray:
    """(HEIGHT, WIDTH) noise of several sizes around a picture's mean."""
    total = np.full((HEIGHT, WIDTH), float(picture.mean()), np.float32)
    for cells in (4, 12, 40):
        noise = random.standard_normal((cells, cells)).astype(np.float32)
        total += (
            60
            / math.sqrt(cells)
            * cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        )
    return total


def time_ratio(detectors: dict[str, FaceDetector], pictures: Sequence[ByteArray]) -> float:
    """Median time of the second detector over that of the first one, called in turn."""
    frames = itertools.cycle([one.frame for one in made(pictures[:TIMED], SIDES[1], 0)])
    calls = {
        name: lambda detector=detector: detector.detect(next(frames))
        for name, detector in detectors.items()
    }
    seconds = [statistics.median(each) for each in alternating(calls, TIMED).values()]
    return seconds[1] / seconds[0]


if __name__ == "__main__":
    main()
