// A small map of every strategy, each a button that shows it.

const multiples = (grid, choose) => {
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
      grid.append(button);
      return { name, map, button, canvas, title };
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

  const mark = (strategy) => {
    for (const { name, map, button, title } of cells) {
      title.textContent = titleOf(map);
      button.setAttribute("aria-label", `Show ${titleOf(map)} as the map after alignment`);
      button.setAttribute("aria-pressed", String(name === strategy));
    }
  };
  return { build, draw, mark };
};

// The frame that shows a whole extent in a box, below `top` pixels that are in use.
const whole = ([x0, y0, x1, y1], box, top = 0) => {
  const unit = 1.08 * Math.max((x1 - x0) / box.w, (y1 - y0) / (box.h - top), 1e-9);
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2 + (top / 2) * unit, unit };
};
