"""Cost of refusing a video that would fill the memory, compared with reading a good one.

    python -m tests.benchmarks.bombs

Each file is given to `Predictor.predict` in a separate process, whose peak memory is measured; the
baseline is a 5-second clip at 640 × 480 in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.video_latency import write_clip
from tests.hostile.videos import declaring_samples, huge_picture, many_frames

CHILD = """
import json, resource, sys, time
import mer_core.media.faces  # what every process imports once
from mer_core import MediaError, Predictor
predictor = Predictor.load(device="cpu")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, started, kind = peak(), time.perf_counter(), "read"
try:
    predictor.predict(video=sys.argv[1])
except MediaError as error:
    kind = error.kind
print(json.dumps([kind, time.perf_counter() - started, peak() - before]))
"""


def main() -> None:
    """Print a row per file: the error, seconds, and megabytes above the peak of loading."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {"a good clip": write_clip(folder)}
        bombs = {
            "8192 × 8192 pixels": huge_picture("libx264"),
            "600 000 frames": many_frames(600_000, 60.0),
            "2 000 million samples declared": declaring_samples(2_000_000_000),
        }
        for title, data in bombs.items():
            files[title] = folder / f"{len(files)}.mp4"
            files[title].write_bytes(data)
        for title, path in files.items():
            command = [sys.executable, "-c", CHILD, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            kind, seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
            size = path.stat().st_size / 2**20
            print(f"{title:<32}{size:7.1f} MB  {kind:<16}{seconds:7.3f} s {megabytes:7.0f} MB more")


if __name__ == "__main__":
    main()
