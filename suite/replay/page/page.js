'use strict';
// What happened stands in #replay (suite/replay_page.cpp); this draws it. Time runs in frames: the
// scenes the environment showed, or its steps where it has no stage.
const byId = (id) => document.getElementById(id);
const replay = JSON.parse(byId('replay').textContent);
const stage = replay.stage;
const perStep = stage ? stage.scenes_per_step : 1;
const kUnitBytes = 14, kShotWords = 5;
const kFramesPerSecond = stage ? 16 : 4;
const kSpeeds = [0.25, 0.5, 1, 2, 4, 8, 16];
let episode, time = 0, playing = false, speed = 1, whole = false, lastTick = 0, pointer = null;

function decode(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return new DataView(bytes.buffer);
}

// ---- reading frames ----
function load(number) {
  const source = replay.episodes[number];
  episode = {...source, frameCount: source.steps.length * perStep + 1};
  if (stage) {
    episode.view = decode(source.frames);
    episode.shotView = decode(source.shots);
    episode.shotAt = [];
    for (let f = 0, at = 0; f < episode.frameCount; ++f) {
      episode.shotAt.push(at);
      at += 2 + episode.shotView.getUint16(at, true) * kShotWords * 2;
    }
    prepare();
  }
  byId('slider').max = episode.frameCount - 1;
  const result = episode.outcome ? episode.outcome + ', ' : '';
  byId('summary').textContent = `${replay.policy}, seed ${replay.seed}: ${result}return ` +
      `${+episode.return.toFixed(3)} after ${episode.steps.length} steps`;
  seek(0);
}

const scaleX = (v) => stage.x_low + v / 65535 * (stage.x_high - stage.x_low);
const scaleY = (v) => stage.y_low + v / 65535 * (stage.y_high - stage.y_low);

function unitAt(frame, k) {
  const at = (frame * episode.units.length + k) * kUnitBytes, v = episode.view;
  const u = episode.units[k], doing = v.getUint8(at + 13);
  return {present: doing > 0, doing: episode.doings[doing], x: scaleX(v.getUint16(at, true)),
    y: scaleY(v.getUint16(at + 2, true)), health: v.getUint16(at + 4, true) / 65535 * u.health_max,
    shield: v.getUint16(at + 6, true) / 65535 * u.shield_max,
    energy: v.getUint16(at + 8, true) / 65535 * u.energy_max,
    target: v.getInt16(at + 10, true), strikes: v.getUint8(at + 12)};
}

// Events that leave a trace for a while, the sums of the score and the part of the map in use.
function prepare() {
  const n = episode.units.length;
  episode.events = [];
  episode.totals = [];
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  let before = null;
  for (let f = 0; f < episode.frameCount; ++f) {
    const now = [], totals = stage.sides.map(() => [0, 0, 0]);
    for (let k = 0; k < n; ++k) {
      const u = unitAt(f, k), about = episode.units[k];
      now.push(u);
      if (!u.present && before) { u.x = before[k].x; u.y = before[k].y; }
      totals[about.side][0] += u.present ? u.health + u.shield : 0;
      totals[about.side][1] += about.health_max + about.shield_max;
      totals[about.side][2] += u.present ? 1 : 0;
      if (u.present) {
        box[0] = Math.min(box[0], u.x - about.radius); box[2] = Math.max(box[2], u.x + about.radius);
        box[1] = Math.min(box[1], u.y - about.radius); box[3] = Math.max(box[3], u.y + about.radius);
      }
      if (!before) continue;
      const was = before[k];
      if (was.present && !u.present) episode.events.push({f, kind: 'death', k, x: u.x, y: u.y});
      if (u.present && was.health + was.shield - u.health - u.shield > 0.5)
        episode.events.push({f, kind: 'hit', k});
      if (u.present && u.strikes !== was.strikes) {
        const to = u.target >= 0 ? u.target : was.target;
        if (to >= 0) episode.events.push({f, kind: 'strike', k, to});
      }
    }
    for (const event of episode.events)
      if (event.f === f && event.kind === 'strike')
        Object.assign(event, {x: now[event.k].x, y: now[event.k].y, tx: now[event.to].x,
          ty: now[event.to].y});
    episode.totals.push(totals);
    before = now;
  }
  episode.firstEvent = [];  // the first event at or after each frame
  for (let f = 0, e = 0; f <= episode.frameCount; ++f) {
    while (e < episode.events.length && episode.events[e].f < f) ++e;
    episode.firstEvent.push(e);
  }
  episode.box = box[0] > box[2] ? null : box;
}

// ---- drawing ----
const canvas = byId('stage'), pen = canvas.getContext('2d', {willReadFrequently: true});
let colours = {}, camera = {scale: 1, x: 0, y: 0};
const sideColour = (side) => colours['side-' + Math.min(side, 2)];

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['page', 'ink', 'faint', 'line', 'panel', 'floor', 'floor-high', 'wall', 'cliff',
      'grid',
      'side-0', 'side-1', 'side-2', 'health', 'low', 'dying', 'shield', 'energy', 'heal', 'flash',
      'on-unit'])
    colours[name] = style.getPropertyValue('--' + name).trim();
}

function sizeCanvas(c) {
  const box = c.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(box.width * ratio)), h = Math.max(1, Math.round(box.height * ratio));
  if (c.width !== w || c.height !== h) { c.width = w; c.height = h; }
  return ratio;
}

function aim() {
  let [x0, y0, x1, y1] = [stage.x_low, stage.y_low, stage.x_high, stage.y_high];
  if (!whole && episode.box) {
    const pad = 1.6;
    x0 = Math.max(x0, episode.box[0] - pad); y0 = Math.max(y0, episode.box[1] - pad);
    x1 = Math.min(x1, episode.box[2] + pad); y1 = Math.min(y1, episode.box[3] + pad);
  }
  const scale = Math.min(canvas.width / (x1 - x0), canvas.height / (y1 - y0));
  camera = {scale, x: canvas.width / 2 - scale * (x0 + x1) / 2,
    y: canvas.height / 2 + scale * (y0 + y1) / 2};
}
const px = (x) => camera.x + camera.scale * x;
const py = (y) => camera.y - camera.scale * y;

function mix(a, b, share) {
  const parse = (c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16));
  const p = parse(a), q = parse(b);
  return `rgb(${p.map((v, i) => Math.round(v + (q[i] - v) * share)).join(',')})`;
}

function drawFloor() {
  pen.fillStyle = colours.panel;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const w = (stage.x_high - stage.x_low) / stage.columns, h = (stage.y_high - stage.y_low) / stage.rows;
  for (let row = 0; row < stage.rows; ++row) {
    for (let column = 0; column < stage.columns; ++column) {
      const cell = stage.cells[row * stage.columns + column];
      const left = Math.floor(px(stage.x_low + column * w)), top = Math.floor(py(stage.y_low + (row + 1) * h));
      const right = Math.floor(px(stage.x_low + (column + 1) * w)), bottom = Math.floor(py(stage.y_low + row * h));
      pen.fillStyle = cell === '#' ? colours.wall : cell === '^' ? colours.cliff
          : mix(colours.floor, colours['floor-high'], cell / 9);
      pen.fillRect(left, top, right - left, bottom - top);
      if (cell === '^') hatch(left, top, right, bottom);
    }
  }
  pen.strokeStyle = colours.grid;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let x = Math.ceil(stage.x_low / 4) * 4; x <= stage.x_high; x += 4) {
    pen.moveTo(px(x), py(stage.y_low)); pen.lineTo(px(x), py(stage.y_high));
  }
  for (let y = Math.ceil(stage.y_low / 4) * 4; y <= stage.y_high; y += 4) {
    pen.moveTo(px(stage.x_low), py(y)); pen.lineTo(px(stage.x_high), py(y));
  }
  pen.stroke();
}

// Cliffs are hatched: most cannot cross them, some can.
function hatch(left, top, right, bottom) {
  pen.strokeStyle = colours.wall;
  pen.lineWidth = Math.max(1, (right - left) / 16);
  pen.beginPath();
  for (const share of [0, 0.5]) {
    pen.moveTo(left + share * (right - left), bottom); pen.lineTo(right, top + share * (bottom - top));
    pen.moveTo(left, bottom - share * (bottom - top)); pen.lineTo(right - share * (right - left), top);
  }
  pen.stroke();
}

// The units at a time between two frames; the absent keep their last place.
function unitsNow() {
  const f = Math.min(Math.floor(time), episode.frameCount - 1);
  const next = Math.min(f + 1, episode.frameCount - 1), share = time - f;
  return episode.units.map((about, k) => {
    const a = unitAt(f, k), b = unitAt(next, k);
    if (b.present && a.present) { a.x += share * (b.x - a.x); a.y += share * (b.y - a.y); }
    return Object.assign(a, {k, about});
  });
}

function line(x0, y0, x1, y1, colour, width, dash, alpha) {
  pen.save();
  pen.globalAlpha = alpha; pen.strokeStyle = colour; pen.lineWidth = width;
  pen.setLineDash(dash); pen.lineCap = 'round';
  pen.beginPath(); pen.moveTo(px(x0), py(y0)); pen.lineTo(px(x1), py(y1)); pen.stroke();
  pen.restore();
}

function ring(x, y, r, from, share, colour, width, alpha = 1) {
  pen.save();
  pen.globalAlpha = alpha; pen.strokeStyle = colour; pen.lineWidth = width;
  pen.beginPath(); pen.arc(x, y, r, from, from + 2 * Math.PI * share); pen.stroke();
  pen.restore();
}

function drawUnit(u, ratio, flash) {
  const x = px(u.x), y = py(u.y), r = Math.max(u.about.radius * camera.scale, 5 * ratio);
  const thick = Math.max(1.6 * ratio, r * 0.17), top = -Math.PI / 2;
  pen.fillStyle = sideColour(u.about.side);
  pen.globalAlpha = u.about.flies ? 0.8 : 1;
  const shape = shapes[u.about.kind];
  tracePath(pen, shape, x, y, r);
  pen.fill();
  pen.globalAlpha = 1;
  if (flash > 0) {
    pen.save();
    pen.globalAlpha = 0.65 * flash; pen.fillStyle = colours.flash;
    pen.fill(); pen.restore();
  }
  if (r > 7 * ratio) {
    pen.fillStyle = colours['on-unit'];
    pen.font = `600 ${Math.round(r * 0.95)}px system-ui, "DejaVu Sans", sans-serif`;
    pen.textAlign = 'center'; pen.textBaseline = 'middle';
    pen.fillText(/\d*$/.exec(u.about.name)[0] + '*'.repeat(shape.marks), x, y + r * 0.06);
  }
  if (u.about.health_max > 0) {
    const share = u.health / u.about.health_max;
    const colour = share > 0.5 ? colours.health : share > 0.25 ? colours.low : colours.dying;
    ring(x, y, r + thick * 0.7, 0, 1, colours.line, thick);
    ring(x, y, r + thick * 0.7, top, share, colour, thick);
  }
  if (u.about.shield_max > 0 && u.shield > 0)
    ring(x, y, r + thick * 1.8, top, u.shield / u.about.shield_max, colours.shield, thick * 0.8);
  if (u.about.energy_max > 0)
    ring(x, y, r * 0.72, top, u.energy / u.about.energy_max, colours.energy, thick * 0.6, 0.9);
}

function drawEvents(ratio, kind) {
  const flashes = {};
  const oldest = Math.max(0, Math.floor(time) - 24);
  for (let e = episode.firstEvent[oldest]; e < episode.events.length; ++e) {
    const event = episode.events[e], age = time - event.f;
    if (age < 0) break;
    const side = episode.units[event.k].side, colour = sideColour(side);
    if (kind === 'hit' && event.kind === 'hit' && age < 3) flashes[event.k] = 1 - age / 3;
    if (kind === 'strike' && event.kind === 'strike' && age < 5) {
      const alpha = 0.9 * (1 - age / 5);
      line(event.x, event.y, event.tx, event.ty, colour, 3 * ratio, [], alpha);
      ring(px(event.tx), py(event.ty), (0.15 + 0.06 * age) * camera.scale, 0, 1, colour, 2 * ratio, alpha);
    }
    if (kind === 'death' && event.kind === 'death') {
      const r = (episode.units[event.k].radius + age * 0.09) * camera.scale;
      ring(px(event.x), py(event.y), r, 0, 1, colour, 2.5 * ratio, Math.max(0, 1 - age / 16));
    }
  }
  return flashes;
}

function drawGraves(ratio) {
  for (const event of episode.events) {
    if (event.f > time) break;
    if (event.kind !== 'death') continue;
    const d = 0.22, colour = sideColour(episode.units[event.k].side);
    line(event.x - d, event.y - d, event.x + d, event.y + d, colour, 1.5 * ratio, [], 0.45);
    line(event.x - d, event.y + d, event.x + d, event.y - d, colour, 1.5 * ratio, [], 0.45);
  }
}

function drawShots(ratio) {
  const v = episode.shotView, at = episode.shotAt[Math.floor(time)];
  for (let k = 0, n = v.getUint16(at, true); k < n; ++k) {
    const word = (i) => v.getUint16(at + 2 + (k * kShotWords + i) * 2, true);
    const x = scaleX(word(1)), y = scaleY(word(2)), tx = scaleX(word(3)), ty = scaleY(word(4));
    const way = Math.hypot(tx - x, ty - y) || 1, colour = sideColour(word(0));
    line(x - 0.5 * (tx - x) / way, y - 0.5 * (ty - y) / way, x, y, colour, 3 * ratio, [], 0.5);
    pen.fillStyle = colour;
    pen.beginPath(); pen.arc(px(x), py(y), 3.2 * ratio, 0, 2 * Math.PI); pen.fill();
  }
}

function drawStage() {
  const ratio = sizeCanvas(canvas);
  aim();
  drawFloor();
  drawGraves(ratio);
  const units = unitsNow();
  for (const u of units) {
    const to = u.present && u.target >= 0 ? units[u.target] : null;
    if (!to || !to.present) continue;
    if (to.about.side === u.about.side && u.doing === 'heal')
      line(u.x, u.y, to.x, to.y, colours.heal, 3.5 * ratio, [7 * ratio, 5 * ratio], 0.85);
    else
      line(u.x, u.y, to.x, to.y, sideColour(u.about.side), 1 * ratio, [3 * ratio, 4 * ratio], 0.6);
  }
  const flashes = drawEvents(ratio, 'hit');
  for (const flying of [false, true])
    for (const u of units)
      if (u.present && u.about.flies === flying) drawUnit(u, ratio, flashes[u.k] || 0);
  drawEvents(ratio, 'strike');
  drawEvents(ratio, 'death');
  drawShots(ratio);
  showTip(units, ratio);
}

function showTip(units, ratio) {
  const tip = byId('tip');
  let best = null, least = 18 * ratio;
  if (pointer) {
    for (const u of units) {
      const d = Math.hypot(px(u.x) - pointer.x * ratio, py(u.y) - pointer.y * ratio);
      if (u.present && d < Math.max(least, u.about.radius * camera.scale) && (!best || d < best.d))
        best = {u, d};
    }
  }
  tip.hidden = !best;
  if (!best) return;
  const {u} = best, a = u.about, lines = [`${a.name}: ${a.kind}`];
  const amount = (name, value, most) => {
    if (most > 0) lines.push(`${name} ${value.toFixed(1)} of ${+most.toFixed(1)}`);
  };
  amount('health', u.health, a.health_max);
  amount('shield', u.shield, a.shield_max);
  amount('energy', u.energy, a.energy_max);
  const target = u.target >= 0 ? ` ${episode.units[u.target].name}` : '';
  lines.push(`${u.doing}${target}`, `at ${u.x.toFixed(2)}, ${u.y.toFixed(2)}`);
  if (a.reach > 0) {
    lines.push(`reach ${a.reach.toFixed(1)}`);
    ring(px(u.x), py(u.y), a.reach * camera.scale, 0, 1, sideColour(a.side), ratio, 0.5);
  }
  tip.textContent = lines.join('\n');
  const box = byId('view').getBoundingClientRect();
  tip.style.left = Math.min(pointer.x + 14, box.width - 180) + 'px';
  tip.style.top = Math.max(4, Math.min(pointer.y + 14, box.height - tip.offsetHeight - 6)) + 'px';
}

function drawScore() {
  const totals = episode.totals[Math.floor(time)];
  stage.sides.forEach((name, side) => {
    const [now, most, count] = totals[side], box = byId('side-' + side);
    if (!box) return;
    box.firstChild.textContent = `${name}: ${count} left, health and shields ${now.toFixed(0)} of ${most.toFixed(0)}`;
    box.lastChild.firstChild.style.width = `${most > 0 ? 100 * now / most : 0}%`;
  });
}

// How both sides stand over the whole episode; without a stage, the rewards.
function drawTimeline() {
  const c = byId('timeline'), ratio = sizeCanvas(c), p = c.getContext('2d');
  const inset = 8 * ratio, w = c.width - 2 * inset, h = c.height - 4 * ratio;
  const last = Math.max(1, episode.frameCount - 1);
  p.clearRect(0, 0, c.width, c.height);
  p.lineWidth = 1.6 * ratio;
  const curve = (values, colour) => {
    p.strokeStyle = colour;
    p.beginPath();
    values.forEach((v, i) => p.lineTo(inset + w * i / (values.length - 1 || 1), 2 * ratio + h * (1 - v)));
    p.stroke();
  };
  if (stage) {
    stage.sides.forEach((_, side) => curve(
      episode.totals.map((t) => t[side][1] > 0 ? t[side][0] / t[side][1] : 0), sideColour(side)));
  } else {
    let sum = 0;
    const sums = [0, ...episode.steps.map((s) => sum += s.reward)];
    const low = Math.min(...sums), span = Math.max(...sums) - low || 1;
    curve(sums.map((s) => (s - low) / span), colours['side-0']);
  }
  p.strokeStyle = colours.ink;
  p.lineWidth = ratio;
  p.beginPath();
  p.moveTo(inset + w * time / last, 0); p.lineTo(inset + w * time / last, c.height);
  p.stroke();
}

function draw() {
  if (stage) {
    drawStage();
    drawScore();
  } else {
    const text = byId('text');
    text.textContent = episode.texts[Math.floor(time)];
    // As large as the text of the start allows, so that it does not jump.
    const lines = episode.texts[0].split('\n'), box = byId('view').getBoundingClientRect();
    const columns = Math.max(24, ...lines.map((l) => l.length));
    text.style.fontSize = `${Math.max(12, Math.min(30, (box.width - 30) / columns / 0.61,
      (box.height - 30) / (lines.length + 2) / 1.25))}px`;
  }
  drawTimeline();
  const step = Math.min(Math.floor(time / perStep), episode.steps.length);
  let sum = 0;
  for (let t = 0; t < Math.floor(time / perStep); ++t) sum += episode.steps[t].reward;
  byId('clock').textContent = `step ${step} of ${episode.steps.length}, return ${sum.toFixed(2)}`;
  // With a stage the actions under way; with text those that led here.
  const shown = episode.steps[stage ? Math.min(step, episode.steps.length - 1) : step - 1];
  byId('actions').textContent = shown
      ? shown.actions.map((a, i) => `${i} ${replay.action_names[a]}`).join(' · ') : '';
  byId('slider').value = time;
  byId('play').textContent = playing ? 'pause' : 'play';
}

// ---- control ----
function seek(to) {
  time = Math.max(0, Math.min(to, episode.frameCount - 1));
  draw();
}
function stepBy(frames) {
  setPlaying(false);
  const grid = Math.abs(frames);
  seek((frames > 0 ? Math.floor(time / grid + 1e-6) + 1 : Math.ceil(time / grid - 1e-6) - 1) * grid);
}
function setPlaying(on) {
  if (on && time >= episode.frameCount - 1) time = 0;
  playing = on;
  if (on) {
    lastTick = performance.now();
    requestAnimationFrame(tick);
  }
  draw();
}
function advance(ms) {
  time = Math.min(time + ms / 1000 * kFramesPerSecond * speed, episode.frameCount - 1);
  if (time >= episode.frameCount - 1) playing = false;
  draw();
}
function tick(now) {
  if (!playing) return;
  advance(Math.max(0, Math.min(now - lastTick, 250)));
  lastTick = now;
  if (playing) requestAnimationFrame(tick);
}
function setSpeed(value) {
  speed = value;
  byId('speed').value = String(value);
}
function recolour() {
  readColours();
  if (stage) drawLegend();
  draw();
}
function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  recolour();
}
function toggleFit() {
  whole = !whole;
  byId('fit').textContent = whole ? 'fit' : 'whole map';
  draw();
}

const kKeys = {
  ' ': () => setPlaying(!playing),
  ArrowLeft: (e) => stepBy(e.shiftKey ? -1 : -perStep),
  ArrowRight: (e) => stepBy(e.shiftKey ? 1 : perStep),
  Home: () => seek(0),
  End: () => seek(Infinity),
  '+': () => setSpeed(kSpeeds[Math.min(kSpeeds.indexOf(speed) + 1, kSpeeds.length - 1)]),
  '-': () => setSpeed(kSpeeds[Math.max(kSpeeds.indexOf(speed) - 1, 0)]),
  f: () => stage && toggleFit(),
  t: toggleTheme,
};
kKeys['='] = kKeys['+'];

function connect() {
  byId('title').textContent = replay.env;
  document.title = `${replay.env} ${replay.policy} - Credo replay`;
  replay.episodes.forEach((e, i) => byId('episode').add(new Option(
      `${e.index}${e.outcome ? ` (${e.outcome})` : ''}`, i)));
  byId('episode-choice').hidden = replay.episodes.length < 2;
  byId('episode').onchange = (e) => { setPlaying(false); load(+e.target.value); };
  for (const s of kSpeeds) byId('speed').add(new Option(`${s}×`, s));
  setSpeed(1);
  if (stage) { assignShapes(); drawLegend(); }
  byId('speed').onchange = (e) => setSpeed(+e.target.value);
  byId('play').onclick = () => setPlaying(!playing);
  byId('start').onclick = () => seek(0);
  byId('end').onclick = () => seek(Infinity);
  byId('back').onclick = () => stepBy(-perStep);
  byId('forward').onclick = () => stepBy(perStep);
  byId('theme').onclick = toggleTheme;
  byId('fit').onclick = toggleFit;
  byId('slider').oninput = (e) => { playing = false; seek(+e.target.value); };
  document.addEventListener('keydown', (e) => {
    const action = kKeys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!action || e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === 'SELECT') return;
    e.preventDefault();
    action(e);
  });
  canvas.onmousemove = (e) => { pointer = {x: e.offsetX, y: e.offsetY}; if (!playing) draw(); };
  canvas.onmouseleave = () => { pointer = null; draw(); };
  window.onresize = draw;
  matchMedia('(prefers-color-scheme: dark)').onchange = recolour;
  canvas.hidden = byId('fit').hidden = byId('score').hidden = !stage;
  byId('text').hidden = Boolean(stage);
  if (!stage) byId('legend').hidden = true;
  if (!stage) return;
  stage.sides.slice(0, 2).forEach((_, side) => {
    const box = byId('side-' + side), label = document.createElement('span');
    const bar = document.createElement('div'), fill = document.createElement('div');
    bar.className = 'bar';
    fill.style.background = `var(--side-${side})`;
    bar.append(fill);
    box.append(label, bar);
  });
}

// `#selftest` works every control and leaves the outcome in the page, for the test in Chromium;
// `#t=FRAME` opens the page at a frame.
function selftest() {
  const failed = [];
  const check = (name, good) => { if (!good) failed.push(name); };
  const key = (name, more = {}) => document.dispatchEvent(
      new KeyboardEvent('keydown', {key: name, bubbles: true, ...more}));
  const last = episode.frameCount - 1;
  try {
    check('starts at 0', time === 0);
    byId('play').click();
    check('plays', playing && byId('play').textContent === 'pause');
    advance(500);
    check('moves on', Math.abs(time - Math.min(0.5 * kFramesPerSecond, last)) < 1e-6);
    if (playing) key(' ');
    check('pauses', !playing);
    const slider = byId('slider');
    slider.value = last;
    slider.dispatchEvent(new Event('input'));
    check('scrubs', time === last && byId('clock').textContent.startsWith(
        `step ${episode.steps.length} of ${episode.steps.length}, return ${episode.return.toFixed(2)}`));
    key('ArrowLeft');
    check('steps back', time === last - perStep);
    key('ArrowRight');
    check('steps on', time === last);
    key('ArrowLeft', {shiftKey: true});
    check('steps finely', time === last - 1);
    key('Home');
    check('goes home', time === 0);
    key('+');
    check('speeds up', speed === 2);
    advance(250);
    check('plays faster', Math.abs(time - Math.min(0.5 * kFramesPerSecond, last)) < 1e-6);
    const background = colours.page;
    key('t');
    check('changes theme', colours.page !== background);
    key('Home');
    if (stage) {
      const data = pen.getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
      check('draws', seen.size > 8);
      const seenShapes = Object.values(shapes).map((s) => JSON.stringify(s));
      check('tells kinds apart', new Set(seenShapes).size === seenShapes.length &&
          replay.episodes.every((e) => e.units.every((u) => u.kind in shapes)));
      check('names kinds', byId('legend').children.length ===
          (seenShapes.length < 2 ? 0 : seenShapes.length));
      check('tells cliffs from walls', colours.cliff !== colours.wall);
      const u = unitsNow()[0], ratio = window.devicePixelRatio || 1;
      pointer = {x: px(u.x) / ratio, y: py(u.y) / ratio};
      draw();
      check('explains units', !byId('tip').hidden && byId('tip').textContent.includes(u.about.kind));
      pointer = null;
      key('f');
      check('shows the whole map', whole);
      key('f');
    } else {
      check('shows text', byId('text').textContent === episode.texts[0]);
    }
    for (let f = 0; f <= last; f += Math.max(1, last / 200)) seek(f);
    replay.episodes.forEach((_, i) => { load(i); seek(Infinity); });
    load(0);
    key('t');
  } catch (error) {
    failed.push(String(error));
  }
  byId('selftest').textContent = failed.length ? 'selftest failed: ' + failed.join('; ') : 'selftest passed';
}

readColours();
connect();
load(0);
if (location.hash === '#selftest') selftest();
const asked = /^#t=([\d.]+)$/.exec(location.hash);
if (asked) seek(+asked[1]);
