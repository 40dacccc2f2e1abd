// A small map of every strategy: a button that shows it on the right, and one that pins it on the left.

const PIN = '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M7 3h6l-1 6 3 3H5l3-3zM10 12v6"/></svg>';

const multiples = (grid, choose, pin) => {
  let cells = [];

  const build = (reference) => {
    grid.replaceChildren();
    cells = Object.entries(reference.maps).map(([name, map]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.strategy = name;
      const canvas = document.createElement("canvas");
      const title = document.createElement("span");
      button.append(canvas, title);
      button.addEventListener("click", () => choose(name));
      const pinned = document.createElement("button");
      pinned.type = "button";
      pinned.dataset.pin = name;
      pinned.innerHTML = PIN;
      pinned.addEventListener("click", () => pin(name));
      const cell = document.createElement("div");
      cell.append(button, pinned);
      grid.append(cell);
      return { name, map, button, pinned, canvas, title };
    });
  };

  const draw = (starsOf, look, extent, display) => {
    for (const { name, map, canvas } of cells) {
      const box = { x: 0, y: 0, w: canvas.clientWidth, h: canvas.clientHeight };
      if (!box.w) continue;
      const pen = scaledPen(canvas, box.w, box.h);
      pen.clearRect(0, 0, box.w, box.h);
      const small = { ...look, size: 2.6, small: true, chosen: null, layers: {} };
      if (display === "matrix") paintMatrix(pen, box, map.cells, [], small);
      else paint(pen, box, whole(extent, box), display === "linear" ? map.linear : map.xy, starsOf(name), small);
    }
  };

  const mark = (strategy, left) => {
    for (const { name, map, button, pinned, title } of cells) {
      title.textContent = titleOf(map);
      button.setAttribute("aria-label", `Show ${titleOf(map)} on the right`);
      button.setAttribute("aria-pressed", String(name === strategy));
      pinned.title = `Pin ${titleOf(map)} on the left, to compare with it`;
      pinned.setAttribute("aria-label", pinned.title);
      pinned.setAttribute("aria-pressed", String(name === left));
    }
  };
  return { build, draw, mark };
};

// The frame that shows a whole extent in a box, below `top` pixels that are in use.
const whole = ([x0, y0, x1, y1], box, top = 0) => {
  const unit = 1.08 * Math.max((x1 - x0) / box.w, (y1 - y0) / (box.h - top), 1e-9);
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2 + (top / 2) * unit, unit };
};
