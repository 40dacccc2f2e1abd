// Moving about, pointing and choosing.

const setFrame = (frame) => {
  state.frame = frame;
  state.roaming = true;
  hideTip();
  settleSoon();
  paintNow();
};
let due = null; // the newest frame asked for; at most one a repaint
const takeFrame = () => {
  if (!due) return;
  const newest = due;
  due = null;
  setFrame(newest);
};
const askFrame = (frame) => {
  if (!due) requestAnimationFrame(takeFrame);
  state.frame = due = frame;
};
const wholeFrame = () => whole(extent(), state.boxes[0], NAME_PX);
const home = () => askFrame(wholeFrame());
const CLOSEST = 1 / 200, FARTHEST = 4; // units of a frame, in units of the whole
const move = {
  by: (dx, dy) => askFrame({ ...state.frame, x: state.frame.x + dx * state.frame.unit, y: state.frame.y - dy * state.frame.unit }),
  zoom: (factor, at) => {
    const { x, y, unit } = state.frame;
    const box = state.boxes.find((b) => at && at.x >= b.x && at.x <= b.x + b.w && at.y >= b.y && at.y <= b.y + b.h);
    const [px, py] = box ? [at.x - box.x - box.w / 2, box.y + box.h / 2 - at.y] : [0, 0];
    const full = wholeFrame().unit, next = Math.min(Math.max(unit * factor, full * CLOSEST), full * FARTHEST);
    askFrame({ x: x + px * (unit - next), y: y + py * (unit - next), unit: next });
  },
  home,
};
let hinting = 0;
const hint = (words) => {
  const note = find(".at-map-hint");
  if (note.hidden || note.textContent !== words) say(words); // once, not at every turn of the wheel
  note.textContent = words;
  note.hidden = false;
  clearTimeout(hinting);
  hinting = setTimeout(() => { note.hidden = true; }, HINT_MS);
};

let greeting = 0;
const hideTip = () => {
  clearTimeout(greeting);
  root.classList.remove("at-map-greeting");
  for (const shown of [tip, ...rings]) shown.hidden = true;
  tip.replaceChildren(); // it describes the maps as long as it says something
  state.pointed = null;
};

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
  greeting = setTimeout(hideTip, GREET_MS);
};

// What can be pointed at is { side, key } of a star or { side, item } of a point.
const starAt = (side, key) => state.stars[side].find((star) => keyOf(star) === key);
const placeOf = ({ key, item }, side) =>
  (key ? starAt(side, key)?.now : state.points[side].subarray(2 * item, 2 * item + 2));

// Show the tip, and rings on both sides. → what the tip says
const pointAt = (target) => {
  const { side, key, item } = target;
  hideTip();
  state.pointed = target;
  const lines = key ? tipOfStar(state.reference, starAt(side, key)) : tipOfPoint(state.reference, item, [mapOf(0), mapOf(1)]);
  tip.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  const spots = encircle((other) => placeOf(target, other));
  tip.hidden = false;
  const [x, y] = spots[side], left = Math.min(Math.max(x - tip.offsetWidth / 2, 4), state.stage.w - tip.offsetWidth - 4);
  tip.style.translate = `${left}px ${y - tip.offsetHeight - 16 < 0 ? y + 16 : y - tip.offsetHeight - 16}px`;
  return lines;
};

const showTip = ({ points: [point] }) => {
  const { meta } = point.data;
  if (!meta || !still()) return;
  const { side, group } = meta, stars = state.stars[side];
  pointAt(meta.stars
    ? { side, key: keyOf(stars[point.pointNumber % stars.length]) }
    : { side, item: state.reference.groups[group][point.pointNumber] });
};

const tell = () => {
  const bar = find(".at-map-chosen"), { count } = state.reference;
  const pairs = [...new Set([...(state.chosen || [])].map((item) => item % count))].sort((a, b) => a - b);
  const most = state.reference.chosen, few = pairs.length > most
    ? Array.from({ length: most }, (_, i) => pairs[Math.floor((i * pairs.length) / most)]) : pairs;
  bar.hidden = !state.chosen;
  bar.firstChild.textContent = state.chosen ? choiceOf(state.chosen.size, pairs.length) : "";
  say(bar.firstChild.textContent || "Nothing is chosen.");
  clearTimeout(state.telling);
  const clips = [...state.chosenClips];
  state.telling = setTimeout(() => trigger("select", { pairs: few, count: pairs.length, clips }), 200);
};

const choose = (event) => {
  // Plotly also reports that its outline is taken away by us, and the lasso that became a pinch.
  if (!event || drawing.busy || state.pinched) return;
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
const unchoose = () => {
  clearTimeout(state.telling);
  state.chosen = null;
  state.chosenClips = new Set();
  find(".at-map-chosen").hidden = true;
};
const clear = () => {
  hideTip();
  if (!state.chosen) return;
  unchoose();
  tell();
  settle();
};
