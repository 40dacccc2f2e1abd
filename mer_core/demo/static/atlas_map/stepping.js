// Steps through single points with the keyboard: the visitor's stars first, then the points closest
// to the middle of the right map. Each gets the same tip as with the mouse, and is read out.

const NEAREST = 200; // points until it starts again; moving the map brings others

const keyboard = { target: null, frame: null };

// Whether a position is in view on the right; `unit` holds for both axes.
const inView = ([x, y]) => {
  const { frame, boxes: [, { w, h }] } = state;
  return Math.abs(x - frame.x) < (w / 2) * frame.unit && Math.abs(y - frame.y) < (h / 2) * frame.unit;
};

const starsInTurn = () => state.stars[1].map((star) => ({ side: 1, key: keyOf(star) }));

const pointsInTurn = () => {
  const visible = [];
  for (const item of state.reference.groups.filter((_, group) => shows(group)).flat()) {
    const [x, y] = placeOf({ item }, 1);
    if (inView([x, y])) visible.push({ item, away: Math.hypot(x - state.frame.x, y - state.frame.y) });
  }
  visible.sort((one, other) => one.away - other.away);
  return visible.slice(0, NEAREST).map(({ item }) => ({ side: 1, item }));
};

// The next target, or the previous one. After the map was moved, points are counted again.
const nextTarget = (by) => {
  const stars = starsInTurn(), all = [...stars, ...pointsInTurn()], { target, frame } = keyboard;
  let at = all.findIndex(({ key, item }) => target && key === target.key && item === target.item);
  if (target && !target.key && (at < 0 || frame !== state.frame)) at = by > 0 ? stars.length - 1 : stars.length;
  return at < 0 && by < 0 ? all.at(-1) : all[(at + by + all.length) % all.length];
};

const step = (by) => {
  applyFrame();
  if (!state.reference || state.moving) return;
  const target = nextTarget(by);
  if (!target) { hint("No point is in view. Press 0 to show the whole map."); return; }
  const [x, y] = placeOf(target, 1);
  if (!inView([x, y])) setFrame({ ...state.frame, x, y });
  Object.assign(keyboard, { target, frame: state.frame });
  announce(pointAt(target).join(". "));
};

// Adds the pair of the current point to the selection, or removes it.
const pick = () => {
  if (!state.pointed) { hint("Press N or P to go to a point, then Enter to select it."); return; }
  const { item } = state.pointed, { count } = state.reference;
  if (item === undefined) { hint("Only pairs of the reference can be selected. Press N to go to them."); return; }
  const pair = [item % count, (item % count) + count], chosen = new Set(state.chosen);
  const selected = pair.every((half) => chosen.has(half));
  for (const half of pair) chosen[selected ? "delete" : "add"](half);
  state.chosen = chosen.size ? chosen : null;
  reportSelection();
  settle();
};

Object.assign(move, { step, pick });
