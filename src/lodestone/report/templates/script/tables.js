// Static tables become sortable; a cell without a number goes last in either direction.
const LAST = "number-or-last", NATURAL = "natural";
const isMissing = (value) => value === null || value === undefined || value === "";
const lastWhenMissing = (sign) => (a, b) => {
  if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b));
  return sign * (Number(a) - Number(b));
};
const collator = new Intl.Collator("en", { numeric: true });
const naturally = (sign) => (a, b) => sign * collator.compare(String(a), String(b));

const prepareTables = (DataTable) => {
  const order = DataTable.ext.type.order;
  order[`${LAST}-asc`] = lastWhenMissing(1);
  order[`${LAST}-desc`] = lastWhenMissing(-1);
  order[`${NATURAL}-asc`] = naturally(1);
  order[`${NATURAL}-desc`] = naturally(-1);
  DataTable.ext.errMode = "throw";
};
const textOf = (cell) => {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll("button").forEach((button) => button.remove());
  return copy.textContent.trim();
};
const enhance = (DataTable, table) => {
  if (table.tBodies[0].rows.length < 2) return;
  const rows = [...table.tBodies[0].rows];
  const columnDefs = [...table.tHead.rows[0].cells].map((_, i) => {
    const ordered = rows.some((row) => row.cells[i].dataset.order !== undefined);
    for (const row of rows) if (row.cells[i].dataset.order === undefined) row.cells[i].dataset.order = ordered ? "" : textOf(row.cells[i]);
    return { targets: i, type: ordered ? LAST : NATURAL };
  });
  new DataTable(table, { columnDefs, paging: false, searching: false, info: false, order: [], autoWidth: false, layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null } });
};
const enhanceTables = async (DataTable) => {
  for (const table of document.querySelectorAll("table.sortable")) {
    const hidden = table.closest("details:not([open])");
    if (hidden) hidden.addEventListener("toggle", () => enhance(DataTable, table), { once: true });
    else enhance(DataTable, table);
    await pause();
  }
};
