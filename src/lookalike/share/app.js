// The page in one file: everything is drawn here, nothing is asked of anybody. Texts of people
// are only ever put in as text.
"use strict";

const MODEL = JSON.parse(document.getElementById("model").textContent);
const byId = (id) => document.getElementById(id);
const [width, height] = MODEL.sides;
const plane = width * height;
const names = MODEL.labels;
const GRID = 12;

// All numbers of the page. They arrive deflated, the first bytes of all 16-bit numbers before the
// second ones.
async function numbers() {
  const text = atob(document.getElementById("weights").textContent.trim());
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const out = new Uint8Array(planes.length);
  for (let i = 0, half = planes.length / 2; i < half; i++) {
    out[2 * i] = planes[i];
    out[2 * i + 1] = planes[half + i];
  }
  return out.buffer;
}

// ---- random numbers with an address: picture i of seed s is always the same one ---------------

function randoms(seed, index) {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  for (let i = 0; i < 4; i++) uniform();
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

const worker = `"use strict";
self.onmessage = ({ data }) => {
  if (data.buffer) {
    self.graphs = data.graphs;
    self.weights = {};
    for (const name in data.list) self.weights[name] = Runtime.unpack(data.buffer, data.list[name]);
    self.postMessage({ ready: true });
    return;
  }
  const { id, graph, inputs } = data;
  const found = self.graphs[graph].inputs.map((name, i) => ({ data: inputs[i].data, shape: inputs[i].shape }));
  const outputs = Runtime.run(self.graphs[graph], self.weights[graph], found);
  self.postMessage({ id, outputs });
};`;

// Sends work to a process beside the page; where there is none, does it here.
class Machine {
  constructor(buffer) {
    this.waiting = new Map();
    this.next = 0;
    const list = { ...MODEL.weights };
    delete list.bank;
    try {
      const source = [byId("runtime").textContent, worker];
      this.worker = new Worker(URL.createObjectURL(new Blob(source, { type: "text/javascript" })));
      this.worker.onmessage = ({ data }) => this.answer(data);
      this.worker.onerror = ({ message }) => say(`This browser could not draw: ${message}`);
      this.worker.postMessage({ buffer, list, graphs: MODEL.graphs });
    } catch {
      this.worker = null;
      this.weights = {};
      for (const name in list) this.weights[name] = Runtime.unpack(buffer, list[name]);
    }
  }

  answer({ id, outputs }) {
    if (id === undefined) return;
    this.waiting.get(id)(outputs);
    this.waiting.delete(id);
  }

  run(graph, inputs) {
    if (!this.worker) return Promise.resolve(Runtime.run(MODEL.graphs[graph], this.weights[graph], inputs));
    const id = this.next++;
    return new Promise((done) => {
      this.waiting.set(id, done);
      this.worker.postMessage({ id, graph, inputs });
    });
  }
}

let machine = null;
const row = (values) => ({ data: Float32Array.from(values), shape: [1, values.length] });
const withLabels = (code, labels) => (names.length ? [row(code), row(labels)] : [row(code)]);

// ---- codes: what the generator takes -----------------------------------------------------------

const bank = MODEL.bank; // {codes: [[...]], labels: [[...]], places: [[x, y]]}

function rows({ data, shape: [count, wide] }) {
  return Array.from({ length: count }, (_, i) => Array.from(data.subarray(i * wide, (i + 1) * wide)));
}

async function drawn(seed, index) {
  const random = randoms(seed, index);
  const labels = names.length ? bank.labels[Math.floor(random.uniform() * bank.labels.length)] : [];
  if (MODEL.noise === "bank") {
    const at = Math.floor(random.uniform() * bank.codes.length);
    return { code: bank.codes[at], labels: names.length ? bank.labels[at] : [] };
  }
  const draw = MODEL.noise === "normal" ? random.normal : () => 2 * random.uniform() - 1;
  const noise = Array.from({ length: MODEL.width }, draw);
  if (!MODEL.graphs.prior) return { code: noise, labels };
  const [code] = await machine.run("prior", withLabels(noise, labels));
  return { code: Array.from(code.data), labels };
}

async function picture({ code, labels }) {
  const [out] = await machine.run("generator", withLabels(code, labels));
  return out.data;
}

// ---- pictures on the screen --------------------------------------------------------------------

function pixels(values) {
  const image = new ImageData(width, height);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      const value = values[(MODEL.channels === 1 ? 0 : c * plane) + i];
      image.data[4 * i + c] = Math.round(Math.min(255, Math.max(0, (value + 1) * 127.5)));
    }
    const alpha = MODEL.channels === 4 ? (values[3 * plane + i] + 1) * 127.5 : 255;
    image.data[4 * i + 3] = Math.round(Math.min(255, Math.max(0, alpha)));
  }
  return image;
}

function paint(canvas, values) {
  Object.assign(canvas, { width, height });
  canvas.classList.toggle("clear", MODEL.channels === 4);
  canvas.getContext("2d").putImageData(pixels(values), 0, 0);
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }, "image/png");
}

const say = (text) => { byId("status").textContent = text; };
const sayOfPhoto = (text) => { byId("photo-status").textContent = text; };

// ---- the chosen picture, and what is changed about it ------------------------------------------

const chosen = { code: null, labels: [], moves: new Map(), values: null, name: "" };

// Only the newest wish is drawn: what was asked for while a picture was drawn is drawn next.
const latest = (draw) => {
  let [busy, again] = [false, false];
  return async () => {
    if (busy) { again = true; return; }
    busy = true;
    do { again = false; await draw(); } while (again);
    busy = false;
  };
};

function changed() {
  const code = chosen.code.slice();
  const labels = chosen.labels.slice();
  for (const [direction, amount] of chosen.moves) {
    direction.vector.forEach((step, i) => { code[i] += amount * step; });
  }
  return { code, labels };
}

const show = latest(async () => {
  if (!chosen.code) return;
  const started = performance.now();
  chosen.values = await picture(changed());
  paint(byId("large"), chosen.values);
  if (photo.before) composePhoto();
  document.body.dataset.milliseconds = Math.round(performance.now() - started);
});

function choose({ code, labels }, name) {
  Object.assign(chosen, { code: Array.from(code), labels: Array.from(labels), name });
  for (const button of byId("grid").children) button.setAttribute("aria-pressed", "false");
  chosen.moves.clear();
  sliders();
  byId("chosen-name").textContent = name;
  show();
}

function slider(parent, name, range, value, onInput) {
  const line = document.createElement("label");
  line.className = "slider";
  const text = document.createElement("span");
  text.textContent = name;
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: range[0], max: range[1], step: (range[1] - range[0]) / 40, value });
  const output = document.createElement("output");
  output.textContent = Number(value).toFixed(1);
  input.addEventListener("input", () => {
    output.textContent = Number(input.value).toFixed(1);
    onInput(Number(input.value));
    show();
  });
  line.append(text, input, output);
  parent.append(line);
}

// Columns "hair=bun", "hair=long" are one choice; a column without "=" is a number of its own.
function groups() {
  const found = new Map();
  names.forEach((name, i) => {
    const at = name.lastIndexOf("=");
    const key = at < 0 ? name : name.slice(0, at);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push([at < 0 ? null : name.slice(at + 1), i]);
  });
  return found;
}

function choiceOf(parent, key, options) {
  const line = document.createElement("label");
  line.className = "slider";
  const text = document.createElement("span");
  text.textContent = key;
  const select = document.createElement("select");
  for (const [value, column] of options) {
    const option = document.createElement("option");
    option.textContent = value;
    option.value = column;
    option.selected = chosen.labels[column] > 0.5;
    select.append(option);
  }
  select.addEventListener("change", () => {
    for (const [, column] of options) chosen.labels[column] = Number(column === Number(select.value));
    show();
  });
  line.append(text, select);
  parent.append(line);
}

function sliders() {
  const parent = byId("sliders");
  parent.replaceChildren();
  for (const [key, options] of groups()) {
    if (options[0][0] !== null) choiceOf(parent, key, options);
    else slider(parent, key, [0, 1], chosen.labels[options[0][1]], (v) => { chosen.labels[options[0][1]] = v; });
  }
  for (const direction of MODEL.directions) {
    slider(parent, direction.name, [-3, 3], 0, (v) => chosen.moves.set(direction, v));
  }
}

// ---- new pictures ------------------------------------------------------------------------------

let round = 0;

async function fresh() {
  const own = ++round;
  const seed = Number(byId("seed").value) || 0;
  history.replaceState(null, "", `#seed=${seed}`);
  const grid = byId("grid");
  grid.replaceChildren();
  const buttons = Array.from({ length: GRID }, (_, i) => {
    const button = document.createElement("button");
    button.setAttribute("aria-label", `picture ${i + 1} of seed ${seed}`);
    button.setAttribute("aria-pressed", "false");
    button.append(document.createElement("canvas"));
    grid.append(button);
    return button;
  });
  grid.setAttribute("aria-busy", "true");
  for (const [i, button] of buttons.entries()) {
    say(`Drawing ${i + 1} of ${GRID} …`);
    const made = await drawn(seed, i);
    const values = await picture(made);
    if (own !== round) return;
    paint(button.firstChild, values);
    const take = () => {
      leavePhoto();
      choose(made, `picture ${i + 1} of seed ${seed}`);
      button.setAttribute("aria-pressed", "true");
    };
    button.addEventListener("click", take);
    if (i === 0) take();
  }
  grid.setAttribute("aria-busy", "false");
  say(`${GRID} new pictures of seed ${seed}.`);
  document.body.dataset.ready = "true";
}

// ---- the way between two pictures --------------------------------------------------------------

const ends = { a: null, b: null };

function setEnd(which) {
  ends[which] = changed();
  byId(`end-${which}`).textContent = `${which.toUpperCase()}: ${chosen.name}`;
  byId("between").disabled = !(ends.a && ends.b);
}

function moveBetween() {
  const share = Number(byId("between").value);
  const mix = (first, second) => first.map((value, i) => (1 - share) * value + share * second[i]);
  chosen.moves.clear();
  chosen.code = mix(ends.a.code, ends.b.code);
  chosen.labels = mix(ends.a.labels, ends.b.labels);
  sliders();
  show();
}

// ---- the map -----------------------------------------------------------------------------------

const [WIDE, HIGH, TILE] = [1000, 620, 43];

function map() {
  const [canvas, box] = [byId("map"), byId("map-box")];
  Object.assign(canvas, { width: WIDE, height: HIGH });
  const image = new Image();
  image.onload = () => {
    const context = canvas.getContext("2d");
    const [wide, high] = bank.tile;
    const across = Math.floor(image.width / wide);
    const shown = bank.tile.map((side) => (side * TILE) / Math.max(wide, high));
    bank.places.forEach(([x, y], i) => {
      const from = [(i % across) * wide + 0.5, Math.floor(i / across) * high + 0.5];
      const to = [x * (WIDE - TILE) + (TILE - shown[0]) / 2, y * (HIGH - TILE) + (TILE - shown[1]) / 2];
      context.drawImage(image, ...from, wide - 1, high - 1, ...to, ...shown);
    });
  };
  image.src = bank.sheet;
  box.addEventListener("click", (event) => {
    const frame = canvas.getBoundingClientRect();
    visit((event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
    byId("one").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  box.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    visit(ring.x + step[0], ring.y + step[1]);
  });
}

const ring = { x: 0.5, y: 0.5 };
const STEPS = { ArrowLeft: [-0.03, 0], ArrowRight: [0.03, 0], ArrowUp: [0, -0.05], ArrowDown: [0, 0.05] };

// Draws what lies at a place of the map (both in 0 .. 1): between the three pictures around it.
function visit(x, y) {
  Object.assign(ring, { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) });
  Object.assign(byId("ring").style, { left: `${100 * ring.x}%`, top: `${100 * ring.y}%` });
  byId("ring").hidden = false;
  const [px, py] = [(ring.x * WIDE - TILE / 2) / (WIDE - TILE), (ring.y * HIGH - TILE / 2) / (HIGH - TILE)];
  const near = bank.places
    .map(([qx, qy], i) => [(qx - px) ** 2 + (qy - py) ** 2, i])
    .sort((a, b) => a[0] - b[0]).slice(0, 3);
  const weights = near.map(([away]) => 1 / (away + 1e-5));
  const sum = weights.reduce((a, b) => a + b);
  const code = bank.codes[0].map((_, d) =>
    near.reduce((total, [, i], k) => total + (weights[k] / sum) * bank.codes[i][d], 0));
  leavePhoto();
  choose({ code, labels: names.length ? bank.labels[near[0][1]] : [] }, "a place on the map");
}

// ---- a photo of one's own ----------------------------------------------------------------------

const photo = { before: null, drawn: null };

function leavePhoto() {
  photo.before = null;
  byId("photo-pair").hidden = true;
}

// The middle of a photo, as the pictures of the model are.
function middle(image) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const times = Math.min(image.width / width, image.height / height);
  const cut = [times * width, times * height];
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (image.width - cut[0]) / 2, (image.height - cut[1]) / 2, ...cut, 0, 0, width, height);
  const data = context.getImageData(0, 0, width, height).data;
  const values = new Float32Array(MODEL.channels * plane);
  if (MODEL.channels === 4) {
    fillUnseen(data);
    for (let i = 0; i < plane; i++) values[3 * plane + i] = data[4 * i + 3] / 127.5 - 1;
  }
  for (let i = 0; i < plane; i++) {
    if (MODEL.channels === 1) {
      values[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 127.5 - 1;
    } else {
      for (let c = 0; c < 3; c++) values[c * plane + i] = data[4 * i + c] / 127.5 - 1;
    }
  }
  return values;
}

// Where nothing is seen of a photo, its mean visible color.
function fillUnseen(data) {
  const sums = [0, 0, 0, 1e-9];
  for (let i = 0; i < data.length; i += 4) {
    for (let c = 0; c < 3; c++) sums[c] += data[i + c] * data[i + 3];
    sums[3] += data[i + 3];
  }
  for (let i = 0; i < data.length; i += 4)
    if (!data[i + 3]) for (let c = 0; c < 3; c++) data[i + c] = sums[c] / sums[3];
}

async function openPhoto(file) {
  sayOfPhoto(`Opening ${file.name} …`);
  let image;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    sayOfPhoto(`${file.name} is not a picture that this browser can open.`);
    return;
  }
  const values = middle(image);
  const labels = names.length ? bank.labels[0] : [];
  const input = { data: values, shape: [1, MODEL.channels, height, width] };
  const wanted = MODEL.graphs.encoder.inputs.length > 1 ? [input, row(labels)] : [input];
  const [code] = await machine.run("encoder", wanted);
  const made = { code: Array.from(code.data), labels };
  photo.drawn = await picture(made);
  photo.before = values;
  paint(byId("photo-before"), values);
  byId("photo-pair").hidden = false;
  choose(made, file.name);
  sayOfPhoto(`${file.name} was opened; it stays on this device.`);
}

// The mean of the (2 * reach + 1) numbers around each one, along rows and then along columns.
function blurred(values, reach) {
  const along = (from, step, side) => Float32Array.from(from, (_, i) => {
    const at = Math.floor(i / step) % side;
    const [first, last] = [Math.max(0, at - reach), Math.min(side - 1, at + reach)];
    let sum = 0;
    for (let k = first; k <= last; k++) sum += from[i + (k - at) * step];
    return sum / (last - first + 1);
  });
  return along(along(values, 1, width), width, height);
}

// What changed in the drawn picture is added to the photo; the rest of the photo stays as it is.
// Where much changed, the drawing takes over, since what the photo had there no longer fits.
function composePhoto() {
  const changes = new Float32Array(plane);
  photo.before.forEach((_, i) => {
    changes[i % plane] += Math.abs(chosen.values[i] - photo.drawn[i]) / MODEL.channels;
  });
  const kept = blurred(changes, 2).map((change) => 1 - Math.min(1, Math.max(0, 4 * change - 0.4)));
  const values = photo.before.map((value, i) =>
    chosen.values[i] + kept[i % plane] * (value - photo.drawn[i]));
  paint(byId("photo-after"), values);
}

// ---- start -------------------------------------------------------------------------------------

byId("new").addEventListener("click", () => {
  byId("seed").value = (Number(byId("seed").value) || 0) + 1;
  fresh();
});
byId("seed").addEventListener("change", fresh);
byId("save").addEventListener("click", () => save(byId("large"), `${MODEL.name}.png`));
byId("reset").addEventListener("click", () => {
  chosen.moves.clear();
  sliders();
  show();
});
byId("set-a").addEventListener("click", () => setEnd("a"));
byId("set-b").addEventListener("click", () => setEnd("b"));
byId("between").addEventListener("input", moveBetween);
byId("photo-save").addEventListener("click", () => save(byId("photo-after"), `${MODEL.name}-edited.png`));
if (MODEL.graphs.encoder) {
  byId("photo").hidden = false;
  byId("file").addEventListener("change", ({ target }) => target.files[0] && openPhoto(target.files[0]));
  const drop = byId("drop");
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files[0]) openPhoto(event.dataTransfer.files[0]);
  });
}

async function start() {
  document.documentElement.style.setProperty("--shape", `${width} / ${height}`);
  const buffer = await numbers();
  const found = Runtime.unpack(buffer, MODEL.weights.bank);
  Object.assign(bank, { codes: rows(found.codes), labels: rows(found.labels) });
  machine = new Machine(buffer);
  byId("seed").value = Number(new URLSearchParams(location.hash.slice(1)).get("seed")) || 0;
  map();
  await fresh();
}

start().catch((problem) => say(`This browser could not open the page: ${problem.message}`));
