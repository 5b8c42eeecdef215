// Explore: the map of all pictures, seeds, sliders, and the way between two pictures.

import { about, announce, api, el, fill, go, going, latest, number, register, report, toast } from "/static/shell.js";
import { PALETTE, PictureMap } from "/static/map.js";
import { hand, handed, learnBox, openRun, seedSheet } from "/static/runs.js";
import { Sliders, spoken } from "/static/sliders.js";

const REAL = 0;
const SEEDS = 24;
const FRAMES = 9;
const COLORS = { real: [29, 111, 165, 255], made: [234, 88, 12, 255] };
const client = crypto.getRandomValues(new Uint32Array(2)).join("-");

let page = null;

const told = (headers) => JSON.parse(headers.get("X-Lookalike-Told") || "{}");

class Explore {
  constructor(view, run, menu, facts) {
    Object.assign(this, { view, run, menu, facts });
    this.start = { seed: 0, index: 0 };
    this.moves = [];
    this.path = null;
    this.history = [];
    this.chosen = [];
    this.draw = latest();
    this.hovering = latest();
    this.url = null;
    this.closed = false;
    this.#build();
  }

  close() {
    this.closed = true;
    this.map?.close();
    this.learn?.close?.();
    clearTimeout(this.waiting);
  }

  // ---- what stands on the page -------------------------------------------------------------------

  #build() {
    this.picture = el("img", { class: "px", alt: "", width: "512", height: "512" });
    this.words = el("p", { class: "soft small what" });
    this.near = el("figure", { class: "near", hidden: true });
    this.sliderBox = el("div", { class: "sliders" });
    this.sliders = new Sliders(this.sliderBox, (moves, final) => this.#moved(moves, final));
    const side = el(
      "aside",
      { class: "side", "aria-label": "The picture" },
      el("div", { class: "two" }, el("div", { class: "big" }, this.picture), this.near),
      this.words,
      el(
        "div",
        { class: "bar" },
        el("button", { type: "button", class: "main write", onclick: () => this.keep(), "aria-keyshortcuts": "k" }, "Keep"),
        el("button", { type: "button", onclick: () => this.edit() }, "Edit"),
        (this.pathButton = el("button", { type: "button", onclick: () => this.beginPath(), "aria-keyshortcuts": "p" }, "Path from here")),
      ),
      (this.pathBox = el("div", { class: "path card", hidden: true })),
      el(
        "div",
        { class: "title" },
        el("h2", {}, "Change it"),
        (this.undoButton = el("button", { type: "button", class: "plain", disabled: true, onclick: () => this.undo(), "aria-keyshortcuts": "z" }, "Undo")),
        el("button", { type: "button", class: "plain", onclick: () => this.sliders.clear() }, "Reset"),
      ),
      this.sliderBox,
    );
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "How to look" });
    this.mapPanel = el("div", { id: "panel-map", role: "tabpanel", "aria-labelledby": "tab-map" });
    this.seedPanel = el("div", { id: "panel-seeds", role: "tabpanel", "aria-labelledby": "tab-seeds", hidden: true });
    for (const [name, title] of [["map", "Map"], ["seeds", "New pictures"]]) {
      this.tabs.append(
        el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => this.tab(name) }, title),
      );
    }
    this.tabs.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      this.tab(this.seedPanel.hidden ? "seeds" : "map");
      this.tabs.querySelector("[aria-selected=true]").focus();
    });
    this.#buildMap();
    this.#buildSeeds();
    fill(
      this.view,
      el("div", { class: "head" }, el("h1", {}, "Explore"), this.menu, el("span", { class: "soft small" }, this.#about())),
      el("div", { class: "explore" }, el("div", { class: "stage" }, this.tabs, this.mapPanel, this.seedPanel), side),
    );
    this.#fillSliders();
    this.tab("map");
  }

  #about() {
    const { recipe, size, images_seen: seen, train } = this.facts;
    const from = train ? `, learned from ${number(train)} pictures` : "";
    return `${recipe}, ${size} px${from}, after ${number(seen)} images`;
  }

  #fillSliders() {
    this.learn?.close?.();
    this.learn = null;
    if (this.facts.learned) this.sliders.fill(this.facts.sliders, this.moves);
    else if (this.facts.pack) fill(this.sliderBox, (this.learn = learnBox(this.facts, () => this.#learned())));
    else fill(this.sliderBox, el("p", { class: "soft" }, this.facts.note));
  }

  async #learned() {
    this.facts = await api.get(`/api/explore/${this.run.id}`);
    if (this.closed) return;
    this.#fillSliders();
    announce("What can be changed was learned. There are sliders now.");
  }

  tab(name) {
    for (const [own, panel] of [["map", this.mapPanel], ["seeds", this.seedPanel]]) {
      panel.hidden = own !== name;
      const button = this.tabs.querySelector(`#tab-${own}`);
      button.setAttribute("aria-selected", String(own === name));
      button.tabIndex = own === name ? 0 : -1;
    }
    if (name === "seeds" && !this.seedGrid.childElementCount) this.moreSeeds();
  }

  // ---- the map -----------------------------------------------------------------------------------

  #buildMap() {
    const toggle = (title, kind) =>
      el("label", {}, el("input", { type: "checkbox", checked: true, onchange: (event) => this.#shown(kind, event.target.checked) }), el("i", { class: `dot ${kind}` }), title);
    this.coloring = el(
      "select",
      { "aria-label": "Frames by", onchange: () => this.#paint() },
      el("option", { value: "kind" }, "frames: whose"),
      this.facts.classes.length > 1 ? el("option", { value: "class" }, "frames: class") : null,
      el("option", { value: "none" }, "no frames"),
    );
    this.lassoButton = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.lasso(), "aria-keyshortcuts": "l" }, "Lasso");
    this.frame = el("div", {
      class: "map",
      tabindex: "0",
      role: "application",
      "aria-label": "Map of pictures. Arrow keys move, Enter draws there, plus and minus zoom, 0 shows all.",
    });
    this.card = el("div", { class: "hover", hidden: true });
    this.mapWords = el("p", { class: "over-map soft" }, "Opening the run …");
    this.mapBar = el("progress", { class: "over-map", max: "1", value: "0", "aria-label": "Making the map" });
    this.selection = el("div", { class: "bar selection", hidden: true });
    fill(
      this.mapPanel,
      el(
        "div",
        { class: "bar tools" },
        this.facts.pack ? toggle("yours", "real") : null,
        toggle("new", "made"),
        this.coloring,
        el("span", { class: "grow" }),
        el(
          "span",
          { class: "bar tight" },
          this.lassoButton,
          el("button", { type: "button", "aria-label": "Zoom in", onclick: () => this.map.zoom(1.4) }, "+"),
          el("button", { type: "button", "aria-label": "Zoom out", onclick: () => this.map.zoom(1 / 1.4) }, "−"),
          el("button", { type: "button", onclick: () => this.map.fit() }, "All"),
        ),
      ),
      el("div", { class: "map-frame" }, this.frame, this.mapWords, this.mapBar, this.card),
      this.selection,
      (this.legend = el("p", { class: "soft small legend" }, "Click anywhere: a picture is drawn for that place. Wheel or pinch zooms, drag moves.")),
    );
  }

  async begin() {
    this.map = new PictureMap(this.frame, {
      hover: (point, at, spoken) => this.#hover(point, at, spoken),
      choose: (place, point) => this.#chose(place, point),
      lasso: (points) => this.#lassoed(points),
    });
    this.show();
    await this.#poll();
  }

  async #poll() {
    if (this.closed) return;
    try {
      const found = await api.get(`/api/explore/${this.run.id}/map`);
      if (found.ready) return await this.#place(found);
      this.mapWords.textContent = found.problem || going(found.words);
      this.mapBar.value = found.share;
      if (found.problem) return (this.mapBar.hidden = true);
    } catch (problem) {
      this.mapWords.textContent = problem.message;
      if (problem.status && problem.status < 500) return;
    }
    this.waiting = setTimeout(() => this.#poll(), 500);
  }

  async #place(found) {
    const images = await Promise.all(
      Array.from({ length: found.sheets }, async (_, sheet) => {
        const { blob } = await api.picture(`/picture/explore/${this.run.id}/sheet/${sheet}`);
        return createImageBitmap(blob);
      }),
    );
    if (this.closed) return;
    this.points = found;
    const places = Float32Array.from(found.places, (one) => one / 65535);
    this.map.fill({ places, images, tile: found.tile, columns: found.columns, perSheet: found.sheet });
    this.#paint();
    this.mapWords.hidden = this.mapBar.hidden = true;
    this.frame.dataset.ready = "true";
    announce(`The map is ready: ${found.rows.length} pictures.`);
  }

  #paint() {
    if (!this.points) return;
    const { kinds, classes } = this.points;
    const by = this.coloring.value;
    this.map.paint((point) => {
      if (by === "none") return [128, 128, 128, 0];
      if (by === "kind") return kinds[point] === REAL ? COLORS.real : COLORS.made;
      return classes[point] < 0 ? [128, 128, 128, 255] : [...PALETTE[classes[point] % PALETTE.length], 255];
    });
    if (by === "class") {
      fill(
        this.legend,
        this.facts.classes.slice(0, 24).map((name, place) => {
          const dot = el("i", { class: "dot" });
          dot.style.setProperty("background-color", `rgb(${PALETTE[place % PALETTE.length].join(" ")})`);
          return el("span", { class: "key" }, dot, name);
        }),
      );
    } else this.legend.textContent = "Click anywhere: a picture is drawn for that place. Wheel or pinch zooms, drag moves.";
  }

  #shown(kind, shown) {
    if (!this.points) return;
    const wanted = kind === "real" ? REAL : 1;
    this.map.hide(this.points.kinds.flatMap((one, point) => (one === wanted ? [point] : [])), !shown);
    this.#lassoed([]);
  }

  startOf(point) {
    const { kinds, rows, seed } = this.points;
    return kinds[point] === REAL ? { row: rows[point] } : { seed, index: rows[point] };
  }

  #chose(place, point) {
    const [x, y] = place;
    const usable = point >= 0 && (this.points.kinds[point] !== REAL || this.facts.reads);
    const start = usable ? this.startOf(point) : { place: [x, y] };
    this.map.mark(usable ? [this.map.places[2 * point], this.map.places[2 * point + 1]] : place);
    this.choose(start);
  }

  #hover(point, at, aloud = false) {
    if (point === this.hovered && at) return this.#placeCard(at);
    this.hovered = point;
    this.card.hidden = point < 0;
    if (point < 0) return;
    const start = this.startOf(point);
    const real = this.points.kinds[point] === REAL;
    const name = this.facts.classes[this.points.classes[point]];
    const title = `${real ? "yours" : "new"}${name ? `, ${name}` : ""}`;
    const own = el("canvas", { width: this.points.tile, height: this.points.tile });
    const tile = point % this.points.sheet;
    const [column, row] = [tile % this.points.columns, Math.floor(tile / this.points.columns)];
    const side = this.points.tile;
    own.getContext("2d").drawImage(this.map.images[Math.floor(point / this.points.sheet)], column * side, row * side, side, side, 0, 0, side, side);
    const near = el("span", { class: "soft" });
    const alone = real || !this.facts.pack;
    this.card.classList.toggle("alone", alone);
    fill(this.card, el("div", { class: "pair" }, own, alone ? null : near), el("span", {}, title));
    this.#placeCard(at);
    if (aloud) announce(title);
    clearTimeout(this.soon);
    if (!real && this.facts.pack) this.soon = setTimeout(() => this.hovering(() => this.#nearest(start, near, point)), 140);
  }

  async #nearest(start, place, point) {
    const { blob, headers } = await api.picture(`/api/draw/explore/${this.run.id}`, { start, nearest: true, client: `${client}-hover` });
    const found = told(headers).nearest;
    if (!found || this.hovered !== point) return;
    const own = place.parentElement.querySelector("canvas");
    const image = await createImageBitmap(blob);
    [own.width, own.height] = [image.width, image.height];
    own.getContext("2d").drawImage(image, 0, 0);
    const real = el("img", { class: "px", alt: "the nearest of yours", src: `/picture/explore/${this.run.id}/real/${found.row}` });
    place.replaceWith(real);
    this.card.lastChild.textContent = found.copy ? "new, but nearly a copy of yours" : "new, and the nearest of yours";
  }

  #placeCard([x, y]) {
    const box = this.frame.getBoundingClientRect();
    this.card.style.setProperty("left", `${Math.min(Math.max(x + 16, 6), box.width - 240)}px`);
    this.card.style.setProperty("top", `${y > box.height - 190 ? y - 175 : y + 16}px`);
  }

  // ---- the lasso ---------------------------------------------------------------------------------

  lasso() {
    this.map.lassoing = !this.map.lassoing;
    this.lassoButton.setAttribute("aria-pressed", String(this.map.lassoing));
    this.frame.classList.toggle("lassoing", this.map.lassoing);
    if (this.map.lassoing) announce("Draw around pictures to choose them.");
  }

  #lassoed(points) {
    this.chosen = points;
    this.map.choose(points);
    this.selection.hidden = !points.length;
    if (!points.length) return;
    const made = points.filter((point) => this.points.kinds[point] !== REAL);
    const mine = points.length - made.length;
    const words = [made.length ? `${number(made.length)} new` : "", mine ? `${number(mine)} of yours` : ""].filter(Boolean).join(", ");
    fill(
      this.selection,
      el("strong", {}, `${words} chosen`),
      made.length ? el("button", { type: "button", class: "main write", onclick: () => this.keepMany(made) }, `Keep ${number(made.length)} in the gallery`) : null,
      el("button", { type: "button", onclick: () => this.#only(points) }, "Show only these"),
      el("button", { type: "button", onclick: () => this.#leaveOut(points) }, "Leave out"),
      mine && this.facts.pack ? el("button", { type: "button", class: "write", onclick: () => this.#without(points) }, "New set without mine here …") : null,
      el("button", { type: "button", class: "plain", onclick: () => this.#lassoed([]) }, "Cancel"),
    );
    announce(`${words} chosen`);
  }

  #only(points) {
    const wanted = new Set(points);
    this.#leaveOut(Array.from({ length: this.points.rows.length }, (_, point) => point).filter((point) => !wanted.has(point)));
  }

  #leaveOut(points) {
    this.map.hide(points);
    this.#lassoed([]);
    toast(`${number(points.length)} left out of the map.`, { action: { title: "Show all again", run: () => this.map.showAll() } });
  }

  async #without(points) {
    const rows = points.filter((point) => this.points.kinds[point] === REAL).map((point) => this.points.rows[point]);
    try {
      const made = await api.post(`/api/explore/${this.run.id}/without`, { rows });
      toast(`${made.name}: ${number(made.count)} pictures, without ${number(rows.length)} of yours. The set that there was stays as it is.`, {
        action: { title: "Train on it", run: () => go("start", made.id) },
        seconds: 15,
      });
      this.#leaveOut(points);
    } catch (problem) {
      report(problem);
    }
  }

  // ---- the picture -------------------------------------------------------------------------------

  #remember() {
    this.history.push({ start: this.start, moves: this.settled ?? [] });
    if (this.history.length > 100) this.history.shift();
    this.undoButton.disabled = false;
  }

  choose(start) {
    if (this.picking) return this.endPath(start);
    this.#remember();
    this.start = start;
    if (!start.path) this.#forgetPath();
    this.show();
  }

  #moved(moves, final) {
    if (final) {
      this.#remember();
      this.settled = moves;
    }
    this.moves = moves;
    this.show(final);
  }

  undo() {
    const before = this.history.pop();
    this.undoButton.disabled = !this.history.length;
    if (!before) return;
    Object.assign(this, before, { settled: before.moves });
    this.sliders.put(this.moves);
    if (!this.start.path) this.#forgetPath();
    this.show();
    announce("Undone");
  }

  show(near = true) {
    const wanted = { start: this.start, moves: this.moves, nearest: near && this.facts.pack, client };
    return this.draw(async () => {
      const { blob, headers } = await api.picture(`/api/draw/explore/${this.run.id}`, wanted);
      if (this.closed) return;
      const url = URL.createObjectURL(blob);
      this.picture.src = url;
      await this.picture.decode().catch(() => {});
      if (this.url) URL.revokeObjectURL(this.url);
      this.url = url;
      this.picture.alt = this.words.textContent = this.#what();
      this.picture.dataset.drawn = String(Number(this.picture.dataset.drawn ?? 0) + 1);
      this.near.classList.toggle("stale", !wanted.nearest);
      if (wanted.nearest) this.#showNearest(told(headers).nearest);
    });
  }

  #what() {
    const { start } = this;
    const moved = this.moves.length ? `, ${this.moves.map((one) => (one.value ? `${spoken(one.name)} ${spoken(one.value)}` : `axis ${one.name}`)).join(", ")}` : "";
    if (start.path) return `${Math.round(start.share * 100)} % of the way between two pictures${moved}`;
    if (start.row !== undefined) return `one of yours, as the generator draws it${moved}`;
    if (start.place) return `between the pictures around this place${moved}`;
    if (start.latent) return `a picture that was kept${moved}`;
    return `seed ${start.seed}, picture ${start.index}${start.label ? `, ${start.label}` : ""}${moved}`;
  }

  #showNearest(found) {
    this.near.hidden = !found;
    if (!found) return;
    fill(
      this.near,
      el("img", { class: "px", src: `/picture/explore/${this.run.id}/real/${found.row}`, alt: "the nearest training picture" }),
      el("figcaption", { class: found.copy ? "copy" : "" }, found.copy ? "nearly a copy of yours" : "the nearest of yours"),
    );
  }

  async keep() {
    try {
      const kept = await api.post("/api/gallery/keep", { run: this.run.id, start: this.start, moves: this.moves });
      toast("Kept in the gallery.", { action: { title: "Open", run: () => go("gallery", kept.id) } });
    } catch (problem) {
      report(problem);
    }
  }

  async keepMany(points) {
    try {
      const { count } = await api.post("/api/gallery/keep-many", { run: this.run.id, starts: points.map((point) => this.startOf(point)) });
      toast(`${number(count)} kept in the gallery.`, { action: { title: "Open", run: () => go("gallery") } });
      this.#lassoed([]);
    } catch (problem) {
      report(problem);
    }
  }

  edit() {
    hand("edit", { run: this.run.id, start: this.start, moves: this.moves });
  }

  // ---- the way between two -----------------------------------------------------------------------

  beginPath() {
    if (this.path) return this.#forgetPath();
    this.picking = true;
    this.pathBox.hidden = false;
    fill(this.pathBox, el("p", { class: "small" }, "Now choose the other end: on the map, or among new pictures."), el("button", { type: "button", class: "plain", onclick: () => this.#forgetPath() }, "Cancel"));
    announce("Choose the other end of the path.");
  }

  endPath(end) {
    this.picking = false;
    const first = this.start.path ? this.start.path[0] : this.start;
    this.#remember();
    this.path = [first, end];
    const range = el("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0.5", "aria-label": "How far along the path" });
    const strip = el("img", { class: "strip px", alt: "pictures along the path", width: "864", height: "96" });
    const at = (share) => {
      range.value = share;
      this.start = { path: this.path, share: Number(range.value) };
      this.show(false);
    };
    range.addEventListener("input", () => at(range.value));
    range.addEventListener("change", () => this.show());
    strip.addEventListener("click", (event) => {
      const box = strip.getBoundingClientRect();
      at(Math.min(FRAMES - 1, Math.floor(((event.clientX - box.left) / box.width) * FRAMES)) / (FRAMES - 1));
      this.show();
    });
    fill(this.pathBox, strip, range);
    this.pathBox.hidden = false;
    this.pathButton.textContent = "Leave the path";
    at(0.5);
    this.show();
    this.#strip(strip);
  }

  async #strip(strip) {
    const starts = Array.from({ length: FRAMES }, (_, frame) => ({ path: this.path, share: frame / (FRAMES - 1) }));
    try {
      const { blob } = await api.picture(`/api/draw/explore/${this.run.id}/strip`, { starts, moves: this.moves, client });
      strip.src = URL.createObjectURL(blob);
    } catch (problem) {
      report(problem);
    }
  }

  #forgetPath() {
    this.path = this.picking = null;
    this.pathBox.hidden = true;
    this.pathButton.textContent = "Path from here";
  }

  // ---- new pictures by seed ----------------------------------------------------------------------

  #buildSeeds() {
    this.seedInput = el("input", { type: "number", min: "0", max: "999999999", value: "0", "aria-label": "Seed", onchange: () => this.reseed() });
    this.labelMenu = this.facts.labels.length
      ? el(
          "select",
          { "aria-label": "Of which kind", onchange: () => this.reseed() },
          el("option", { value: "" }, "of every kind"),
          this.facts.labels.map((label) => el("option", { value: label }, spoken(label.replace(/^class=/, "").replace("=", ": ")))),
        )
      : null;
    this.seedGrid = el("div", { class: "seeds", role: "group", "aria-label": "New pictures" });
    this.moreButton = el("button", { type: "button", onclick: () => this.moreSeeds() }, "More");
    fill(
      this.seedPanel,
      el(
        "div",
        { class: "bar tools" },
        el("label", {}, "Seed", this.seedInput),
        this.labelMenu,
        el("button", { type: "button", onclick: () => this.roll(), "aria-keyshortcuts": "n" }, "New ones"),
      ),
      this.seedGrid,
      el("div", { class: "bar" }, this.moreButton),
    );
  }

  roll() {
    this.seedInput.value = Math.floor(Math.random() * 1e6);
    this.tab("seeds");
    this.reseed();
  }

  reseed() {
    this.seedGrid.replaceChildren();
    this.moreSeeds();
  }

  async moreSeeds() {
    const first = this.seedGrid.childElementCount;
    const seed = Math.max(0, Math.floor(Number(this.seedInput.value) || 0));
    const label = this.labelMenu?.value || "";
    const cells = Array.from({ length: SEEDS }, (_, place) => {
      const start = { seed, index: first + place, ...(label ? { label } : {}) };
      const canvas = el("canvas", { width: 128, height: 128 });
      const button = el("button", { type: "button", "aria-label": `picture ${first + place} of seed ${seed}`, "aria-pressed": "false" }, canvas);
      button.addEventListener("click", () => {
        for (const other of this.seedGrid.children) other.setAttribute("aria-pressed", String(other === button));
        this.choose(start);
      });
      return [button, canvas];
    });
    this.seedGrid.append(...cells.map(([button]) => button));
    this.moreButton.disabled = true;
    try {
      const draw = await seedSheet(this.run.id, seed, first, SEEDS, label);
      cells.forEach(([, canvas], place) => draw(place, canvas));
      this.seedGrid.dataset.drawn = String(first + SEEDS);
    } catch (problem) {
      report(problem);
    }
    this.moreButton.disabled = false;
  }
}

register({
  name: "explore",
  title: "Explore",
  async open(view, [wanted]) {
    view.classList.add("wide");
    const found = await openRun(view, "explore", "Explore", wanted);
    if (!found) return;
    page = new Explore(view, found.run, found.menu, found.facts);
    const begun = handed("explore", found.run.id);
    if (begun) {
      page.start = begun.start;
      page.moves = page.settled = begun.moves ?? [];
      page.sliders.put(page.moves);
    }
    page.begin().catch(report);
  },
  close() {
    page?.close();
    page = null;
  },
  keys: {
    k: { title: "Keep the picture in the gallery", run: () => about.read_only || page?.keep() },
    n: { title: "New pictures of another seed", run: () => page?.roll() },
    p: { title: "A path from this picture to the next you choose", run: () => page?.beginPath() },
    l: { title: "Lasso: draw around pictures on the map (or hold Shift)", run: () => page?.lasso() },
    z: { title: "Undo", run: () => page?.undo() },
    "0": { title: "Show the whole map", run: () => page?.map.fit() },
  },
});
