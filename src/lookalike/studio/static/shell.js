// What every page of the studio works with: addresses, requests, words that are announced, elements.

const pages = new Map(); // name -> { name, title, load, page }
let current = null;
let visit = 0;

// ---- elements: texts of people are only ever text ----------------------------------------------

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "style") for (const [key, item] of Object.entries(value)) made.style.setProperty(key, item);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function fill(place, ...children) {
  place.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return place;
}

// ---- requests ----------------------------------------------------------------------------------

class Problem extends Error {
  constructor(kind, message, status) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch {
    lost(true);
    throw new Problem("Unreachable", "The studio does not answer. Was it ended? A training goes on by itself.", 0);
  }
  lost(false);
  if (answer.status === 401) locked();
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ error: "Error", message: `The studio answered ${answer.status}.` }));
    throw new Problem(told.error, told.message, answer.status);
  }
  return answer;
}

const json = (value) => ({
  headers: { "X-Lookalike": "1", "Content-Type": "application/json" },
  body: JSON.stringify(value ?? {}),
});
const octets = (bytes) => ({
  headers: { "X-Lookalike": "1", "Content-Type": "application/octet-stream" },
  body: bytes,
});

export const api = {
  // JSON in, JSON out.
  get: async (path) => (await ask(path)).json(),
  post: async (path, value) => (await ask(path, { method: "POST", ...json(value) })).json(),
  // Bytes in (a File, Blob or ArrayBuffer), JSON out.
  put: async (path, bytes) => (await ask(path, { method: "PUT", ...octets(bytes) })).json(),
  // A picture as a Blob, with its headers; by GET, or by POST where a value is given.
  picture: async (path, value) => {
    const answer = await ask(path, value === undefined ? {} : { method: "POST", ...json(value) });
    return { blob: await answer.blob(), headers: answer.headers };
  },
  // News as they come; gives a function that ends them. They begin again by themselves.
  events(path, handler) {
    const source = new EventSource(path);
    source.addEventListener("message", (event) => {
      lost(false);
      handler(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) api.get("/api/about").catch(() => {});
      else lost(true);
    });
    return () => source.close();
  },
};

// A slider asks for the newest only: `latest()(work)` runs one piece of work at a time, and of those
// that come meanwhile only the last.
export function latest() {
  let running = false;
  let next = null;
  return async function run(work) {
    next = work;
    if (running) return;
    running = true;
    try {
      while (next) {
        const now = next;
        next = null;
        try {
          await now();
        } catch (problem) {
          if (problem.kind !== "SupersededError" && problem.name !== "AbortError") report(problem);
        }
      }
    } finally {
      running = false;
    }
  };
}

// ---- words -------------------------------------------------------------------------------------

export function announce(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

export function toast(text, { kind = "", action = null, seconds = 6 } = {}) {
  const note = el("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" }, el("span", {}, text));
  const close = () => note.remove();
  if (action) note.append(el("button", { type: "button", onclick: () => (close(), action.run()) }, action.title));
  note.append(el("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, "×"));
  document.getElementById("toasts").append(note);
  if (kind !== "bad") setTimeout(close, seconds * 1000);
}

export function report(problem) {
  if (problem.status === 401 || problem.kind === "Unreachable") return;
  toast(problem.message, { kind: "bad" });
}

let unreachable = false;
function lost(now) {
  if (now === unreachable) return;
  unreachable = now;
  banner(now ? "The studio does not answer. A training goes on by itself; this page comes back when the studio does." : "");
}

function locked() {
  banner("The studio was started anew, and this page is no longer let in. Open the link that it printed.");
}

function banner(text) {
  const place = document.getElementById("banner");
  place.textContent = text;
  place.hidden = !text;
}

export const number = (value, digits = 0) =>
  Number(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export function time(seconds) {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 3600) {
    const [minutes, rest] = [Math.floor(Math.round(seconds) / 60), Math.round(seconds) % 60];
    return rest && minutes < 10 ? `${minutes} min ${rest} s` : `${minutes} min`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

// The time left; near the end a bound, as durations.left of the package says it.
export const left = (seconds) => (seconds < 45 ? "less than a minute left" : `${time(seconds)} left`);

// What work is at, as a sentence that goes on.
export const going = (words) => (words ? `${words[0].toUpperCase()}${words.slice(1)} …` : "Starting …");

// How far work is that counts things, with its bar.
export function progressLine(work) {
  const { what = "starting", done = 0, total = 0 } = work ?? {};
  return [
    el("p", { class: "soft small" }, `${what}${total ? `, ${number(done)} of ${number(total)}` : ""} …`),
    el("progress", total ? { max: total, value: done, "aria-label": what } : { "aria-label": what }),
  ];
}

// What ends some work, or takes it out of the queue.
export function stopButton(job) {
  if (about.read_only || !job) return null;
  const stop = async (event) => {
    event.target.disabled = true;
    try {
      await api.post(`/api/jobs/${job}/stop`);
      announce("It stops.");
    } catch (problem) {
      report(problem);
    }
  };
  return el("div", { class: "bar spaced" }, el("button", { type: "button", onclick: stop }, "Stop"));
}

// ---- pages -------------------------------------------------------------------------------------

// A page says what it is: `register({name, title, open(view, parameters), close(), keys})`. `view` is
// an empty element, `parameters` what stands behind its name in the address (#/train/<id>), `keys` an
// object of key -> what it does, shown in the help.
export function register(page) {
  pages.get(page.name).page = page;
}

export function offer(name, title, load) {
  pages.set(name, { name, title, load, page: null });
}

export const about = { version: "", folder: "", read_only: false };

export function go(...parts) {
  location.hash = `#/${parts.filter(Boolean).join("/")}`;
}

async function show() {
  const mine = ++visit;
  const [name, ...parameters] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  const entry = pages.get(name) ?? pages.get("start");
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.name === entry.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${entry.title} · lookalike studio`;
  if (current?.name === entry.name && current.move) {
    current.move(parameters);
    scrollTo(0, 0);
    return;
  }
  try {
    if (!entry.page) await entry.load();
  } catch {
    toast(`The page ${entry.title} could not be loaded.`, { kind: "bad" });
    return;
  }
  if (mine !== visit) return;
  current?.close?.();
  current = entry.page;
  const content = document.getElementById("content");
  const view = el("div", { class: `page page-${entry.name}` });
  const first = content.dataset.page === undefined;
  content.dataset.page = entry.name;
  content.replaceChildren(view);
  scrollTo(0, 0);
  // Before the page fills: later it would take the focus from somebody who has begun to tab.
  if (!first) content.focus({ preventScroll: true });
  const waits = setTimeout(() => view.childElementCount || view.append(el("p", { class: "soft", role: "status" }, "One moment …")), 400);
  try {
    await current.open(view, parameters);
  } catch (problem) {
    if (mine === visit) fill(view, el("p", { class: "problem" }, problem.message));
  }
  clearTimeout(waits);
}

// ---- keys --------------------------------------------------------------------------------------

const everywhere = { "?": "This help", "1 – 6": "The six pages", Escape: "Close what is open" };

function help() {
  const box = document.getElementById("help");
  const rows = (keys) =>
    Object.entries(keys).map(([key, what]) => el("tr", {}, el("th", {}, el("kbd", {}, key)), el("td", {}, what.title ?? what)));
  const own = current?.keys ? [el("h3", {}, pages.get(current.name).title), el("table", {}, rows(current.keys))] : [];
  fill(
    box,
    el("h2", { id: "help-title" }, "Keys"),
    el("table", {}, rows(everywhere)),
    own,
    el("button", { type: "button", onclick: () => box.close() }, "Close"),
  );
  box.showModal();
}

// Keys that belong to whatever has the focus, before they belong to the page.
const BELONGS = {
  Space: "button, summary, input:not([type=range])",
  ArrowLeft: "input, [role=tab]",
  ArrowRight: "input, [role=tab]",
};

function pressed(event) {
  const undoing = (event.ctrlKey || event.metaKey) && event.key === "z";
  if (event.altKey || ((event.ctrlKey || event.metaKey) && !undoing)) return;
  const typing = event.target.matches?.("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea");
  if (typing || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return help();
  const names = [...pages.keys()];
  if (/^[1-9]$/.test(event.key) && names[event.key - 1] && !current?.keys?.[event.key]) return go(names[event.key - 1]);
  const key = event.key === " " ? "Space" : event.key;
  const does = current?.keys?.[key];
  if (does?.run && !(BELONGS[key] && event.target.closest?.(BELONGS[key]))) {
    event.preventDefault();
    does.run(event);
  }
}

// ---- beginning ---------------------------------------------------------------------------------

export async function begin() {
  const nav = document.getElementById("nav");
  for (const { name, title } of pages.values()) {
    nav.append(el("a", { href: `#/${name}`, dataset: { name } }, el("i", { class: `icon icon-${name}`, "aria-hidden": "true" }), el("span", {}, title)));
  }
  document.getElementById("help-button").addEventListener("click", help);
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("content").focus();
  });
  addEventListener("keydown", pressed);
  addEventListener("hashchange", show);
  // What is dropped beside its place would leave this page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  try {
    Object.assign(about, await api.get("/api/about"));
    document.body.classList.toggle("read-only", about.read_only);
  } catch (problem) {
    report(problem);
  }
  await show();
  document.body.dataset.ready = "true";
}
