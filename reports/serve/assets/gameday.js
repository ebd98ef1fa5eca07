"use strict";
// A game day: what there is to see of it, and what people at this page say to it. What is said goes to the process that holds the
// game day, which answers as its terminal would; the page shows nothing that this process has not kept.
(function () {
  const { make, time, moment, stateClass, put, follow, key } = page;
  const id = location.pathname.split("/").pop(), by = (name) => document.getElementById(name), address = "/api/run/" + id + "/gameday";
  const body = (name) => by(name).querySelector("tbody"), sureFor = 10000;
  let day = null, saying = false, unsure = 0;

  // ---- seeing

  const headlines = {
    preflight: "Preflight: may it begin?",
    running: "The game day goes on.",
    recovered: "What was broken is healed. Are the records?",
    reconciled: "Every record is in its place.",
    debrief: "Debrief: nothing is hidden any more.",
    over: "The game day is over.",
  };

  function head() {
    const { run } = day;
    document.title = "Game day, " + run.day + ": " + run.scenario;
    document.body.className = day.aborted ? "died" : stateClass(run.day === "over" ? run.state : "under way");
    by("state").textContent = run.day;
    by("scenario").textContent = run.scenario || "?";
    by("pipeline").textContent = run.pipeline || "?";
    by("headline").textContent = day.aborted ? "Aborted: " + day.aborted : headlines[run.day] || run.day;
    by("when").textContent = "began " + moment(day.began) + "; " + run.folder;
    by("run").href = "/run/" + id;
    by("problem").hidden = !day.problem;
    by("problem").textContent = day.problem;
  }

  // figure returns a name and what stands under it.
  function figure(name, value, more) {
    const under = make("dd", "", value);
    if (more) under.append(make("small", "", " " + more));
    return make("div", "", make("dt", "", name), under);
  }

  function clocks() {
    const { marks, seconds, broke, elapsed } = day, list = [["since it began", time(elapsed), ""]];
    if (broke != null && day.listens && seconds.recover == null) list.push(["since it broke", time(elapsed - broke), ""]);
    for (const [name, took] of [["detected", seconds.detect], ["acknowledged", seconds.acknowledge], ["mitigated", seconds.mitigate]]) {
      // The first mark counts; those before anything broke are false alarms.
      const mark = marks.find((one) => one.name === name && (broke == null || one.at >= broke)) || marks.find((one) => one.name === name);
      if (!mark) list.push([name, "–", ""]);
      else if (took != null) list.push([name, "after " + time(took), "by " + mark.by]);
      else list.push([name, "at " + time(mark.at), "by " + mark.by + (broke == null ? "" : ", before anything broke")]);
    }
    if (seconds.recover != null) list.push(["recovered", "after " + time(seconds.recover), ""]);
    if (seconds.reconcile != null) list.push(["reconciled", "after " + time(seconds.reconcile), ""]);
    put(document.querySelector("#clocks dl"), list, () => list.map((one) => figure(...one)));
  }

  const status = (text) => make("span", "status " + ({ go: "good", clear: "good", "no-go": "bad", met: "bad", unproved: "unsure", "not checked": "unsure" }[text] || ""), text || "not asked yet");

  function facts() {
    by("preflight").hidden = day.checks.length === 0;
    if (day.run.day !== "preflight" && by("preflight").nextElementSibling === by("clocks")) by("about").after(by("preflight")); // it is over
    put(body("preflight"), day.checks, () => day.checks.map((check) => make("tr", "", make("td", "", status(check.status)), make("td", "", check.name), make("td", "", check.text))));
    by("hypothesis").textContent = day.hypothesis;
    by("surprise").hidden = !day.run.hidden;
    put(by("roles"), day.roles, () => day.roles.map((one) => figure(one.role, one.name)));
    put(by("people"), day.roles, () => day.roles.map((one) => new Option(one.role, one.name)));
    const watched = day.probes.map((probe) => ["abort if", probe]).concat(day.alert ? [["alert", day.alert]] : []);
    put(body("watched"), watched, () => watched.length === 0 ? [make("tr", "", make("td", "", "No condition is watched: only people abort."))] :
      watched.map(([what, probe]) => make("tr", "", make("td", "", status(probe.status)), make("td", "", make("b", "", what), " " + probe.name), make("td", "", probe.text))));
    put(body("happened"), day.happened, () => day.happened.map((one) => make("tr", "kind-" + one.kind, make("td", "", time(one.at)), make("td", "", one.kind),
      make("td", "", one.what + (one.by ? ", by " + one.by : "")))));
    by("do").hidden = day.commands.length === 0 || day.listens;
    put(by("commands"), day.commands, () => day.commands.flatMap((c) => [make("p", "", c.what), make("pre", "", c.command)]));
  }

  function score() {
    by("score").hidden = !day.score;
    if (!day.score) return;
    const { rows, notes, follow_ups: follows } = day.score;
    put(body("rows"), rows, () => rows.map(([name, value]) => make("tr", "", make("th", "", name), make("td", "", value))));
    by("notes").hidden = notes.length === 0;
    put(body("notes"), notes, () => notes.map((note) => make("tr", "", make("td", "", time(note.at)), make("td", "", note.by), make("td", "", note.what))));
    by("follows").hidden = follows.length === 0;
    put(by("follows").querySelector("ul"), follows, () => follows.map((text) => make("li", "", text)));
  }

  // ---- saying

  // What can be said in a state; the process that holds the game day has the last word.
  function desk() {
    const state = day.run.day, works = day.listens && key !== null && state !== "over";
    by("desk").hidden = !works;
    by("look-on").hidden = works || state === "over";
    by("look-on").textContent = !day.listens ? "Its process takes nothing from here: it ended, or it only listens to its terminal."
      : "This page can only look on. To take part, open it by the whole address that seatrial serve printed.";
    const asks = day.asked !== "" && state === "preflight", goesOn = ["running", "recovered", "reconciled"].includes(state) && !day.aborted;
    by("asked").textContent = asks ? day.asked : "What do you do?";
    by("question").hidden = !asks;
    by("marks").hidden = !goesOn;
    by("aborting").hidden = !(goesOn || state === "preflight" && !day.aborted);
    by("ending").hidden = !(state === "debrief" && day.asked !== "");
    if (by("aborting").hidden) calm();
  }

  async function say(line) {
    if (saying) return;
    saying = true;
    let told;
    try {
      const response = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json", "Seatrial-Key": key }, body: JSON.stringify({ line }) });
      told = await response.json();
    } catch {
      told = { error: "Nothing came back: look into the timeline whether it was kept." };
    }
    saying = false;
    by("answer").className = told.error ? "lost-touch" : "";
    by("answer").textContent = told.error || told.answer || "done";
    again();
    return !told.error;
  }

  const field = document.querySelector("#by input");
  const who = () => field.value.replace(/[:\s]+/g, " ").trim();
  const mark = (name) => say(name + (who() ? " by " + who() : ""));

  function calm() {
    clearTimeout(unsure);
    by("sure").hidden = true;
    by("abort").hidden = false;
  }

  for (const button of document.querySelectorAll("#desk [data-line]")) button.addEventListener("click", () => say(button.dataset.line));
  for (const button of document.querySelectorAll("#marks button")) button.addEventListener("click", () => mark(button.dataset.mark));
  for (const form of document.querySelectorAll("#desk form.words")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const input = form.elements.text, text = input.value.trim();
      if (text && await say(form.dataset.word + " " + (who() ? "by " + who() + ": " : "") + text)) input.value = "";
    });
  }
  by("by").addEventListener("submit", (event) => event.preventDefault());
  by("abort").addEventListener("click", () => {
    by("abort").hidden = true;
    by("sure").hidden = false;
    by("abort-now").focus();
    unsure = setTimeout(calm, sureFor);
  });
  by("go-on").addEventListener("click", calm);
  by("abort-now").addEventListener("click", () => {
    calm();
    say("abort" + (who() ? " by " + who() + ":" : ""));
  });

  // The letters of the terminal, where nothing is being typed.
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || typing || by("desk").hidden) {
      if (event.key === "Escape" && typing) event.target.blur();
      return;
    }
    const sure = !by("sure").hidden, button = [...document.querySelectorAll("#desk [data-key]")].find((one) => one.dataset.key === event.key && one.offsetParent !== null);
    const words = { n: "note", f: "follow-up" }[event.key];
    if (sure && event.key === "y") by("abort-now").click();
    else if (sure && event.key.length === 1 && event.key !== " ") calm(); // any other key goes on, and does nothing else
    else if (button) button.click();
    else if (words) document.querySelector("#desk form[data-word=" + words + "] input").focus();
    else return;
    event.preventDefault();
  });

  function take(answer) {
    day = answer;
    head();
    desk();
    clocks();
    facts();
    score();
    return day.listens ? 1000 : day.run.day === "over" && day.score ? 10000 : 2000;
  }

  const again = follow(address, take, (text) => { by("touch").textContent = text; });
})();
