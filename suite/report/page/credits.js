// Measured credits (docs/credits.md): are learned credits right, and how discriminative is true credit?

/** Rows of data.credits with their cells; none where nothing was measured. */
const creditRows = (data.credits?.rows || []).map((row) => ({ ...row, cell: data.cells[row.cell] }));
const ACCOUNTS = { psi: "ψ, the Shapley value of Q_tot", first: "first-order contributions", delta: "the critic's differences" };

/** Points with whiskers; those of one `line` are joined. Options: points = [{name, color, x, y, line, tip}], x and y = [value, lo, hi]. */
function scatterPlot(width, { points, xLabel, yLabel, xFixed, yFixed, refs = [] }) {
  const height = state.still ? 220 : Math.round(Math.min(320, Math.max(250, 0.6 * width)));
  const root = svg("svg");
  const box = { left: 58, right: width - 16, top: 12, bottom: height - 42 };
  const visible = points.filter((p) => !state.hidden.has(p.name));
  const yScale = linearScale(visible.flatMap((p) => p.y), [box.bottom, box.top], { fixed: yFixed });
  box.left = boxLeft(yScale);
  const xScale = linearScale(visible.flatMap((p) => p.x), [box.left, box.right], { fixed: xFixed, count: width < NARROW ? 4 : 6 });
  drawAxes(root, box, xScale, yScale, { xLabel, yLabel });
  for (const ref of refs) root.append(plotLine(box.left, yScale.at(ref), box.right, yScale.at(ref), "soft", "stroke-dasharray:1 3"));
  for (const line of new Set(visible.map((p) => p.line))) {
    const joined = visible.filter((p) => p.line === line).sort((a, b) => a.x[0] - b.x[0]);
    if (joined.length > 1)
      root.append(svg("path", { d: pathOf(joined.map((p) => p.x[0]), joined.map((p) => p.y[0]), xScale, yScale),
        style: `fill:none;stroke:${ink("soft")};stroke-width:1;stroke-dasharray:2 3` }));
  }
  for (const p of visible) {
    const [x, y] = [xScale.at(p.x[0]), yScale.at(p.y[0])];
    const color = ink(p.color);
    const group = svg("g", { class: "series", "data-name": p.name });
    const whisker = `stroke:${color};stroke-width:1.2;stroke-opacity:0.55`;
    if (hasInterval(p.x)) group.append(svg("line", { x1: xScale.at(p.x[1]), x2: xScale.at(p.x[2]), y1: y, y2: y, style: whisker }));
    if (hasInterval(p.y)) group.append(svg("line", { y1: yScale.at(p.y[1]), y2: yScale.at(p.y[2]), x1: x, x2: x, style: whisker }));
    group.append(svg("circle", { cx: x, cy: y, r: 4.5, style: `fill:${color};stroke:${ink("ground")};stroke-width:1` }),
      svg("circle", { cx: x, cy: y, r: 12, style: "fill:transparent" }));
    group.addEventListener("pointermove", (event) => showTip([el("strong", { text: p.tip }),
      el("div", { class: "soft", text: `${yLabel} ${shownEstimate(p.y)}; ${xLabel} ${shownEstimate(p.x)}` })], event.pageX, event.pageY));
    group.addEventListener("pointerleave", hideTip);
    root.append(group);
  }
  const names = [...new Map(points.map((p) => [p.name, { name: p.name, color: p.color, dash: "" }])).values()];
  const below = drawLegend(root, names, height, width);
  fill(root, { role: "img", "aria-description": `${yLabel} against ${xLabel}: ` +
    visible.map((p) => `${p.tip} ${shown(p.y[0])} at ${shown(p.x[0])}`).join("; ") });
  return { root, height: height + below };
}

function creditPoints(xKey) {
  return creditRows.filter((r) => r.a && r[xKey]).map((r) => ({ name: r.cell.algorithm.name, color: r.cell.algorithm.color,
    x: r[xKey], y: r.a, line: `${r.cell.algorithm.base} ${r.cell.taskInfo.name}`, tip: `${r.cell.algorithm.name} on ${r.cell.taskInfo.name}` }));
}

/** A task's name where there is little room: its beginning and its end. */
const shortTask = (name, width) => (width < 560 && name.length > 19 ? `${name.slice(0, 9)}…${name.slice(-9)}` : name);

/** How a task's policies share credit: one ring per policy, the line at their mean. */
function sharesPanel(title, key, width) {
  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  return { title, fixed: [0, 1], digits: 3, rows: data.tasks.flatMap((task, t) => {
    const dots = creditRows.filter((r) => r.cell.task === t && r[key]).map((r) => r[key][0]);
    return dots.length ? [{ name: shortTask(task.name, width), color: "blue", value: mean(dots), dots, tip: `${dots.length} policies` }] : [];
  }) };
}

/** The measures of a task's rows; null where there are none. */
function creditTable(task, cells) {
  const rows = creditRows.filter((r) => r.n > 0 && cells.includes(r.cell));
  if (!rows.length) return null;
  const columns = [
    { label: "algorithm", value: (r) => r.cell.algorithm.name, cell: (r) => keyOf(r.cell.algorithm) },
    { label: "runs", num: true, value: (r) => r.n, cell: (r) => String(r.n) },
    ...data.credits.columns.filter((c) => rows.some((r) => r[c.key])).map((c) => ({ label: c.title, title: c.help, num: true,
      value: (r) => r[c.key]?.[0], cell: (r) => withInterval(r[c.key], c.digits, "below") }))];
  return [el("h3", { text: "Credits" }), dataTable({ caption: `Credits on ${task.name}`, className: "credits", columns, rows,
    rowAttributes: (r) => ({ "data-search": `${task.name} ${r.cell.algorithm.name} ${r.cell.row.status}`.toLowerCase() }) })];
}

function creditsSection() {
  if (!creditRows.length) return null;
  const accounts = [...new Set(creditRows.map((r) => r.account))].filter((a) => ACCOUNTS[a]);
  const cards = [];
  for (const [key, file, title, caption] of [
    ["hg", "fidelity_H_g", "Fidelity against H of the gradients", "H of the gradients can be rescaled at will without changing a decision."],
    ["hc", "fidelity_H_credit", "Fidelity against H of the credits", "Credits in units of return."]])
    if (creditPoints(key).length)
      cards.push(figureCard({ title, file, caption: `A point for each row, whiskers 95% intervals over seeds; dotted: variants of one ` +
        `algorithm on a task. ${caption}`, draw: (width) => scatterPlot(width, { points: creditPoints(key), yLabel: "agreement A",
        xLabel: key === "hg" ? "H of g" : "H of credit", yFixed: [-1, 1], refs: [0] }) }));
  const names = data.tasks.map((task) => task.name).filter((name) => creditRows.some((r) => r.cell.taskInfo.name === name && r.hphi));
  if (names.length)
    cards.push(figureCard({ title: "How discriminative true credit is", file: "true_H", wide: true,
      caption: "Normalised entropy, 1 = equal shares. Rings are policies, lines their means.",
      draw: (width) => intervalPlot(width, { names: names.map((name) => shortTask(name, width)),
        panels: [["True contributions", "hphi"], ["Learned credits", "hc"], ["Gradients", "hg"]]
          .map(([title, key]) => sharesPanel(title, key, width)).filter((panel) => panel.rows.length) }) }));
  return el("section", { id: "credits" }, [
    el("div", { class: "heading" }, [el("h2", { text: "Credits" }),
      el("span", { class: "soft small", text: "learned credits beside true contributions, of the weights after training" })]),
    el("p", { class: "small soft", text: `A: agreement with the Shapley values of what was played out without some agents; 1 ranks like ` +
      `the truth, 0 like chance. ${accounts.length ? `Credits are ${accounts.map((a) => ACCOUNTS[a]).join(", or ")}. ` : ""}` +
      "A monotone mixer cannot blame: greedy agents have no negative credit in it, whatever harm they do. Each task's section has " +
      "the numbers." }),
    el("div", { class: "figures" }, cards)]);
}

/**
 * The score against H over training, where rows differ in a swept value: does a lower H come with a higher score? Null
 * elsewhere.
 */
function responseCard(task, cells, prefix) {
  const swept = (cell) => cell.algorithm.name.match(/@(.*)=/)?.[1];
  const shownCells = cells.filter((c) => c.algorithm.learner && c.row.train_h && c.row.iqm);
  if (shownCells.filter(swept).length < 3) return null;
  const measure = measureOf(task);
  const points = shownCells.map((c) => ({ name: c.algorithm.name, color: c.algorithm.color, x: c.row.train_h, y: c.row.iqm,
    line: swept(c) ? `${c.algorithm.base} ${swept(c)}` : c.algorithm.name, tip: c.algorithm.name }));
  return figureCard({ title: `${measure.figure} against H over training`, file: `${prefix}_response`,
    caption: "H of the credits on minibatches, mean over training; the measure after training. A point for each row, whiskers 95% " +
      "intervals over seeds; dotted: one swept setting of an algorithm, by H.",
    draw: (width) => scatterPlot(width, { points, xLabel: "H over training", yLabel: `${measure.title} (IQM)`,
      yFixed: isShare(task) ? [0, 1] : undefined }) });
}

/** Agreement at the kept weights of a task's runs; null without them. */
function agreementCard(cells, prefix) {
  const series = creditRows.filter((r) => r.curve && cells.includes(r.cell)).map((r) => ({ name: r.cell.algorithm.name,
    color: r.cell.algorithm.color, dash: r.cell.algorithm.dash, ...r.curve }));
  return series.length ? figureCard({ title: "Agreement with true contributions", file: `${prefix}_agreement`,
    caption: `Of the learner's credits at the kept weights. ${bandNote(Math.max(...cells.map((c) => c.runs.length)))}`,
    draw: (width) => curvePlot(width, { series, xLabel: "environment steps", yLabel: "agreement A", yFixed: [-1, 1],
      refs: [{ y: 0, label: "chance" }] }) }) : null;
}
