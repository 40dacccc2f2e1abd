// The state, and what is computed from it: positions, colours, frames.

const MORPH_MS = 1600, GLIDE_MS = 600, SETTLE_MS = 160, PAUSE_MS = 300, HIGHLIGHT_MS = 2400;

const NAME_PX = 40; // height of a map's name

const find = (selector) => element.querySelector(selector);
const root = find(".at-map"), stage = find(".at-map-stage"), plot = find(".at-map-plot");
const canvas = find(".at-map-canvas"), statusLine = find(".at-map-said"), slider = find(".at-map-slide input"), tip = find(".at-map-tip");
const panels = [...element.querySelectorAll(".at-map-panel")];
const axes = [...element.querySelectorAll(".at-map-axis")];
const names = [...element.querySelectorAll(".at-map-name")];
const rings = [...element.querySelectorAll(".at-map-ring")];
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

const state = {
  reference: null, view: null, theme: null, kind: null,
  stage: null, boxes: null, frame: null, t: 1, mode: "pan",
  hidden: { emotion: new Set(), modality: new Set() },
  layers: { joins: true, names: true, ellipses: false, density: false, trails: false },
  chosen: null, chosenClips: new Set(), pointed: null, pinched: false,
  display: "umap", control: false, // or linear, matrix; random vectors on the right
  points: [null, null], shown: null, stars: [[], []], places: [new Map(), new Map()], cells: [null, null], cell: null, linked: null,
  moving: null, roaming: false, settling: 0,
};
const attune = { frames: [], first: null };

// Screen readers read out what is written into an existing status region.
const announce = (words) => { statusLine.textContent = words; };

const shows = (group) => !state.hidden.emotion.has(group % state.reference.kinds)
  && !state.hidden.modality.has(group < state.reference.kinds ? 0 : 1);

const look = (side) => ({
  reference: state.reference, theme: state.theme, shows, chosen: state.chosen, layers: state.layers,
  size: state.boxes[0].w < 420 ? 5 : 6.5, extent: extent(), opacities: side === undefined ? null : opacities(side),
});

const readTheme = () => {
  const style = getComputedStyle(root), value = (name) => style.getPropertyValue(name).trim();
  const pairs = state.reference.colours[document.body.classList.contains("dark") ? "dark" : "light"];
  const hues = state.reference.emotions.map((name) => value(`--emotion-${name}`) || value("--emotion-other"));
  state.theme = {
    text: value("--at-text"), soft: value("--at-soft"), card: value("--at-card"), accent: value("--at-accent"),
    family: style.fontFamily, font: `700 13px ${style.fontFamily}`, small: `12px ${style.fontFamily}`,
    ramp: rampOf(value("--at-unlike"), value("--at-card"), value("--at-alike")),
    shades: [...pairs.map((pair) => pair[0]), ...pairs.map((pair) => pair[1])],
    outlines: [...pairs.map((pair) => pair[0]), ...hues], hues,
    inks: state.reference.emotions.map((name) => value(`--emotion-${name}-ink`) || value("--at-text")),
  };
};

const measure = () => {
  const boxOf = (panel) => ({ x: panel.offsetLeft, y: panel.offsetTop, w: panel.offsetWidth, h: panel.offsetHeight });
  state.stage = { w: stage.clientWidth, h: stage.clientHeight };
  state.boxes = panels.map(boxOf);
};

// A refit may exceed the common extent; then both extents are shown.
const extent = () => {
  if (state.display === "linear") return state.reference.views.linear.extent;
  const all = [state.reference, refitOf(0), refitOf(1), state.control && state.reference.control].filter(Boolean).map((one) => one.extent);
  return [0, 1, 2, 3].map((i) => (i < 2 ? Math.min : Math.max)(...all.map((one) => one[i])));
};

const titleOf = (map) => (document.body.classList.contains("at-papers") ? map.papers : map.title);

// The left side is the map before alignment unless another strategy was pinned there.
const strategyOf = (side) => {
  const { maps, before } = state.reference, { strategy, left } = state.view;
  if (side) return strategy;
  return maps[left] ? left : before;
};
const isPinned = () => strategyOf(0) !== state.reference.before;
const mapOf = (side) => (side && state.control ? state.reference.control : state.reference.maps[strategyOf(side)]);

const pointsOf = (side) => {
  const refit = refitOf(side);
  if (refit) return decode(refit.xy, refit.extent);
  return state.display === "linear" ? mapOf(side).linear : mapOf(side).xy;
};

// The stars of the visitor's clips on a strategy's map, one per half, in the colour of the category
// that the half alone is assigned; grey where it was not judged alone. `place(clip)` is modality
// → [x, y]. A clip changed in the lab has an `origin`, from where its trail leads to it.
const starsFrom = (place, strategy) => {
  const { reference, view, theme } = state, stars = [], shown = [0, 1].map(strategyOf);
  for (const visitor of view.visitors || []) {
    const points = place(visitor) || {}, emotions = shown.map((name) => visitor.emotion[name]);
    const origin = (visitor.origin && place(visitor.origin)) || {};
    const pair = reference.modalities.map((modality, m) => {
      if (!points[modality]) return null;
      const own = visitor.halves[strategy]?.[modality], group = reference.emotions.indexOf(own) + m * reference.kinds;
      const alone = shown.map((name) => visitor.halves[name]?.[modality]);
      const colour = reference.emotions.includes(own) ? theme.shades[group] : theme.soft;
      const [fill, edge] = visitor.changed ? [theme.card, colour] : [colour, theme.text];
      const { id, name, number, changed } = visitor;
      return { id, name, number, changed, m, modality, emotions, alone, fill, edge, now: points[modality], from: origin[modality] };
    });
    if (pair[0] && pair[1]) { pair[0].partner = pair[1]; pair[1].partner = pair[0]; }
    stars.push(...pair.filter(Boolean));
  }
  return stars;
};

const starsOn = (strategy) => starsFrom((v) => (state.display === "linear" ? v.linear : v.points)?.[strategy], strategy);
const starsOf = (side) => {
  if (side && state.control) return []; // clips have no place among random vectors
  const strategy = strategyOf(side), refit = refitOf(side);
  return refit ? starsFrom((v) => refit.points[v.id], strategy) : starsOn(strategy);
};
const keyOf = (star) => `${star.id} ${star.modality}`;
const startOf = (star) => `${keyOf(star)} from`; // of its trail

// Key → position, of stars and of where trails begin.
const starPlaces = (stars) => new Map(stars.flatMap((star) =>
  [[keyOf(star), star.now], ...(star.from ? [[startOf(star), star.from]] : [])]));

// Positions of all points and stars on one side; `showBetween` blends two of them on the right.
const positionsOn = (side) => ({
  points: pointsOf(side), stars: starPlaces(starsOf(side)), cells: mapOf(side).cells, places: placesOf(side),
});

const moveStars = (stars, starts, share) => {
  const between = (key, end) => {
    const start = starts.get(key);
    return start ? end.map((value, axis) => start[axis] + (value - start[axis]) * share) : end;
  };
  for (const star of stars) {
    star.now = between(keyOf(star), star.now);
    if (star.from) star.from = between(startOf(star), star.from);
  }
};

const showBetween = (from, to, share) => {
  if (state.shown?.length !== to.points.length) state.shown = new Float32Array(to.points.length);
  state.points[1] = blend(from.points, to.points, share, state.shown);
  state.stars[1] = starsOf(1);
  state.places[1] = blendPlaces(from.places || new Map(), to.places, share);
  moveStars(state.stars[1], from.stars, share);
  state.cells[1] = from.cells ? blend(from.cells, to.cells, share, new Float32Array(to.cells.length)) : to.cells;
};

// A copy of the positions on the right.
const snapshot = () => ({
  points: state.shown.slice(), stars: starPlaces(state.stars[1]), cells: state.cells[1], places: state.places[1],
});

const showMorph = () => { showBetween(positionsOn(0), positionsOn(1), state.t); };
