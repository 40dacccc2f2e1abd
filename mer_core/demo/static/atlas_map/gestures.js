// Moving about: the mouse, the wheel, keys, two fingers. `move` is { by(dx, dy), zoom(factor, at),
// home(), step(by), pick() }. None of it is left to plotly, which draws its points anew at every
// step; the canvas is quicker, and plotly follows when it rests.

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
  n: (move) => move.step(1), p: (move) => move.step(-1), Enter: (move) => move.pick(),
};

const listenToKeys = (stage, move, clear) => {
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { clear(); return; }
    const does = KEYS[event.key] || KEYS[event.key.toLowerCase()];
    if (!does) return;
    event.preventDefault();
    does(move);
  });
};

// Two fingers move and zoom; one scrolls the page, unless it draws a lasso. Plotly has no pinch
// for such axes, and would keep the one finger for itself. It has begun a lasso by the time that
// the second finger comes: `pinched(true)` says to forget that one, until a new touch or click.
const listenToTouch = (stage, move, drawing, pinched) => {
  let last = null;
  const here = ({ touches }) => [...touches].filter(({ target }) => stage.contains(target));
  const seen = (touches) => {
    const [a, b] = touches, box = stage.getBoundingClientRect();
    return {
      x: (a.clientX + b.clientX) / 2 - box.left, y: (a.clientY + b.clientY) / 2 - box.top,
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
    };
  };
  stage.addEventListener("touchstart", (event) => {
    const touches = here(event);
    pinched(touches.length > 1);
    if (touches.length === 2) {
      last = seen(touches);
      event.preventDefault();
      event.stopPropagation();
    } else if (!drawing()) event.stopPropagation();
  }, { capture: true, passive: false });
  stage.addEventListener("pointerdown", ({ pointerType }) => {
    if (pointerType === "mouse") pinched(false);
  }, true);
  // Where there is a mouse too, plotly covers the page while it draws, also from the second finger.
  stage.addEventListener("touchstart", () => {
    for (const cover of document.querySelectorAll(".dragcover")) cover.style.pointerEvents = "none";
  }, { passive: true });
  stage.addEventListener("touchmove", (event) => {
    const touches = here(event);
    if (touches.length !== 2 || !last) return;
    event.preventDefault();
    event.stopPropagation();
    const now = seen(touches);
    move.by(last.x - now.x, last.y - now.y);
    move.zoom(last.apart / Math.max(now.apart, 1), now);
    last = now;
  }, { capture: true, passive: false });
  for (const end of ["touchend", "touchcancel"]) stage.addEventListener(end, () => { last = null; }, true);
};
