// Curves with bands. A series: {name, label, color, dash, x, mid, lo, hi, n, marks}; `level` in
// place of the arrays makes a horizontal line (a policy that does not learn, with its interval).

/** SVG path of points, broken where a value is missing. */
function pathOf(xs, ys, xScale, yScale) {
  let path = "";
  let pen = "M";
  xs.forEach((x, i) => {
    if (!isNumber(ys[i])) {
      pen = "M";
      return;
    }
    path += `${pen}${xScale.at(x).toFixed(1)} ${yScale.at(ys[i]).toFixed(1)}`;
    pen = "L";
  });
  return path;
}
function bandPath(series, xScale, yScale) {
  const forth = [];
  const back = [];
  series.x.forEach((x, i) => {
    if (!isNumber(series.lo[i]) || !isNumber(series.hi[i])) return;
    forth.push(`${xScale.at(x).toFixed(1)} ${yScale.at(series.hi[i]).toFixed(1)}`);
    back.unshift(`${xScale.at(x).toFixed(1)} ${yScale.at(series.lo[i]).toFixed(1)}`);
  });
  return forth.length > 1 ? `M${forth.join("L")}L${back.join("L")}Z` : "";
}

function drawAxes(group, box, xScale, yScale, { xLabel, yLabel, xTicks = true }) {
  for (const tick of yScale.ticks) {
    const y = yScale.at(tick);
    group.append(plotLine(box.left, y, box.right, y, "grid"),
      plotText(box.left - 7, y + 4, yScale.label(tick), { anchor: "end", size: 11 }));
  }
  for (const tick of xScale.ticks) {
    const x = xScale.at(tick);
    group.append(plotLine(x, box.bottom, x, box.bottom + 4, "soft"));
    if (xTicks) group.append(plotText(x, box.bottom + 17, xScale.label(tick), { anchor: "middle", size: 11 }));
  }
  group.append(plotLine(box.left, box.bottom, box.right, box.bottom, "soft"));
  if (xLabel) group.append(plotText((box.left + box.right) / 2, box.bottom + 33, xLabel, { anchor: "middle" }));
  if (yLabel) group.append(plotText(14, (box.top + box.bottom) / 2, yLabel, { anchor: "middle", rotate: -90 }));
}

function drawSeries(group, series, box, xScale, yScale) {
  const stroke = `fill:none;stroke:${ink(series.color)};stroke-linejoin:round;stroke-width:${series.width || 1.8};` +
    `stroke-dasharray:${series.dash || "none"}`;
  const parts = svg("g", { class: "series", "data-name": series.label || series.name });
  if (isNumber(series.level)) {
    const y = yScale.at(series.level);
    if (series.lo !== undefined && series.hi > series.lo)
      parts.append(svg("rect", { x: box.left, width: box.right - box.left, y: yScale.at(series.hi),
        height: yScale.at(series.lo) - yScale.at(series.hi), style: `fill:${ink(series.color)};fill-opacity:0.07` }));
    parts.append(svg("path", { d: `M${box.left} ${y.toFixed(1)}H${box.right}`, style: stroke }));
  } else {
    if (series.lo) {
      const d = bandPath(series, xScale, yScale);
      if (d) parts.append(svg("path", { d, style: `fill:${ink(series.color)};fill-opacity:0.14` }));
    }
    parts.append(svg("path", { d: pathOf(series.x, series.mid, xScale, yScale), style: stroke }));
    if (series.x.length === 1)
      parts.append(svg("circle", { cx: xScale.at(series.x[0]), cy: yScale.at(series.mid[0]), r: 3,
        style: `fill:${ink(series.color)}` }));
  }
  for (const mark of series.marks || []) {
    const [x, y] = [xScale.at(mark.x), yScale.at(mark.y)];
    parts.append(svg("path", { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`, style: `stroke:${ink(series.color)};stroke-width:2.2` }));
  }
  group.append(parts);
}

/** Index of the value nearest to `x` in the ascending list `xs`. */
function nearest(xs, x) {
  let best = 0;
  for (let i = 1; i < xs.length; ++i) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
  return best;
}

/** Crosshair and tooltip of one plot, for pointers and for arrow keys. */
function addReading(root, { box, xScale, yScale, series, showX, showY, describe }) {
  const drawn = series.filter((s) => isNumber(s.level) || s.x.length);
  const moments = [...new Set(drawn.flatMap((s) => s.x || []))].sort((a, b) => a - b);
  if (!moments.length) return;
  const cross = svg("line", { y1: box.top, y2: box.bottom, class: "screen",
    style: `stroke:${ink("soft")};stroke-width:1;visibility:hidden` });
  const dots = svg("g", { class: "screen" });
  root.append(cross, dots);
  let at = -1;
  const read = (moment, y, pageX, pageY) => {
    const x = moments[moment];
    const rows = [];
    for (const one of drawn) {
      if (isNumber(one.level)) {
        rows.push({ one, value: one.level, interval: isNumber(one.lo) ? [one.lo, one.hi] : null });
        continue;
      }
      const i = nearest(one.x, x);
      const gap = one.x.length > 1 ? Math.abs(one.x[1] - one.x[0]) : Infinity;
      if (Math.abs(one.x[i] - x) > gap * 0.75 || !isNumber(one.mid[i])) continue;
      rows.push({ one, x: one.x[i], value: one.mid[i], n: one.n && one.n[i],
        interval: one.lo ? [one.lo[i], one.hi[i]] : null });
    }
    if (!rows.length) return hide();
    let near = rows[0];
    const distance = (row) => Math.abs(yScale.at(row.value) - y);
    if (y !== null) for (const row of rows) if (distance(row) < distance(near)) near = row;
    rows.sort((a, b) => b.value - a.value);
    fill(cross, { x1: xScale.at(x), x2: xScale.at(x) }).style.visibility = "visible";
    dots.replaceChildren(...rows.filter((row) => row.x !== undefined).map((row) =>
      svg("circle", { cx: xScale.at(row.x), cy: yScale.at(row.value), r: row === near ? 4 : 2.5,
        style: `fill:${ink(row.one.color)};stroke:${ink("ground")};stroke-width:1` })));
    root.classList.toggle("focus", y !== null);
    for (const node of root.querySelectorAll(".series"))
      node.classList.toggle("near", node.dataset.name === (near.one.label || near.one.name));
    showTip([el("div", { class: "soft", text: showX(x) }), el("table", {}, el("tbody", {}, rows.map((row) =>
      el("tr", { class: row === near && y !== null ? "near" : null }, [
        el("td", {}, swatch(row.one)), el("td", { text: row.one.label || row.one.name }),
        el("td", { class: "num", text: showY(row.value) }),
        el("td", { class: "soft", text: row.interval && isNumber(row.interval[0])
          ? `[${showY(row.interval[0])}, ${showY(row.interval[1])}]` : "" }),
        el("td", { class: "soft", text: row.n ? `n = ${row.n}` : "" })]))))], pageX, pageY);
  };
  const hide = () => {
    cross.style.visibility = "hidden";
    dots.replaceChildren();
    root.classList.remove("focus");
    hideTip();
  };
  root.addEventListener("pointermove", (event) => {
    const [x, y] = figurePoint(root, event);
    if (x < box.left - 10 || x > box.right + 10 || y < box.top - 10 || y > box.bottom + 10) return hide();
    at = nearest(moments.map(xScale.at), x);
    read(at, y, event.pageX, event.pageY);
  });
  root.addEventListener("pointerleave", hide);
  fill(root, { tabindex: 0, role: "group", "aria-roledescription": "chart",
    "aria-description": describe || "Left and right arrow keys read the values." });
  root.addEventListener("blur", hide);
  root.addEventListener("keydown", (event) => {
    if (event.target !== root) return;
    if (event.key === "Escape") return hide();
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (!step && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    at = event.key === "Home" ? 0 : event.key === "End" ? moments.length - 1
      : Math.max(0, Math.min(moments.length - 1, at + step));
    const bounds = root.getBoundingClientRect();
    read(at, null, window.scrollX + bounds.left + (xScale.at(moments[at]) / WIDTH) * bounds.width,
      window.scrollY + bounds.top + 30);
  });
}

/**
 * Options: series, xLabel, yLabel, log (y axis), yFixed and xFixed ([low, high]), refs ([{y, label}]),
 * height, showX and showY (texts in the tooltip), legend (false: none).
 */
function curvePlot(options) {
  const { series, xLabel, yLabel, log, yFixed, xFixed, refs = [], height = 270, legend = true } = options;
  const visible = series.filter((s) => !state.hidden.has(s.name));
  const root = svg("svg");
  const box = { left: 64, right: WIDTH - 14, top: 12, bottom: height - 40 };
  const ys = visible.flatMap((s) => [s.mid, s.lo, s.hi, s.level]).flat().concat(refs.map((r) => r.y));
  const xs = series.flatMap((s) => s.x || []);
  const yScale = log ? logScale(ys, [box.bottom, box.top])
    : linearScale(ys, [box.bottom, box.top], { fixed: yFixed });
  const xScale = linearScale(xs, [box.left, box.right], { fixed: xFixed, pad: 0, count: 6 });
  drawAxes(root, box, xScale, yScale, { xLabel, yLabel });
  for (const ref of refs) {
    const y = yScale.at(ref.y);
    root.append(plotLine(box.left, y, box.right, y, "soft", "stroke-dasharray:1 3"),
      plotText(box.right - 2, y - 4, ref.label, { anchor: "end", size: 10.5 }));
  }
  for (const one of visible) drawSeries(root, one, box, xScale, yScale);
  const below = legend ? drawLegend(root, series, height) : 0;
  addReading(root, { box, xScale, yScale, series: visible, showX: options.showX || ((x) => `${shownCount(x)} steps`),
    showY: options.showY || ((y) => shown(y)) });
  return { root, height: height + below };
}

/** Small plots side by side, one per algorithm, on common axes: `panels` = [{title, name, series}]. */
function panelPlot({ panels, xLabel, showY, log }) {
  const shownPanels = panels.filter((p) => !state.hidden.has(p.name));
  const root = svg("svg");
  const columns = Math.min(4, Math.max(2, shownPanels.length));
  const [wide, high, gap] = [1240, 190, 44];
  const cell = (wide - 70) / columns;
  const all = shownPanels.flatMap((p) => p.series);
  const ys = all.flatMap((s) => [s.mid, s.lo, s.hi]).flat();
  const xs = all.flatMap((s) => s.x);
  shownPanels.forEach((panel, i) => {
    const column = i % columns;
    const top = Math.floor(i / columns) * high + 26;
    const box = { left: 62 + column * cell, right: 62 + (column + 1) * cell - gap, top, bottom: top + high - 62 };
    const yScale = (log ? logScale : linearScale)(ys, [box.bottom, box.top], { count: 4 });
    const xScale = linearScale(xs, [box.left, box.right], { pad: 0, count: 3 });
    const group = svg("g");
    drawAxes(group, box, xScale, yScale, {});
    group.append(plotText(box.left, box.top - 8, panel.title, { color: "ink", bold: true }));
    for (const one of panel.series) drawSeries(group, one, box, xScale, yScale);
    // The agents' numbers at the ends of their curves, moved apart.
    const ends = panel.series.map((s) => ({ text: s.end, color: s.color, y: yScale.at(s.mid[s.mid.length - 1]) }))
      .filter((end) => end.text !== undefined && isNumber(end.y)).sort((a, b) => a.y - b.y);
    ends.forEach((end, k) => { if (k && end.y < ends[k - 1].y + 10) end.y = ends[k - 1].y + 10; });
    for (const end of ends) group.append(plotText(box.right + 4, end.y + 4, end.text, { size: 10.5, color: end.color }));
    const area = svg("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top,
      style: "fill:transparent" });
    area.addEventListener("pointermove", (event) => {
      const [x] = figurePoint(root, event, wide);
      showTip(el("table", {}, el("tbody", {}, panel.series.map((s) => {
        const k = nearest(s.x.map(xScale.at), x);
        return el("tr", {}, [el("td", {}, swatch(s)), el("td", { text: s.label }), el("td", { class: "num", text: showY(s.mid[k]) }),
          el("td", { class: "soft", text: s.lo ? `[${showY(s.lo[k])}, ${showY(s.hi[k])}]` : "" }),
          el("td", { class: "soft", text: `at ${shortNumber(s.x[k])}` })]);
      }))), event.pageX, event.pageY);
    });
    area.addEventListener("pointerleave", hideTip);
    group.append(area);
    root.append(group);
  });
  const rows = Math.max(1, Math.ceil(shownPanels.length / columns));
  if (!shownPanels.length) root.append(plotText(20, 40, "All algorithms are switched off."));
  else root.append(plotText(wide / 2, rows * high + 12, xLabel, { anchor: "middle" }));
  return { root, height: rows * high + 22, width: wide };
}
