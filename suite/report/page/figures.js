// What all figures share: the card with its title and export, the legend that switches algorithms
// on and off in all curves, and the tooltip. A figure is drawn for the width of its card, so that its
// text has the size of the page's text on a phone as well.

// `still`: a figure is drawn for paper or a file, where nobody can switch what is not shown.
const state = { hidden: new Set(), bands: true, figures: [], still: false };
const WIDTH = 620;         // of an exported figure, and of one that is not in the page yet
const PRINT_WIDTH = 400;   // half a page of A4; its text is a little smaller than the page's
const NARROW = 420;        // below, a figure has fewer ticks and larger targets for fingers

/** Text widths are estimated, so that a figure is the same in every browser. */
const textWidth = (text, size = 12) => size * [...text].reduce((sum, c) =>
  sum + (/[@mwMW=%+<>]/.test(c) ? 0.86 : /[fijlrt.,:;'|! ()]/.test(c) ? 0.38 : 0.61), 0);

function plotText(x, y, text, { anchor = "start", size = 12, color = "soft", bold, rotate } = {}) {
  return svg("text", { x, y, "text-anchor": anchor, text, transform: rotate && `rotate(${rotate} ${x} ${y})`,
    style: `fill:${ink(color)};font-size:${size}px${bold ? ";font-weight:650" : ""}` });
}
const plotLine = (x1, y1, x2, y2, color, extra = "") =>
  svg("line", { x1, y1, x2, y2, style: `stroke:${ink(color)};stroke-width:1;${extra}` });

function toggleAlgorithm(name) {
  if (!state.hidden.delete(name)) state.hidden.add(name);
  redraw();
}
function redraw() {
  state.figures = state.figures.filter((figure) => figure.card.isConnected);
  // All widths are read before anything is drawn: reading after drawing would lay out the page each time.
  const widths = state.figures.map((figure) => figure.width());
  state.figures.forEach((figure, i) => figure.draw(widths[i]));
  document.getElementById("legend-bands").setAttribute("aria-pressed", String(state.bands));
  for (const button of document.querySelectorAll("#legend button"))
    button.setAttribute("aria-pressed", String(!state.hidden.has(button.dataset.algorithm)));
}

/** What `draw` gives, for paper or a file. */
function asStill(draw) {
  state.still = true;
  try {
    return draw();
  } finally {
    state.still = false;
  }
}

/**
 * Rows of legend entries below `top`; returns the height they take. Series with a label of their own
 * (seeds, agents) are only named, the others are switches of their algorithm.
 */
function drawLegend(group, series, top, figureWidth) {
  const step = figureWidth < NARROW ? 25 : 19;
  let x = 14;
  let y = top + 12;
  for (const one of series) {
    if (state.still && state.hidden.has(one.name)) continue;
    const name = one.label || one.name;
    const width = 34 + textWidth(name);
    if (x + width > figureWidth - 4 && x > 14) {
      x = 14;
      y += step;
    }
    const line = svg("line", { x1: x, x2: x + 20, y1: y - 4, y2: y - 4,
      style: `stroke:${ink(one.color)};stroke-width:2.4;stroke-dasharray:${one.dash || "none"}` });
    const text = plotText(x + 25, y, name, { color: "ink" });
    x += width + 6;
    if (one.label) {
      group.append(svg("g", { class: "entry", "data-name": name }, [line, text]));
      continue;
    }
    const off = state.hidden.has(name);
    const press = (event) => {
      if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      toggleAlgorithm(name);
    };
    group.append(svg("g", { class: off ? "entry switch off" : "entry switch", tabindex: 0, role: "button",
      "aria-pressed": String(!off), "aria-label": name, "data-name": name, onclick: press, onkeydown: press }, [
      svg("rect", { x: x - width - 10, y: y - step / 2 - 4, width, height: step, style: "fill:transparent" }), line, text]));
  }
  return series.length ? y + 8 - top : 0;
}

/**
 * A card that holds one figure. `draw(width)` returns {root, height}; it runs again whenever an
 * algorithm is switched or the card gets another width. `file` names the exported SVG.
 */
function figureCard({ title, caption, file, draw, wide }) {
  const plot = el("div", { class: "plot" });
  const sized = (width) => {
    const { root, height } = draw(width);
    return fill(root, { class: "plot-svg", viewBox: `0 0 ${width} ${Math.ceil(height)}`, xmlns: SVG, "aria-label": title });
  };
  const cardWidth = () => (state.still ? (wide ? 2 : 1) * PRINT_WIDTH
    : plot.clientWidth ? Math.max(240, Math.floor(plot.clientWidth)) : WIDTH);
  const heading = el("h3", { text: title });
  const card = el("figure", { class: wide ? "wide" : null, "data-figure": file }, [
    el("div", { class: "figure-head" }, [heading,
      el("button", { type: "button", text: "SVG", title: "Save this figure as SVG", "aria-label": `Save ${title} as SVG`,
        onclick: () => saveSvg(figure.still(), file) })]),
    plot, caption && el("figcaption", { text: caption })]);
  const figure = { card, still: () => asStill(() => sized(wide ? 2 * WIDTH : WIDTH)), width: cardWidth, draw(width) {
    const root = sized(width);
    // Keep the focus on a legend entry that was just pressed.
    const focused = document.activeElement && plot.contains(document.activeElement) &&
      document.activeElement.getAttribute("aria-label");
    plot.replaceChildren(root);
    if (focused) [...root.querySelectorAll(".entry")].find((e) => e.getAttribute("aria-label") === focused)?.focus();
  } };
  state.figures.push(figure);
  figure.draw(wide ? 2 * WIDTH : WIDTH);
  return card;
}

/** The figure as a file of its own: light colours in place of the page's variables. */
function svgText(root) {
  const copy = root.cloneNode(true);
  copy.classList.remove("focus");
  copy.removeAttribute("tabindex");
  for (const node of copy.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
  for (const node of copy.querySelectorAll(".screen")) node.remove();
  const [, , width, height] = copy.getAttribute("viewBox").split(" ");
  fill(copy, { width, height, style: "font-family:'Helvetica Neue',Arial,'DejaVu Sans',sans-serif" });
  copy.prepend(svg("rect", { width, height, style: "fill:#ffffff" }));
  const variables = getComputedStyle(document.documentElement);
  const text = new XMLSerializer().serializeToString(copy).replace(/var\(--([\w-]+)\)/g, (_, name) => {
    const value = variables.getPropertyValue(`--${name}`).trim();
    return (/^light-dark\(([^,]+),/.exec(value) || [null, value])[1];
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text}\n`;
}
function saveSvg(root, file) {
  const url = URL.createObjectURL(new Blob([svgText(root)], { type: "image/svg+xml" }));
  el("a", { href: url, download: `${file.replace(/[^\w.=@-]+/g, "_")}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function showTip(content, pageX, pageY) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(...[content].flat());
  tip.hidden = false;
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  const right = pageX + 16;
  tip.style.left = `${right > room ? Math.max(8, pageX - tip.offsetWidth - 16) : right}px`;
  const below = pageY + 14;
  const bottom = window.scrollY + window.innerHeight;
  tip.style.top = `${below + tip.offsetHeight > bottom ? Math.max(window.scrollY, pageY - tip.offsetHeight - 14) : below}px`;
}
const hideTip = () => { document.getElementById("tip").hidden = true; };

/** Position of a pointer event in the units of a figure's viewBox. */
function figurePoint(root, event) {
  const box = root.getBoundingClientRect();
  const width = root.viewBox.baseVal.width;
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.width) * width];
}
