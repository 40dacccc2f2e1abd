// Motion: the morph from before to after, and the glide to another strategy.

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

// `step(share)` each frame, from 0 to 1; then the plot takes over.
const animate = (milliseconds, step) => {
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
    settle();
  };
  state.moving = requestAnimationFrame(frame);
};

const goTo = (t) => { state.t = t; stand(); publish(); };

const play = () => {
  if (root.classList.contains("at-map-playing")) { stop(); settle(); return; }
  if (calm.matches) { goTo(state.t < 1 ? 1 : 0); settle(); return; }
  const from = state.t < 1 ? state.t : 0, pause = PAUSE_MS / (PAUSE_MS + MORPH_MS);
  animate(PAUSE_MS + MORPH_MS, (share) => {
    goTo(from + (1 - from) * ease(Math.max(0, (share - pause) / (1 - pause))));
  });
  playing(true);
};

// From where the points were to where they belong now; the clips that are new just appear.
const glide = (start) => {
  stop();
  hideTip();
  stand();
  publish();
  const end = snapshot();
  if (calm.matches || !start || start.points.length !== end.points.length || alike(start, end)) { settle(); return; }
  animate(GLIDE_MS, (share) => {
    between(start, end, ease(share));
    root.dataset.stars = JSON.stringify(attune.positions().stars);
  });
};

const alike = (one, other) => one.points.every((v, i) => v === other.points[i])
  && [...other.stars].every(([key, at]) => !one.stars.has(key) || String(one.stars.get(key)) === String(at));
