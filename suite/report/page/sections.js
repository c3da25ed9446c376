// The report's sections: overview, scores over all tasks, one section per task, all runs.

assignStyles(data.algorithms);
for (const cell of data.cells) {
  cell.algorithm = data.algorithms[cell.alg];
  cell.taskInfo = data.tasks[cell.task];
  const away = (values) => values && values.map((value) => 1 - value);
  for (const { key } of data.metrics.filter((metric) => metric.range === "near_one")) {
    const curve = cell.curves[key];
    if (curve) cell.curves[nearOne(key)] = { ...curve, mid: away(curve.mid), lo: away(curve.hi), hi: away(curve.lo) };
    for (const run of cell.runs) if (run[key]) run[nearOne(key)] = away(run[key]);
  }
}
const cellsOf = (task) => data.cells.filter((cell) => cell.task === task);
const cellFragment = (cell) => `#cell/${encodeURI(cell.taskInfo.name)}/${encodeURI(cell.algorithm.name)}`;
const taskFragment = (task) => `#task/${encodeURI(task.name)}`;
const isDone = (cell) => cell.row.status === "done";

function statusChip(status) {
  const good = status === "done";
  return el("span", { class: good ? "chip" : "chip bad", text: good ? status : `⚠ ${status}` });
}

/**
 * The learner whose interval lies above that of every other learner, random and noop; null when
 * none does or when fewer than three seeds stand behind one of the intervals.
 */
function clearBest(cells) {
  const rivals = cells.filter((c) => c.algorithm.learner || c.algorithm.base === "random" || c.algorithm.base === "noop");
  const learners = rivals.filter((c) => c.algorithm.learner && c.row.iqm);
  if (learners.length < 2 || rivals.some((c) => !hasInterval(c.row.iqm) || (c.algorithm.learner && c.row.seeds.length < 3)))
    return null;
  const top = learners.reduce((a, b) => (b.row.iqm[0] > a.row.iqm[0] ? b : a));
  return rivals.every((c) => c === top || c.row.iqm[2] < top.row.iqm[1]) ? top : null;
}
/** Learners whose intervals overlap that of the one with the highest IQM. */
function tiedForBest(cells) {
  const learners = cells.filter((c) => c.algorithm.learner && hasInterval(c.row.iqm));
  if (!learners.length) return [];
  const top = learners.reduce((a, b) => (b.row.iqm[0] > a.row.iqm[0] ? b : a));
  return learners.filter((c) => c.row.iqm[2] >= top.row.iqm[1]);
}

function unfinishedNote() {
  const items = [];
  for (const cell of data.cells) {
    const bad = cell.runs.filter((run) => run.status !== "done");
    const groups = new Map();
    for (const run of bad) {
      const what = `${run.status}${run.reason ? `: ${run.reason}` : ""}`;
      groups.set(what, (groups.get(what) || []).concat(run.seed));
    }
    for (const [what, seeds] of groups)
      items.push(el("li", {}, [el("a", { href: cellFragment(cell), text: `${cell.algorithm.name} on ${cell.taskInfo.name}` }),
        `, seed${seeds.length > 1 ? "s" : ""} ${seedList(seeds)}: ${what}`]));
  }
  if (!items.length) return null;
  return el("div", { class: "note", id: "unfinished" }, [
    el("strong", { text: "Runs without a score. " }), "They count in no average and are not replaced.", el("ul", {}, items)]);
}

function glanceTable() {
  const head = el("tr", { role: "row" }, [el("th", { role: "columnheader", scope: "col", text: "task" }),
    data.algorithms.map((a) => el("th", { class: "top", scope: "col", role: "columnheader" }, [swatch(a), " ", breakable(a.name)]))]);
  const rows = data.tasks.map((task, t) => {
    const cells = cellsOf(t);
    const best = clearBest(cells);
    return el("tr", { role: "row" }, [el("th", { scope: "row", role: "rowheader" }, el("a", { href: taskFragment(task) }, breakable(task.name))),
      data.algorithms.map((a, index) => {
        const cell = cells.find((c) => c.alg === index);
        if (!cell) return el("td", { role: "cell", class: "none" });
        const score = cell.row.iqm ? cell.row.iqm[0] : null;
        const bounds = isShare(task) ? { random: 0, best: 1 } : task.bounds;
        const share = bounds && isNumber(score)
          ? Math.max(0, Math.min(1, (score - bounds.random) / (bounds.best - bounds.random))) : null;
        return el("td", { role: "cell", style: share === null ? null
          : `background:color-mix(in srgb, var(--tint) ${(share * 42).toFixed(0)}%, transparent)` },
        el("a", { href: cellFragment(cell), title: `${a.name} on ${task.name}: ${measureOf(task).title} ${shownEstimate(cell.row.iqm, measureOf(task).digits)}, ${cell.row.status}` }, [el("span", { class: "who", "aria-hidden": "true" }, [swatch(a), breakable(a.name)]), cell === best && el("span", { class: "star", text: "★ " }),
          isDone(cell) ? "" : "⚠ ", shownScore(task, score)]));
      })]);
  });
  return scrollBox("Results at a glance", el("table", { class: "glance", id: "glance", role: "table" },
    [el("thead", { role: "rowgroup" }, head), el("tbody", { role: "rowgroup" }, rows)]));
}

function overviewSection() {
  const { counts } = data;
  const missing = counts.runs - counts.done;
  return el("section", { id: "overview" }, [
    el("h1", { text: data.title }),
    el("dl", { class: "facts" }, data.facts.map(([term, text]) => el("div", { class: text.length > 60 ? "wide" : null },
      [el("dt", { text: term }), el("dd", { text })]))),
    el("p", {}, [statusChip(missing ? `${counts.done} of ${counts.runs} runs done` : "done"),
      missing ? "" : ` all ${counts.runs} runs`]),
    unfinishedNote(),
    el("p", { class: "caption", text: "IQM of the return after training, or of the share won (%)" }), glanceTable(),
    el("p", { class: "small soft", text: "Battles and other tasks that are won or lost show the share won, shaded from none to all; the " +
      "others the return, shaded from the random policy (none) to the task's published bound (full), where there is one. ★ marks a learner whose 95% interval lies above those of all other learners, random and noop, with at least three " +
      "seeds each; ⚠ rows with runs that did not finish." }),
  ]);
}

const bandNote = (n) => n >= 4 ? "Bands: 95% percentile bootstrap over seeds."
  : n >= 2 ? "Bands: lowest to highest seed (fewer than four)." : "One seed: no band.";

function aggregateSection() {
  const aggregate = data.aggregate;
  if (!aggregate || !aggregate.rows.length) {
    return el("section", { id: "aggregate" }, [el("div", { class: "heading" }, el("h2", { text: "Over all tasks" })),
      el("p", { class: "soft", text: "No scores over all tasks: they need tasks with bounds and finished runs of every algorithm." }),
      leftOut(aggregate)]);
  }
  const style = (index) => data.algorithms[index];
  const names = aggregate.rows.map((row) => style(row.alg).name);
  const panel = ({ title, key }) => ({ title, digits: 3, rows: aggregate.rows.map((row) => {
    const [value, lo, hi] = row[key];
    return { name: style(row.alg).name, color: style(row.alg).color, value, lo, hi, tip: `${row.n} runs` };
  }) });
  const curves = (list, x) => list.map((one) => ({ name: style(one.alg).name, color: style(one.alg).color, dash: style(one.alg).dash,
    x, mid: one.mid, lo: one.lo, hi: one.hi }));
  const cards = [
    figureCard({ title: `Normalised scores: ${aggregate.columns.map((column) => column.title).join(", ")}`, file: "aggregate_scores", wide: true,
      caption: "Estimate and 95% stratified bootstrap interval. Smaller is better for the optimality gap.",
      draw: (width) => intervalPlot(width, { names, panels: aggregate.columns.map(panel) }) }),
    figureCard({ title: "Performance profiles", file: "performance_profiles",
      caption: "Share of runs that score above each normalised score, mean over tasks. Higher is better; 95% pointwise bands.",
      draw: (width) => curvePlot(width, { series: curves(aggregate.profiles, aggregate.taus), xLabel: "normalised score τ",
        yLabel: "share of runs with score > τ", yFixed: [0, 1], showX: (x) => `score > ${shown(x)}` }) }),
  ];
  if (aggregate.efficiency.length)
    cards.push(figureCard({ title: "Sample efficiency", file: "sample_efficiency",
      caption: "IQM of the normalised scores over all tasks against the share of each run's budget; 95% bands.",
      draw: (width) => curvePlot(width, { series: curves(aggregate.efficiency, aggregate.moments), xLabel: "share of the training budget",
        yLabel: "normalised score (IQM)", showX: (x) => `${Math.round(100 * x)}% of the budget`,
        refs: [{ y: 0, label: "random policy" }] }) }));
  if (aggregate.pairs.length) {
    const base = style(aggregate.pairs[0].y).name;
    cards.push(figureCard({ title: `P(improvement over ${base})`, file: "probability_of_improvement",
      caption: `Chance that a run of the algorithm beats a run of ${base}, mean over tasks, ties half; 95% interval. Dashed: even.`,
      draw: (width) => intervalPlot(width, { names: aggregate.pairs.map((p) => style(p.x).name), panels: [{ fixed: [0, 1], ref: 0.5, digits: 3,
        label: `P(X > ${base})`, rows: aggregate.pairs.map((p) => ({ name: style(p.x).name, color: style(p.x).color, value: p.imp[0],
          lo: p.imp[1], hi: p.imp[2] })) }] }) }));
  }
  const pairOf = (row) => aggregate.pairs.find((p) => p.x === row.alg);
  const estimate = (e) => withInterval(e, 3, "below");
  const columns = [
    { label: "algorithm", value: (r) => style(r.alg).name, cell: (r) => keyOf(style(r.alg)) },
    { label: "runs", num: true, value: (r) => r.n, cell: (r) => String(r.n) },
    ...aggregate.columns.map(({ key, title, note }) => ({ label: title, num: true, title: note, value: (r) => r[key][0],
      cell: (r) => estimate(r[key]) }))];
  if (aggregate.pairs.length)
    columns.push({ label: `P(> ${style(aggregate.pairs[0].y).name})`, num: true, value: (r) => pairOf(r)?.imp[0],
      cell: (r) => estimate(pairOf(r)?.imp) },
    { label: "paired p", num: true, value: (r) => pairOf(r)?.p, cell: (r) => shownP(pairOf(r)?.p),
      title: "two-sided sign-flip test of the paired differences" });
  return el("section", { id: "aggregate" }, [
    el("div", { class: "heading" }, [el("h2", { text: "Over all tasks" }),
      el("span", { class: "soft small" }, [`${aggregate.tasks.length} tasks: `,
        aggregate.tasks.flatMap((task, i) => [i ? ", " : "", ...breakable(task)])])]),
    aggregate.notes.map((note) => el("p", { class: "small soft", text: note })),
    ownBounds(aggregate),
    dataTable({ caption: "Scores over all tasks", columns, rows: aggregate.rows }),
    el("div", { class: "figures" }, cards)]);
}
function leftOut(aggregate) {
  if (!aggregate || !aggregate.left_out.length) return null;
  return el("p", { class: "small soft" }, ["Left out: ", aggregate.left_out.map(([what, why]) => `${what} (${why})`).join("; "), "."]);
}

function ownBounds(aggregate) {
  if (!aggregate || !aggregate.own_bounds.length) return null;
  return el("p", { class: "small soft" }, ["Bounds that are not published: ",
    aggregate.own_bounds.map(([what, whence]) => `${what} (${whence})`).join("; "), "."]);
}

/** Series of one metric over a task's cells; fixed policies become levels. */
function metricSeries(cells, key) {
  const series = [];
  for (const cell of cells) {
    const { name, color, dash } = cell.algorithm;
    const curve = cell.curves[key];
    if (!curve) continue;
    if (!cell.algorithm.learner) {
      series.push({ name, color, dash, level: curve.mid[0], lo: curve.lo?.[0], hi: curve.hi?.[0], width: 1.5 });
      continue;
    }
    const marks = cell.runs.filter((run) => run.status !== "done" && run[key]?.length)
      .map((run) => ({ x: data.axes[run.axis][run[key].length - 1], y: run[key][run[key].length - 1] }));
    series.push({ name, color, dash, x: data.axes[curve.axis], mid: curve.mid, lo: curve.lo, hi: curve.hi,
      n: curve.n, marks });
  }
  return series;
}

function creditPanels(cells) {
  return cells.filter((cell) => cell.credits && cell.algorithm.learner).map((cell) => ({
    name: cell.algorithm.name, title: cell.algorithm.name,
    series: cell.credits.mid.map((mid, agent) => ({ name: cell.algorithm.name, label: `agent ${agent}`, agent,
      color: cell.algorithm.color, dash: ["", "6 2", "2 2", "8 2 2 2"][agent % 4], width: 1.5,
      x: data.axes[cell.credits.axis], mid })) }));
}

function metricCards(cells, prefix, figures) {
  const most = Math.max(...cells.map((cell) => cell.runs.length));
  return figures.filter(({ key }) => cells.some((cell) => cell.curves[key] && cell.algorithm.learner)).map((figure) => {
    const { key } = figure;
    const failed = cells.some((cell) => cell.runs.some((run) => run.status !== "done" && run[key]?.length));
    const floor = figure.log ? " Zero is drawn at the bottom edge." : "";
    return figureCard({ title: figure.title, file: `${prefix}_${figure.file}`,
      caption: `${bandNote(most)}${floor}${failed ? " ×: a run ends there without finishing." : ""}`,
      draw: (width) => {
        const series = metricSeries(figure.log ? cells.filter((c) => c.algorithm.learner) : cells, key);
        return curvePlot(width, { ...figure, series, xLabel: "environment steps" });
      } });
  });
}

/** Intervals from few seeds are no measure of what other seeds would do. */
function fewSeedsNote(cells) {
  const finished = (least, most) => cells.filter((c) => c.row.seeds.length >= least && c.row.seeds.length <= most)
    .map((c) => c.algorithm.name).join(", ");
  const [one, few] = [finished(1, 1), finished(2, 4)];
  if (!one && !few) return null;
  return el("p", { class: "small soft", text: [one && `One seed, no interval: ${one}.`,
    few && `Fewer than five seeds, intervals too narrow: ${few}.`].filter(Boolean).join(" ") });
}

function taskSection(task, t) {
  const cells = cellsOf(t);
  const best = clearBest(cells);
  const tied = best ? [] : tiedForBest(cells);
  const learners = cells.filter((c) => c.algorithm.learner);
  const enough = learners.every((c) => c.row.seeds.length >= 3);
  const measure = measureOf(task);
  const columns = [
    { label: "algorithm", value: (c) => c.algorithm.name, cell: (c) => el("a", { href: cellFragment(c) }, keyOf(c.algorithm)) },
    { label: "seeds", value: (c) => c.row.seeds.length, num: true, cell: (c) => seedList(c.row.seeds) },
    ...statisticColumns(task, cells).map((column) => column.key !== "iqm" ? column : { ...column, className: "score",
      cell: (c) => [c === best && el("span", { class: "star", text: "★ " }), column.cell(c)] })];
  columns.push({ label: "status", value: (c) => c.row.status, cell: (c) => statusChip(c.row.status) });

  const names = cells.map((c) => c.algorithm.name);
  const prefix = task.name.replace(/\W+/g, "_");
  const final = figureCard({ title: `${measure.figure} after training`, file: `${prefix}_final`,
    caption: "Interquartile mean with its 95% bootstrap interval (from two seeds on); rings are single seeds.",
    draw: (width) => intervalPlot(width, { names, panels: [{ label: measure.title, digits: measure.digits,
      fixed: isShare(task) ? [0, 1] : undefined, ref: isShare(task) ? undefined : task.bounds?.best, rows: cells.map((c) => ({
      name: c.algorithm.name, color: c.algorithm.color, value: c.row.iqm?.[0], lo: c.row.iqm?.[1], hi: c.row.iqm?.[2],
      dots: c.runs.map((run) => run.final?.[task.measure]).filter(isNumber), note: c.row.status,
      tip: `${c.row.seeds.length} of ${c.row.planned} seeds` })) }] }) });
  const isMain = (figure) => figure.key === task.measure;
  const [main, ...rest] = metricCards(cells, prefix, [...FIGURES.filter(isMain), ...FIGURES.filter((f) => !isMain(f))]);
  const panels = creditPanels(cells);
  const credit = panels.length ? figureCard({ title: "Credit of each agent", file: `${prefix}_credit`, wide: true,
    caption: "Mean over seeds of each agent's credit dQ_tot/dQ_i; numbers at the right are agents.",
    draw: (width) => panelPlot(width, { panels, xLabel: "environment steps", yLabel: "credit", showY: (y) => shown(y, 3) }) }) : null;

  let verdict = "";
  if (!best && learners.length > 1)
    verdict = !enough ? "Fewer than three finished seeds somewhere: no best is marked."
      : tied.length > 1 ? `No clear best: the intervals of ${tied.map((c) => c.algorithm.name).join(", ")} overlap.` : "";
  return el("section", { class: "task", id: `task/${task.name}` }, [
    el("div", { class: "heading" }, [el("h2", {}, breakable(task.name)),
      el("span", { class: "soft small", text: [task.about, task.settings].filter(Boolean).join(" · ") })]),
    task.bounds && el("p", { class: "small soft", text: `Published bounds of the return: random ${shown(task.bounds.random)} ` +
      `(${task.bounds.random_source}), best ${shown(task.bounds.best)} (${task.bounds.best_source}).` }),
    dataTable({ caption: `Results on ${task.name}`, columns, rows: cells,
      rowAttributes: (c) => ({ class: c === best ? "best" : null,
        "data-search": `${task.name} ${c.algorithm.name} ${c.row.status}`.toLowerCase() }) }),
    verdict && el("p", { class: "small soft", text: verdict }),
    fewSeedsNote(cells),
    task.note && el("p", { class: "small soft", text: task.note }),
    creditTable(task, cells),
    el("div", { class: "figures" }, [main, final, responseCard(task, cells, prefix), rest, agreementCard(cells, prefix), credit])]);
}

function runsSection() {
  const rows = data.cells.flatMap((cell) => cell.runs.map((run) => ({ cell, run })));
  const columns = [
    { label: "task", value: (r) => r.cell.taskInfo.name, cell: (r) => r.cell.taskInfo.name },
    { label: "algorithm", value: (r) => r.cell.algorithm.name, cell: (r) => keyOf(r.cell.algorithm) },
    { label: "seed", num: true, value: (r) => r.run.seed,
      cell: (r) => el("a", { href: `${cellFragment(r.cell)}/seed_${r.run.seed}`, text: r.run.seed }) },
    { label: "status", value: (r) => r.run.status, cell: (r) => statusChip(r.run.status) },
    ...runColumns(data.metrics.filter((metric) => metric.figure), (r) => r.run),
    { label: "env steps", num: true, value: (r) => r.run.steps, cell: (r) => shownCount(r.run.steps) },
    { label: "updates", num: true, value: (r) => r.run.updates, cell: (r) => shownCount(r.run.updates) },
    { label: "wall time", num: true, value: (r) => r.run.wall, cell: (r) => shownTime(r.run.wall) }];
  return el("section", { id: "runs", class: "screen" }, [
    el("div", { class: "heading" }, [el("h2", { text: "All runs" }), el("span", { class: "soft small", text: `${rows.length} runs` })]),
    dataTable({ caption: "All runs", columns, rows, rowAttributes: (r) => ({
      "data-search": `${r.cell.taskInfo.name} ${r.cell.algorithm.name} ${r.run.status} seed_${r.run.seed}`.toLowerCase() }) })]);
}

const footer = () => el("footer", { class: "small soft" }, data.footer.map((line) => el("p", { text: line })));
