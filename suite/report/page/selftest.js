// With the fragment #selftest the page tries itself out and writes what it found into the document.

function selfTest() {
  const lines = [];
  const check = (name, passed) => lines.push(`${passed ? "pass" : "FAIL"}: ${name}`);
  const column = (table, c) => [...table.tBodies[0].rows].map((row) => row.cells[c].textContent);
  const allShown = () => [...document.querySelectorAll("#report figure svg")];
  const tables = [...document.querySelectorAll("section.task table")];
  const table = tables.find((t) => t.tBodies[0].rows.length > 1) || tables[0];
  const before = column(table, 0).join();
  const heads = table.tHead.rows[0].cells;

  heads[2].firstChild.click();
  const values = column(table, 2).map((text) => Number(text.replace("−", "-"))).filter(Number.isFinite);
  check("numbers sort from the largest", heads[2].getAttribute("aria-sort") === "descending" &&
    values.length > 1 && values.every((value, i) => !i || value <= values[i - 1]));
  heads[0].firstChild.click();
  const names = column(table, 0);
  check("names sort from the first", heads[2].getAttribute("aria-sort") === null &&
    names.every((name, i) => !i || names[i - 1].localeCompare(name, "en", { numeric: true }) <= 0));
  heads[0].firstChild.click();
  heads[0].firstChild.click();
  check("the third press restores the order", column(table, 0).join() === before);

  check("no cell shows a value that is none", ![...document.querySelectorAll("td, th, dd, p")]
    .some((node) => /false|undefined|null|NaN/.test(node.textContent)));

  const learner = data.algorithms.find((a) => a.learner);
  check("curves start with the learners", data.algorithms.every((a) => state.hidden.has(a.name) === !a.learner) &&
    [...document.querySelectorAll("#legend button")].every((b) => b.getAttribute("aria-pressed") === String(!state.hidden.has(b.dataset.algorithm))));
  const curves = () => document.querySelectorAll(`.series[data-name="${learner.name}"]`).length;
  const drawn = curves();
  toggleAlgorithm(learner.name);
  check("the legend switches an algorithm off in every curve", drawn > 0 && curves() === 0);
  toggleAlgorithm(learner.name);
  check("and on again", curves() === drawn);
  const bands = () => document.querySelectorAll(".band").length;
  const banded = bands();
  document.getElementById("legend-bands").click();
  check("bands can be switched off", bands() === 0);
  document.getElementById("legend-bands").click();
  check("and bands on again", bands() === banded);

  applyFilter(learner.name);
  const left = [...document.querySelectorAll("section.task tr[data-search]")].filter((row) => !row.hidden);
  check("the filter keeps what it names", left.length > 0 && left.every((row) => row.dataset.search.includes(learner.name.toLowerCase())));
  applyFilter("");
  check("an empty filter keeps everything", !document.querySelector("tr[data-search][hidden], section.task[hidden]"));

  check("every figure is drawn", allShown().length > 0 && allShown().every((root) => root.querySelectorAll("path, rect, circle, line").length > 3 && !/NaN|undefined/.test(root.outerHTML)));
  const exported = svgText(allShown()[0]);
  const parsed = new DOMParser().parseFromString(exported, "image/svg+xml");
  check("a figure exports as SVG of its own", parsed.documentElement.tagName === "svg" && !exported.includes("var(") && !exported.includes("light-dark"));

  const plot = document.querySelector('svg[aria-roledescription="chart"]');
  plot.dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
  check("arrow keys read a figure", !document.getElementById("tip").hidden && document.querySelectorAll("#tip tr").length > 0);
  plot.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  check("Escape ends it", document.getElementById("tip").hidden);

  const bad = data.cells.flatMap((c) => c.runs).filter((run) => run.status !== "done").length;
  const glance = [...document.querySelectorAll("#glance tbody tr")];
  check("the overview shows each task's own measure", data.tasks.every((task, t) =>
    isShare(task) === cellsOf(t).some((c) => c.runs.some((run) => isNumber(run.final?.win))) &&
    cellsOf(t).every((c) => glance[t].cells[c.alg + 1].textContent.endsWith(shownScore(task, c.row.iqm?.[0])) &&
      (!isShare(task) || !c.row.iqm || glance[t].cells[c.alg + 1].textContent.endsWith("%")))));
  check("runs without a score are named", Boolean(document.getElementById("unfinished")) === bad > 0);

  const declared = { key: "declared", title: "declared", win_title: "", digits: 1, range: "any", shown: "where_there", note: "" };
  const metric = { ...declared, name: "declared", figure: "Declared" };
  const scored = data.cells.find((c) => c.runs.some((run) => run.final));
  const scoredRun = scored.runs.find((run) => run.final);
  data.columns.push(declared);
  data.metrics.push(metric);
  scored.row.declared = 12345;
  scoredRun.final.declared = 54321;
  const holds = (node, text) => node.textContent.includes(text);
  check("a statistic that is declared has a column, in its task alone", data.tasks.every((task, t) =>
    holds(taskSection(task, t), "12345.0") === (t === scored.task)));
  check("a metric that is declared has a column in both tables of runs",
    holds(runsSection(), "54321.0") && holds(cellPage(scored, String(scoredRun.seed)), "54321.0"));
  data.columns.pop();
  data.metrics.pop();
  delete scored.row.declared;
  delete scoredRun.final.declared;

  const credits = document.getElementById("credits");
  check("credits are shown where they were measured", Boolean(credits) === Boolean(data.credits) && (!credits ||
    (document.querySelectorAll("section.task table.credits tbody tr").length === creditRows.filter((r) => r.n > 0).length &&
      creditRows.filter((r) => r.a && r.hg).length === credits.querySelectorAll('[data-figure="fidelity_H_g"] g.series').length +
        creditRows.filter((r) => r.a && r.hg && state.hidden.has(r.cell.algorithm.name)).length)));
  const cell = data.cells.find((c) => c.algorithm.learner);
  let pages = 0;
  for (const one of data.cells) {
    const page = cellPage(one, String(one.runs[one.runs.length - 1].seed));
    if (page.querySelectorAll("table tbody tr").length === one.runs.length && !/NaN|undefined/.test(page.innerHTML)) ++pages;
  }
  check(`every cell has its page (${pages})`, pages === data.cells.length);
  location.hash = `${cellFragment(cell)}/seed_${cell.runs[0].seed}`;
  setTimeout(() => {
    const page = document.getElementById("cell");
    check("the fragment opens a cell", !page.hidden && page.textContent.includes(cell.taskInfo.name) &&
      (!cell.config || page.querySelector("pre.config").textContent.startsWith(data.lines[cell.config[0]])));
    check("no error was raised", !window.credoErrors.length);
    lines.push(...window.credoErrors);
    const failures = lines.filter((line) => !line.startsWith("pass")).length;
    document.body.append(el("pre", { id: "selftest", text: `${lines.join("\n")}\nselftest: ${failures ? "FAILED" : "passed"}` }));
  }, 50);
}
