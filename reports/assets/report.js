"use strict";
// What moves in report.html: the charts and the filter of the findings. Texts come from records and services and are hostile:
// they are put into the page by textContent only.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const onScreen = 40, onPaper = 300;

  // ---- charts

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colors = { sent: 0, dropped: 0, committed: 3, visible: 4, "wholly visible, in truth": 4, confirmed: 5, "completed, says the import": 5 };
  const paperWidth = 660;
  let printing = false, plots = [];

  function time(seconds) {
    if (seconds == null) return "–";
    if (seconds < 120) return +seconds.toFixed(2) + " s";
    const whole = Math.round(seconds);
    return Math.floor(whole / 60) + ":" + String(whole % 60).padStart(2, "0") + " min";
  }

  const number = (value) => value == null ? "–" : value.toLocaleString("en", { maximumFractionDigits: 2 });

  // Bands of what was broken, behind the lines, each with its number in the plan; ticks where files were dropped.
  function bands(u) {
    const ctx = u.ctx, { left, top, width, height } = u.bbox, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.font = "600 " + 12 * ratio + "px system-ui, sans-serif";
    ctx.textBaseline = "top";
    data.steps.forEach(([no, begin, end, operation], i) => {
      const from = u.valToPos(begin, "x", true), to = Math.max(u.valToPos(end, "x", true), from + 2 * ratio);
      ctx.fillStyle = color(operation ? "--deed" : "--fault");
      ctx.fillRect(from, top, to - from, height);
      ctx.fillStyle = color(operation ? "--deedink" : "--faultink");
      ctx.fillRect(from, top, ratio, height);
      ctx.fillText(no, from + 4 * ratio, top + (3 + 14 * (i % 4)) * ratio);
    });
    ctx.fillStyle = color("--s0");
    for (const at of data.drops) ctx.fillRect(u.valToPos(at, "x", true), top + height - 6 * ratio, ratio, 6 * ratio);
    ctx.restore();
  }

  function draw(chart, box) {
    const axis = { stroke: color("--soft"), grid: { stroke: color("--grid"), width: 1 }, ticks: { stroke: color("--grid"), width: 1 } };
    const sparse = chart.at.length < 60, first = chart.at[0], last = chart.at[chart.at.length - 1];
    // All charts show the whole run unless somebody looks closer.
    const whole = (u, min, max) => min === first && max === last ? [0, Math.max(data.ends, last)] : [min, max];
    const plot = new uPlot({
      width: printing ? paperWidth : Math.max(box.clientWidth, 240),
      height: innerWidth < 760 && !printing ? 220 : 260,
      scales: { x: { time: false, range: whole }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [
        Object.assign({ values: (u, splits) => splits.map(time), space: 70 }, axis),
        Object.assign({ values: (u, splits) => splits.map(number), size: 58 }, axis),
      ],
      cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
      series: [{ label: "at", value: (u, v) => time(v) }].concat(chart.series.map((series, i) => ({
        label: series.name,
        stroke: color("--s" + (colors[series.name] ?? i % 8)),
        width: 2,
        dash: i === 0 ? [6, 4] : undefined,
        paths: chart.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { show: !chart.steps && sparse, size: 5 },
        value: (u, v) => chart.unit === "seconds" ? time(v) : number(v),
      }))),
      hooks: { drawClear: [bands] },
    }, [chart.at].concat(chart.series.map((series) => series.values)), box);
    return plot;
  }

  function drawAll() {
    const shown = plots.map((plot) => plot.series.map((series) => series.show));
    plots.forEach((plot) => plot.destroy());
    plots = data.charts.map((chart) => draw(chart, boxes[chart.id]));
    shown.forEach((list, i) => list.forEach((show, k) => { if (!show) plots[i].setSeries(k, { show }); }));
    document.documentElement.dataset.charts = String(plots.length);
  }

  const boxes = {};
  for (const chart of data.charts) {
    const figure = document.createElement("div"), title = document.createElement("h3"), box = document.createElement("div");
    figure.className = "chart";
    title.textContent = chart.title + " (" + chart.unit + ")";
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", chart.title);
    figure.append(title, box);
    (document.getElementById(chart.id === "latency" ? "latency-chart" : "charts") || document.getElementById("timeline")).append(figure);
    boxes[chart.id] = box;
  }
  drawAll();
  let waiting = 0, width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width || printing) return; // a phone's address bar changes the height only
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // ---- findings

  const list = document.querySelector("#list tbody"), form = document.getElementById("filter"), more = document.getElementById("more");
  let matching = [], limit = onScreen;

  // Some of every class, as long as nobody asked for one: 5,000 lost records do not hide the three that stand twice.
  function choose(findings, limit) {
    if (findings.length <= limit) return findings;
    const classes = new Map();
    for (const finding of findings) {
      if (!classes.has(finding[0])) classes.set(finding[0], []);
      classes.get(finding[0]).push(finding);
    }
    const chosen = [];
    for (let turn = 0; chosen.length < limit; turn++) {
      for (const of of classes.values()) if (turn < of.length && chosen.length < limit) chosen.push(of[turn]);
    }
    return chosen.sort((a, b) => a[0] - b[0]);
  }

  function cell(row, label, text) {
    const td = document.createElement("td");
    td.setAttribute("data-label", label);
    td.textContent = text;
    row.append(td);
    return td;
  }

  function rowOf([klass, key, version, file, line, , seen, evidence, wire]) {
    const row = document.createElement("tr");
    cell(row, "class", data.classes[klass]);
    const record = cell(row, "record", "");
    if (key) {
      const name = document.createElement("b");
      name.textContent = key;
      record.append(name, version ? " version " + version : "");
    } else {
      record.textContent = "the whole file";
    }
    cell(row, "sent in", data.files[file] + (line ? " line " + line : ""));
    cell(row, "last seen", seen);
    cell(row, "evidence", evidence);
    cell(row, "last on the wire", wire).className = "wire";
    return row;
  }

  function show() {
    const shown = choose(matching, limit), rows = document.createDocumentFragment();
    for (const finding of shown) rows.append(rowOf(finding));
    list.replaceChildren(rows);
    const here = data.findings.length;
    const filtered = matching.length < here, cut = shown.length < matching.length;
    let text = cut ? number(shown.length) + " of " + number(matching.length) : filtered ? number(matching.length) : "All " + number(here);
    if (filtered) text += matching.length === 1 && !cut ? " matches, of " + number(here) : " match, of " + number(here);
    text += " here" + (here < data.total ? ", " + number(data.total) + " in all" : "");
    document.getElementById("matches").textContent = text + ".";
    more.hidden = shown.length === matching.length;
    more.textContent = "show all " + number(matching.length);
  }

  function filter() {
    const value = (name) => form.elements[name].value, klass = value("class"), hop = value("hop");
    const key = value("key").trim().toLowerCase(), file = value("file").trim().toLowerCase();
    matching = data.findings.filter((f) => (klass === "" || f[0] === +klass) && (hop === "" || f[5] === +hop) &&
      (key === "" || f[1].toLowerCase().includes(key)) && (file === "" || data.files[f[3]].toLowerCase().includes(file)));
    limit = onScreen;
    show();
  }

  function options(select, names, at) {
    const count = new Map();
    for (const finding of data.findings) count.set(finding[at], (count.get(finding[at]) || 0) + 1);
    select.append(new Option("all", ""));
    names.forEach((name, i) => select.append(new Option(name + " (" + number(count.get(i)) + ")", String(i))));
  }

  if (form) {
    options(form.elements.class, data.classes, 0);
    options(form.elements.hop, data.hops, 5);
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", () => { limit = Infinity; show(); });
    for (const link of document.querySelectorAll("a[data-class]")) {
      link.addEventListener("click", () => {
        form.reset();
        form.elements.class.value = String(data.classes.indexOf(link.dataset.class));
        filter();
      });
    }
    filter();
  }

  // ---- paper

  addEventListener("beforeprint", () => {
    printing = true;
    drawAll();
    if (form && limit < onPaper) { limit = onPaper; show(); }
  });
  addEventListener("afterprint", () => {
    printing = false;
    drawAll();
    if (form) { limit = onScreen; show(); }
  });
})();
