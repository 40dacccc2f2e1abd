// The texts around the maps. Names come from visitors, so they are only ever set as text.

const capital = (word) => (word ? word[0].toUpperCase() + word.slice(1) : "");

const captionOf = (reference) => {
  const [lead, partner] = reference.nouns.map((noun) => noun.many);
  const lines = reference.pairing === "natural"
    ? "A thin line joins the two halves of each recording."
    : `Lines join the centres of ${lead} and ${partner} for each emotion. The two halves of a pair share `
      + "only their label, so a line for each pair would mean nothing.";
  return `Each dot is an example that was not used in training. Its colour is the emotion; dark circles are ${lead}, light triangles ${partner}. `
    + `${lines} Names stand where most points of an emotion are. Stars are the halves of your clips, each in the colour of the `
    + "category that the model assigns to it alone (grey: not judged alone); a line joins them and says how far apart they are in "
    + `the original space, 0 to 2. Bars below the maps show how well ${lead} and ${partner} mix: the share of each point's 15 nearest `
    + "that are of the other kind, in the space (upper bar) and on the map (lower bar); the mark is even mixing.";
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
    const title = about === "modality" ? reference.nouns[index].many : name;
    button.title = `Show or hide ${title}`;
    button.setAttribute("aria-pressed", String(!hidden[about].has(index)));
    button.append(sign, capital(title));
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
  const { one, many } = reference.nouns[1 - m], other = one === many ? many : `a ${one}`;
  const partner = reference.pairing === "natural" ? "its other half" : `${other} of the same label`;
  const [before, after] = maps.map((map) => map.distance[pair].toFixed(2)), [left, right] = SIDES_IN_WORDS[pinned];
  return [
    `${capital(reference.emotions[reference.labels[pair]])} ${reference.nouns[m].one}`,
    reference.corpora[m][pair],
    `Cosine distance to ${partner}: ${before} ${left}, ${after} ${right}`,
  ];
};

const tipOfStar = (reference, star, pinned) => {
  const [left, right] = SIDES_IN_WORDS[pinned];
  const stages = ([first, second], none) => `${capital(first || none)} ${left}, ${capital(second || none)} ${right}`;
  const [lead, partner] = reference.nouns, both = `${capital(lead.one)} and ${partner.one} together`;
  const lines = [star.name, `Its ${reference.nouns[star.m].one} alone: ${stages(star.alone, "not judged")}`];
  return star.partner ? [...lines, `${both}: ${stages(star.emotions, "no category")}`] : lines;
};
