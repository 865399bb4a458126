// Figures: the numbers under a pointer, read from the list that is folded below each.
const parse = (csv) =>
  csv.trim().split("\n").map((line) =>
    [...`,${line}`.matchAll(/,("(?:[^"]|"")*"|[^,]*)/g)].map((match) =>
      match[1].startsWith('"') ? match[1].slice(1, -1).replace(/""/g, '"') : match[1]));
const show = (value) => {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
};

// Where a value lies along an axis, from 0 to 1.
const share = (value, low, high, isLog) =>
  isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);

const read = (numbers, [left, top, width, height, x0, x1, y0, y1, isLogX, isLogY]) => {
  const [head, ...lines] = parse(numbers.textContent);
  const isField = head.length > 5;
  const number = (cell) => (cell === undefined || cell === "" ? NaN : Number(cell));
  const points = lines.map((line) => {
    const [x, y] = [number(line[1]), number(line[2])];
    const [value, low, high] = isField ? line.slice(3).map(number) : [NaN, ...line.slice(3).map(number)];
    const px = left + width * share(x, x0, x1, isLogX);
    const py = top + height * (1 - share(y, y0, y1, isLogY));
    return { label: line[0], x, y, value, low, high, px, py };
  });
  return {
    head,
    isField,
    points: points.filter((point) => Number.isFinite(point.px) && Number.isFinite(point.py)),
    levels: points.filter((point) => Number.isNaN(point.x) && Number.isFinite(point.py)),
  };
};

const words = ({ head, isField, levels }, chosen) => {
  const lines = chosen.map((point) => {
    const label = point.label ? `${point.label}: ` : "";
    if (isField && Number.isFinite(point.value)) return `${head[2]} ${show(point.y)}: ${show(point.value)}`;
    const range = Number.isFinite(point.low) && Number.isFinite(point.high)
      ? ` (${show(point.low)} to ${show(point.high)})` : "";
    return `${label}${show(point.y)}${range}`;
  });
  const rules = isField ? [] : levels.map((level) => `${level.label}: ${show(level.y)}`);
  return [`${head[1]} ${show(chosen[0].x)}`, ...lines, ...rules];
};
