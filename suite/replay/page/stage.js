// The stage: what the frames say, and its drawing. Coordinates are the environment's, y upwards.
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

// Events that leave a trace for a while, the sums of the score and the parts of the map in use.
function prepare() {
  const n = episode.units.length;
  episode.events = [];
  episode.totals = [];
  const boxes = [];
  let before = null, nextBlast = 0;
  for (let f = 0; f < episode.frameCount; ++f) {
    const now = [], box = [Infinity, Infinity, -Infinity, -Infinity], totals = stage.sides.map(() => [0, 0, 0]);
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
      if (event.f === f && 'to' in event)
        Object.assign(event, {x: now[event.k].x, y: now[event.k].y, tx: now[event.to].x,
          ty: now[event.to].y});
    for (; nextBlast < episode.blasts.length && episode.blasts[nextBlast][0] === f; ++nextBlast) {
      const [, k, x, y, tx, ty, radius] = episode.blasts[nextBlast];
      episode.events.push({f, kind: x === tx && y === ty ? 'burst' : 'sweep', k, x, y, tx, ty, radius});
    }
    episode.totals.push(totals);
    boxes.push(Number.isFinite(box[0]) ? box : boxes[f - 1] || null);
    before = now;
  }
  episode.firstEvent = [];  // the first event at or after each frame
  for (let f = 0, e = 0; f <= episode.frameCount; ++f) {
    while (e < episode.events.length && episode.events[e].f < f) ++e;
    episode.firstEvent.push(e);
  }
  episode.hasShots = false;
  for (let f = 0; f < episode.frameCount; ++f)
    if (episode.shotView.getUint16(episode.shotAt[f], true) > 0) episode.hasShots = true;
  setViews(boxes);
}

const kWindow = 16;  // frames over which the close view smooths where units are

// The part of the map to show: of the whole episode, and of each frame smoothly, with everybody in it.
function setViews(boxes) {
  const union = (list) => list[0].map((_, side) =>
      (side < 2 ? Math.min : Math.max)(...list.map((box) => box[side])));
  if (!boxes.length || boxes.includes(null)) {
    episode.box = null;
    return;
  }
  const around = (list, f) => list.slice(Math.max(0, f - kWindow), f + kWindow + 1);
  const wide = boxes.map((_, f) => union(around(boxes, f)));
  episode.box = union(boxes.map((box) => box));
  episode.closeBoxes = wide.map((_, f) => {
    const list = around(wide, f);
    return list[0].map((_, side) => list.reduce((sum, box) => sum + box[side], 0) / list.length);
  });
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

const kSmallest = 8;  // the close view shows at least this much of the map, in each direction

function aim() {
  let [x0, y0, x1, y1] = [stage.x_low, stage.y_low, stage.x_high, stage.y_high];
  if (view !== 'map' && episode.box) {
    let box = episode.box;
    if (view === 'close') {
      const f = Math.floor(time), next = Math.min(f + 1, episode.frameCount - 1);
      box = episode.closeBoxes[f].map((v, side) => v + (time - f) * (episode.closeBoxes[next][side] - v));
    }
    const padX = Math.max(1.6, (kSmallest - box[2] + box[0]) / 2);
    const padY = Math.max(1.6, (kSmallest - box[3] + box[1]) / 2);
    x0 = Math.max(x0, box[0] - padX); y0 = Math.max(y0, box[1] - padY);
    x1 = Math.min(x1, box[2] + padX); y1 = Math.min(y1, box[3] + padY);
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

// Large enough for a number that can be read.
const unitRadius = (u, ratio) => Math.max(u.about.radius * camera.scale, 7 * ratio);

function drawUnit(u, ratio, flash) {
  const x = px(u.x), y = py(u.y), r = unitRadius(u, ratio);
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
  const size = Math.max(10.5 * ratio, r * 0.95);
  pen.font = `600 ${size}px system-ui, "DejaVu Sans", sans-serif`;
  pen.textAlign = 'center'; pen.textBaseline = 'middle';
  const number = /\d*$/.exec(u.about.name)[0] + '*'.repeat(shape.marks);
  pen.lineWidth = 2.5 * ratio; pen.lineJoin = 'round'; pen.strokeStyle = sideColour(u.about.side);
  pen.strokeText(number, x, y + size * 0.06);
  pen.fillStyle = colours['on-unit'];
  pen.fillText(number, x, y + size * 0.06);
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
    if (kind === 'hit' && event.kind === 'hit' && age < 3 && !calm) flashes[event.k] = 1 - age / 3;
    if (kind === 'strike' && event.kind === 'strike' && age < 5) {
      const alpha = 0.9 * (1 - age / 5);
      line(event.x, event.y, event.tx, event.ty, colour, 3 * ratio, [], alpha);
      ring(px(event.tx), py(event.ty), (0.15 + 0.06 * age) * camera.scale, 0, 1, colour, 2 * ratio, alpha);
    }
    if (kind === 'strike' && event.kind === 'burst' && age < kBurstFrames) drawBurst(event, age, colour, ratio);
    if (kind === 'strike' && event.kind === 'sweep' && age < kSweepFrames) drawSweep(event, age, colour, ratio);
    if (kind === 'death' && event.kind === 'death') {
      const r = (episode.units[event.k].radius + (calm ? 0.3 : age * 0.09)) * camera.scale;
      ring(px(event.x), py(event.y), r, 0, 1, colour, 2.5 * ratio, Math.max(0, 1 - age / 16));
    }
  }
  return flashes;
}

// A burst as far as it hurts, fading.
const kBurstFrames = 10;
function drawBurst(event, age, colour, ratio) {
  const left = 1 - age / kBurstFrames, r = event.radius * camera.scale;
  pen.save();
  pen.globalAlpha = 0.35 * left; pen.fillStyle = colour;
  pen.beginPath(); pen.arc(px(event.x), py(event.y), r * (calm ? 1 : Math.min(1, 0.4 + age / 4)), 0, 2 * Math.PI);
  pen.fill(); pen.restore();
  ring(px(event.x), py(event.y), r, 0, 1, colour, 1.5 * ratio, 0.8 * left);
}

// The line a beam sweeps, as wide as it hurts, and the beam on its way along it.
const kSweepFrames = 9, kBeamFrames = 5;
function drawSweep(event, age, colour, ratio) {
  const from = unitAt(event.f, event.k), swept = calm ? 1 : Math.min(1, (age + 1) / kBeamFrames);
  const x = event.x + swept * (event.tx - event.x), y = event.y + swept * (event.ty - event.y);
  const width = Math.max(2 * event.radius * camera.scale, 5 * ratio);
  line(event.x, event.y, x, y, colour, width, [], 0.55 * (1 - age / kSweepFrames));
  if (age < kBeamFrames && from.present) line(from.x, from.y, x, y, colour, 2.5 * ratio, [], 0.9);
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
      if (u.present && d < Math.max(least, unitRadius(u, ratio)) && (!best || d < best.d))
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

