"""The options of `python app.py` and `attune demo`."""

from __future__ import annotations

import pytest

from mer_core.demo.command import parse


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7000")
    assert (parse([]).host, parse([]).port) == ("0.0.0.0", 7000)
    flags = parse(["--host", "127.0.0.1", "--port", "7001"])
    assert (flags.host, flags.port) == ("127.0.0.1", 7001)


def test_without_flags_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    options = parse([])
    assert (options.host, options.port, options.share) == ("127.0.0.1", None, False)
    assert (options.model, options.device) == (None, "auto")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "0"], "1 to 65535"),
        (["--port", "many"], "1 to 65535"),
        (["--model", "./no/such/folder"], "no folder"),
        (["--colour", "red"], "unrecognized"),
    ],
)
def test_wrong_flags_are_explained(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_wrong_port_in_the_environment_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "web")
    with pytest.raises(SystemExit):
        parse([])
    assert "1 to 65535" in capsys.readouterr().err
