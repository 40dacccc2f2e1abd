// The frame, the tip, and the selection.

const setFrame = (frame) => {
  state.frame = frame;
  state.roaming = true;
  hideTip();
  settleSoon();
  paintNow();
};
let nextFrame = null; // the latest frame requested; at most one per repaint
const applyFrame = () => {
  if (!nextFrame) return;
  const newest = nextFrame;
  nextFrame = null;
  setFrame(newest);
};
const requestFrame = (frame) => {
  if (isMatrix()) return;
  if (!nextFrame) requestAnimationFrame(applyFrame);
  state.frame = nextFrame = frame;
};
const wholeFrame = () => whole(extent(), state.boxes[0], NAME_PX);
const home = () => requestFrame(wholeFrame());
const CLOSEST = 1 / 200, FARTHEST = 4; // of a frame's `unit`, relative to the whole map's
const move = {
  by: (dx, dy) => requestFrame({ ...state.frame, x: state.frame.x + dx * state.frame.unit, y: state.frame.y - dy * state.frame.unit }),
  zoom: (factor, at) => {
    const { x, y, unit } = state.frame;
    const box = state.boxes.find((b) => at && at.x >= b.x && at.x <= b.x + b.w && at.y >= b.y && at.y <= b.y + b.h);
    const [px, py] = box ? [at.x - box.x - box.w / 2, box.y + box.h / 2 - at.y] : [0, 0];
    const full = wholeFrame().unit, next = Math.min(Math.max(unit * factor, full * CLOSEST), full * FARTHEST);
    requestFrame({ x: x + px * (unit - next), y: y + py * (unit - next), unit: next });
  },
  home,
};
let hinting = 0;
const hint = (words) => {
  const note = find(".at-map-hint");
  if (note.hidden || note.textContent !== words) announce(words); // once, not for every wheel event
  note.textContent = words;
  note.hidden = false;
  clearTimeout(hinting);
  hinting = setTimeout(() => { note.hidden = true; }, HINT_MS);
};

let highlightTimer = 0;
const hideTip = () => {
  clearTimeout(highlightTimer);
  root.classList.remove("at-map-greeting");
  for (const part of [tip, ...rings]) part.hidden = true;
  tip.replaceChildren(); // its text is part of the maps' description
  state.pointed = state.cell = null;
};

// Draws a ring around one object on both sides; `at(side)` is its position. → its pixels
const encircle = (at) => [0, 1].map((side) => {
  const position = at(side), box = state.boxes[side], { x, y, unit } = state.frame, ring = rings[side];
  ring.hidden = true;
  if (!position) return null;
  const across = (position[0] - x) / unit, up = (position[1] - y) / unit;
  ring.hidden = Math.abs(across) > box.w / 2 || Math.abs(up) > box.h / 2;
  const spot = [box.x + box.w / 2 + across, box.y + box.h / 2 - up];
  ring.style.translate = `${spot[0]}px ${spot[1]}px`;
  return spot;
});

// Marks a new clip for a moment.
const highlightClip = (id) => {
  if (isMatrix()) return;
  const of = (side) => state.stars[side].find((star) => star.id === id)?.now;
  encircle(of);
  root.classList.add("at-map-greeting");
  highlightTimer = setTimeout(hideTip, HIGHLIGHT_MS);
};

// A target is { side, key } of a star or { side, item } of a point.
const starAt = (side, key) => state.stars[side].find((star) => keyOf(star) === key);
const placeOf = ({ key, item }, side) =>
  (key ? starAt(side, key)?.now : state.points[side].subarray(2 * item, 2 * item + 2));

const showTipAt = (lines, x, y) => {
  tip.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  tip.hidden = false;
  const left = Math.min(Math.max(x - tip.offsetWidth / 2, 4), state.stage.w - tip.offsetWidth - 4);
  tip.style.translate = `${left}px ${y - tip.offsetHeight - 16 < 0 ? y + 16 : y - tip.offsetHeight - 16}px`;
};

// Shows the tip, and rings on both sides. → the tip's lines
const pointAt = (target) => {
  const { side, key, item } = target;
  hideTip();
  state.pointed = target;
  const lines = key ? tipOfStar(state.reference, starAt(side, key), isPinned()) : tipOfPoint(state.reference, item, [mapOf(0), mapOf(1)], isPinned());
  showTipAt(lines, ...encircle((other) => placeOf(target, other))[side]);
  return lines;
};

const showTip = ({ points: [point] }) => {
  const { meta } = point.data;
  if (!meta || !atRest()) return;
  const { side, group } = meta, stars = state.stars[side];
  pointAt(meta.stars
    ? { side, key: keyOf(stars[point.pointNumber % stars.length]) }
    : { side, item: state.reference.groups[group][point.pointNumber] });
};

const reportSelection = () => {
  const bar = find(".at-map-chosen"), { count } = state.reference;
  const pairs = [...new Set([...(state.chosen || [])].map((item) => item % count))].sort((a, b) => a - b);
  const most = state.reference.chosen, few = pairs.length > most
    ? Array.from({ length: most }, (_, i) => pairs[Math.floor((i * pairs.length) / most)]) : pairs;
  bar.hidden = !state.chosen;
  bar.firstChild.textContent = state.chosen ? selectionText(state.chosen.size, pairs.length) : "";
  announce(bar.firstChild.textContent || "Nothing is selected.");
  clearTimeout(state.telling);
  const clips = [...state.chosenClips];
  state.telling = setTimeout(() => trigger("select", { pairs: few, count: pairs.length, clips }), 200);
};

const choose = (event) => {
  // Plotly also reports when we remove its outline, and a lasso that became a pinch.
  if (!event || drawing.busy || state.pinched) return;
  const items = new Set(), clips = new Set();
  for (const { data: { meta }, pointNumber } of event.points) {
    if (meta?.stars) clips.add(state.stars[meta.side][pointNumber % state.stars[meta.side].length].id);
    else if (meta) items.add(state.reference.groups[meta.group][pointNumber]);
  }
  state.chosen = items.size ? items : null;
  state.chosenClips = clips;
  reportSelection();
  settle();
};
const resetSelection = () => {
  clearTimeout(state.telling);
  state.chosen = null;
  state.chosenClips = new Set();
  find(".at-map-chosen").hidden = true;
};
const clear = () => {
  hideTip();
  if (isMatrix()) paintNow();
  if (!state.chosen) return;
  resetSelection();
  reportSelection();
  settle();
};
