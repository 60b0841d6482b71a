// The overview's chart: deliveries and latencies in buckets of the clock, drawn by uPlot, and the same as a table.
"use strict";

// As a canvas needs it: a token may be light-dark(), which only an element's own color resolves.
function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const clock = (seconds) => new Date(seconds * 1e3).toISOString().slice(11, 16);

// The list of a bucket's deliveries; its times are UTC, without an offset.
function listed(root, begin, seconds) {
  const moment = (at) => new Date(at).toISOString().slice(0, 23);
  return `${root.dataset.list}?${new URLSearchParams({ created_from: moment(begin * 1e3), created_until: moment((begin + seconds) * 1e3 - 1) })}`;
}

// Rows are stacked: each series is drawn from the ground up to the sum of itself and those below it.
function stacked({ at, delivered, failed, pending }) {
  // A part of height 0 is left out, or its colour would show at the edges of the bar before it.
  const upTo = (...parts) => at.map((_, i) => (parts[0][i] ? sum(parts.map((part) => part[i])) : null));
  return [at, upTo(pending, failed, delivered), upTo(failed, delivered), upTo(delivered)];
}

function axes(unit) {
  const stroke = colour("text3");
  const grid = { stroke: colour("line"), width: 1 };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const whole = (_, marks) => marks.map((mark) => (unit || Number.isInteger(mark) ? mark.toLocaleString("en") : ""));
  return [
    { stroke, font, grid: { show: false }, ticks: grid, space: 60, values: (_, marks) => marks.map(clock) },
    { stroke, font, grid, ticks: { show: false }, values: whole, size: 56 },
  ];
}

class Chart {
  constructor(root) {
    this.root = root;
    this.span = "1h";
    this.plots = [];
    this.data = null;
  }

  async load() {
    try {
      const response = await fetch(`${this.root.dataset.source}?span=${this.span}`, { headers: { "HX-Request": "true" } });
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.data = await response.json();
    } catch {
      return stale("The chart");
    }
    current("The chart");
    // of longer buckets, webhook_series() has the latencies of their hour
    document.getElementById("chart-by-hour").hidden = this.data.bucket_seconds < 600;
    this.plots.length ? this.update() : this.draw();
    this.tabulate();
  }

  options(element, unit, series) {
    return {
      width: element.clientWidth,
      height: unit ? 150 : 190,
      // one cursor over both
      cursor: { sync: { key: "chart" }, drag: { x: false, y: false }, dataIdx: (_, __, ___, at) => this.bucket(at) },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "UTC"),
      scales: {
        // up to the end of the newest bucket, or its bar lies outside of the plot
        x: { range: () => [this.data.at[0], this.data.at.at(-1) + this.data.bucket_seconds] },
        y: { range: (_, __, top) => [0, Math.max(top || 0, unit ? 10 : 4) * 1.1] },
      },
      axes: axes(unit),
      series: [{ label: "From", value: (_, at) => (at === null ? `${clock(this.data.at[0])} UTC` : `${clock(at)} UTC`) }, ...series],
    };
  }

  draw() {
    for (const plot of this.plots) plot.destroy();
    const paths = uPlot.paths.bars({ size: [0.75, 60], align: 1 });
    // without the cursor on the chart: all buckets' sum
    const bar = (label, name) => ({
      label, fill: colour(name), stroke: colour(name), width: 0, paths, points: { show: false },
      value: (_, __, ___, index) => (index === null ? sum(this.data[label.toLowerCase()]) : this.data[label.toLowerCase()][index]).toLocaleString("en"),
    });
    const newest = (values) => values.findLast((value) => value !== null) ?? null;
    const line = (label, name, dash) => ({
      label, stroke: colour(name), width: 2, dash, spanGaps: true, points: { size: 5, fill: colour(name) },
      value: (_, value, __, index) => {
        const shown = index === null ? newest(this.data[`${label}_ms`]) : value;
        return shown === null || shown === undefined ? "–" : `${shown.toLocaleString("en")} ms`;
      },
    });
    const [deliveries, latency] = ["deliveries", "latency"].map((name) => document.getElementById(`chart-${name}`));
    const bars = [bar("Pending", "pending-mark"), bar("Failed", "failed-mark"), bar("Delivered", "delivered-mark")];
    const lines = [line("p50", "paused-mark"), line("p95", "accent", [6, 4])];
    this.plots = [
      new uPlot(this.options(deliveries, "", bars), stacked(this.data), deliveries),
      new uPlot(this.options(latency, "ms", lines), [this.data.at, this.data.p50_ms, this.data.p95_ms], latency),
    ];
    for (const plot of this.plots) {
      plot.over.addEventListener("click", (event) => {
        this.open(this.bucket(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x")));
      });
    }
    this.root.dataset.drawn = this.span;
  }

  // The bucket that a time is in, not the one that begins next to it.
  bucket(at) {
    const index = Math.floor((at - this.data.at[0]) / this.data.bucket_seconds);
    return Math.min(Math.max(index, 0), this.data.at.length - 1);
  }

  // A bucket leads to its deliveries; by keyboard, the table's links do.
  open(index) {
    location.assign(listed(this.root, this.data.at[index], this.data.bucket_seconds));
  }

  update() {
    this.plots[0].setData(stacked(this.data));
    this.plots[1].setData([this.data.at, this.data.p50_ms, this.data.p95_ms]);
    this.root.dataset.drawn = this.span;
  }

  tabulate() {
    const body = document.querySelector("#chart-table tbody");
    const { at, delivered, failed, pending, p50_ms: p50, p95_ms: p95 } = this.data;
    // rows stay, and so does the focus on a link of theirs
    while (body.rows.length < at.length) {
      body.insertRow().insertCell().append(document.createElement("a"));
      for (let cells = 5; cells; cells -= 1) body.rows[body.rows.length - 1].insertCell();
    }
    while (body.rows.length > at.length) body.deleteRow(-1);
    at.forEach((seconds, i) => {
      const [{ firstChild: link }, ...cells] = body.rows[i].cells;
      link.href = listed(this.root, seconds, this.data.bucket_seconds);
      link.textContent = clock(seconds);
      [delivered[i], failed[i], pending[i], p50[i] ?? "–", p95[i] ?? "–"].forEach((value, n) => { cells[n].textContent = value; });
    });
  }

  resize() {
    for (const plot of this.plots) plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height });
  }
}

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
  const redraw = () => chart.data && chart.draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("themechange", redraw);
  addEventListener("resize", () => chart.resize());
  chart.load();
  setInterval(() => document.hidden || chart.load(), 5000);
}
