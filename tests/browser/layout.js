// What is wrong with the layout of the page that is open, as a list of sentences. Knows the pages of
// reports and replays by their general marks only: headings, tables in .scroll, figures as SVG.
(() => {
  const faults = [];
  const name = (node) => `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""} "${node.textContent.trim().slice(0, 40)}"`;
  const isShown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)].filter(isShown);
  const width = document.documentElement.clientWidth;
  const isClipped = (node) => node.closest(".scroll, pre, .skip, [aria-hidden='true'], .glance thead");

  // Nothing makes the page wider than the window, and no text is cut off.
  if (document.documentElement.scrollWidth > width) faults.push(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${width}`);
  for (const node of all("body *")) {
    if (isClipped(node)) continue;
    const box = node.getBoundingClientRect();
    if (box.width > 1 && (box.right > width + 1 || box.left < -1)) faults.push(`${name(node)} reaches beyond the window`);
  }
  for (const node of all("h1, h2, h3, p, a, button, label, figcaption, dd, dt, .brand, #summary, #clock, #actions"))
    if (!isClipped(node) && getComputedStyle(node).display !== "inline" &&
        (node.scrollWidth > node.clientWidth + 1 || (getComputedStyle(node).overflowY !== "visible" && node.scrollHeight > node.clientHeight + 1)))
      faults.push(`${name(node)} is cut off`);

  // Labels of a figure stand apart, inside the figure, in a size that can be read, and beside the line they name.
  for (const figure of all("figure svg, svg.plot-svg")) {
    const title = figure.getAttribute("aria-label");
    const frame = figure.getBoundingClientRect();
    const scale = frame.width / figure.viewBox.baseVal.width;
    const texts = all("text", figure).map((node) => {
      const box = node.getBoundingClientRect();
      const turned = node.hasAttribute("transform");
      const lean = (turned ? box.width : box.height) * 0.22;  // ascent and descent that letters rarely fill
      return { node, left: box.left + (turned ? lean : 1), right: box.right - (turned ? lean : 1),
        top: box.top + (turned ? 1 : lean), bottom: box.bottom - (turned ? 1 : lean) };
    });
    texts.forEach((a, i) => {
      if (a.left < frame.left - 2 || a.right > frame.right + 2 || a.top < frame.top - 2 || a.bottom > frame.bottom + 2)
        faults.push(`${title}: ${name(a.node)} leaves the figure`);
      const size = parseFloat(getComputedStyle(a.node).fontSize) * scale;
      if (size < 9.5) faults.push(`${title}: ${name(a.node)} is ${size.toFixed(1)} px high`);
      for (const b of texts.slice(i + 1))
        if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
          faults.push(`${title}: ${name(a.node)} and ${name(b.node)} overlap`);
    });
    const levels = all("line, path", figure).map((node) => node.getBoundingClientRect()).filter((box) => box.height < 2 && box.width > 60);
    for (const { node, top, bottom, left, right } of texts.filter((text) => text.node.classList.contains("halo")))
      if (levels.some((box) => box.top < bottom && box.bottom > top && box.left < right && box.right > left))
        faults.push(`${title}: a line strikes ${name(node)} through`);
    const named = new Set(all(".entry", figure).map((node) => node.dataset.name));
    if (figure.getAttribute("aria-roledescription") === "chart")
      for (const one of figure.querySelectorAll(".series"))
        if (!named.has(one.dataset.name)) faults.push(`${title}: no legend for ${one.dataset.name}`);
    if (!title || !figure.getAttribute("aria-description")) faults.push(`${title}: a figure without a description`);
  }

  // Tables that go on beside the window say so and keep their first column.
  for (const scroll of all(".scroll")) {
    if (scroll.scrollWidth <= scroll.clientWidth + 1) continue;
    const cue = scroll.closest(".table-box").querySelector(".cue");
    if (!isShown(cue) || !/\d more column/.test(cue.textContent)) faults.push(`${scroll.getAttribute("aria-label")}: no cue of more columns`);
    const first = scroll.querySelector("tbody tr > :first-child");
    scroll.scrollLeft = 60;
    if (Math.abs(first.getBoundingClientRect().left - scroll.getBoundingClientRect().left) > 2)
      faults.push(`${scroll.getAttribute("aria-label")}: the first column scrolls away`);
    scroll.scrollLeft = 0;
  }

  // Pieces of one line share their baseline.
  for (const node of all("h1, td, .heading h2")) {
    const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    let last = null;
    for (let text = walk.nextNode(); text; text = walk.nextNode()) {
      if (!text.textContent.trim() || !isShown(text.parentElement)) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const size = getComputedStyle(text.parentElement).fontSize;
      const box = range.getClientRects()[0];
      if (box && last && last.size === size && box.left >= last.box.right - 1 && box.top < last.box.bottom && Math.abs(box.bottom - last.box.bottom) > 1)
        faults.push(`${name(node)}: the baseline jumps`);
      if (box) last = { box: [...range.getClientRects()].pop(), size };
    }
  }

  // Text differs enough from what is behind it (WCAG 1.4.3), lines of legends too (1.4.11).
  const parse = (text) => {
    const numbers = (text.match(/-?[\d.]+(e-?\d+)?/g) || []).map(Number);
    const unit = text.startsWith("color(") ? 1 : 255;
    return { rgb: numbers.slice(0, 3).map((v) => v / unit), alpha: numbers.length > 3 ? numbers[3] : 1 };
  };
  const over = (top, below) => top.rgb.map((v, i) => v * top.alpha + below[i] * (1 - top.alpha));
  const grounds = new Map([[null, [1, 1, 1]]]);
  const backdrop = (node) => {
    if (!grounds.has(node)) grounds.set(node, over(parse(getComputedStyle(node).backgroundColor), backdrop(node.parentElement)));
    return grounds.get(node);
  };
  const light = (rgb) => rgb.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {
    const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const seen = new Set();
  for (const node of all("body *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) || node.tagName === "OPTION") continue;
    const style = getComputedStyle(node);
    const paint = parse(node instanceof SVGElement ? style.fill : style.color);
    if (paint.alpha === 0) continue;
    const ground = backdrop(node);
    const ratio = contrast(over(paint, ground), ground);
    const key = `${paint.rgb}/${ground}`;
    if (ratio < 4.5 && !seen.has(key)) faults.push(`${name(node)} has a contrast of ${ratio.toFixed(2)}`);
    seen.add(key);
  }
  for (const line of all(".legend button[aria-pressed='true'] line")) {
    const ratio = contrast(parse(getComputedStyle(line).stroke).rgb, backdrop(line));
    if (ratio < 2.99) faults.push(`the line of ${name(line.closest("button"))} has a contrast of ${ratio.toFixed(2)}`);
  }

  // Controls have names, and room for a finger or a pointer (WCAG 2.5.8).
  for (const node of all("button, select, input, summary, #nav a, svg .switch")) {
    const box = node.getBoundingClientRect();
    const label = node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.[0]?.textContent.trim();
    if (!label) faults.push(`${name(node)} has no name`);
    if (width < 500 && node.type !== "range" && box.height < 23.5) faults.push(`${name(node)} is ${box.height.toFixed(0)} px high`);
  }
  return [...new Set(faults)];
})()
