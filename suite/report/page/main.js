// Puts the page together and follows the fragment: #overview, #task/NAME, #cell/TASK/ALG[/seed_N].

function buildNavigation() {
  const link = (section, text, sub) => el("a", { href: `#${encodeURI(section)}`, text, class: sub ? "sub" : null, "data-section": section });
  document.getElementById("nav").append(link("overview", "Overview"), link("aggregate", "Over all tasks"),
    ...(creditRows.length ? [link("credits", "Credits")] : []),
    ...data.tasks.map((task) => link(`task/${task.name}`, task.name, true)), link("runs", "All runs"));
  const legend = document.getElementById("legend");
  for (const algorithm of data.algorithms)
    legend.append(el("button", { type: "button", "aria-pressed": "true", "data-algorithm": algorithm.name,
      title: "Switch in all curves", onclick: () => toggleAlgorithm(algorithm.name) }, [swatch(algorithm), algorithm.name]));
  document.getElementById("legend-show").addEventListener("click", () => {
    state.hidden.clear();
    redraw();
  });
  document.getElementById("legend-bands").addEventListener("click", toggleBands);
  document.getElementById("legend-learners").addEventListener("click", () => {
    showLearners();
    redraw();
  });
}

/** Bands of many curves hide each other; the button takes them away. */
function toggleBands() {
  state.bands = !state.bands;
  redraw();
}

/** Policies that do not learn are switched off at first: their levels and bands cover the curves. */
function showLearners() {
  const learns = data.algorithms.some((a) => a.learner);
  state.hidden = new Set(learns ? data.algorithms.filter((a) => !a.learner).map((a) => a.name) : []);
}

/** On a small screen sections and algorithms lie behind the button "Menu". */
function setUpMenu() {
  const button = document.getElementById("menu");
  const bar = document.querySelector(".bar");
  // Below the bar, whose title may take several lines.
  const place = () => {
    const open = document.body.classList.contains("menu-open");
    document.getElementById("side").style.top = open ? `${bar.getBoundingClientRect().bottom}px` : "";
  };
  const set = (open) => {
    document.body.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(open));
    place();
    if (open) document.getElementById("side").scrollTop = 0;
  };
  new ResizeObserver(place).observe(bar);
  button.addEventListener("click", () => set(!document.body.classList.contains("menu-open")));
  document.getElementById("nav").addEventListener("click", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("menu-open")) return;
    set(false);
    button.focus();
  });
}

/** Figures follow the width of their cards; on paper they have a width of their own. */
function followWidths() {
  let last = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width === last || state.still) return;
    last = width;
    requestAnimationFrame(redraw);
  }).observe(document.getElementById("main"));
  window.addEventListener("beforeprint", () => {
    state.still = true;
    redraw();
  });
  window.addEventListener("afterprint", () => {
    state.still = false;
    redraw();
  });
}

function cellOfFragment(fragment) {
  const [, path, seed] = /^cell\/(.*?)(?:\/seed_(\d+))?$/.exec(fragment) || [];
  const cell = path !== undefined && data.cells.find((c) => `${c.taskInfo.name}/${c.algorithm.name}` === path);
  return cell ? { cell, seed } : null;
}

function followFragment() {
  const fragment = decodeURI(location.hash.slice(1));
  const report = document.getElementById("report");
  const page = document.getElementById("cell");
  const found = cellOfFragment(fragment);
  hideTip();
  report.hidden = Boolean(found);
  page.hidden = !found;
  page.replaceChildren();
  if (found) {
    page.append(cellPage(found.cell, found.seed));
    window.scrollTo(0, 0);
    document.title = `${found.cell.algorithm.name} on ${found.cell.taskInfo.name} – ${data.title}`;
  } else {
    document.title = data.title;
    document.getElementById(fragment)?.scrollIntoView();
  }
  redraw();
  markNavigation();
}

function markNavigation() {
  const found = cellOfFragment(decodeURI(location.hash.slice(1)));
  let here = found ? `task/${found.cell.taskInfo.name}` : "overview";
  if (!found)
    for (const section of document.querySelectorAll("#report > section"))
      if (!section.hidden && section.getBoundingClientRect().top < 140) here = section.id;
  for (const link of document.querySelectorAll("#nav a")) {
    link.classList.toggle("here", link.dataset.section === here);
    if (link.dataset.section === here) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** Auto follows the system; the choice is kept where the browser allows it. */
function setUpTheme() {
  const names = { auto: "◐ auto", light: "☀ light", dark: "☾ dark" };
  const button = document.getElementById("theme");
  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = names[theme];
    button.setAttribute("aria-label", `Colours: ${theme}. Press to change.`);
  };
  let theme = "auto";
  try {
    theme = localStorage.getItem("credo-theme") || "auto";
  } catch { /* no storage for this page */ }
  if (!names[theme]) theme = "auto";
  apply(theme);
  button.addEventListener("click", () => {
    const order = Object.keys(names);
    theme = order[(order.indexOf(theme) + 1) % order.length];
    apply(theme);
    try {
      localStorage.setItem("credo-theme", theme);
    } catch { /* no storage for this page */ }
  });
}

function start() {
  document.getElementById("brand").textContent = data.title;
  setUpTheme();
  setUpMenu();
  buildNavigation();
  showLearners();
  document.getElementById("report").append(...[overviewSection(), aggregateSection(), creditsSection(),
    ...data.tasks.map(taskSection), runsSection(), footer()].filter(Boolean));
  document.getElementById("filter").addEventListener("input", (event) => {
    if (!document.getElementById("cell").hidden) location.hash = "overview";
    applyFilter(event.target.value);
  });
  followWidths();
  window.addEventListener("hashchange", followFragment);
  let waiting = false;
  window.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      markNavigation();
    });
  }, { passive: true });
  if (location.hash === "#selftest") {
    redraw();
    selfTest();
  } else {
    followFragment();
  }
}
start();
