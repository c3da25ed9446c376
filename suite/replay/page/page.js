// The pages of replays show what stands in #replay (suite/replay/replay_page.cpp). Time runs in frames:
// the scenes the environment showed, or its steps where it has no stage.
const byId = (id) => document.getElementById(id);
const replay = JSON.parse(byId('replay').textContent);
const stage = replay.stage;
const perStep = stage ? stage.scenes_per_step : 1;
const kUnitBytes = 14, kShotWords = 5;
const kFramesPerSecond = stage ? 16 : 4;
const kSpeeds = [0.25, 0.5, 1, 2, 4, 8, 16];
const kViews = {close: 'close up', episode: 'whole episode', map: 'whole map'};
// Who prefers little motion gets a camera at rest, and effects that neither flash nor grow.
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
let episode, time = 0, playing = false, speed = 1, view = calm ? 'episode' : 'close', lastTick = 0, pointer = null;

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
  byId('outcome').textContent = episode.outcome;
  byId('outcome').hidden = !episode.outcome;
  byId('outcome').className = episode.outcome;
  byId('summary').textContent = `${replay.policy}, seed ${replay.seed}: return ` +
      `${+episode.return.toFixed(3)} after ${episode.steps.length} steps`;
  if (stage) drawLegend();
  loadCredits();
  seek(0);
}

function drawScore() {
  const totals = episode.totals[Math.floor(time)];
  stage.sides.forEach((name, side) => {
    const [now, most, count] = totals[side], box = byId('side-' + side);
    if (!box) return;
    box.firstChild.textContent = `${name}: ${count} left, ${now.toFixed(0)} of ${most.toFixed(0)} ` +
        (episode.units.some((u) => u.shield_max > 0) ? 'health and shields' : 'health');
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

// "attack_2: 0, 1, 4 · stop: 2, 3": who does what, by action.
function actionsText(actions) {
  const groups = new Map();
  actions.forEach((a, agent) => groups.set(a, (groups.get(a) || []).concat(agent)));
  return [...groups].map(([a, agents]) => `${replay.action_names[a]}: ${ranges(agents)}`).join(' · ');
}
function ranges(numbers) {
  const parts = [];
  numbers.forEach((n, i) => {
    if (i && n === numbers[i - 1] + 1) parts[parts.length - 1][1] = n;
    else parts.push([n, n]);
  });
  return parts.map(([a, b]) => a === b ? a : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`).join(', ');
}

function draw() {
  if (stage) {
    drawStage();
    drawScore();
  } else {
    drawText();
  }
  drawTimeline();
  drawCredits();
  const step = Math.min(Math.floor(time / perStep), episode.steps.length);
  let sum = 0;
  for (let t = 0; t < Math.floor(time / perStep); ++t) sum += episode.steps[t].reward;
  byId('clock').textContent = `step ${step} of ${episode.steps.length}, return ${sum.toFixed(2)}` +
      (time >= episode.frameCount - 1 && episode.outcome ? `, ${episode.outcome}` : '');
  // With a stage the actions under way; with text those that led here.
  const shown = episode.steps[stage ? Math.min(step, episode.steps.length - 1) : step - 1];
  byId('actions').textContent = shown ? actionsText(shown.actions) : '';
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
  else assignInks();
  draw();
}
function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  recolour();
}
function setView(value) {
  view = value;
  byId('zoom').value = value;
  draw();
}
function nextView() {
  const names = Object.keys(kViews);
  setView(names[(names.indexOf(view) + 1) % names.length]);
}

const kKeys = {
  ' ': () => setPlaying(!playing),
  ArrowLeft: (e) => stepBy(e.shiftKey ? -1 : -perStep),
  ArrowRight: (e) => stepBy(e.shiftKey ? 1 : perStep),
  Home: () => seek(0),
  End: () => seek(Infinity),
  '+': () => setSpeed(kSpeeds[Math.min(kSpeeds.indexOf(speed) + 1, kSpeeds.length - 1)]),
  '-': () => setSpeed(kSpeeds[Math.max(kSpeeds.indexOf(speed) - 1, 0)]),
  f: () => stage && nextView(),
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
  for (const [name, text] of Object.entries(kViews)) byId('zoom').add(new Option(text, name));
  byId('zoom').value = view;
  byId('zoom').onchange = (e) => setView(e.target.value);
  byId('more').open = window.innerWidth >= 900;
  if (stage) assignShapes();
  else assignInks();
  byId('speed').onchange = (e) => setSpeed(+e.target.value);
  byId('play').onclick = () => setPlaying(!playing);
  byId('start').onclick = () => seek(0);
  byId('end').onclick = () => seek(Infinity);
  byId('back').onclick = () => stepBy(-perStep);
  byId('forward').onclick = () => stepBy(perStep);
  byId('theme').onclick = toggleTheme;
  byId('slider').oninput = (e) => { playing = false; seek(+e.target.value); };
  document.addEventListener('keydown', (e) => {
    const action = kKeys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!action || e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === 'SELECT') return;
    e.preventDefault();
    action(e);
  });
  canvas.onpointermove = canvas.onpointerdown = (e) => {
    pointer = {x: e.offsetX, y: e.offsetY};
    if (!playing) draw();
  };
  canvas.onpointerleave = (e) => {
    if (e.pointerType === 'touch') return;  // what was touched stays explained
    pointer = null;
    draw();
  };
  window.onresize = draw;
  matchMedia('(prefers-color-scheme: dark)').onchange = recolour;
  canvas.hidden = byId('zoom-choice').hidden = byId('score').hidden = byId('legend').hidden = !stage;
  byId('text').hidden = Boolean(stage);
  byId('keys').lastElementChild.hidden = !stage;
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
