"use strict";
// Draws the figures and keeps one cursor over all of them.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function themed(layout) {
    const copy = structuredClone(layout);
    const ink = css("--ink"), line = css("--line"), quiet = css("--quiet");
    Object.assign(copy, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" });
    copy.font = { ...copy.font, color: quiet, size: 12, family: "system-ui, Helvetica, Arial, sans-serif" };
    for (const key of Object.keys(copy).filter((key) => /^[xy]axis/.test(key))) {
      Object.assign(copy[key], { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: false });
    }
    for (const title of copy.annotations ?? []) title.font = { ...title.font, color: ink };
    delete copy.template;
    return copy;
  }

  const options = { displayModeBar: false, responsive: true, doubleClick: "reset" };
  const draw = (node, plot) => Plotly.react(node, plot.data, themed(plot.layout), options);

  // The last value at or before a time: levels hold until they change.
  function at(xs, time) {
    let low = 0, high = xs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= time) low = middle + 1; else high = middle;
    }
    return low - 1;
  }

  const clock = new Intl.DateTimeFormat("en-GB", {
    weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC",
  });
  const amount = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 4 });

  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  const timelines = figures.panels.map((figure, index) => ({
    ...figure,
    node: document.getElementById(`panels-${index}`),
    readout: document.getElementById(`readout-${index}`),
  })).filter((one) => one.node && one.plot);

  function row(trace, value) {
    const item = element("li");
    const key = element("span", undefined, "key");
    key.style.background = trace.line?.color ?? trace.marker?.color;
    item.append(key, element("span", trace.name), element("b", value));
    return item;
  }

  function describe(one, time) {
    const parts = [element("div", `${clock.format(time)} UTC`, "now")];
    for (const panel of one.panels) {
      const list = element("ul");
      for (const index of panel.lines) {
        const trace = one.plot.data[index];
        const place = at(trace.x, time);
        list.append(row(trace, place < 0 ? "–" : amount.format(trace.y[place])));
      }
      parts.push(element("h3", panel.title), list);
    }
    const near = (one.end - one.start) / 150;
    const marks = element("ul");
    for (const trace of one.plot.data.filter((trace) => trace.mode === "markers")) {
      trace.x.forEach((when, index) => {
        if (Math.abs(when - time) <= near && marks.children.length < 6) {
          marks.append(element("li", `${clock.format(when)} ${trace.text[index]}`));
        }
      });
    }
    if (marks.children.length) parts.push(element("h3", "Around this time"), marks);
    one.readout.replaceChildren(...parts);
  }

  let now = null;
  function move(time) {
    now = time;
    for (const one of timelines) {
      const shown = Math.min(Math.max(time, one.start), one.end);
      const axis = one.node._fullLayout.xaxis, size = one.node._fullLayout._size;
      const left = axis.l2p(shown);
      const visible = left >= 0 && left <= size.w;
      Object.assign(one.cursor.style, {
        display: visible ? "block" : "none", left: `${size.l + left}px`, top: `${size.t}px`, height: `${size.h}px`,
      });
      describe(one, shown);
    }
  }

  function timeUnder(one, event) {
    const box = one.node.getBoundingClientRect(), size = one.node._fullLayout._size;
    const across = event.clientX - box.left - size.l;
    return across < 0 || across > size.w ? null : one.node._fullLayout.xaxis.p2l(across);
  }

  function steer(one, event) {
    const [from, to] = one.node._fullLayout.xaxis.range.map((value) => one.node._fullLayout.xaxis.d2l(value));
    const step = (to - from) / (event.shiftKey ? 20 : 200);
    const target = { ArrowLeft: now - step, ArrowRight: now + step, Home: from, End: to }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    move(Math.min(Math.max(target, from), to));
  }

  // The instant at which the first panel is highest: where a reader would look first.
  function peak(one) {
    let best = { value: -1, time: one.start };
    for (const index of one.panels[0]?.lines ?? []) {
      one.plot.data[index].y.forEach((value, place) => {
        if (value > best.value) best = { value, time: one.plot.data[index].x[place] };
      });
    }
    return best.time;
  }

  let zooming = false;
  async function zoom(from, changes) {
    const keys = Object.keys(changes);
    if (zooming || !keys.some((key) => key.startsWith("xaxis."))) return move(now);
    zooming = true;
    const range = from.node._fullLayout.xaxis.range.slice();
    for (const other of timelines) {
      if (other !== from) await Plotly.relayout(other.node, { "xaxis.range": range });
    }
    zooming = false;
    move(now);
  }

  async function all() {
    for (const one of timelines) await draw(one.node, one.plot);
    const clockNode = document.getElementById("clock");
    if (clockNode && figures.clock) await draw(clockNode, figures.clock.plot);
    if (now !== null) move(now);
  }

  async function start() {
    await all();
    for (const one of timelines) {
      one.cursor = one.node.appendChild(element("div", undefined, "cursor"));
      one.node.addEventListener("mousemove", (event) => {
        const time = timeUnder(one, event);
        if (time !== null) move(time);
      });
      one.node.addEventListener("keydown", (event) => steer(one, event));
      one.node.on("plotly_relayout", (changes) => zoom(one, changes));
    }
    if (timelines.length) move(peak(timelines[0]));
    addEventListener("resize", () => requestAnimationFrame(() => now !== null && move(now)));
    dark.addEventListener("change", all);
    document.documentElement.dataset.ready = "true";
  }
  start();
})();
