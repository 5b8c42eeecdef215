// Sliders of what can be changed, each with how often that succeeds on pictures that were held out.

import { el, fill } from "/static/shell.js";

const COLOR = /^#[0-9a-f]{6}$/i;
const SELDOM = 0.6;

const percent = (share) => `${Math.round(share * 100)} %`;
export const spoken = (name) => String(name).replace(/[_-]+/g, " ");

function success(slider) {
  if (slider.success === undefined) return null;
  const words = `Measured on ${slider.count} pictures that were held out: between ${percent(slider.low)} and ${percent(slider.high)}.`;
  return el("span", { class: "works", title: words }, `works ${percent(slider.success)}`);
}

// `changed(moves, final)` hears every movement; `most` is how far a share of a change goes.
export class Sliders {
  constructor(root, changed, { most = 1.5 } = {}) {
    this.root = root;
    this.changed = changed;
    this.most = most;
    this.rows = new Map();
  }

  fill(sliders, moves = []) {
    this.rows.clear();
    const often = sliders.filter((one) => one.kind !== "axis" && !(one.success < SELDOM));
    const seldom = sliders.filter((one) => one.kind !== "axis" && one.success < SELDOM);
    const axes = sliders.filter((one) => one.kind === "axis");
    often.sort((one, other) => (other.success ?? 0) - (one.success ?? 0));
    seldom.sort((one, other) => other.success - one.success);
    const group = (title, list, open) =>
      list.length && el("details", { class: "group", open }, el("summary", {}, title), el("div", { class: "rows" }, list.map((one) => this.#row(one))));
    fill(
      this.root,
      often.length ? el("div", { class: "rows" }, often.map((one) => this.#row(one))) : null,
      group(often.length ? `Seldom works (${seldom.length})` : `What your labels name (works seldom so far)`, seldom, !often.length) || null,
      group(`Found without labels (${axes.length})`, axes, !often.length && !seldom.length) || null,
    );
    this.put(moves);
  }

  // Marks the values that a photo shows already: name -> value.
  now(shows) {
    for (const row of this.rows.values()) row.now?.(shows[row.name]);
  }

  put(moves) {
    for (const row of this.rows.values()) row.put(moves.find((move) => move.name === row.name));
  }

  moves() {
    return [...this.rows.values()].map((row) => row.move()).filter(Boolean);
  }

  clear() {
    this.put([]);
    this.changed([], true);
  }

  #tell(final) {
    this.changed(this.moves(), final);
  }

  #row(slider) {
    return slider.kind === "axis" ? this.#axis(slider) : this.#attribute(slider);
  }

  #axis(slider) {
    const title = slider.given || `axis ${slider.name}`;
    const range = el("input", { type: "range", min: "-3", max: "3", step: "0.05", value: "0", "aria-label": title });
    const shown = el("output", {}, "0");
    const put = (move) => {
      range.value = move?.amount ?? 0;
      shown.textContent = this.#signed(range.value);
    };
    range.addEventListener("input", () => {
      shown.textContent = this.#signed(range.value);
      this.#tell(false);
    });
    range.addEventListener("change", () => this.#tell(true));
    range.addEventListener("dblclick", () => (put(null), this.#tell(true)));
    const move = () => (Number(range.value) ? { name: slider.name, amount: Number(range.value) } : null);
    this.rows.set(`axis/${slider.name}`, { name: slider.name, put, move });
    return el("div", { class: "slider" }, el("span", { class: "name" }, title), range, shown);
  }

  #signed(value) {
    const number = Number(value);
    return number > 0 ? `+${number.toFixed(1)}` : number.toFixed(1);
  }

  #attribute(slider) {
    const title = spoken(slider.name);
    const range = el("input", { type: "range", min: "0", max: String(this.most), step: "0.02", value: "1", "aria-label": `how much: ${title}` });
    const chooser = slider.values.every((value) => COLOR.test(value)) ? this.#swatches(slider, title) : this.#select(slider, title);
    const put = (move) => {
      chooser.put(move?.value ?? "");
      range.value = move?.amount ?? 1;
      range.disabled = !chooser.value();
    };
    chooser.heard = () => {
      range.disabled = !chooser.value();
      if (range.value === "0") range.value = 1;
      this.#tell(true);
    };
    range.addEventListener("input", () => this.#tell(false));
    range.addEventListener("change", () => this.#tell(true));
    const move = () =>
      chooser.value() && Number(range.value) ? { name: slider.name, amount: Number(range.value), value: chooser.value() } : null;
    this.rows.set(slider.name, { name: slider.name, put, move, now: chooser.now });
    range.disabled = true;
    return el("div", { class: "slider attribute" }, el("span", { class: "name" }, title, slider.kind === "taught" ? " (taught)" : null), success(slider), chooser.element, range);
  }

  #select(slider, title) {
    const select = el(
      "select",
      { "aria-label": title },
      el("option", { value: "" }, "as it is"),
      slider.values.map((value) => el("option", { value }, spoken(value))),
    );
    const chooser = { element: select, value: () => select.value, put: (value) => (select.value = value), heard: null };
    chooser.now = (value) => {
      for (const option of select.options) if (option.value) option.textContent = spoken(option.value) + (option.value === value ? " (now)" : "");
    };
    select.addEventListener("change", () => chooser.heard());
    return chooser;
  }

  #swatches(slider, title) {
    let chosen = "";
    const chooser = { value: () => chosen, heard: null };
    const buttons = ["", ...slider.values].map((value) => {
      const button = el("button", { type: "button", class: value ? "swatch" : "swatch none", title: value || "as it is", "aria-label": value ? `${title} ${value}` : `${title} as it is` });
      if (value) button.style.setProperty("background-color", value);
      button.addEventListener("click", () => (chooser.put(value), chooser.heard()));
      return [value, button];
    });
    chooser.put = (value) => {
      chosen = value;
      for (const [own, button] of buttons) button.setAttribute("aria-pressed", String(own === value));
    };
    chooser.now = (value) => {
      for (const [own, button] of buttons) button.classList.toggle("now", own !== "" && own === value);
    };
    chooser.element = el("div", { class: "swatches", role: "group", "aria-label": title }, buttons.map(([, button]) => button));
    chooser.put("");
    return chooser;
  }
}
