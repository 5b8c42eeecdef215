// Judge: how good a run is, whether its pictures would help, what its set is like; run beside run.

import { about, announce, api, el, fill, number, progressLine, register, report, stopButton, time } from "/static/shell.js";

const ALIVE = ["waiting", "starting", "running"];
const WORK = {
  evaluate: { title: "How good are its pictures?", button: "Measure it", note: "Two thousand new pictures are set beside real ones that the training never saw. A few minutes.", done: "Measure it again" },
  utility: { title: "Would they help a classifier?", button: "Find out", note: "Classifiers are trained with and without added pictures and tested on real ones. The answer may be an honest no. About an hour.", done: "Try it again" },
  doctor: { title: "Is the set all right?", button: "Examine the set", note: "Copies, odd ones, classes and what could be better, as one page.", done: "Examine it again" },
};

let view = null;
let end = null;
let visit = 0;

register({
  name: "judge",
  title: "Judge",
  async open(place, [id]) {
    view = place;
    await show(id);
  },
  move([id]) {
    show(id).catch(report);
  },
  close,
});

function close() {
  visit += 1;
  end?.();
  end = null;
}

async function show(id) {
  close();
  if (id) await one(id);
  else await table();
}

const score = (value) => (value === null || value === undefined ? "–" : number(value, Math.abs(value) < 10 ? 2 : 0));

// ---- runs beside each other --------------------------------------------------------------------

async function table() {
  const mine = visit;
  const { runs } = await api.get("/api/judge");
  if (mine !== visit) return;
  if (!runs.length) {
    fill(view, el("h1", {}, "How good are they?"), el("div", { class: "empty" }, el("p", {}, "Nothing has been trained in this folder yet."), el("a", { class: "button", href: "#/start" }, "Choose pictures")));
    return;
  }
  const chosen = new Set();
  // KID is for those who ask for it.
  const numbers = el("button", { type: "button", "aria-pressed": "false", onclick: () => numbers.setAttribute("aria-pressed", String(view.classList.toggle("numbers"))) }, "Show numbers");
  const beside = el("section", { "aria-live": "polite" });
  const pick = (run, on) => {
    if (on) chosen.add(run.id);
    else chosen.delete(run.id);
    fill(beside, compared(runs.filter((other) => chosen.has(other.id))));
  };
  const rows = runs.map((run) =>
    el(
      "tr",
      {},
      el("td", {}, el("input", { type: "checkbox", "aria-label": `Compare ${run.name}`, onchange: (event) => pick(run, event.target.checked) })),
      el("td", {}, run.grid === null ? null : el("div", { class: "strip" }, el("img", { src: `/picture/${run.id}/grid/${run.grid}`, alt: "", loading: "lazy" }))),
      el("td", {}, el("a", { href: `#/judge/${run.id}` }, run.name), el("div", { class: "soft small" }, `${run.size} px, ${run.recipe}`)),
      el("td", {}, run.nearness || el("span", { class: "soft" }, "not measured"), run.share < 1 ? el("div", { class: "soft small" }, `${Math.floor(100 * run.share)} % trained`) : null),
      el("td", { class: "num kid" }, score(run.kid), run.floor === null || run.floor === undefined ? null : el("div", { class: "soft small" }, `real: ${score(run.floor)}`)),
      el("td", { class: "num" }, run.seconds ? time(run.seconds) : "–"),
    ),
  );
  fill(
    view,
    el("h1", {}, "How good are they?"),
    el("p", { class: "soft" }, "Choose a run to judge it, or tick some to see them beside each other."),
    el("div", { class: "scroll" }, el("table", { class: "judged" }, el("thead", {}, el("tr", {}, ["", "", "Run", "How near", "KID", "Trained for"].map((name) => el("th", { scope: "col", class: name === "KID" ? "kid" : "" }, name)))), el("tbody", {}, rows))),
    el("div", { class: "bar spaced" }, numbers),
    beside,
  );
}

function compared(runs) {
  if (runs.length < 2) return runs.length ? el("p", { class: "soft" }, "Tick another one.") : null;
  const known = (value) => value !== null && value !== undefined;
  const measured = runs.filter((run) => known(run.kid)).sort((a, b) => a.kid - b.kid);
  const [best, next] = measured;
  let words = "Not enough of them are measured to say which is better.";
  if (runs.some((run) => !run.fingerprint || run.fingerprint !== runs[0].fingerprint)) words = "These runs learned from different pictures, so their numbers cannot be compared; their pictures can.";
  else if (measured.some((run) => run.judge !== best.judge)) words = "These runs were measured by different judges, so their numbers cannot be compared; their pictures can.";
  else if (next && known(best.kid_high) && known(next.kid_low) && best.kid_high < next.kid_low) words = `${best.name} is nearest to real pictures, beyond what chance explains.`;
  else if (next) words = `${best.name} and ${next.name} are too near each other to tell which is better.`;
  return [
    el("h2", {}, "Beside each other"),
    el("p", {}, words),
    el("div", { class: "besides" }, runs.map((run) => el("figure", {}, run.grid === null ? null : el("img", { class: "px", src: `/picture/${run.id}/grid/${run.grid}`, alt: `Samples of ${run.name}`, width: 526, height: 394 }), el("figcaption", {}, run.name, el("span", { class: "kid" }, `: KID ${score(run.kid)}`), `, ${run.recipe}, ${run.seconds ? time(run.seconds) : "?"}`)))),
    runs.length === 2 ? el("p", {}, el("a", { class: "button", href: `#/train/${runs[0].id}/${runs[1].id}` }, "Their whole trainings, side by side")) : null,
  ];
}

// ---- one run -----------------------------------------------------------------------------------

async function one(id) {
  const mine = visit;
  fill(view, el("p", { class: "soft" }, "Reading the run …"));
  const told = await api.get(`/api/judge/${id}`);
  if (mine !== visit) return;
  const places = Object.fromEntries(Object.keys(WORK).map((what) => [what, el("section", { class: "card judgment", "aria-labelledby": `h-${what}` })]));
  fill(
    view,
    el("p", { class: "small" }, el("a", { href: "#/judge" }, "← All runs")),
    el("h1", {}, told.name),
    el("div", { class: `light ${told.light}` }, el("i", { "aria-hidden": "true" }), el("p", {}, told.sentence || "No light yet.")),
    told.nearness ? el("p", { class: "near" }, told.nearness) : null,
    el(
      "div",
      { class: "bar spaced" },
      el("a", { class: "button", href: `/page/${id}/report`, target: "_blank", rel: "noopener" }, "The whole report"),
      el("a", { class: "button", href: `#/train/${id}` }, "How it learned"),
      el("a", { class: "button", href: `#/explore/${id}` }, "Explore it"),
    ),
    told.missing ? el("p", { class: "problem" }, `It can be looked at, and not judged: ${told.missing}`) : null,
    el("div", { class: "judgments" }, places.evaluate, places.utility, places.doctor),
    el("details", {}, el("summary", {}, "What is known of it"), el("table", {}, el("tbody", {}, told.summary.map(([name, words]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, words)))))),
  );
  const draw = () => Object.entries(places).forEach(([what, place]) => judgment(what, place, told));
  draw();
  end = api.events(`/api/judge/${id}/live`, async ({ jobs }) => {
    const before = told.jobs;
    told.jobs = jobs;
    const ended = Object.keys(WORK).find((what) => ALIVE.includes(before[what]?.state) && !ALIVE.includes(jobs[what]?.state));
    if (ended) {
      Object.assign(told, await api.get(`/api/judge/${id}`));
      announce(`${WORK[ended].title} ${jobs[ended].lines[0] ?? jobs[ended].message ?? ""}`);
    }
    if (mine === visit) draw();
  });
}

function judgment(what, place, told) {
  const { title, button, note, done } = WORK[what];
  const job = told.jobs[what];
  const found = result(what, told);
  const begin = el("button", { type: "button", disabled: about.read_only || Boolean(told.missing), onclick: () => start(what, told, begin) }, found ? done : button);
  const parts = [el("h2", { id: `h-${what}` }, title)];
  if (ALIVE.includes(job?.state)) parts.push(...progressLine(job.work), stopButton(job.id));
  else {
    if (["failed", "killed", "stopped"].includes(job?.state) && job.message) parts.push(el("p", { class: job.state === "stopped" ? "soft" : "problem" }, job.message));
    parts.push(found ?? el("p", { class: "soft" }, what === "utility" && told.classes < 2 ? "Its pictures have no classes, so there is nothing for a classifier to learn." : note));
    if (!(what === "utility" && told.classes < 2)) parts.push(el("div", { class: "bar" }, begin, page(what, told)));
  }
  fill(place, parts);
}

function page(what, told) {
  if (what === "evaluate" || !told.pages.includes(what)) return null;
  return el("a", { class: "button", href: `/page/${told.id}/${what}`, target: "_blank", rel: "noopener" }, "The whole page");
}

function result(what, told) {
  if (what === "evaluate") return told.evaluation ? evaluation(told.evaluation) : null;
  const lines = what === "utility" && told.utility.length ? told.utility : (told.jobs[what]?.lines ?? []);
  return lines.length ? el("ul", { class: "sentences" }, lines.map((line) => el("li", {}, line))) : null;
}

function evaluation({ sentences, cautions, scores }) {
  return el(
    "div",
    {},
    el("ul", { class: "sentences" }, sentences.map((line) => el("li", {}, line))),
    cautions.map((line) => el("p", { class: "soft small" }, `Careful: ${line}.`)),
    el(
      "details",
      {},
      el("summary", {}, "Numbers, each beside its floor"),
      el(
        "div",
        { class: "scroll" },
        el(
          "table",
          { class: "num" },
          el("thead", {}, el("tr", {}, ["", "generated", "real"].map((name) => el("th", { scope: "col" }, name)))),
          el("tbody", {}, scores.map((row) => el("tr", {}, el("th", { scope: "row" }, row.title, el("div", { class: "small" }, row.best)), el("td", {}, score(row.value), row.low === null || row.low === undefined ? null : el("div", { class: "soft small" }, `${score(row.low)} to ${score(row.high)}`)), el("td", {}, score(row.floor))))),
        ),
      ),
    ),
  );
}

async function start(what, told, button) {
  button.disabled = true;
  try {
    await api.post(`/api/judge/${told.id}/${what}`);
  } catch (problem) {
    report(problem);
    button.disabled = false;
  }
}
