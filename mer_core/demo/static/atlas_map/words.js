// The texts around the maps. Names come from visitors, so they are only ever set as text.

const capital = (word) => (word ? word[0].toUpperCase() + word.slice(1) : "");

const captionOf = (reference, map, refitted) => {
  const [lead, partner] = reference.modalities;
  const lines = reference.pairing === "natural"
    ? "A thin line joins the two halves of each recording."
    : `Lines join the centres of ${lead} and ${partner} for each emotion. The two halves of a pair share `
      + "only their label, so a line for each pair would mean nothing.";
  const quality = refitted ? "" : ` Trustworthiness of the right map: ${map.trustworthiness.toFixed(2)} of 1.`;
  return `Each dot is an example that was not used in training. Its colour is the emotion; dark circles are ${lead}, light triangles ${partner}. `
    + `${lines} Stars are your clips, in the colour of the category that the model assigns; a line joins their halves. `
    + `Only closeness means something, the axes do not.${quality}`;
};

const badge = (kind, colours) => {
  const sign = document.createElement("i");
  sign.className = "at-map-sign";
  for (const [index, colour] of colours.entries()) {
    const shape = document.createElement("b");
    shape.dataset.sign = kind === "both" ? SIGNS[index] : kind;
    shape.style.background = colour;
    sign.append(shape);
  }
  return sign;
};

// Buttons that show or hide an emotion or a modality on both sides.
const legend = (place, reference, theme, hidden, changed) => {
  const entries = [
    ...reference.emotions.map((name, kind) =>
      ["emotion", kind, name, badge("both", [theme.shades[kind], theme.shades[kind + reference.kinds]])]),
    ...reference.modalities.map((name, m) => ["modality", m, name, badge(SIGNS[m], [m ? theme.soft : theme.text])]),
  ];
  place.replaceChildren(...entries.map(([about, index, name, sign]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset[about] = name;
    button.title = `Show or hide ${name}`;
    button.setAttribute("aria-pressed", String(!hidden[about].has(index)));
    button.append(sign, capital(name));
    button.addEventListener("click", () => {
      const off = hidden[about];
      if (!off.delete(index)) off.add(index);
      button.setAttribute("aria-pressed", String(!off.has(index)));
      changed();
    });
    return button;
  }));
};

const selectionText = (points, pairs) =>
  `${points} ${points === 1 ? "point" : "points"} of ${pairs} ${pairs === 1 ? "pair" : "pairs"} `
  + `${points === 1 ? "is" : "are"} selected, on both maps.`;

// Lines of the tip of a reference point: what it is, and the distance of its partner.
const SIDES_IN_WORDS = { true: ["on the left", "on the right"], false: ["before", "after"] }; // by pinned
const tipOfPoint = (reference, item, maps, pinned) => {
  const pair = item % reference.count, m = item < reference.count ? 0 : 1;
  const partner = reference.pairing === "natural" ? "its other half" : `a ${reference.modalities[1 - m]} of the same label`;
  const [before, after] = maps.map((map) => map.distance[pair].toFixed(2)), [left, right] = SIDES_IN_WORDS[pinned];
  return [
    `${capital(reference.emotions[reference.labels[pair]])}, ${reference.modalities[m]}`,
    reference.corpora[m][pair],
    `Cosine distance to ${partner}: ${before} ${left}, ${after} ${right}`,
  ];
};

const tipOfStar = (reference, star, pinned) => {
  const [left, right] = SIDES_IN_WORDS[pinned];
  const nameOf = (emotion) => (emotion ? capital(emotion) : "no category");
  return [
    star.name,
    `The ${reference.modalities[star.m]} half`,
    `Assigned: ${nameOf(star.emotions[0])} ${left}, ${nameOf(star.emotions[1])} ${right}`,
  ];
};
