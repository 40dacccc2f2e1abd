// How well the two modalities mix, in the space and on each map, and the sentences beside the maps.

const share = (value) => `${Math.round(100 * value)} %`;

const paintMeters = () => {
  const { mixing } = state.view.story || {}, [lead, partner] = state.reference.nouns;
  SIDES.forEach((side, i) => {
    const meter = find(`.at-map-meter[data-side=${side}]`), measured = mixing?.[i];
    meter.hidden = !measured;
    if (!measured) return;
    const { space, map, even } = measured;
    for (const [name, value] of Object.entries(measured)) meter.style.setProperty(`--at-${name}`, `${100 * value}%`);
    const text = `${capital(lead.many)} and ${partner.many} mix: ${share(space)} in the space, ${share(map)} on the map`;
    meter.querySelector("span").textContent = text;
    meter.setAttribute("aria-valuenow", String(Math.round(100 * space)));
    meter.setAttribute("aria-valuetext", `${text}; evenly mixed would be ${share(even)}`);
    meter.title = "Share of each point's 15 nearest that are of the other modality, on average. "
      + `The mark at ${share(even)} is where the modality makes no difference.`;
  });
};

// Markup from the server, which escapes names; set only where it changes, to keep the focus.
const fill = (place, markup) => {
  place.hidden = !markup;
  if (place.dataset.shown === markup) return;
  place.dataset.shown = markup;
  place.innerHTML = markup;
};

const paintStory = () => {
  const { key = "", movers: list = "" } = state.view.story || {};
  fill(find(".at-map-key"), key);
  fill(movers, list);
  state.layers.trails = Boolean(movers.querySelector("details")?.open);
  paintMeters();
};
