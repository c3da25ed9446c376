// Environments without a stage: their text, with boards drawn as boards. A board is the longest run of
// lines of one width without blanks.
let inks = {};  // the colour of each letter on a board

function boardOf(lines) {
  let best = [0, 0];
  for (let i = 0; i < lines.length; ++i) {
    let j = i;
    while (j < lines.length && lines[j].length > 1 && lines[j].length === lines[i].length && !/\s/.test(lines[j])) ++j;
    if (j - i > best[1] - best[0]) best = [i, j];
  }
  return best[1] - best[0] > 1 ? best : [0, 0];
}

function assignInks() {
  const palette = ['side-0', 'side-1', 'health', 'energy', 'low', 'shield', 'dying'].map((name) => `var(--${name})`);
  const letters = new Set();
  for (const e of replay.episodes) {
    const lines = e.texts[0].split('\n'), [from, to] = boardOf(lines);
    for (const line of lines.slice(from, to)) for (const c of line) letters.add(c);
  }
  inks = {};
  [...letters].filter((c) => !'.#'.includes(c)).sort().forEach((c, i) => { inks[c] = palette[i % palette.length]; });
}

function drawText() {
  const text = byId('text'), box = byId('view').getBoundingClientRect();
  const lines = episode.texts[Math.floor(time)].trimEnd().split('\n'), [from, to] = boardOf(lines);
  // As large as the text of the start allows, so that it does not jump.
  const start = episode.texts[0].trimEnd().split('\n'), [first, end] = boardOf(start);
  const cells = end > first ? start[first].length : 0;
  const side = cells ? Math.floor(Math.max(15, Math.min(56, (box.width - 28) / cells,
      (box.height - 40 - 22 * (start.length - end + first)) / (end - first)))) : 0;
  const columns = Math.max(20, ...start.filter((_, i) => i < first || i >= end).map((l) => l.length));
  text.style.setProperty('--cell', `${side}px`);
  text.style.setProperty('--letters', `${Math.max(11, Math.min(17, (box.width - 28) / columns / 0.62))}px`);
  const line = (content) => {
    const row = document.createElement('div');
    row.append(content, '\n');
    return row;
  };
  const board = document.createElement('div');
  board.className = 'board';
  for (const content of lines.slice(from, to)) {
    const row = line('');
    row.className = 'row';
    row.prepend(...[...content].map((c) => {
      const cell = document.createElement('span');
      cell.textContent = c;
      cell.className = c === '.' ? 'free' : c === '#' ? 'wall' : 'piece';
      if (inks[c]) cell.style.setProperty('--piece', inks[c]);
      return cell;
    }));
    board.append(row);
  }
  text.replaceChildren(...lines.slice(0, from).map(line), board, ...lines.slice(to).map(line));
}
