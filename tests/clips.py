"""Short videos for tests: a speaking portrait, optionally without face or sound."""

from __future__ import annotations

import subprocess
from pathlib import Path

import matplotlib.cbook

from mer_core.serving.predictor import DEFAULT_MODEL

VOICE = DEFAULT_MODEL.parent / "examples" / "ravdess_03-01-05-02-02-02-17.opus"


def speaking_portrait(
    path: Path, seconds: float = 3.0, *, face: bool = True, sound: str | None = str(VOICE)
) -> Path:
    """A 320 × 240 video of Grace Hopper (public domain), or of a test pattern.

    Args:
        path: What to write; its ending chooses the container.
        seconds: Length.
        face: False for a pattern of colours.
        sound: A sound file, an ffmpeg source such as `anullsrc`, or None for no sound.
    """
    portrait = str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    command = ["ffmpeg", "-y", "-loglevel", "error"]
    if face:
        command += ["-loop", "1", "-framerate", "15", "-i", portrait]
        shape = "scale=-2:240,pad=320:240:(320-iw)/2:0"
    else:
        command += ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=15"]
        shape = "null"
    if sound is not None:
        generated = [] if Path(sound).exists() else ["-f", "lavfi"]
        command += [*generated, "-i", sound, "-af", "apad"]
    command += ["-vf", shape, "-t", str(seconds), "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True)
    return path
