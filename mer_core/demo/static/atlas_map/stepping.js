// The keyboard's way to single points: the visitor's stars first, then what lies nearest the middle
// of the right map. Each is pointed at as the mouse would, and read out.

const NEAREST = 200; // points before it begins again; moving the map brings others

const walk = { target: null, frame: null };

// Whether a place is in view on the right; `unit` is the same both ways.
const inView = ([x, y]) => {
  const { frame, boxes: [, { w, h }] } = state;
  return Math.abs(x - frame.x) < (w / 2) * frame.unit && Math.abs(y - frame.y) < (h / 2) * frame.unit;
};

const starsInTurn = () => state.stars[1].map((star) => ({ side: 1, key: keyOf(star) }));

const pointsInTurn = () => {
  const found = [];
  for (const item of state.reference.groups.filter((_, group) => shows(group)).flat()) {
    const [x, y] = placeOf({ item }, 1);
    if (inView([x, y])) found.push({ item, away: Math.hypot(x - state.frame.x, y - state.frame.y) });
  }
  found.sort((one, other) => one.away - other.away);
  return found.slice(0, NEAREST).map(({ item }) => ({ side: 1, item }));
};

// The next target, or the one before. Once the map was moved, points are counted anew.
const turn = (by) => {
  const stars = starsInTurn(), all = [...stars, ...pointsInTurn()], { target, frame } = walk;
  let at = all.findIndex(({ key, item }) => target && key === target.key && item === target.item);
  if (target && !target.key && (at < 0 || frame !== state.frame)) at = by > 0 ? stars.length - 1 : stars.length;
  return at < 0 && by < 0 ? all.at(-1) : all[(at + by + all.length) % all.length];
};

const step = (by) => {
  takeFrame();
  if (!state.reference || state.moving) return;
  const target = turn(by);
  if (!target) { hint("No point is in view. Press 0 to show the whole map."); return; }
  const [x, y] = placeOf(target, 1);
  if (!inView([x, y])) setFrame({ ...state.frame, x, y });
  Object.assign(walk, { target, frame: state.frame });
  say(pointAt(target).join(". "));
};

// The pair of the point that is pointed at joins the chosen ones, or leaves them.
const pick = () => {
  if (!state.pointed) { hint("N and P go to a point that Enter can choose."); return; }
  const { item } = state.pointed, { count } = state.reference;
  if (item === undefined) { hint("Only pairs of the reference can be chosen; N goes on to them."); return; }
  const pair = [item % count, (item % count) + count], chosen = new Set(state.chosen);
  const gone = pair.every((half) => chosen.has(half));
  for (const half of pair) chosen[gone ? "delete" : "add"](half);
  state.chosen = chosen.size ? chosen : null;
  tell();
  settle();
};

Object.assign(move, { step, pick });
