// Analyse ends a running recording and waits for uploads: without this, pressing it before the file
// has been uploaded would analyse the words alone. The page analyses what has been uploaded by itself.
(() => {
  "use strict";

  const QUIET_MS = 300; // after an upload, until gradio has handed the file to the page
  const PATIENCE_MS = window.attunePatience ?? 60_000; // set by tests
  // Found by what gradio does not translate. A paused voice has another stop button; the webcam has
  // one button that starts and stops.
  const RUNNING = "#voice button.stop-button, #voice button.stop-button-paused, "
    + "#video button.capture-button [title='stop recording']";
  const WAITING = "Waiting for the recording to be uploaded…";
  const LATE = "The recording could not be uploaded. Check your connection and try again.";

  const pending = new Set(); // AbortControllers of running uploads
  let uploads = 0, failures = 0, arrival = -Infinity, waiting = false;

  const note = () => document.querySelector("#device-note");
  const currentNote = () => note()?.textContent.trim() ?? "";
  const setNote = (sentence) => { if (note()) note().textContent = sentence; };

  const send = window.fetch.bind(window);
  window.fetch = async (resource, settings) => {
    const address = String(resource?.url ?? resource);
    if (!/\/upload(\?|$)/.test(address)) return send(resource, settings);
    if (currentNote() === LATE) setNote("");
    const controller = new AbortController();
    pending.add(controller);
    uploads += 1;
    let arrived = false;
    try {
      const answer = await send(resource, { ...settings, signal: controller.signal });
      arrived = answer.ok;
      return answer;
    } finally {
      pending.delete(controller);
      if (arrived) arrival = performance.now();
      else failures += 1;
    }
  };

  const running = () =>
    [...document.querySelectorAll(RUNNING)].find((button) => button.offsetParent);
  const uploading = () => pending.size > 0 || performance.now() - arrival < QUIET_MS;
  const busy = () => waiting || uploading() || Boolean(running());

  // Ends a running recording. → whether everything has been uploaded
  const allArrived = async () => {
    const until = performance.now() + PATIENCE_MS, recorder = running(), failed = failures;
    const expected = uploads + (recorder ? 1 : 0);
    recorder?.click();
    while (performance.now() < until && failures === failed) {
      await new Promise((done) => setTimeout(done, 50));
      if (failures === failed && uploads >= expected && !uploading()) return true;
    }
    for (const controller of pending) controller.abort(); // gradio would wait for them at the next press
    return false;
  };

  const hold = async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting) return;
    waiting = true;
    const earlier = currentNote(); // about the camera or the microphone
    setNote(WAITING);
    const arrived = await allArrived();
    waiting = false;
    setNote(arrived ? earlier : LATE);
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#analyse") && busy()) hold(event);
  }, true);
  document.addEventListener("keydown", (event) => {
    const plain = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (plain && event.target.closest?.("#words") && busy()) hold(event);
  }, true);
})();
