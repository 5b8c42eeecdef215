// Which run a page works with: the one in the address, or the one that changed last.

import { api, el, fill, go } from "/static/shell.js";

export async function runs() {
  const { entries } = await api.get("/api/library");
  return entries.filter((entry) => entry.kind === "run");
}

// A menu of runs; null and words instead where there is none.
export async function chosenRun(view, page, wanted) {
  const known = await runs();
  if (!known.length) {
    fill(
      view,
      el("h1", {}, { explore: "Explore", edit: "Edit", gallery: "Gallery" }[page]),
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
  return { run, menu: known.length > 1 ? menu : el("strong", { class: "run-name" }, run.name), known };
}

let last = null;
const remembered = () => last;
const remember = (id) => (last = id);

// Learning what can be changed: a minute, once for each state of a run.
export function learnBox(facts, done) {
  const bar = el("progress", { max: "1", value: "0", hidden: true, "aria-label": "Learning what can be changed" });
  const words = el("p", { class: "small soft" }, "Which things can be changed is learned from your pictures once, in about a minute. Everything else works meanwhile.");
  const button = el("button", { type: "button", class: "main" }, "Learn what can be changed");
  const box = el("div", { class: "card learn" }, el("h3", {}, "No sliders yet"), words, bar, button);
  let end = null;
  const watch = () => {
    button.hidden = true;
    bar.hidden = false;
    end = api.events(`/api/explore/${facts.id}/learning`, (job) => {
      if (!job) return;
      bar.value = job.share;
      if (job.alive) words.textContent = job.words ? `${job.words[0].toUpperCase()}${job.words.slice(1)} …` : "Starting …";
      else {
        end();
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
  box.close = () => end?.();
  return box;
}
