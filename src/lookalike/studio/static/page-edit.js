// Edit: a photo or a generated picture, before and after, under sliders and a brush.

import { about, announce, api, el, fill, go, latest, number, register, report, toast } from "/static/shell.js";
import { Brush } from "/static/brush.js";
import { handed, learnBox, openRun } from "/static/runs.js";
import { Sliders, spoken } from "/static/sliders.js";
import { Teach } from "/static/teach.js";

const SURE = 0.9;
const client = crypto.getRandomValues(new Uint32Array(2)).join("-");
const percent = (share) => `${Math.round(share * 100)} %`;

let page = null;

class Edit {
  constructor(view, run, menu, facts) {
    Object.assign(this, { view, run, menu, facts });
    this.moves = [];
    this.history = [];
    this.settled = { moves: [], strokes: [] };
    this.mask = null;
    this.draw = latest();
    this.#build();
  }

  close() {
    this.closed = true;
    this.learn?.close?.();
    this.teaching?.close();
    removeEventListener("paste", this.pasting);
  }

  #build() {
    this.file = el("input", { type: "file", accept: "image/*", class: "quiet", tabindex: "-1", "aria-hidden": "true", onchange: () => this.file.files[0] && this.bring(this.file.files[0]) });
    this.drop = el(
      "div",
      { class: "empty drop" },
      el("p", {}, el("strong", {}, "Drop a photo here"), ", paste one, or choose a file. It stays on this machine."),
      el(
        "div",
        { class: "bar middle" },
        el("button", { type: "button", class: "main", onclick: () => this.file.click() }, "Choose a photo"),
        el("button", { type: "button", onclick: () => this.generated() }, "Take a generated picture"),
      ),
      this.file,
    );
    this.before = el("img", { alt: "before", class: "shown" });
    this.after = el("img", { alt: "after", class: "shown" });
    this.afterFrame = el("div", { class: "frame" }, this.after);
    this.brush = new Brush(this.afterFrame, () => this.#painted());
    this.verdict = el("ul", { class: "verdict", role: "status" });
    const mode = (name, title) => el("button", { type: "button", "aria-pressed": "false", dataset: { mode: name }, onclick: () => this.useBrush(name) }, title);
    this.brushBar = el(
      "div",
      { class: "bar brush-bar", role: "group", "aria-label": "Brush" },
      el("span", { class: "soft" }, "Brush"),
      mode("only", "Change only here"),
      mode("not", "Not here"),
      el("label", { class: "soft" }, "size", el("input", { type: "range", min: "0.02", max: "0.25", step: "0.01", value: "0.08", oninput: (event) => (this.brush.radius = Number(event.target.value)) })),
      el("button", { type: "button", class: "plain", onclick: () => this.clearBrush() }, "Clear"),
    );
    this.work = el(
      "div",
      { class: "work", hidden: true },
      el(
        "div",
        { class: "halves pair" },
        el("figure", {}, el("div", { class: "frame" }, this.before), (this.beforeWords = el("figcaption", {}, "before"))),
        el("figure", {}, this.afterFrame, (this.afterWords = el("figcaption", {}, "after"))),
      ),
      this.brushBar,
      this.verdict,
    );
    this.sliderBox = el("div", { class: "sliders" });
    this.sliders = new Sliders(this.sliderBox, (moves, final) => this.#moved(moves, final), { most: 1.6 });
    this.whole = el("input", { type: "checkbox", onchange: () => this.show() });
    this.side = el(
      "aside",
      { class: "side", "aria-label": "What to change" },
      el(
        "div",
        { class: "bar" },
        (this.saveButton = el("button", { type: "button", class: "main write", disabled: true, onclick: () => this.save(), "aria-keyshortcuts": "s" }, "Save")),
        (this.otherButton = el("button", { type: "button", hidden: true, onclick: () => this.again() }, "Another photo")),
      ),
      el(
        "div",
        { class: "title" },
        el("h2", {}, "Change it"),
        (this.undoButton = el("button", { type: "button", class: "plain", disabled: true, onclick: () => this.undo(), "aria-keyshortcuts": "z" }, "Undo")),
        el("button", { type: "button", class: "plain", onclick: () => this.sliders.clear() }, "Reset"),
      ),
      this.sliderBox,
      el("details", {}, el("summary", {}, "More"), el("label", {}, this.whole, "Take the whole square from the generator"), el("p", { class: "small soft" }, "Otherwise only what changes is drawn, and the rest stays bit for bit.")),
    );
    this.teachBox = el("section", { class: "card teach", hidden: true });
    this.teachButton = el("button", { type: "button", class: "write", onclick: () => this.openTeach() }, "Teach a new slider …");
    fill(
      this.view,
      el("div", { class: "head" }, el("h1", {}, "Edit"), this.menu, el("span", { class: "grow" }), this.facts.learned ? this.teachButton : null),
      el("div", { class: "explore edit" }, el("div", { class: "stage" }, (this.first = el("div", { class: "first" })), this.drop, this.work), this.side),
      this.teachBox,
    );
    for (const kind of ["dragover", "dragleave", "drop"]) {
      this.view.addEventListener(kind, (event) => {
        event.preventDefault();
        this.drop.classList.toggle("over", kind === "dragover");
        if (kind === "drop" && event.dataTransfer.files[0]) this.bring(event.dataTransfer.files[0]);
      });
    }
    this.pasting = (event) => event.clipboardData?.files[0] && this.bring(event.clipboardData.files[0]);
    addEventListener("paste", this.pasting);
    this.#fillSliders();
  }

  #fillSliders() {
    this.learn?.close?.();
    if (this.facts.learned) {
      this.sliders.fill(this.facts.sliders, this.moves);
      this.sliderBox.toggleAttribute("inert", !this.photo);
      if (this.photo) this.sliders.now(this.found.shows);
    } else if (this.facts.pack) fill(this.first, (this.learn = learnBox(this.facts, () => this.#learned(), "Then a photo can be dropped here.")));
    else fill(this.first, el("p", { class: "soft" }, this.facts.note));
    this.first.hidden = this.facts.learned;
    this.side.hidden = !this.facts.learned;
    this.drop.hidden = !this.facts.learned || Boolean(this.photo);
  }

  async #learned() {
    this.facts = await api.get(`/api/explore/${this.run.id}`);
    if (this.closed) return;
    const before = this.bringing;
    this.#fillSliders();
    if (!this.teachButton.isConnected && this.facts.learned) this.view.querySelector(".head").append(this.teachButton);
    if (before) await before().catch(report);
  }

  // ---- the photo ---------------------------------------------------------------------------------

  bring(file) {
    if (!this.facts.learned) return toast("Learn first what can be changed; it takes about a minute.");
    this.name = file.name || "a pasted picture";
    this.start = null;
    return this.#take(`/api/draw/edit/${this.run.id}/photo`, () => api.put(`/api/draw/edit/${this.run.id}/photo`, file));
  }

  take(start, moves = []) {
    this.name = start.seed === undefined ? "a generated picture" : `seed ${start.seed}, picture ${start.index ?? 0}`;
    this.start = start;
    this.startMoves = moves;
    return this.#take("", () => api.post(`/api/draw/edit/${this.run.id}/picture`, { start, moves }));
  }

  generated() {
    return this.take({ seed: Math.floor(Math.random() * 1e6), index: 0 });
  }

  async #take(_, ask) {
    this.drop.classList.add("busy");
    fill(this.drop.querySelector("p"), "Looking for this picture in the generator …");
    announce("Looking for this picture in the generator.");
    const bring = async () => {
      const found = await ask();
      this.photo = found.photo;
      this.found = found;
    };
    try {
      await bring();
    } catch (problem) {
      report(problem);
      fill(this.drop.querySelector("p"), problem.message);
      return;
    } finally {
      this.drop.classList.remove("busy");
    }
    if (this.closed) return;
    this.bringing = bring;
    this.moves = [];
    this.history = [];
    this.settled = { moves: [], strokes: [] };
    this.mask = null;
    this.brush.put([]);
    this.useBrush(null);
    const { width, height, shows, psnr, notes } = this.found;
    this.brush.resize(width, height);
    for (const frame of this.work.querySelectorAll(".frame")) frame.style.setProperty("aspect-ratio", `${width} / ${height}`);
    for (const image of [this.before, this.after]) image.classList.toggle("px", Math.max(width, height) <= 256);
    this.before.src = this.after.src = `/picture/edit/${this.run.id}/${this.photo}?${Date.now()}`;
    this.beforeWords.textContent = `before: ${this.name}, ${number(width)} × ${number(height)}`;
    const seen = Object.entries(shows).filter(([name]) => this.facts.sliders.some((one) => one.name === name && !(one.success < 0.6)));
    const close = psnr && psnr < 17 ? ["The generator can draw this photo only roughly, so changes may look foreign. It learned from other pictures."] : [];
    fill(this.verdict, [...notes, ...close].map((note) => el("li", { class: "amber" }, note)), seen.length ? el("li", {}, `Seen in it: ${seen.map(([name, value]) => (value[0] === "#" ? [] : `${spoken(name)} ${spoken(value)}`)).flat().join(", ") || "colors"}.`) : null);
    this.drop.hidden = true;
    this.work.hidden = this.otherButton.hidden = false;
    this.saveButton.disabled = this.undoButton.disabled = true;
    this.#fillSliders();
    announce("The picture is ready to be changed.");
  }

  again() {
    this.drop.hidden = false;
    this.work.hidden = this.otherButton.hidden = true;
    this.saveButton.disabled = true;
    this.photo = null;
    this.file.value = "";
    fill(this.drop.querySelector("p"), el("strong", {}, "Drop a photo here"), ", paste one, or choose a file. It stays on this machine.");
    this.moves = [];
    this.#fillSliders();
  }

  // ---- changes -----------------------------------------------------------------------------------

  #remember() {
    this.history.push(this.settled);
    if (this.history.length > 100) this.history.shift();
    this.settled = { moves: this.moves, strokes: this.brush.strokes };
    this.undoButton.disabled = false;
  }

  #moved(moves, final) {
    this.moves = moves;
    if (final) this.#remember();
    if (this.photo) this.show();
  }

  async #painted() {
    this.#remember();
    await this.#sendMask();
    this.show();
  }

  // One after the other, so that the last one painted is the one that counts.
  #sendMask() {
    const before = this.sending;
    this.sending = (async () => {
      await before?.catch(() => {});
      const bytes = this.brush.bytes();
      this.mask = bytes ? (await api.put("/api/draw/mask", bytes)).mask : null;
    })();
    return this.sending;
  }

  useBrush(mode) {
    const wanted = this.brush.mode === mode ? null : mode;
    this.brush.use(wanted);
    for (const button of this.brushBar.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === wanted));
  }

  clearBrush() {
    if (!this.brush.strokes.length) return;
    this.brush.put([]);
    this.#painted().catch(report);
  }

  async undo() {
    const before = this.history.pop();
    this.undoButton.disabled = !this.history.length;
    if (!before || !this.photo) return;
    this.settled = before;
    this.moves = before.moves;
    this.sliders.put(before.moves);
    if (before.strokes !== this.brush.strokes) {
      this.brush.put(before.strokes);
      await this.#sendMask();
    }
    this.show();
    announce("Undone");
  }

  #asked() {
    return { photo: this.photo, moves: this.moves, mask: this.mask ?? "", whole: this.whole.checked, client };
  }

  // What the studio has forgotten (it was started anew, or the run has learned more) is brought again.
  async #again(work) {
    try {
      return await work();
    } catch (problem) {
      if (problem.status !== 404 || !this.bringing) throw problem;
      await this.bringing();
      await this.#sendMask();
      return work();
    }
  }

  show() {
    this.afterFrame.classList.add("busy");
    return this.draw(async () => {
      try {
        const { blob, headers } = await this.#again(() => api.picture(`/api/draw/edit/${this.run.id}`, this.#asked()));
        if (this.closed || !this.photo) return;
        const url = URL.createObjectURL(blob);
        this.after.src = url;
        await this.after.decode().catch(() => {});
        if (this.url) URL.revokeObjectURL(this.url);
        this.url = url;
        this.after.dataset.drawn = String(Number(this.after.dataset.drawn ?? 0) + 1);
        this.#say(JSON.parse(headers.get("X-Lookalike-Told")));
      } finally {
        this.afterFrame.classList.remove("busy");
      }
    });
  }

  #say({ sure, kept, changed }) {
    const rows = Object.entries(sure).map(([name, share]) => {
      const value = this.moves.find((one) => one.name === name)?.value ?? "";
      const words = share >= SURE ? "it shows" : share >= 0.5 ? "it may show" : "it does not show yet:";
      return el("li", { class: share >= SURE ? "green" : "amber" }, `${spoken(name)}: ${words} ${value[0] === "#" ? "this color" : spoken(value)} (${percent(share)} sure)`);
    });
    fill(this.verdict, rows, this.moves.length ? el("li", {}, `${percent(changed)} of the pixels changed${rows.length ? `, ${percent(kept)} of the other things stay` : ""}.`) : null);
    this.saveButton.disabled = !this.moves.length;
    this.afterWords.textContent = this.moves.length ? "after" : "after: nothing changed yet";
  }

  async save() {
    if (!this.photo || !this.moves.length || about.read_only) return;
    this.saveButton.disabled = true;
    try {
      await this.sending; // what was painted just now belongs to it
      const start = this.start ? { start: this.start, start_moves: this.startMoves } : {};
      const made = await this.#again(() => api.post(`/api/edit/${this.run.id}/save`, { ...this.#asked(), name: this.name, ...start }));
      const link = el("a", { href: `/picture/gallery/${made.id}/file`, download: `${this.name.replace(/\.[^.]*$/, "")}-edit.png` });
      link.click();
      toast("Saved at full size, and kept in the gallery.", { action: { title: "Open", run: () => go("gallery", made.id) } });
    } catch (problem) {
      report(problem);
    }
    this.saveButton.disabled = false;
  }

  // ---- a slider of one's own -----------------------------------------------------------------------

  openTeach() {
    this.teachBox.hidden = !this.teachBox.hidden;
    if (this.teachBox.hidden) return;
    this.teaching ??= new Teach(this.teachBox, this.run, this.facts, () => this.#learned().catch(report));
    this.teachBox.scrollIntoView({ block: "start", behavior: "smooth" });
    this.teachBox.querySelector("input").focus({ preventScroll: true });
  }
}

register({
  name: "edit",
  title: "Edit",
  async open(view, [wanted]) {
    view.classList.add("wide");
    const found = await openRun(view, "edit", "Edit", wanted);
    if (!found) return;
    page = new Edit(view, found.run, found.menu, found.facts);
    const begun = handed("edit", found.run.id);
    if (begun && found.facts.learned) await page.take(begun.start, begun.moves);
  },
  close() {
    page?.close();
    page = null;
  },
  keys: {
    o: { title: "Choose a photo", run: () => page?.file.click() },
    s: { title: "Save at full size", run: () => page?.save() },
    z: { title: "Undo", run: () => page?.undo() },
    b: { title: "Brush: change only here", run: () => page?.useBrush("only") },
    t: { title: "Teach a new slider", run: () => page?.facts.learned && page.openTeach() },
  },
});
