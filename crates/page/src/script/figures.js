// Figures: what a pointer and keys do to them.
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
  const seen = (place, { px, py }) => within(areas[place], views[place], px, py);
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
