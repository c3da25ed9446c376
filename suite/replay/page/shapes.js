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
        marks: Math.floor(n / list.length)};
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

// Which shape is which; nothing to say where all are of one kind.
function drawLegend() {
  const legend = byId('legend'), names = Object.keys(shapes), ratio = window.devicePixelRatio || 1;
  legend.hidden = names.length < 2;
  legend.replaceChildren();
  for (const name of legend.hidden ? [] : names) {
    const c = document.createElement('canvas'), p = c.getContext('2d'), size = Math.round(14 * ratio);
    c.width = c.height = size;
    c.style.width = c.style.height = '14px';
    p.fillStyle = colours.faint;
    tracePath(p, shapes[name], size / 2, size / 2, size * 0.46);
    p.fill();
    const label = document.createElement('span');
    label.append(c, ' ' + name + '*'.repeat(shapes[name].marks));
    legend.append(label);
  }
}

