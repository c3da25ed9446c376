// Interval plots: one row per algorithm, a bar from low to high, a point at the estimate, small
// dots for single runs.

/**
 * Options: panels = [{title, rows: [{name, color, dash, value, lo, hi, dots, note, star}], fixed, ref, digits}];
 * all panels share their rows.
 */
function intervalPlot({ panels, names }) {
  const root = svg("svg");
  const labels = 18 + Math.max(...names.map((name) => textWidth(name)), 60);
  const columns = panels.length > 1 ? 2 : 1;
  const width = columns === 2 ? WIDTH * 2 : WIDTH;
  const rows = names.filter((name) => panels.some((p) => p.rows.some((r) => r.name === name)));
  const step = 22;
  const high = rows.length * step + 76;
  const cell = width / columns;
  panels.forEach((panel, p) => {
    const left = (p % columns) * cell + labels;
    const top = Math.floor(p / columns) * high + (panel.title ? 28 : 10);
    const box = { left, right: (p % columns) * cell + cell - 18, top, bottom: top + rows.length * step };
    const visible = panel.rows.filter((r) => !state.hidden.has(r.name));
    const values = visible.flatMap((r) => [r.value, r.lo, r.hi, ...(r.dots || [])]);
    const scale = linearScale(values.concat(isNumber(panel.ref) ? [panel.ref] : []), [box.left, box.right],
      { fixed: panel.fixed });
    if (panel.title) root.append(plotText(box.left, top - 12, panel.title, { color: "ink", bold: true }));
    for (const tick of scale.ticks) {
      const x = scale.at(tick);
      root.append(plotLine(x, box.top, x, box.bottom, "grid"),
        plotText(x, box.bottom + 15, scale.label(tick), { anchor: "middle", size: 11 }));
    }
    if (isNumber(panel.ref))
      root.append(plotLine(scale.at(panel.ref), box.top - 3, scale.at(panel.ref), box.bottom, "soft", "stroke-dasharray:4 3"));
    root.append(plotLine(box.left, box.bottom, box.right, box.bottom, "soft"));
    if (panel.label) root.append(plotText((box.left + box.right) / 2, box.bottom + 32, panel.label, { anchor: "middle" }));
    rows.forEach((name, i) => {
      const row = panel.rows.find((r) => r.name === name);
      const off = state.hidden.has(name);
      const y = top + i * step + step / 2;
      const group = svg("g", { class: off ? "entry off" : "entry", "data-name": name });
      group.append(svg("rect", { x: left - labels, y: y - step / 2, width: box.right - left + labels, height: step,
        style: "fill:transparent" }), plotText(left - 10, y + 4, name, { anchor: "end", color: "ink" }));
      if (row && !off && !isNumber(row.value)) group.append(plotText(box.left + 6, y + 4, row.note || "no score", { size: 11, color: "warn-ink" }));
      if (row && !off && isNumber(row.value)) {
        const color = ink(row.color);
        if (isNumber(row.lo))
          group.append(svg("line", { x1: scale.at(row.lo), x2: scale.at(row.hi), y1: y, y2: y,
            style: `stroke:${color};stroke-width:7;stroke-opacity:0.38` }));
        for (const dot of row.dots || [])
          group.append(svg("circle", { cx: scale.at(dot), cy: y, r: 2.1, style: `fill:none;stroke:${color};stroke-width:1` }));
        group.append(svg("line", { x1: scale.at(row.value), x2: scale.at(row.value), y1: y - 6.5, y2: y + 6.5,
          style: `stroke:${color};stroke-width:3` }));
      }
      const digits = panel.digits ?? 2;
      if (row) {
        group.addEventListener("pointermove", (event) => showTip([
          el("strong", { text: `${name}: ` }), isNumber(row.value)
            ? shownEstimate([row.value, row.lo, row.hi], digits) : row.note || "no score",
          row.tip && el("div", { class: "soft", text: row.tip })].filter(Boolean), event.pageX, event.pageY));
        group.addEventListener("pointerleave", hideTip);
      }
      group.addEventListener("click", () => toggleAlgorithm(name));
      root.append(group);
    });
  });
  return { root, height: Math.ceil(panels.length / columns) * high, width };
}
