// Moving about: the mouse, the wheel, keys, two fingers. `move` is { by(dx, dy), zoom(factor, at),
// home() }. None of it is left to plotly, which draws its points anew at every step; the canvas
// is quicker, and plotly follows when it rests.

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

// A page that scrolls past the map must not be caught by it: the wheel zooms once the map was
// clicked or focused, or with Ctrl (which is what a pinch on a touchpad sends).
const listenToWheel = (stage, move, hint) => {
  let engaged = false;
  stage.addEventListener("pointerdown", () => { engaged = true; }, true);
  stage.addEventListener("pointerleave", () => { engaged = false; });
  stage.addEventListener("wheel", (event) => {
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
};

const listenToKeys = (stage, move, clear) => {
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { clear(); return; }
    if (!KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key](move);
  });
};

// Two fingers move and zoom; one scrolls the page, unless it draws a lasso. Plotly has no pinch
// for such axes, and would keep the one finger for itself.
const listenToTouch = (stage, move, drawing) => {
  let last = null;
  const seen = (touches) => {
    const [a, b] = touches, box = stage.getBoundingClientRect();
    return {
      x: (a.clientX + b.clientX) / 2 - box.left, y: (a.clientY + b.clientY) / 2 - box.top,
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
    };
  };
  stage.addEventListener("touchstart", (event) => {
    if (event.touches.length === 2) {
      last = seen(event.touches);
      event.preventDefault();
      event.stopPropagation();
    } else if (!drawing()) event.stopPropagation();
  }, { capture: true, passive: false });
  stage.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2 || !last) return;
    event.preventDefault();
    event.stopPropagation();
    const now = seen(event.touches);
    move.by(last.x - now.x, last.y - now.y, true);
    move.zoom(last.apart / Math.max(now.apart, 1), now);
    last = now;
  }, { capture: true, passive: false });
  stage.addEventListener("touchend", () => { last = null; }, true);
};
