// Sortable tables. A column: {label, num, value(row) to sort by, cell(row) to show, title}.

const TABLE_SIZES = new ResizeObserver((entries) =>
  requestAnimationFrame(() => entries.forEach((entry) => showCue(entry.target))));

/** A table that may be wider than the page; a shade and a line of text say that more is beside it. */
function scrollBox(caption, table) {
  const scroll = el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption }, table);
  const box = el("div", { class: "table-box" }, [el("div", { class: "shade" }, scroll),
    el("p", { class: "cue small soft screen", "aria-hidden": "true" })]);
  scroll.addEventListener("scroll", () => showCue(scroll), { passive: true });
  TABLE_SIZES.observe(scroll);
  return box;
}
function showCue(scroll) {
  const box = scroll.closest(".table-box");
  const right = scroll.getBoundingClientRect().right;
  const isWider = scroll.scrollWidth > scroll.clientWidth + 1;
  const beside = isWider ? [...scroll.querySelectorAll("thead th")].filter((th) => th.getBoundingClientRect().right > right + 4).length : 0;
  box.classList.toggle("more", beside > 0);
  box.lastChild.hidden = !isWider;
  box.lastChild.textContent = beside ? `→ ${beside} more column${beside > 1 ? "s" : ""} to the right` : "← the first columns are to the left";
}

function dataTable({ caption, columns, rows, rowAttributes, className }) {
  const body = el("tbody");
  const heads = columns.map((column) => el("th", { scope: "col", class: column.num ? "num" : null, title: column.title },
    el("button", { type: "button", text: column.label })));
  const lines = rows.map((row, place) => ({ row, place, node: el("tr", rowAttributes ? rowAttributes(row) : {},
    columns.map((column) => el("td", { class: [column.num && "num", column.className].filter(Boolean).join(" ") || null },
      column.cell(row)))) }));
  body.append(...lines.map((line) => line.node));
  const sort = (c, descending) => {
    const value = columns[c].value;
    const order = [...lines].sort((a, b) => {
      const [x, y] = [value(a.row), value(b.row)];
      const missing = (v) => v === undefined || v === null || Number.isNaN(v);
      if (missing(x) || missing(y)) return missing(x) - missing(y) || a.place - b.place;
      const compared = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return (descending ? -compared : compared) || a.place - b.place;
    });
    body.append(...order.map((line) => line.node));
  };
  heads.forEach((head, c) => head.firstChild.addEventListener("click", () => {
    const now = head.getAttribute("aria-sort");
    // Numbers start with the largest, text with the first; the third press restores the order.
    const cycle = columns[c].num ? [null, "descending", "ascending"] : [null, "ascending", "descending"];
    const next = cycle[(cycle.indexOf(now) + 1) % 3];
    for (const other of heads) other.removeAttribute("aria-sort");
    if (next) {
      head.setAttribute("aria-sort", next);
      sort(c, next === "descending");
    } else {
      body.append(...lines.map((line) => line.node));
    }
  }));
  return scrollBox(caption, el("table", { class: className }, [el("thead", {}, el("tr", {}, heads)), body]));
}

/** Rows carry data-search; a row stays when it holds every word. Sections without rows go too. */
function applyFilter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of document.querySelectorAll("tr[data-search]"))
    row.hidden = !words.every((word) => row.dataset.search.includes(word));
  for (const section of document.querySelectorAll("section.task"))
    section.hidden = words.length > 0 && !section.querySelector("tr[data-search]:not([hidden])");
  for (const link of document.querySelectorAll("#nav a.sub"))
    link.hidden = Boolean(document.getElementById(link.dataset.section)?.hidden);
}
