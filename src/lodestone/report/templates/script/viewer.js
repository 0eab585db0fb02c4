// chemiscope's map and structure; structures are built when they are asked for.
const openViewer = async (candidates, crystals, chosen) => {
  const { settings, name, description, properties: known, names } = await unpackJson(pack("viewer"));
  await runScript("library-chemiscope");
  await pause();
  const { columns, constraints, elements } = candidates;
  const shapes = constraints.flatMap((c) => c.pairs.map((pair) => ({ constraint: c.name, key: `${c.name}: ${pair.label}`, pair })));
  const numbers = (values) => values.map((v) => (v === null ? NaN : Number(v)));
  const all = {
    [names.hull]: { values: numbers(columns.e_above_hull), units: "eV/atom" },
    [names.volume]: { values: numbers(columns.volume_per_atom), units: "Å³/atom" },
    [names.atoms]: { values: numbers(columns.atoms) },
  };
  constraints.forEach((c, k) => {
    all[names.loss[k]] = { values: numbers(c.processed_loss) };
    all[names.satisfied[k]] = { values: numbers(c.satisfied) };
  });
  const properties = Object.fromEntries(known.map((key) => [key, { target: "structure", ...all[key] }]));
  properties.arm = { target: "structure", values: columns.arm };
  const structure = (i) => {
    const crystal = crystals.conventional(i);
    const places = crystal.frac.map((f) => times(f, crystal.cell));
    const built = {
      size: crystal.numbers.length, names: crystal.numbers.map((z) => elements[z].symbol), cell: crystal.cell.flat(),
      ...Object.fromEntries(["x", "y", "z"].map((axis, k) => [axis, places.map((p) => p[k])])),
    };
    if (shapes.length) built.shapes = Object.fromEntries(shapes.map(({ key, pair }) => [key, shapeOf(crystal, pair, elements)]));
    return built;
  };
  const dataset = {
    meta: { name, description }, properties, settings,
    structures: columns.id.map((_, i) => ({ size: crystals.drawn(i), data: i })),
  };
  const places = Object.fromEntries(["map", "structure", "info", "meta"].map((part) => [part, `chemiscope-${part}`]));
  const viewer = await Chemiscope.DefaultVisualizer.load(
    { ...places, loadStructure: (i) => structure(i) }, dataset, new Chemiscope.Warnings(),
  );
  viewer.map.onselect = (indexes) => chosen(indexes.structure);

  const chooser = document.getElementById("bonds"), legend = document.getElementById("legend");
  let current = 0, drawn = null;
  const pairFor = (i) => {
    if (chooser.value !== "auto") return shapes.find((s) => s.key === chooser.value) ?? null;
    const arm = columns.arm[i], guided = constraints.find((c) => c.arms.includes(arm))?.name;
    return shapes.find((s) => s.constraint === guided) ?? shapes[0] ?? null;
  };
  const showLegend = () => legend.replaceChildren(...legendOf(crystals.conventional(current), pairFor(current)?.pair, elements));
  const showBonds = () => {
    const shape = pairFor(current);
    if (shape?.key !== drawn) {
      drawn = shape?.key;
      viewer.structure.applySettings([{ shape: shape?.key ?? "", bonds: !shape, atoms: !shape }]);
    }
    showLegend();
  };
  for (const { key } of shapes) chooser.append(element("option", { value: key }, key));
  chooser.append(element("option", { value: "all" }, "all close atoms (no target)"));
  chooser.closest("label").hidden = !shapes.length;
  chooser.addEventListener("change", showBonds);

  const axis = document.getElementById("map-loss");
  constraints.forEach((c, k) => {
    if (known.includes(names.loss[k])) axis.append(element("option", { value: k }, c.name));
  });
  axis.closest("label").hidden = axis.options.length < 2;
  axis.addEventListener("change", () => {
    viewer.map.applySettings({ x: { property: names.loss[axis.value] } });
  });
  const look = (i) => viewer.structure.applySettings([{ camera: cameraFor(crystals.conventional(i), pairFor(i)) }]);
  // What cannot be seen is not drawn: a browser without a GPU would draw all of it when it comes into view.
  const inSight = new Set();
  let shown = null;
  const draw = async () => {
    if (shown === current) return;
    const i = shown = current;
    const indexes = { structure: i, environment: i, atom: undefined };
    viewer.map.select(indexes);
    await viewer.structure.show(indexes);
    if (i !== current) return;  // another one was asked for meanwhile
    showBonds();
    look(i);
  };
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) inSight[isIntersecting ? "add" : "delete"](target);
    if (inSight.size) draw();
  });
  for (const part of [places.map, places.structure]) watch.observe(document.getElementById(part));
  return {
    show: async (i) => {
      current = i;
      showLegend();
      if (shown === null || inSight.size) await draw();
    },
  };
};
