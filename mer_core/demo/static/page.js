// Runs in the page's head, before gradio asks for the microphone or the camera.
(() => {
  "use strict";

  // Clips analysed on one page appear on the atlas. The visit's name ends with the browser's session;
  // inside another site's frame, as on a Space, browsers store only a partitioned cookie.
  if (!/(^|; )attune_visit=/.test(document.cookie)) {
    const digits = crypto.getRandomValues(new Uint8Array(16));
    const name = Array.from(digits, (digit) => digit.toString(16).padStart(2, "0")).join("");
    const framed = location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
    document.cookie = `attune_visit=${name}; path=/; ${framed}`;
  }

  // By default browsers even out loudness and filter speech, and both carry emotion.
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
  const MUTE = "No microphone was found. The video will have no sound, so only the face is analysed.";

  const showNote = (sentence) => {
    const note = document.querySelector("#device-note");
    if (note) note.textContent = sentence;
  };

  const devices = navigator.mediaDevices;
  if (devices && devices.getUserMedia) {
    const original = devices.getUserMedia.bind(devices);
    // A camera without a microphone still records a face.
    const withoutSound = async (constraints, error) => {
      if (!constraints.video || !constraints.audio || error.name !== "NotFoundError") throw error;
      const stream = await original({ ...constraints, audio: false });
      showNote(MUTE);
      return stream;
    };
    devices.getUserMedia = async (requested) => {
      const constraints = { ...requested }, { audio } = requested;
      if (audio) constraints.audio = { ...(audio === true ? {} : audio), ...RAW };
      try {
        const stream = await original(constraints);
        showNote("");
        return stream;
      } catch (error) {
        try {
          return await withoutSound(constraints, error);
        } catch {
          showNote((REFUSED[error.name] || UNKNOWN)(constraints.video ? FACE : VOICE));
          throw error;
        }
      }
    };
  }

  // A recording does not hold its duration; seeking to its end makes the browser find it.
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

  // Gradio redraws a panel's HTML at every choice. What the visitor has unfolded or folded stays so,
  // by the key of its summary, and so does the keyboard focus; a clip's key is remembered while
  // another framework is shown. What the browser unfolds itself, to search or to print, is only
  // restored by a redraw.
  const folds = new Map();
  let focusedKey = null;
  const summaryOf = (target) => target.closest?.("summary[data-fold]");
  const keyed = (key) => document.querySelector(`summary[data-fold="${CSS.escape(key)}"]`);
  document.addEventListener("click", (event) => {
    const summary = summaryOf(event.target);
    if (!summary || event.defaultPrevented) return;
    event.preventDefault(); // unfolded and remembered in one step
    const details = summary.parentElement;
    details.open = !details.open;
    folds.set(summary.dataset.fold, details.open);
  });
  for (const kind of ["focusin", "pointerdown"]) {
    document.addEventListener(kind, ({ target }) => { focusedKey = summaryOf(target)?.dataset.fold; });
  }
  const refold = () => {
    for (const [key, open] of folds) {
      const details = keyed(key)?.parentElement;
      if (details && details.open !== open) details.open = open;
    }
    const now = document.activeElement;
    if (!focusedKey || now.dataset.fold === focusedKey || (now !== document.body && !summaryOf(now))) return;
    const summary = keyed(focusedKey);
    if (summary) summary.focus({ preventScroll: true });
    else focusedKey = null;
  };
  new MutationObserver(refold).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["data-fold"],
  });

  // Gradio replaces the result's HTML. Screen readers read out what is new in it from regions that
  // stay; on a phone, where the result is further down, the page scrolls to it.
  const SPOKEN = ["#verdict .at-sentence", "#status .at-status", "#companion .at-companion"];
  const follow = (regions) => {
    const changed = SPOKEN.filter((selector, index) => {
      const text = document.querySelector(selector)?.textContent ?? "";
      if (regions[index].textContent === text) return false;
      regions[index].textContent = text;
      return true;
    });
    const sentence = changed.includes(SPOKEN[0]) && document.querySelector(SPOKEN[0]);
    if (sentence && sentence.getBoundingClientRect().top > window.innerHeight) {
      document.querySelector("#verdict").scrollIntoView();
    }
  };
  const announce = () => {
    const regions = SPOKEN.map(() => {
      const region = document.createElement("div");
      region.className = "at-hidden";
      region.setAttribute("aria-live", "polite");
      return region;
    });
    document.body.append(...regions);
    new MutationObserver(() => follow(regions))
      .observe(document.body, { childList: true, subtree: true });
  };
  if (document.body) announce();
  else document.addEventListener("DOMContentLoaded", announce);
})();
