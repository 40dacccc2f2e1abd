// Words and marks above both maps, drawn on a canvas of their own, also while plotly draws the rest.

const overlay = find(".at-map-overlay");

const widths = new Map(); // of texts in a font
const textWidth = (pen, text) => {
  const key = `${pen.font} ${text}`;
  if (!widths.has(key)) widths.set(key, pen.measureText(text).width);
  return widths.get(key);
};

const overlap = ([a, b, c, d], [e, f, g, h]) => a < g && e < c && b < h && f < d;
const isInside = ([x, y], box) => x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h;

// The area of a text around a spot, moved sideways into its box.
const areaIn = (box, x, y, half, up) => {
  const middle = Math.min(Math.max(x, box.x + half), box.x + box.w - half);
  return [middle - half, y - up, middle + half, y + up];
};
const isFree = (area, box, taken) => area[1] > box.y && area[3] < box.y + box.h && !taken.some((other) => overlap(area, other));

// Texts are drawn once and then copied: outlines are slow to draw, and texts move with the maps.
const TEXT_HIGH = 26; // pixels, with its halo
const textSprites = new Map();
const textSprite = (font, text, colour, wide, high, ratio) => {
  const { card } = state.theme, key = [font, text, colour, card, ratio].join();
  if (!textSprites.has(key)) {
    const sprite = document.createElement("canvas"), pen = sprite.getContext("2d");
    sprite.width = Math.ceil(wide * ratio);
    sprite.height = Math.ceil(high * ratio);
    pen.scale(ratio, ratio);
    Object.assign(pen, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 5 });
    pen.strokeStyle = card;
    pen.strokeText(text, wide / 2, high / 2);
    pen.fillStyle = colour;
    pen.fillText(text, wide / 2, high / 2);
    textSprites.set(key, sprite);
  }
  return textSprites.get(key);
};

// Writes a text in the middle of an area, on a halo; on whole pixels of the screen, to be sharp.
const haloText = (pen, text, [left, top, right, bottom], colour) => {
  const x = (left + right) / 2, y = (top + bottom) / 2, ratio = pen.getTransform().a;
  attune.texts.at(-1).push({ text, at: [x, y] });
  const picture = textSprite(pen.font, text, colour, textWidth(pen, text) + 8, TEXT_HIGH, ratio);
  const [wide, high] = [picture.width / ratio, picture.height / ratio];
  const [across, down] = [x - wide / 2, y - high / 2].map((edge) => Math.round(edge * ratio) / ratio);
  pen.drawImage(picture, across, down, wide, high);
};

// The names of the maps lie above both canvases.
const pills = names.map(() => [0, 0]);
const pillSizes = new ResizeObserver((sizes) => {
  for (const { target, borderBoxSize: [{ inlineSize, blockSize }] } of sizes) pills[names.indexOf(target)] = [inlineSize, blockSize];
});
names.forEach((name) => pillSizes.observe(name));
const PILL_MARGIN = 12; // pixels, as in the style sheet

// What no text may cover: the map's name, and the stars with their numbers.
const takenOn = (side, box, toPixels) => {
  const [width, height] = pills[side], left = box.x + PILL_MARGIN, top = box.y + PILL_MARGIN;
  const stars = state.stars[side].map(({ now }) => {
    const [x, y] = toPixels(now);
    return [x - 11, y - 24, x + 11, y + 11];
  });
  return [[left, top, left + width, top + height], ...stars];
};

// How far the halves of a clip are apart, on the line that joins them, below or above: where it covers
// nothing. The first clip's, which is the chosen one's, stands in any case, another's only where there
// is room. On the way between two maps neither distance holds.
const paintApart = (pen, side, box, toPixels, taken) => {
  const stage = side === 0 || state.t === 0 ? 0 : state.t === 1 ? 1 : null, size = box.w < 420 ? 12 : 13;
  if (stage === null) return;
  pen.font = `600 ${size}px ${state.theme.family}`;
  Object.entries(state.view.story?.apart || {}).forEach(([id, told], rank) => {
    const star = state.stars[side].find((one) => one.id === id && !one.m), text = told[stage];
    if (!star?.partner || !text) return;
    const [[x0, y0], [x1, y1]] = [star.now, star.partner.now].map(toPixels);
    const on = (part) => [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part], middle = on(0.5);
    if (!isInside(middle, box)) return;
    const spots = [middle, on(0.35), on(0.65), [middle[0], Math.max(y0, y1) + 24], [middle[0], Math.min(y0, y1) - 36]];
    const half = textWidth(pen, text) / 2 + 4;
    const areas = spots.map(([x, y]) => areaIn(box, x, y, half, size)), free = (area) => isFree(area, box, taken);
    const area = areas.find(free) || (rank ? null : areas[0]);
    if (!area) return;
    taken.push(area);
    haloText(pen, text, area, state.theme.text);
  });
};

const paintOverlay = () => {
  if (!state.reference || !state.stage || !state.shown) return;
  const pen = scaledPen(overlay, state.stage.w, state.stage.h), { frame } = state;
  pen.clearRect(0, 0, state.stage.w, state.stage.h);
  attune.texts = []; // what stands on each side, for tests
  if (isMatrix()) return;
  state.boxes.forEach((box, side) => {
    const toPixels = ([x, y]) =>
      [box.x + box.w / 2 + (x - frame.x) / frame.unit, box.y + box.h / 2 - (y - frame.y) / frame.unit];
    attune.texts.push([]);
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.w, box.h);
    pen.clip();
    if (state.layers.trails) paintTrails(pen, side, toPixels);
    const taken = takenOn(side, box, toPixels);
    paintApart(pen, side, box, toPixels, taken);
    if (state.layers.names) paintNames(pen, side, box, toPixels, taken);
    pen.restore();
  });
};

// A font that arrives late has other widths and shapes than the one that stood in for it.
const fontsChanged = () => {
  if (!root.isConnected) { document.fonts.removeEventListener("loadingdone", fontsChanged); return; }
  widths.clear();
  textSprites.clear();
  paintOverlay();
};
document.fonts.addEventListener("loadingdone", fontsChanged);
