"use strict";
// The list of runs: filtered and put in order here, brought up to date as runs come and go.
(function () {
  const { make, link, number, time, moment, stateClass, follow } = page;
  const onScreen = 100, every = 2000;
  const form = document.getElementById("filter"), body = document.querySelector("#runs tbody"), more = document.getElementById("more");
  const compare = document.getElementById("compare"), most = +compare.dataset.most;
  let runs = [], version = null, limit = onScreen, tooMany = false;
  const rows = new Map(); // ID → what was shown of a run, and its row
  const chosen = new Set();

  // ---- rows

  function rowOf(run) {
    const said = JSON.stringify(run), known = rows.get(run.id);
    if (known && known.said === said) return known.row;
    const row = make("tr"), address = "/run/" + run.id, group = run.folder.split("/").slice(0, -1).join("/");
    row.dataset.id = run.id;

    const box = make("input");
    box.type = "checkbox";
    box.checked = chosen.has(run.id);
    box.disabled = !run.judged;
    box.setAttribute("aria-label", "compare " + run.folder);
    row.append(make("td", "choose", box));

    row.append(make("td", "", make("b", "", link(address, run.scenario || run.folder)), make("small", "said", (group ? group + ", " : "") + (run.tag || ""))));
    if (run.day) row.lastElementChild.append(make("small", "day", link("/gameday/" + run.id, "game day: " + run.day)));
    row.title = run.folder;
    row.append(cell("pipeline", run.pipeline));
    const state = cell("verdict", make("span", "state", run.state));
    state.classList.add(stateClass(run.state) || "unreadable");
    if (run.note) state.append(make("small", run.note === "no fault" ? "said" : "noted", run.note));
    row.append(state);
    const came = cell("what came of it", run.came);
    if (!run.judged || run.state === "infra" || run.state === "unknown") came.append(make("small", "said", run.reason));
    row.append(came, cell("what was broken", run.broken));
    const when = cell("when", moment(run.began)), took = cell("took", run.seconds ? time(run.seconds) : "–");
    when.classList.add("when");
    took.classList.add("n");
    row.append(when, took);

    const links = cell("files", "");
    links.classList.add("links");
    if (run.report) links.append(link(address + "/report.html", "report"), " ");
    if (run.findings) links.append(link(address + "/findings.jsonl", "findings"), " ");
    if (run.history) links.append(link(address + "/history.jsonl", "history"));
    row.append(links);
    if (chosen.has(run.id)) row.classList.add("chosen");
    rows.set(run.id, { said, row });
    return row;
  }

  function cell(label, inside) {
    const td = make("td", "", inside);
    td.dataset.label = label;
    return td;
  }

  // ---- filter and order

  const found = (run) => Object.values(run.classes).reduce((sum, n) => sum + n, 0);

  const orders = {
    began: (a, b) => a.began - b.began,
    seconds: (a, b) => a.seconds - b.seconds,
    found: (a, b) => found(a) - found(b),
    scenario: (a, b) => compareText(a.scenario, b.scenario),
    pipeline: (a, b) => compareText(a.pipeline, b.pipeline),
    state: (a, b) => compareText(a.state, b.state),
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const compareText = (a, b) => collator.compare(a, b);

  function matching() {
    const value = (name) => form.elements[name].value;
    const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
    const scenario = value("scenario"), pipeline = value("pipeline"), state = value("state"), klass = value("class");
    const list = runs.filter((run) => (!scenario || run.scenario === scenario) && (!pipeline || run.pipeline === pipeline) &&
      (!state || run.state === state) && (!klass || Object.hasOwn(run.classes, klass)) &&
      words.every((word) => [run.scenario, run.pipeline, run.folder, run.tag, run.seed, run.state, run.note, run.reason, run.came, run.broken, run.day && "game day"]
        .some((text) => text.toLowerCase().includes(word))));
    const order = value("order"), by = orders[order.slice(0, -1)] || orders.began, way = order.endsWith("+") ? 1 : -1;
    return list.sort((a, b) => way * by(a, b) || b.began - a.began || compareText(a.folder, b.folder));
  }

  // show puts rows in their places and leaves those alone that are there: whoever works in one with the keyboard stays in it.
  function show() {
    const list = matching(), shown = list.slice(0, limit);
    shown.forEach((run, i) => {
      const row = rowOf(run), there = body.children[i];
      if (there === row) return;
      body.insertBefore(row, there || null);
    });
    while (body.children.length > shown.length) body.lastElementChild.remove();
    let text = list.length === runs.length ? number(runs.length) + (runs.length === 1 ? " run" : " runs")
      : number(list.length) + (list.length === 1 ? " matches" : " match") + ", of " + number(runs.length) + (runs.length === 1 ? " run" : " runs");
    if (shown.length < list.length) text += ", " + number(shown.length) + " of them shown";
    document.getElementById("matches").textContent = text + (tooMany ? "; there are more folders than are looked at." : ".");
    more.hidden = shown.length === list.length;
    more.textContent = "show all " + number(list.length);
    for (const button of document.querySelectorAll("#runs th button")) {
      const mine = button.dataset.order.slice(0, -1) === form.elements.order.value.slice(0, -1);
      button.parentElement.setAttribute("aria-sort", !mine ? "none" : form.elements.order.value.endsWith("+") ? "ascending" : "descending");
    }
  }

  // options names what there is to choose, and how often it is there; what was chosen stays.
  function options(name, values) {
    const select = form.elements[name], was = select.value || wanted.get(name) || "", count = new Map();
    for (const value of values) count.set(value, (count.get(value) || 0) + 1);
    if (was && !count.has(was)) count.set(was, 0);
    const names = [...count.keys()].filter(Boolean).sort(compareText);
    select.replaceChildren(new Option("all", ""), ...names.map((value) => new Option(value + " (" + number(count.get(value)) + ")", value)));
    select.value = was;
  }

  // What is chosen stands in the address, so that it can be kept and sent.
  const wanted = new URLSearchParams(location.search);
  function remember() {
    const query = new URLSearchParams();
    for (const name of ["text", "scenario", "pipeline", "state", "class", "order"]) {
      const value = form.elements[name].value;
      if (value && !(name === "order" && value === "began-")) query.set(name, value);
    }
    history.replaceState(null, "", query.size ? "?" + query : location.pathname);
  }

  function changed() {
    for (const name of [...wanted.keys()]) wanted.delete(name);
    limit = onScreen;
    remember();
    show();
  }

  // ---- comparing

  function count() {
    for (const id of chosen) if (!rows.has(id)) chosen.delete(id);
    compare.hidden = chosen.size === 0;
    const few = chosen.size < 2, many = chosen.size > most;
    document.getElementById("chosen").textContent = number(chosen.size) + (chosen.size === 1 ? " run chosen" : " runs chosen") +
      (few ? ": choose one more" : many ? ": at most " + number(most) + " can be compared" : "");
    compare.querySelector("[type=submit]").disabled = few || many;
  }

  body.addEventListener("change", (event) => {
    const row = event.target.closest("tr");
    if (!row) return;
    if (event.target.checked) chosen.add(row.dataset.id); else chosen.delete(row.dataset.id);
    row.classList.toggle("chosen", event.target.checked);
    count();
  });
  compare.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign("/compare?" + [...chosen].map((id) => "run=" + encodeURIComponent(id)).join("&"));
  });
  compare.addEventListener("reset", () => {
    chosen.clear();
    for (const { row } of rows.values()) {
      row.classList.remove("chosen");
      row.querySelector("input").checked = false;
    }
    count();
  });

  // ---- coming and going

  function take(list) {
    if (list.version === version) return every;
    version = list.version;
    runs = list.runs;
    tooMany = list.more;
    const there = new Set(runs.map((run) => run.id));
    for (const id of rows.keys()) if (!there.has(id)) rows.delete(id);
    options("scenario", runs.map((run) => run.scenario));
    options("pipeline", runs.map((run) => run.pipeline));
    options("state", runs.map((run) => run.state));
    options("class", runs.flatMap((run) => Object.keys(run.classes)));
    form.hidden = false;
    show();
    count();
    return every;
  }

  form.elements.text.value = wanted.get("text") || "";
  if (wanted.get("order")) form.elements.order.value = wanted.get("order");
  if (!form.elements.order.value) form.elements.order.value = "began-";
  form.addEventListener("input", changed);
  form.addEventListener("reset", () => setTimeout(changed));
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { limit = Infinity; show(); });
  for (const button of document.querySelectorAll("#runs th button")) {
    button.addEventListener("click", () => {
      const select = form.elements.order, order = button.dataset.order, other = order.slice(0, -1) + (order.endsWith("+") ? "-" : "+");
      select.value = select.value === order && [...select.options].some((option) => option.value === other) ? other : order;
      changed();
    });
  }
  const touch = document.getElementById("touch");
  follow("/api/runs", take, (text) => { touch.className = text ? "lost-touch" : ""; touch.textContent = text; });
})();
