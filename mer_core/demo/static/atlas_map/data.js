// Unpacks what the server sends, and computes the shapes that are drawn from points.

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;

// (2N points, x and y in turn) from 16-bit numbers over an extent.
const decode = (text, [x0, y0, x1, y1]) => {
  const steps = new Int16Array(bytes(text));
  const points = new Float32Array(steps.length);
  for (let i = 0; i < steps.length; i += 2) {
    points[i] = x0 + ((steps[i] + 32767) / 65534) * (x1 - x0);
    points[i + 1] = y0 + ((steps[i + 1] + 32767) / 65534) * (y1 - y0);
  }
  return points;
};

// Values from 8-bit shares of the way from `low` to `high`.
const fromShares = (text, low, high) =>
  Float32Array.from(new Uint8Array(bytes(text)), (share) => low + (share / 255) * (high - low));

const unpackMap = (map, { extent, views }, matrix) => ({
  ...map,
  xy: decode(map.xy, map.extent || extent),
  linear: decode(map.linear, views.linear.extent),
  distance: Float32Array.from(new Uint16Array(bytes(map.distance)), (v) => (2 * v) / 65535),
  cells: square(fromShares(map.cells, ...views.matrix.range), matrix.size),
});

const unpack = (sent) => {
  const labels = new Uint8Array(bytes(sent.labels));
  const count = labels.length, kinds = sent.emotions.length;
  // Items are numbered as in Python: the leading half of every pair, then every partner.
  const groups = Array.from({ length: 2 * kinds }, () => []);
  for (let item = 0; item < 2 * count; item++) {
    groups[(item < count ? 0 : kinds) + labels[item % count]].push(item);
  }
  const matrix = unpackMatrix(sent.views.matrix, labels, groups, kinds), maps = {};
  for (const [name, map] of Object.entries(sent.strategies)) maps[name] = unpackMap(map, sent, matrix);
  const control = sent.control && unpackMap(sent.control, sent, matrix);
  const corpora = sent.corpora.codes.map((codes) =>
    Array.from(new Uint8Array(bytes(codes)), (code) => sent.corpora.names[code]));
  return { ...sent, labels, count, kinds, groups, maps, control, matrix, corpora };
};

const blend = (from, to, share, into) => {
  for (let i = 0; i < into.length; i++) into[i] = from[i] + (to[i] - from[i]) * share;
  return into;
};

const column = (points, rows, axis) => {
  const values = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i++) values[i] = points[2 * rows[i] + axis];
  return values;
};

const average = (points, rows) => {
  let x = 0, y = 0;
  for (const row of rows) { x += points[2 * row]; y += points[2 * row + 1]; }
  return [x / rows.length, y / rows.length];
};

// Mean ± one standard deviation along the main axes: centre, [longer, shorter], angle in radians.
const spreadOf = (points, rows) => {
  const [cx, cy] = average(points, rows);
  let xx = 0, xy = 0, yy = 0;
  for (const row of rows) {
    const dx = points[2 * row] - cx, dy = points[2 * row + 1] - cy;
    xx += dx * dx; xy += dx * dy; yy += dy * dy;
  }
  xx /= rows.length; xy /= rows.length; yy /= rows.length;
  const half = Math.hypot((xx - yy) / 2, xy), middle = (xx + yy) / 2;
  return {
    centre: [cx, cy],
    std: [Math.sqrt(middle + half), Math.sqrt(Math.max(middle - half, 0))],
    angle: Math.atan2(2 * xy, xx - yy) / 2,
  };
};

const outlineOf = ({ centre, std, angle }) => {
  const xs = [], ys = [], cos = Math.cos(angle), sin = Math.sin(angle);
  for (let i = 0; i <= 48; i++) {
    const a = std[0] * Math.cos((i * Math.PI) / 24), b = std[1] * Math.sin((i * Math.PI) / 24);
    xs.push(centre[0] + a * cos - b * sin);
    ys.push(centre[1] + a * sin + b * cos);
  }
  return [xs, ys];
};

// A smooth histogram of some points on a grid over `extent`, scaled to a maximum of 1.
const GRID = 72, LEVELS = [0.12, 0.32, 0.52, 0.72, 0.92]; // of a contour
const densityOf = (points, rows, [x0, y0, x1, y1]) => {
  let cells = new Float32Array(GRID * GRID);
  const margin = 0.12, width = (x1 - x0) * (1 + 2 * margin), height = (y1 - y0) * (1 + 2 * margin);
  const left = x0 - (x1 - x0) * margin, bottom = y0 - (y1 - y0) * margin;
  for (const row of rows) {
    const i = Math.floor(((points[2 * row] - left) / width) * GRID);
    const j = Math.floor(((points[2 * row + 1] - bottom) / height) * GRID);
    if (i >= 0 && j >= 0 && i < GRID && j < GRID) cells[j * GRID + i] += 1;
  }
  const reach = 5, kernel = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / 7));
  for (const step of [1, GRID]) {
    const blurred = new Float32Array(GRID * GRID);
    for (let cell = 0; cell < cells.length; cell++) {
      const index = step === 1 ? cell % GRID : Math.floor(cell / GRID);
      for (let k = -reach; k <= reach; k++) {
        if (index + k >= 0 && index + k < GRID) blurred[cell] += cells[cell + k * step] * kernel[k + reach];
      }
    }
    cells = blurred;
  }
  const top = Math.max(...cells) || 1;
  return {
    z: Array.from({ length: GRID }, (_, j) => Array.from(cells.subarray(j * GRID, (j + 1) * GRID), (v) => v / top)),
    x: Array.from({ length: GRID }, (_, i) => left + ((i + 0.5) / GRID) * width),
    y: Array.from({ length: GRID }, (_, j) => bottom + ((j + 0.5) / GRID) * height),
  };
};

// Segments of a density's contours, [x, y, x, y] each: where the sides of its cells cross a level.
const contoursOf = ({ x, y, z }) => {
  const segments = [];
  let ends = [];
  const cross = (level, i, j, k, l) => {
    const from = z[j][i], to = z[l][k];
    if (from < level === to < level) return;
    const share = (level - from) / (to - from);
    ends.push(x[i] + share * (x[k] - x[i]), y[j] + share * (y[l] - y[j]));
  };
  for (let j = 0; j + 1 < GRID; j++) {
    for (let i = 0; i + 1 < GRID; i++) {
      const low = Math.min(z[j][i], z[j][i + 1], z[j + 1][i], z[j + 1][i + 1]);
      const high = Math.max(z[j][i], z[j][i + 1], z[j + 1][i], z[j + 1][i + 1]);
      for (const level of LEVELS) {
        if (low >= level || high < level) continue;
        ends = [];
        cross(level, i, j, i + 1, j);
        cross(level, i + 1, j, i + 1, j + 1);
        cross(level, i + 1, j + 1, i, j + 1);
        cross(level, i, j + 1, i, j);
        for (let end = 0; end < ends.length; end += 4) segments.push(ends.slice(end, end + 4));
      }
    }
  }
  return segments;
};
