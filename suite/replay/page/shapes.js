'use strict';
// Which shape each kind of unit has, and the legend that says so.
// Kinds differ in shape, whatever their side: corners, and the angle of the first one (0: a circle).
const kShapes = [[0, 0], [4, Math.PI / 4], [3, -Math.PI / 2], [6, 0], [5, -Math.PI / 2], [3, Math.PI / 2],
  [8, Math.PI / 8], [5, Math.PI / 2]];
const kFlying = [[4, 0], [6, Math.PI / 2], [3, 0], [3, Math.PI]];
let shapes = {};  // of each kind: place in its list, and whether a mark tells it from an earlier one

function assignShapes() {
  shapes = {};
  const counts = {true: 0, false: 0};
  for (const e of replay.episodes) {
    for (const u of e.units) {
      if (u.kind in shapes) continue;
      const list = u.flies ? kFlying : kShapes, n = counts[u.flies]++;
      shapes[u.kind] = {corners: list[n % list.length][0], angle: list[n % list.length][1],
        marks: Math.floor(n / list.length), flies: u.flies};
    }
  }
}

function tracePath(p, shape, x, y, r) {
  p.beginPath();
  if (shape.corners === 0) { p.arc(x, y, r, 0, 2 * Math.PI); return; }
  for (let i = 0; i < shape.corners; ++i) {
    const angle = shape.angle + 2 * Math.PI * i / shape.corners;
    p.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  p.closePath();
}

// An entry of the legend: a picture of 22 x 14 pixels drawn by `picture(pen)`, and its name.
function legendEntry(name, picture) {
  const ratio = window.devicePixelRatio || 1;
  const c = document.createElement('canvas'), p = c.getContext('2d');
  c.width = Math.round(22 * ratio);
  c.height = Math.round(14 * ratio);
  p.scale(ratio, ratio);
  picture(p);
  const entry = document.createElement('span');
  entry.className = 'entry';
  entry.append(c, name);
  return entry;
}

function stroke(p, colour, width, path, dash = []) {
  p.strokeStyle = colour; p.lineWidth = width; p.lineCap = 'round';
  p.setLineDash(dash);
  p.beginPath(); path(); p.stroke();
}
function disc(p, colour, x, y, r) {
  p.fillStyle = colour;
  p.beginPath(); p.arc(x, y, r, 0, 2 * Math.PI); p.fill();
}

// The signs besides shapes: [name, whether this replay can show it, picture].
function signs() {
  const blasts = replay.episodes.flatMap((e) => e.blasts);
  const units = replay.episodes.flatMap((e) => e.units), some = (test) => units.some(test);
  const one = colours['side-0'], ringOf = (colour) => (p) =>
    stroke(p, colour, 2.5, () => p.arc(11, 7, 5, 0, 2 * Math.PI));
  return [
    ['health: green to red', some((u) => u.health_max > 0), ringOf(colours.health)],
    ['shield', some((u) => u.shield_max > 0), ringOf(colours.shield)],
    ['energy', some((u) => u.energy_max > 0), ringOf(colours.energy)],
    ['aim', true, (p) => stroke(p, one, 1, () => { p.moveTo(1, 7); p.lineTo(21, 7); }, [3, 4])],
    ['strike', some((u) => u.reach > 0), (p) => {
      stroke(p, one, 2.5, () => { p.moveTo(1, 7); p.lineTo(16, 7); });
      stroke(p, one, 1.5, () => p.arc(16, 7, 4, 0, 2 * Math.PI));
    }],
    ['missile', episode.hasShots, (p) => {
      stroke(p, one, 2, () => { p.moveTo(4, 7); p.lineTo(14, 7); });
      disc(p, one, 16, 7, 3);
    }],
    ['beam and its sweep', blasts.some(([, , x, y, tx, ty]) => x !== tx || y !== ty), (p) => {
      stroke(p, one, 1.5, () => { p.moveTo(1, 7); p.lineTo(17, 4); });
      p.globalAlpha = 0.5;
      stroke(p, one, 5, () => { p.moveTo(17, 3); p.lineTo(17, 11); });
    }],
    ['splash', blasts.some(([, , x, y, tx, ty]) => x === tx && y === ty), (p) => {
      p.globalAlpha = 0.35;
      disc(p, one, 11, 7, 7);
    }],
    ['healing', some((u) => u.energy_max > 0 && u.reach === 0), (p) =>
      stroke(p, colours.heal, 3, () => { p.moveTo(2, 7); p.lineTo(20, 7); }, [6, 5])],
    ['fell here', true, (p) => stroke(p, one, 1.5, () => {
      p.moveTo(7, 3); p.lineTo(15, 11); p.moveTo(7, 11); p.lineTo(15, 3);
    })],
  ].filter(([, is]) => is);
}

function drawLegend() {
  const kinds = Object.keys(shapes).map((name) => legendEntry(
      name + '*'.repeat(shapes[name].marks) + (shapes[name].flies ? ' (flies)' : ''), (p) => {
        p.fillStyle = colours.faint;
        tracePath(p, shapes[name], 11, 7, 6.5);
        p.fill();
      }));
  byId('kinds').replaceChildren(...kinds);
  byId('signs').replaceChildren(...signs().map(([name, , picture]) => legendEntry(name, picture)));
}
