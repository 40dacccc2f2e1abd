"""The pages as gradio sees them, and the example clips."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.demo.build import PAGES, UPLOAD_LIMIT, build_demo, launch_options
from mer_core.demo.engine import Engine
from mer_core.demo.pages import face_voice, speak
from mer_core.demo.services.examples import VIDEOS, load_examples
from mer_core.media import load_audio
from mer_core.types import SAMPLE_RATE
from tests.browser.fake_model import FakeModel

ROOT = Path(__file__).resolve().parents[2]
SMILE = str(EXAMPLES / "face_smile.mp4")


@pytest.fixture(scope="module")
def demo() -> Any:
    engine = Engine(FakeModel)
    engine.start()
    return build_demo(engine)


def handler_of(demo: Any, name: str, page: str = "") -> Any:
    """The function behind an event: by its name and its page's path."""
    return next(f.fn for f in demo.fns.values() if f.name == name and f.page == page)


def by_id(update: dict[Any, Any]) -> dict[str, Any]:
    """An event's answer by the ids of its components."""
    return {component.elem_id: value for component, value in update.items()}


def test_public_endpoints(demo: Any) -> None:
    public = [f.api_name for f in demo.fns.values() if f.api_visibility == "public" and f.api_name]
    assert public == ["analyse", "transcribe", "analyse_video"]


def test_the_endpoint_answers_in_json(demo: Any) -> None:
    handler = next(f.fn for f in demo.fns.values() if f.api_name == "analyse")
    answer = handler(None, "I am happy")
    assert json.loads(json.dumps(answer)) == answer
    assert {"emotion", "probabilities", "by_modality", "state", "error", "sentence"} <= set(answer)
    assert answer["emotion"] == "happy"
    assert answer["by_modality"]["speech"] is None
    refused = handler(None, " ")
    assert refused["emotion"] is None
    assert set(refused["error"]) == {"kind", "message"}
    assert inspect.getdoc(handler)


def test_results_come_after_a_sign_of_work(demo: Any) -> None:
    show = handler_of(demo, "show")
    cleared, working, done, explained = map(
        by_id, show(None, "I am happy", None, True, gr.Request(cookies={}))
    )
    assert cleared["status"] == ""
    assert list(working) == ["verdict"]
    assert "aria-busy" in working["verdict"]
    assert "Happy" in done["verdict"]
    assert done["details"] == ""
    assert list(explained) == ["details"]
    assert "Without “" in explained["details"]


def test_a_renderer_that_fails_gives_a_sentence(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, page, inputs in (
        (speak, "", (None, "I am happy")),
        (face_voice, "face", (SMILE, "")),
    ):
        failing = replace(module.RENDERERS, details=lambda _: 1 // 0)
        monkeypatch.setattr(module, "RENDERERS", failing)
        request = gr.Request(cookies={})
        last = by_id(list(handler_of(demo, "show", page)(*inputs, None, False, request))[-1])
        assert "went wrong on our side" in last["verdict"]
        assert last["details"] == ""


def test_nothing_is_kept_or_sent(demo: Any) -> None:
    options = launch_options()
    assert options["run_history"] is False
    assert options["show_error"] is False
    assert demo.analytics_enabled is False
    every, age = demo.delete_cache
    assert every + age <= 600
    assert UPLOAD_LIMIT


def test_pages_have_their_own_paths() -> None:
    assert [(page.title, page.path) for page in PAGES] == [
        ("Speak & type", ""), ("Face & voice", "/face"), ("Alignment atlas", "/atlas"),
    ]  # fmt: skip


def test_pages_that_record_carry_the_notice_before_their_inputs(demo: Any) -> None:
    assert [path for path, _, _ in demo.pages] == ["", "face", "atlas"]
    for page, recorder in (("", "voice"), ("face", "video")):
        ids = [b.elem_id for b in demo.blocks.values() if b.page == page and b.elem_id]
        assert ids.index("notice") < ids.index(recorder) < ids.index("analyse")
        assert len(ids) == len(set(ids))


def test_a_webcam_is_recorded_with_sound_and_unmirrored(demo: Any) -> None:
    video = next(b for b in demo.blocks.values() if b.elem_id == "video")
    assert video.sources == ["webcam", "upload"]
    assert video.include_audio
    assert not video.webcam_options.mirror
    assert video.format is None  # the server does not encode it again


def test_example_clips_say_whose_voice_it_is_and_are_small() -> None:
    examples = load_examples()
    kinds = [example.label.partition(": ")[0] for example in examples]
    assert kinds == ["synthetic"] * 6 + ["real voice"] * 4
    licence = (EXAMPLES / "LICENSE.md").read_text("utf-8")
    for example in examples:
        assert example.path.name.startswith("ravdess_") == example.label.startswith("real voice")
        assert 1 < load_audio(example.path).size / SAMPLE_RATE < 30
    assert sum(example.path.stat().st_size for example in examples) < 450_000
    assert "CC BY-NC-SA 4.0" in licence


def test_example_videos_are_drawn_and_small() -> None:
    examples = load_examples(index=VIDEOS)
    assert len(examples) == 4
    for example in examples:
        assert example.label.startswith("drawn: ")
        assert 2 < load_audio(example.path).size / SAMPLE_RATE < 5
        assert example.path.stat().st_size < 150_000
    assert len(list(EXAMPLES.glob("*.mp4"))) == len(examples)


def test_without_example_clips_there_are_none(tmp_path: Path) -> None:
    assert load_examples(tmp_path) == []
    assert load_examples(tmp_path, VIDEOS) == []


def test_importing_the_demo_leaves_torch_alone() -> None:
    code = (
        "import sys, mer_core.demo.build; "
        "print(*(m for m in ('torch', 'transformers', 'cv2', 'matplotlib.pyplot') "
        "if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
