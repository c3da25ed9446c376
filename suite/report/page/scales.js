// From values to positions: linear and logarithmic axes with round ticks.

/** Round numbers that cover [low, high] in about `count` steps. */
function niceTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function linearScale(values, [from, to], { count = 5, fixed, pad = 0.06 } = {}) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values)
    if (isNumber(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (low > high) [low, high] = [0, 1];
  if (fixed) {
    [low, high] = fixed;
  } else {
    if (high - low < 1e-9 * Math.max(1, Math.abs(high))) [low, high] = [low - 0.5, high + 0.5];
    const room = pad * (high - low);
    [low, high] = [low - room, high + room];
  }
  const at = (value) => from + ((value - low) / (high - low)) * (to - from);
  return { at, low, high, ticks: niceTicks(low, high, count), label: shortNumber, zero: null };
}

/** Values at or below 0 lie on the floor, one decade below the smallest positive one. */
function logScale(values, [from, to]) {
  let low = Infinity;
  let high = -Infinity;
  let zeros = false;
  for (const value of values)
    if (isNumber(value)) {
      if (value <= 0) {
        zeros = true;
      } else {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  if (low > high) [low, high] = [0.01, 1];
  let first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.max(Math.ceil(Math.log10(high) - 1e-9), first + 1);
  const bottom = zeros ? first - 0.8 : first;
  const at = (value) => {
    const power = value <= 0 ? bottom : Math.max(Math.log10(value), bottom);
    return from + ((power - bottom) / (last - bottom)) * (to - from);
  };
  const every = Math.ceil((last - first) / 6);
  const ticks = [];
  for (let power = first; power <= last; power += every) ticks.push(10 ** power);
  if (zeros) ticks.unshift(0);
  const label = (value) => {
    if (value === 0) return "0";
    const power = Math.round(Math.log10(value));
    return power >= -2 && power <= 3 ? String(Number(value.toPrecision(3))) : `1e${power}`.replace("-", "−");
  };
  return { at, low: zeros ? 0 : 10 ** first, high: 10 ** last, ticks, label, zero: zeros ? at(0) : null };
}
