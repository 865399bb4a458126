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

  for (const figure of document.querySelectorAll("figure[data-areas]")) {
    const svg = figure.querySelector("svg");
    const areas = JSON.parse(figure.dataset.areas);
    const numbers = figure.querySelectorAll("pre.numbers");
    const panels = areas.map(() => null);
    const panel = (place) => (panels[place] ??= areas[place] && read(numbers[place], areas[place]));
    let tip = null;
    let cursor = null;
    let at = null;
    const hide = () => {
      tip?.remove();
      cursor?.remove();
      tip = cursor = at = null;
    };
    const point = (place, chosen) => {
      hide();
      at = { place, x: chosen[0].px };
      const [, top, , height] = areas[place];
      cursor = document.createElementNS(SVG, "g");
      cursor.setAttribute("class", "cursor");
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("d", `M${chosen[0].px} ${top}v${height}`);
      cursor.append(line);
      for (const { px, py } of chosen) {
        const dot = document.createElementNS(SVG, "circle");
        for (const [name, value] of [["cx", px], ["cy", py], ["r", 3]]) dot.setAttribute(name, value);
        cursor.append(dot);
      }
      svg.append(cursor);
      const [first, ...rest] = words(panel(place), chosen);
      tip = make("div", { className: "tip" }, make("b", { textContent: first }));
      rest.forEach((line) => tip.append(make("span", { textContent: line })));
      tip.setAttribute("role", "status");
      figure.append(tip);
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      const x = svg.offsetLeft ?? 0;
      const left = 6 + x + chosen[0].px * scale + 10;
      const room = figure.clientWidth - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(4, left <= room ? left : left - tip.offsetWidth - 20)}px`;
      tip.style.top = `${Math.max(0, 6 + top * scale)}px`;
    };
    // The points of each line that are nearest to a place; of a field the one point.
    const nearest = (place, px, py) => {
      const { points, isField } = panel(place);
      if (!points.length) return [];
      if (isField) {
        const far = (one) => (one.px - px) ** 2 + (one.py - py) ** 2;
        return [points.reduce((best, one) => (far(one) < far(best) ? one : best))];
      }
      const best = points.reduce((best, one) => (Math.abs(one.px - px) < Math.abs(best.px - px) ? one : best));
      return points.filter((one) => Math.abs(one.px - best.px) < 0.01).slice(0, 12);
    };
    svg.addEventListener("pointermove", (event) => {
      const matrix = svg.getScreenCTM();
      if (!matrix) return;
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      const place = areas.findIndex((area) => area
        && x >= area[0] - 4 && x <= area[0] + area[2] + 4 && y >= area[1] - 4 && y <= area[1] + area[3] + 4);
      const chosen = place < 0 ? [] : nearest(place, x, y);
      if (chosen.length) point(place, chosen);
      else hide();
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("blur", hide);
    if (areas.some(Boolean)) svg.setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      const place = at ? at.place : areas.findIndex(Boolean);
      const xs = [...new Set(panel(place).points.map((one) => one.px))].sort((a, b) => a - b);
      if (!xs.length) return;
      const next = at ? xs.indexOf(at.x) + step : step > 0 ? 0 : xs.length - 1;
      if (next < 0 || next >= xs.length) return;
      event.preventDefault();
      point(place, nearest(place, xs[next], 0));
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
