"""What tests of the interactive map read from it and do with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.demo.clip_ids import recorded

FIRST, SECOND, THIRD = (str(recorded(f"clip{number}")) for number in (1, 2, 3))  # stars' ids
READY = ".at-map[data-state=ready]"
LAST = "distribution+token+instance"
FRAME = "({ ...map.state.frame })"


def on_map(page: Any, script: str) -> Any:
    """The value of a JavaScript expression about `map`, the handle of the map's element."""
    return page.evaluate(
        f"(() => {{ const map = document.querySelector('.at-map').attune; return {script}; }})()"
    )


def published(page: Any, name: str) -> Any:
    value = page.get_attribute(".at-map", f"data-{name}")
    return json.loads(value) if name in ("t", "stars", "chosen") else value


def wait_for_rest(page: Any) -> None:
    """Wait until nothing moves and plotly has drawn everything."""
    page.wait_for_function(
        """() => {
            const map = document.querySelector(".at-map");
            return map?.attune && !map.attune.state.moving && !map.attune.state.settling
                && map.querySelector(".at-map-canvas").hidden;
        }"""
    )


def points(page: Any, side: int) -> np.ndarray:
    return np.array(on_map(page, f"map.points({side})")).reshape(-1, 2)


def drawn(page: Any, side: int) -> int:
    """Reference points that plotly shows on one side."""
    return int(
        page.evaluate(
            """(side) => document.querySelector(".at-map-plot").data
                .filter(({ meta, visible }) => meta && !meta.stars && meta.side === side && visible)
                .reduce((sum, one) => sum + one.x.length, 0)""",
            side,
        )
    )


def lasso(page: Any, side: str, share: float = 0.8) -> None:
    """Draw around the middle of a panel."""
    page.click("[data-mode=lasso]")
    panel = page.locator(f".at-map-panel[data-side={side}]")
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    dx, dy = share * box["width"] / 2, share * box["height"] / 2
    page.mouse.move(x - dx, y - dy)
    page.mouse.down()
    for across, up in ((dx, -dy), (dx, dy), (-dx, dy), (-dx, -dy)):
        page.mouse.move(x + across, y + up, steps=6)
    page.mouse.up()


def spot(page: Any, at: Any, side: int = 0) -> tuple[float, float]:
    """The pixels of a position on the map, in the window."""
    x, y = page.evaluate(
        """([at, side]) => {
            const { frame, boxes } = document.querySelector(".at-map").attune.state;
            const box = boxes[side];
            const stage = document.querySelector(".at-map-stage").getBoundingClientRect();
            return [stage.x + box.x + box.w / 2 + (at[0] - frame.x) / frame.unit,
                stage.y + box.y + box.h / 2 - (at[1] - frame.y) / frame.unit];
        }""",
        [list(map(float, at)), side],
    )
    return x, y


def middle(page: Any, side: str) -> tuple[float, float]:
    box = page.locator(f".at-map-panel[data-side={side}]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def expect_plotted_width(page: Any, width: float) -> None:
    """Wait until plotly shows a panel this wide, to a thousandth; a busy machine draws it late."""
    page.wait_for_function(
        """(width) => {
            const [x0, x1] = document.querySelector(".at-map-plot")._fullLayout.xaxis.range;
            return Math.abs((x1 - x0) / width - 1) < 1e-3;
        }""",
        arg=width,
    )


def plotted_width(page: Any) -> float:
    """Width of a panel in map units, according to plotly."""
    x0, x1 = page.evaluate("document.querySelector('.at-map-plot')._fullLayout.xaxis.range")
    return float(x1 - x0)
