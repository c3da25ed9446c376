// True contributions beside learned credits over the episode, an agent a row, with the moment that the
// stage shows. Only in pages made with --credits (suite/replay/replay_credits.cpp).
const credits = replay.credits;
// The name of SVG, without an address in a page that refers to nothing outside.
const kSvg = new DOMParser().parseFromString('<svg></svg>', 'text/html').body.firstChild.namespaceURI;
const kCreditWidth = 240, kCreditHeight = 36;
let creditRows = [];  // {values, line, text}

function svgPart(name, attributes) {
  const node = document.createElementNS(kSvg, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

// "M0 3L1 4M3 5": broken where an agent does not act.
function creditPath(values, x, y) {
  let path = '', pen = 'M';
  values.forEach((value, t) => {
    if (value === null || value === undefined) { pen = 'M'; return; }
    path += `${pen}${x(t).toFixed(1)} ${y(value).toFixed(1)}`;
    if (pen === 'M') path += 'h0.1';  // a single step is a dot
    pen = 'L';
  });
  return path;
}

function creditRow(name, steps, truth, errors, learned, marks) {
  const all = steps.flatMap((s) => [...s.phi, ...(s.learned || [])]).filter((v) => v !== null);
  const own = truth.filter((v) => v !== null).concat(learned.filter((v) => v !== null));
  const high = Math.max(...(marks ? own : all), 0), low = Math.min(...(marks ? own : all), 0);
  const span = high - low || 1;
  const x = (t) => 3 + (kCreditWidth - 6) * t / Math.max(1, steps.length - 1);
  const y = (v) => 3 + (kCreditHeight - 6) * (high - Math.max(low, Math.min(high, v))) / span;
  const picture = svgPart('svg', {viewBox: `0 0 ${kCreditWidth} ${kCreditHeight}`, preserveAspectRatio: 'none', 'aria-hidden': 'true'});
  picture.append(svgPart('line', {x1: 0, x2: kCreditWidth, y1: y(0), y2: y(0), class: 'zero'}));
  truth.forEach((v, t) => {
    if (v === null) return;
    const e = 3 * (errors[t] || 0);
    if (e > 0) picture.append(svgPart('line', {x1: x(t), x2: x(t), y1: y(v - e), y2: y(v + e), class: 'error'}));
    if (marks && marks[t]) picture.append(svgPart('line', {x1: x(t), x2: x(t), y1: kCreditHeight - 4, y2: kCreditHeight, class: 'decided'}));
  });
  picture.append(svgPart('path', {d: creditPath(truth, x, y), class: 'true'}),
                 svgPart('path', {d: creditPath(learned, x, y), class: 'learned'}));
  const line = svgPart('line', {y1: 0, y2: kCreditHeight, class: 'now'});
  picture.append(line);
  picture.addEventListener('click', (e) => {
    const box = picture.getBoundingClientRect();
    setPlaying(false);
    seek(Math.round((e.clientX - box.left) / box.width * (steps.length - 1)) * perStep);
  });
  const row = document.createElement('div'), label = document.createElement('span'), text = document.createElement('span');
  row.className = 'credit';
  label.textContent = name;
  text.className = 'values';
  row.append(label, picture, text);
  return {row, line, text, x, truth, errors, learned};
}

function loadCredits() {
  byId('credits').hidden = !credits;
  if (!credits) return;
  const steps = credits.episodes[replay.episodes.findIndex((e) => e.index === episode.index)];
  const nobody = steps.map(() => null);
  creditRows = [creditRow('all', steps, steps.map((s) => s.gain), nobody, nobody, steps.map((s) => s.decided))];
  steps[0].phi.forEach((_, agent) => {
    const of = (key) => steps.map((s) => (s[key] ? s[key][agent] : null));
    creditRows.push(creditRow(`agent ${agent}`, steps, of('phi'), of('se'), of('learned'), null));
  });
  byId('credit-rows').replaceChildren(...creditRows.map((r) => r.row));
  const names = {psi: 'learned ψ', first: 'learned, first order', delta: 'critic’s difference'};
  byId('credit-key').replaceChildren(...[['true', 'true contribution φ, ± 3 standard errors'],
    ...(credits.account ? [['learned', names[credits.account]]] : [])].map(([kind, words]) => {
      const entry = document.createElement('span'), sign = svgPart('svg', {viewBox: '0 0 22 8', 'aria-hidden': 'true'});
      sign.append(svgPart('path', {d: 'M1 4H21', class: kind}));
      entry.className = 'entry';
      entry.append(sign, words);
      return entry;
    }), `units of return; held back: ${credits.default}`);
}

function drawCredits() {
  if (!credits) return;
  const t = Math.min(Math.floor(time / perStep), episode.steps.length - 1);
  const shown = (v) => (v >= 0 ? '+' : '−') + (Math.abs(v) < 99.5 ? Math.abs(v).toPrecision(2) : Math.abs(v).toFixed(0));
  for (const row of creditRows) {
    row.line.setAttribute('x1', row.x(t));
    row.line.setAttribute('x2', row.x(t));
    const truth = row.truth[t], learned = row.learned[t];
    row.row.classList.toggle('idle', truth === null);
    row.text.textContent = truth === null ? 'does not act'
        : shown(truth) + (learned === null || learned === undefined ? '' : ` / ${shown(learned)}`);
  }
}
