// Trails of changes: from where a star was to where it is, for clips that were changed in the lab.

const CHANGE = { dash: [5, 4], width: 2, start: 7, head: 9, gap: 13 }; // pixels

const changesOf = (stars) => stars.filter(({ from, now }) => from && String(from) !== String(now));

const paintChanges = (pen, stars, { theme, small }, px, py) => {
  pen.strokeStyle = pen.fillStyle = theme.accent;
  pen.lineWidth = small ? 1 : CHANGE.width;
  for (const { from, now } of changesOf(stars)) {
    const [x0, y0, x1, y1] = [px(from[0]), py(from[1]), px(now[0]), py(now[1])];
    pen.setLineDash(small ? [2, 2] : CHANGE.dash);
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.setLineDash([]);
    symbolPath(pen, "circle", x0, y0, small ? 1.5 : CHANGE.start / 2);
    pen.stroke();
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (small || length < CHANGE.gap) continue;
    const angle = Math.atan2(y1 - y0, x1 - x0), back = CHANGE.gap;
    const tip = [x1 - back * Math.cos(angle), y1 - back * Math.sin(angle)];
    pen.beginPath();
    pen.moveTo(...tip);
    for (const turn of [-0.45, 0.45]) {
      pen.lineTo(tip[0] - CHANGE.head * Math.cos(angle + turn), tip[1] - CHANGE.head * Math.sin(angle + turn));
    }
    pen.closePath();
    pen.fill();
  }
};

const changeTraces = (stars, { theme }, shared) => {
  const changes = changesOf(stars);
  return [{
    ...shared, mode: "lines+markers", visible: changes.length > 0, connectgaps: false,
    x: changes.flatMap(({ from, now }) => [from[0], now[0], null]),
    y: changes.flatMap(({ from, now }) => [from[1], now[1], null]),
    line: { color: theme.accent, width: CHANGE.width, dash: "5px,4px" },
    marker: {
      symbol: changes.flatMap(() => ["circle-open", "arrow", "circle"]), angleref: "previous", opacity: 1,
      size: changes.flatMap(() => [CHANGE.start, CHANGE.head, 0]), standoff: changes.flatMap(() => [0, CHANGE.gap, 0]),
      color: theme.accent, line: { color: theme.accent, width: 1.5 },
    },
  }];
};
