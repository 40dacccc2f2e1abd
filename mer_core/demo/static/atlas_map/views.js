// Three views of the same points: UMAP, linear, matrix. Selection, stars and strategies stay.

const FAINTEST = 0.2, CLEAR = 0.4; // opacity of a dot without its neighbours; share of them for full opacity

const isMatrix = () => state.display === "matrix";

// A refitted map in place of the stored one, where maps are UMAP's.
const refitOf = (side) => {
  if (state.display === "linear" || (side && state.control)) return null;
  return (state.view.refit || {})[SIDES[side]] || null;
};

// Opacity of each dot: fainter where the map keeps few of its true neighbours; null for full.
const opacityCache = new WeakMap(); // of maps and refits
const opacities = (side) => {
  const map = refitOf(side) || mapOf(side);
  if (state.display !== "umap" || !map.preserved) return null;
  if (!opacityCache.has(map)) {
    const strength = (share) => FAINTEST + (1 - FAINTEST) * Math.min(1, share / CLEAR);
    opacityCache.set(map, fromShares(map.preserved, 0, 1).map(strength));
  }
  return opacityCache.get(map);
};

// Rows of the matrix that hold selected recordings.
const markedRows = () => new Set(Array.from(state.chosen || [], (item) => state.reference.matrix.rowOf[item]));

// The rows of the visitor's latest clips, on the right between both strategies.
const stripsOf = (side) => {
  if (side && state.control) return [];
  const { reference, view } = state, { range } = reference.matrix, last = [strategyOf(0), strategyOf(1)];
  return (view.visitors || []).filter(({ similar }) => similar).flatMap((visitor) =>
    reference.modalities.flatMap((modality, m) => {
      const [from, to] = last.map((name) => visitor.similar[name]?.[modality]);
      if (!from || !to) return [];
      const start = fromShares(from, ...range), share = side ? state.t : 0;
      const values = share ? blend(start, fromShares(to, ...range), share, new Float32Array(start.length)) : start;
      const star = state.stars[side].find(({ id, m: half }) => id === visitor.id && half === m);
      return [{ number: visitor.number, m, values, fill: star?.fill || state.theme.text }];
    }));
};

const paintMatrices = (pen) => {
  const seen = { ...look(), marked: markedRows(), cell: state.cell };
  for (const side of [0, 1]) paintMatrix(pen, state.boxes[side], state.cells[side], stripsOf(side), seen);
};

// What the axes of the linear view mean, at the edges of both maps.
const labelAxes = () => {
  const { views, nouns, emotions } = state.reference, { horizontal, vertical } = views.linear;
  const [left, right] = horizontal.map((m) => nouns[m].many), [low, high] = vertical.map((kind) => emotions[kind]);
  for (const label of axes) {
    label.hidden = state.display !== "linear";
    label.textContent = label.dataset.axis === "x" ? `← ${left} · ${right} →` : `← ${low} · ${high} →`;
  }
};

const fixed = (value) => value.toFixed(2).replace("-", "−");
const percentOf = (share) => `${Math.round(100 * share)} %`;
const closing = {
  umap: () => {
    const map = mapOf(1), refit = refitOf(1);
    return "Only closeness means something, the axes do not."
      + (opacities(1) ? " A dot is fainter where the map keeps few of its true neighbours: trust its place less." : "")
      + (refit ? "" : ` Trustworthiness of the right map: ${map.trustworthiness.toFixed(2)} of 1.`);
  },
  linear: () => {
    const { nouns } = state.reference, [left, right] = [mapOf(0), mapOf(1)].map((map) => percentOf(map.spread));
    return `This view bends nothing: it looks at the embeddings from one side. Across is the direction that tells ${nouns[0].many} from ${nouns[1].many}, `
      + "up the one at right angles to it that tells emotions apart best; both maps have the same unit, and your clips are exactly where they belong. "
      + `The two directions hold ${left} of the spread on the left and ${right} on the right.`;
  },
  matrix: () => {
    const { matrix, nouns } = state.reference, { strips } = matrix;
    return `Each cell is the mean cosine similarity of the recordings of its row and its column, about ${Math.round(state.reference.count / Math.max(matrix.size / 2, 1))} each, `
      + `sorted by emotion, then ${nouns[0].many} (circle) and ${nouns[1].many} (triangle), the most typical of a group first. `
      + `Rows hold the same recordings on both sides. ${stripsOf(0).length ? `The rows below are the halves of your latest clips, at most ${strips} of them. ` : ""}Click a cell to select its recordings.`;
  },
};
const CONTROL_WORDS = " The right side is the control: random vectors, as many and as wide as the embeddings, drawn in the same way. "
  + "It has the labels of the examples and no structure, so whatever seems to be there is chance.";

const writeCaption = () => {
  const words = isMatrix() ? "" : `${captionOf(state.reference)} `;
  find(".at-map-caption").textContent = words + closing[state.display]() + (state.control ? CONTROL_WORDS : "");
  const scale = find(".at-map-scale"), top = Math.max(...state.reference.matrix.range.map(Math.abs));
  scale.hidden = !isMatrix();
  [...scale.querySelectorAll("b")].forEach((tick, i) => { tick.textContent = fixed((i - 1) * top); });
};

// Positions in the new frame that look as the old ones did in the old frame.
const reframed = ({ points, stars }, old, frame) => {
  const move = ([x, y]) => [frame.x + ((x - old.x) / old.unit) * frame.unit, frame.y + ((y - old.y) / old.unit) * frame.unit];
  const moved = points.slice();
  for (let i = 0; i < moved.length; i += 2) [moved[i], moved[i + 1]] = move(moved.subarray(i, i + 2));
  return { points: moved, stars: new Map([...stars].map(([key, at]) => [key, move(at)])) };
};

// Alters what is shown; everything moves from where it was seen to where it now is.
const change = (alter, then = () => {}) => {
  const wasMatrix = isMatrix(), start = snapshot(), { frame } = state;
  const old = [0, 1].map((side) => ({ points: state.points[side].slice(), stars: starPlaces(state.stars[side]) }));
  stop();
  hideTip();
  alter();
  applySides();
  measure();
  state.frame = wholeFrame();
  if (wasMatrix && isMatrix()) { glide(start); return; }
  showMorph();
  if (wasMatrix || isMatrix() || reducedMotion.matches) {
    state.roaming = !isMatrix();
    paintNow();
    settle().then(then);
  } else slide(old.map((one) => reframed(one, frame, state.frame)), then);
};

// What is pointed at stays so; in the matrix, as the cell of its pair.
const showView = (display) => {
  if (!state.reference || display === state.display) return;
  const { reference: { count, matrix } } = state, target = state.pointed || state.linked;
  change(() => {
    state.display = root.dataset.view = display;
    labelAxes();
  }, () => {
    state.linked = null;
    if (!target) return;
    if (!isMatrix()) { pointAt(target); return; }
    if (target.key) return;
    const [row, column] = [target.item, (target.item + count) % (2 * count)].map((item) => matrix.rowOf[item]);
    pointAtCell({ side: target.side, row, column });
    state.linked = target;
  });
};

// Both sides from old positions to their own.
const slide = (starts, then) => {
  const end = snapshot(), left = positionsOn(0), between = new Float32Array(left.points.length);
  animate(GLIDE_MS, (share) => {
    state.roaming = true;
    showBetween(starts[1], end, ease(share));
    state.points[0] = share < 1 ? blend(starts[0].points, left.points, ease(share), between) : left.points;
    state.stars[0] = starsOf(0);
    state.places[0] = share < 1 ? new Map() : left.places; // they have no way between two views
    moveStars(state.stars[0], starts[0].stars, ease(share));
  }, then);
};

const toggleControl = () => {
  if (state.reference?.control) change(() => setControl(!state.control));
};
const setControl = (on) => {
  state.control = on;
  root.dataset.control = String(on);
  find(".at-map-control").setAttribute("aria-pressed", String(on));
};

const listenToViews = () => {
  for (const choice of element.querySelectorAll(".at-map-views input")) {
    choice.addEventListener("change", () => { if (choice.checked) showView(choice.value); });
  }
  find(".at-map-control").addEventListener("click", toggleControl);
};
