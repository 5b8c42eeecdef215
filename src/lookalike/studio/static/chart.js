// A small chart of numbers over images seen, as SVG.

import { number } from "/static/shell.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 560;
const HEIGHT = 190;
const LEFT = 46;
const BOTTOM = 24;
const TOP = 10;

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function ticks(low, high, count = 4) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at || 0); // never -0
  return found;
}

const short = (value) => (Math.abs(value) >= 1000 ? `${number(value / 1000)}k` : number(value, Math.abs(value) < 10 && value % 1 ? (Math.abs(value) < 0.1 ? 3 : 2) : 0));

// `series`: [{ name, points: [[x, y], ...], band: [[x, low, high], ...] }]; `level`: { name, value }.
export function chart(title, series, level = null) {
  const drawn = series.map(({ points }) => points.filter(([, y]) => Number.isFinite(y)));
  const all = drawn.flat();
  if (!all.length) return null;
  const xs = all.map(([x]) => x);
  const ys = [...all.map(([, y]) => y), ...(level ? [level.value] : [])];
  const low = Math.min(...ys, 0);
  const high = Math.max(...ys) || 1;
  const right = Math.max(...xs) || 1;
  const x = (value) => LEFT + (value / right) * (WIDTH - LEFT - 12);
  const y = (value) => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const clip = (value) => Math.min(HEIGHT - BOTTOM, Math.max(TOP, y(value)));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label(title, series, drawn, level), class: "chart" });
  for (const at of ticks(low, high)) {
    picture.append(svg("line", { x1: LEFT, x2: WIDTH - 12, y1: y(at), y2: y(at), class: "rule" }));
    picture.append(svg("text", { x: LEFT - 7, y: y(at) + 4, "text-anchor": "end" }, short(at)));
  }
  for (const at of ticks(0, right)) picture.append(svg("text", { x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, short(at)));
  if (level) picture.append(svg("line", { x1: LEFT, x2: WIDTH - 12, y1: y(level.value), y2: y(level.value), class: "level" }));
  series.forEach(({ band }, at) => {
    if (!band?.length) return;
    const up = band.map(([a, , top]) => `${x(a)},${clip(top)}`);
    const down = band.map(([a, bottom]) => `${x(a)},${clip(bottom)}`).reverse();
    picture.append(svg("polygon", { points: [...up, ...down].join(" "), class: `band tone-${at}` }));
  });
  drawn.forEach((points, at) => {
    if (points.length === 1) picture.append(svg("circle", { cx: x(points[0][0]), cy: y(points[0][1]), r: 3, class: `tone-${at}` }));
    else picture.append(svg("polyline", { points: points.map(([a, b]) => `${x(a)},${y(b)}`).join(" "), class: `line tone-${at}` }));
  });
  return picture;
}

function label(title, series, drawn, level) {
  const parts = series.map(({ name }, at) => (drawn[at].length ? `${name} ${number(drawn[at].at(-1)[1], 3)} at the end` : ""));
  return `${title}: ${parts.filter(Boolean).join(", ")}${level ? `; ${level.name} ${number(level.value, 3)}` : ""}`;
}
