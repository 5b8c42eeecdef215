// Teach: pictures that show something and pictures that do not, by clicks, become a slider.

import { announce, api, el, fill, going, number, report, stopButton } from "/static/shell.js";
import { seedSheet } from "/static/runs.js";

const LEAST = 8;
const GOOD = 20;
const PAGE = 40;

export class Teach {
  // `done()` is called when there is a new slider.
  constructor(root, run, facts, done) {
    Object.assign(this, { root, run, facts, done });
    this.said = new Map(); // button -> "yes" | "no"
    this.starts = new Map();
    this.seed = Math.floor(Math.random() * 1e6);
    this.#build();
  }

  close() {
    this.closed = true;
    this.end?.();
  }

  #build() {
    this.name = el("input", { type: "text", maxlength: "40", placeholder: "for example: smile", "aria-label": "What the slider is called" });
    this.grid = el("div", { class: "seeds teach-grid", role: "group", "aria-label": "Pictures to say yes or no to" });
    this.count = el("p", { class: "soft", role: "status" });
    this.button = el("button", { type: "button", class: "main write", disabled: true, onclick: () => this.teach() }, "Teach");
    this.bar = el("progress", { max: "1", value: "0", hidden: true, "aria-label": "Teaching" });
    this.words = el("p", { class: "small soft" });
    this.stopping = el("div", {});
    this.moreButton = el("button", { type: "button", onclick: () => this.more() }, "More pictures");
    this.name.addEventListener("input", () => this.#counted());
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    fill(
      this.root,
      el("h2", {}, "Teach a new slider"),
      el("p", { class: "soft" }, "Click a picture once: it shows it (yes). Twice: it does not (no). Twenty of each are good, eight the least. Pictures should differ in this one thing and be mixed in all else."),
      el("div", { class: "bar" }, el("label", {}, "Called", this.name), this.button, this.count),
      this.bar,
      this.words,
      this.stopping,
      this.grid,
      el("div", { class: "bar" }, this.moreButton),
    );
    this.#counted();
    this.more();
  }

  async more() {
    this.moreButton.disabled = true;
    try {
      if (this.facts.pack) await this.#real();
      await this.#made();
    } catch (problem) {
      report(problem);
    }
    this.moreButton.disabled = false;
  }

  async #real() {
    const rows = await api.get(`/api/explore/${this.run.id}/some/${this.seed}/${this.starts.size}`);
    for (const row of rows.rows) {
      this.#add({ row }, el("img", { class: "px", loading: "lazy", alt: "", src: `/picture/explore/${this.run.id}/real/${row}` }), "one of yours");
    }
  }

  async #made() {
    const first = this.starts.size;
    const count = this.facts.pack ? 16 : PAGE;
    const draw = await seedSheet(this.run.id, this.seed, first, count);
    for (let place = 0; place < count; place++) {
      const canvas = el("canvas", { width: 128, height: 128 });
      draw(place, canvas);
      this.#add({ seed: this.seed, index: first + place }, canvas, "a new one");
    }
  }

  #add(start, picture, kind) {
    const button = el("button", { type: "button" }, picture, el("span", { class: "said", "aria-hidden": "true" }));
    this.starts.set(button, start);
    button.dataset.kind = kind;
    button.addEventListener("click", () => this.say(button, { undefined: "yes", yes: "no", no: undefined }[this.said.get(button)]));
    this.#label(button);
    this.grid.append(button);
  }

  say(button, word) {
    if (word) this.said.set(button, word);
    else this.said.delete(button);
    button.dataset.said = word ?? "";
    button.querySelector(".said").textContent = word ?? "";
    this.#label(button);
    this.#counted();
  }

  #label(button) {
    button.setAttribute("aria-label", `${button.dataset.kind}, ${this.said.get(button) ?? "not said"}`);
  }

  #chosen(word) {
    return [...this.said].filter(([, said]) => said === word).map(([button]) => this.starts.get(button));
  }

  #counted() {
    const [yes, no] = [this.#chosen("yes").length, this.#chosen("no").length];
    const words = `${yes} yes, ${no} no`;
    const least = Math.min(yes, no);
    this.count.textContent = least >= GOOD ? `${words}: enough` : least >= LEAST ? `${words}: enough to try, ${GOOD} of each are better` : `${words} of at least ${LEAST} each`;
    this.button.disabled = least < LEAST || !this.name.value.trim() || this.busy;
  }

  #key(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const buttons = [...this.grid.children];
    const here = buttons.indexOf(button);
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (steps[event.key]) buttons[here + steps[event.key]]?.focus();
    else if (event.key === "y" || event.key === "n") {
      this.say(button, event.key === "y" ? "yes" : "no");
      buttons[here + 1]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async teach() {
    const name = this.name.value.trim();
    this.busy = true;
    this.#counted();
    try {
      await api.post(`/api/teach/${this.run.id}`, { name, yes: this.#chosen("yes"), no: this.#chosen("no") });
    } catch (problem) {
      this.busy = false;
      this.#counted();
      this.words.textContent = problem.message;
      return;
    }
    if (this.closed) return;
    this.bar.hidden = false;
    this.words.textContent = "Looking at what you said …";
    this.end = api.events(`/api/explore/${this.run.id}/learning`, (job) => {
      if (!job || job.verb !== "teach") return;
      this.bar.value = job.share;
      if (job.alive) {
        if (!this.stopping.childElementCount) fill(this.stopping, stopButton(job.id));
        return void (this.words.textContent = going(job.words));
      }
      this.end();
      this.stopping.replaceChildren();
      this.busy = false;
      this.bar.hidden = true;
      this.#counted();
      if (job.state !== "ended") return void (this.words.textContent = job.message || "It was stopped.");
      const success = job.result?.success;
      this.words.textContent = `“${name}” is a slider now. It succeeds on ${number(100 * success)} % of ${job.result?.count} pictures that it had not seen.`;
      announce(this.words.textContent);
      this.done(name);
    });
  }
}
