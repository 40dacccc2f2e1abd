// Applies what Python sends, listens to the visitor, and starts the map.

const drawGrid = () => grid.draw(starsOn, look(), state.display === "linear" ? extent() : state.reference.extent, state.display);

const applyReference = () => {
  state.reference = unpack(JSON.parse(JSON.stringify(props.reference)));
  applyView(); // the extent of the maps depends on it
  state.hidden = { emotion: new Set(), modality: new Set() };
  resetSelection(); // rows of one reference mean nothing in another
  setControl(false);
  state.linked = null;
  find(".at-map-control").hidden = !state.reference.control;
  hideTip();
  measure();
  restyle();
  state.frame = wholeFrame();
  grid.build(state.reference);
  labelAxes();
};

const restyle = () => {
  readTheme();
  legend(find(".at-map-legend"), state.reference, state.theme, state.hidden, settle);
};

const applyView = () => {
  const sent = props.view && JSON.parse(JSON.stringify(props.view)), maps = state.reference?.maps;
  if (sent && maps?.[sent.strategy]) state.view = sent;
  else if (maps && !maps[state.view?.strategy]) {
    state.view = { strategy: Object.keys(maps).at(-1), visitors: [], refit: {} };
  }
};

const applySides = () => {
  state.points[0] = pointsOf(0);
  state.stars[0] = starsOf(0);
  state.places[0] = placesOf(0);
  state.cells[0] = mapOf(0).cells;
  paintStory();
  writeCaption();
  grid.mark(state.view.strategy, isPinned() ? strategyOf(0) : null);
  drawGrid();
};

const idsOf = (view) => (view?.visitors || []).map((visitor) => visitor.id);

const changed = (properties) => {
  const start = state.shown && !properties.includes("reference") ? snapshot() : null, old = state.view;
  if (properties.includes("reference") && props.reference) applyReference();
  else applyView();
  if (!state.reference) return;
  const refitted = JSON.stringify(old?.refit) !== JSON.stringify(state.view.refit);
  const same = start && !refitted && old.strategy === state.view.strategy && old.left === state.view.left;
  if (!same) {
    state.t = 1;
    if (state.control) {
      setControl(false);
      if (start) state.frame = wholeFrame();
    }
  }
  if (start && refitted) state.frame = wholeFrame();
  applySides();
  if (same && root.classList.contains("at-map-playing")) return; // new clips move with the rest
  glide(start);
  const fresh = idsOf(state.view).find((id) => !idsOf(old).includes(id));
  if (start && fresh) highlightClip(fresh);
};

// Every choice of sides says what both of them show.
const showSides = (left, strategy) => trigger("click", { left, strategy });
const pin = (name) => showSides(strategyOf(0) === name ? state.reference.before : name, state.view.strategy);
const grid = multiples(find(".at-map-grid"), (strategy) => showSides(strategyOf(0), strategy), pin);

const listen = () => {
  listenToMouse(stage, move, () => state.mode === "pan" && !isMatrix());
  listenToWheel(stage, move, hint, isMatrix);
  listenToKeys(stage, () => (isMatrix() ? cursor : move), clear);
  listenToTouch(stage, move, () => state.mode !== "pan", (on) => { state.pinched = on; }, isMatrix);
  listenToViews();
  listenToCells();
  for (const button of element.querySelectorAll("[data-zoom]")) {
    const actions = { in: () => move.zoom(1 / 1.5), out: () => move.zoom(1.5), home };
    button.addEventListener("click", actions[button.dataset.zoom]);
  }
  const modes = [...element.querySelectorAll("[data-mode]")];
  for (const button of modes) {
    button.addEventListener("click", () => {
      root.dataset.mode = state.mode = button.dataset.mode;
      for (const other of modes) other.setAttribute("aria-pressed", String(other === button));
      if (state.kind) window.Plotly.relayout(plot, { dragmode: state.mode });
    });
  }
  for (const button of element.querySelectorAll("[data-layer]")) {
    button.addEventListener("click", () => {
      const on = (state.layers[button.dataset.layer] = !state.layers[button.dataset.layer]);
      button.setAttribute("aria-pressed", String(on));
      settle();
    });
  }
  find(".at-map-play").addEventListener("click", () => { if (state.reference) play(); });
  slider.addEventListener("input", () => {
    if (!state.reference) return;
    stop();
    hideTip();
    goTo(Number(slider.value));
    settleSoon();
    paintNow();
  });
  find(".at-map-swap").addEventListener("click", () => { if (state.reference) showSides(state.view.strategy, strategyOf(0)); });
  find(".at-map-chosen button").addEventListener("click", () => { clear(); stage.focus(); });
};

const resized = () => {
  if (!state.reference || !stage.clientWidth) return;
  const old = state.boxes[0].w;
  measure();
  state.frame = old
    ? { ...state.frame, unit: (state.frame.unit * old) / state.boxes[0].w }
    : wholeFrame();
  drawGrid();
  settle();
};

const watchPage = () => {
  const size = new ResizeObserver(([{ contentRect }]) => {
    const stacked = contentRect.width < 700;
    root.classList.toggle("at-map-stacked", stacked);
    if (state.stage && (state.stage.w !== stage.clientWidth || state.stage.h !== stage.clientHeight)) resized();
  });
  size.observe(root);
  const themed = new MutationObserver(() => {
    if (!root.isConnected) { themed.disconnect(); size.disconnect(); return; }
    if (!state.reference) return;
    restyle();
    changed([]);
  });
  themed.observe(document.body, { attributes: true, attributeFilter: ["class"] });
};

const start = async () => {
  root.classList.toggle("at-map-stacked", root.clientWidth < 700);
  listen();
  watchPage();
  changed(["reference"]);
  watch(["reference"], () => { changed(["reference"]); startPlot(); });
  watch(["view"], () => changed(["view"]));
  await startPlot();
};

// Phones drop WebGL in the background, and browsers where many pages use it: from then on plotly
// draws SVG. In the meantime both maps are on the canvas.
const loseWebGL = () => {
  if (state.kind !== "scattergl") return;
  state.kind = "scatter";
  state.roaming = true;
  paintNow();
  settle();
};

const startPlot = async () => {
  if (state.kind || !state.reference) return;
  root.dataset.state = "painted";
  try {
    await loadPlotly(props.plotly);
    if (state.kind) return;
    state.kind = hasWebGL() ? "scattergl" : "scatter";
    await drawPlot();
    plot.on("plotly_hover", showTip);
    plot.on("plotly_unhover", hideTip);
    plot.on("plotly_selected", choose);
    plot.on("plotly_doubleclick", () => { if (!state.pinched) clear(); });
    plot.on("plotly_webglcontextlost", loseWebGL);
    root.dataset.state = "ready";
    find(".at-map-failed").hidden = true;
  } catch (error) {
    state.kind = null;
    root.dataset.state = "failed";
    find(".at-map-failed").hidden = false;
    announce(find(".at-map-failed").textContent);
    console.warn("The map cannot be moved:", error);
  }
};

attune.positions = () => {
  const stars = {};
  SIDES.forEach((side, i) => {
    for (const { id, modality, now } of state.stars[i]) (((stars[id] ||= {})[side] ||= {})[modality] = now.map((v) => Math.round(v * 1e4) / 1e4));
  });
  return { strategy: state.view.strategy, t: state.t, stars };
};
// What a downloaded figure is to show.
attune.screen = () => ({
  lines: state.layers.joins, ellipses: state.layers.ellipses, density: state.layers.density,
  hidden: [...state.hidden.emotion].map((kind) => state.reference.emotions[kind])
    .concat([...state.hidden.modality].map((m) => state.reference.modalities[m])),
  chosen: [...(state.chosen || [])], extent: extent(),
});
attune.groups = (side) => state.reference.groups.map((rows) => rows.length ? spreadOf(state.points[side], rows) : null);
attune.points = (side) => Array.from(state.points[side]);
attune.trails = trailsNow;
attune.marked = () => [...markedRows()].sort((one, other) => one - other);
attune.strips = (side) => stripsOf(side).map((strip) => ({ ...strip, values: Array.from(strip.values) }));
attune.matrix = (side) => placeMatrix(state.boxes[side], stripsOf(side).length);
attune.state = state;
element.attune = root.attune = attune;
start();
