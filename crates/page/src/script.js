"use strict";
(() => {
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Tables: columns that are sorted, rows that are filtered.
  const text = (row, column) => row.cells[column].textContent;
  const order = (column, sign) => (one, other) => {
    const [a, b] = [one, other].map((row) => row.cells[column].dataset.value);
    // What has no number stays below, whichever way the others go.
    if (a !== undefined || b !== undefined) {
      const [x, y] = [a, b].map((value) => (value === undefined ? NaN : Number(value)));
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return sign * (x - y);
    }
    const [p, q] = [text(one, column), text(other, column)];
    if (!p || !q) return !p - !q;
    return sign * p.localeCompare(q, "en", { numeric: true });
  };

  for (const table of document.querySelectorAll(".table > table")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 3) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", title: "Sort by this column" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        const next = before === "ascending" ? "descending" : before === "descending" ? null : "ascending";
        if (next) head.setAttribute("aria-sort", next);
        body.append(...(next ? [...rows].sort(order(column, next === "ascending" ? 1 : -1)) : rows));
      });
    });
    if (rows.length < 8) continue;
    const bar = make("div", { className: "filters" });
    const tests = [];
    const count = make("span");
    count.setAttribute("aria-live", "polite");
    const apply = () => {
      let shown = 0;
      for (const row of rows) {
        row.hidden = !tests.every((test) => test(row));
        shown += !row.hidden;
      }
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    const search = make("input", { type: "search", placeholder: "filter rows" });
    search.setAttribute("aria-label", "Filter rows by words");
    search.addEventListener("input", apply);
    tests.push((row) => {
      const words = search.value.toLowerCase().split(/\s+/);
      const found = row.textContent.toLowerCase();
      return words.every((word) => found.includes(word));
    });
    bar.append(search);
    heads.forEach((head, column) => {
      if (column === 0 || head.classList.contains("right")) return;
      const values = [...new Set(rows.map((row) => text(row, column)))].filter(Boolean);
      if (values.length < 2 || values.length > 12) return;
      const select = make("select", {}, make("option", { value: "", textContent: "all" }));
      values.sort().forEach((value) => select.append(make("option", { value, textContent: value.slice(0, 40) })));
      select.addEventListener("change", apply);
      tests.push((row) => !select.value || text(row, column) === select.value);
      bar.append(make("label", {}, `${head.textContent}: `, select));
    });
    if (table.dataset.mark && rows.some((row) => row.classList.contains("marked"))) {
      const box = make("input", { type: "checkbox" });
      box.addEventListener("change", apply);
      tests.push((row) => !box.checked || row.classList.contains("marked"));
      bar.append(make("label", {}, box, ` ${table.dataset.mark} only`));
    }
    bar.append(count);
    apply();
    table.parentElement.before(bar);
  }

  // Figures: the numbers under a pointer, read from the list that is folded below each.
  const SVG = "http://www.w3.org/2000/svg";
  const parse = (csv) =>
    csv.trim().split("\n").map((line) =>
      [...`,${line}`.matchAll(/,("(?:[^"]|"")*"|[^,]*)/g)].map((match) =>
        match[1].startsWith('"') ? match[1].slice(1, -1).replace(/""/g, '"') : match[1]));
  const show = (value) => {
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
  };

  const read = (numbers, [left, top, width, height, x0, x1, y0, y1, isLogX, isLogY]) => {
    const along = (value, low, high, isLog) =>
      isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    const [head, ...lines] = parse(numbers.textContent);
    const isField = head.length > 5;
    const number = (cell) => (cell === undefined || cell === "" ? NaN : Number(cell));
    const points = lines.map((line) => {
      const [x, y] = [number(line[1]), number(line[2])];
      const [value, low, high] = isField ? line.slice(3).map(number) : [NaN, ...line.slice(3).map(number)];
      const px = left + width * along(x, x0, x1, isLogX);
      const py = top + height * (1 - along(y, y0, y1, isLogY));
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

  // A closer look: the marks of a panel moved so that a part of it fills it, with axes of their own.
  const DEEPEST = 50;
  const FONT = 9;
  const draw = (parent, name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  const along = (low, high, isLog, share) => isLog ? low * (high / low) ** share : low + share * (high - low);

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
    const at = (x, y) => [left + (x - view[0]) / view[2] * width, top + (y - view[1]) / view[3] * height];
    const closer = document.createElementNS(SVG, "g");
    closer.setAttribute("class", "closer");
    closer.dataset.panel = place;
    const across = [0, 1].map((end) => along(x0, x1, isLogX, (view[0] + end * view[2] - left) / width));
    const up = [1, 0].map((end) => along(y0, y1, isLogY, 1 - (view[1] + end * view[3] - top) / height));
    const share = (value, [low, high], isLog) => isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    const axes = draw(document.createElementNS(SVG, "g"), "g", { class: "frame" });
    const label = (x, y, anchor, text) =>
      draw(axes, "text", { x, y, "font-size": FONT, "text-anchor": anchor, class: "label" }, text);
    let [grid, frame] = ["", `M${left} ${top}V${top + height}H${left + width}`];
    for (const [value, text] of ticks(...up, isLogY)) {
      const y = top + height * (1 - share(value, up, isLogY));
      grid += `M${left} ${y}H${left + width}`;
      frame += `M${left - 2.5} ${y}H${left}`;
      label(left - 4, y + 0.35 * FONT, "end", text);
    }
    for (const [value, text] of ticks(...across, isLogX)) {
      const x = left + width * share(value, across, isLogX);
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

  for (const figure of document.querySelectorAll("figure[data-areas]")) {
    const svg = figure.querySelector("svg");
    const areas = JSON.parse(figure.dataset.areas);
    const numbers = figure.querySelectorAll("pre.numbers");
    const panels = areas.map(() => null);
    const panel = (place) => (panels[place] ??= areas[place] && read(numbers[place], areas[place]));
    let tip = null;
    let cursor = null;
    let at = null;
    // What is seen of each panel: left, top, width and height of its own drawing; nothing where all of it is.
    const views = areas.map(() => null);
    const seen = (place, { px, py }) => {
      const [view, area] = [views[place], areas[place]];
      return view
        ? [area[0] + (px - view[0]) / view[2] * area[2], area[1] + (py - view[1]) / view[3] * area[3]]
        : [px, py];
    };
    const isSeen = (place, one) => {
      const [x, y] = seen(place, one);
      const [left, top, width, height] = areas[place];
      return !views[place] || x >= left && x <= left + width && y >= top && y <= top + height;
    };
    const hide = () => {
      tip?.remove();
      cursor?.remove();
      tip = cursor = at = null;
    };
    const point = (place, chosen) => {
      hide();
      at = { place, x: chosen[0].px };
      const [, top, , height] = areas[place];
      const places = chosen.map((one) => seen(place, one));
      const across = places[0][0];
      cursor = document.createElementNS(SVG, "g");
      cursor.setAttribute("class", "cursor");
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("d", `M${across} ${top}v${height}`);
      cursor.append(line);
      places.forEach(([cx, cy]) => draw(cursor, "circle", { cx, cy, r: 3 }));
      svg.append(cursor);
      const [first, ...rest] = words(panel(place), chosen);
      tip = make("div", { className: "tip" }, make("b", { textContent: first }));
      rest.forEach((line) => tip.append(make("span", { textContent: line })));
      tip.setAttribute("role", "status");
      figure.append(tip);
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      const x = svg.offsetLeft ?? 0;
      const left = 6 + x + across * scale + 10;
      const room = figure.clientWidth - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(4, left <= room ? left : left - tip.offsetWidth - 20)}px`;
      tip.style.top = `${Math.max(0, 6 + top * scale)}px`;
    };
    // The points of each line that are nearest to a place; of a field the one point.
    const nearest = (place, px, py) => {
      const { points: all, isField } = panel(place);
      const points = all.filter((one) => isSeen(place, one));
      if (!points.length) return [];
      const least = (far) => points.reduce((best, one) => (far(one) < far(best) ? one : best));
      if (isField) return [least((one) => Math.hypot(seen(place, one)[0] - px, seen(place, one)[1] - py))];
      const best = least((one) => Math.abs(seen(place, one)[0] - px));
      return points.filter((one) => Math.abs(one.px - best.px) < 0.01).slice(0, 12);
    };
    const whereIs = (event) => {
      const matrix = svg.getScreenCTM();
      if (!matrix) return null;
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      const place = areas.findIndex((area) => area
        && x >= area[0] - 4 && x <= area[0] + area[2] + 4 && y >= area[1] - 4 && y <= area[1] + area[3] + 4);
      return { x, y, place };
    };
    const whole = make("button", { className: "whole", type: "button", textContent: "whole range", hidden: true });
    const lookAt = (place, view) => {
      hide();
      views[place] = view;
      look(svg, place, areas[place], view);
      whole.hidden = !views.some(Boolean);
    };
    const lookAtAll = () => views.forEach((view, place) => view && lookAt(place, null));
    whole.addEventListener("click", lookAtAll);
    figure.append(whole);
    // The part of a panel between two places of what is seen of it now; along an axis that the places hardly differ in, all of it.
    const part = (place, from, to) => {
      const area = areas[place];
      const view = views[place] ?? area.slice(0, 4);
      const ends = [0, 1].map((axis) => {
        const inside = (value) => Math.min(Math.max((value - area[axis]) / area[axis + 2], 0), 1);
        const [low, high] = [from[axis], to[axis]].sort((a, b) => a - b);
        if (high - low < 5) return [view[axis], view[axis + 2]];
        const length = Math.max((inside(high) - inside(low)) * view[axis + 2], area[axis + 2] / DEEPEST);
        const start = view[axis] + inside(low) * view[axis + 2];
        return [Math.min(start, area[axis] + area[axis + 2] - length), length];
      });
      return [ends[0][0], ends[1][0], ends[0][1], ends[1][1]];
    };
    let drag = null;
    const drop = () => {
      drag?.box?.remove();
      drag = null;
    };
    svg.addEventListener("pointerdown", (event) => {
      const found = whereIs(event);
      if (event.pointerType === "touch" || event.button !== 0 || !found || found.place < 0) return;
      drag = { place: found.place, from: [found.x, found.y], box: null };
    });
    svg.addEventListener("pointerup", (event) => {
      const found = whereIs(event);
      if (drag?.box && found) {
        const { place, from } = drag;
        drop();
        lookAt(place, part(place, from, [found.x, found.y]));
      }
      drop();
    });
    svg.addEventListener("dblclick", lookAtAll);
    svg.addEventListener("pointermove", (event) => {
      const found = whereIs(event);
      if (!found) return;
      const { x, y } = found;
      if (drag && Math.max(Math.abs(x - drag.from[0]), Math.abs(y - drag.from[1])) >= 5) {
        hide();
        drag.box ??= draw(svg, "rect", { class: "box" });
        const [left, top, width, height] = areas[drag.place];
        const isFlat = Math.abs(y - drag.from[1]) < 5;
        const isThin = Math.abs(x - drag.from[0]) < 5;
        const sides = {
          x: isThin ? left : Math.min(x, drag.from[0]), y: isFlat ? top : Math.min(y, drag.from[1]),
          width: isThin ? width : Math.abs(x - drag.from[0]), height: isFlat ? height : Math.abs(y - drag.from[1]),
        };
        for (const [name, value] of Object.entries(sides)) drag.box.setAttribute(name, value);
        return;
      }
      const { place } = found;
      const chosen = place < 0 ? [] : nearest(place, x, y);
      if (chosen.length) point(place, chosen);
      else hide();
    });
    svg.addEventListener("pointerleave", () => {
      hide();
      drop();
    });
    svg.addEventListener("blur", hide);
    if (areas.some(Boolean)) svg.setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const place = at ? at.place : areas.findIndex(Boolean);
      if (event.key === "Escape") {
        hide();
        lookAtAll();
      }
      if (event.key === "+" || event.key === "-") {
        // Half of what is seen, or twice as much, about the numbers that are told.
        const [left, top, width, height] = areas[place];
        const view = views[place] ?? [left, top, width, height];
        const told = panel(place).points.find((one) => at && one.px === at.x);
        const about = told ? [told.px, told.py] : [view[0] + view[2] / 2, view[1] + view[3] / 2];
        const size = [view[2], view[3]].map((length, axis) =>
          Math.min(Math.max(event.key === "+" ? length / 2 : length * 2, areas[place][axis + 2] / DEEPEST), areas[place][axis + 2]));
        const start = [0, 1].map((axis) => Math.min(
          Math.max(about[axis] - size[axis] / 2, areas[place][axis]), areas[place][axis] + areas[place][axis + 2] - size[axis]));
        const isWhole = size[0] >= width && size[1] >= height;
        lookAt(place, isWhole ? null : [...start, ...size]);
        event.preventDefault();
      }
      if (!step) return;
      const points = panel(place).points.filter((one) => isSeen(place, one));
      const xs = [...new Set(points.map((one) => one.px))].sort((a, b) => a - b);
      if (!xs.length) return;
      const next = at ? xs.indexOf(at.x) + step : step > 0 ? 0 : xs.length - 1;
      if (next < 0 || next >= xs.length) return;
      event.preventDefault();
      point(place, nearest(place, seen(place, { px: xs[next], py: 0 })[0], 0));
    });
    if (figure.parentElement.children.length > 1) {
      const zoom = make("button", { className: "zoom", type: "button", textContent: "enlarge" });
      zoom.addEventListener("click", () => {
        hide();
        zoom.textContent = figure.classList.toggle("wide") ? "smaller" : "enlarge";
      });
      figure.append(zoom);
    }
  }
})();
