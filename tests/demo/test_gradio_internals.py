"""Which gradio names beyond its documented ones the demo needs, each with what it does for us."""

from __future__ import annotations

import importlib
from pathlib import Path

import gradio as gr
import pytest

from mer_core.demo.gradio_internals import save_download


@pytest.mark.parametrize(
    ("module", "name", "why"),
    [
        ("gradio.processing_utils", "save_bytes_to_cache", "puts a download into gradio's cache"),
        ("gradio.components", "Navbar", "names the first page in the navigation"),
        ("gradio.themes", "LocalFont", "loads the fonts that gradio brings along"),
    ],
)
def test_a_name_is_where_we_expect_it(module: str, name: str, why: str) -> None:
    moved = f"gradio {gr.__version__} has no {module}.{name}, which {why}: find its new place"
    assert hasattr(importlib.import_module(module), name), moved


def test_a_download_lies_in_the_cache_that_gradio_sweeps() -> None:
    button = gr.DownloadButton("File", render=False)
    assert hasattr(button, "GRADIO_CACHE"), "gradio's components no longer name their cache"
    path = Path(save_download(b"content", "attune-none.csv", button))
    assert path.read_bytes() == b"content"
    assert path.name == "attune-none.csv"
    assert Path(button.GRADIO_CACHE).resolve() in path.resolve().parents


def test_a_gallery_of_examples_tells_when_it_has_filled_the_inputs() -> None:
    with gr.Blocks():
        gallery = gr.Examples([["a"]], inputs=[gr.Textbox()], api_visibility="private")
    moved = "gr.Examples has no load_input_event, after which an example is analysed"
    assert hasattr(gallery, "load_input_event"), moved
