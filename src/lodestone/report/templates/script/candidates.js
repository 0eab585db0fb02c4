// The table of all distinct candidates with its filters, and the card of the selected one.
const yesNo = (value) => (value === true ? "yes" : value === false ? "no" : "–");
const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const escaped = (value) => element("span", {}, String(value)).innerHTML.replaceAll('"', "&quot;");
const elementsIn = (formula) => (formula ?? "").match(/[A-Z][a-z]?/g) ?? [];

const wordsOf = (candidates) => {
  const { columns: c, error } = candidates;
  return {
    hull: (i) => (isMissing(c.e_above_hull[i]) ? "not defined" : `${fixed(c.e_above_hull[i], 3)}${error === null ? "" : ` ± ${fixed(error, 3)}`}`),
    group: (i) => (c.space_group[i] === null ? "not found" : `${c.space_group_symbol[i]} (${c.space_group[i]})`),
    novelty: (i) => (c.known[i] === null ? "not compared" : c.known[i] ? "known" : "new"),
    reference: (i) => {
      if (c.known[i] === null) return "not compared";
      const distance = isMissing(c.reference_distance[i]) ? "" : `, distance ${fixed(c.reference_distance[i], 3)}`;
      if (c.known[i]) return `known: ${c.reference_id[i] ?? "–"}${distance}`;
      return c.reference_id[i] ? `new; nearest ${c.reference_id[i]}${distance}` : "new";
    },
    file: (i) => `${c.formula[i] ?? "structure"}_${c.id[i]}`.replace(/[^A-Za-z0-9._-]+/g, "-"),
    values: (constraint, i) => (constraint.processed_values[i] ?? []).map((v) => fixed(v, 2)).join(", ") || "–",
  };
};

const columnsOf = (candidates, words) => {
  const { columns: c, constraints, error } = candidates;
  const text = (title, value, hint = "") => ({ title, hint, data: (row, type) => (type === "display" ? escaped(value(row.i)) : value(row.i)), type: NATURAL });
  const number = (title, value, shown, hint = "") => ({ title, hint, className: "numeric", data: (row, type) => (type === "display" ? escaped(shown(row.i)) : value(row.i)), type: LAST });
  const button = (i) => `<button type="button" class="show" data-place="${i}">${escaped(c.formula[i] ?? "–")}</button>`;
  return [
    number("#", (i) => c.best_rank[i], (i) => c.best_rank[i] ?? "", "Place among the best"),
    { title: "Formula", hint: "Show its structure", data: (row, type) => (type === "display" ? button(row.i) : c.formula[row.i] ?? ""), type: NATURAL },
    { title: "File", orderable: false, data: (row, type) => (type === "display" && c.atoms[row.i] ? `<button type="button" class="cif" data-place="${row.i}">CIF</button>` : "") },
    number("Space group", (i) => c.space_group[i], words.group),
    number(`E hull${error === null ? "" : " ± RMSE"} / eV/atom`, (i) => c.e_above_hull[i], words.hull, "Energy above the hull of the references, by the campaign's estimator"),
    ...(c.p_metastable ? [number("P", (i) => c.p_metastable[i], (i) => fixed(c.p_metastable[i], 2), "Chance that the true energy above the hull is below 0.1 eV/atom")] : []),
    ...constraints.flatMap((k) => [
      number(`${k.name}: value${k.unit ? ` / ${k.unit}` : ""}`, (i) => k.processed_values[i]?.[0], (i) => words.values(k, i), "Of the symmetrised structure"),
      number(`${k.name}: loss`, (i) => k.processed_loss[i], (i) => fixed(k.processed_loss[i], 3), "0 is a perfect match"),
      text(`${k.name}: satisfied`, (i) => yesNo(k.satisfied[i]), "As generated"),
      text(`${k.name}: persists`, (i) => yesNo(k.persistent[i]), "Satisfied and valid, before and after a short relaxation"),
    ]),
    text("Reference", words.reference, "Known: the same structure is among the references"),
    text("Arm", (i) => c.arm[i]),
    number("Atoms", (i) => c.atoms[i], (i) => c.atoms[i] ?? "–", "In the primitive cell"),
    number("Copies", (i) => c.multiplicity[i], (i) => c.multiplicity[i] ?? "–", "Structures in its cluster of duplicates"),
    number("Max force / eV/Å", (i) => c.max_force_raw[i], (i) => fixed(c.max_force_raw[i], 2), "In the raw sample"),
    text("Structure", (i) => c.id[i], "Its id in candidates.parquet"),
  ];
};

const filterOf = (candidates, form) => {
  const { columns: c, constraints } = candidates;
  const value = (name) => form.elements[name].value.trim();
  const number = (name) => (value(name) === "" ? null : Number(value(name)));
  return () => {
    const formula = value("formula").toLowerCase(), wanted = elementsIn(value("formula")), group = value("group").toLowerCase();
    const [low, high] = [number("low"), number("high")], arm = value("arm"), novelty = value("novelty");
    const constraint = constraints[Number(value("constraint"))], flags = ["satisfied", "persistent"].filter((flag) => form.elements[flag].checked);
    const judge = (flag, i) => (constraint ? constraint[flag][i] === true : constraints.some((k) => k[flag][i] === true));
    return (_text, _row, i) => {
      const here = c.formula[i] ?? "", energy = c.e_above_hull[i];
      if (formula && !here.toLowerCase().includes(formula) && !(wanted.length && wanted.every((e) => elementsIn(here).includes(e)))) return false;
      if (group && String(c.space_group[i]) !== group && !(c.space_group_symbol[i] ?? "").toLowerCase().includes(group)) return false;
      if (arm && c.arm[i] !== arm) return false;
      if (novelty && (c.known[i] === null || c.known[i] !== (novelty === "known"))) return false;
      if (low !== null && (isMissing(energy) || energy < low)) return false;
      if (high !== null && (isMissing(energy) || energy > high)) return false;
      return flags.every((flag) => judge(flag, i));
    };
  };
};

const openTable = (DataTable, candidates, words, form) => {
  const columns = columnsOf(candidates, words), place = document.getElementById("all-candidates");
  const table = new DataTable(place, {
    columns, data: candidates.columns.id.map((_, i) => ({ i })), order: [], pageLength: 25, lengthMenu: [10, 25, 100],
    autoWidth: false, orderClasses: false, deferRender: true,
    createdRow: (row, { i }) => { row.dataset.place = i; },
    layout: { topStart: "search", topEnd: "info", bottomStart: "pageLength", bottomEnd: "paging" },
    language: {
      search: "Search all columns:", info: "_START_ to _END_ of _TOTAL_ candidates", infoFiltered: "(of _MAX_)",
      infoEmpty: "No candidate", zeroRecords: "No candidate passes these filters.", lengthMenu: "_MENU_ per page",
    },
  });
  columns.forEach((column, i) => { if (column.hint) table.column(i).header().title = column.hint; });
  place.parentElement.classList.add("scroll");
  const filter = filterOf(candidates, form);
  const apply = () => { table.search.fixed("filters", filter()).draw(); };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => { setTimeout(apply, 0); });
  form.addEventListener("submit", (event) => event.preventDefault());
  return table;
};

const fillForm = (candidates, form) => {
  const fill = (name, values) => values.forEach(([value, label]) => form.elements[name].append(element("option", { value }, label)));
  fill("arm", candidates.arms.map((arm) => [arm, arm]));
  fill("constraint", candidates.constraints.map((c, k) => [k, c.name]));
  form.querySelectorAll(".of-constraint").forEach((part) => { part.hidden = !candidates.constraints.length; });
  form.elements.constraint.closest("label").hidden = candidates.constraints.length < 2;
};

const cardOf = (candidates, words, i) => {
  const { columns: c, constraints } = candidates;
  const row = (head, ...value) => [element("dt", {}, head), element("dd", {}, ...value)];
  const symmetric = c.best_rank[i] === null ? null : document.querySelector(`#best .show[data-place="${i}"]`)?.closest("tr").querySelector("a[download]")?.cloneNode(true);
  if (symmetric) symmetric.textContent = "CIF with symmetry";
  return [
    element("h3", {}, `${c.formula[i] ?? "–"}, ${words.group(i)}`, c.best_rank[i] === null ? null : element("span", { class: "place" }, `place ${c.best_rank[i]}`)),
    element("dl", {},
      ...row("Energy above the hull", `${words.hull(i)} eV/atom${candidates.error === null ? " (error not known)" : " (RMSE)"}`),
      ...(c.p_metastable && !isMissing(c.p_metastable[i]) ? row("P(below 0.1 eV/atom)", fixed(c.p_metastable[i], 2)) : []),
      ...constraints.flatMap((k) => row(k.name, `${`${words.values(k, i)} ${k.unit}`.trim()}; loss ${fixed(k.processed_loss[i], 3)}; satisfied ${yesNo(k.satisfied[i])}; persists ${yesNo(k.persistent[i])}`)),
      ...row("Nearest reference", words.reference(i)), ...row("Arm", c.arm[i]), ...row("Id", element("code", {}, c.id[i])),
    ),
    element("p", {}, c.atoms[i] ? element("button", { type: "button", class: "cif", "data-place": i }, "CIF") : null, " ", symmetric ?? ""),
  ];
};

const download = (name, text) => {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "chemical/x-cif" })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
