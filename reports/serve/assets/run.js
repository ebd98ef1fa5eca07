"use strict";
// One run: how far it is while it goes on, as its history grows.
(function () {
  const { make, link, number, time, moment, stateClass, put, follow } = page;
  const id = location.pathname.split("/").pop(), by = (name) => document.getElementById(name);
  const names = ["sent", "taken", "queued", "committed", "visible", "confirmed"];
  const colors = { sent: 0, queued: 1, committed: 3, visible: 4, confirmed: 5 };
  let drawn = "", plot = null, latest = null;

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function head({ run, story }) {
    document.title = run.state + ": " + run.scenario;
    document.body.className = stateClass(run.state);
    by("state").textContent = run.state;
    by("scenario").textContent = run.scenario || "?";
    by("pipeline").textContent = run.pipeline || "?";
    const headline = {
      "under way": "This run is under way" + (story ? ": " + story.stage : "") + ".",
      "died": "This run died: it has no end, and nobody writes it any more.",
      "not judged": "This run is over and not judged yet.",
      "unreadable": "This run cannot be read.",
    }[run.state];
    by("headline").textContent = headline || run.reason;
    let when = "began " + moment(run.began) + (run.seconds ? (headline ? ", last heard of after " : ", took ") + time(run.seconds) : "") +
      (run.tag ? ", seed " + (run.seed || "hidden") + ", run tag " + run.tag : "") + "; " + run.folder;
    if (run.note) when += "; " + run.note;
    by("when").textContent = when;
    const problem = run.state === "died" || run.state === "unreadable" || run.state === "not judged" ? run.reason : story && story.problem;
    by("problem").hidden = !problem;
    by("problem").textContent = problem || "";
    by("day").hidden = !run.day;
    if (run.day) by("day").href = "/gameday/" + id;
    by("report").hidden = !run.report;
    if (run.report) by("report").href = "/run/" + id + "/report.html";
  }

  function figures(run, story) {
    const goesOn = run.state === "under way";
    by("far").textContent = goesOn ? "How far it is" : "How far it came";
    by("broken").textContent = goesOn ? "What is broken" : "What was broken or done";
    by("stage").textContent = (run.judged ? run.came + ". What was broken: " + run.broken + ". As its history tells it:" :
      number(story.files.sent) + (story.files.sent === 1 ? " file" : " files") + " sent" +
      (story.files.failed ? ", " + number(story.files.failed) + " refused" : "") +
      (story.files.unknown ? ", of " + number(story.files.unknown) + " the outcome is not known" : "") + ".");
    put(by("figures"), [story.marks, story.planned], () => names.map((name) => {
      const value = story.marks[name], box = make("div", "", make("dt", "", name === "taken" ? "files taken" : name === "queued" ? "ready in queues" : name));
      const figure = make("dd", "", number(value));
      figure.dataset.mark = name;
      if (story.planned && value != null && name !== "taken" && name !== "queued") {
        const bar = make("progress");
        bar.max = story.planned;
        bar.value = Math.min(value, story.planned);
        bar.setAttribute("aria-label", name);
        figure.append(make("small", "", " of " + number(story.planned)), bar);
      }
      box.append(figure);
      return box;
    }));
  }

  function bands(u) {
    const { ctx } = u, { left, top, width, height } = u.bbox, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.font = "600 " + 12 * ratio + "px system-ui, sans-serif";
    ctx.textBaseline = "top";
    latest.story.steps.forEach((step, i) => {
      if (step.begin < 0) return;
      const from = u.valToPos(step.begin, "x", true), to = Math.max(u.valToPos(step.over < 0 ? latest.story.at : step.over, "x", true), from + 2 * ratio);
      ctx.fillStyle = color(step.operation ? "--deed" : "--fault");
      ctx.fillRect(from, top, to - from, height);
      ctx.fillStyle = color(step.operation ? "--deedink" : "--faultink");
      ctx.fillRect(from, top, ratio, height);
      ctx.fillText(step.n || i + 1, from + 4 * ratio, top + (3 + 14 * (i % 4)) * ratio);
    });
    ctx.restore();
  }

  function chart(force) {
    const { story } = latest, said = JSON.stringify([story.moments.at.length, story.moments.at.at(-1), story.steps]);
    if (said === drawn && !force || story.moments.at.length < 2) return;
    drawn = said;
    const axis = { stroke: color("--soft"), grid: { stroke: color("--grid"), width: 1 }, ticks: { stroke: color("--grid"), width: 1 } };
    const shown = names.map((name, i) => [name, i]).filter(([name]) => name in colors);
    const hidden = plot ? plot.series.map((series) => series.show === false) : [];
    if (plot) plot.destroy();
    plot = new uPlot({
      width: Math.max(by("chart").clientWidth, 240),
      height: innerWidth < 760 ? 220 : 280,
      scales: { x: { time: false }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [Object.assign({ values: (u, splits) => splits.map(time), space: 70 }, axis), Object.assign({ values: (u, splits) => splits.map(number), size: 58 }, axis)],
      series: [{ label: "at", value: (u, v) => time(v) }].concat(shown.map(([name], i) => ({
        label: name === "queued" ? "ready in queues" : name,
        stroke: color("--s" + colors[name]),
        width: 2,
        dash: name === "sent" ? [6, 4] : undefined,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        value: (u, v) => number(v),
        show: !hidden[i + 1],
      }))),
      hooks: { drawClear: [bands] },
    }, [story.moments.at].concat(shown.map(([, i]) => story.moments.values[i])), by("chart"));
  }

  function steps(story) {
    by("plan").hidden = story.steps.length === 0 && !latest.run.hidden;
    by("hidden").hidden = !latest.run.hidden;
    put(by("steps"), story.steps, () => story.steps.map((step, i) => {
      const now = step.begin >= 0 && step.over < 0, item = make("li", now && step.bit ? "bit" : "");
      item.value = step.n || i + 1;
      item.append(make("p", "", make("b", "", step.what), ": " + step.state + (step.begin < 0 ? "" : ", from " + time(step.begin) + (step.over < 0 ? "" : " to " + time(step.over))) + "."));
      if (step.trigger) item.append(make("p", "small", "begins: " + step.trigger));
      if (step.evidence) item.append(make("p", "small", step.evidence));
      return item;
    }));
  }

  function rest({ story, files, commands }) {
    const queues = story ? story.queues : [], acts = story ? story.acts : [];
    by("waiting").hidden = queues.length === 0;
    put(by("queues").tBodies[0], queues, () => queues.map((queue) => make("tr", "", make("td", "", queue.queue + (queue.broker ? " on " + queue.broker : "")),
      make("td", "n", number(queue.ready)), make("td", "n", number(queue.unacked)))));
    by("acts").hidden = acts.length === 0;
    put(by("acts").querySelector("tbody"), acts, () => acts.map((act) => make("tr", "", make("td", "", time(act.at)), make("td", "", act.text))));
    put(document.querySelector(".files"), files, () => files.map((file) => make("li", "", link("/run/" + id + "/" + file.name, file.name), " ",
      make("small", "", file.what + (file.bytes < 0 ? ", made when you ask for it" : ", " + number(file.bytes) + " bytes")))));
    by("do").hidden = commands.length === 0;
    put(by("commands"), commands, () => commands.flatMap((c) => [make("p", "", c.what), make("pre", "", c.command)]));
  }

  function take(answer) {
    latest = answer;
    head(answer);
    by("story").hidden = !answer.story;
    if (answer.story) {
      figures(answer.run, answer.story);
      steps(answer.story);
      chart(false);
    }
    rest(answer);
    return answer.run.state === "under way" ? 1000 : answer.run.state === "not judged" ? 2000 : 5000;
  }

  let waiting = 0, width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (latest && latest.story) chart(true); }, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (latest && latest.story) chart(true); });
  follow("/api/run/" + id, take, (text) => { by("touch").textContent = text; });
})();
