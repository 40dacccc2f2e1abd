// Runs in the page's head, before gradio asks for the microphone or the camera.
(() => {
  "use strict";

  // Clips of a visit meet on the maps of another page. The name ends with the browser's session;
  // inside another site's frame, as on a Space, only a partitioned cookie is kept.
  if (!/(^|; )attune_visit=/.test(document.cookie)) {
    const digits = crypto.getRandomValues(new Uint8Array(16));
    const name = Array.from(digits, (digit) => digit.toString(16).padStart(2, "0")).join("");
    const framed = location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
    document.cookie = `attune_visit=${name}; path=/; ${framed}`;
  }

  // Browsers flatten loudness and colour speech unless asked not to; both carry emotion.
  const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const VOICE = { name: "microphone", it: "it", other: "upload a recording, or just type." };
  const FACE = { name: "camera or the microphone", it: "both", other: "upload a video." };
  const REFUSED = {
    NotAllowedError: ({ name, it, other }) =>
      `The browser did not allow the ${name}. Allow ${it} in the address bar, or ${other}`,
    NotFoundError: ({ name, other }) => `No ${name} was found. Connect one, or ${other}`,
    NotReadableError: ({ name }) =>
      `The ${name} is in use by another program. Close it there and try again.`,
  };
  const UNKNOWN = ({ name, other }) => `The ${name} could not be opened. You can still ${other}`;
  const MUTE = "No microphone was found: the video will have no sound, so the face is judged alone.";

  const say = (sentence) => {
    const note = document.querySelector("#device-note");
    if (note) note.textContent = sentence;
  };

  const devices = navigator.mediaDevices;
  if (devices && devices.getUserMedia) {
    const original = devices.getUserMedia.bind(devices);
    // A camera without a microphone still shows a face.
    const mute = async (asked, error) => {
      if (!asked.video || !asked.audio || error.name !== "NotFoundError") throw error;
      const stream = await original({ ...asked, audio: false });
      say(MUTE);
      return stream;
    };
    devices.getUserMedia = async (wanted) => {
      const asked = { ...wanted };
      if (asked.audio) asked.audio = { ...(asked.audio === true ? {} : asked.audio), ...RAW };
      try {
        const stream = await original(asked);
        say("");
        return stream;
      } catch (error) {
        try {
          return await mute(asked, error);
        } catch {
          say((REFUSED[error.name] || UNKNOWN)(asked.video ? FACE : VOICE));
          throw error;
        }
      }
    };
  }

  // Browsers do not write into a recording how long it is; a jump to its end makes them look.
  document.addEventListener("loadedmetadata", ({ target }) => {
    if (!target.closest("#video") || target.duration !== Infinity || target.srcObject) return;
    target.addEventListener("durationchange", () => { target.currentTime = 0; }, { once: true });
    target.currentTime = Number.MAX_SAFE_INTEGER;
  }, true);

  // Ctrl + Enter analyses from anywhere on the page.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    const button = document.querySelector("button#analyse, #analyse button");
    if (!button || button.disabled) return;
    event.preventDefault();
    event.stopPropagation();
    button.click();
  }, true);

  // Gradio redraws a panel's HTML at every choice. What the visitor has unfolded or folded, by its
  // summary's key, stays so, and so does the keyboard's place; a clip's too, while another
  // framework is shown that has not judged it. What the browser unfolds itself, to find or to
  // print, is left alone: only a redraw restores.
  const folds = new Map();
  let held = null;
  const summaryOf = (target) => target.closest?.("summary[data-fold]");
  const keyed = (key) => document.querySelector(`summary[data-fold="${CSS.escape(key)}"]`);
  document.addEventListener("click", (event) => {
    const summary = summaryOf(event.target);
    if (!summary || event.defaultPrevented) return;
    event.preventDefault(); // unfolded here, so that nothing comes between it and the note of it
    const details = summary.parentElement;
    details.open = !details.open;
    folds.set(summary.dataset.fold, details.open);
  });
  for (const kind of ["focusin", "pointerdown"]) {
    document.addEventListener(kind, ({ target }) => { held = summaryOf(target)?.dataset.fold; });
  }
  const refold = () => {
    for (const [key, open] of folds) {
      const details = keyed(key)?.parentElement;
      if (details && details.open !== open) details.open = open;
    }
    const now = document.activeElement;
    if (!held || now.dataset.fold === held || (now !== document.body && !summaryOf(now))) return;
    const summary = keyed(held);
    if (summary) summary.focus({ preventScroll: true });
    else held = null;
  };
  new MutationObserver(refold).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["data-fold"],
  });

  // Gradio replaces the result's HTML. A region that stays lets screen readers hear the new
  // sentence, and on a phone, where the result is further down, the page moves there.
  const follow = (region) => {
    const sentence = document.querySelector("#verdict .at-sentence");
    const said = sentence ? sentence.textContent : "";
    if (region.textContent === said) return;
    region.textContent = said;
    if (sentence && sentence.getBoundingClientRect().top > window.innerHeight) {
      document.querySelector("#verdict").scrollIntoView();
    }
  };
  const announce = () => {
    const region = document.createElement("div");
    region.className = "at-hidden";
    region.setAttribute("aria-live", "polite");
    document.body.append(region);
    new MutationObserver(() => follow(region))
      .observe(document.body, { childList: true, subtree: true });
  };
  if (document.body) announce();
  else document.addEventListener("DOMContentLoaded", announce);
})();
