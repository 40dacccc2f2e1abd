"""How the demo looks: the emotions' colours, gradio's theme, style sheets and scripts.

The emotions have the same colours as in figures (`atlas.export.palette`); pages use them as the CSS
variables `--emotion-NAME` (fills) and `--emotion-NAME-ink` (text, edges), which follow dark mode.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from mer_core.atlas.export.palette import EMOTION_COLOURS

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("page.js", "uploads.js", "words.js")

LIGHT_CARD, DARK_CARD = "#FFFFFF", "#1F1C24"
READABLE = 4.5  # contrast of text, WCAG 2.2 AA

PLUM = gr.themes.Color(
    name="plum", c50="#F7F3FA", c100="#EEE5F4", c200="#DCCBE8", c300="#C3A6D6", c400="#A57DC0",
    c500="#875BA6", c600="#6C4389", c700="#57366E", c800="#432A55", c900="#301E3D", c950="#1E1327",
)  # fmt: skip
PAPER = gr.themes.Color(
    name="paper", c50="#FBF9F6", c100="#F4F1EC", c200="#E7E2DA", c300="#D2CBC0", c400="#857D74",
    c500="#766F66", c600="#5A544D", c700="#3F3A41", c800="#29252E", c900="#1F1C24", c950="#151219",
)  # fmt: skip
# Of gradio's own controls, by the names of its theme.
THEME = {
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "body_text_color": "*neutral_900",
    "body_text_color_dark": "#EFEAE4",
    "body_text_color_subdued": "*neutral_500",
    "body_text_color_subdued_dark": "#B5ABB8",
    "block_radius": "14px",
    "block_background_fill": LIGHT_CARD,
    "block_background_fill_dark": DARK_CARD,
    "block_border_color": "*neutral_200",
    "block_border_color_dark": "*neutral_700",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_border_width": "0px",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "#CFC6D2",
    "block_label_text_weight": "600",
    "block_title_text_color": "*neutral_600",
    "block_title_text_color_dark": "#CFC6D2",
    "block_title_text_weight": "600",
    "block_info_text_color": "*neutral_500",
    "block_info_text_color_dark": "#B5ABB8",
    "input_background_fill": "*neutral_50",
    "input_background_fill_dark": "*neutral_950",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_700",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "#A59CA8",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_500",
    "button_primary_background_fill_hover_dark": "*primary_600",
    "button_primary_text_color": "white",
    "button_secondary_background_fill": "*neutral_100",
    "button_secondary_background_fill_hover": "*neutral_200",
    "button_secondary_background_fill_dark": "*neutral_800",
    "button_secondary_background_fill_hover_dark": "*neutral_700",
    "button_large_text_weight": "600",
}


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two `#RRGGBB` colours, 1 to 21."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def ink(fill: str, card: str) -> str:
    """`fill`, moved towards black or white until it is readable as text on `card`."""
    target = 0 if _luminance(card) > 0.18 else 255
    channels = _channels(fill)
    for step in range(101):
        mixed = tuple(round(c + (target - c) * step / 100) for c in channels)
        colour = "#{:02X}{:02X}{:02X}".format(*mixed)
        if contrast(colour, card) >= READABLE:
            return colour
    raise AssertionError("either black or white is readable on each card")


def emotion_variables() -> str:
    """The colours as CSS variables for light and dark."""
    return (
        f":root{{{_variables(LIGHT_CARD)}--at-card:{LIGHT_CARD};}}"
        f":root.dark,.dark{{{_variables(DARK_CARD)}--at-card:{DARK_CARD};}}"
    )


def build_theme() -> gr.themes.Base:
    """Gradio's own controls in our colours.

    The fonts come with gradio; of its sixteen, these two are among the few with a whole alphabet.
    """
    theme = gr.themes.Base(
        primary_hue=PLUM,
        secondary_hue=PLUM,
        neutral_hue=PAPER,
        radius_size=gr.themes.sizes.radius_lg,
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "monospace"],
    )
    return theme.set(**THEME)


def css() -> str:
    """The whole style sheet: the emotions' colours, then all files."""
    sheets = [STATIC / "style.css", *sorted((STATIC / "styles").glob("*.css"))]
    return emotion_variables() + "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def head() -> str:
    """Our own scripts and description for the page's head; nothing from other hosts."""
    scripts = [(STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS]
    terms = (STATIC / "terms.css").read_text(encoding="utf-8")
    return (
        '<meta name="description" content="Emotion recognition from voice, words and face">'
        f"<style>{terms}</style>" + "".join(f"<script>{script}</script>" for script in scripts)
    )


def waveform_options() -> gr.WaveformOptions:
    """The recorder's colours, and 16 kHz WAV from the browser."""
    return gr.WaveformOptions(
        waveform_color=PLUM.c300,
        waveform_progress_color=PLUM.c500,
        trim_region_color=PLUM.c400,
        sample_rate=16_000,
    )


def _variables(card: str) -> str:
    return "".join(
        f"--emotion-{name}:{fill};--emotion-{name}-ink:{ink(fill, card)};"
        for name, fill in EMOTION_COLOURS.items()
    )


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
