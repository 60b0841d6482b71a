// What the pages cannot do in plain HTML: the chart, copying, and checking all rows. No state, no dependency but uPlot and htmx.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function copyOnClick(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  const label = button.dataset.label ?? (button.dataset.label = button.textContent);
  const show = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = label; }, 2000);
  };
  // without https, a page has no access to the clipboard
  if (!navigator.clipboard) return show("Select and copy it");
  navigator.clipboard.writeText(text).then(() => show("Copied"), () => show("Select and copy it"));
}

// Rows are stacked: each series is drawn from the ground up to the sum of itself and those below it.
function stacked({ at, delivered, failed, pending }) {
  // A part of height 0 is left out, or its colour would show at the edges of the bar before it.
  const upTo = (...parts) => at.map((_, i) => (parts[0][i] ? parts.reduce((sum, part) => sum + part[i], 0) : null));
  return [at, upTo(pending, failed, delivered), upTo(failed, delivered), upTo(delivered)];
}

function axes(unit) {
  const stroke = colour("dim");
  const grid = { stroke: colour("line"), width: 1 };
  const whole = (_, marks) => marks.map((mark) => (unit || Number.isInteger(mark) ? mark.toLocaleString("en") : ""));
  return [
    { stroke, grid: { show: false }, ticks: grid, space: 60, values: (_, marks) => marks.map((mark) => new Date(mark * 1e3).toISOString().slice(11, 16)) },
    { stroke, grid, ticks: { show: false }, values: whole, size: 56 },
  ];
}

function options(element, unit, series) {
  return {
    width: element.clientWidth,
    height: unit ? 150 : 190,
    // one cursor over both
    cursor: { sync: { key: "chart" }, drag: { x: false, y: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "UTC"),
    scales: { y: { range: (_, __, top) => [0, Math.max(top || 0, unit ? 10 : 4) * 1.1] } },
    axes: axes(unit),
    series: [{ label: "From", value: "{MMM} {D} {HH}:{mm} UTC" }, ...series],
  };
}

class Chart {
  constructor(root) {
    this.root = root;
    this.span = "1h";
    this.plots = [];
    this.data = null;
  }

  async load() {
    const response = await fetch(`${this.root.dataset.source}?span=${this.span}`, { headers: { "HX-Request": "true" } });
    if (!response.ok) return;
    this.data = await response.json();
    this.plots.length ? this.update() : this.draw();
    this.tabulate();
  }

  draw() {
    for (const plot of this.plots) plot.destroy();
    const paths = uPlot.paths.bars({ size: [0.75, 60], align: 1 });
    const bar = (label, name) => ({
      label, fill: colour(name), stroke: colour(name), width: 0, paths, points: { show: false },
      value: (_, __, ___, index) => (index === null ? "–" : this.data[label.toLowerCase()][index]),
    });
    const line = (label, name, dash) => ({
      label, stroke: colour(name), width: 2, dash, spanGaps: true, points: { size: 5, fill: colour(name) },
      value: (_, value) => (value === null || value === undefined ? "–" : `${value} ms`),
    });
    const [deliveries, latency] = ["deliveries", "latency"].map((name) => document.getElementById(`chart-${name}`));
    this.plots = [
      new uPlot(options(deliveries, "", [bar("Pending", "warning"), bar("Failed", "bad"), bar("Delivered", "good")]), stacked(this.data), deliveries),
      new uPlot(options(latency, "ms", [line("p50", "info"), line("p95", "accent", [6, 4])]), [this.data.at, this.data.p50_ms, this.data.p95_ms], latency),
    ];
    this.root.dataset.drawn = this.span;
  }

  update() {
    this.plots[0].setData(stacked(this.data));
    this.plots[1].setData([this.data.at, this.data.p50_ms, this.data.p95_ms]);
    this.root.dataset.drawn = this.span;
  }

  tabulate() {
    const body = document.querySelector("#chart-table tbody");
    const { at, delivered, failed, pending, p50_ms: p50, p95_ms: p95 } = this.data;
    body.replaceChildren(...at.map((seconds, i) => {
      const row = document.createElement("tr");
      const time = new Date(seconds * 1e3).toISOString().slice(11, 16);
      for (const value of [time, delivered[i], failed[i], pending[i], p50[i] ?? "–", p95[i] ?? "–"]) {
        row.insertCell().textContent = value;
      }
      return row;
    }));
  }

  resize() {
    for (const plot of this.plots) plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height });
  }
}

// The box in a table's head checks those of its rows.
function checkAll(event) {
  const name = event.target.dataset.all;
  if (name) document.getElementsByName(name).forEach((box) => { box.checked = event.target.checked; });
}

document.addEventListener("click", copyOnClick);
document.addEventListener("change", checkAll);

const root = document.getElementById("chart");
if (root) {
  const chart = new Chart(root);
  document.querySelectorAll("[data-span]").forEach((button, _, all) => {
    button.addEventListener("click", () => {
      all.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      chart.span = button.dataset.span;
      chart.load();
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.data && chart.draw());
  addEventListener("resize", () => chart.resize());
  chart.load();
  setInterval(() => document.hidden || chart.load(), 5000);
}
