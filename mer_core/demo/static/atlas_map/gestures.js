// Moves the maps with the mouse, the wheel, keys and two fingers. `move` is { by(dx, dy),
// zoom(factor, at), home(), step(by), pick() }. Plotly would draw all its points at every step; the
// canvas is faster, and plotly draws when the movement has ended.

const HINT_MS = 1400;

const listenToMouse = (stage, move, panning) => {
  let last = null;
  stage.addEventListener("mousedown", (event) => {
    if (event.button || !panning()) return;
    event.preventDefault();
    event.stopPropagation();
    last = event;
  }, true);
  window.addEventListener("mousemove", (event) => {
    if (!last) return;
    event.stopPropagation();
    move.by(last.clientX - event.clientX, last.clientY - event.clientY);
    last = event;
  }, true);
  window.addEventListener("mouseup", () => { last = null; }, true);
  stage.addEventListener("dblclick", () => { if (panning()) move.home(); });
};

// Scrolling past the map must not zoom it: the wheel zooms only after a click on the map, with focus
// on it, or with Ctrl (which is what a pinch on a touchpad sends).
const listenToWheel = (stage, move, hint, still) => {
  let engaged = false;
  stage.addEventListener("pointerdown", () => { engaged = true; }, true);
  stage.addEventListener("pointerleave", () => { engaged = false; });
  stage.addEventListener("wheel", (event) => {
    if (still()) return;
    event.stopPropagation();
    if (!engaged && !event.ctrlKey && !event.metaKey && document.activeElement !== stage) {
      hint("Click the map first, or hold Ctrl, to zoom with the wheel.");
      return;
    }
    event.preventDefault();
    const box = stage.getBoundingClientRect(), step = Math.min(Math.max(event.deltaY, -120), 120);
    move.zoom(Math.exp(step * (event.ctrlKey ? 0.008 : 0.002)), { x: event.clientX - box.left, y: event.clientY - box.top });
  }, { capture: true, passive: false });
};

const KEYS = {
  ArrowLeft: (move) => move.by(-60, 0), ArrowRight: (move) => move.by(60, 0),
  ArrowUp: (move) => move.by(0, -60), ArrowDown: (move) => move.by(0, 60),
  "+": (move) => move.zoom(1 / 1.25), "=": (move) => move.zoom(1 / 1.25),
  "-": (move) => move.zoom(1.25), _: (move) => move.zoom(1.25), 0: (move) => move.home(),
  n: (move) => move.step(1), p: (move) => move.step(-1), Enter: (move) => move.pick(),
};

const listenToKeys = (stage, moves, clear) => {
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { clear(); return; }
    const action = KEYS[event.key] || KEYS[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action(moves());
  });
};

// Two fingers move and zoom; one scrolls the page, unless it draws a lasso. Plotly has no pinch
// for such axes, and would not let one finger scroll. When the second finger touches, plotly has
// begun a lasso: `pinched(true)` asks to ignore it, until the next touch or click.
const listenToTouch = (stage, move, drawing, pinched, still) => {
  let last = null;
  const touchesOnStage = ({ touches }) => [...touches].filter(({ target }) => stage.contains(target));
  const pinchOf = (touches) => {
    const [a, b] = touches, box = stage.getBoundingClientRect();
    return {
      x: (a.clientX + b.clientX) / 2 - box.left, y: (a.clientY + b.clientY) / 2 - box.top,
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
    };
  };
  stage.addEventListener("touchstart", (event) => {
    if (still()) return;
    const touches = touchesOnStage(event);
    pinched(touches.length > 1);
    if (touches.length === 2) {
      last = pinchOf(touches);
      event.preventDefault();
      event.stopPropagation();
    } else if (!drawing()) event.stopPropagation();
  }, { capture: true, passive: false });
  stage.addEventListener("pointerdown", ({ pointerType }) => {
    if (pointerType === "mouse") pinched(false);
  }, true);
  // On devices with a mouse, plotly covers the page during a lasso, also for the second finger.
  stage.addEventListener("touchstart", () => {
    for (const cover of document.querySelectorAll(".dragcover")) cover.style.pointerEvents = "none";
  }, { passive: true });
  stage.addEventListener("touchmove", (event) => {
    const touches = touchesOnStage(event);
    if (touches.length !== 2 || !last) return;
    event.preventDefault();
    event.stopPropagation();
    const now = pinchOf(touches);
    move.by(last.x - now.x, last.y - now.y);
    move.zoom(last.apart / Math.max(now.apart, 1), now);
    last = now;
  }, { capture: true, passive: false });
  for (const end of ["touchend", "touchcancel"]) stage.addEventListener(end, () => { last = null; }, true);
};
