// Elements, numbers and colours.

window.credoErrors = [];
window.addEventListener("error", (event) => window.credoErrors.push(event.message));

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of [children].flat(2))
    if (child !== undefined && child !== null && child !== false && child !== "") node.append(child);
  return node;
}
const el = (tag, attributes, children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const MISSING = "–";

/** A score with enough digits for its size: 1234, 12.34, 0.1234. */
function shown(value, digits = 2) {
  if (!isNumber(value)) return MISSING;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
}
/** Resampling gives no p of 0. */
const shownP = (p) => (isNumber(p) && p < 1e-4 ? "< 0.0001" : shown(p, 4));
/** Estimates are [value, low, high], or [value] where there are too few values for an interval. */
const hasInterval = (estimate) => Boolean(estimate) && isNumber(estimate[1]) && isNumber(estimate[2]);
const shownEstimate = (estimate, digits = 2) =>
  !estimate ? MISSING
    : !hasInterval(estimate) ? shown(estimate[0], digits)
      : `${shown(estimate[0], digits)} [${shown(estimate[1], digits)}, ${shown(estimate[2], digits)}]`;
/** An estimate in a table: the interval goes below the value where there is little room. */
const withInterval = (estimate, digits, className) =>
  !estimate ? MISSING
    : !hasInterval(estimate) ? shown(estimate[0], digits)
      : [shown(estimate[0], digits), " ", el("span", { class: className ? `interval ${className}` : "interval",
        text: `[${shown(estimate[1], digits)}, ${shown(estimate[2], digits)}]` })];

/** H from its distance d to 1: with the digits that tell it from 1. */
function shownEntropy(deviation) {
  if (!isNumber(deviation)) return MISSING;
  if (deviation <= 0) return "1";
  const digits = Math.min(9, Math.max(4, Math.ceil(-Math.log10(deviation)) + 1));
  return (1 - deviation).toFixed(digits);
}
const shownDeviation = (deviation) =>
  !isNumber(deviation) ? MISSING : deviation <= 0 ? "0" : deviation.toPrecision(2);
const shownCount = (value) =>
  isNumber(value) ? String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f") : MISSING;
function shownTime(seconds) {
  if (!isNumber(seconds)) return MISSING;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
/** A name that may break after each part: "stag_hunt/8x8@penalty=-1". */
const breakable = (name) => name.split(/(?<=[_@/])/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
/** 0, 500, 20k, 1.5M: for axes. */
function shortNumber(value) {
  const size = Math.abs(value);
  const cut = (v) => String(Number(v.toPrecision(6))).replace("-", "−");
  if (size >= 1e6) return cut(value / 1e6) + "M";
  if (size >= 1e4) return cut(value / 1e3) + "k";
  return cut(value);
}
function seedList(seeds) {
  const parts = [];
  for (let i = 0; i < seeds.length; ) {
    let j = i;
    while (j + 1 < seeds.length && seeds[j + 1] === seeds[j] + 1) ++j;
    parts.push(j > i ? `${seeds[i]}–${seeds[j]}` : String(seeds[i]));
    i = j + 1;
  }
  return parts.join(", ") || MISSING;
}

// A colour and a dash for each algorithm, the same in every figure of every report. Policies that
// do not learn are grey; swept variants and newcomers take what is left, then repeat with dashes.
const STYLES = {
  random: ["grey1", "2 3"], noop: ["grey2", "6 4"], scripted: ["grey3", "10 3 2 3"],
  open_loop: ["grey2", "12 4"], qmix: ["blue", ""], qmix_gre: ["orange", ""], vdn: ["green", ""],
  iql: ["pink", "7 2"], qmix_simple: ["sky", "7 2"], qmix_gre_exact: ["gold", "8 2 2 2"],
  qplex: ["wine", ""], ow_qmix: ["olive", "8 2 2 2"], cw_qmix: ["indigo", "7 2"],
  qtran: ["brown", ""], coma: ["teal", ""], mappo: ["rose", ""], ippo: ["rose", "7 2"],
};
const POOL = ["teal", "rose", "indigo", "brown", "olive", "wine", "gold", "pink", "sky", "green", "orange", "blue"];
const DASHES = ["", "3 2", "9 3 3 3"];

function assignStyles(algorithms) {
  const taken = new Set();
  const waiting = [];
  for (const algorithm of algorithms) {
    const style = STYLES[algorithm.base];
    const key = style && style.join();
    if (style && !taken.has(key)) {
      taken.add(key);
      [algorithm.color, algorithm.dash] = style;
    } else {
      waiting.push(algorithm);
    }
  }
  const used = new Set(algorithms.map((a) => a.color));
  const free = POOL.filter((color) => !used.has(color)).concat(POOL);
  waiting.forEach((algorithm, i) => {
    algorithm.color = free[i % free.length];
    algorithm.dash = DASHES[Math.floor(i / free.length + 1) % DASHES.length];
  });
}

/** Colour and dash of the i-th of several lines of one algorithm: seeds, agents. */
const MEMBERS = ["blue", "orange", "green", "wine", "gold", "sky", "indigo", "brown", "teal", "rose"];
const memberStyle = (i) => ({ color: MEMBERS[i % MEMBERS.length],
  dash: ["", "7 2", "2 2", "9 3 2 3"][(i + Math.floor(i / MEMBERS.length)) % 4] });

const ink = (color) => `var(--${color})`;

/** The line that stands for an algorithm in lists and tables. */
function swatch(algorithm) {
  return svg("svg", { width: 22, height: 10, viewBox: "0 0 22 10", "aria-hidden": "true" },
    svg("line", { x1: 1, x2: 21, y1: 5, y2: 5,
      style: `stroke:${ink(algorithm.color)};stroke-width:2.6;stroke-dasharray:${algorithm.dash || "none"}` }));
}
const keyOf = (algorithm) => el("span", { class: "key" }, [swatch(algorithm), algorithm.name]);
