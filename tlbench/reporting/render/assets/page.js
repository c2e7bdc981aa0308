"use strict";
// What moves on a report's page. State that a reader sets (filters, sorting, limits, axes) is kept in the address.
(() => {
  const state = new URLSearchParams(location.hash.slice(1));
  const keep = (key, value) => {
    if (value === "" || value === null) state.delete(key);
    else state.set(key, value);
    history.replaceState(null, "", "#" + state);
  };
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // Tables: sorted by their headings, filtered by words.
  const UNITS = { K: 1e3, M: 1e6, G: 1e9, " s": 1, " min": 60, " h": 3600 };
  const number = (text) => {
    const found = /^[~<]?\s*([+\u2212-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(?:([KMG]| s| min| h)\b)?/.exec(text);
    if (!found) return null;
    return Number(found[1].replace(/,/g, "").replace("\u2212", "-")) * (UNITS[found[2]] || 1);
  };
  const compared = (a, b, sign) => {
    const [x, y] = [number(a), number(b)];
    if (x !== null && y !== null) return sign * (x - y);
    if (x !== null || y !== null) return x === null ? 1 : -1; // what is no number comes last, both ways
    return sign * a.localeCompare(b);
  };
  const scrolls = (box, what) => {
    const hint = make("p", { className: "hint", hidden: true }, `\u2194 This ${what} scrolls sideways.`);
    box.before(hint);
    new ResizeObserver(() => (hint.hidden = box.scrollWidth <= box.clientWidth)).observe(box);
  };
  const equip = (box) => {
    const key = box.dataset.key;
    const body = box.querySelector("tbody");
    const original = [...body.rows];
    if (original.length < 3) return;
    const heads = [...box.querySelectorAll("th")];
    const sort = (column, down) => {
      heads.forEach((head, at) => {
        if (at === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      const text = (row) => row.cells[column].textContent.trim();
      const rows = [...original].sort((a, b) => compared(text(a), text(b), down ? -1 : 1));
      body.append(...rows);
      keep(key + ".sort", (down ? "-" : "") + (column + 1));
    };
    heads.forEach((head, at) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(at, head.getAttribute("aria-sort") === "ascending"));
    });
    const count = make("span", { className: "count" });
    count.setAttribute("aria-live", "polite");
    const search = make("input", { type: "search", placeholder: "Filter rows", value: state.get(key) || "" });
    search.setAttribute("aria-label", "Show only rows with all of these words");
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of original) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown += 1;
      }
      count.textContent = words.length ? `${shown} of ${original.length} rows` : "";
      keep(key, search.value.trim());
    };
    search.addEventListener("input", filter);
    if (original.length >= 5) box.before(make("div", { className: "tools" }, search, count));
    if (search.value) filter();
    const sorted = Number(state.get(key + ".sort"));
    if (sorted && heads[Math.abs(sorted) - 1]) sort(Math.abs(sorted) - 1, sorted < 0);
  };

  // Pictures: one axis of several is shown, and a mark names itself.
  const plot = (figure, key) => {
    const views = [...figure.querySelectorAll(".view")];
    const named = make("p", { className: "named" },
      "Point at a mark, or go to it with Tab, and it names itself.", ...(figure.closest(".choice")
        ? [make("span", { className: "bold" }, " The best, and those that may be as good, have a bold outline.")] : []));
    named.setAttribute("aria-live", "polite");
    const buttons = views.map((view) => {
      const button = make("button", { type: "button", className: "plain" }, view.dataset.label);
      button.addEventListener("click", () => show(view.dataset.axis, true));
      return button;
    });
    const show = (axis, chosen) => {
      views.forEach((view, at) => {
        view.hidden = view.dataset.axis !== axis;
        buttons[at].setAttribute("aria-pressed", String(!view.hidden));
      });
      if (chosen) keep(key + ".x", axis === views[0].dataset.axis ? "" : axis);
    };
    figure.prepend(make("div", { className: "axes" }, ...(views.length > 1 ? buttons : [])), named);
    const asked = state.get(key + ".x");
    show(views.some((view) => view.dataset.axis === asked) ? asked : views[0].dataset.axis, false);
    const name = (event) => {
      const mark = event.target.closest(".mark");
      if (!mark) return;
      named.textContent = mark.querySelector("title").textContent;
      named.classList.add("told");
    };
    figure.addEventListener("pointerover", name);
    figure.addEventListener("focusin", name);
  };

  // The answer, said again within limits; the same words as tlbench/reporting/answer.py.
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const sentence = (data, places) => {
    const { words, marks, run } = data;
    if (!places.length) return words.nothing;
    const value = (mark) => (mark.x[run] ? mark.x[run][0] : Infinity);
    const cost = (mark) => (mark.x[run] ? ", " + mark.x[run][1] : "");
    const [leader, ...others] = places;
    const beaten = new Set(data.beaten[leader]);
    const rivals = others.filter((place) => !beaten.has(place)).map((place) => marks[place]);
    const best = marks[leader];
    const everything = places.length === marks.length;
    const about = (template, { name, top1, low, high, ...mark }) =>
      fill(template, { name, top1, low, high, cost: cost(mark), chance: data.chance });
    if (!best.above) return about(everything ? words.guess : words.guess_within, best);
    const said = about(everything ? words.take : words.within, best);
    const count = others.length;
    if (!count) return said;
    const all = { 1: "the other one", 2: "both others" }[count] || `all ${count} others`;
    if (!rivals.length) return said + " " + fill(words.alone, { others: all });
    const some = rivals.length === count ? all[0].toUpperCase() + all.slice(1) : `${rivals.length} of the ${count} others`;
    let second = fill(words.rivals, { some });
    if (best.x[run]) {
      const cheapest = rivals.reduce((a, b) => (value(b) < value(a) ? b : a));
      const one = rivals.length === 1;
      second += "; " + (value(cheapest) >= value(best)
        ? { 1: words.cheapest_one, 2: words.cheapest_two }[rivals.length] || words.cheapest
        : about(one ? words.cheaper_one : words.cheaper, cheapest));
    }
    return `${said} ${second}.`;
  };
  const grouped = (marks) => {
    const tails = new Map();
    for (const { name, group } of marks) {
      const tail = name.startsWith(group + ", ") ? name.slice(group.length + 2) : name;
      tails.set(group, [...(tails.get(group) || []), tail]);
    }
    if (tails.size === marks.length || [...tails.values()].flat().some((tail) => tail.includes(", "))) {
      return marks.map(({ name }) => name).join("; ");
    }
    return [...tails].map(([group, several]) => `${group}: ${several.join(", ")}`).join("; ");
  };
  const listed = ({ words, marks, beaten, most }, places) => {
    if (!places.length || !marks[places[0]].above) return "";
    const lost = new Set(beaten[places[0]]);
    const rivals = places.slice(1).filter((place) => !lost.has(place)).map((place) => marks[place]);
    if (!rivals.length) return "";
    const more = rivals.length > most ? fill(words.more, { number: rivals.length - most }) : "";
    return fill(words.listed, { names: grouped(rivals.slice(0, most)) + more });
  };
  const choose = (box) => {
    const data = JSON.parse(box.querySelector("script").textContent);
    const key = box.dataset.key;
    const answer = box.querySelector(".answer");
    const sliders = data.limits.map((limit) => {
      const slider = make("input", { type: "range", min: 0, max: limit.values.length, step: 1 });
      const asked = state.get(`${key}.${limit.key}`);
      const at = asked === null ? -1 : limit.values.findIndex((value) => value > Number(asked) * (1 + 1e-9)) - 1;
      slider.value = asked === null || at === -2 ? limit.values.length : Math.max(at, 0);
      const shown = make("output", {});
      box.querySelector(".limits").append(make("label", {},
        make("span", { className: "bound" }, limit.label, shown), slider));
      return { limit, slider, shown };
    });
    if (sliders.length) box.querySelector(".limits").prepend(make("p", {}, "Only what stays within these limits:"));
    const say = (set) => {
      const limits = sliders.map(({ limit, slider, shown }) => {
        const most = limit.values[slider.value];
        const text = most === undefined ? "no limit" : "at most " + limit.texts[slider.value];
        shown.textContent = text;
        slider.setAttribute("aria-valuetext", text);
        if (set) keep(`${key}.${limit.key}`, most === undefined ? "" : String(most));
        return [limit.key, most];
      });
      const within = ({ x }) => limits.every(([name, most]) => most === undefined || (x[name] && x[name][0] <= most));
      const places = data.marks.map((_, place) => place).filter((place) => within(data.marks[place]));
      answer.textContent = sentence(data, places);
      box.querySelector(".rivals").textContent = listed(data, places);
      const allowed = new Set(places);
      const lost = new Set(places.length ? data.beaten[places[0]] : []);
      const recommended = places.length > 0 && data.marks[places[0]].above;
      const bold = places.filter((place) => !lost.has(place)).length;
      box.querySelectorAll(".named .bold").forEach((hint) => { hint.hidden = !recommended || bold === data.marks.length; });
      for (const mark of box.querySelectorAll(".mark[data-place]")) {
        mark.classList.toggle("beyond", !allowed.has(Number(mark.dataset.place)));
        const place = Number(mark.dataset.place);
        mark.classList.toggle("chosen", recommended && place === places[0]);
        mark.classList.toggle("rival", recommended && allowed.has(place) && place !== places[0] && !lost.has(place));
      }
    };
    sliders.forEach(({ slider }) => slider.addEventListener("input", () => say(true)));
    say(false);
  };

  // Programs: their lines are kept once for all, and put in when one is opened.
  const lines = JSON.parse(document.getElementById("lines")?.textContent || "[]");
  const copyable = (program) => {
    const code = program.querySelector("code");
    const text = code.dataset.lines.split(" ").map((at) => lines[at]).join("\n");
    program.addEventListener("toggle", () => { code.textContent = text; }, { once: true });
    const button = make("button", { type: "button", className: "plain" }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected: press Ctrl+C";
      }
    });
    program.querySelector("summary").after(button);
  };

  // Contents: a link opens its section; the address keeps what it has.
  document.querySelectorAll(".contents a").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    const section = document.querySelector(link.getAttribute("href"));
    section.open = true;
    section.scrollIntoView();
    section.querySelector("summary").focus({ preventScroll: true });
  }));

  document.querySelectorAll(".table").forEach((box) => (scrolls(box, "table"), equip(box)));
  document.querySelectorAll(".view,figure:not(.scatter)").forEach((box) => scrolls(box, "picture"));
  document.querySelectorAll(".scatter").forEach((figure, at) => plot(figure, "p" + at));
  document.querySelectorAll(".choice").forEach(choose);
  document.querySelectorAll(".program").forEach(copyable);
})();
