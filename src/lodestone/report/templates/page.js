"use strict";
(() => {
  const valueOf = (row, i) => {
    const cell = row.cells[i], sort = cell.dataset.sort;
    return sort === undefined ? null : Number(sort);
  };
  const compare = (a, b, i, sign) => {
    const x = valueOf(a, i), y = valueOf(b, i);
    if (x !== null && y !== null) return sign * (x - y);
    if ((x === null) !== (y === null)) return x === null ? 1 : -1;  // without a number: always last
    return sign * a.cells[i].textContent.localeCompare(b.cells[i].textContent);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, i) => head.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => compare(a, b, i, ascending ? 1 : -1)));
    }));
  }
  for (const filter of document.querySelectorAll("input.filter")) {
    const body = filter.parentElement.querySelector("table.sortable tbody");
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
  const dataset = document.getElementById("chemiscope-dataset");
  if (!dataset) return;
  const names = ["map", "structure", "info", "meta"];
  const places = Object.fromEntries(names.map((name) => [name, `chemiscope-${name}`]));
  const complain = (message) => {
    const note = document.createElement("p");
    note.className = "warning";
    note.textContent = `The viewer could not be opened: ${message}`;
    document.getElementById("viewer").append(note);
  };
  const read = (text) => JSON.parse(text, (_key, value) => (value === "***NaN***" ? NaN : value));
  const warnings = new Chemiscope.Warnings();
  Chemiscope.DefaultVisualizer.load(places, read(dataset.textContent), warnings).then((visualizer) => {
    document.body.dataset.viewer = "ready";
    for (const button of document.querySelectorAll("button.show")) {
      button.addEventListener("click", () => {
        const place = Number(button.dataset.place);
        visualizer.select({ environment: place, structure: place, atom: undefined });
        document.getElementById("viewer").scrollIntoView({ behavior: "smooth" });
      });
    }
  }).catch((error) => { document.body.dataset.viewer = "failed"; complain(error.message ?? error); });
})();
