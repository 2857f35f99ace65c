"use strict";
// Zooms and moves timelines, and says what the bar under the pointer is. Without it all is shown.
for (const box of document.querySelectorAll(".timeline")) {
  const data = JSON.parse(box.querySelector(".data").textContent);
  const view = box.querySelector(".view");
  const svg = view.querySelector("svg");
  const lines = svg.querySelector(".lines");
  const chosen = svg.querySelector(".chosen");
  const scale = box.querySelector(".scale");
  const says = box.querySelector(".says");
  const high = data.row * data.names.length;
  const least = Math.min(16, data.cycles);
  let start = 0;
  let wide = data.cycles;

  function nice(step) {
    const ten = 10 ** Math.floor(Math.log10(step));
    return Math.max(1, ten * [1, 2, 5, 10].find((one) => one * ten >= step));
  }

  function show() {
    wide = Math.min(Math.max(wide, least), data.cycles);
    start = Math.min(Math.max(start, 0), data.cycles - wide);
    svg.setAttribute("viewBox", `${start} 0 ${wide} ${high}`);
    lines.replaceChildren();
    scale.replaceChildren();
    const step = nice(wide / Math.max(2, view.clientWidth / 110));
    for (let at = Math.ceil(start / step) * step; at <= start + wide; at += step) {
      const line = document.createElementNS(svg.namespaceURI, "line");
      for (const [name, value] of [["x1", at], ["x2", at], ["y1", 0], ["y2", high]]) {
        line.setAttribute(name, value);
      }
      line.setAttribute("class", "grid");
      lines.append(line);
      const text = document.createElement("span");
      text.textContent = at === 0 ? "cycle 0" : at;
      text.style.left = `${(at - start) / wide * 100}%`;
      scale.append(text);
    }
  }

  function zoom(by, around) {
    const part = (around - start) / wide;
    wide = Math.min(Math.max(wide * by, least), data.cycles);
    start = around - part * wide;
    show();
  }

  function cycleAt(event) {
    const where = svg.getBoundingClientRect();
    return start + (event.clientX - where.left) / where.width * wide;
  }

  function point(event) {
    const where = svg.getBoundingClientRect();
    const track = Math.floor((event.clientY - where.top) / where.height * data.names.length);
    const bars = data.bars[track] || [];
    const cycle = cycleAt(event);
    for (let at = 0; at < bars.length; at += 5) {
      const [from, to, stage, sample, waits] = bars.slice(at, at + 5);
      if (from <= cycle && cycle < to) {
        const what = stage < 0 ? "program" : `${data.stages[stage]} of sample ${sample}`;
        says.textContent =
          `${data.names[track]}: ${what}, cycles ${from} to ${to}, waits in ${waits} of them`;
        mark(from, track * data.row + 0.5, to - from, data.row - 1);
        return;
      }
    }
    says.textContent = track < data.names.length ? `${data.names[track]}: nothing` : "";
    mark(0, 0, 0, 0);
  }

  function mark(x, y, width, height) {
    for (const [name, value] of Object.entries({x, y, width, height})) {
      chosen.setAttribute(name, value);
    }
  }

  const moves = {
    in: () => zoom(1 / 1.6, start + wide / 2),
    out: () => zoom(1.6, start + wide / 2),
    left: () => { start -= wide / 4; show(); },
    right: () => { start += wide / 4; show(); },
    all: () => { start = 0; wide = data.cycles; show(); },
  };
  const keys = {
    "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", Home: "all",
  };
  for (const button of box.querySelectorAll("button")) {
    button.addEventListener("click", () => moves[button.dataset.do]());
  }
  view.addEventListener("keydown", (event) => {
    if (event.key in keys && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      moves[keys[event.key]]();
    }
  });
  view.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(event.deltaY / 400), cycleAt(event));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      start += (event.deltaX || event.deltaY) / view.clientWidth * wide;
      show();
    }
  }, {passive: false});
  let held = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    held = {x: event.clientX, start};
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (held === null) {
      point(event);
      return;
    }
    start = held.start - (event.clientX - held.x) / view.clientWidth * wide;
    show();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    view.addEventListener(name, () => { held = null; });
  }
  view.addEventListener("dblclick", (event) => zoom(1 / 2.5, cycleAt(event)));
  window.addEventListener("resize", show);
  show();
}
// On paper nobody can open what is folded.
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
});
