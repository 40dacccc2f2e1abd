"""Behind a map and a clip: neighbours, spread, quality, distances between distributions."""
