// Train: a training as it happens, over the whole of its time, and beside another one.

import { chart } from "/static/chart.js";
import { about, announce, api, el, fill, go, left, number, register, report, time, toast } from "/static/shell.js";

const COUNT = 48;
const COLUMNS = 8;
const STATES = {
  preparing: "Preparing the pictures",
  training: "Training",
  elsewhere: "Training, started somewhere else",
  finished: "Finished",
  stopped: "Stopped and saved",
  failed: "It could not go on",
  killed: "It was ended from outside",
  ended: "Finished",
};
const ALIVE = ["preparing", "training", "elsewhere"];
const LIGHTS = { green: "All is well", grey: "Still learning", amber: "Worth a look", red: "Something is wrong" };
const MORE = [10, 30, 120, 480];

let panels = [];
let view = null;
let visit = 0;

register({
  name: "train",
  title: "Train",
  keys: {
    Space: { title: "Play the training, or hold it", run: () => panels[0]?.play() },
    ArrowLeft: { title: "A moment earlier", run: () => panels[0]?.step(-1) },
    ArrowRight: { title: "A moment later", run: () => panels[0]?.step(1) },
  },
  async open(place, ids) {
    view = place;
    await show(ids);
  },
  move(ids) {
    show(ids).catch(report);
  },
  close,
});

function close() {
  visit += 1;
  for (const panel of panels.splice(0)) panel.close();
}

async function show([id, other]) {
  close();
  const mine = visit;
  const { runs } = await api.get("/api/runs");
  if (mine !== visit) return;
  if (!id) return list(runs);
  panels = [id, other].filter(Boolean).map((one) => new Panel(one, runs, Boolean(other)));
  const beside = panels.length > 1;
  fill(view, beside ? el("h1", { class: "quiet" }, "Two trainings beside each other") : null, el("div", { class: beside ? "halves" : "" }, panels.map((panel) => panel.view)));
  for (const panel of panels) panel.beside = panels.find((one) => one !== panel) ?? null;
  await Promise.all(panels.map((panel) => panel.open()));
}

// ---- the list ----------------------------------------------------------------------------------

function list(runs) {
  fill(
    view,
    el("h1", {}, "Trainings"),
    runs.length
      ? el("ul", { class: "runs" }, runs.map((run) => el("li", {}, runCard(run))))
      : el("div", { class: "empty" }, el("p", {}, "Nothing has been trained in this folder yet."), el("a", { class: "button", href: "#/start" }, "Choose pictures")),
  );
}

function runCard(run) {
  const live = ALIVE.includes(run.state);
  return el(
    "a",
    { class: "card run", href: `#/train/${run.id}` },
    el("div", { class: "peek" }, run.grid === null ? null : el("img", { src: `/picture/${run.id}/grid/${run.grid}`, alt: "", loading: "lazy" })),
    el("div", {}, el("b", {}, run.name), el("span", { class: "soft small" }, [STATES[run.state], run.state === "finished" ? "" : `, ${Math.floor(100 * run.share)} %`].join("")), live ? el("progress", { max: 1, value: run.share, "aria-label": "How far it is" }) : el("span", { class: "small" }, run.nearness)),
  );
}

// ---- one training ------------------------------------------------------------------------------

class Panel {
  constructor(id, runs, narrow) {
    this.id = id;
    this.runs = runs;
    this.narrow = narrow;
    this.at = null; // a place among the grids, or null for the newest
    this.told = null;
    this.pictures = new Map();
    this.playing = 0;
    this.lines = -1;
    this.build();
  }

  build() {
    this.title = el(this.narrow ? "h2" : "h1", {}, "…");
    this.state = el("p", { class: "state num" }, " ");
    this.bar = el("progress", { max: 1, value: 0, "aria-label": "How far the training is" });
    this.light = el("div", { class: "light" }, el("i", { "aria-hidden": "true" }), el("p", { role: "status" }, " "));
    this.near = el("p", { class: "near" });
    this.canvas = el("canvas", { class: "samples px", role: "img", "aria-label": "Samples of the generator", width: 8, height: 6 });
    this.range = el("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": "Moment of the training", oninput: () => this.scrub(Number(this.range.value)) });
    this.moment = el("output", { class: "num soft small" }, " ");
    this.button = el("button", { type: "button", "aria-label": "Play the training", onclick: () => this.play() }, "Play");
    this.actions = el("div", { class: "bar actions" });
    this.problem = el("p", { class: "problem", hidden: true });
    this.numbers = el("details", { ontoggle: () => this.series() }, el("summary", {}, "Numbers"), (this.charts = el("div", { class: "charts" })));
    this.log = el("ol", { class: "small said" });
    this.facts = el("p", { class: "soft small" });
    this.view = el(
      "article",
      { class: this.narrow ? "training narrow" : "training", "aria-label": "Training" },
      el("div", { class: "training-head" }, el("p", { class: "small" }, el("a", { href: "#/train" }, "← All trainings")), this.title, this.state, this.bar, this.problem),
      el("figure", { class: "player" }, this.canvas, el("div", { class: "scrub" }, this.button, this.range, this.moment)),
      el("div", { class: "side" }, el("div", { class: "told" }, this.light, this.near), this.actions, this.facts),
      el("div", { class: "below" }, this.numbers, (this.saidBox = el("details", {}, el("summary", {}, "What it said"), this.log))),
    );
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas);
  }

  async open() {
    const told = await api.get(`/api/train/${this.id}`);
    if (this.closed) return;
    this.hear(told);
    this.end = api.events(`/api/train/${this.id}/live`, (told) => this.hear(told));
  }

  close() {
    this.closed = true;
    this.end?.();
    clearInterval(this.playing);
    this.resized.disconnect();
  }

  // ---- what is told --------------------------------------------------------------------------

  hear(told) {
    const before = this.told;
    this.told = told;
    if (!before || before.state !== told.state) {
      this.buttons();
      if (before) announce(`${told.name}: ${STATES[told.state]}.`);
    } else if (before.stopping !== told.stopping) this.buttons();
    this.title.textContent = told.name;
    this.state.textContent = this.words();
    this.bar.hidden = !ALIVE.includes(told.state);
    const { work } = told;
    if (told.state === "preparing" && work?.total) Object.assign(this.bar, { max: work.total, value: work.done });
    else if (told.state === "preparing") this.bar.removeAttribute("value");
    else Object.assign(this.bar, { max: 1, value: told.share });
    this.light.className = `light ${told.light}`;
    const sentence = this.light.querySelector("p");
    const heading = told.sentence || "The light comes on with the first samples.";
    if (sentence.dataset.said !== heading) {
      sentence.dataset.said = heading;
      // A light that asks for a look says so; the others' sentences begin with it.
      const name = el(told.light === "amber" || told.light === "red" ? "b" : "span", { class: told.light === "grey" || told.light === "green" ? "quiet" : "" }, `${LIGHTS[told.light]}. `);
      fill(sentence, told.sentence ? name : "", heading);
    }
    this.near.textContent = told.nearness;
    this.problem.hidden = !told.message;
    this.problem.textContent = told.message ?? "";
    if (this.log.childElementCount !== told.said.length || before?.said.at(-1) !== told.said.at(-1)) fill(this.log, told.said.map((line) => el("li", {}, line)));
    this.saidBox.hidden = !told.said.length;
    this.facts.textContent = told.size ? `${told.size} px, recipe ${told.recipe}, ${number(told.pictures)} pictures to learn from, ${number(told.images)} of ${number(told.budget)} images seen.` : "";
    this.follow(before);
    if (this.lines !== told.lines && this.numbers.open) this.series();
  }

  words() {
    const { told } = this;
    if (told.stopping) return "Stopping: it saves first, which takes some seconds.";
    if (told.state === "preparing") {
      const { what, done, total } = told.work ?? {};
      return what ? `${STATES.preparing}: ${what}${total ? `, ${number(done)} of ${number(total)}` : ""}` : "Starting …";
    }
    const parts = [STATES[told.state]];
    if (told.state !== "finished") parts.push(`${Math.floor(100 * told.share)} %`);
    if (told.state === "training" && told.seconds_left !== null) parts.push(left(told.seconds_left));
    if (!ALIVE.includes(told.state) && told.seconds) parts.push(`${time(told.seconds)} of training`);
    return parts.join(" · ");
  }

  // ---- the grid ------------------------------------------------------------------------------

  follow(before) {
    const { grids } = this.told;
    const last = Math.max(0, grids.length - 1);
    this.range.max = String(last);
    this.range.disabled = last === 0;
    this.button.disabled = last === 0;
    if (this.at === null) this.range.value = String(last);
    if (!before || before.grids.length !== grids.length) this.paint();
  }

  get place() {
    return this.at ?? this.told.grids.length - 1;
  }

  scrub(at, linked = false) {
    const last = this.told.grids.length - 1;
    this.at = at >= last ? null : Math.max(0, at);
    this.range.value = String(this.place);
    this.paint();
    if (!linked && this.beside?.told) {
      const share = last > 0 ? this.place / last : 1;
      this.beside.scrub(Math.round(share * (this.beside.told.grids.length - 1)), true);
    }
  }

  step(by) {
    if (this.told) this.scrub(Math.min(this.told.grids.length - 1, Math.max(0, this.place + by)));
  }

  play() {
    const stop = () => {
      clearInterval(this.playing);
      this.playing = 0;
      this.button.textContent = "Play";
    };
    if (this.playing) return stop();
    if (!this.told || this.told.grids.length < 2) return undefined;
    if (this.at === null) this.scrub(0);
    this.button.textContent = "Hold";
    const pause = Math.min(400, Math.max(60, 6000 / this.told.grids.length));
    this.playing = setInterval(() => (this.at === null ? stop() : this.step(1)), pause);
    return undefined;
  }

  async paint() {
    const { grids, state, share } = this.told;
    if (!grids.length) {
      this.moment.textContent = "The first samples come when the training begins.";
      return;
    }
    const seen = grids[this.place];
    this.moment.textContent = this.at === null ? (state === "training" ? `now, ${Math.floor(100 * share)} %` : `${number(seen)} images`) : `${number(seen)} images`;
    this.range.setAttribute("aria-valuetext", `after ${number(seen)} images`);
    try {
      const picture = await this.picture(seen);
      if (grids[this.place] !== seen) return;
      this.shown = picture;
      this.draw();
    } catch {
      // A grid that was thinned out while it was asked for: the next one comes.
    }
  }

  picture(seen) {
    if (!this.pictures.has(seen)) {
      const picture = new Image();
      picture.src = `/picture/${this.id}/grid/${seen}`;
      this.pictures.set(seen, picture.decode().then(() => picture));
    }
    return this.pictures.get(seen);
  }

  draw() {
    const sheet = this.shown;
    const wide = this.canvas.clientWidth;
    if (!wide) return;
    const columns = wide < 480 ? 6 : COLUMNS;
    const rows = COUNT / columns;
    this.canvas.style.aspectRatio = `${columns} / ${rows}`;
    if (!sheet) return;
    const across = Math.round((sheet.naturalWidth + 2) / COLUMNS) - 2;
    const down = Math.round(((sheet.naturalHeight + 2) * COLUMNS) / COUNT) - 2;
    const gap = Math.max(2, Math.round(across / 24));
    this.canvas.width = columns * (across + gap) - gap;
    this.canvas.height = rows * (down + gap) - gap;
    this.canvas.style.aspectRatio = `${this.canvas.width} / ${this.canvas.height}`;
    const pen = this.canvas.getContext("2d");
    for (let at = 0; at < COUNT; at += 1) {
      const from = [(at % COLUMNS) * (across + 2), Math.floor(at / COLUMNS) * (down + 2)];
      const to = [(at % columns) * (across + gap), Math.floor(at / columns) * (down + gap)];
      pen.drawImage(sheet, ...from, across, down, ...to, across, down);
    }
    this.canvas.dataset.seen = String(this.told.grids[this.place]);
    this.canvas.setAttribute("aria-label", `${COUNT} samples after ${number(this.told.grids[this.place])} images`);
  }

  // ---- numbers -------------------------------------------------------------------------------

  async series() {
    if (!this.numbers.open || !this.told?.size) return;
    this.lines = this.told.lines;
    let found;
    try {
      found = await api.get(`/api/train/${this.id}/series`);
    } catch (problem) {
      report(problem);
      return;
    }
    const kid = { name: "distance", points: found.kid.map(([x, value]) => [x, value]), band: found.kid.map(([x, , low, high]) => [x, low, high]) };
    const floor = found.floor === null ? null : { name: "your own pictures", value: found.floor };
    const losses = Object.entries(found.losses).map(([name, points]) => ({ name, points }));
    const distinct = losses.filter((one, at) => !losses.slice(0, at).some((other) => JSON.stringify(other.points) === JSON.stringify(one.points)));
    fill(
      this.charts,
      figure("How far from your pictures (KID)", chart("KID", [kid], floor), [["tone-0", "generated, with its interval"], ...(floor ? [["dashed", `your own pictures among each other (${number(floor.value, 2)})`]] : [])]),
      figure(
        "Losses",
        chart("Losses", distinct.slice(0, 5)),
        distinct.slice(0, 5).map(({ name }, at) => [`tone-${at}`, name]),
      ),
    );
    if (!this.charts.childElementCount) fill(this.charts, el("p", { class: "soft small" }, "No numbers yet."));
  }

  // ---- buttons -------------------------------------------------------------------------------

  buttons() {
    const { told } = this;
    const found = [];
    const may = !about.read_only;
    if (may && ["preparing", "training"].includes(told.state)) found.push(el("button", { type: "button", disabled: told.stopping, onclick: () => this.do("stop") }, told.stopping ? "Stopping …" : "Stop and save"));
    if (may && ["stopped", "killed", "failed"].includes(told.state)) found.push(el("button", { type: "button", class: "main", onclick: () => this.do("on") }, "Go on"));
    if (may && told.state === "finished") found.push(this.more());
    if (told.state === "elsewhere") found.push(el("span", { class: "soft small" }, "Stop it with Ctrl-C where it was started."));
    if (told.grids.length && !ALIVE.includes(told.state) && !this.narrow) {
      for (const [page, title] of [["explore", "Explore"], ["edit", "Edit a photo"], ["gallery", "Make pictures"], ["judge", "How good is it?"]]) found.push(el("a", { class: "button", href: `#/${page}/${this.id}` }, title));
    }
    const others = this.runs.filter((run) => run.id !== this.id && run.grid !== null);
    if (this.beside) found.push(el("button", { type: "button", class: "plain", onclick: () => go("train", this.beside.id) }, "Close this one"));
    else if (others.length) {
      const pick = el("select", { "aria-label": "Another run beside this one", onchange: () => pick.value && go("train", this.id, pick.value) }, el("option", { value: "" }, "Beside another …"), others.map((run) => el("option", { value: run.id }, run.name)));
      found.push(pick);
    }
    fill(this.actions, found);
  }

  more() {
    const minutes = el("select", { "aria-label": "How much longer" }, MORE.map((one) => el("option", { value: String(one), selected: one === 30 }, time(60 * one))));
    return el("span", { class: "bar tight" }, el("button", { type: "button", class: "main", onclick: () => this.do("on", { minutes: Number(minutes.value) }) }, "Train further for"), minutes);
  }

  async do(what, value = {}) {
    for (const button of this.actions.querySelectorAll("button")) button.disabled = true;
    try {
      await api.post(`/api/train/${this.id}/${what}`, value);
      toast(what === "stop" ? "It saves, then stops." : "It goes on.");
      this.hear(await api.get(`/api/train/${this.id}`));
    } catch (problem) {
      report(problem);
    }
    this.buttons();
  }
}

function figure(title, drawn, keys) {
  if (!drawn) return null;
  return el("figure", { class: "card" }, el("h2", {}, title), drawn, el("figcaption", { class: "keys" }, keys.map(([kind, name]) => el("span", { class: `key ${kind}` }, name))));
}
