// Analyse waits for what is still on its way: without this, a visitor who presses it while the
// recorder runs, or before a file has arrived, would get the result of the words alone.
(() => {
  "use strict";

  const QUIET_MS = 300; // after the last answer, gradio hands the file to the page
  const PATIENCE_MS = window.attunePatience ?? 60_000; // set by tests
  const RUNNING = "#voice button.stop-button, #video button.capture-button";
  const WAITING = "Waiting for the recording to arrive…";
  const LATE = "The recording did not arrive. Check the connection, or try again.";

  let uploading = 0, uploads = 0, settled = 0, waiting = false, ours = false;

  const send = window.fetch.bind(window);
  window.fetch = async (...request) => {
    const address = String(request[0]?.url ?? request[0]);
    if (!/\/upload(\?|$)/.test(address)) return send(...request);
    uploading += 1;
    uploads += 1;
    try {
      return await send(...request);
    } finally {
      uploading -= 1;
      settled = performance.now();
    }
  };

  // Of the webcam, one button starts and stops.
  const running = () => [...document.querySelectorAll(RUNNING)].find((button) =>
    button.offsetParent && (button.closest("#voice") || /stop/i.test(button.textContent)));
  const onItsWay = () => uploading > 0 || performance.now() - settled < QUIET_MS;
  const busy = () => Boolean(running()) || (uploads > 0 && onItsWay());
  const button = () => document.querySelector("button#analyse, #analyse button");
  const say = (sentence) => {
    const note = document.querySelector("#device-note");
    if (note) note.textContent = sentence;
  };

  const arrived = async (before) => {
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      await new Promise((done) => setTimeout(done, 50));
      if (uploads > before && !onItsWay()) return true;
    }
    return false;
  };

  const hold = async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting) return;
    waiting = true;
    say(WAITING);
    const recorder = running(), before = recorder ? uploads : uploads - 1;
    recorder?.click();
    const here = await arrived(before);
    waiting = false;
    say(here ? "" : LATE);
    if (!here) return;
    ours = true;
    button()?.click();
    ours = false;
  };

  document.addEventListener("click", (event) => {
    if (!ours && event.target.closest?.("#analyse") && (waiting || busy())) hold(event);
  }, true);
  document.addEventListener("keydown", (event) => {
    const plain = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (plain && event.target.closest?.("#words") && (waiting || busy())) hold(event);
  }, true);
})();
