// Words that were heard: their mark follows the text box, and a word's facts are shown when it is
// pointed at, focused or tapped. The words are one stop of the Tab key; arrow keys move among them.
(() => {
  "use strict";

  const box = () => document.querySelector("#words textarea");
  const plain = (text) => text.trim().split(/\s+/).join(" ");
  const mark = () => {
    const panel = document.querySelector(".at-heard");
    if (!panel || !box()) return;
    const same = plain(box().value) === plain(panel.dataset.heard);
    for (const part of panel.querySelectorAll("[data-edited]")) {
      part.dataset.fresh ??= part.textContent;
      const text = same ? part.dataset.fresh : part.dataset.edited;
      if (part.textContent !== text) part.textContent = text;
    }
  };

  const wordAt = (target) => target.closest?.(".at-heard li button");
  const choose = (word) => {
    const panel = word.closest(".at-heard");
    for (const other of panel.querySelectorAll("li button")) {
      other.classList.toggle("at-chosen", other === word);
      other.tabIndex = other === word ? 0 : -1;
    }
    panel.querySelector(".at-heard-fact").textContent = word.title;
  };
  for (const kind of ["pointerover", "focusin", "click"]) {
    document.addEventListener(kind, ({ target }) => { const word = wordAt(target); if (word) choose(word); });
  }
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  document.addEventListener("keydown", (event) => {
    const word = wordAt(event.target), step = STEPS[event.key];
    if (!word || step === undefined) return;
    event.preventDefault();
    const words = [...word.closest("ul").querySelectorAll("button")];
    const next = Math.min(Math.max(words.indexOf(word) + step, 0), words.length - 1);
    words[next].focus();
  });

  document.addEventListener("input", ({ target }) => { if (target.closest?.("#words")) mark(); });
})();
