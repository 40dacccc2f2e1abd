// What is written around the maps. Names come from visitors: text is only ever set as text.

const capital = (word) => (word ? word[0].toUpperCase() + word.slice(1) : "");

const captionOf = (reference, map, refitted) => {
  const [lead, partner] = reference.modalities;
  const lines = reference.pairing === "natural"
    ? "A thin line joins the two halves of each recording."
    : `Lines join the centroids of ${lead} and ${partner} of each emotion: the halves of a reference pair `
      + "share only their label, so that a line for each pair would show chance.";
  const quality = refitted ? "" : ` Trustworthiness of the right map: ${map.trustworthiness.toFixed(2)} of 1.`;
  return `Each dot is a held-out recording. Hue is the emotion; dark circles are ${lead}, light triangles ${partner}. `
    + `${lines} Stars are your clips, in the hue of the category the model assigns, a line between their halves. `
    + `The axes mean nothing: only who is near whom does.${quality}`;
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

// Buttons that show or hide an emotion or a modality, on both sides.
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
      const gone = hidden[about];
      if (!gone.delete(index)) gone.add(index);
      button.setAttribute("aria-pressed", String(!gone.has(index)));
      changed();
    });
    return button;
  }));
};

const choiceOf = (points, pairs) =>
  `${points} ${points === 1 ? "point" : "points"} of ${pairs} ${pairs === 1 ? "pair" : "pairs"} `
  + `${points === 1 ? "is" : "are"} chosen, on both maps.`;

// Lines of the tip of a reference point: what it is, and how far its partner is.
const tipOfPoint = (reference, item, maps) => {
  const pair = item % reference.count, m = item < reference.count ? 0 : 1;
  const partner = reference.pairing === "natural" ? "its other half" : `a ${reference.modalities[1 - m]} of the same label`;
  const [before, after] = maps.map((map) => map.distance[pair].toFixed(2));
  return [
    `${capital(reference.emotions[reference.labels[pair]])}, ${reference.modalities[m]}`,
    reference.corpora[m][pair],
    `Cosine distance to ${partner}: ${before} before, ${after} after`,
  ];
};

const tipOfStar = (reference, star) => {
  const said = (emotion) => (emotion ? capital(emotion) : "no category");
  return [
    star.name,
    `The ${reference.modalities[star.m]} half`,
    `Assigned: ${said(star.emotions[0])} before, ${said(star.emotions[1])} after`,
  ];
};
