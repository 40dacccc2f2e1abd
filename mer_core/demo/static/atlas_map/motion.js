// Animates the morph from before to after, and the change to another strategy.

const ease = (share) => (share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2);

const playing = (on) => {
  root.classList.toggle("at-map-playing", on);
  find(".at-map-play span").textContent = on ? "Pause" : "Play";
};

const stop = () => {
  if (state.moving) cancelAnimationFrame(state.moving);
  state.moving = null;
  playing(false);
};

// Calls `step(share)` in each frame, from 0 to 1; then plotly draws, and then `after` is called.
const animate = (milliseconds, step, after = () => {}) => {
  stop();
  hideTip();
  attune.frames = [];
  let began = null;
  const frame = (now) => {
    began ??= now;
    const share = Math.min((now - began) / milliseconds, 1);
    attune.frames.push(now);
    step(share);
    paintNow();
    if (share < 1) { state.moving = requestAnimationFrame(frame); return; }
    stop();
    settle().then(after);
  };
  state.moving = requestAnimationFrame(frame);
};

const goTo = (t) => { state.t = t; showMorph(); publish(); };

const play = () => {
  if (root.classList.contains("at-map-playing")) { stop(); settle(); return; }
  if (reducedMotion.matches) { goTo(state.t < 1 ? 1 : 0); settle(); return; }
  const from = state.t < 1 ? state.t : 0, pause = PAUSE_MS / (PAUSE_MS + MORPH_MS);
  animate(PAUSE_MS + MORPH_MS, (share) => {
    goTo(from + (1 - from) * ease(Math.max(0, (share - pause) / (1 - pause))));
  });
  playing(true);
};

// From the old positions to the new ones; new clips appear at once.
const glide = (start) => {
  stop();
  hideTip();
  showMorph();
  publish();
  const end = snapshot();
  if (reducedMotion.matches || !start || start.points.length !== end.points.length || samePositions(start, end)) { settle(); return; }
  animate(GLIDE_MS, (share) => {
    showBetween(start, end, ease(share));
    root.dataset.stars = JSON.stringify(attune.positions().stars);
  });
};

const samePositions = (one, other) => one.points.every((v, i) => v === other.points[i])
  && [...other.stars].every(([key, at]) => !one.stars.has(key) || String(one.stars.get(key)) === String(at));
