// Moving about, pointing and choosing.

const setFrame = (frame) => {
  state.frame = frame;
  state.roaming = true;
  hideTip();
  settleSoon();
  paintNow();
};
let due = null; // the newest frame asked for; at most one a repaint
const askFrame = (frame) => {
  if (!due) requestAnimationFrame(() => { const newest = due; due = null; setFrame(newest); });
  state.frame = due = frame;
};
const home = () => askFrame(whole(extent(), state.boxes[0], NAME_PX));
const move = {
  by: (dx, dy) => askFrame({ ...state.frame, x: state.frame.x + dx * state.frame.unit, y: state.frame.y - dy * state.frame.unit }),
  zoom: (factor, at) => {
    const { x, y, unit } = state.frame;
    const box = state.boxes.find((b) => at && at.x >= b.x && at.x <= b.x + b.w && at.y >= b.y && at.y <= b.y + b.h);
    const [px, py] = box ? [at.x - box.x - box.w / 2, box.y + box.h / 2 - at.y] : [0, 0];
    askFrame({ x: x + px * unit * (1 - factor), y: y + py * unit * (1 - factor), unit: unit * factor });
  },
  home,
};
let hinting = 0;
const hint = (said) => {
  const note = find(".at-map-hint");
  note.textContent = said;
  note.hidden = false;
  clearTimeout(hinting);
  hinting = setTimeout(() => { note.hidden = true; }, HINT_MS);
};

const hideTip = () => { for (const shown of [tip, ...rings]) shown.hidden = true; };

// A ring around the same thing on both sides; `at(side)` is where it is on the map. → pixels
const encircle = (at) => [0, 1].map((side) => {
  const place = at(side), box = state.boxes[side], { x, y, unit } = state.frame, ring = rings[side];
  ring.hidden = true;
  if (!place) return null;
  const across = (place[0] - x) / unit, up = (place[1] - y) / unit;
  ring.hidden = Math.abs(across) > box.w / 2 || Math.abs(up) > box.h / 2;
  const spot = [box.x + box.w / 2 + across, box.y + box.h / 2 - up];
  ring.style.translate = `${spot[0]}px ${spot[1]}px`;
  return spot;
});

// A clip that has just come is pointed at for a moment.
const greet = (id) => {
  const of = (side) => state.stars[side].find((star) => star.id === id)?.now;
  encircle(of);
  root.classList.add("at-map-greeting");
  setTimeout(() => { root.classList.remove("at-map-greeting"); hideTip(); }, GREET_MS);
};

const showTip = ({ points: [point] }) => {
  const { meta } = point.data;
  if (!meta || !still()) return;
  const stars = state.stars[meta.side], star = meta.stars ? stars[point.pointNumber % stars.length] : null;
  const item = star ? null : state.reference.groups[meta.group][point.pointNumber];
  const lines = star ? tipOfStar(state.reference, star) : tipOfPoint(state.reference, item, [mapOf(0), mapOf(1)]);
  tip.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  const spots = encircle((side) => (star
    ? state.stars[side].find((other) => keyOf(other) === keyOf(star))?.now
    : state.points[side].subarray(2 * item, 2 * item + 2)));
  tip.hidden = false;
  const [x, y] = spots[meta.side], left = Math.min(Math.max(x - tip.offsetWidth / 2, 4), state.stage.w - tip.offsetWidth - 4);
  tip.style.translate = `${left}px ${y - tip.offsetHeight - 16 < 0 ? y + 16 : y - tip.offsetHeight - 16}px`;
};

const tell = () => {
  const bar = find(".at-map-chosen"), { count } = state.reference;
  const pairs = [...new Set([...(state.chosen || [])].map((item) => item % count))].sort((a, b) => a - b);
  const most = state.reference.chosen, few = pairs.length > most
    ? Array.from({ length: most }, (_, i) => pairs[Math.floor((i * pairs.length) / most)]) : pairs;
  bar.hidden = !state.chosen;
  bar.firstChild.textContent = state.chosen ? `${state.chosen.size} points of ${pairs.length} pairs are chosen, on both maps.` : "";
  clearTimeout(state.telling);
  const clips = [...(state.chosenClips || [])];
  state.telling = setTimeout(() => trigger("select", { pairs: few, count: pairs.length, clips }), 200);
};

const choose = (event) => {
  if (!event || drawing.busy) return; // plotly also reports that its outline is taken away by us
  const items = new Set(), clips = new Set();
  for (const { data: { meta }, pointNumber } of event.points) {
    if (meta?.stars) clips.add(state.stars[meta.side][pointNumber % state.stars[meta.side].length].id);
    else if (meta) items.add(state.reference.groups[meta.group][pointNumber]);
  }
  state.chosen = items.size ? items : null;
  state.chosenClips = clips;
  tell();
  settle();
};
const clear = () => {
  if (!state.chosen) return;
  state.chosen = null;
  state.chosenClips = new Set();
  tell();
  settle();
};
