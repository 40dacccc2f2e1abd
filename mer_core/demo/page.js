// Runs in the page's head, before gradio asks for the microphone.
(() => {
  "use strict";

  // Browsers flatten loudness and colour speech unless asked not to; both carry emotion.
  const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const REFUSED = {
    NotAllowedError:
      "The browser did not allow the microphone. Allow it in the address bar, " +
      "or upload a recording, or just type.",
    NotFoundError: "No microphone was found. Connect one, upload a recording, or just type.",
    NotReadableError: "The microphone is in use by another program. Close it there and try again.",
  };

  const say = (sentence) => {
    const note = document.querySelector("#microphone-note");
    if (note) note.textContent = sentence;
  };

  const devices = navigator.mediaDevices;
  if (devices && devices.getUserMedia) {
    const original = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => {
      const asked = { ...wanted };
      if (asked.audio) asked.audio = { ...(asked.audio === true ? {} : asked.audio), ...RAW };
      try {
        const stream = await original(asked);
        say("");
        return stream;
      } catch (error) {
        say(REFUSED[error.name] || "The microphone could not be opened. Upload a recording, or just type.");
        throw error;
      }
    };
  }

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
