// A map of thousands of pictures: dots from afar, thumbnails from near. WebGL2 where there is any, else a plain canvas.

const VERTEX = `#version 300 es
in vec2 place; in float tile; in vec4 color; in float state;
uniform vec2 middle, frame; uniform float scale, side, columns, rows, lifted;
out vec2 inside, corner; out vec4 tone; flat out float how;
void main() {
  vec2 at = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  float wide = state > 0.5 && state < 1.5 ? side * 1.35 : side;
  vec2 pixel = (place - middle) * scale + frame * 0.5 + (at - 0.5) * wide;
  bool gone = state > 1.5 || (lifted > 0.5) != (state > 0.5);
  gl_Position = gone ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(pixel.x / frame.x * 2.0 - 1.0, 1.0 - pixel.y / frame.y * 2.0, 0.0, 1.0);
  inside = (vec2(mod(tile, columns), floor(tile / columns)) + at) / vec2(columns, rows);
  corner = at * 2.0 - 1.0;
  tone = color; how = state;
}`;
const PIXEL = `#version 300 es
precision highp float;
in vec2 inside, corner; in vec4 tone; flat in float how;
uniform sampler2D sheet; uniform float pictures, side; uniform vec4 mark;
out vec4 seen;
void main() {
  float far = max(abs(corner.x), abs(corner.y));
  if (pictures < 0.5) {
    float round = 1.0 - smoothstep(1.0 - 3.0 / side, 1.0, length(corner));
    vec4 dot = how > 0.5 ? mark : vec4(tone.rgb, 0.85);
    seen = vec4(dot.rgb * dot.a * round, dot.a * round);
    return;
  }
  float rim = how > 0.5 ? 6.0 / side : min(2.2 / side, 0.14);
  vec4 edge = how > 0.5 ? mark : tone;
  vec3 picture = texture(sheet, inside).rgb;
  seen = vec4(mix(picture, edge.rgb, step(1.0 - rim, far) * edge.a), 1.0);
}`;

const DOTS_BELOW = 12;
const LARGEST = 88;

export class PictureMap {
  // `heard` is told: hover(point number or -1, place), choose(place, point number or -1), lasso(numbers).
  constructor(root, heard) {
    this.root = root;
    this.heard = heard;
    this.canvas = document.createElement("canvas");
    this.over = document.createElement("canvas");
    this.over.className = "over";
    root.append(this.canvas, this.over);
    this.gl = this.canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    this.count = 0;
    this.sheets = [];
    this.middle = [0.5, 0.5];
    this.scale = 1;
    this.lassoing = false;
    this.marker = null;
    this.cursor = null;
    this.pointers = new Map();
    if (this.gl) this.#build();
    this.#listen();
    this.watch = new ResizeObserver(() => this.#resize());
    this.watch.observe(root);
    this.#resize();
  }

  close() {
    this.watch.disconnect();
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  // places Float32Array [2 N] in 0..1; sheets: images of `columns` tiles a row, `perSheet` each.
  fill({ places, images, tile, columns, perSheet }) {
    this.places = places;
    this.count = places.length / 2;
    this.tile = tile;
    this.columns = columns;
    this.perSheet = perSheet;
    this.images = images;
    this.states = new Uint8Array(this.count); // 0 shown, 1 chosen, 2 hidden
    this.colors = new Uint8Array(this.count * 4).fill(128);
    this.#grid();
    if (this.gl) this.#upload();
    this.fit();
  }

  paint(color) {
    for (let point = 0; point < this.count; point++) this.colors.set(color(point), point * 4);
    this.#send();
  }

  choose(numbers) {
    for (let point = 0; point < this.count; point++) if (this.states[point] === 1) this.states[point] = 0;
    for (const point of numbers) if (this.states[point] === 0) this.states[point] = 1;
    this.#send();
  }

  hide(numbers, hidden = true) {
    for (const point of numbers) this.states[point] = hidden ? 2 : 0;
    this.#send();
  }

  showAll() {
    this.states.fill(0);
    this.#send();
  }

  mark(place) {
    this.marker = place;
    this.draw();
  }

  // ---- the view ----------------------------------------------------------------------------------

  fit() {
    let low = [1, 1];
    let high = [0, 0];
    for (let point = 0; point < this.count; point++)
      for (const axis of [0, 1]) {
        low[axis] = Math.min(low[axis], this.places[2 * point + axis]);
        high[axis] = Math.max(high[axis], this.places[2 * point + axis]);
      }
    if (!this.count) [low, high] = [[0, 0], [1, 1]];
    this.middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
    this.least = Math.min((this.width - 50) / (high[0] - low[0] || 1), (this.height - 50) / (high[1] - low[1] || 1));
    this.scale = this.least;
    this.draw();
  }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const before = this.placeOf(x, y);
    this.scale = Math.min(Math.max(this.scale * by, this.least * 0.7), this.least * 60);
    const after = this.placeOf(x, y);
    this.middle = [this.middle[0] + before[0] - after[0], this.middle[1] + before[1] - after[1]];
    this.#inside();
    this.draw();
  }

  pan(x, y) {
    this.middle = [this.middle[0] - x / this.scale, this.middle[1] - y / this.scale];
    this.#inside();
    this.draw();
  }

  #inside() {
    this.middle = this.middle.map((one) => Math.min(Math.max(one, 0), 1));
  }

  placeOf(x, y) {
    return [(x - this.width / 2) / this.scale + this.middle[0], (y - this.height / 2) / this.scale + this.middle[1]];
  }

  pixelOf([x, y]) {
    return [(x - this.middle[0]) * this.scale + this.width / 2, (y - this.middle[1]) * this.scale + this.height / 2];
  }

  // The side of a picture on the screen: somewhat more than pictures lie from one another.
  side() {
    const apart = (this.scale * 0.75) / Math.sqrt(this.count || 1);
    return Math.min(Math.max(apart * 1.6, 6), LARGEST);
  }

  nearest(place, within = Math.max(this.side() * 0.75, 12) / this.scale) {
    const reach = Math.ceil(within * CELLS);
    const [cx, cy] = place.map((one) => Math.floor(one * CELLS));
    let best = -1;
    let least = within * within;
    for (let y = cy - reach; y <= cy + reach; y++)
      for (let x = cx - reach; x <= cx + reach; x++)
        for (const point of this.cells.get(y * CELLS + x) ?? []) {
          if (this.states[point] === 2) continue;
          const away = (this.places[2 * point] - place[0]) ** 2 + (this.places[2 * point + 1] - place[1]) ** 2;
          if (away < least) [best, least] = [point, away];
        }
    return best;
  }

  #grid() {
    this.cells = new Map();
    for (let point = 0; point < this.count; point++) {
      const key = Math.floor(this.places[2 * point + 1] * CELLS) * CELLS + Math.floor(this.places[2 * point] * CELLS);
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(point);
    }
  }

  // ---- drawing -----------------------------------------------------------------------------------

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.gl) this.#drawn();
      else this.#plain();
      this.#overlay();
    });
  }

  #resize() {
    const box = this.root.getBoundingClientRect();
    const dense = Math.min(window.devicePixelRatio || 1, 2);
    const first = !this.width;
    this.width = Math.max(1, Math.round(box.width));
    this.height = Math.max(1, Math.round(box.height));
    this.dense = dense;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = this.width * dense;
      canvas.height = this.height * dense;
    }
    if (first) this.least = this.scale = Math.min(this.width, this.height);
    if (this.count) this.fit();
    else this.draw();
  }

  #build() {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, PIXEL]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      this.gl = null;
      this.canvas.replaceWith((this.canvas = document.createElement("canvas")));
      return;
    }
    this.program = program;
    this.uniform = (name) => gl.getUniformLocation(program, name);
    this.uniforms = Object.fromEntries(
      ["middle", "frame", "scale", "side", "columns", "rows", "sheet", "pictures", "mark", "lifted"].map((name) => [name, this.uniform(name)]),
    );
  }

  #upload() {
    const gl = this.gl;
    for (const sheet of this.sheets) {
      gl.deleteTexture(sheet.texture);
      gl.deleteVertexArray(sheet.array);
    }
    this.sheets = this.images.map((image, number) => {
      const first = number * this.perSheet;
      const count = Math.min(this.perSheet, this.count - first);
      const texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      const array = gl.createVertexArray();
      gl.bindVertexArray(array);
      const buffers = {};
      const each = (name, data, size, type, normal) => {
        buffers[name] = gl.createBuffer();
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
        gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
        const place = gl.getAttribLocation(this.program, name);
        gl.enableVertexAttribArray(place);
        gl.vertexAttribPointer(place, size, type, normal, 0, 0);
        gl.vertexAttribDivisor(place, 1);
      };
      each("place", this.places.subarray(2 * first, 2 * (first + count)), 2, gl.FLOAT, false);
      each("tile", Float32Array.from({ length: count }, (_, tile) => tile), 1, gl.FLOAT, false);
      each("color", this.colors.subarray(4 * first, 4 * (first + count)), 4, gl.UNSIGNED_BYTE, true);
      each("state", this.states.subarray(first, first + count), 1, gl.UNSIGNED_BYTE, false);
      return { texture, array, buffers, first, count, rows: image.height / this.tile };
    });
  }

  #send() {
    const gl = this.gl;
    for (const { buffers, first, count } of gl ? this.sheets : []) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers.color);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.colors.subarray(4 * first, 4 * (first + count)));
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers.state);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.states.subarray(first, first + count));
    }
    this.draw();
  }

  #drawn() {
    const gl = this.gl;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.count) return;
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const side = this.side();
    const at = this.uniforms;
    gl.uniform2f(at.middle, ...this.middle);
    gl.uniform2f(at.frame, this.width, this.height);
    gl.uniform1f(at.scale, this.scale);
    gl.uniform1f(at.side, side);
    gl.uniform1f(at.columns, this.columns);
    gl.uniform1f(at.pictures, side >= DOTS_BELOW ? 1 : 0);
    gl.uniform4f(at.mark, 0.98, 0.75, 0.14, 1);
    gl.uniform1i(at.sheet, 0);
    for (const lifted of [0, 1]) {
      gl.uniform1f(at.lifted, lifted);
      for (const sheet of this.sheets) {
        gl.uniform1f(at.rows, sheet.rows);
        gl.bindTexture(gl.TEXTURE_2D, sheet.texture);
        gl.bindVertexArray(sheet.array);
        gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, sheet.count);
      }
    }
  }

  // Without WebGL2: the same with a plain canvas, as many as are in view.
  #plain() {
    const pen = this.canvas.getContext("2d");
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const side = this.side();
    for (let point = 0; point < this.count; point++) {
      if (this.states[point] === 2) continue;
      const [x, y] = this.pixelOf([this.places[2 * point], this.places[2 * point + 1]]);
      if (x < -side || y < -side || x > this.width + side || y > this.height + side) continue;
      const [r, g, b] = this.states[point] ? [250, 191, 36] : this.colors.subarray(4 * point, 4 * point + 3);
      pen.fillStyle = `rgb(${r} ${g} ${b})`;
      pen.fillRect(x - side / 2 - 1, y - side / 2 - 1, side + 2, side + 2);
      if (side < DOTS_BELOW) continue;
      const tile = point % this.perSheet;
      const image = this.images[Math.floor(point / this.perSheet)];
      pen.drawImage(image, (tile % this.columns) * this.tile, Math.floor(tile / this.columns) * this.tile, this.tile, this.tile, x - side / 2, y - side / 2, side, side);
    }
  }

  #overlay() {
    const pen = this.over.getContext("2d");
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const style = getComputedStyle(this.root);
    const accent = style.getPropertyValue("--accent").trim() || "#c2410c";
    const card = style.getPropertyValue("--card").trim() || "#fff";
    const ring = (place, radius, dash) => {
      const [x, y] = this.pixelOf(place);
      for (const [color, width] of [[card, 6], [accent, 3]]) {
        pen.beginPath();
        pen.setLineDash(dash);
        pen.arc(x, y, radius, 0, 2 * Math.PI);
        pen.lineWidth = width;
        pen.strokeStyle = color;
        pen.stroke();
      }
      pen.setLineDash([]);
    };
    if (this.marker) ring(this.marker, 18, []);
    if (this.cursor) ring(this.cursor, 12, [4, 4]);
    if (this.line?.length > 1) {
      pen.beginPath();
      for (const [x, y] of this.line) pen.lineTo(x, y);
      pen.closePath();
      pen.fillStyle = "rgb(250 191 36 / .16)";
      pen.fill();
      pen.lineWidth = 2;
      pen.strokeStyle = accent;
      pen.stroke();
    }
  }

  // ---- hands -------------------------------------------------------------------------------------

  #at(event) {
    const box = this.root.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #listen() {
    const root = this.root;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", (event) => this.#up(event));
    root.addEventListener("pointercancel", (event) => this.#cancel(event));
    root.addEventListener("pointerleave", () => this.pointers.size || this.heard.hover(-1, null));
    root.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...this.#at(event));
    }, { passive: false });
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("blur", () => {
      this.cursor = null;
      this.draw();
    });
  }

  #down(event) {
    if (event.button !== 0) return;
    this.root.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.pointers.set(event.pointerId, at);
    this.moved = this.pointers.size > 1;
    this.cursor = null;
    if (this.lassoing || event.shiftKey) this.line = this.pointers.size === 1 ? [at] : null;
  }

  #move(event) {
    const at = this.#at(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.heard.hover(this.count ? this.nearest(this.placeOf(...at)) : -1, at);
      return;
    }
    const [x, y] = [at[0] - before[0], at[1] - before[1]];
    if (!this.moved && Math.hypot(x, y) < 5) return;
    this.moved = true;
    if (this.line) {
      this.line.push(at);
      this.draw();
    } else if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const is = Math.hypot(at[0] - other[0], at[1] - other[1]);
      this.zoom(is / Math.max(was, 1), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
      this.pan(x / 2, y / 2);
    } else this.pan(x, y);
    this.pointers.set(event.pointerId, at);
  }

  #up(event) {
    const at = this.#at(event);
    const known = this.pointers.delete(event.pointerId);
    if (!known) return;
    if (this.line) {
      const line = this.line;
      this.line = null;
      this.draw();
      if (line.length > 3) this.heard.lasso(this.#within(line));
    } else if (!this.moved && !this.pointers.size) this.#chosen(this.placeOf(...at));
  }

  #cancel(event) {
    this.pointers.delete(event.pointerId);
    this.line = null;
    this.draw();
  }

  #chosen(place) {
    if (!this.count || place.some((one) => one < 0 || one > 1)) return;
    this.heard.choose(place, this.nearest(place, (this.side() * 0.55) / this.scale));
  }

  #within(line) {
    const found = [];
    for (let point = 0; point < this.count; point++) {
      if (this.states[point] === 2) continue;
      const [x, y] = this.pixelOf([this.places[2 * point], this.places[2 * point + 1]]);
      let inside = false;
      for (let here = 0, last = line.length - 1; here < line.length; last = here++) {
        const [[ax, ay], [bx, by]] = [line[here], line[last]];
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
      }
      if (inside) found.push(point);
    }
    return found;
  }

  #key(event) {
    const step = event.shiftKey ? 60 : 18;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (ways[event.key] && this.count) {
      const [x, y] = this.pixelOf(this.cursor ?? this.marker ?? this.middle);
      this.cursor = this.placeOf(x + ways[event.key][0], y + ways[event.key][1]).map((one) => Math.min(Math.max(one, 0), 1));
      const [cx, cy] = this.pixelOf(this.cursor);
      if (cx < 30 || cy < 30 || cx > this.width - 30 || cy > this.height - 30) this.pan(-ways[event.key][0], -ways[event.key][1]);
      this.heard.hover(this.nearest(this.cursor), this.pixelOf(this.cursor), true);
    } else if (event.key === "Enter" || event.key === " ") this.#chosen(this.cursor ?? this.middle);
    else if (event.key === "+" || event.key === "=") this.zoom(1.3, ...this.pixelOf(this.cursor ?? this.middle));
    else if (event.key === "-") this.zoom(1 / 1.3, ...this.pixelOf(this.cursor ?? this.middle));
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.draw();
  }
}

const CELLS = 96;

export const PALETTE = [
  [29, 111, 165], [194, 65, 12], [77, 124, 15], [147, 51, 168], [202, 138, 4], [13, 148, 136], [190, 24, 93], [87, 83, 78],
  [79, 70, 229], [220, 38, 38], [5, 150, 105], [124, 58, 237],
];
