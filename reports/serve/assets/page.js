"use strict";
// What the pages share. Texts come from records, services and the names of folders and are hostile: they are put into a page
// by textContent only, and the page's policy takes nothing else.
const page = (function () {
  // make returns an element with a class and what is in it.
  function make(name, klass, ...inside) {
    const element = document.createElement(name);
    if (klass) element.className = klass;
    element.append(...inside);
    return element;
  }

  function link(href, text) {
    const a = make("a", "", text);
    a.href = href;
    return a;
  }

  const number = (value) => value == null ? "–" : value.toLocaleString("en", { maximumFractionDigits: 2 });

  function time(seconds) {
    if (seconds == null) return "–";
    if (seconds < 120) return +seconds.toFixed(1) + " s";
    const whole = Math.round(seconds);
    return Math.floor(whole / 60) + " min " + String(whole % 60).padStart(2, "0") + " s";
  }

  const two = (n) => String(n).padStart(2, "0");

  function moment(ms) {
    const at = new Date(ms);
    if (isNaN(at)) return "–";
    return at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate()) + " " + two(at.getHours()) + ":" + two(at.getMinutes()) + ":" + two(at.getSeconds());
  }

  // The states that have a colour; any other is shown without.
  const states = ["valid", "invalid", "unknown", "infra", "under way", "died", "not judged", "unreadable"];
  const stateClass = (state) => states.includes(state) ? state.replace(" ", "-") : "";

  // put replaces what is in an element, unless it is the same already.
  function put(element, said, inside) {
    const text = JSON.stringify(said);
    if (element.said === text) return;
    element.said = text;
    element.replaceChildren(...inside());
  }

  // The key with which this page may take part in a game day: it stands in the address that seatrial serve printed. It is kept as
  // long as the tab is open, and does not stay in the address, which people show and send to each other.
  const key = (function () {
    const given = /^#key=(\w+)$/.exec(location.hash);
    if (given) history.replaceState(null, "", location.pathname + location.search);
    try {
      if (given) sessionStorage.setItem("key", given[1]);
      return sessionStorage.getItem("key");
    } catch {
      return given ? given[1] : null;
    }
  })();
  addEventListener("hashchange", () => { if (location.hash.startsWith("#key=")) location.reload(); });

  // follow asks for something again and again, as long as somebody looks at the page, and gives it to use. The pause, in
  // milliseconds, is what use returns. It returns what asks at once.
  function follow(url, use, touch) {
    let waiting = 0, asking = false;
    async function ask() {
      clearTimeout(waiting);
      if (asking) return;
      asking = true;
      let pause = 3000, answer = null, told = "seatrial serve does not answer: what is shown may be old.";
      try {
        const response = await fetch(url);
        if (response.ok) answer = await response.json();
        else if (response.status === 404) told = "This run is gone: its folder was removed.";
      } catch {
        // It is told below.
      }
      try {
        touch(answer ? "" : told);
        if (answer) pause = use(answer);
      } finally {
        asking = false;
        if (!document.hidden) waiting = setTimeout(ask, pause);
      }
    }
    document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
    ask();
    return ask;
  }

  return { make, link, number, time, moment, stateClass, put, key, follow };
})();
