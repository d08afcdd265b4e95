"use strict";
// Put into a copy of report.html by .ci/page: tries the page as a reader would and writes what it saw.
(async () => {
  const wrong = [];
  const expect = (truth, what) => { if (!truth) wrong.push(what); };
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let turn = 0; turn < 100 && document.documentElement.dataset.ready !== "true"; turn++) await wait(100);
  expect(document.documentElement.dataset.ready === "true", "the page never finished drawing");

  const figures = JSON.parse(document.getElementById("figures").textContent);
  const panels = [...document.querySelectorAll(".panels")];
  expect(panels.length > 0, "no panels");
  panels.forEach((node, index) => {
    const traces = figures.panels[index].plot.data.length;
    const drawn = node.querySelectorAll(".scatterlayer .trace").length;
    expect(drawn === traces, `scenario ${index}: ${drawn} of ${traces} lines are drawn`);
    for (const path of node.querySelectorAll(".scatterlayer .js-line")) {
      expect((path.getAttribute("d") ?? "").length > 3, `scenario ${index}: an empty line`);
    }
  });

  const lefts = () => panels.map((node) => parseFloat(node.querySelector(".cursor").style.left));
  const spoken = () => [...document.querySelectorAll(".readout")].map((node) => node.textContent);
  const point = (share) => {
    const box = panels[0].getBoundingClientRect();
    const where = { clientX: box.left + box.width * share, clientY: box.top + 60, bubbles: true };
    panels[0].dispatchEvent(new MouseEvent("mousemove", where));
  };
  point(0.4);
  const [before, said] = [lefts(), spoken()];
  point(0.7);
  const [after, says] = [lefts(), spoken()];
  after.forEach((left, index) => {
    expect(left > before[index], `scenario ${index}: the cursor did not move (${before[index]} -> ${left})`);
    expect(says[index] !== said[index], `scenario ${index}: the values did not change`);
  });
  panels[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  lefts().forEach((left, index) => expect(left < after[index], `scenario ${index}: no arrow keys`));

  const root = document.documentElement;
  expect(root.scrollWidth <= innerWidth + 1, `wider than the window: ${root.scrollWidth} > ${innerWidth}`);
  const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  expect((red + green + blue < 200) === dark, `background ${red},${green},${blue} with dark ${dark}`);
  for (const figure of document.querySelectorAll("figure")) {
    expect(figure.querySelector("figcaption")?.textContent.trim(), "a figure without a sentence");
  }
  wrong.push(...(window.pageErrors ?? []));
  const seen = { width: innerWidth, dark, panels: panels.length, wrong };
  parent.postMessage(`page-check ${JSON.stringify(seen)} page-check-end`, "*");
})();
