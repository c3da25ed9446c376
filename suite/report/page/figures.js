// What all figures share: the card with its title and export, the legend that switches algorithms
// on and off everywhere, and the tooltip.

const state = { hidden: new Set(), figures: [] };
const WIDTH = 620;

/** Text widths are estimated, so that a figure is the same in every browser. */
const textWidth = (text, size = 12) => text.length * size * 0.58;

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
  for (const figure of state.figures) figure.draw();
  for (const row of document.querySelectorAll("tr[data-algorithm]"))
    row.classList.toggle("off", state.hidden.has(row.dataset.algorithm));
  for (const button of document.querySelectorAll("#legend button"))
    button.setAttribute("aria-pressed", String(!state.hidden.has(button.dataset.algorithm)));
}

/** Rows of legend entries below `top`; returns the height they take. */
function drawLegend(group, series, top) {
  let x = 14;
  let y = top + 12;
  for (const one of series) {
    const width = 34 + textWidth(one.name);
    if (x + width > WIDTH - 8 && x > 14) {
      x = 14;
      y += 18;
    }
    const name = one.name;
    const off = state.hidden.has(name);
    const press = (event) => {
      if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      toggleAlgorithm(name);
    };
    group.append(svg("g", { class: off ? "entry off" : "entry", tabindex: 0, role: "button", "aria-pressed": String(!off),
      "aria-label": name, onclick: press, onkeydown: press }, [
      svg("rect", { x: x - 4, y: y - 12, width, height: 17, style: "fill:transparent" }),
      svg("line", { x1: x, x2: x + 20, y1: y - 4, y2: y - 4,
        style: `stroke:${ink(one.color)};stroke-width:2.4;stroke-dasharray:${one.dash || "none"}` }),
      plotText(x + 25, y, name, { color: "ink" })]));
    x += width + 6;
  }
  return series.length ? y + 8 - top : 0;
}

/**
 * A card that holds one figure. `draw(card)` returns {root, height}; it runs again whenever an
 * algorithm is switched. `file` names the exported SVG.
 */
function figureCard({ title, caption, file, draw, wide }) {
  const plot = el("div", { class: "plot" });
  const heading = el("h3", { text: title });
  const card = el("figure", { class: wide ? "wide" : null, "data-figure": file }, [
    el("div", { class: "figure-head" }, [heading,
      el("button", { type: "button", text: "SVG", title: "Save this figure as SVG", "aria-label": `Save ${title} as SVG`,
        onclick: () => saveSvg(plot.firstChild, file) })]),
    plot, caption && el("figcaption", { text: caption })]);
  const figure = { card, draw() {
    const { root, height, width = WIDTH } = draw();
    fill(root, { class: "plot-svg", viewBox: `0 0 ${width} ${Math.ceil(height)}`, xmlns: SVG, "aria-label": title });
    // Keep the focus on a legend entry that was just pressed.
    const focused = document.activeElement && plot.contains(document.activeElement) &&
      document.activeElement.getAttribute("aria-label");
    plot.replaceChildren(root);
    if (focused) [...root.querySelectorAll(".entry")].find((e) => e.getAttribute("aria-label") === focused)?.focus();
  } };
  state.figures.push(figure);
  figure.draw();
  return card;
}

/** The figure as a file of its own: light colours in place of the page's variables. */
function svgText(root) {
  const copy = root.cloneNode(true);
  copy.classList.remove("focus");
  copy.removeAttribute("tabindex");
  for (const node of copy.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
  for (const node of copy.querySelectorAll(".screen, .entry.off")) node.remove();
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
function figurePoint(root, event, width = WIDTH) {
  const box = root.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.width) * width];
}
