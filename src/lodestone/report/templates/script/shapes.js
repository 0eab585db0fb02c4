// The coordination that a term counts, as shapes of the viewer: every neighbour within the cutoff, centres
// that meet the target as balls, centres that miss it as jacks (three crossed bars).
const MET = 0x0072b2, MISSED = 0xd55e00, BOND = 0x8c8c8c;
const meets = (spans, count) => spans === null
  || spans.some(([low, high]) => (low === null || count >= low - 1e-9) && (high === null || count <= high + 1e-9));
const hexOf = (color) => Number.parseInt(color.slice(1), 16) || 1;  // 0 would be "no colour"

const coordinationOf = (crystal, pair) => crystal.numbers.flatMap((number, atom) => {
  if (number !== pair.center) return [];
  const vectors = neighboursOf(crystal, atom, pair.neighbor, pair.cutoff);
  return [{ atom, vectors, met: meets(pair.spans, vectors.length) }];
});

const shapeOf = (crystal, pair, elements) => {
  const centres = new Map(coordinationOf(crystal, pair).map((centre) => [centre.atom, centre]));
  const small = (number) => 0.32 * elements[number].radius;
  const balls = [], bars = [];
  crystal.numbers.forEach((number, atom) => {
    const centre = centres.get(atom), judged = centre && pair.spans !== null;
    const ball = { centers: [[0, 0, 0]], radii: [small(number)], colors: [hexOf(elements[number].color)] };
    const bar = { vectors: [], bases: [], radii: [], colors: [] };
    const add = (base, vector, radius, color) => {
      bar.bases.push(base); bar.vectors.push(vector); bar.radii.push(radius); bar.colors.push(color);
    };
    for (const vector of centre?.vectors ?? []) {
      add([0, 0, 0], vector, 0.07, BOND);
      ball.centers.push(vector);
      ball.radii.push(small(pair.neighbor));
      ball.colors.push(hexOf(elements[pair.neighbor].color));
    }
    if (judged && centre.met) { ball.radii[0] = 0.5; ball.colors[0] = MET; }
    if (judged && !centre.met) {
      ball.radii[0] = 0.2; ball.colors[0] = MISSED;
      for (let k = 0; k < 3; k += 1) {
        const arm = [0, 0, 0], start = [0, 0, 0];
        arm[k] = 1.3; start[k] = -0.65;
        add(start, arm, 0.17, MISSED);
      }
    }
    balls.push(ball);
    bars.push(bar);
  });
  return { kind: "combined", shapes: [
    { kind: "spheres", parameters: { global: {}, atom: balls } },
    { kind: "cylinders", parameters: { global: {}, atom: bars } },
  ] };
};

// A view that holds the cell and every neighbour drawn; 3Dmol's camera stands at 150 Å. SEEN: what it sees of a
// sphere around the middle, as a slope, measured with the embedded version.
const CAMERA = 150, SEEN = 0.27;
const cameraFor = (crystal, pair) => {
  const corners = [0, 1].flatMap((a) => [0, 1].flatMap((b) => [0, 1].map((c) => times([a, b, c], crystal.cell))));
  const middle = times([0.5, 0.5, 0.5], crystal.cell);
  const around = pair ? coordinationOf(crystal, pair).flatMap(({ atom, vectors }) => {
    const place = times(crystal.frac[atom], crystal.cell);
    return vectors.map((vector) => vector.map((x, k) => x + place[k]));
  }) : [];
  const reach = Math.max(...[...corners, ...around].map((point) => length(point.map((x, k) => x - middle[k]))));
  const [x, y, z] = middle.map((value) => -value);
  return { center: { x, y, z }, eye: { x, y, z: z + 1 }, up: { x: 0, y: 1, z: 0 }, zoom: CAMERA - reach / SEEN };
};

const swatch = (color, mark) => element("span", { class: "swatch", style: `color:${color}`, "aria-hidden": "true" }, mark);
const legendOf = (crystal, pair, elements) => {
  const items = [], name = (number) => elements[number].symbol;
  if (pair) {
    const centres = coordinationOf(crystal, pair), met = centres.filter((c) => c.met).length;
    const counts = centres.map((c) => c.vectors.length).sort((a, b) => a - b).join(", ");
    if (!centres.length) items.push(element("li", {}, `No ${name(pair.center)} in this structure.`));
    else {
      items.push(element("li", {}, `${pair.label}; neighbours of each ${name(pair.center)} in the cell drawn: ${counts}`));
      if (pair.spans !== null) items.push(
        element("li", {}, swatch("#0072b2", "●"), ` blue ball: ${name(pair.center)} that meets the target of ${pair.asked} (${met})`),
        element("li", {}, swatch("#d55e00", "✚"), ` orange jack: ${name(pair.center)} that misses it (${centres.length - met})`),
      );
    }
  }
  const present = [...new Set(crystal.numbers)].filter((z) => !(pair && pair.spans !== null && z === pair.center));
  items.push(element("li", {}, ...present.flatMap((z) => [swatch(elements[z].color, "●"), ` ${name(z)}  `])));
  return items;
};
