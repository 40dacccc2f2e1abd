// Draws maps on a canvas: until plotly has loaded, while points move, and as small multiples.

const SIGNS = ["circle", "triangle-up"]; // leading, partner; plotly's names
const OPACITY = 0.82, BEHIND = 0.38, FADED = 0.08; // of dots: alone, below outlines, not selected

const opacityOf = (layers) => (layers.ellipses || layers.density ? BEHIND : OPACITY);

// The same shapes as plotly's symbols, so that nothing jumps when plotly draws.
const symbolPath = (pen, sign, x, y, radius) => {
  pen.beginPath();
  if (sign === "circle") pen.arc(x, y, radius, 0, 2 * Math.PI);
  else if (sign === "star") {
    for (let i = 0; i < 10; i++) {
      const long = radius * 1.4 * (i % 2 ? 0.382 : 1), angle = (i * Math.PI) / 5;
      pen[i ? "lineTo" : "moveTo"](x + long * Math.sin(angle), y - long * Math.cos(angle));
    }
  } else {
    const half = (radius * 2) / Math.sqrt(3);
    pen.moveTo(x - half, y + radius / 2);
    pen.lineTo(x + half, y + radius / 2);
    pen.lineTo(x, y - radius);
  }
  pen.closePath();
};

const sprites = new Map(); // cached pictures of one dot
const sprite = (colour, sign, size, ratio) => {
  const key = [colour, sign, size, ratio].join();
  if (!sprites.has(key)) {
    const dot = document.createElement("canvas");
    dot.width = dot.height = Math.ceil((size + 2) * ratio);
    const pen = dot.getContext("2d");
    pen.scale(ratio, ratio);
    pen.fillStyle = colour;
    symbolPath(pen, sign, dot.width / ratio / 2, dot.width / ratio / 2, size / 2);
    pen.fill();
    sprites.set(key, dot);
  }
  return sprites.get(key);
};

// The context of a canvas with the screen's pixels, to be drawn on in the page's.
const scaledPen = (canvas, width, height) => {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
};

// Draws one map into `box` (pixels); `frame` is its centre `x`, `y` and `unit`, map units per pixel.
const paint = (pen, box, frame, points, stars, look) => {
  const { reference, theme, size, shows, chosen, layers, opacities: each } = look;
  const px = (x) => box.x + box.w / 2 + (x - frame.x) / frame.unit;
  const py = (y) => box.y + box.h / 2 - (y - frame.y) / frame.unit;
  const ratio = pen.getTransform().a;
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.w, box.h);
  pen.clip();
  pen.lineJoin = "round";
  if (layers.joins && reference.pairing === "natural") naturalLines(pen, look, points, px, py);
  reference.groups.forEach((rows, group) => {
    if (!shows(group)) return;
    const dot = sprite(theme.shades[group], SIGNS[group < reference.kinds ? 0 : 1], size, ratio);
    const wide = dot.width / ratio;
    for (const row of rows) {
      pen.globalAlpha = chosen ? (chosen.has(row) ? 1 : FADED) : opacityOf(layers) * (each ? each[row] : 1);
      pen.drawImage(dot, px(points[2 * row]) - wide / 2, py(points[2 * row + 1]) - wide / 2, wide, wide);
    }
  });
  pen.globalAlpha = 1;
  if (layers.density) densities(pen, look, points, px, py);
  if (layers.ellipses) ellipses(pen, look, points, px, py);
  if (layers.joins && reference.pairing !== "natural") centroidLines(pen, look, points, px, py);
  paintChanges(pen, stars, look, px, py);
  paintStars(pen, stars, look, px, py);
  pen.restore();
};

const naturalLines = (pen, { reference, theme, shows }, points, px, py) => {
  pen.strokeStyle = theme.soft;
  pen.globalAlpha = 0.22;
  pen.lineWidth = 0.6;
  pen.beginPath();
  for (let pair = 0; pair < reference.count; pair++) {
    if (!shows(reference.labels[pair]) || !shows(reference.labels[pair] + reference.kinds)) continue;
    pen.moveTo(px(points[2 * pair]), py(points[2 * pair + 1]));
    const other = 2 * (pair + reference.count);
    pen.lineTo(px(points[other]), py(points[other + 1]));
  }
  pen.stroke();
};

// Visible points of an emotion, in both modalities.
const rowsOf = (kind, { groups, kinds }, shows) =>
  [kind, kind + kinds].filter(shows).flatMap((group) => groups[group]);

const contourCache = new WeakMap(); // points → their contours, until they move
const contoursFor = (points, { reference, shows, extent }) => {
  const stamp = [...points.subarray(0, 16), ...extent, ...reference.groups.map((_, group) => shows(group))].join();
  if (contourCache.get(points)?.stamp !== stamp) {
    const kinds = reference.emotions.map((_, kind) => rowsOf(kind, reference, shows));
    const lines = kinds.map((rows) => (rows.length ? contoursOf(densityOf(points, rows, extent)) : []));
    contourCache.set(points, { stamp, lines });
  }
  return contourCache.get(points).lines;
};
const densities = (pen, look, points, px, py) => {
  pen.lineWidth = 1.6;
  contoursFor(points, look).forEach((segments, kind) => {
    pen.strokeStyle = look.theme.hues[kind];
    pen.beginPath();
    for (const [x0, y0, x1, y1] of segments) {
      pen.moveTo(px(x0), py(y0));
      pen.lineTo(px(x1), py(y1));
    }
    pen.stroke();
  });
};

const ellipses = (pen, { reference, theme, shows }, points, px, py) => {
  pen.lineWidth = 2.4;
  reference.groups.forEach((rows, group) => {
    if (!shows(group) || rows.length < 3) return;
    const [xs, ys] = outlineOf(spreadOf(points, rows));
    pen.strokeStyle = theme.outlines[group];
    pen.setLineDash(group < reference.kinds ? [] : [6, 4]);
    pen.beginPath();
    xs.forEach((x, i) => pen.lineTo(px(x), py(ys[i])));
    pen.stroke();
  });
  pen.setLineDash([]);
};

const centroidLines = (pen, { reference, theme, shows }, points, px, py) => {
  for (let kind = 0; kind < reference.kinds; kind++) {
    const ends = [kind, kind + reference.kinds];
    if (!ends.every((group) => shows(group) && reference.groups[group].length)) continue;
    const at = ends.map((group) => average(points, reference.groups[group]));
    pen.strokeStyle = theme.hues[kind];
    pen.lineWidth = 2.5;
    pen.beginPath();
    for (const [x, y] of at) pen.lineTo(px(x), py(y));
    pen.stroke();
    pen.strokeStyle = theme.text;
    pen.lineWidth = 1.6;
    ends.forEach((group, m) => {
      symbolPath(pen, SIGNS[m], px(at[m][0]), py(at[m][1]), 6);
      pen.fillStyle = theme.shades[group];
      pen.fill();
      pen.stroke();
    });
  }
};

const paintStars = (pen, stars, { theme, small }, px, py) => {
  const radius = small ? 4.2 : 9;
  pen.strokeStyle = pen.fillStyle = theme.text;
  pen.lineWidth = small ? 1 : 2;
  for (const star of stars) {
    if (star.m || !star.partner) continue;
    pen.beginPath();
    for (const { now } of [star, star.partner]) pen.lineTo(px(now[0]), py(now[1]));
    pen.stroke();
  }
  for (const star of stars) {
    const [x, y] = [px(star.now[0]), py(star.now[1])], named = !star.m || !star.partner;
    symbolPath(pen, "star", x, y, radius * 1.35);
    pen.fillStyle = theme.card;
    pen.fill();
    symbolPath(pen, "star", x, y, radius);
    pen.fillStyle = small && !star.changed ? theme.text : star.fill;
    pen.fill();
    if (small && !star.changed) continue;
    pen.strokeStyle = small ? theme.text : star.edge;
    pen.lineWidth = small ? 1 : 1.5;
    pen.stroke();
    if (small || !named) continue;
    pen.font = theme.font;
    pen.textAlign = "center";
    pen.lineWidth = 3.5;
    pen.strokeStyle = theme.card;
    pen.strokeText(star.number, x, y - 15);
    pen.fillStyle = pen.strokeStyle = theme.text;
    pen.fillText(star.number, x, y - 15);
  }
};
