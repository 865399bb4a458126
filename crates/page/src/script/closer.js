// A closer look: the marks of a panel moved so that a part of it fills it, with axes of their own.
const DEEPEST = 50;
const FONT = 9;
// The value at a place along an axis.
const along = (low, high, isLog, place) => isLog ? low * (high / low) ** place : low + place * (high - low);

// Where a place of a panel is while a part of it is looked at.
const within = ([left, top, width, height], view, x, y) =>
  view ? [left + (x - view[0]) / view[2] * width, top + (y - view[1]) / view[3] * height] : [x, y];

// Values with labels: steps of 1, 2 or 5, or powers of ten where there are several.
const ticks = (low, high, isLog) => {
  const decades = isLog ? Math.log10(high / low) : 0;
  if (decades >= 0.7 && decades < 1.5) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const factor of [1, 2, 5]) found.push(Number(`${factor}e${power}`));
    }
    return found.filter((value) => value >= low && value <= high).map((value) => [value, show(value)]);
  }
  if (decades >= 1.5) {
    const every = Math.ceil(decades / 6);
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const powers = [];
    for (let power = first; power <= Math.log10(high) + 1e-9; power += every) powers.push(power);
    return powers.map((power) => [10 ** power, show(10 ** power)]);
  }
  const least = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(least));
  const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= least * (1 - 1e-9));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const size = Math.max(Math.abs(low), Math.abs(high));
  const label = (value) => size >= 1e5 || digits > 5
    ? value.toExponential(Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9)))
    : value.toFixed(digits);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) found.push([n * step, label(n * step)]);
  return found;
};

// A path at other places: lines are stretched, markers keep their shape.
const moved = (d, at, hasMarkers) => d.replace(/M[^M]+/g, (part) => {
  const found = [...part.matchAll(/([MLHV])(-?[\d.]+)(?: (-?[\d.]+))?/g)];
  const xs = found.filter(([, letter]) => letter !== "V").map(([, , x]) => Number(x));
  const ys = found.filter(([, letter]) => letter !== "H").map(([, letter, x, y]) => Number(letter === "V" ? x : y));
  const circle = /a(-?[\d.]+)/.exec(part);
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const extent = (values) => Math.max(...values) - Math.min(...values);
  if (hasMarkers && part.endsWith("Z") && !part.includes("H") && (circle || extent(xs) < 7 && extent(ys) < 7)) {
    const from = circle ? [xs[0] + Number(circle[1]), ys[0]] : [middle(xs), middle(ys)];
    const to = at(...from);
    const [right, down] = [to[0] - from[0], to[1] - from[1]];
    return part.replace(/([ML])(-?[\d.]+) (-?[\d.]+)/g, (_, letter, x, y) => `${letter}${Number(x) + right} ${Number(y) + down}`);
  }
  return part
    .replace(/([ML])(-?[\d.]+) (-?[\d.]+)/g, (_, letter, x, y) => letter + at(Number(x), Number(y)).join(" "))
    .replace(/H(-?[\d.]+)/g, (_, x) => `H${at(Number(x), 0)[0]}`)
    .replace(/V(-?[\d.]+)/g, (_, y) => `V${at(0, Number(y))[1]}`);
});

// Draws a panel's view, or the whole of it again.
const look = (svg, place, area, view) => {
  const part = (name) => svg.querySelector(`g[data-part="${name}"][data-panel="${place}"]`);
  svg.querySelector(`g.closer[data-panel="${place}"]`)?.remove();
  for (const name of ["grid", "marks", "axes"]) part(name).style.display = view ? "none" : "";
  if (!view) return;
  const [left, top, width, height, x0, x1, y0, y1, isLogX, isLogY] = area;
  const at = (x, y) => within(area, view, x, y);
  const closer = document.createElementNS(SVG, "g");
  closer.setAttribute("class", "closer");
  closer.dataset.panel = place;
  const across = [0, 1].map((end) => along(x0, x1, isLogX, (view[0] + end * view[2] - left) / width));
  const up = [1, 0].map((end) => along(y0, y1, isLogY, 1 - (view[1] + end * view[3] - top) / height));
  const axes = draw(document.createElementNS(SVG, "g"), "g", { class: "frame" });
  const label = (x, y, anchor, text) =>
    draw(axes, "text", { x, y, "font-size": FONT, "text-anchor": anchor, class: "label" }, text);
  let [grid, frame] = ["", `M${left} ${top}V${top + height}H${left + width}`];
  for (const [value, text] of ticks(...up, isLogY)) {
    const y = top + height * (1 - share(value, ...up, isLogY));
    grid += `M${left} ${y}H${left + width}`;
    frame += `M${left - 2.5} ${y}H${left}`;
    label(left - 4, y + 0.35 * FONT, "end", text);
  }
  for (const [value, text] of ticks(...across, isLogX)) {
    const x = left + width * share(value, ...across, isLogX);
    grid += `M${x} ${top}V${top + height}`;
    frame += `M${x} ${top + height}v2.5`;
    label(x, top + height + 14, "middle", text);
  }
  draw(closer, "path", { d: grid, class: "lines" });
  draw(axes, "path", { d: frame, class: "ink" });
  const cut = part("marks").querySelector("[clip-path]")?.getAttribute("clip-path");
  const marks = draw(closer, "g", cut ? { "clip-path": cut } : {});
  for (const shape of part("marks").children) {
    const copy = shape.cloneNode(true);
    copy.removeAttribute("clip-path");
    if (copy.hasAttribute("d")) {
      const isArea = Number(copy.getAttribute("opacity") ?? 1) < 0.5;
      copy.setAttribute("d", moved(copy.getAttribute("d"), at, copy.getAttribute("fill") !== "none" && !isArea));
    } else {
      const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => Number(copy.getAttribute(name)));
      const [corner, other] = [at(x, y), at(x + w, y + h)];
      copy.setAttribute("x", corner[0]);
      copy.setAttribute("y", corner[1]);
      if (copy.hasAttribute("width")) {
        copy.setAttribute("width", other[0] - corner[0]);
        copy.setAttribute("height", other[1] - corner[1]);
      }
    }
    marks.append(copy);
  }
  closer.append(axes);
  part("axes").after(closer);
};
