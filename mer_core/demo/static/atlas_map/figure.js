// The plotly figure: two subplots with matching axes, and their traces.

const SIDES = ["before", "after"];

// Loads plotly.js from this server; several maps on a page share one request.
const loadPlotly = (path) => {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  const config = window.gradio_config || {};
  const address = (config.root || "") + (config.api_prefix || "/gradio_api") + "/file=" + path;
  window.attunePlotly ||= new Promise((done, failed) => {
    const tag = document.createElement("script");
    tag.src = address;
    tag.async = true;
    const fail = (reason) => { window.attunePlotly = null; failed(new Error(reason)); };
    tag.onload = () => (window.Plotly ? done(window.Plotly) : fail("empty"));
    tag.onerror = () => fail("unreachable");
    document.head.append(tag);
  });
  return window.attunePlotly;
};

// Whether plotly can draw points with WebGL here; otherwise it uses SVG.
const hasWebGL = () => {
  try {
    const gl = document.createElement("canvas").getContext("webgl");
    const supported = gl && gl.getExtension("OES_element_index_uint") && gl.getExtension("ANGLE_instanced_arrays");
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(supported);
  } catch {
    return false;
  }
};

// All traces of one side; `look` is as in `paint`.
const sideTraces = (side, points, stars, look, kind) => {
  const axes = side ? { xaxis: "x2", yaxis: "y2" } : { xaxis: "x", yaxis: "y" };
  const quiet = { ...axes, type: "scatter", hoverinfo: "skip", showlegend: false, unselected: { marker: { opacity: 1 } } };
  return [
    ...pointTraces(side, points, look, { ...axes, type: kind, showlegend: false }),
    pairTrace(points, look, { ...quiet, type: kind }),
    ...densityTraces(points, look, quiet),
    ...ellipseTraces(points, look, quiet),
    ...centroidTraces(points, look, quiet),
    ...changeTraces(stars, look, quiet),
    ...starTraces(side, stars, look, quiet),
  ];
};

const pointTraces = (side, points, { reference, theme, size, shows, chosen, layers, opacities: each }, shared) =>
  reference.groups.map((rows, group) => ({
    ...shared,
    mode: "markers",
    meta: { side, group },
    x: column(points, rows, 0),
    y: column(points, rows, 1),
    visible: shows(group) && rows.length > 0,
    hoverinfo: "none",
    marker: { size, color: theme.shades[group], symbol: SIGNS[group < reference.kinds ? 0 : 1], opacity: each ? rows.map((row) => each[row] * opacityOf(layers)) : opacityOf(layers), line: { width: 0 } },
    selectedpoints: chosen ? rows.flatMap((row, i) => (chosen.has(row) ? [i] : [])) : null,
    selected: { marker: { opacity: 1 } },
    unselected: { marker: { opacity: FADED } },
  }));

const pairTrace = (points, { reference, theme, shows, layers }, shared) => {
  const visible = layers.joins && reference.pairing === "natural", x = [], y = [];
  for (let pair = 0; visible && pair < reference.count; pair++) {
    const label = reference.labels[pair], other = 2 * (pair + reference.count);
    if (!shows(label) || !shows(label + reference.kinds)) continue;
    x.push(points[2 * pair], points[other], null);
    y.push(points[2 * pair + 1], points[other + 1], null);
  }
  return { ...shared, mode: "lines", hoverinfo: "skip", visible, x, y, connectgaps: false, line: { color: theme.soft, width: 0.6 }, opacity: 0.3 };
};

const densityTraces = (points, { reference, theme, shows, layers, extent }, shared) =>
  Array.from({ length: reference.kinds }, (_, kind) => {
    const rows = rowsOf(kind, reference, shows);
    if (!layers.density || !rows.length) return { ...shared, type: "contour", visible: false, z: [[0]] };
    return {
      ...shared,
      ...densityOf(points, rows, extent),
      type: "contour",
      visible: true,
      showscale: false,
      autocontour: false,
      contours: { coloring: "none", start: LEVELS[0], end: LEVELS.at(-1), size: LEVELS[1] - LEVELS[0] },
      line: { color: theme.hues[kind], width: 1.6, smoothing: 1 },
    };
  });

const ellipseTraces = (points, { reference, theme, shows, layers }, shared) =>
  reference.groups.map((rows, group) => {
    const visible = layers.ellipses && shows(group) && rows.length >= 3;
    const [x, y] = visible ? outlineOf(spreadOf(points, rows)) : [[], []];
    const dash = group < reference.kinds ? "solid" : "6px,4px";
    return { ...shared, mode: "lines", visible, x, y, line: { color: theme.outlines[group], width: 2.4, dash } };
  });

const centroidTraces = (points, { reference, theme, shows, layers }, shared) =>
  Array.from({ length: reference.kinds }, (_, kind) => {
    const ends = [kind, kind + reference.kinds].filter((group) => shows(group) && reference.groups[group].length);
    const visible = layers.joins && reference.pairing !== "natural" && ends.length === 2;
    const at = visible ? ends.map((group) => average(points, reference.groups[group])) : [];
    const color = ends.map((group) => theme.shades[group]);
    return {
      ...shared, mode: "lines+markers", visible, x: at.map(([x]) => x), y: at.map(([, y]) => y),
      line: { color: theme.hues[kind], width: 2.5 },
      marker: { size: 12, color, symbol: SIGNS, opacity: 1, line: { color: theme.text, width: 1.6 } },
    };
  });

const starTraces = (side, stars, { theme }, shared) => {
  const xs = stars.map((star) => star.now[0]), ys = stars.map((star) => star.now[1]);
  const joined = stars.filter((star) => !star.m && star.partner);
  const twice = (first, second) => [...stars.map(first), ...stars.map(second)];
  return [
    {
      ...shared, mode: "lines", visible: joined.length > 0, line: { color: theme.text, width: 2 },
      x: joined.flatMap((star) => [star.now[0], star.partner.now[0], null]),
      y: joined.flatMap((star) => [star.now[1], star.partner.now[1], null]),
    },
    {
      ...shared, mode: "markers+text", meta: { side, stars: true }, hoverinfo: "none", cliponaxis: true,
      visible: stars.length > 0, x: [...xs, ...xs], y: [...ys, ...ys],
      text: twice(() => "", (star) => (star.m && star.partner ? "" : star.number)), textposition: "top center",
      textfont: { color: theme.text, size: 13, weight: 700 },
      marker: { // each star is drawn above a larger one in the card's colour
        symbol: "star", opacity: 1, size: twice(() => 24.3, () => 18),
        color: twice(() => theme.card, (star) => star.fill),
        line: { color: twice(() => theme.card, (star) => star.edge), width: 1.5 },
      },
    },
  ];
};

const layoutOf = (stage, boxes, frame, mode, theme) => {
  const layout = {
    width: stage.w, height: stage.h, margin: { l: 0, r: 0, t: 0, b: 0 }, autosize: false,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: theme.family },
    showlegend: false, hovermode: "closest", hoverdistance: 14, dragmode: mode, selections: [],
    newselection: { line: { color: theme.accent, width: 2, dash: "4px,3px" } },
  };
  boxes.forEach((box, side) => {
    const n = side ? "2" : "";
    const shared = { visible: false, zeroline: false, showgrid: false, autorange: false };
    layout["xaxis" + n] = {
      ...shared, anchor: "y" + n, domain: [box.x / stage.w, (box.x + box.w) / stage.w],
      range: [frame.x - (box.w / 2) * frame.unit, frame.x + (box.w / 2) * frame.unit],
    };
    layout["yaxis" + n] = {
      ...shared, anchor: "x" + n, domain: [1 - (box.y + box.h) / stage.h, 1 - box.y / stage.h],
      range: [frame.y - (box.h / 2) * frame.unit, frame.y + (box.h / 2) * frame.unit],
    };
    if (side) Object.assign(layout.xaxis2, { matches: "x" }) && Object.assign(layout.yaxis2, { matches: "y" });
  });
  return layout;
};
