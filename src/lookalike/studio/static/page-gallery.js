// Gallery: everything that was made; kept, rejected, given away.

import { about, announce, api, el, fill, go, number, register, report, stopButton, toast } from "/static/shell.js";
import { hand, runs } from "/static/runs.js";
import { spoken } from "/static/sliders.js";

const VIEWS = [
  ["all", "All"],
  ["", "Undecided"],
  ["keep", "Kept"],
  ["reject", "Rejected"],
];
const DONE = { keep: "kept", reject: "rejected", "": "undecided" };
const STEP = 240;

let page = null;

class Gallery {
  constructor(view, wanted) {
    this.view = view;
    this.wanted = wanted;
    this.pictures = [];
    this.chosen = new Set();
    this.history = [];
    this.filters = { mark: "all", run: "", label: "" };
    this.shown = STEP;
    this.#build();
  }

  close() {
    this.closed = true;
    clearTimeout(this.waiting);
    clearTimeout(this.looking);
    this.watch.disconnect();
    removeEventListener("paste", this.pasting);
  }

  #build() {
    this.file = el("input", { type: "file", accept: "image/png", class: "quiet", tabindex: "-1", "aria-hidden": "true", onchange: () => this.file.files[0] && this.inspect(this.file.files[0]) });
    this.views = el("div", { class: "tabs", role: "group", "aria-label": "Which pictures" });
    this.runMenu = el("select", { "aria-label": "Of which run", onchange: () => this.filter({ run: this.runMenu.value }) });
    this.labelMenu = el("select", { "aria-label": "Of which kind", onchange: () => this.filter({ label: this.labelMenu.value }) });
    this.grid = el("div", { class: "seeds gallery-grid", role: "listbox", "aria-label": "Pictures", "aria-multiselectable": "true" });
    this.detail = el("aside", { class: "side detail", "aria-label": "The picture" });
    this.empty = el("div", { class: "empty", hidden: true });
    this.end = el("div", { class: "end" });
    this.bar = el("div", { class: "bar selection gallery-bar", role: "status" });
    this.adding = el("div", { class: "small soft", role: "status", hidden: true });
    this.grid.addEventListener("click", (event) => this.#clicked(event));
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    this.makeBox = el("div", { class: "card make write" });
    fill(
      this.view,
      el(
        "div",
        { class: "head" },
        el("h1", {}, "Gallery"),
        el("span", { class: "grow" }),
        (this.makeButton = el("button", { type: "button", class: "write", onclick: () => this.openMake(), "aria-expanded": "false" }, "Make more …")),
        el("button", { type: "button", onclick: () => this.file.click(), title: "A PNG that was made here says how" }, "How was this PNG made?"),
        this.file,
      ),
      this.makeBox,
      el("div", { class: "explore" }, el("div", { class: "stage" }, this.views, el("div", { class: "bar tools" }, this.runMenu, this.labelMenu), this.adding, this.empty, this.grid, this.end, this.bar), this.detail),
    );
    this.makeBox.hidden = true;
    this.watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#more());
    this.watch.observe(this.end);
    for (const kind of ["dragover", "drop"]) {
      this.view.addEventListener(kind, (event) => {
        event.preventDefault();
        if (kind === "drop" && event.dataTransfer.files[0]) this.inspect(event.dataTransfer.files[0]);
      });
    }
    this.pasting = (event) => event.clipboardData?.files[0] && this.inspect(event.clipboardData.files[0]);
    addEventListener("paste", this.pasting);
  }

  async load() {
    const found = await api.get("/api/gallery");
    if (this.closed) return;
    this.pictures = found.pictures.reverse();
    this.byId = new Map(this.pictures.map((one) => [one.id, one]));
    this.#menus();
    this.#adding(found.adding);
    this.#draw();
    const wanted = this.byId.get(this.wanted) ?? this.listed[0];
    if (wanted) this.select(wanted.id, { focus: Boolean(this.wanted) });
    else this.#noDetail();
  }

  #menus() {
    const options = (menu, all, values, shown = (value) => value) => {
      fill(menu, el("option", { value: "" }, all), [...values].map(([value, title]) => el("option", { value }, shown(title))));
      menu.hidden = values.size < 2;
    };
    options(this.runMenu, "all runs", new Map(this.pictures.map((one) => [one.run, one.run_name])));
    options(this.labelMenu, "every kind", new Map(this.pictures.filter((one) => one.label).map((one) => [one.label, one.label])), spoken);
    this.runMenu.value = this.filters.run;
    this.labelMenu.value = this.filters.label;
  }

  filter(change) {
    Object.assign(this.filters, change);
    this.shown = STEP;
    this.chosen.clear();
    this.#draw();
    if (this.listed[0]) this.select(this.listed[0].id, { focus: false });
    else this.#noDetail();
  }

  get listed() {
    const { mark, run, label } = this.filters;
    return this.pictures.filter((one) => (mark === "all" ? one.mark !== "reject" : one.mark === mark) && (!run || one.run === run) && (!label || one.label === label));
  }

  #draw() {
    const counts = { all: 0, keep: 0, reject: 0, "": 0 };
    for (const one of this.pictures) {
      counts[one.mark] += 1;
      if (one.mark !== "reject") counts.all += 1;
    }
    fill(
      this.views,
      VIEWS.map(([mark, title]) =>
        el("button", { type: "button", "aria-selected": String(this.filters.mark === mark), "aria-pressed": String(this.filters.mark === mark), onclick: () => this.filter({ mark }) }, `${title} `, el("span", { class: "soft num" }, number(counts[mark]))),
      ),
    );
    const listed = this.listed;
    const there = new Map([...this.grid.children].map((cell) => [cell.dataset.id, cell]));
    const focused = this.grid.contains(document.activeElement);
    fill(this.grid, listed.slice(0, this.shown).map((one) => this.#cell(one, there.get(one.id))));
    if (focused) this.grid.querySelector("[tabindex='0']")?.focus({ preventScroll: true });
    this.empty.hidden = listed.length > 0;
    if (!listed.length) {
      fill(
        this.empty,
        el("p", {}, this.pictures.length ? "Nothing is here." : "Nothing was made yet. Make some pictures, or keep one in Explore."),
        this.pictures.length ? null : el("div", { class: "bar middle" }, el("button", { type: "button", class: "main write", onclick: () => this.openMake() }, "Make pictures"), el("a", { class: "button", href: "#/explore" }, "Explore")),
      );
    }
    this.#bar();
  }

  #cell(one, cell) {
    if (!cell) {
      const image = el("img", { class: one.width <= 128 ? "px" : "", loading: "lazy", alt: "", width: "128", height: "128", src: `/picture/gallery/${one.id}/small` });
      cell = el("div", { role: "option", tabindex: "-1", dataset: { id: one.id } }, image, el("span", { class: "mark", "aria-hidden": "true" }));
    }
    cell.dataset.mark = one.mark;
    cell.setAttribute("aria-label", `${this.#title(one)}, ${DONE[one.mark]}`);
    cell.setAttribute("aria-selected", String(this.chosen.has(one.id)));
    cell.tabIndex = one.id === this.current ? 0 : -1;
    cell.querySelector(".mark").textContent = { keep: "✓", reject: "×", "": "" }[one.mark];
    return cell;
  }

  #more() {
    if (this.shown >= this.listed.length) return;
    this.shown += STEP;
    this.#draw();
  }

  #title(one) {
    if (one.edit) return `edited ${one.edit.photo}`;
    const moved = one.moves.length ? ", changed" : "";
    if (one.start?.seed !== undefined) return `${one.label ? `${spoken(one.label)}, ` : ""}seed ${one.start.seed}, picture ${one.start.index}${moved}`;
    return `${one.label ? `${spoken(one.label)}, ` : ""}from the map${moved}`;
  }

  // ---- choosing ------------------------------------------------------------------------------------

  select(id, { add = false, range = false, focus = true } = {}) {
    const listed = this.listed;
    const at = listed.findIndex((one) => one.id === id);
    if (at < 0) return;
    if (at >= this.shown) this.shown = at + STEP;
    if (range && this.anchor) {
      const from = listed.findIndex((one) => one.id === this.anchor);
      const [low, high] = [Math.min(from, at), Math.max(from, at)];
      this.chosen = new Set(listed.slice(low, high + 1).map((one) => one.id));
    } else if (add) {
      if (this.chosen.has(id)) this.chosen.delete(id);
      else this.chosen.add(id);
      this.anchor = id;
    } else {
      this.chosen = new Set([id]);
      this.anchor = id;
    }
    this.current = id;
    this.#draw();
    const cell = this.grid.querySelector(`[data-id="${id}"]`);
    if (focus) cell?.focus({ preventScroll: true });
    if (focus) cell?.scrollIntoView({ block: "nearest" });
    this.#detail(this.byId.get(id));
  }

  #clicked(event) {
    const cell = event.target.closest("[data-id]");
    if (cell) this.select(cell.dataset.id, { add: event.ctrlKey || event.metaKey, range: event.shiftKey });
  }

  #key(event) {
    const listed = this.listed;
    const at = listed.findIndex((one) => one.id === this.current);
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: listed.length - 1 - at };
    if (event.key in steps && !event.ctrlKey && !event.metaKey) {
      const next = listed[Math.min(Math.max(at + steps[event.key], 0), listed.length - 1)];
      if (next) this.select(next.id, { range: event.shiftKey });
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      this.chosen = new Set(listed.map((one) => one.id));
      this.#draw();
      announce(`${number(this.chosen.size)} chosen`);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- keeping and rejecting -----------------------------------------------------------------------

  async mark(mark) {
    if (about.read_only) return;
    const ids = [...this.chosen];
    if (!ids.length) return;
    const listed = this.listed;
    const last = Math.max(...ids.map((id) => listed.findIndex((one) => one.id === id)));
    const next = listed.slice(last + 1).find((one) => !this.chosen.has(one.id)) ?? listed.findLast((one) => !this.chosen.has(one.id));
    this.history.push(ids.map((id) => [id, this.byId.get(id).mark]));
    this.#apply(ids.map((id) => [id, mark]));
    announce(`${ids.length > 1 ? `${number(ids.length)} pictures` : this.#title(this.byId.get(ids[0]))} ${DONE[mark]}`);
    if (next) this.select(next.id);
    else this.#draw();
    await this.#send(ids, mark);
  }

  #apply(pairs) {
    for (const [id, mark] of pairs) this.byId.get(id).mark = mark;
  }

  // One after the other, so that the last word is the one that stays.
  #send(ids, mark) {
    this.sending = (this.sending ?? Promise.resolve()).then(() => api.post("/api/gallery/mark", { ids, mark })).catch(report);
    return this.sending;
  }

  async undo() {
    const pairs = this.history.pop();
    if (!pairs) return announce("Nothing to undo");
    this.#apply(pairs);
    this.select(pairs[0][0]);
    this.chosen = new Set(pairs.map(([id]) => id));
    this.#draw();
    announce("Undone");
    for (const mark of new Set(pairs.map(([, mark]) => mark))) await this.#send(pairs.filter(([, own]) => own === mark).map(([id]) => id), mark);
  }

  #bar() {
    const several = this.chosen.size > 1;
    const kept = this.pictures.filter((one) => one.mark === "keep" && (!this.filters.run || one.run === this.filters.run) && (!this.filters.label || one.label === this.filters.label));
    const rejected = this.pictures.filter((one) => one.mark === "reject");
    const mine = several ? [...this.chosen] : kept.map((one) => one.id);
    this.bar.hidden = !mine.length && !(this.filters.mark === "reject" && rejected.length);
    fill(
      this.bar,
      mine.length ? el("strong", {}, several ? `${number(mine.length)} chosen` : `${number(mine.length)} kept`) : null,
      several ? [el("button", { type: "button", class: "write", onclick: () => this.mark("keep") }, "Keep"), el("button", { type: "button", class: "write", onclick: () => this.mark("reject") }, "Reject")] : null,
      mine.length
        ? [
            el("button", { type: "button", class: "write", onclick: () => this.save(mine) }, "Save as a folder …"),
            el("button", { type: "button", onclick: () => this.zip(mine) }, "Zip"),
            el("button", { type: "button", class: "write", onclick: () => this.add(mine) }, "Add to the set …"),
          ]
        : null,
      this.filters.mark === "reject" && rejected.length ? el("button", { type: "button", class: "write", onclick: () => this.remove(rejected) }, `Delete ${number(rejected.length)} for good …`) : null,
    );
  }

  // ---- one picture ---------------------------------------------------------------------------------

  #noDetail() {
    this.current = null;
    this.detail.hidden = true;
  }

  #detail(one) {
    const rows = [
      ["run", one.run_name],
      ["recipe", `${one.recipe}, after ${number(one.images_seen)} images`],
      one.start?.seed !== undefined ? ["seed", `${one.start.seed}, picture ${one.start.index}`] : null,
      one.label ? ["kind", spoken(one.label)] : null,
      one.moves.length ? ["changed", one.moves.map((move) => `${move.value ? `${spoken(move.name)} ${spoken(move.value)}` : `axis ${move.name}`} (${move.amount > 0 ? "+" : ""}${move.amount})`).join(", ")] : null,
      one.edit?.photo ? ["photo", one.edit.photo] : null,
      ["size", `${one.width} × ${one.height}`],
      ["made", new Date(1000 * one.made).toLocaleString()],
    ].filter(Boolean);
    const near = el("figure", { class: "near", hidden: true });
    this.detail.hidden = false;
    fill(
      this.detail,
      el("div", { class: "two" }, el("div", { class: "big" }, el("img", { class: one.width <= 256 ? "px" : "", src: `/picture/gallery/${one.id}/large`, alt: this.#title(one) })), near),
      el(
        "div",
        { class: "bar decide" },
        el("button", { type: "button", class: "write", "aria-pressed": String(one.mark === "keep"), onclick: () => this.mark(one.mark === "keep" ? "" : "keep"), "aria-keyshortcuts": "k" }, "Keep ", el("kbd", {}, "K")),
        el("button", { type: "button", class: "write", "aria-pressed": String(one.mark === "reject"), onclick: () => this.mark(one.mark === "reject" ? "" : "reject"), "aria-keyshortcuts": "x" }, "Reject ", el("kbd", {}, "X")),
        el("button", { type: "button", class: "plain write", disabled: !this.history.length, onclick: () => this.undo(), "aria-keyshortcuts": "z" }, "Undo"),
      ),
      el(
        "div",
        { class: "bar" },
        one.start ? el("button", { type: "button", onclick: () => hand("explore", one) }, "Explore from here") : null,
        one.start ? el("button", { type: "button", onclick: () => hand("edit", one) }, "Edit") : null,
        el("a", { class: "button", href: `/picture/gallery/${one.id}/file`, download: `${one.id}.png` }, "PNG"),
      ),
      el("table", {}, rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)))),
    );
    if (one.nearest?.row !== undefined) this.#near(near, one, one.nearest);
    else if (!one.edit) {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(async () => {
        const found = await api.get(`/api/gallery/nearest/${one.id}`).catch(() => ({}));
        if (found.nearest?.row !== undefined && this.current === one.id) this.#near(near, one, (one.nearest = found.nearest));
      }, 200);
    }
  }

  #near(place, one, found) {
    place.hidden = false;
    fill(
      place,
      el("img", { class: "px", src: `/picture/explore/${one.run}/real/${found.row}`, alt: "the nearest training picture", onerror: () => (place.hidden = true) }),
      el("figcaption", { class: found.copy ? "copy" : "" }, found.copy ? "nearly a copy of yours" : "the nearest of yours"),
    );
  }

  // ---- making and giving away ------------------------------------------------------------------------

  async openMake() {
    this.makeBox.hidden = !this.makeBox.hidden;
    this.makeButton.setAttribute("aria-expanded", String(!this.makeBox.hidden));
    if (this.makeBox.hidden) return;
    const known = await runs();
    if (!known.length) return fill(this.makeBox, el("p", {}, "There is no trained run yet. "), el("a", { class: "button", href: "#/start" }, "Start"));
    const run = el("select", { "aria-label": "Run" }, known.map((one) => el("option", { value: one.id }, one.name)));
    const label = el("select", { "aria-label": "Of which kind", hidden: true });
    const count = el("input", { type: "number", min: "1", max: "200", value: "48", "aria-label": "How many" });
    const seed = el("input", { type: "number", min: "0", value: String(Math.floor(Math.random() * 1e6)), "aria-label": "Seed" });
    const words = el("span", { class: "soft", role: "status" });
    const button = el("button", { type: "submit", class: "main" }, "Make them");
    const labels = async () => {
      const facts = await api.get(`/api/explore/${run.value}`).catch(() => ({ labels: [] }));
      label.hidden = !facts.labels.length;
      fill(label, el("option", { value: "" }, "of every kind"), facts.labels.map((one) => el("option", { value: one }, spoken(one.replace(/^class=/, "").replace("=", ": ")))));
    };
    run.addEventListener("change", labels);
    const form = el("form", { class: "bar" }, el("label", {}, "From", run), label, el("label", {}, "how many", count), el("label", {}, "seed", seed), button, words);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      words.textContent = "Making them …";
      try {
        const made = await api.post("/api/gallery/make", { run: run.value, count: Number(count.value), seed: Number(seed.value), label: label.value });
        words.textContent = `${number(made.count)} made${made.copies ? `; ${number(made.copies)} copies of yours were left out` : ""}.`;
        for (const note of made.notes) toast(note);
        seed.value = Math.floor(Math.random() * 1e6);
        this.filters.mark = "";
        this.wanted = null;
        await this.load();
      } catch (problem) {
        words.textContent = problem.message;
      }
      button.disabled = false;
    });
    fill(this.makeBox, form);
    run.focus();
    labels();
  }

  async save(ids) {
    const name = await askText("Save as a folder", "A folder of this name is made beside your pictures; each kind gets a folder of its own.", "Name", "kept");
    if (!name) return;
    try {
      const made = await api.post("/api/gallery/save", { ids, name, classes: true });
      toast(`${number(made.count)} pictures are in the folder ${made.name}.`, { seconds: 12 });
    } catch (problem) {
      report(problem);
    }
  }

  async zip(ids) {
    try {
      const { blob } = await api.picture("/api/draw/gallery/zip", { ids });
      const url = URL.createObjectURL(blob);
      el("a", { href: url, download: "pictures.zip" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (problem) {
      report(problem);
    }
  }

  async add(ids) {
    const name = await askText(
      "Add to the set",
      `${number(ids.length)} pictures are checked as “expand” does (their kind, copies, odd ones, twins), and a new set is made of your pictures and those that pass. The old set stays as it is.`,
      "Name of the new set",
      "more",
    );
    if (!name) return;
    try {
      this.#adding(await api.post("/api/gallery/add", { ids, name }));
    } catch (problem) {
      report(problem);
    }
  }

  #adding(job) {
    clearTimeout(this.looking);
    if (this.closed || !job || (!job.alive && !this.was)) return;
    this.was = job.alive;
    this.adding.hidden = false;
    if (job.alive) {
      fill(this.adding, `${job.title}: ${job.words || "starting"} ${job.share ? `(${Math.round(100 * job.share)} %)` : ""}`, stopButton(job.id));
      this.looking = setTimeout(async () => this.#adding((await api.get("/api/gallery")).adding), 1200);
    } else if (job.state === "ended") {
      const rejected = job.result.classes.flatMap((one) => Object.entries(one.rejected)).reduce((all, [why, count]) => ({ ...all, [why]: (all[why] ?? 0) + count }), {});
      const why = Object.entries(rejected).filter(([, count]) => count).map(([word, count]) => `${number(count)} ${{ class: "of another kind", copy: "copies of yours", outlier: "too odd", twin: "too alike" }[word] ?? word}`);
      this.adding.textContent = `A new set is ready: ${number(job.result.synthetic)} pictures were added to ${number(job.result.real)} of yours${why.length ? `; left out: ${why.join(", ")}` : ""}. It is in Start.`;
      announce(this.adding.textContent);
    } else this.adding.textContent = job.message;
  }

  async remove(pictures) {
    if (!(await askText("Delete for good", `${number(pictures.length)} rejected pictures are deleted from the disk. This cannot be undone.`, null, "yes"))) return;
    try {
      await api.post("/api/gallery/delete", { ids: pictures.map((one) => one.id) });
      this.history = [];
      await this.load();
    } catch (problem) {
      report(problem);
    }
  }

  // ---- a PNG that was dropped ----------------------------------------------------------------------

  async inspect(file) {
    this.file.value = "";
    try {
      const found = await api.put("/api/draw/gallery/inspect", file);
      const shown = { run: "run", recipe: "recipe", "images-seen": "images seen", seed: "seed", index: "picture", class: "kind", edited: "edited", photo: "photo" };
      const rows = Object.entries(shown).filter(([key]) => found.rows[key]).map(([key, title]) => [title, found.rows[key]]);
      if (found.moves.length) rows.push(["changed", found.moves.map((move) => `${spoken(move.name)} ${move.value ? spoken(move.value) : move.amount}`).join(", ")]);
      const box = el(
        "dialog",
        { "aria-labelledby": "inspect-title" },
        el("h2", { id: "inspect-title" }, "How this picture was made"),
        el("table", {}, rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)))),
        found.run || !found.run_name ? null : el("p", { class: "soft" }, `The run ${found.run_name} is not in this folder, so the picture cannot be drawn again here.`),
        el(
          "div",
          { class: "bar" },
          found.run && found.start ? el("button", { type: "button", class: "main", onclick: () => (box.close(), hand("explore", found)) }, "Bring it back") : null,
          found.run && found.start ? el("button", { type: "button", onclick: () => (box.close(), hand("edit", found)) }, "Edit it") : null,
          el("button", { type: "button", onclick: () => box.close() }, "Close"),
        ),
      );
      box.addEventListener("close", () => box.remove());
      document.body.append(box);
      box.showModal();
    } catch (problem) {
      report(problem);
    }
  }
}

// A small form in a dialog; null where it was closed.
function askText(title, words, label, value) {
  return new Promise((done) => {
    const input = label ? el("input", { type: "text", value, maxlength: "80", required: true }) : null;
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", {}, title),
      el("p", {}, words),
      input ? el("p", {}, el("label", {}, label, input)) : null,
      el("div", { class: "bar" }, el("button", { type: "submit", class: "main", value: "yes" }, title), el("button", { type: "button", onclick: () => box.close("") }, "Cancel")),
    );
    const box = el("dialog", { "aria-label": title }, form);
    box.addEventListener("close", () => {
      box.remove();
      done(box.returnValue === "yes" ? (input ? input.value.trim() : "yes") : null);
    });
    document.body.append(box);
    box.showModal();
    input?.select();
  });
}

register({
  name: "gallery",
  title: "Gallery",
  async open(view, [wanted]) {
    view.classList.add("wide");
    page = new Gallery(view, wanted);
    await page.load();
  },
  close() {
    page?.close();
    page = null;
  },
  keys: {
    k: { title: "Keep", run: () => page?.mark("keep") },
    x: { title: "Reject", run: () => page?.mark("reject") },
    u: { title: "Neither", run: () => page?.mark("") },
    z: { title: "Undo", run: () => page?.undo() },
    "← ↑ ↓ →": { title: "Go about; with Shift choose several" },
    "Ctrl A": { title: "Choose all that are shown" },
    m: { title: "Make more", run: () => about.read_only || page?.openMake() },
  },
});
