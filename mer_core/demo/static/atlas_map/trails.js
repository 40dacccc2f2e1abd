// Largest movers: their trails on the right map, and what a click in their list selects.

const movers = find(".at-map-movers");

const groupOf = (item) => {
  const { labels, count, kinds } = state.reference;
  return labels[item % count] + (item < count ? 0 : kinds);
};

// Where a trail starts and ends, its colour, and whether it is of the pair that is selected, if one
// is. Both maps have one frame.
const trailsNow = () => {
  const { points = [], halves = [] } = state.view.story?.trails || {}, trails = [];
  for (const item of points) {
    if (!shows(groupOf(item))) continue;
    const [from, to] = state.points.map((xy) => xy.subarray(2 * item, 2 * item + 2));
    const strong = !state.chosen || state.chosen.has(item);
    trails.push({ from, to, colour: state.theme.outlines[groupOf(item)], strong, short: 0 });
  }
  for (const key of halves) {
    const [from, to] = state.stars.map((stars) => stars.find((star) => keyOf(star) === key));
    if (from && to) trails.push({ from: from.now, to: to.now, colour: state.theme.text, strong: !state.chosen, short: 11 });
  }
  return trails;
};

// On the left a ring where each starts; on the right the way to where it is now.
const paintTrails = (pen, side, toPixels) => {
  const { theme } = state;
  pen.lineCap = "round";
  for (const { from, to, colour, strong, short } of trailsNow()) {
    const [x0, y0] = toPixels(from), [xt, yt] = toPixels(to), length = Math.hypot(xt - x0, yt - y0);
    pen.globalAlpha = strong ? 1 : 0.3;
    const stroke = (draw) => {
      for (const [style, width] of [[theme.card, 5], [colour, 2.4]]) {
        pen.strokeStyle = style;
        pen.lineWidth = width;
        pen.beginPath();
        draw();
        pen.stroke();
      }
    };
    stroke(() => pen.arc(x0, y0, 6, 0, 2 * Math.PI));
    if (!side || length < 14 + short) continue;
    const [ux, uy] = [(xt - x0) / length, (yt - y0) / length], [x1, y1] = [xt - short * ux, yt - short * uy];
    stroke(() => {
      pen.moveTo(x0 + 6 * ux, y0 + 6 * uy);
      pen.lineTo(x1, y1);
      for (const turn of [1, -1]) {
        pen.moveTo(x1, y1);
        pen.lineTo(x1 - 8 * ux + turn * 5 * uy, y1 - 8 * uy - turn * 5 * ux);
      }
    });
  }
  pen.globalAlpha = 1;
};

// A mover's pair is selected, or a clip's half is ringed; the maps move where it is not in view.
const selectMover = ({ point, clip, half }) => {
  const item = Number(point), { count } = state.reference;
  const target = clip ? { side: 1, key: `${clip} ${half}` } : { side: 1, item };
  const position = placeOf(target, 1);
  if (!position) return;
  if (!inView(position)) setFrame({ ...state.frame, x: position[0], y: position[1] });
  if (!clip) {
    state.chosen = new Set([item % count, (item % count) + count]);
    reportSelection();
    settle();
  }
  stage.scrollIntoView({ block: "nearest", behavior: reducedMotion.matches ? "auto" : "smooth" });
  hideTip();
  encircle((side) => placeOf(target, side));
};

movers.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) selectMover(button.dataset);
});
// The event does not bubble; it also comes when the page unfolds a new list.
movers.addEventListener("toggle", ({ target }) => {
  state.layers.trails = target.open;
  paintOverlay();
}, true);
