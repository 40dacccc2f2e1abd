// Pointing at cells of the matrices and selecting their recordings, with the mouse and the keyboard.

// The cell below a mouse event: { side, row, column }, or null.
const cellAt = ({ clientX, clientY }) => {
  const stageBox = stage.getBoundingClientRect(), [x, y] = [clientX - stageBox.left, clientY - stageBox.top];
  const rows = shownRows(look());
  for (const side of [0, 1]) {
    const place = placeMatrix(state.boxes[side], stripsOf(side).length), cell = place.side / rows.length;
    const [row, column] = [Math.floor((y - place.y) / cell), Math.floor((x - place.x) / cell)];
    if (rows[row] !== undefined && rows[column] !== undefined) return { side, row: rows[row], column: rows[column] };
  }
  return null;
};

const groupWords = (group) => {
  const { kinds, emotions, nouns } = state.reference;
  return `${emotions[group % kinds]} ${nouns[group < kinds ? 0 : 1].many}`;
};

const cellWords = ({ row, column }) => {
  const { matrix } = state.reference, [first, second] = [row, column].map((one) => groupWords(matrix.groupOf[one]));
  const [left, right] = state.cells.map((cells) => fixed(cells[row * matrix.size + column]));
  return [
    `${capital(first)} × ${second}`,
    `Mean cosine similarity: ${left} on the left, ${right} on the right`,
    `${matrix.members[row].length} × ${matrix.members[column].length} recordings`,
  ];
};

// Frames the cell on both sides and shows its tip. → the tip's lines
const pointAtCell = (cell) => {
  hideTip();
  state.linked = null;
  state.cell = cell;
  paintNow();
  const lines = cellWords(cell), rows = shownRows(look());
  const place = placeMatrix(state.boxes[cell.side], stripsOf(cell.side).length), size = place.side / rows.length;
  const [x, y] = [place.x + (rows.indexOf(cell.column) + 0.5) * size, place.y + (rows.indexOf(cell.row) + 0.5) * size];
  showTipAt(lines, x, y);
  return lines;
};

const pickCell = () => {
  if (!state.cell) { hint("Arrow keys go to a cell, N and P to the next group, Enter selects its recordings."); return; }
  const { members } = state.reference.matrix, { row, column } = state.cell;
  const items = new Set([...members[row], ...members[column]]), old = state.chosen;
  const same = old?.size === items.size && [...items].every((item) => old.has(item));
  state.chosen = same ? null : items;
  state.chosenClips = new Set();
  reportSelection();
  settle();
};

// The keyboard in the matrices, as `move` is elsewhere.
const cursor = {
  by: (dx, dy) => {
    const rows = shownRows(look());
    if (!rows.length) return;
    const at = state.cell ? [state.cell.row, state.cell.column].map((one) => Math.max(rows.indexOf(one), 0)) : [0, 0];
    const step = state.cell ? [Math.sign(dy), Math.sign(dx)] : [0, 0];
    const [row, column] = at.map((one, i) => rows[Math.min(Math.max(one + step[i], 0), rows.length - 1)]);
    announce(pointAtCell({ side: 1, row, column }).join(". "));
  },
  // The next pair of groups, row by row.
  step: (by) => {
    const { groupOf } = state.reference.matrix, rows = shownRows(look());
    const starts = rows.filter((row, i) => groupOf[row] !== groupOf[rows[i - 1]]), many = starts.length;
    if (!many) return;
    const startOf = (row) => starts.findIndex((start) => groupOf[start] === groupOf[row]);
    const now = state.cell ? Math.max(startOf(state.cell.row), 0) * many + Math.max(startOf(state.cell.column), 0) : by > 0 ? -1 : 0;
    const next = (now + by + many * many) % (many * many);
    announce(pointAtCell({ side: 1, row: starts[Math.floor(next / many)], column: starts[next % many] }).join(". "));
  },
  zoom: () => {},
  home: () => { hideTip(); paintNow(); },
  pick: pickCell,
};

const listenToCells = () => {
  stage.addEventListener("mousemove", (event) => {
    if (!isMatrix() || !state.reference || state.moving) return;
    const cell = cellAt(event);
    if (cell && state.cell && cell.row === state.cell.row && cell.column === state.cell.column && cell.side === state.cell.side) return;
    if (cell) pointAtCell(cell);
    else if (state.cell) { hideTip(); paintNow(); }
  });
  stage.addEventListener("mouseleave", () => { if (isMatrix() && state.cell) { hideTip(); paintNow(); } });
  stage.addEventListener("click", (event) => {
    const cell = isMatrix() && state.reference && !state.moving && cellAt(event);
    if (!cell) return;
    pointAtCell(cell);
    pickCell();
  });
};
