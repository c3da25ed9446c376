// Columns and figures of the numbers that the data declares: data.metrics (of an evaluation),
// data.columns (statistics of a row of a task's table) and data.aggregate.columns (over all tasks).

const data = JSON.parse(document.getElementById("data").textContent);
/** Of a number near 1 the data has the distance to 1, by this key the page has the number too. */
const nearOne = (key) => `${key}_near_one`;

/** The metric that counts on a task: the share won, or the return. */
const measureOf = (task) => data.metrics.find((metric) => metric.key === task.measure);
const isShare = (task) => measureOf(task).range === "share";
/** 0.823 as 82% in the overview, where each task stands beside tasks of other measures. */
const shownScore = (task, value) =>
  !isNumber(value) ? MISSING : isShare(task) ? `${(100 * value).toFixed(0)}%` : shown(value, measureOf(task).digits);

/**
 * Columns of a number {title, digits, range, note}; value(row) is it, an estimate of it, or undefined. Of a number
 * near 1 the data has the distance to 1: one column shows the number, one the distance.
 */
function numberColumns({ title, digits, range, note }, value) {
  const first = (row) => [value(row)].flat()[0];
  if (range === "near_one")
    return [{ label: title, num: true, title: note, value: (row) => (isNumber(first(row)) ? 1 - first(row) : null),
      cell: (row) => shownEntropy(first(row)) },
    { label: `1 − ${title}`, num: true, value: first, cell: (row) => shownDeviation(first(row)) }];
  return [{ label: title, num: true, title: note, value: first,
    cell: (row) => (isNumber(value(row)) ? shown(value(row), digits) : withInterval(value(row), digits)) }];
}

/** Columns of a task's table: the statistics that some of its cells have; those beside wins come last. */
function statisticColumns(task, cells) {
  const isThere = (one) => one.shown === "beside_wins" ? isShare(task) : one.shown !== "never";
  const used = data.columns.filter((one) => isThere(one) && cells.some((cell) => cell.row[one.key] !== undefined));
  const last = used.filter((one) => one.shown === "beside_wins");
  return [...used.filter((one) => !last.includes(one)), ...last].flatMap((one) => numberColumns({ ...one,
    title: (isShare(task) && one.win_title) || one.title, digits: one.digits < 0 ? measureOf(task).digits : one.digits },
  (cell) => cell.row[one.key]).map((column) => ({ ...column, key: one.key })));
}

/** Columns of runs after training, and of their best weights for the measure of the task. */
function runColumns(metrics, runOf, task) {
  const columns = metrics.flatMap((metric) => numberColumns(metric, (row) => runOf(row).final?.[metric.key]));
  if (!task) return columns;
  const measure = measureOf(task);
  return [...columns, ...numberColumns({ ...measure, title: `absolute ${measure.title}` }, (row) => runOf(row).abs?.[measure.key])];
}

/** Figures of metrics: {key of the values, title, file, axis}. A number near 1 has a second one, of its distance to 1. */
const FIGURES = data.metrics.filter((metric) => metric.figure).flatMap(({ key, name, title, figure, digits, range }) =>
  range === "near_one"
    ? [{ key, title: `${figure}: distance to 1`, yLabel: `1 − ${title} (IQM, log)`, file: `${name}_distance`, log: true,
      showY: shownDeviation },
    { key: nearOne(key), title: figure, yLabel: `${title} (IQM)`, file: name, showY: (y) => shown(y, digits) }]
    : [{ key, title: figure, yLabel: `test ${title} (IQM)`, file: name, yFixed: range === "share" ? [0, 1] : undefined }]);
