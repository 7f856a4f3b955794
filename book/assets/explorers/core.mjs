// @ts-check
/**
 * The arithmetic of convolution as PyTorch does it (the kernel is not flipped), on rows of numbers. No drawing.
 * Positions are [row, column]; a pair is [down, across], as in PyTorch, and one number stands for both.
 * @typedef {number[][]} Grid H rows of W numbers; a 1-D signal is one row
 * @typedef {[number, number]} Pair
 * @typedef {{stride?: number | Pair, padding?: number | Pair, dilation?: number | Pair, paddingMode?: string}} Settings
 * @typedef {Settings & {input: Pair, kernel: Pair}} Sizes the settings and the sizes of the input and the kernel
 */

export const PADDING_MODES = ["zeros", "reflect", "replicate", "circular"];

/** @param {number | Pair} value @returns {Pair} */
export const pair = (value) => (Array.isArray(value) ? value : [value, value]);

/**
 * How many places a window has along one direction.
 * @param {number} n pixels of the input along it
 * @param {{kernel: number, stride?: number, padding?: number, dilation?: number}} settings
 * @returns {number}
 * @throws {RangeError} where PyTorch refuses too, with a sentence to show
 */
export function outputSize(n, { kernel, stride = 1, padding = 0, dilation = 1 }) {
  for (const [name, value, least] of /** @type {[string, number, number][]} */ (
    [["input", n, 1], ["kernel_size", kernel, 1], ["stride", stride, 1], ["padding", padding, 0], ["dilation", dilation, 1]])) {
    if (!Number.isInteger(value) || value < least) throw new RangeError(`${name} must be a whole number from ${least} on, not ${value}.`);
  }
  const reach = dilation * (kernel - 1) + 1, room = n + 2 * padding;
  if (reach > room) throw new RangeError(`The kernel reaches over ${reach} pixels, and the input ${padding ? "with its padding " : ""}has ${room}: it does not fit.`);
  return Math.floor((room - reach) / stride) + 1;
}

/** @param {Sizes} sizes @returns {Pair} rows and columns of the output @throws {RangeError} */
export function outputSizes({ input, kernel, stride = 1, padding = 0, dilation = 1, paddingMode = "zeros" }) {
  const [s, p, d] = [pair(stride), pair(padding), pair(dilation)];
  if (!PADDING_MODES.includes(paddingMode)) throw new RangeError(`padding_mode is one of ${PADDING_MODES.join(", ")}.`);
  return /** @type {Pair} */ ([0, 1].map((axis) => {
    const most = { reflect: input[axis] - 1, circular: input[axis] }[paddingMode] ?? Infinity;
    const size = outputSize(input[axis], { kernel: kernel[axis], stride: s[axis], padding: p[axis], dilation: d[axis] });
    if (p[axis] > most) throw new RangeError(`With padding_mode="${paddingMode}", padding is at most ${most} here, not ${p[axis]}.`);
    return size;
  }));
}

/**
 * Which pixel stands at a position of the padded input.
 * @param {number} at position, counted from the first pixel, so negative in the padding before it
 * @param {number} n pixels of the input along this direction
 * @param {string} mode one of PADDING_MODES
 * @returns {number} the pixel's number, or -1 for a padded zero
 */
export function source(at, n, mode) {
  if (at >= 0 && at < n) return at;
  if (mode === "replicate") return at < 0 ? 0 : n - 1;
  if (mode === "reflect") return at < 0 ? -at : 2 * (n - 1) - at;
  return mode === "circular" ? (at + n) % n : -1;
}

/**
 * What output (i, j) reads: for each weight, its place in the kernel, where it stands on the padded input, and the pixel there.
 * @param {number} i @param {number} j @param {Sizes} sizes
 * @returns {{weight: Pair, at: Pair, pixel: Pair | null}[]} `pixel` is null where a padded zero stands
 */
export function window(i, j, { input, kernel, stride = 1, padding = 0, dilation = 1, paddingMode = "zeros" }) {
  const [s, p, d] = [pair(stride), pair(padding), pair(dilation)], cells = [];
  for (let a = 0; a < kernel[0]; a++) {
    for (let b = 0; b < kernel[1]; b++) {
      const at = /** @type {Pair} */ ([i * s[0] - p[0] + a * d[0], j * s[1] - p[1] + b * d[1]]);
      const pixel = /** @type {Pair} */ (at.map((one, axis) => source(one, input[axis], paddingMode)));
      cells.push({ weight: /** @type {Pair} */ ([a, b]), at, pixel: pixel.includes(-1) ? null : pixel });
    }
  }
  return cells;
}

/**
 * Which outputs each pixel of the input feeds.
 * @param {Sizes} sizes
 * @returns {Pair[][][]} for each row and column of the input a list of outputs; empty where the pixel never counts
 */
export function feeds(sizes) {
  const [rows, columns] = outputSizes(sizes);
  const fed = Array.from({ length: sizes.input[0] }, () => Array.from({ length: sizes.input[1] }, () => /** @type {Pair[]} */ ([])));
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      for (const { pixel } of window(i, j, sizes)) {
        const list = pixel && fed[pixel[0]][pixel[1]], last = list && list.at(-1);
        if (list && !(last && last[0] === i && last[1] === j)) list.push([i, j]);
      }
    }
  }
  return fed;
}

/** @param {number} r @param {number} c @param {Sizes} sizes @returns {Pair[]} the outputs that the pixel in row r, column c feeds */
export const fedBy = (r, c, sizes) => feeds(sizes)[r][c];

/** @param {Grid} grid @returns {Pair} */
export const sizeOf = (grid) => [grid.length, grid[0].length];

/**
 * The convolution of one channel.
 * @param {Grid} x input @param {Grid} k kernel @param {Settings} [settings]
 * @returns {Grid} @throws {RangeError}
 */
export function conv2d(x, k, settings = {}) {
  const sizes = { ...settings, input: sizeOf(x), kernel: sizeOf(k) };
  const [rows, columns] = outputSizes(sizes);
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) =>
    window(i, j, sizes).reduce((sum, { weight, pixel }) => sum + (pixel ? x[pixel[0]][pixel[1]] * k[weight[0]][weight[1]] : 0), 0)));
}

/** @param {Grid} grid @param {Pair} at @param {number} value @returns {Grid} a copy with another number in one place */
export const withCell = (grid, [r, c], value) => grid.map((row, i) => row.map((old, j) => (i === r && j === c ? value : old)));

/** @param {number} value @returns {string} a number as it is shown: at most three decimals, and a real minus sign */
export const shown = (value) => String(+value.toFixed(3) || 0).replace("-", "−");
