// Start: which pictures, what the doctor and this machine say of them, one button.

import { about, announce, api, el, fill, go, number, progressLine, register, report, stopButton, time, toast } from "/static/shell.js";

const PARALLEL = 4;
const TIMES = [
  [5, "5 minutes", "a first look"],
  [30, "30 minutes", "over a coffee"],
  [120, "2 hours", "while you do something else"],
  [480, "8 hours", "over night"],
];
const OTHER = "other";
const square = (size) => /^\d*$/.test(size);
const PICTURE = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif|heic|heif)$/i;

let ends = [];
let view = null;
let visit = 0;

register({
  name: "start",
  title: "Start",
  async open(place, [id]) {
    view = place;
    await show(id);
  },
  move([id]) {
    show(id).catch(report);
  },
  close: stop,
});

function stop() {
  visit += 1;
  for (const end of ends.splice(0)) end();
}

async function show(id) {
  stop();
  if (id) await look(id);
  else await choose();
}

// ---- which pictures ----------------------------------------------------------------------------

async function choose() {
  const mine = visit;
  const { entries } = await api.get("/api/library");
  if (mine !== visit) return;
  const sources = entries.filter((entry) => entry.kind !== "run");
  const inside = (entry) => sources.some((other) => other.classes > 1 && entry.name.startsWith(`${other.name}/`));
  const first = sources.filter((entry) => !inside(entry));
  const rest = sources.filter(inside);
  const runs = entries.filter((entry) => entry.kind === "run");
  fill(
    view,
    el("h1", {}, "Which pictures do you want more of?"),
    el("p", { class: "soft" }, "From about two hundred on. Folders inside a folder are its classes."),
    about.read_only ? null : dropZone(),
    el(
      "section",
      { "aria-labelledby": "h-here" },
      el("h2", { id: "h-here" }, `In the folder ${about.folder}`),
      first.length || rest.length
        ? el("ul", { class: "sources" }, first.map(card))
        : el("p", { class: "empty" }, "There are no pictures in this folder yet. Drop some above, or put them there."),
      rest.length ? el("details", {}, el("summary", {}, `${rest.length} inside of these`), el("ul", { class: "sources small" }, rest.slice(0, 200).map(card))) : null,
    ),
    runs.length
      ? el(
          "section",
          { "aria-labelledby": "h-runs" },
          el("h2", { id: "h-runs" }, "Trained already"),
          el("ul", { class: "links" }, runs.slice(0, 12).map((run) => el("li", {}, el("a", { class: "button", href: `#/train/${run.id}` }, shortly(run.name))))),
        )
      : null,
  );
}

const shortly = (name) => name.replace(/^runs\//, "");

const KINDS = { folder: "folder", zip: "zip", pack: "prepared pack" };

function size(entry) {
  const parts = [];
  if (entry.pictures) parts.push(`${number(entry.pictures)} pictures`);
  if (entry.classes) parts.push(`${number(entry.classes)} folders of pictures`);
  return parts.join(", ") || KINDS[entry.kind];
}

function card(entry) {
  return el(
    "li",
    {},
    el(
      "a",
      { class: "card source", href: `#/start/${entry.id}` },
      el("img", { class: "cover", src: `/picture/${entry.id}/cover`, alt: "", loading: "lazy", width: 402, height: 96, onerror: (event) => (event.target.style.visibility = "hidden") }),
      el("b", {}, entry.name === "." ? about.folder : entry.name),
      el("span", { class: "soft small" }, size(entry)),
    ),
  );
}

// ---- pictures that are dropped -----------------------------------------------------------------

function dropZone() {
  const files = el("input", { type: "file", multiple: true, accept: "image/*,.zip", class: "quiet", id: "files", tabindex: "-1" });
  const folder = el("input", { type: "file", webkitdirectory: true, class: "quiet", id: "folder", tabindex: "-1" });
  const status = el("p", { class: "soft small", role: "status" }, "Nothing leaves this machine. Pictures are copied into the folder of the studio.");
  const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Copied" });
  const zone = el(
    "div",
    { class: "drop" },
    el("p", { class: "lead" }, "Drop pictures, a folder or a zip here"),
    el(
      "div",
      { class: "bar" },
      el("button", { type: "button", onclick: () => files.click() }, "Choose pictures or a zip"),
      el("button", { type: "button", onclick: () => folder.click() }, "Choose a folder"),
    ),
    files,
    folder,
    bar,
    status,
  );
  const take = (found) => upload(found, { zone, bar, status }).catch(report);
  files.addEventListener("change", () => take([...files.files].map((file) => ({ file, path: file.name }))));
  folder.addEventListener("change", () => take([...folder.files].map((file) => ({ file, path: file.webkitRelativePath }))));
  zone.addEventListener("dragover", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const items = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    take(items.length ? await unfolded(items) : [...event.dataTransfer.files].map((file) => ({ file, path: file.name })));
  });
  return zone;
}

async function unfolded(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    } else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) break;
        found.push(...(await unfolded(some)));
      }
    }
  }
  return found;
}

async function upload(found, { zone, bar, status }) {
  const zips = found.filter(({ path }) => /\.zip$/i.test(path));
  const pictures = found.filter(({ path }) => PICTURE.test(path) && !/(^|\/)\./.test(path));
  if (zips.length === 1 && !pictures.length) {
    zone.setAttribute("aria-busy", "true");
    status.textContent = `Copying ${zips[0].path} …`;
    try {
      const entry = await api.put(`/api/upload/zip?name=${encodeURIComponent(zips[0].path.split("/").pop())}`, zips[0].file);
      go("start", entry.id);
    } finally {
      zone.removeAttribute("aria-busy");
    }
    return;
  }
  if (!pictures.length) {
    toast("There is no picture among these files. JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF are taken, or one zip of them.", { kind: "bad" });
    return;
  }
  await uploadPictures(pictures, { zone, bar, status });
}

async function uploadPictures(pictures, { zone, bar, status }) {
  const tops = new Set(pictures.map(({ path }) => (path.includes("/") ? path.split("/")[0] : "")));
  const shared = tops.size === 1 && !tops.has("") ? [...tops][0] : "";
  const classOf = (path) => path.slice(shared ? shared.length + 1 : 0).split("/").slice(0, -1).join(" ");
  const { id } = await api.post("/api/upload", { name: shared || `${pictures.length} pictures` });
  zone.setAttribute("aria-busy", "true");
  bar.hidden = false;
  let done = 0;
  const refused = [];
  const waiting = [...pictures];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        await api.put(`/api/upload/${id}?class=${encodeURIComponent(classOf(next.path))}`, next.file);
      } catch (problem) {
        if (problem.status !== 415) throw problem;
        refused.push(next.path);
      }
      done += 1;
      bar.value = done / pictures.length;
      status.textContent = `${number(done)} of ${number(pictures.length)} copied`;
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, work));
    const entry = await api.post(`/api/upload/${id}/end`);
    if (refused.length) toast(`${refused.length} files are no pictures and were left out: ${refused.slice(0, 3).join(", ")}${refused.length > 3 ? " …" : ""}`);
    go("start", entry.id);
  } finally {
    zone.removeAttribute("aria-busy");
    bar.hidden = true;
  }
}

// ---- one source --------------------------------------------------------------------------------

async function look(id) {
  const mine = visit;
  fill(view, el("p", { class: "soft" }, "Looking at the pictures …"));
  const asked = { minutes: 30, size: "0", recipe: "", alpha: false, fix: true };
  const state = { id, asked, told: await api.get(`/api/start/${id}`), mine };
  if (mine !== visit) return;
  draw(state);
  doctor(state);
  expect(state);
}

function draw(state) {
  const { told, asked, id } = state;
  const { entry, choice } = told;
  const name = entry.name === "." ? about.folder : entry.name;
  state.verdict = el("section", { class: "verdict", "aria-labelledby": "h-doctor" });
  state.expected = el("p", { class: "expected", role: "status" }, "This machine is being measured …");
  state.notes = el("ul", { class: "soft small" });
  state.button = el("button", { type: "button", class: "main large", disabled: about.read_only, onclick: () => begin(state) }, "Start training");
  fill(
    view,
    el("p", { class: "small" }, el("a", { href: "#/start" }, "← Other pictures")),
    el("h1", {}, name),
    el("p", { class: "soft" }, `${number(choice.files)} files${entry.kind === "pack" ? ", prepared already" : `, about ${number(choice.typical)} px`}`),
    el("ul", { class: "sheet", "aria-label": "Some of the pictures" }, told.shown.map((at) => el("li", {}, el("img", { src: `/picture/${id}/${at}`, alt: "", width: 96, height: 96, loading: "lazy", onerror: (event) => event.target.parentElement.remove() })))),
    el(
      "div",
      { class: "columns" },
      el("div", {}, state.verdict),
      el(
        "div",
        { class: "card plan" },
        el("h2", {}, "What will be made of them"),
        again(told),
        times(state),
        state.expected,
        el("div", { class: "bar" }, state.button),
        el("details", { open: true }, (state.summary = el("summary", {})), options(state)),
        state.notes,
      ),
    ),
  );
  if (about.read_only) state.button.after(el("span", { class: "soft small" }, "This studio only shows things."));
}

function again(told) {
  if (!told.runs.length) return null;
  const [run] = told.runs;
  return el("p", { class: "small" }, "These pictures have a run already: ", el("a", { href: `#/train/${run.id}` }, `go on with ${shortly(run.name)}`), ", or begin another one here.");
}

function times(state) {
  const boxes = TIMES.map(([minutes, title, when]) =>
    el(
      "label",
      { class: "choice" },
      el("input", { type: "radio", name: "minutes", value: String(minutes), checked: minutes === state.asked.minutes, onchange: () => ((state.asked.minutes = minutes), say(state)) }),
      el("span", {}, el("b", {}, title), el("small", {}, when)),
    ),
  );
  const own = el("input", { type: "number", min: "0.1", max: "10080", step: "any", placeholder: "60", "aria-label": "Minutes", id: "own-minutes" });
  const radio = el("input", { type: "radio", name: "minutes", value: "own", "aria-label": "Another time" });
  const other = () => {
    radio.checked = true;
    state.asked.minutes = Math.min(10080, Number(own.value)) || 60;
    say(state);
  };
  own.addEventListener("input", other);
  radio.addEventListener("change", other);
  return el("fieldset", { class: "times" }, el("legend", {}, "How long?"), boxes, el("div", { class: "choice own" }, radio, own, el("span", {}, "minutes")));
}

const wanted = ({ size, recipe, alpha }) => `size=${encodeURIComponent(size)}&recipe=${recipe}${alpha ? "&alpha" : ""}`;

function options(state) {
  const { told, asked } = state;
  const change = async () => {
    const before = state.settled;
    try {
      state.told = await api.get(`/api/start/${state.id}?${wanted(asked)}`);
      state.settled = { ...asked };
    } catch (problem) {
      report(problem);
      Object.assign(asked, { size: before.size, recipe: before.recipe, alpha: before.alpha });
    }
    reasons(state);
    expect(state);
  };
  // A size that the new recipe does not make is chosen anew.
  const choose = (recipe) => {
    const { sizes, rectangles } = told.recipes.find((one) => one.name === recipe);
    const makes = square(asked.size) ? !sizes.length || sizes.includes(Number(asked.size)) : rectangles;
    asked.recipe = recipe;
    if (!makes) asked.size = "0";
    change();
  };
  const other = () => {
    state.shape.hidden = state.sizes.value !== OTHER;
    if (!state.shape.hidden) return state.shape.focus();
    asked.size = state.sizes.value;
    change();
  };
  state.settled = { ...asked };
  state.reasons = el("ul", { class: "small reasons" });
  state.sizes = el("select", { onchange: other });
  state.shape = el("input", { type: "text", size: "8", placeholder: "64x96", "aria-label": "Width x height in pixels", hidden: true, onchange: () => ((asked.size = state.shape.value.trim()), change()) });
  state.recipes = el("select", { onchange: () => choose(state.recipes.value) }, told.recipes.map(({ name }) => el("option", { value: name }, name)));
  state.keep = el("input", { type: "checkbox", onchange: () => ((asked.alpha = state.keep.checked), change()) });
  reasons(state);
  return [
    state.reasons,
    el("div", { class: "bar" }, el("label", {}, "Size ", state.sizes), state.shape, el("label", {}, "Recipe ", state.recipes)),
    told.transparent ? el("label", { class: "fix" }, state.keep, el("span", {}, "Keep transparency: new pictures are transparent, too")) : null,
  ];
}

function reasons(state) {
  const { choice, sizes, entry } = state.told;
  state.summary.textContent = `${choice.size} px, recipe ${choice.recipe}`;
  fill(state.reasons, choice.reasons.map((reason) => el("li", {}, reason)));
  const known = sizes.map((size) => el("option", { value: String(size), selected: size === choice.size }, `${size} px`));
  fill(state.sizes, known, entry.kind === "pack" ? null : el("option", { value: OTHER }, "width x height …"));
  state.shape.hidden = true;
  state.recipes.value = choice.recipe;
  state.keep.checked = state.asked.alpha;
}

// ---- what is to be expected --------------------------------------------------------------------

async function expect(state) {
  state.outlook = null;
  say(state);
  try {
    state.outlook = await api.get(`/api/start/${state.id}/outlook?${wanted(state.asked)}`);
  } catch (problem) {
    if (problem.kind === "SupersededError") return;
    state.expected.textContent = problem.message;
    return;
  }
  if (state.mine === visit) say(state);
}

function say(state) {
  const { outlook, asked } = state;
  if (!outlook) {
    state.expected.textContent = "This machine is being measured …";
    return;
  }
  const found = outlook.expected.filter((one) => one.minutes <= asked.minutes).at(-1) ?? outlook.expected[0];
  const near = found.minutes === asked.minutes;
  const seen = `${near ? "" : "about "}${number((found.images * asked.minutes) / found.minutes)} images seen`;
  fill(state.expected, el("b", {}, `In ${time(60 * asked.minutes)} here: `), found.quality && asked.minutes >= found.minutes ? `${found.quality} ` : "", el("span", { class: "soft" }, found.quality && asked.minutes >= found.minutes ? `(${seen})` : seen));
  fill(state.notes, outlook.notes.map((note) => el("li", {}, note)));
}

// ---- the doctor --------------------------------------------------------------------------------

function doctor(state) {
  const { told, id, verdict } = state;
  const heading = el("h2", { id: "h-doctor" }, "Are the pictures all right?");
  fill(verdict, heading);
  const examine = async () => {
    try {
      await api.post(`/api/start/${id}/examine`);
      if (state.mine === visit) listen();
    } catch (problem) {
      report(problem);
      ask();
    }
  };
  const button = (words) => (about.read_only ? null : el("button", { type: "button", onclick: examine }, words));
  const ask = () =>
    fill(
      verdict,
      heading,
      el("p", {}, "They have not been examined: for copies and near copies, files that cannot be read, odd ones, and wrong or small classes."),
      told.examine ? null : el("p", { class: "soft small" }, `With ${number(told.choice.files)} pictures that takes some minutes. It may go on beside a training, which is slower then.`),
      button("Examine them"),
    );
  const listen = () => {
    const end = api.events(`/api/start/${id}/doctor`, (news) => {
      if (news.state === "none") {
        end();
        return ask();
      }
      if (news.findings) {
        end();
        announce(news.advice[0]);
        return fill(verdict, heading, findings(state, news));
      }
      if (["failed", "killed", "stopped"].includes(news.state)) {
        end();
        return fill(verdict, heading, el("p", { class: news.state === "stopped" ? "soft" : "problem" }, news.message || "The examination was ended."), button("Examine them again"));
      }
      fill(verdict, heading, progressLine(news.work), stopButton(news.id));
    });
    ends.push(end);
  };
  if (told.examined) listen();
  else if (told.examine && !about.read_only) examine();
  else ask();
}

function findings(state, news) {
  const light = news.findings.some((one) => one.level === "serious") ? "amber" : "green";
  const fix = news.leave_out
    ? el(
        "label",
        { class: "fix" },
        el("input", { type: "checkbox", checked: state.asked.fix, onchange: (event) => (state.asked.fix = event.target.checked) }),
        el("span", {}, `Leave out the ${number(news.leave_out)} files that the doctor would leave out`),
      )
    : null;
  state.asked.fix = state.asked.fix && news.leave_out > 0;
  return [
    el("div", { class: `light ${light}` }, el("i", { "aria-hidden": "true" }), el("p", {}, news.advice[0])),
    fix,
    news.findings.map((one) => finding(state, one)),
    news.advice.length > 1 ? el("details", {}, el("summary", {}, "More advice"), el("ul", { class: "reasons small" }, news.advice.slice(1).map((text) => el("li", {}, text)))) : null,
  ];
}

function finding(state, one) {
  const pictures = one.files.filter((file) => file.picture !== null && file.picture !== undefined);
  return el(
    "details",
    { class: `finding ${one.level}` },
    el("summary", {}, el("b", { class: "num" }, number(one.count)), ` ${one.title}`),
    el("p", { class: "small" }, one.meaning),
    pictures.length
      ? el("ul", { class: "thumbs" }, pictures.map((file) => el("li", {}, el("img", { src: `/picture/${state.id}/${file.picture}`, alt: "", width: 84, height: 84, loading: "lazy", onerror: (event) => event.target.remove() }), el("span", { class: "small" }, file.name.split("/").pop()))))
      : el("p", { class: "small soft" }, one.files.map((file) => file.name).join(", ")),
    el("p", { class: "small soft" }, `What is done about it: ${one.fix}`),
  );
}

// ---- the button --------------------------------------------------------------------------------

async function begin(state) {
  state.button.disabled = true;
  const { minutes, size, recipe, alpha, fix } = state.asked;
  try {
    const { run } = await api.post(`/api/start/${state.id}/begin`, { minutes, size, recipe, alpha, fix });
    announce("The training has begun.");
    go("train", run);
  } catch (problem) {
    report(problem);
    state.button.disabled = false;
  }
}
