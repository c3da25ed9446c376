// The page of one cell: an algorithm on a task, seed by seed.

const MANIFEST = [["profile", "profile"], ["commit", "commit"], ["version", "version"], ["compiler", "compiler"],
  ["flags", "flags"], ["instruction set", "isa"], ["processor", "cpu"], ["cores", "cores"], ["threads", "threads"],
  ["resumed", "resumes"], ["run id", "run_id"]];

/** config.toml of a run: the cell's lines with those that differ for this run. */
function configLines(cell, run) {
  if (!cell.config) return null;
  if (run.lines) return run.lines.map((id) => ({ text: data.lines[id], own: false }));
  const lines = cell.config.map((id) => ({ text: data.lines[id], own: false }));
  for (const [place, id] of run.config || []) lines[place] = { text: data.lines[id], own: true };
  return lines;
}

function configBlock(cell, run) {
  const lines = configLines(cell, run);
  if (!lines)
    return el("p", { class: "soft", text: "These results came without run folders; the configuration is that of the suite " +
      "and profile named above, with its SHA-256 as run id." });
  return el("pre", { class: "config", tabindex: 0, "aria-label": "config.toml" }, lines.map((line) => {
    const inner = line.text.startsWith("[") ? el("b", { text: line.text }) : line.text;
    return [line.own ? el("mark", { title: "differs between seeds" }, inner) : inner, "\n"];
  }));
}

function seedSeries(cell, key, chosen) {
  const { name } = cell.algorithm;
  return cell.runs.filter((run) => run[key]?.length).map((run, i) => ({
    name: `${name} `, label: `seed ${run.seed}`, ...memberStyle(i),
    width: chosen && run.seed === chosen.seed ? 3.2 : 1.3,
    x: data.axes[run.axis].slice(0, run[key].length), mid: run[key],
    marks: run.status === "done" ? [] : [{ x: data.axes[run.axis][run[key].length - 1], y: run[key][run[key].length - 1] }] }));
}

function cellPage(cell, seed) {
  const { name } = cell.algorithm;
  const task = cell.taskInfo;
  const chosen = cell.runs.find((run) => String(run.seed) === seed);
  const run = chosen || cell.runs[0];
  const number = (label, value, show) => ({ label, num: true, value, cell: (r) => show(value(r)) });
  const columns = [
    { label: "seed", num: true, value: (r) => r.seed, cell: (r) => el("a", { href: `${cellFragment(cell)}/seed_${r.seed}`, text: r.seed }) },
    { label: "status", value: (r) => r.status, cell: (r) => statusChip(r.status) },
    ...runColumns(data.metrics, (r) => r, task),
    number("episodes", (r) => r.final?.n, shownCount), number("env steps", (r) => r.steps, shownCount),
    number("updates", (r) => r.updates, shownCount), number("wall time", (r) => r.wall, shownTime)];
  const used = columns.filter((c) => cell.runs.some((r) => c.value(r) !== undefined && c.value(r) !== null));
  if (cell.runs.some((r) => r.files))
    used.push({ label: "files", value: (r) => r.files?.length, cell: (r) => (r.files || []).map(([label, href]) =>
      [el("a", { href, text: label }), " "]) });
  if (cell.runs.some((r) => r.reason))
    used.push({ label: "reason", className: "wrap", value: (r) => r.reason, cell: (r) => r.reason || "" });

  const prefix = `${task.name}_${name}`.replace(/\W+/g, "_");
  const cards = FIGURES.filter(({ key }) => cell.runs.some((r) => r[key]?.length > 1)).map((figure) =>
    figureCard({ title: figure.title, file: `${prefix}_${figure.file}`, caption: "One line per seed." +
      (chosen ? ` Thick: seed ${chosen.seed}.` : ""),
    draw: (width) => curvePlot(width, { ...figure, yLabel: figure.yLabel.replace("IQM, log", "log").replace(" (IQM)", ""),
      series: seedSeries(cell, figure.key, chosen), xLabel: "environment steps" }) }));
  const panels = creditPanels([cell]);
  if (panels.length)
    cards.push(figureCard({ title: "Credit of each agent", file: `${prefix}_credit`,
      caption: "Mean over seeds of dQ_tot/dQ_i, agent by agent.",
      draw: (width) => curvePlot(width, { series: panels[0].series.map((s, i) => ({ ...s, ...memberStyle(i), name: `${s.name} ` })),
        xLabel: "environment steps", yLabel: "credit", showY: (y) => shown(y, 3) }) }));

  const machine = data.machines[run.machine] || {};
  const facts = MANIFEST.map(([label, key]) => [label, run[key] ?? machine[key]])
    .filter(([, value]) => value !== undefined && value !== "" && value !== 0);
  const siblings = cellsOf(cell.task);
  const place = siblings.indexOf(cell);
  const step = (offset, text) => siblings[place + offset] &&
    el("a", { href: cellFragment(siblings[place + offset]), text: text.replace("%", siblings[place + offset].algorithm.name) });
  const replays = cell.runs.flatMap((r) => (r.files || []).filter(([, , replay]) => replay).map(([label, href]) => [r, label, href]));
  return el("article", {}, [
    el("p", { class: "crumbs screen" }, [el("a", { href: taskFragment(task), text: `← ${task.name}` }), step(-1, "previous: %"), step(1, "next: %")]),
    el("h1", {}, [keyOf(cell.algorithm), " on ", ...breakable(task.name)]),
    el("p", { class: "soft", text: [task.about, task.settings].filter(Boolean).join(" · ") }),
    el("p", {}, [statusChip(cell.row.status), statisticColumns(task, [cell]).map((column) => [" ", column.label, " ", column.cell(cell)].flat())
      .flatMap((text, i) => (i ? [",", ...text] : text))]),
    dataTable({ caption: "Runs by seed", columns: used, rows: cell.runs, rowAttributes: (r) => ({ class: r === chosen ? "best" : null }) }),
    replays.length ? el("p", { id: "replays" }, ["Replays: ", replays.map(([r, label, href]) =>
      [el("a", { href, text: `seed ${r.seed}: ${label}` }), "  "])]) : null,
    el("div", { class: "figures" }, cards),
    el("h2", { text: `Seed ${run.seed}: how it was made` }),
    el("dl", { class: "facts" }, facts.map(([label, value]) => el("div", { class: String(value).length > 40 ? "wide" : null },
      [el("dt", { text: label }), el("dd", { class: label === "run id" || label === "flags" ? "mono" : null, text: value })]))),
    el("h3", { text: "config.toml" }), configBlock(cell, run)]);
}
