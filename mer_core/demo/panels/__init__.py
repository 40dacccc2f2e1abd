"""Pure functions from a `Prediction` to HTML and SVG: no state, no gradio, no torch."""
