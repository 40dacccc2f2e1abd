// Draws with plotly, or on the canvas above it, and publishes the state as data attributes.

const atRest = () => root.dataset.state === "ready" && !state.moving && !state.settling;

const paintSide = (pen, side) =>
  paint(pen, state.boxes[side], state.frame, state.points[side], state.stars[side], look(side));

// Matrices; or both sides while plotly is missing or late, else only the right side, above plotly.
const paintNow = () => {
  const pen = scaledPen(canvas, state.stage.w, state.stage.h);
  pen.clearRect(0, 0, state.stage.w, state.stage.h);
  if (isMatrix()) paintMatrices(pen);
  else {
    if (!state.kind || state.roaming) paintSide(pen, 0);
    paintSide(pen, 1);
  }
  paintOverlay();
  canvas.hidden = false;
  if (state.kind && !isMatrix()) {
    const { x, y } = state.boxes[1];
    root.classList.add("at-map-moving");
    root.classList.toggle("at-map-roaming", state.roaming);
    plot.style.setProperty("--at-map-kept", `inset(0 ${x ? state.stage.w - x : 0}px ${y ? state.stage.h - y : 0}px 0)`);
  }
  attune.first ??= performance.now();
};

const drawing = { busy: false, again: false };
const drawPlot = async () => {
  if (!state.kind || isMatrix()) { paintNow(); return; }
  if (drawing.busy) { drawing.again = true; return; }
  drawing.busy = true;
  paintOverlay();
  const traces = [0, 1].flatMap((side) => sideTraces(side, state.points[side], state.stars[side], look(side), state.kind));
  const layout = layoutOf(state.stage, state.boxes, state.frame, state.mode, state.theme);
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const settings = { scrollZoom: false, displayModeBar: false, doubleClick: false, responsive: false, plotGlPixelRatio: ratio };
  try {
    await window.Plotly.react(plot, traces, layout, settings);
  } finally {
    drawing.busy = false;
  }
  if (drawing.again) { drawing.again = false; await drawPlot(); return; }
  if (!state.moving && !state.settling && !isMatrix()) {
    state.roaming = false;
    canvas.hidden = true;
    root.classList.remove("at-map-moving", "at-map-roaming");
  }
};

const publish = () => {
  root.dataset.strategy = state.view.strategy;
  root.dataset.left = strategyOf(0);
  root.dataset.t = state.t.toFixed(2);
  root.dataset.stars = JSON.stringify(attune.positions().stars);
  root.dataset.chosen = String(state.chosen ? state.chosen.size : 0);
  slider.value = String(state.t);
  const percent = Math.round(100 * state.t);
  const [left, right] = isPinned() ? ["Left", "Right"] : ["Before", "After"];
  slider.setAttribute("aria-valuetext", percent === 0 ? left.toLowerCase() : percent === 100 ? right.toLowerCase() : `${percent} % of the way`);
  slider.previousElementSibling.textContent = left;
  slider.nextElementSibling.textContent = right;
  slider.style.setProperty("--at-map-share", `${percent}%`);
  SIDES.forEach((side, i) => {
    const refit = refitOf(i);
    names[i].lastChild.textContent = titleOf(mapOf(i)) + (refit ? `, ${refit.title}` : "");
  });
  names[0].firstChild.textContent = left;
  names[1].firstChild.textContent = percent < 100 ? `${percent} % of the way to` : state.control ? "Control" : right;
};

const settle = async () => {
  state.settling = 0;
  publish();
  await drawPlot();
};
const settleSoon = () => {
  clearTimeout(state.settling);
  state.settling = setTimeout(settle, SETTLE_MS);
};
