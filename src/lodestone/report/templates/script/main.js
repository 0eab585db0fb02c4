// Opens the page: small tables, candidates, viewer, figures; each part says by itself what went wrong.
const guarded = async (place, what, work) => {
  try { return await work(); } catch (error) {
    console.error(error);
    complain(place, `${what} could not be opened: ${error.message ?? error}`);
    return null;
  }
};

const openCandidates = async (DataTable) => {
  const section = document.getElementById("candidates"), form = document.getElementById("filters");
  const candidates = await unpackJson(pack("candidates"));
  const crystals = await readCrystals(candidates), words = wordsOf(candidates);
  fillForm(candidates, form);
  const table = openTable(DataTable, candidates, words, form);
  let selected = null, viewer = null;
  const mark = (i) => {
    selected = i;
    document.getElementById("card").replaceChildren(...cardOf(candidates, words, i));
    const order = table.rows({ search: "applied", order: "applied" }).indexes().toArray(), place = order.indexOf(i);
    const page = Math.floor(place / table.page.len());
    if (place >= 0 && page !== table.page()) table.page(page).draw("page");
    highlight();
  };
  const highlight = () => {
    for (const row of document.querySelectorAll("#all-candidates tbody tr, #best tbody tr")) {
      const place = row.dataset.place ?? row.querySelector(".show")?.dataset.place;
      if (place !== undefined && Number(place) === selected) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  };
  table.on("draw", highlight);
  const select = (i) => {
    mark(i);
    if (viewer && crystals.has(i)) viewer.show(i);
  };
  document.addEventListener("click", (event) => {
    const cif = event.target.closest("button.cif"), show = event.target.closest("button.show");
    if (cif) {
      const i = Number(cif.dataset.place), name = words.file(i);
      download(`${name}.cif`, cifOf(crystals.stored(i), name, candidates.elements));
    } else if (show) {
      select(Number(show.dataset.place));
      document.getElementById("candidates").scrollIntoView({ behavior: "smooth" });
    } else {
      const row = event.target.closest("#all-candidates tbody tr[data-place]");
      if (row) select(Number(row.dataset.place));
    }
  });
  if (pack("viewer")) {
    await pause();
    viewer = await guarded(section, "The viewer", () => openViewer(candidates, crystals, select));
  }
  select(0);
  document.body.dataset.viewer = viewer ? "ready" : "none";
};

const open = async () => {
  if (!("DecompressionStream" in window)) {
    complain(document.querySelector("main"), "This browser is too old for figures and structures (it needs DecompressionStream: Chrome 80, Firefox 113, Safari 16.4 or later).");
    return;
  }
  await addStyle("library-datatables-style");
  const { default: DataTable } = await importModule("library-datatables");
  prepareTables(DataTable);
  const candidates = document.getElementById("candidates");
  if (pack("candidates")) await guarded(candidates, "The table", () => openCandidates(DataTable));
  else document.body.dataset.viewer = "none";
  await enhanceTables(DataTable);
  await guarded(document.querySelector("main"), "The figures", drawFigures);
  document.body.dataset.page = "ready";
  await guarded(document.querySelector("main"), "The figures", drawTheRest);
};
open();
