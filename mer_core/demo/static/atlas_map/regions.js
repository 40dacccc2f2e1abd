// Names of places: where most points of one emotion and modality are, as the server found them.

const NAME_STEPS = [0, -1, 1, -2, 2]; // lines by which a name may be moved to keep clear of others

// Group → its named place on a side; groups that share a place have the same one.
const placesOf = (side) => {
  const refit = (state.view.refit || {})[SIDES[side]], found = new Map();
  for (const { groups, at } of (refit || mapOf(side)).places || []) {
    for (const group of groups) found.set(group, at);
  }
  return found;
};

// On the way between two maps, places that only one of them has are left out.
const blendPlaces = (from, to, share) => {
  if (share === 0 || share === 1) return share ? to : from;
  const found = new Map();
  for (const [group, [x, y]] of to) {
    const start = from.get(group);
    if (start) found.set(group, [start[0] + (x - start[0]) * share, start[1] + (y - start[1]) * share]);
  }
  return found;
};

const many = (group) => state.reference.nouns[group < state.reference.kinds ? 0 : 1].many;

// What stands at each place of an emotion: one name where both modalities' names would overlap.
const namesOf = (kind, places, toPixels, widthOf, line) => {
  const { emotions, kinds } = state.reference;
  const [lead, partner] = [kind, kind + kinds].filter((group) => places.has(group) && shows(group))
    .map((group) => ({ text: `${emotions[kind]} ${many(group)}`, spot: toPixels(places.get(group)), group }));
  if (!lead) return [];
  if (!partner) return [lead];
  const [dx, dy] = [0, 1].map((axis) => Math.abs(lead.spot[axis] - partner.spot[axis]));
  if (dx > (widthOf(lead.text) + widthOf(partner.text)) / 2 || dy > line) return [lead, partner];
  const spot = [0, 1].map((axis) => (lead.spot[axis] + partner.spot[axis]) / 2);
  return [{ text: `${lead.text} and ${many(partner.group)}`, spot, group: lead.group }];
};

// Writes the names of one side, each where it overlaps nothing in `taken`; else it is left out.
const paintNames = (pen, side, box, toPixels, taken) => {
  const { reference, theme } = state, size = box.w < 420 ? 12 : 13.5, line = size * 1.35;
  pen.font = `650 ${size}px ${theme.family}`;
  const widthOf = (text) => textWidth(pen, text);
  for (let kind = 0; kind < reference.kinds; kind++) {
    for (const { text, spot } of namesOf(kind, state.places[side], toPixels, widthOf, line)) {
      if (!isInside(spot, box)) continue;
      const half = widthOf(text) / 2 + 3;
      const area = NAME_STEPS.map((steps) => areaIn(box, spot[0], spot[1] + steps * line, half, line / 2))
        .find((one) => isFree(one, box, taken));
      if (!area) continue;
      taken.push(area);
      haloText(pen, text, area, theme.inks[kind]);
    }
  }
};
