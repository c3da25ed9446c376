// Curves with bands. A series: {name, label, color, dash, x, mid, lo, hi, n, marks}; `level` in
// place of the arrays makes a horizontal line (a policy that does not learn, with its interval);
// `label` names what is no algorithm (a seed, an agent).

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

/** Where a figure's box begins: beside the name of the y axis and its longest tick. */
const boxLeft = (yScale) => Math.max(58, 31 + Math.max(...yScale.ticks.map((tick) => textWidth(yScale.label(tick), 11))));

function drawAxes(group, box, xScale, yScale, { xLabel, yLabel, yTicks = true }) {
  for (const tick of yScale.ticks) {
    const y = yScale.at(tick);
    group.append(plotLine(box.left, y, box.right, y, "grid"));
    if (yTicks) group.append(plotText(box.left - 7, y + 4, yScale.label(tick), { anchor: "end", size: 11 }));
  }
  for (const tick of xScale.ticks) {
    const x = xScale.at(tick);
    group.append(plotLine(x, box.bottom, x, box.bottom + 4, "soft"));
    group.append(plotText(x, box.bottom + 17, xScale.label(tick), { anchor: "middle", size: 11 }));
  }
  group.append(plotLine(box.left, box.bottom, box.right, box.bottom, "soft"));
  if (xLabel) group.append(plotText((box.left + box.right) / 2, box.bottom + 34, xLabel, { anchor: "middle" }));
  if (yLabel) group.append(plotText(12, (box.top + box.bottom) / 2, yLabel, { anchor: "middle", rotate: -90 }));
}

/** The more bands overlap, the fainter each. */
const bandOpacity = (bands) => (bands <= 2 ? 0.16 : bands <= 5 ? 0.11 : 0.07);

function drawBand(group, series, box, xScale, yScale, opacity) {
  const style = `fill:${ink(series.color)};fill-opacity:${opacity}`;
  const parts = svg("g", { class: "series", "data-name": series.label || series.name });
  if (isNumber(series.level)) {
    if (series.lo !== undefined && series.hi > series.lo)
      parts.append(svg("rect", { class: "band", x: box.left, width: box.right - box.left, y: yScale.at(series.hi),
        height: yScale.at(series.lo) - yScale.at(series.hi), style }));
  } else if (series.lo) {
    const d = bandPath(series, xScale, yScale);
    if (d) parts.append(svg("path", { class: "band", d, style }));
  }
  if (parts.firstChild) group.append(parts);
}

function drawSeries(group, series, box, xScale, yScale) {
  const stroke = `fill:none;stroke:${ink(series.color)};stroke-linejoin:round;stroke-width:${series.width || 1.8};` +
    `stroke-dasharray:${series.dash || "none"}`;
  const parts = svg("g", { class: "series", "data-name": series.label || series.name });
  if (isNumber(series.level)) {
    const y = yScale.at(series.level);
    parts.append(svg("path", { d: `M${box.left} ${y.toFixed(1)}H${box.right}`, style: stroke }));
  } else {
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
function addReading(root, { width, box, xScale, yScale, series, showX, showY, xLabel, yLabel }) {
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
  const ends = drawn.map((s) => `${s.label || s.name} ${showY(isNumber(s.level) ? s.level : s.mid[s.mid.length - 1])}`);
  fill(root, { tabindex: 0, role: "group", "aria-roledescription": "chart", "aria-description":
    `${yLabel} against ${xLabel}; at the end: ${ends.join(", ")}. Left and right arrow keys read the values.` });
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
    read(at, null, window.scrollX + bounds.left + (xScale.at(moments[at]) / width) * bounds.width,
      window.scrollY + bounds.top + 30);
  });
}

/**
 * Options: series, xLabel, yLabel, log (y axis), yFixed and xFixed ([low, high]), refs ([{y, label}]),
 * showX and showY (texts in the tooltip).
 */
function curvePlot(width, options) {
  const { series, xLabel, yLabel, log, yFixed, xFixed, refs = [] } = options;
  const height = state.still ? 190 : Math.round(Math.min(280, Math.max(230, 0.55 * width)));
  const visible = series.filter((s) => !state.hidden.has(s.name));
  const root = svg("svg");
  const box = { left: 58, right: width - 16, top: 12, bottom: height - 42 };
  const ys = visible.flatMap((s) => [s.mid, s.lo, s.hi, s.level]).flat().concat(refs.map((r) => r.y));
  const xs = series.flatMap((s) => s.x || []);
  const yScale = log ? logScale(ys, [box.bottom, box.top])
    : linearScale(ys, [box.bottom, box.top], { fixed: yFixed });
  box.left = boxLeft(yScale);
  const xScale = linearScale(xs, [box.left, box.right], { fixed: xFixed, pad: 0, count: width < NARROW ? 4 : 6 });
  drawAxes(root, box, xScale, yScale, { xLabel, yLabel });
  for (const ref of refs)
    root.append(plotLine(box.left, yScale.at(ref.y), box.right, yScale.at(ref.y), "soft", "stroke-dasharray:1 3"));
  const bands = visible.filter((one) => one.lo !== undefined);
  if (state.bands) for (const one of bands) drawBand(root, one, box, xScale, yScale, bandOpacity(bands.length));
  for (const one of visible) drawSeries(root, one, box, xScale, yScale);
  for (const ref of refs) root.append(refLabel(ref, box, xScale, yScale, visible));
  const below = drawLegend(root, series, height, width);
  addReading(root, { width, box, xScale, yScale, series: visible, xLabel, yLabel,
    showX: options.showX || ((x) => `${shownCount(x)} steps`), showY: options.showY || ((y) => shown(y)) });
  return { root, height: height + below };
}

/** The name of a reference line: above or below it, at the end where most room is, free of other lines. */
function refLabel(ref, box, xScale, yScale, series) {
  const size = 11;
  const wide = textWidth(ref.label, size);
  const at = yScale.at(ref.y);
  let best = null;
  for (const y of [at - 6, at + 14]) {
    if (y - size < box.top || y > box.bottom - 2) continue;
    for (const x of [box.right - wide - 2, box.left + 4]) {
      let room = Infinity;
      for (const one of series)
        (isNumber(one.level) ? [one.level] : one.mid).forEach((value, i) => {
          const across = isNumber(one.level) ? x : xScale.at(one.x[i]);
          if (isNumber(value) && across > x - 8 && across < x + wide + 8)
            room = Math.min(room, Math.abs(yScale.at(value) - (y - 4)));
        });
      if (!best || room > best.room) best = { x, y, room };
    }
  }
  const { x, y } = best || { x: box.right - wide - 2, y: at - 6 };
  return fill(plotText(x, y, ref.label, { size }), { class: "halo" });
}

/**
 * The numbers of agents at the ends of their curves; [{text, y}] from the top. Those that would overlap
 * move apart; where there is no room for all, agents share a place.
 */
function endLabels(ends, { top, bottom }) {
  const line = 12;
  const isRoomy = (ends.length - 1) * line <= bottom - top;
  const height = (group) => (isRoomy ? (group.agents.length - 1) * line : 0);
  const inside = (group) => ({ ...group, y: Math.min(bottom - height(group) / 2, Math.max(top + height(group) / 2, group.y)) });
  const groups = ends.map((end) => inside({ agents: [end.agent], y: end.y })).sort((a, b) => a.y - b.y);
  for (let k = 1; k < groups.length; ) {
    const [above, below] = [groups[k - 1], groups[k]];
    if (below.y - above.y >= line + (height(above) + height(below)) / 2) {
      ++k;
      continue;
    }
    const [n, m] = [above.agents.length, below.agents.length];
    groups.splice(k - 1, 2, inside({ agents: above.agents.concat(below.agents), y: (n * above.y + m * below.y) / (n + m) }));
    k = Math.max(1, k - 1);
  }
  return groups.flatMap((group) => {
    if (isRoomy) return group.agents.map((agent, i) => ({ text: String(agent), y: group.y - height(group) / 2 + i * line }));
    const text = seedList([...group.agents].sort((a, b) => a - b));
    return [{ y: group.y, text: text.length > 7 ? `${group.agents.length} agents` : text }];
  });
}

/** Small plots side by side, one per algorithm, on common axes: `panels` = [{title, name, series}]. */
function panelPlot(width, { panels, xLabel, yLabel, showY }) {
  const shownPanels = panels.filter((p) => !state.hidden.has(p.name));
  const root = svg("svg");
  if (!shownPanels.length) {
    root.append(plotText(20, 40, "All algorithms are switched off."));
    return { root, height: 60 };
  }
  const [left, high, gap] = [52, state.still ? 150 : 190, 58];
  const titles = Math.max(...shownPanels.map((p) => 14 + 1.1 * textWidth(p.title)));  // bold
  const most = width < 560 ? 2 : Math.min(4, Math.floor(width / 200));
  const columns = Math.max(1, Math.min(shownPanels.length, most, Math.floor((width - left) / titles)));
  const cell = (width - left) / columns;
  const all = shownPanels.flatMap((p) => p.series);
  const ys = all.flatMap((s) => s.mid);
  const xs = all.flatMap((s) => s.x);
  shownPanels.forEach((panel, i) => {
    const column = i % columns;
    const top = Math.floor(i / columns) * high + 26;
    const box = { left: left + column * cell, right: left + (column + 1) * cell - gap, top, bottom: top + high - 62 };
    const yScale = linearScale(ys, [box.bottom, box.top], { count: 4 });
    const xScale = linearScale(xs, [box.left, box.right], { pad: 0, count: cell < 200 ? 2 : 3 });
    const group = svg("g");
    drawAxes(group, box, xScale, yScale, { yTicks: column === 0 });
    group.append(plotText(box.left, box.top - 9, panel.title, { color: "ink", bold: true }));
    for (const one of panel.series) drawSeries(group, one, box, xScale, yScale);
    const ends = panel.series.map((s) => ({ agent: s.agent, y: yScale.at(s.mid[s.mid.length - 1]) })).filter((end) => isNumber(end.y));
    for (const end of endLabels(ends, box)) group.append(plotText(box.right + 5, end.y + 4, end.text, { size: 10.5, color: "ink" }));
    const area = svg("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top,
      style: "fill:transparent" });
    area.addEventListener("pointermove", (event) => {
      const [x] = figurePoint(root, event);
      showTip(el("table", {}, el("tbody", {}, panel.series.map((s) => {
        const k = nearest(s.x.map(xScale.at), x);
        return el("tr", {}, [el("td", {}, swatch(s)), el("td", { text: s.label }), el("td", { class: "num", text: showY(s.mid[k]) }),
          el("td", { class: "soft", text: `at ${shortNumber(s.x[k])}` })]);
      }))), event.pageX, event.pageY);
    });
    area.addEventListener("pointerleave", hideTip);
    group.append(area);
    root.append(group);
  });
  const rows = Math.ceil(shownPanels.length / columns);
  root.append(plotText(width / 2, rows * high + 12, `${yLabel} against ${xLabel}`, { anchor: "middle" }));
  fill(root, { role: "img", "aria-description": shownPanels.map((panel) => `${panel.title}: ${panel.series.map((s) =>
    `${s.label} ${showY(s.mid[s.mid.length - 1])}`).join(", ")}`).join("; ") });
  return { root, height: rows * high + 22 };
}
