/**
 * QR codes of digits, drawn here and without a network: version 3, level Q, numeric mode (ISO/IEC 18004), 29 x 29 modules.
 * It holds up to 77 digits. Two interleaved blocks of 17 data and 18 correction code words.
 */

import { svg } from "./dom.js";

export const SIZE = 29;
const MAX_DIGITS = 77;
const BLOCKS = 2;
const DATA_WORDS = 17;
const CHECK_WORDS = 18;
const QUIET = 4;
const LEVEL_Q = 0b11;
const FORMAT_POLY = 0x537;
const FORMAT_MASK = 0x5412;

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = value & 0x80 ? (value << 1) ^ 0x11d : value << 1;
}
const GENERATOR = generator(CHECK_WORDS);

const MASKS = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (r, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
  (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

/** The modules of `digits`, row by row: true is dark. */
export function encode(digits) {
  if (!/^\d+$/.test(digits) || digits.length > MAX_DIGITS) throw new RangeError(`1 to ${MAX_DIGITS} digits fit`);
  const words = interleave(dataWords(digits));
  const symbols = MASKS.map((mask, index) => place(words, mask, index));
  return symbols.reduce((best, symbol) => (penalty(symbol) < penalty(best) ? symbol : best));
}

/** An SVG of `digits` with its quiet zone, dark on white whatever the theme. */
export function draw(digits, label) {
  const side = SIZE + 2 * QUIET;
  const dark = encode(digits).flatMap((row, r) => row.map((on, c) => (on ? `M${c + QUIET} ${r + QUIET}h1v1h-1z` : "")));
  return svg("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    svg("rect", { width: side, height: side, fill: "#fff" }), svg("path", { d: dark.join(""), fill: "#000" }));
}

function dataWords(digits) {
  const bits = [];
  const push = (value, length) => { for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1); };
  push(0b0001, 4);
  push(digits.length, 10);
  for (const group of digits.match(/\d{1,3}/g)) push(Number(group), group.length * 3 + 1);
  const capacity = BLOCKS * DATA_WORDS * 8;
  push(0, Math.min(4, capacity - bits.length));
  while (bits.length % 8) bits.push(0);
  for (let pad = 0; bits.length < capacity; pad += 1) push(pad % 2 ? 0x11 : 0xec, 8);
  const words = [];
  for (let i = 0; i < bits.length; i += 8) words.push(parseInt(bits.slice(i, i + 8).join(""), 2));
  return words;
}

function interleave(words) {
  const blocks = Array.from({ length: BLOCKS }, (_, b) => words.slice(b * DATA_WORDS, (b + 1) * DATA_WORDS));
  const checks = blocks.map(remainder);
  const out = [];
  for (let i = 0; i < DATA_WORDS; i += 1) for (const block of blocks) out.push(block[i]);
  for (let i = 0; i < CHECK_WORDS; i += 1) for (const check of checks) out.push(check[i]);
  return out;
}

function multiply(a, b) {
  return a && b ? EXP[LOG[a] + LOG[b]] : 0;
}

function generator(degree) {
  let poly = [1];
  for (let i = 0; i < degree; i += 1) {
    const next = [...poly, 0];
    poly.forEach((factor, at) => { next[at + 1] ^= multiply(factor, EXP[i]); });
    poly = next;
  }
  return poly.slice(1);
}

function remainder(block) {
  const rest = new Array(CHECK_WORDS).fill(0);
  for (const word of block) {
    const factor = word ^ rest.shift();
    rest.push(0);
    GENERATOR.forEach((value, i) => { rest[i] ^= multiply(value, factor); });
  }
  return rest;
}

function place(words, mask, index) {
  const rows = Array.from({ length: SIZE }, () => new Array(SIZE).fill(null));
  fixedPatterns(rows);
  formatBits(rows, index);
  const bits = words.flatMap((word) => [7, 6, 5, 4, 3, 2, 1, 0].map((i) => (word >> i) & 1));
  let next = 0;
  for (const [r, c] of path()) {
    if (rows[r][c] === null) rows[r][c] = Boolean((bits[next++] ?? 0) ^ (mask(r, c) ? 1 : 0));
  }
  return rows;
}

function fixedPatterns(rows) {
  for (const [top, left] of [[0, 0], [0, SIZE - 7], [SIZE - 7, 0]]) {
    square(rows, top - 1, left - 1, 9, false);
    square(rows, top, left, 7, true);
    square(rows, top + 1, left + 1, 5, false);
    square(rows, top + 2, left + 2, 3, true);
  }
  square(rows, 20, 20, 5, true);
  square(rows, 21, 21, 3, false);
  square(rows, 22, 22, 1, true);
  for (let i = 8; i < SIZE - 8; i += 1) rows[6][i] = rows[i][6] = i % 2 === 0;
  rows[SIZE - 8][8] = true;
}

function square(rows, top, left, side, dark) {
  for (let r = Math.max(top, 0); r < Math.min(top + side, SIZE); r += 1) {
    for (let c = Math.max(left, 0); c < Math.min(left + side, SIZE); c += 1) rows[r][c] = dark;
  }
}

function formatBits(rows, maskIndex) {
  const data = (LEVEL_Q << 3) | maskIndex;
  let rest = data << 10;
  for (let bit = 14; bit >= 10; bit -= 1) if ((rest >> bit) & 1) rest ^= FORMAT_POLY << (bit - 10);
  const word = ((data << 10) | rest) ^ FORMAT_MASK;
  for (let i = 0; i < 15; i += 1) {
    const on = Boolean((word >> i) & 1);
    const [r, c] = i < 6 ? [i, 8] : i < 8 ? [i + 1, 8] : i === 8 ? [8, 7] : [8, 14 - i];
    rows[r][c] = on;
    if (i < 8) rows[8][SIZE - 1 - i] = on;
    else rows[SIZE - 15 + i][8] = on;
  }
}

function* path() {
  let upwards = true;
  for (let right = SIZE - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1;
    for (let step = 0; step < SIZE; step += 1) {
      const r = upwards ? SIZE - 1 - step : step;
      yield [r, right];
      yield [r, right - 1];
    }
    upwards = !upwards;
  }
}

function penalty(rows) {
  const columns = rows.map((_, c) => rows.map((row) => row[c]));
  const lines = [...rows, ...columns].map((line) => line.map(Number).join(""));
  const runs = lines.join(" ").match(/0{5,}|1{5,}/g) ?? [];
  const finders = lines.join(" ").match(/(?=10111010000|00001011101)/g) ?? [];
  const dark = rows.flat().filter(Boolean).length;
  return runs.reduce((sum, run) => sum + run.length - 2, 0) + 3 * squares(rows) + 40 * finders.length
    + 10 * Math.floor(Math.abs((dark * 20) / SIZE ** 2 - 10));
}

function squares(rows) {
  let count = 0;
  for (let r = 1; r < SIZE; r += 1) {
    for (let c = 1; c < SIZE; c += 1) {
      const on = rows[r][c];
      if (rows[r - 1][c] === on && rows[r][c - 1] === on && rows[r - 1][c - 1] === on) count += 1;
    }
  }
  return count;
}
