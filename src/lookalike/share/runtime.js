// Runs a program of plain operations (share/graph.py) on Float32Arrays; one picture at a time.
// No library, no network. A tensor is {data, shape}; the first side of a shape is a batch of one.
"use strict";

const Runtime = (() => {
  const count = (shape) => shape.reduce((product, side) => product * side, 1);
  const tensor = (shape) => ({ data: new Float32Array(count(shape)), shape });

  // ---- arithmetic, number by number ----------------------------------------------------------

  function strides(shape, of) {
    // Steps through `of` for each side of `shape`; 0 where one number serves a whole side.
    const steps = new Array(shape.length).fill(0);
    let step = 1;
    for (let i = 1; i <= of.length; i++) {
      const side = of[of.length - i];
      if (side !== 1) steps[shape.length - i] = step;
      step *= side;
    }
    return steps;
  }

  function pairwise(apply) {
    return ([a, b], shape) => {
      const out = tensor(shape);
      const { data } = out;
      if (a.data.length === data.length && b.data.length === data.length) {
        for (let i = 0; i < data.length; i++) data[i] = apply(a.data[i], b.data[i]);
        return out;
      }
      if (a.data.length === data.length && b.data.length === 1) {
        const only = b.data[0];
        for (let i = 0; i < data.length; i++) data[i] = apply(a.data[i], only);
        return out;
      }
      const inner = shape[shape.length - 1] ?? 1;
      const [sa, sb] = [strides(shape, a.shape), strides(shape, b.shape)];
      const place = new Array(shape.length).fill(0);
      const [ia, ib] = [sa[shape.length - 1] ?? 0, sb[shape.length - 1] ?? 0];
      for (let at = 0; at < data.length; at += inner) {
        let [pa, pb] = [0, 0];
        for (let d = 0; d < shape.length - 1; d++) {
          pa += place[d] * sa[d];
          pb += place[d] * sb[d];
        }
        for (let i = 0; i < inner; i++) data[at + i] = apply(a.data[pa + i * ia], b.data[pb + i * ib]);
        for (let d = shape.length - 2; d >= 0 && ++place[d] === shape[d]; d--) place[d] = 0;
      }
      return out;
    };
  }

  function each(apply) {
    return ([x], shape, settings) => {
      const out = tensor(shape);
      for (let i = 0; i < out.data.length; i++) out.data[i] = apply(x.data[i], settings);
      return out;
    };
  }

  // ---- products and convolutions -------------------------------------------------------------

  // C[M, P] = A[M, K] x B[K, P], sixteen numbers at a time; C begins as zeros or as a bias.
  function multiply(A, B, C, M, K, P, offsets = [0, 0, 0]) {
    const [a0, b0, c0] = offsets;
    const [wholeM, wholeP] = [M - (M % 4), P - (P % 4)];
    for (let m = 0; m < wholeM; m += 4) {
      const r0 = a0 + m * K, r1 = r0 + K, r2 = r1 + K, r3 = r2 + K;
      for (let p = 0; p < wholeP; p += 4) {
        let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
        let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
        for (let k = 0, q = b0 + p; k < K; k++, q += P) {
          const v0 = B[q], v1 = B[q + 1], v2 = B[q + 2], v3 = B[q + 3];
          const w0 = A[r0 + k], w1 = A[r1 + k], w2 = A[r2 + k], w3 = A[r3 + k];
          s00 += w0 * v0; s01 += w0 * v1; s02 += w0 * v2; s03 += w0 * v3;
          s10 += w1 * v0; s11 += w1 * v1; s12 += w1 * v2; s13 += w1 * v3;
          s20 += w2 * v0; s21 += w2 * v1; s22 += w2 * v2; s23 += w2 * v3;
          s30 += w3 * v0; s31 += w3 * v1; s32 += w3 * v2; s33 += w3 * v3;
        }
        let c = c0 + m * P + p;
        C[c] += s00; C[c + 1] += s01; C[c + 2] += s02; C[c + 3] += s03; c += P;
        C[c] += s10; C[c + 1] += s11; C[c + 2] += s12; C[c + 3] += s13; c += P;
        C[c] += s20; C[c + 1] += s21; C[c + 2] += s22; C[c + 3] += s23; c += P;
        C[c] += s30; C[c + 1] += s31; C[c + 2] += s32; C[c + 3] += s33;
      }
    }
    for (let m = 0; m < M; m++) {
      for (let p = m < wholeM ? wholeP : 0; p < P; p++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += A[a0 + m * K + k] * B[b0 + k * P + p];
        C[c0 + m * P + p] += sum;
      }
    }
  }

  function fillBias(out, bias, plane) {
    if (bias) for (let c = 0; c < bias.data.length; c++) out.data.fill(bias.data[c], c * plane, (c + 1) * plane);
  }

  // The places of x under every kernel position, [channels * kernel, places]; or back, adding up.
  function columns(x, first, channels, settings, sides, placed, back) {
    const { kernel, stride, padding, dilation } = settings;
    const [height, width] = sides;
    const [rows, across] = placed;
    const places = rows * across;
    const out = back ?? new Float32Array(channels * kernel[0] * kernel[1] * places);
    let at = 0;
    for (let c = 0; c < channels; c++) {
      const plane = (first + c) * height * width;
      for (let ky = 0; ky < kernel[0]; ky++) {
        for (let kx = 0; kx < kernel[1]; kx++) {
          for (let y = 0; y < rows; y++, at += across) {
            const row = y * stride[0] - padding[0] + ky * dilation[0];
            if (row < 0 || row >= height) continue;
            const line = plane + row * width;
            for (let i = 0, col = kx * dilation[1] - padding[1]; i < across; i++, col += stride[1]) {
              if (col < 0 || col >= width) continue;
              if (back) x[line + col] += out[at + i];
              else out[at + i] = x[line + col];
            }
          }
        }
      }
    }
    return out;
  }

  function convolution([x, weight, bias], shape, settings) {
    return settings.transposed
      ? transposed(x, weight, bias, shape, settings)
      : plain(x, weight, bias, shape, settings);
  }

  function plain(x, weight, bias, shape, settings) {
    const out = tensor(shape);
    const [, inputs, height, width] = x.shape;
    const [, outputs, rows, across] = shape;
    const { groups, kernel, stride, padding } = settings;
    const [from, to, places] = [inputs / groups, outputs / groups, rows * across];
    const K = from * kernel[0] * kernel[1];
    const direct = K === from && stride[0] * stride[1] === 1 && padding[0] + padding[1] === 0;
    fillBias(out, bias, places);
    for (let g = 0; g < groups; g++) {
      const seen = direct
        ? x.data
        : columns(x.data, g * from, from, settings, [height, width], [rows, across]);
      const offsets = [g * to * K, direct ? g * from * places : 0, g * to * places];
      multiply(weight.data, seen, out.data, to, K, places, offsets);
    }
    return out;
  }

  function transposed(x, weight, bias, shape, settings) {
    const out = tensor(shape);
    const [, inputs, height, width] = x.shape;
    const [, outputs, rows, across] = shape;
    const { groups, kernel } = settings;
    const [from, to, places] = [inputs / groups, outputs / groups, height * width];
    const K = to * kernel[0] * kernel[1];
    fillBias(out, bias, rows * across);
    for (let g = 0; g < groups; g++) {
      const turned = new Float32Array(K * from); // weight [from, K] -> [K, from]
      const start = g * from * K;
      for (let i = 0; i < from; i++)
        for (let k = 0; k < K; k++) turned[k * from + i] = weight.data[start + i * K + k];
      const spread = new Float32Array(K * places);
      multiply(turned, x.data, spread, K, from, places, [0, g * from * places, 0]);
      columns(out.data, g * to, to, settings, [rows, across], [height, width], spread);
    }
    return out;
  }

  function product([a, b], shape) {
    const out = tensor(shape);
    multiply(a.data, b.data, out.data, a.shape[0], a.shape[1], b.shape[1]);
    return out;
  }

  function affine([bias, a, b], shape) {
    const out = product([a, b], shape);
    const wide = shape[1];
    for (let i = 0; i < out.data.length; i++) out.data[i] += bias.data[i % wide];
    return out;
  }

  // ---- places and shapes ---------------------------------------------------------------------

  function reshape([x], shape) {
    return { data: x.data, shape };
  }

  function permute([x], shape, { order }) {
    const out = tensor(shape);
    const steps = strides(x.shape, x.shape.map((side) => (side === 1 ? 1 : side)));
    const own = order.map((axis) => (x.shape[axis] === 1 ? 0 : steps[axis]));
    const place = new Array(shape.length).fill(0);
    for (let i = 0, from = 0; i < out.data.length; i++) {
      out.data[i] = x.data[from];
      for (let d = shape.length - 1; d >= 0; d--) {
        from += own[d];
        if (++place[d] < shape[d]) break;
        from -= own[d] * shape[d];
        place[d] = 0;
      }
    }
    return out;
  }

  function around(shape, axis) {
    return [count(shape.slice(0, axis)), count(shape.slice(axis + 1))];
  }

  function cat(parts, shape, { axis }) {
    const out = tensor(shape);
    const [before, after] = around(shape, axis);
    let start = 0;
    for (const part of parts) {
      const run = part.shape[axis] * after;
      for (let b = 0; b < before; b++)
        out.data.set(part.data.subarray(b * run, (b + 1) * run), b * shape[axis] * after + start);
      start += run;
    }
    return out;
  }

  function slice([x], shape, { axis, start, step = 1 }) {
    const out = tensor(shape);
    const [before, after] = around(shape, axis);
    for (let b = 0, at = 0; b < before; b++)
      for (let i = 0; i < shape[axis]; i++, at += after) {
        const from = (b * x.shape[axis] + start + i * step) * after;
        out.data.set(x.data.subarray(from, from + after), at);
      }
    return out;
  }

  function split(inputs, shape, { axis, sizes, place }) {
    const start = sizes.slice(0, place).reduce((sum, size) => sum + size, 0);
    return slice(inputs, shape, { axis, start });
  }

  function expand([x], shape) {
    return pairwise((a) => a)([x, { data: new Float32Array(1), shape: [] }], shape);
  }

  function nearest([x], shape) {
    const out = tensor(shape);
    const [, channels, height, width] = x.shape;
    const [, , rows, across] = shape;
    for (let c = 0, at = 0; c < channels; c++)
      for (let y = 0; y < rows; y++) {
        const line = (c * height + Math.floor((y * height) / rows)) * width;
        for (let i = 0; i < across; i++, at++) out.data[at] = x.data[line + Math.floor((i * width) / across)];
      }
    return out;
  }

  function between(size, from, corners) {
    // For each place: the two neighbors it lies between, and how near the second one is.
    return Array.from({ length: size }, (_, i) => {
      const scale = corners ? (size > 1 ? (from - 1) / (size - 1) : 0) : from / size;
      const at = Math.max(0, corners ? i * scale : (i + 0.5) * scale - 0.5);
      const low = Math.min(Math.floor(at), from - 1);
      return [low, Math.min(low + 1, from - 1), at - low];
    });
  }

  function bilinear([x], shape, { corners }) {
    const out = tensor(shape);
    const [, channels, height, width] = x.shape;
    const [ys, xs] = [between(shape[2], height, corners), between(shape[3], width, corners)];
    let at = 0;
    for (let c = 0; c < channels; c++)
      for (const [top, bottom, v] of ys) {
        const [t, b] = [(c * height + top) * width, (c * height + bottom) * width];
        for (const [left, right, h] of xs) {
          const above = x.data[t + left] * (1 - h) + x.data[t + right] * h;
          const below = x.data[b + left] * (1 - h) + x.data[b + right] * h;
          out.data[at++] = above * (1 - v) + below * v;
        }
      }
    return out;
  }

  // ---- sums ----------------------------------------------------------------------------------

  function total([x], shape, { axes }) {
    const out = tensor(shape);
    const narrow = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
    const steps = strides(x.shape, narrow);
    const place = new Array(x.shape.length).fill(0);
    for (let i = 0; i < x.data.length; i++) {
      let to = 0;
      for (let d = 0; d < place.length; d++) to += place[d] * steps[d];
      out.data[to] += x.data[i];
      for (let d = place.length - 1; d >= 0 && ++place[d] === x.shape[d]; d--) place[d] = 0;
    }
    return out;
  }

  function mean(inputs, shape, settings) {
    const out = total(inputs, shape, settings);
    const share = out.data.length / inputs[0].data.length;
    for (let i = 0; i < out.data.length; i++) out.data[i] *= share;
    return out;
  }

  function pool([x], shape) {
    const out = tensor(shape);
    const [, channels, height, width] = x.shape;
    const [, , rows, across] = shape;
    let at = 0;
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < rows; y++)
        for (let i = 0; i < across; i++, at++) {
          const [top, bottom] = [Math.floor((y * height) / rows), Math.ceil(((y + 1) * height) / rows)];
          const [left, right] = [Math.floor((i * width) / across), Math.ceil(((i + 1) * width) / across)];
          for (let v = top; v < bottom; v++)
            for (let h = left; h < right; h++) out.data[at] += x.data[(c * height + v) * width + h];
          out.data[at] /= (bottom - top) * (right - left);
        }
    return out;
  }

  function layerNorm([x, weight, bias], shape, { size, epsilon }) {
    const out = tensor(shape);
    for (let at = 0; at < x.data.length; at += size) {
      let [sum, squares] = [0, 0];
      for (let i = 0; i < size; i++) sum += x.data[at + i];
      const middle = sum / size;
      for (let i = 0; i < size; i++) squares += (x.data[at + i] - middle) ** 2;
      const scale = 1 / Math.sqrt(squares / size + epsilon);
      for (let i = 0; i < size; i++)
        out.data[at + i] =
          (x.data[at + i] - middle) * scale * (weight ? weight.data[i] : 1) + (bias ? bias.data[i] : 0);
    }
    return out;
  }

  function channels([x, scale, shift], shape) {
    const out = tensor(shape);
    const plane = count(shape.slice(2));
    for (let c = 0, at = 0; c < shape[1]; c++) {
      const [by, plus] = [scale.data[c], shift.data[c]];
      for (let i = 0; i < plane; i++, at++) out.data[at] = x.data[at] * by + plus;
    }
    return out;
  }

  const operations = {
    add: pairwise((a, b) => a + b),
    sub: pairwise((a, b) => a - b),
    mul: pairwise((a, b) => a * b),
    div: pairwise((a, b) => a / b),
    pow: pairwise((a, b) => a ** b),
    relu: each((x) => (x > 0 ? x : 0)),
    leaky: each((x, { slope }) => (x > 0 ? x : slope * x)),
    elu: each((x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x))),
    sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
    tanh: each(Math.tanh),
    atanh: each(Math.atanh),
    sin: each(Math.sin),
    cos: each(Math.cos),
    exp: each(Math.exp),
    sqrt: each(Math.sqrt),
    rsqrt: each((x) => 1 / Math.sqrt(x)),
    clamp: each((x, { low, high }) => Math.min(high ?? Infinity, Math.max(low ?? -Infinity, x))),
    convolution, product, affine, reshape, permute, cat, slice, split, expand,
    nearest, bilinear, pool, sum: total, mean, layer_norm: layerNorm, channels,
  };

  // ---- programs ------------------------------------------------------------------------------

  // Float32 numbers of 16-bit floats (IEEE 754 binary16).
  function halves(bits) {
    const out = new Float32Array(bits.length);
    for (let i = 0; i < bits.length; i++) {
      const [sign, power, rest] = [bits[i] >> 15 ? -1 : 1, (bits[i] >> 10) & 31, bits[i] & 1023];
      out[i] = sign * (power ? 2 ** (power - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
    }
    return out;
  }

  // Weights as {name: tensor} from one buffer and the list [name, shape, type, first byte].
  function unpack(buffer, list) {
    const weights = {};
    for (const [name, shape, type, first] of list) {
      const size = count(shape);
      const data = type === "f16"
        ? halves(new Uint16Array(buffer, first, size))
        : new Float32Array(buffer.slice(first, first + 4 * size));
      weights[name] = { data, shape };
    }
    return weights;
  }

  // Runs one graph: inputs are flat arrays in the graph's order; outputs are tensors.
  function run(graph, weights, inputs) {
    const known = new Map(graph.inputs.map((name, i) => [name, inputs[i]]));
    const look = (name) => known.get(name) ?? weights[name];
    for (const [kind, names, output, shape, settings] of graph.operations) {
      known.set(output, operations[kind](names.map(look), shape, settings));
    }
    return graph.outputs.map(look);
  }

  return { run, unpack, operations };
})();

if (typeof module !== "undefined") module.exports = Runtime;
