"""From a recording to its words: what is written into the box, what is kept, what is judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.demo.components import given_words, words
from mer_core.demo.components.given_words import FOREIGN, given, replaced
from mer_core.demo.components.words import KEPT, NO_WORDS
from mer_core.demo.engine import Engine
from mer_core.demo.pages import face_voice, speak
from mer_core.demo.panels.occlusion import UNFIT
from mer_core.demo.services.atlases import Atlases
from mer_core.demo.services.container import Services
from mer_core.demo.services.heard import Asked, Heard, Step, clip_key
from mer_core.demo.services.transcription import TranscriptionService
from mer_core.demo.session import Visits
from mer_core.types import Transcript
from tests.browser.fake_model import SAID, FakeModel

CLIP = str(EXAMPLES / "bright.flac")
FILM = str(EXAMPLES / "face_apart.mp4")
TEXT = " ".join(SAID)
VISITOR = gr.Request(cookies={})
Page = dict[str, Any]


@pytest.fixture(autouse=True)
def languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names come from transformers, which takes seconds to import."""
    for module in (words, given_words):
        monkeypatch.setattr(module, "language_name", {"en": "English", "pl": "Polish"}.get)


@pytest.fixture
def services() -> Services:
    engine = Engine(FakeModel)
    engine.start()
    assert engine.wait(30)
    return Services(engine, TranscriptionService(engine), Atlases(engine, Visits()))


@pytest.fixture
def polish(tmp_path: Path) -> str:
    clip = tmp_path / "polish.flac"
    clip.write_bytes(Path(CLIP).read_bytes())
    return str(clip)


def changed(page: Page, updates: Any) -> list[Mapping[str, Any]]:
    """Apply an event's updates to a page, as gradio would; all of them in order."""
    seen = []
    for update in updates:
        page |= update
        seen.append(dict(page))
    return seen


def visit(handlers: Any, clip: str, typed: str = "", switch: bool = True) -> tuple[Page, list[Any]]:
    """A recording, and everything that follows without the visitor."""
    page: Page = {"clip": clip, "words": typed, "heard": None, "details": "", "spoken": ""}
    seen = changed(page, handlers.show(clip, typed, None, switch, VISITOR))
    return page, seen + followed(handlers, page)


def followed(handlers: Any, page: Page) -> list[Any]:
    """What follows once a recording has been judged."""
    page |= handlers.words.listen(page["clip"], page["asked"])
    page |= handlers.words.write(page["clip"], page["words"], page["heard"])
    answers = handlers.answer(page["clip"], page["words"], page["heard"], VISITOR)
    return [dict(page), *changed(page, answers)]


def test_the_voice_is_judged_first_and_then_its_words_too(services: Services) -> None:
    page, seen = visit(speak.Handlers(services), CLIP)
    first = next(s for s in seen if "at-emotion" in s.get("verdict", ""))
    assert first["words"] == ""
    assert "From the voice alone" in first["verdict"]
    assert "Voice judged. Listening for words" in first["status"]
    assert "Type what was said" not in first["verdict"]
    assert page["words"] == TEXT
    assert "Heard in English" in page["panel"]
    assert "Words alone" in page["verdict"]
    assert "at-word-said" in page["details"]  # words at their own moments
    assert page["status"] == ""
    assert Heard.from_json(page["heard"], clip_key(CLIP)).step is Step.JUDGED


def analyse(handlers: Any, page: Page) -> list[Any]:
    """The visitor presses Analyse; and what follows."""
    shown = handlers.show(page["clip"], page["words"], page["heard"], True, VISITOR)
    seen = changed(page, shown)
    return seen + followed(handlers, page)


def test_typed_words_are_judged_at_once_and_then_placed_in_time(services: Services) -> None:
    handlers = speak.Handlers(services)
    page, seen = visit(handlers, CLIP, "I miss her")
    first = next(s for s in seen if "at-emotion" in s.get("verdict", ""))
    assert "Words alone" in first["verdict"]
    assert "at-wave" in first["details"]
    assert any("not known" in s["details"] for s in seen)
    assert "at-word-said" in page["details"]
    assert page["words"] == "I miss her"
    assert (page.get("panel", ""), page["status"]) == ("", "")
    assert not any("Listening" in s.get("status", "") for s in seen)
    again = analyse(handlers, page)
    assert all("not known" not in s["details"] for s in again)  # their times are kept


def test_what_the_answer_rests_on_comes_after_it(services: Services) -> None:
    page, seen = visit(speak.Handlers(services), CLIP)
    answered = next(i for i, s in enumerate(seen) if "Words alone" in s.get("verdict", ""))
    explained = next(i for i, s in enumerate(seen) if "Without “" in s["details"])
    assert answered < explained
    assert not any("at-effect" in s["details"] for s in seen[:answered])  # nobody waits for it
    assert "without each word" in page["details"]
    alone, _ = visit(speak.Handlers(services), CLIP, switch=False)
    assert "without each 1.3 s of the voice" in alone["details"]


def test_without_an_explanation_the_answer_stands(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(FakeModel, "occlusions", fail)
    page, _ = visit(speak.Handlers(services), CLIP)
    assert "Words alone" in page["verdict"]
    assert "at-wave" in page["details"]


def test_typed_words_are_stored_once(services: Services, monkeypatch: Any) -> None:
    stored = []
    monkeypatch.setattr(Atlases, "remember", lambda self, visit, analysis: stored.append(analysis))
    for module, clip in ((speak, CLIP), (face_voice, FILM)):
        visit(module.Handlers(services), clip, "I miss her")
    frameworks = [analysis.prediction.framework for analysis in stored]
    assert frameworks == ["mgcma", "foal_net", "mgcma"]


def test_typed_words_that_were_not_said_stand_nowhere(services: Services) -> None:
    page, _ = visit(speak.Handlers(services), CLIP, "Please leave")
    assert UNFIT in page["details"]
    assert "at-word-said" not in page["details"]
    assert "Words alone" in page["verdict"]


def test_words_changed_meanwhile_are_not_placed(services: Services) -> None:
    handlers = speak.Handlers(services)
    page: Page = {"clip": CLIP, "words": "I miss her", "heard": None}
    changed(page, handlers.show(CLIP, "I miss her", None, True, VISITOR))
    page["words"] = "I miss him"
    followed(handlers, page)
    assert "at-word-said" not in page["details"]
    assert page["words"] == "I miss him"


def test_corrected_words_are_placed_anew(services: Services) -> None:
    handlers = speak.Handlers(services)
    page, _ = visit(handlers, CLIP)
    page["words"] = "We won! Happy, happy days."
    seen = analyse(handlers, page)
    placed = [s["details"].count("at-word-said") for s in seen]
    assert 4 in placed  # one word was not heard
    assert placed[-1] == 5
    assert "Heard in English" in page["panel"]
    assert replaced("b.wav", page["words"], page["heard"])[1]["words"] == ""
    page["words"] = "We won! Happy, leave days."
    analyse(handlers, page)
    assert UNFIT not in page["details"]  # those that were heard have their times


def test_words_typed_meanwhile_stay(services: Services) -> None:
    handlers, page = speak.Handlers(services), {"clip": CLIP, "words": "", "heard": None}
    changed(page, handlers.show(CLIP, "", None, True, VISITOR))
    page["words"] = "I miss"
    followed(handlers, page)
    assert page["words"] == "I miss"
    assert KEPT in page["status"]
    assert "From the voice alone" in page["verdict"]


def test_a_switched_off_page_waits_for_typed_words(services: Services) -> None:
    page, _ = visit(speak.Handlers(services), CLIP, switch=False)
    assert (page["words"], page["heard"], page["status"]) == ("", None, "")
    assert "Type what was said" in page["verdict"]


def test_a_recording_without_words_keeps_the_voices_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Transcript("", "", 0.0, ())
    monkeypatch.setattr(FakeModel.transcriber, "transcribe", lambda *_, **__: nothing)
    page, _ = visit(speak.Handlers(services), CLIP)
    assert NO_WORDS in page["status"]
    assert (page["words"], page["panel"]) == ("", "")
    assert "From the voice alone" in page["verdict"]


def test_other_languages_are_judged_once_they_are_translated(
    services: Services, polish: str
) -> None:
    handlers = speak.Handlers(services)
    page, _ = visit(handlers, polish)
    assert "Heard in Polish" in page["panel"]
    assert FOREIGN.format(language="Polish").split("“")[0] in page["status"]
    assert page["translate"]["visible"]
    assert "From the voice alone" in page["verdict"]
    again = changed(dict(page), handlers.show(polish, page["words"], page["heard"], True, VISITOR))
    assert "From the voice alone" in again[-1]["verdict"]
    assert "The words are Polish" in again[-1]["status"]
    changed(page, handlers.words.translate(polish, page["heard"]))
    page |= handlers.words.write(polish, page["words"], page["heard"])
    changed(page, handlers.answer(polish, page["words"], page["heard"], VISITOR))
    assert page["words"] == "I am happy."
    assert "Heard in Polish, translated to English" in page["panel"]
    assert "Words alone" in page["verdict"]
    assert "not known" in page["details"]  # a translation has no times
    assert not page["translate"]["visible"]


def test_a_new_recording_replaces_heard_words_and_keeps_typed_ones() -> None:
    said = Transcript("We won today.", "en", 0.9, ())
    stored = Heard(clip_key("a.wav"), Step.SHOWN, said).to_json()
    for own in ("We won today.", "We won again today."):
        assert replaced("b.wav", own, stored)[0] == ""
        assert replaced("b.wav", own, stored)[1]["words"] == ""
        assert replaced("a.wav", own, stored) == (own, {})
        assert replaced(None, own, stored) == (own, {})
    kept, update = replaced("b.wav", "Leave me alone", stored)
    assert (kept, update["panel"]) == ("Leave me alone", "")
    assert "words" not in update


def test_edited_words_keep_their_times() -> None:
    said = Transcript("We won today.", "en", 0.9, ())
    stored = Heard(clip_key("a.wav"), Step.SHOWN, said).to_json()
    assert given("a.wav", "We won it today.", stored).transcript == said
    assert given("a.wav", "Leave me alone", stored).transcript is None
    assert given("b.wav", "We won today.", stored).transcript is None


def test_words_of_an_earlier_recording_come_too_late(services: Services) -> None:
    handlers = speak.Handlers(services)
    late = Heard(clip_key("other.wav"), Step.WRITTEN, Transcript("late", "en", 1.0, ()))
    assert handlers.words.listen(CLIP, Asked(late.clip).to_json()) == {}
    assert handlers.words.write(CLIP, "", late.to_json()) == {}
    shown = late.at(Step.SHOWN).to_json()
    assert list(handlers.answer(CLIP, "late", shown, VISITOR)) == [{}]


def test_late_words_do_not_stop_those_of_the_next_recording(services: Services) -> None:
    handlers = speak.Handlers(services)
    page: Page = {"clip": CLIP, "words": "", "heard": None}
    changed(page, handlers.show(CLIP, "", None, True, VISITOR))
    late = Heard(clip_key("other.wav"), Step.WRITTEN, Transcript("late", "en", 1.0, ()))
    page["heard"] = late.to_json()  # between the voice's answer and what follows it
    followed(handlers, page)
    assert page["words"] == TEXT


@pytest.mark.parametrize("translated", [False, True])
def test_words_on_their_way_into_the_box_are_removed_too(translated: bool) -> None:
    said = Transcript("Wygraliśmy.", "pl", 0.9, (), "We won.")
    way = Heard(clip_key("a.wav"), Step.WRITTEN, said, translated).to_json()
    own = said.text if translated else ""
    assert replaced("b.wav", own, way)[1]["words"] == ""
    assert "words" not in replaced("b.wav", "I miss her", {**way, "translated": False})[1]


def test_a_second_analysis_while_words_are_written_down(services: Services) -> None:
    handlers = speak.Handlers(services)
    page, _ = visit(handlers, CLIP)
    followed(handlers, page)  # of the second, which began before there were words
    assert page["words"] == TEXT
    assert "Heard in English" in page["panel"]
    assert "at-word-said" in page["details"]
    assert page["status"] == ""


def test_a_videos_words_are_judged_with_its_voice(services: Services) -> None:
    page, seen = visit(face_voice.Handlers(services), FILM)
    first = next(s for s in seen if "at-emotion" in s.get("verdict", ""))
    assert "Voice and face judged. Listening for words" in first["status"]
    assert first["companion"] == ""
    assert page["words"] == TEXT
    assert "does not see the face" in page["companion"]
    assert "Words alone" in page["companion"]
    assert "at-word-said" in page["spoken"]
    typed, _ = visit(face_voice.Handlers(services), FILM, "I miss her")
    assert typed["words"] == "I miss her"
    assert "Words alone" in typed["companion"]
    assert "at-word-said" in typed["spoken"]


def test_the_endpoint_gives_words_with_their_times(services: Services, polish: str) -> None:
    handlers = speak.Handlers(services)
    answer = handlers.transcribe(CLIP)
    assert (answer["text"], answer["language"], answer["error"]) == (TEXT, "en", None)
    assert [word["text"] for word in answer["words"]] == list(SAID)
    assert set(answer["words"][0]) == {"text", "start", "end", "probability"}
    assert handlers.transcribe(polish, True)["translation"] == "I am happy."
    assert handlers.transcribe(None)["error"]
