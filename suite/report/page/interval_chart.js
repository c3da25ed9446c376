// Interval plots: one row per algorithm, a bar from low to high, a line at the estimate, small rings
// for single runs. Rows do not overlap, so that all algorithms are shown whatever the legend says.

/**
 * Options: panels = [{title, label, rows: [{name, color, value, lo, hi, dots, note, tip}], fixed, ref, digits}];
 * all panels share their rows. As many panels stand side by side as the width allows.
 */
function intervalPlot(width, { panels, names }) {
  const root = svg("svg");
  const labels = 16 + Math.max(...names.map((name) => textWidth(name)), 40);
  const most = width >= 860 ? 4 : width >= 560 ? 2 : 1;
  const columns = Math.min(panels.length, most);
  const rows = names.filter((name) => panels.some((p) => p.rows.some((r) => r.name === name)));
  const step = state.still ? 19 : 23;
  const titled = panels.some((p) => p.title);
  const labelled = panels.some((p) => p.label);
  const high = rows.length * step + (titled ? 30 : 10) + (labelled ? 42 : 30);
  const gap = 26;
  const cell = (width - labels) / columns;
  panels.forEach((panel, p) => {
    const column = p % columns;
    const top = Math.floor(p / columns) * high + (titled ? 28 : 8);
    const box = { left: labels + column * cell, right: labels + (column + 1) * cell - gap, top, bottom: top + rows.length * step };
    const values = panel.rows.flatMap((r) => [r.value, r.lo, r.hi, ...(r.dots || [])]);
    const scale = linearScale(values.concat(isNumber(panel.ref) ? [panel.ref] : []), [box.left, box.right],
      { fixed: panel.fixed, count: Math.max(2, Math.min(6, Math.floor((box.right - box.left) / 62))) });
    if (panel.title) {
      const last = width - 6 - 1.08 * textWidth(panel.title);  // beside long names a box is narrower than its title
      root.append(plotText(Math.min(box.left, last), top - 10, panel.title, { color: "ink", bold: true }));
    }
    rows.forEach((_, i) => {
      if (i % 2 === 0) root.append(svg("rect", { x: box.left, width: box.right - box.left, y: top + i * step, height: step,
        style: `fill:${ink("raised")}` }));
    });
    for (const tick of scale.ticks) {
      const x = scale.at(tick);
      root.append(plotLine(x, box.top, x, box.bottom, "grid"),
        plotText(x, box.bottom + 15, scale.label(tick), { anchor: "middle", size: 11 }));
    }
    if (isNumber(panel.ref))
      root.append(plotLine(scale.at(panel.ref), box.top - 3, scale.at(panel.ref), box.bottom, "soft", "stroke-dasharray:4 3"));
    root.append(plotLine(box.left, box.bottom, box.right, box.bottom, "soft"));
    if (panel.label) root.append(plotText((box.left + box.right) / 2, box.bottom + 33, panel.label, { anchor: "middle" }));
    rows.forEach((name, i) => {
      const row = panel.rows.find((r) => r.name === name);
      const y = top + i * step + step / 2;
      const group = svg("g", { "data-name": name });
      group.append(svg("rect", { x: box.left, y: y - step / 2, width: box.right - box.left, height: step, style: "fill:transparent" }));
      if (column === 0) group.append(plotText(box.left - 10, y + 4, name, { anchor: "end", color: "ink" }));
      if (row) drawRow(group, row, box, scale, y);
      if (row) {
        group.addEventListener("pointermove", (event) => showTip([
          el("strong", { text: `${name}: ` }), rowText(row, panel),
          row.tip && el("div", { class: "soft", text: row.tip })].filter(Boolean), event.pageX, event.pageY));
        group.addEventListener("pointerleave", hideTip);
      }
      root.append(group);
    });
  });
  fill(root, { role: "img", "aria-description": panels.map((panel) => [panel.title || panel.label,
    panel.rows.map((row) => `${row.name} ${rowText(row, panel)}`).join(", ")].filter(Boolean).join(": ")).join("; ") });
  return { root, height: Math.ceil(panels.length / columns) * high };
}

const rowText = (row, panel) => (isNumber(row.value) ? shownEstimate([row.value, row.lo, row.hi], panel.digits ?? 2)
  : row.note || "no score");

function drawRow(group, row, box, scale, y) {
  if (!isNumber(row.value)) {
    group.append(plotText(box.left + 6, y + 4, row.note || "no score", { size: 11, color: "warn-ink" }));
    return;
  }
  const color = ink(row.color);
  if (isNumber(row.lo))
    group.append(svg("line", { x1: scale.at(row.lo), x2: scale.at(row.hi), y1: y, y2: y,
      style: `stroke:${color};stroke-width:7;stroke-opacity:0.38` }));
  for (const dot of row.dots || [])
    group.append(svg("circle", { cx: scale.at(dot), cy: y, r: 2.1, style: `fill:none;stroke:${color};stroke-width:1` }));
  group.append(svg("line", { x1: scale.at(row.value), x2: scale.at(row.value), y1: y - 6.5, y2: y + 6.5,
    style: `stroke:${color};stroke-width:3` }));
}
