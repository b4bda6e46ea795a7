(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const $ = id => document.getElementById(id);
  const colour = name => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const mine = i => colour("s" + i % 6);
  const format = v => v == null ? "–" : v === 0 ? "0" : Math.abs(v) >= 100 ? String(Math.round(v)) : String(Number(v.toPrecision(3)));
  const least = 0.01; // ms: what a scale of logarithms begins with
  const positive = values => values.map(v => v == null ? null : Math.max(v, least));

  // A server of one load is a point in a table, where another has a ladder: drawn are those with ladders, or else all.
  const several = data.servers.filter(s => s.loads.length > 1);
  const drawn = several.length ? several : data.servers;

  let charts = []; // those on the page
  const resized = new ResizeObserver(entries => {
    for (const e of entries) {
      const c = charts.find(c => c.host === e.target);
      const width = Math.floor(e.contentRect.width);
      if (c && width > 0 && width !== c.plot.width) c.plot.setSize({ width, height: c.plot.height });
    }
  });

  function clear(host) {
    charts = charts.filter(c => {
      if (!host.contains(c.host)) return true;
      resized.unobserve(c.host);
      c.plot.destroy();
      return false;
    });
    host.replaceChildren();
  }

  // around keeps points off the frame's edges, also where there is but one.
  const around = (u, min, max) => {
    const pad = max > min ? (max - min) * 0.05 : Math.abs(max) * 0.2 || 1;
    return [min == null ? 0 : min - pad, max == null ? 1 : max + pad];
  };

  // steps of a scale of loads: whole numbers, or tenths of new calls a second.
  const whole = [];
  for (let e = data.axis === "calls at once" ? 0 : -1; e < 7; e++) whole.push(10 ** e, 2 * 10 ** e, 5 * 10 ** e);

  // draw adds a chart to a host: x and series of one length; logarithms where o.logX and o.logY say so.
  function draw(into, o) {
    const box = document.createElement("div");
    box.className = "chart";
    const title = document.createElement("h3");
    title.textContent = o.title;
    const host = document.createElement("div");
    host.className = "plot";
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", o.title + ": the figures are in the tables below");
    box.append(title, host);
    into.append(box);
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", labelSize: 18, labelGap: 2 };
    const xAxis = { ...axis, label: o.xLabel, size: 32, values: (u, splits) => splits.map(v => o.xText ? o.xText(v) : v == null ? "" : format(v)) };
    if (!o.logX) xAxis.incrs = whole;
    if (o.xSplits) { xAxis.splits = () => o.xSplits; xAxis.filter = (u, splits) => splits; }
    const yAxis = { ...axis, label: o.yLabel, size: 52, values: (u, splits) => splits.map(v => v == null ? "" : format(v)) };
    const plot = new uPlot({
      width: Math.max(200, Math.floor(host.clientWidth)),
      height: o.height || 240,
      padding: [8, 24, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { markers: { width: 2, dash: (u, i) => !o.series[i - 1].dash ? "solid" : o.series[i - 1].dash[0] > 4 ? "dashed" : "dotted", fill: (u, i) => o.series[i - 1].width > 2 ? o.series[i - 1].colour : null } },
      hooks: { ready: [u => { if (o.first >= 0) u.setLegend({ idx: o.first }); }] },
      scales: {
        x: { time: false, distr: o.logX ? 3 : 1, range: o.xRange || around },
        y: { distr: o.logY ? 3 : 1, range: o.yRange },
      },
      axes: [xAxis, yAxis],
      series: [{ label: o.xName || o.xLabel, value: (u, v) => v == null ? "–" : o.xText ? o.xText(v) : format(v) }].concat(o.series.map(s => ({
        label: s.label, stroke: s.colour, width: s.width === undefined ? 2 : s.width, dash: s.dash, spanGaps: !o.gaps,
        points: { show: s.points !== false, size: s.size || 5, stroke: s.colour, fill: s.hollow ? colour("paper") : s.colour },
        value: (u, v) => format(v),
      }))),
    }, [o.x].concat(o.series.map(s => s.values)), host);
    charts.push({ host, plot });
    resized.observe(host);
  }

  // decades are the bounds of a scale of logarithms that holds all values, and the powers of ten in it.
  function decades(all) {
    const values = all.flat().filter(v => v != null && v > 0);
    if (!values.length) return [0.1, 10];
    const lo = Math.floor(Math.log10(Math.min(...values)));
    const hi = Math.ceil(Math.log10(Math.max(...values)) + 1e-9);
    return [10 ** lo, 10 ** Math.max(hi, lo + 1)];
  }

  const last = values => values.findLastIndex(v => v != null);

  const styles = { "p50": { width: 1.5, dash: [2, 3] }, "p90": { width: 1.5, dash: [6, 4] }, "p99": { width: 3 }, "p99.9": { width: 1.5 } };

  function latency() {
    const host = $("latency-charts"), time = $("time").value;
    $("meaning").textContent = (data.times.find(t => t.name === time) || {}).meaning || "";
    clear(host);
    const shown = drawn.filter(s => Object.values(s.times[time] || {}).concat([s.void[time] || []]).flat().some(v => v != null));
    const range = decades(shown.map(s => Object.values(s.times[time]).concat([s.void[time]]).map(positive)).flat(2));
    const loads = shown.map(s => s.loads).flat();
    for (const s of shown) {
      const i = data.servers.indexOf(s);
      const series = Object.entries(styles).map(([q, style]) => ({ label: q, values: positive(s.times[time][q]), colour: mine(i), ...style }));
      if (s.void[time].some(v => v != null)) series.push({ label: "p99, void", values: positive(s.void[time]), colour: colour("soft"), width: 0, hollow: true, size: 8 });
      draw(host, {
        title: s.name, x: s.loads, series, xLabel: data.axis, yLabel: "ms", logY: true, yRange: () => range, gaps: true, first: last(s.times[time]["p99"]),
        xRange: u => around(u, Math.min(...loads), Math.max(...loads)),
      });
    }
  }

  // aligned puts one figure of all servers on one row of loads.
  function aligned(field) {
    const x = [...new Set(drawn.flatMap(s => s.loads))].sort((a, b) => a - b);
    const series = drawn.map(s => ({ label: s.name, colour: mine(data.servers.indexOf(s)), values: x.map(v => { const at = s.loads.indexOf(v); return at < 0 ? null : s[field][at]; }) }));
    return { x, series: series.filter(s => s.values.some(v => v != null)) };
  }

  function cost() {
    const host = $("cost-charts");
    clear(host);
    const fromZero = (u, min, max) => [0, (max || 1) * 1.1];
    for (const [field, title, unit] of [["cpu", "CPU a call", "% of a core"], ["kb", "Memory a call", "KB"]]) {
      const { x, series } = aligned(field);
      if (series.length) draw(host, { title, x, series, xLabel: data.axis, yLabel: unit, yRange: fromZero, first: last(series[0].values) });
    }
    $("cost").hidden = !host.childElementCount;
  }

  const nines = x => x <= 1 ? "0 %" : x === 2 ? "50 %" : format4(100 - 100 / x) + " %";
  const format4 = v => String(Number(v.toFixed(Math.max(0, Math.ceil(-Math.log10(100 - v))) + 1)));

  function curve() {
    const host = $("curve-chart"), time = $("curve-time").value;
    const at = data.curves.find(c => c.load === $("curve-load").value);
    clear(host);
    const of = at && at.times[time] || {};
    const series = data.servers.map((s, i) => ({ label: s.name, colour: mine(i), values: of[s.name] && positive(of[s.name]), points: false })).filter(s => s.values);
    if (!series.length) {
      const none = document.createElement("p");
      none.className = "soft";
      none.textContent = "Nobody measured this at this load.";
      host.append(none);
      return;
    }
    const far = data.grid.filter((x, i) => series.some(s => s.values[i] != null)).length;
    const x = data.grid.slice(0, far), splits = [1, 2];
    for (let p = 10; p <= x[far - 1] * 1.01; p *= 10) splits.push(p);
    const title = (data.times.find(t => t.name === time) || {}).title + ", " + at.load;
    draw(host, {
      title, x, series: series.map(s => ({ ...s, values: s.values.slice(0, far) })), xLabel: "share that took no longer", xName: "within", yLabel: "ms", logX: true, logY: true, height: 300,
      xText: nines, xSplits: splits, xRange: () => [1, Math.max(10, x[far - 1])], yRange: () => decades(series.map(s => s.values)), first: Math.min(16, far - 1), // 99 %
    });
  }

  function options(select, entries, chosen) {
    for (const [value, text] of entries) select.append(new Option(text, value, false, value === chosen));
  }

  const ladder = new Set(drawn.flatMap(s => s.loads)).size > 1; // over one load there is nothing to draw

  function all() {
    if (ladder) { latency(); cost(); }
    if (data.curves.some(c => Object.keys(c.times).length)) curve();
  }

  const times = data.times.map(t => [t.name, t.title]);
  if (times.length) {
    options($("time"), times, times[0][0]);
    $("latency").hidden = $("cost").hidden = !ladder;
    $("time").addEventListener("change", latency);
    const curves = data.curves.filter(c => Object.keys(c.times).length);
    if (curves.length) {
      options($("curve-load"), curves.map(c => [c.load, c.load]), data.knee);
      options($("curve-time"), times, times[0][0]);
      $("curve").hidden = false;
      $("curve-load").addEventListener("change", curve);
      $("curve-time").addEventListener("change", curve);
    }
    all();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  }
})();
