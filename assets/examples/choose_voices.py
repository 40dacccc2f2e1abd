#!/usr/bin/env python3
"""Copies one clip of each of RAVDESS' four test actors, drawn at random, and lists them.

    python choose_voices.py DIR    # DIR holds ravdess/Actor_*

Each actor has another of the four emotions. The model had no part in the choice, so that the clips
show it right and wrong. They are not changed: 16 kHz mono Opus, as in the project's copy of the
corpus. RAVDESS (S. Livingstone, F. Russo, 2018) is under CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

SEED = 1
ACTORS = (6, 13, 17, 22)  # EmoBox fold 6
EMOTIONS = {"neutral": "01", "happy": "03", "sad": "04", "angry": "05"}
SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
HERE = Path(__file__).resolve().parent


def main(root: Path) -> None:
    generator = random.Random(SEED)
    emotions = generator.sample(sorted(EMOTIONS), len(ACTORS))
    entries = []
    for actor, emotion in zip(ACTORS, emotions, strict=True):
        folder = root / "ravdess" / f"Actor_{actor:02d}"
        source = generator.choice(sorted(folder.glob(f"03-01-{EMOTIONS[emotion]}-*")))
        name = f"ravdess_{source.stem}.opus"
        shutil.copyfile(source, HERE / name)
        text, label = SENTENCES[source.stem.split("-")[4]], f"real voice: acted {emotion}"
        entries.append({"file": name, "text": text, "label": label})
    listing = HERE / "examples.json"
    others = [e for e in json.loads(listing.read_text("utf-8")) if "ravdess" not in e["file"]]
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in [*others, *entries])
    listing.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
