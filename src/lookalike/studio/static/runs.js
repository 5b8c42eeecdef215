// Which run a page works with: the one in the address, or the one that changed last.

import { api, el, fill, go, going, stopButton } from "/static/shell.js";

export async function runs() {
  const { entries } = await api.get("/api/library");
  return entries.filter((entry) => entry.kind === "run");
}

// What a page of one run begins with: the run, a menu of all, its facts. Null and words instead
// where there is no run; null where the page was left meanwhile, so that nothing goes on unseen.
export async function openRun(view, page, title, wanted) {
  const known = await runs();
  if (!view.isConnected) return null;
  if (!known.length) {
    fill(
      view,
      el("h1", {}, title),
      el("div", { class: "empty" }, el("p", {}, "There is no trained run in this folder yet. Train one first; five minutes are enough to look around."), el("a", { class: "button", href: "#/start" }, "Start")),
    );
    return null;
  }
  const run = known.find((one) => one.id === wanted) ?? known.find((one) => one.id === remembered()) ?? known[0];
  remember(run.id);
  const menu = el(
    "select",
    { "aria-label": "Run", onchange: (event) => go(page, event.target.value) },
    known.map((one) => el("option", { value: one.id, selected: one.id === run.id }, one.name)),
  );
  const shown = known.length > 1 ? menu : el("strong", { class: "run-name" }, run.name);
  fill(view, el("div", { class: "head" }, el("h1", {}, title), shown), el("p", { class: "soft" }, "Opening the run …"));
  const facts = await api.get(`/api/explore/${run.id}`);
  return view.isConnected ? { run, menu: shown, facts } : null;
}

// A picture that one page hands to another: how it begins, and how it is moved.
export function hand(page, { run, start, moves }) {
  sessionStorage.setItem(`lookalike-${page}`, JSON.stringify({ run, start, moves }));
  go(page, run);
}

// What was handed to this page, once; null where that was another run's.
export function handed(page, run) {
  const found = JSON.parse(sessionStorage.getItem(`lookalike-${page}`) || "null");
  sessionStorage.removeItem(`lookalike-${page}`);
  return found?.run === run ? found : null;
}

const SHEET_COLUMNS = 6;

// Pictures `first` to `first + count` of a seed, in one sheet; gives what draws one of them on a canvas.
export async function seedSheet(run, seed, first, count, label = "") {
  const { blob } = await api.picture(`/picture/explore/${run}/seeds/${seed}/${first}/${count}?label=${encodeURIComponent(label)}`);
  const sheet = await createImageBitmap(blob);
  const side = sheet.width / SHEET_COLUMNS;
  return (place, canvas) => canvas.getContext("2d").drawImage(sheet, (place % SHEET_COLUMNS) * side, Math.floor(place / SHEET_COLUMNS) * side, side, side, 0, 0, canvas.width, canvas.height);
}

let last = null;
const remembered = () => last;
const remember = (id) => (last = id);

// Learning what can be changed: a minute, once for each state of a run.
export function learnBox(facts, done, why = "Everything else works meanwhile.") {
  const bar = el("progress", { max: "1", value: "0", hidden: true, "aria-label": "Learning what can be changed" });
  const words = el("p", { class: "small soft" }, `Which things can be changed is learned from your pictures once, in about a minute. ${why}`);
  const button = el("button", { type: "button", class: "main" }, "Learn what can be changed");
  const stopping = el("div", {});
  const box = el("div", { class: "card learn" }, el("h2", {}, "No sliders yet"), words, bar, button, stopping);
  let end = null;
  let closed = false;
  const watch = () => {
    if (closed) return;
    button.hidden = true;
    bar.hidden = false;
    end = api.events(`/api/explore/${facts.id}/learning`, (job) => {
      if (!job) return;
      bar.value = job.share;
      if (job.alive && !stopping.childElementCount) fill(stopping, stopButton(job.id));
      if (job.alive) words.textContent = going(job.words);
      else {
        end();
        stopping.replaceChildren();
        button.hidden = false;
        bar.hidden = true;
        if (job.state === "ended") done();
        else words.textContent = job.message || "It was stopped.";
      }
    });
  };
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await api.post(`/api/explore/${facts.id}/learn`);
      watch();
    } catch (problem) {
      words.textContent = problem.message;
    }
    button.disabled = false;
  });
  if (facts.learning?.alive) watch();
  box.close = () => {
    closed = true;
    end?.();
  };
  return box;
}
