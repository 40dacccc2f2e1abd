// The similarity matrices: rows sorted by emotion and modality, drawn on the canvas.

const STRIP_PX = 12, STRIP_GAP = 8, MARK_PX = 5; // a visitor's row, the space above, a selected row's mark
const FEW_MARKS = 4; // up to here the cells of selected rows are framed

// A symmetric matrix from its upper triangle.
const square = (triangle, size) => {
  const cells = new Float32Array(size * size);
  let at = 0;
  for (let row = 0; row < size; row++) {
    for (let column = row; column < size; column++) {
      cells[row * size + column] = cells[column * size + row] = triangle[at++];
    }
  }
  return cells;
};

// Rows as in Python: by emotion, then modality, then bin. `groupOf` and `members` are of each row.
const unpackMatrix = ({ bins, sizes, range, strips }, labels, groups, kinds) => {
  const binOf = new Uint8Array(bytes(bins)), count = labels.length, rowOf = new Uint16Array(2 * count);
  const starts = sizes.map((_, kind) => 2 * sizes.slice(0, kind).reduce((sum, size) => sum + size, 0));
  const size = 2 * sizes.reduce((sum, one) => sum + one, 0);
  const members = Array.from({ length: size }, () => []), groupOf = new Uint8Array(size);
  groups.forEach((rows, group) => {
    const kind = group % kinds, first = starts[kind] + (group < kinds ? 0 : sizes[kind]);
    groupOf.fill(group, first, first + sizes[kind]);
    for (const item of rows) {
      rowOf[item] = first + binOf[item % count];
      members[rowOf[item]].push(item);
    }
  });
  return { size, sizes, starts, range, strips, rowOf, groupOf, members };
};

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// 256 colours from the most unlike over the card's (0) to the most alike, as one 32-bit number each.
const rampOf = (far, none, near) => {
  const [low, middle, high] = [far, none, near].map(channels);
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const value = level / 127.5 - 1, end = value < 0 ? low : high;
    const [r, g, b] = middle.map((from, i) => Math.round(from + (end[i] - from) * Math.abs(value)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
};
// Of a similarity; the ramp ends at the largest one of the framework, with either sign.
const levelOf = (value, [low, high]) => Math.round(127.5 * (1 + value / Math.max(-low, high, 1e-9)));

const shownRows = ({ reference: { matrix }, shows }) =>
  Array.from(matrix.groupOf.keys()).filter((row) => shows(matrix.groupOf[row]));

// Where a matrix is in its panel: top left corner and side, in pixels.
const placeMatrix = (box, strips, small) => {
  const left = small ? 2 : box.w < 420 ? 78 : 96, top = small ? 2 : NAME_PX + 22, right = small ? 2 : 14;
  const below = (small ? 2 : 12) + (strips ? STRIP_GAP + strips * STRIP_PX : 0);
  const side = Math.max(Math.min(box.w - left - right, box.h - top - below), 1);
  return { x: box.x + left + (box.w - left - right - side) / 2, y: box.y + top, side };
};

const picture = document.createElement("canvas"); // a pixel per cell
const paintCells = (pen, values, columns, ramp, range, x, y, w, h) => {
  const rows = values.length / columns;
  picture.width = columns;
  picture.height = rows;
  const context = picture.getContext("2d"), image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < values.length; i++) pixels[i] = ramp[levelOf(values[i], range)];
  context.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, x, y, w, h);
};

const paintMatrix = (pen, box, cells, strips, look) => {
  const { reference: { matrix }, theme, small } = look, rows = shownRows(look);
  if (!rows.length) return;
  const place = placeMatrix(box, strips.length, small), { x, y, side } = place, cell = side / rows.length;
  const values = Float32Array.from({ length: rows.length ** 2 }, (_, i) =>
    cells[rows[Math.floor(i / rows.length)] * matrix.size + rows[i % rows.length]]);
  paintCells(pen, values, rows.length, theme.ramp, matrix.range, x, y, side, side);
  paintBorders(pen, place, rows, look, cell);
  if (small) return;
  paintLabels(pen, place, rows, look, cell);
  paintStrips(pen, place, strips, rows, look);
  paintMarks(pen, place, rows, look, cell);
};

// Lines between groups, thicker between emotions.
const paintBorders = (pen, { x, y, side }, rows, { reference: { matrix, kinds }, theme, small }, cell) => {
  pen.strokeStyle = theme.card;
  for (let i = 1; i < rows.length; i++) {
    const [before, after] = [matrix.groupOf[rows[i - 1]], matrix.groupOf[rows[i]]];
    if (before === after) continue;
    pen.lineWidth = (before % kinds === after % kinds ? 1 : 3) / (small ? 2 : 1);
    pen.beginPath();
    pen.moveTo(x + i * cell, y);
    pen.lineTo(x + i * cell, y + side);
    pen.moveTo(x, y + i * cell);
    pen.lineTo(x + side, y + i * cell);
    pen.stroke();
  }
  pen.strokeStyle = theme.soft;
  pen.lineWidth = small ? 0.5 : 1;
  pen.strokeRect(x, y, side, side);
};

// Names of emotions on the left, signs of modalities on the left and above.
const paintLabels = (pen, { x, y }, rows, { reference: { matrix, kinds, emotions }, theme }, cell) => {
  const spans = new Map(); // group → first and last of its rows
  rows.forEach((row, i) => spans.set(matrix.groupOf[row], [spans.get(matrix.groupOf[row])?.[0] ?? i, i + 1]));
  const middle = (span) => ((span[0] + span[1]) / 2) * cell;
  for (const [group, span] of spans) {
    pen.fillStyle = theme.shades[group];
    for (const [at, to] of [[x - 13, y + middle(span)], [x + middle(span), y - 11]]) {
      symbolPath(pen, SIGNS[group < kinds ? 0 : 1], at, to, 4.5);
      pen.fill();
    }
  }
  pen.font = theme.small;
  pen.fillStyle = theme.text;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  emotions.forEach((emotion, kind) => {
    const ends = [kind, kind + kinds].map((group) => spans.get(group)).filter(Boolean);
    if (ends.length) pen.fillText(capital(emotion), x - 24, y + middle([ends[0][0], ends.at(-1)[1]]));
  });
  pen.textBaseline = "alphabetic";
};

// A row for each half of the latest clips: its similarity to the recordings of every column.
const paintStrips = (pen, { x, y, side }, strips, rows, { reference: { matrix }, theme }) => {
  strips.forEach(({ number, m, fill, values }, i) => {
    const top = y + side + STRIP_GAP + i * STRIP_PX, middle = top + STRIP_PX / 2 - 0.5;
    paintCells(pen, rows.map((row) => values[row]), rows.length, theme.ramp, matrix.range, x, top, side, STRIP_PX - 1);
    pen.strokeStyle = theme.soft;
    pen.lineWidth = 0.5;
    pen.strokeRect(x, top, side, STRIP_PX - 1);
    symbolPath(pen, SIGNS[m], x - 13, middle, 4);
    pen.fillStyle = fill;
    pen.fill();
    symbolPath(pen, "star", x - 27, middle, 4.5);
    pen.fillStyle = theme.text;
    pen.fill();
    pen.font = theme.small;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillText(number, x - 36, middle);
    pen.textBaseline = "alphabetic";
  });
};

// Rows and columns of the selection, and the cell that is pointed at.
const paintMarks = (pen, { x, y, side }, rows, { theme, marked, cell: pointed }, cell) => {
  pen.fillStyle = theme.text;
  const at = rows.flatMap((row, i) => (marked.has(row) ? [i] : []));
  const thick = Math.max(cell, 2);
  for (const i of at) {
    pen.fillRect(x - MARK_PX - 1, y + i * cell, MARK_PX, thick);
    pen.fillRect(x + i * cell, y - MARK_PX - 1, thick, MARK_PX);
  }
  const frames = at.length <= FEW_MARKS ? at.flatMap((i) => [[0, i * cell, side, cell], [i * cell, 0, cell, side]]) : [];
  if (pointed) {
    const [row, column] = [rows.indexOf(pointed.row), rows.indexOf(pointed.column)];
    if (row >= 0 && column >= 0) frames.push([column * cell - 1, row * cell - 1, cell + 2, cell + 2]);
  }
  for (const [colour, width] of [[theme.card, 3], [theme.text, 1.4]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    for (const [left, top, w, h] of frames) pen.strokeRect(x + left, y + top, w, h);
  }
};
