// Tables: columns that are sorted, rows that are filtered.
const text = (row, column) => row.cells[column].textContent;
const order = (column, sign) => (one, other) => {
  const [a, b] = [one, other].map((row) => row.cells[column].dataset.value);
  // What has no number stays below, whichever way the others go.
  if (a !== undefined || b !== undefined) {
    const [x, y] = [a, b].map((value) => (value === undefined ? NaN : Number(value)));
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  }
  const [p, q] = [text(one, column), text(other, column)];
  if (!p || !q) return !p - !q;
  return sign * p.localeCompare(q, "en", { numeric: true });
};

for (const table of document.querySelectorAll(".table > table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  if (rows.length < 3) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", title: "Sort by this column" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      const next = before === "ascending" ? "descending" : before === "descending" ? null : "ascending";
      if (next) head.setAttribute("aria-sort", next);
      body.append(...(next ? [...rows].sort(order(column, next === "ascending" ? 1 : -1)) : rows));
    });
  });
  if (rows.length < 8) continue;
  const bar = make("div", { className: "filters" });
  const tests = [];
  const count = make("span");
  count.setAttribute("aria-live", "polite");
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !tests.every((test) => test(row));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  };
  const search = make("input", { type: "search", placeholder: "filter rows" });
  search.setAttribute("aria-label", "Filter rows by words");
  search.addEventListener("input", apply);
  tests.push((row) => {
    const words = search.value.toLowerCase().split(/\s+/);
    const found = row.textContent.toLowerCase();
    return words.every((word) => found.includes(word));
  });
  bar.append(search);
  heads.forEach((head, column) => {
    if (column === 0 || head.classList.contains("right")) return;
    const values = [...new Set(rows.map((row) => text(row, column)))].filter(Boolean);
    if (values.length < 2 || values.length > 12) return;
    const select = make("select", {}, make("option", { value: "", textContent: "all" }));
    values.sort().forEach((value) => select.append(make("option", { value, textContent: value.slice(0, 40) })));
    select.addEventListener("change", apply);
    tests.push((row) => !select.value || text(row, column) === select.value);
    bar.append(make("label", {}, `${head.textContent}: `, select));
  });
  if (table.dataset.mark && rows.some((row) => row.classList.contains("marked"))) {
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", apply);
    tests.push((row) => !box.checked || row.classList.contains("marked"));
    bar.append(make("label", {}, box, ` ${table.dataset.mark} only`));
  }
  bar.append(count);
  apply();
  table.parentElement.before(bar);
}
