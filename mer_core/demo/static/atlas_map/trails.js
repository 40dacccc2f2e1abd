// Trails: from where a star was to where it is, for clips that were changed in the lab.

const TRAIL = { dash: [5, 4], width: 2, start: 7, head: 9, gap: 13 }; // pixels

const trailsOf = (stars) => stars.filter(({ from, now }) => from && String(from) !== String(now));

const paintTrails = (pen, stars, { theme, small }, px, py) => {
  pen.strokeStyle = pen.fillStyle = theme.accent;
  pen.lineWidth = small ? 1 : TRAIL.width;
  for (const { from, now } of trailsOf(stars)) {
    const [x0, y0, x1, y1] = [px(from[0]), py(from[1]), px(now[0]), py(now[1])];
    pen.setLineDash(small ? [2, 2] : TRAIL.dash);
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.setLineDash([]);
    symbolPath(pen, "circle", x0, y0, small ? 1.5 : TRAIL.start / 2);
    pen.stroke();
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (small || length < TRAIL.gap) continue;
    const angle = Math.atan2(y1 - y0, x1 - x0), back = TRAIL.gap;
    const tip = [x1 - back * Math.cos(angle), y1 - back * Math.sin(angle)];
    pen.beginPath();
    pen.moveTo(...tip);
    for (const turn of [-0.45, 0.45]) {
      pen.lineTo(tip[0] - TRAIL.head * Math.cos(angle + turn), tip[1] - TRAIL.head * Math.sin(angle + turn));
    }
    pen.closePath();
    pen.fill();
  }
};

const trailTraces = (stars, { theme }, shared) => {
  const trails = trailsOf(stars);
  return [{
    ...shared, mode: "lines+markers", visible: trails.length > 0, connectgaps: false,
    x: trails.flatMap(({ from, now }) => [from[0], now[0], null]),
    y: trails.flatMap(({ from, now }) => [from[1], now[1], null]),
    line: { color: theme.accent, width: TRAIL.width, dash: "5px,4px" },
    marker: {
      symbol: trails.flatMap(() => ["circle-open", "arrow", "circle"]), angleref: "previous", opacity: 1,
      size: trails.flatMap(() => [TRAIL.start, TRAIL.head, 0]), standoff: trails.flatMap(() => [0, TRAIL.gap, 0]),
      color: theme.accent, line: { color: theme.accent, width: 1.5 },
    },
  }];
};
