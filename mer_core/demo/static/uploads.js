// Analyse waits for what is still on its way: without this, a visitor who presses it while the
// recorder runs, or before a file has arrived, would get the result of the words alone.
(() => {
  "use strict";

  const QUIET_MS = 300; // after the last answer, gradio hands the file to the page
  const PATIENCE_MS = window.attunePatience ?? 60_000; // set by tests
  // By what gradio does not translate. A paused voice has a stop button of its own; of the webcam,
  // one button starts and stops.
  const RUNNING = "#voice button.stop-button, #voice button.stop-button-paused, "
    + "#video button.capture-button [title='stop recording']";
  const WAITING = "Waiting for the recording to arrive…";
  const LATE = "The recording did not arrive. Check the connection, or try again.";

  const pending = new Set(); // of every upload on its way, what breaks it off
  let uploads = 0, failures = 0, arrival = -Infinity, waiting = false, ours = false;

  const note = () => document.querySelector("#device-note");
  const said = () => note()?.textContent.trim() ?? "";
  const say = (sentence) => { if (note()) note().textContent = sentence; };

  const send = window.fetch.bind(window);
  window.fetch = async (resource, settings) => {
    const address = String(resource?.url ?? resource);
    if (!/\/upload(\?|$)/.test(address)) return send(resource, settings);
    if (said() === LATE) say("");
    const end = new AbortController();
    pending.add(end);
    uploads += 1;
    let arrived = false;
    try {
      const answer = await send(resource, { ...settings, signal: end.signal });
      arrived = answer.ok;
      return answer;
    } finally {
      pending.delete(end);
      if (arrived) arrival = performance.now();
      else failures += 1;
    }
  };

  const running = () =>
    [...document.querySelectorAll(RUNNING)].find((button) => button.offsetParent);
  const onItsWay = () => pending.size > 0 || performance.now() - arrival < QUIET_MS;
  const busy = () => waiting || onItsWay() || Boolean(running());

  // Ends the recording that runs, if one does. → whether all has arrived
  const allArrived = async () => {
    const until = performance.now() + PATIENCE_MS, recorder = running(), failed = failures;
    const expected = uploads + (recorder ? 1 : 0);
    recorder?.click();
    while (performance.now() < until && failures === failed) {
      await new Promise((done) => setTimeout(done, 50));
      if (failures === failed && uploads >= expected && !onItsWay()) return true;
    }
    for (const end of pending) end.abort(); // gradio too would wait for them at the next press
    return false;
  };

  const hold = async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting) return;
    waiting = true;
    const standing = said(); // of the camera or the microphone
    say(WAITING);
    const here = await allArrived();
    waiting = false;
    say(here ? standing : LATE);
    if (!here) return;
    ours = true;
    document.querySelector("button#analyse, #analyse button")?.click();
    ours = false;
  };

  document.addEventListener("click", (event) => {
    if (!ours && event.target.closest?.("#analyse") && busy()) hold(event);
  }, true);
  document.addEventListener("keydown", (event) => {
    const plain = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (plain && event.target.closest?.("#words") && busy()) hold(event);
  }, true);
})();
