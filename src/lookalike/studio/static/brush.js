// A brush over a picture: where a change may be seen, and where not.

import { el } from "/static/shell.js";

const LONGEST = 256;

export class Brush {
  // `changed()` is called when a stroke is done.
  constructor(root, changed) {
    this.changed = changed;
    this.strokes = [];
    this.mode = null; // "only", "not" or null
    this.radius = 0.08;
    this.cursor = [0.5, 0.5];
    this.canvas = el("canvas", { class: "brush", tabindex: "-1", "aria-label": "Brush. Arrow keys move it, Space paints.", role: "application" });
    root.append(this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.canvas.addEventListener("pointerup", () => this.#up());
    this.canvas.addEventListener("pointercancel", () => this.#up());
    this.canvas.addEventListener("pointerleave", () => this.stroke || this.#show(null));
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.resize(1, 1);
  }

  resize(width, height) {
    const share = LONGEST / Math.max(width, height);
    this.width = Math.max(1, Math.round(width * share));
    this.height = Math.max(1, Math.round(height * share));
    this.canvas.width = this.width * 2;
    this.canvas.height = this.height * 2;
    this.#show(null);
  }

  use(mode) {
    this.mode = mode;
    this.canvas.classList.toggle("active", Boolean(mode));
    this.canvas.tabIndex = mode ? 0 : -1;
    this.#show(null);
  }

  put(strokes) {
    this.strokes = strokes;
    this.#show(null);
  }

  // The mask as bytes for the studio, or null where everything may change.
  bytes() {
    if (!this.strokes.length) return null;
    const canvas = new OffscreenCanvas(this.width, this.height);
    const pen = canvas.getContext("2d");
    const only = this.strokes.some((stroke) => stroke.mode === "only");
    pen.fillStyle = only ? "#000" : "#fff";
    pen.fillRect(0, 0, this.width, this.height);
    pen.filter = "blur(2px)";
    for (const stroke of this.strokes) this.#line(pen, stroke, 1, stroke.mode === "only" ? "#fff" : "#000");
    const { data } = pen.getImageData(0, 0, this.width, this.height);
    const bytes = new Uint8Array(4 + this.width * this.height);
    new DataView(bytes.buffer).setUint16(0, this.width, true);
    new DataView(bytes.buffer).setUint16(2, this.height, true);
    for (let place = 0; place < this.width * this.height; place++) bytes[4 + place] = data[4 * place] < 3 ? 0 : data[4 * place];
    return bytes;
  }

  #line(pen, { points, radius }, times, color) {
    pen.strokeStyle = pen.fillStyle = color;
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = 2 * radius * Math.max(this.width, this.height) * times;
    pen.beginPath();
    points.forEach(([x, y], place) => (place ? pen.lineTo(x * this.width * times, y * this.height * times) : pen.moveTo(x * this.width * times, y * this.height * times)));
    if (points.length === 1) pen.lineTo(points[0][0] * this.width * times + 0.01, points[0][1] * this.height * times);
    pen.stroke();
  }

  #show(at) {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.globalAlpha = 1;
    if (this.mode && this.strokes.length) {
      const only = this.strokes.some((stroke) => stroke.mode === "only");
      pen.fillStyle = only ? "rgb(0 0 0)" : "rgb(0 0 0 / 0)";
      pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
      for (const stroke of this.strokes) {
        pen.globalCompositeOperation = stroke.mode === "only" ? "destination-out" : "source-over";
        this.#line(pen, stroke, 2, "#000");
      }
      // The parts that stay are veiled.
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = "rgb(20 20 20 / .55)";
      pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
      pen.globalCompositeOperation = "source-over";
    }
    if (!at || !this.mode) return;
    pen.beginPath();
    pen.arc(at[0] * this.canvas.width, at[1] * this.canvas.height, this.radius * Math.max(this.canvas.width, this.canvas.height), 0, 2 * Math.PI);
    pen.lineWidth = 3;
    pen.strokeStyle = this.mode === "only" ? "#3f8f4f" : "#c8322a";
    pen.stroke();
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #down(event) {
    if (!this.mode || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { mode: this.mode, radius: this.radius, points: [this.#at(event)] };
    this.strokes = [...this.strokes, this.stroke];
    this.#show(this.#at(event));
  }

  #move(event) {
    if (this.stroke) this.stroke.points.push(this.#at(event));
    this.#show(this.#at(event));
  }

  #up() {
    if (!this.stroke) return;
    this.stroke = null;
    this.changed();
  }

  #key(event) {
    const step = event.shiftKey ? 0.1 : 0.025;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (ways[event.key]) {
      this.cursor = this.cursor.map((one, axis) => Math.min(Math.max(one + ways[event.key][axis], 0), 1));
      this.#show(this.cursor);
    } else if (event.key === " " && this.mode) {
      this.strokes = [...this.strokes, { mode: this.mode, radius: this.radius, points: [this.cursor] }];
      this.#show(this.cursor);
      this.changed();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
