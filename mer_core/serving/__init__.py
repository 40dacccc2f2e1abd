"""From a recording, a text or a video to a `Prediction`."""
