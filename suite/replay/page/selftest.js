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
      check('names kinds', Object.keys(shapes).every((kind, i) =>
          byId('kinds').children[i].textContent.startsWith(kind)));
      const some = (test) => replay.episodes.some((e) => e.units.some(test));
      for (const [sign, is] of [['shield', some((u) => u.shield_max > 0)], ['energy', some((u) => u.energy_max > 0)]])
        check(`explains ${sign}`, byId('signs').textContent.includes(sign) === is);
      const blasts = replay.episodes.flatMap((e) => e.blasts);
      const isBurst = ([, , x, y, tx, ty]) => x === tx && y === ty;
      check('explains splash', byId('signs').textContent.includes('splash') === blasts.some(isBurst));
      check('explains beams', byId('signs').textContent.includes('beam') === !blasts.every(isBurst));
      for (const kind of ['burst', 'sweep']) {
        const event = episode.events.find((e) => e.kind === kind);
        if (!event) continue;
        seek(Math.min(event.f + 2, last));
        const drawn = () => pen.getImageData(0, 0, canvas.width, canvas.height).data;
        const before = drawn();
        event.kind = 'hidden';
        draw();
        const without = drawn();
        check(`draws a ${kind}`, before.some((v, i) => v !== without[i]));
        event.kind = kind;
      }
      key('Home');
      check('tells cliffs from walls', colours.cliff !== colours.wall);
      const u = unitsNow()[0], ratio = window.devicePixelRatio || 1;
      pointer = {x: px(u.x) / ratio, y: py(u.y) / ratio};
      draw();
      check('explains units', !byId('tip').hidden && byId('tip').textContent.includes(u.about.kind));
      pointer = null;
      const views = Object.keys(kViews).map(() => { key('f'); return view; });
      check('shows the whole map', views.includes('map') && byId('zoom').value === view);
      for (let f = 0; f <= last; f += 7) {
        seek(f);
        check(`sees everybody at ${f}`, view !== 'close' || unitsNow().every((u) => !u.present ||
            (px(u.x) > 0 && px(u.x) < canvas.width && py(u.y) > 0 && py(u.y) < canvas.height)));
      }
    } else {
      check('shows text', byId('text').textContent.trimEnd() === episode.texts[0].trimEnd());
    }
    if (credits) {
      seek(0);
      const rows = byId('credit-rows').children, at = () => rows[0].querySelector('.now').getAttribute('x1');
      check('a row of credits for each agent and all', rows.length === credits.episodes[0][0].phi.length + 1);
      const begin = at();
      seek(last);
      check('credits follow the time', last === 0 || at() !== begin);
      const first = credits.episodes[0][0].phi.findIndex((v) => v !== null);
      seek(0);
      if (first >= 0) check('credits are those of the step', parseFloat(rows[first + 1].lastChild.textContent.replace('−', '-')).toPrecision(2) ===
          (+credits.episodes[0][0].phi[first].toPrecision(2)).toPrecision(2));
      rows[1].querySelector('svg').dispatchEvent(new MouseEvent('click', {clientX: 1e6}));
    }
    check('names outcomes', replay.episodes.every((e) =>
        ['', 'won', 'lost', 'draw', 'time-out'].includes(e.outcome)));
    seek(last);
    check('ends with the outcome', byId('clock').textContent.endsWith(episode.outcome) &&
        byId('outcome').textContent === episode.outcome);
    for (let f = 0; f <= last; f += Math.max(1, last / 200)) seek(f);
    replay.episodes.forEach((_, i) => { load(i); seek(Infinity); });
    load(0);
    key('t');
  } catch (error) {
    failed.push(String(error));
  }
  byId('selftest').textContent = failed.length ? 'selftest failed: ' + failed.join('; ') : 'selftest passed';
}

