"""The web demo: one module per page, pure renderers under `panels`, no torch import.

Start at `build.build_demo`. This file imports nothing, so that the command line can check its
arguments before gradio, which takes seconds and reads the environment, is imported.
"""
