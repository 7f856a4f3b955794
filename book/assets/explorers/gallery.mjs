// @ts-check
/** The filter gallery: one kernel on a photograph or on the reader's own picture, which never leaves the page. */
import { conv2d, shown, withCell } from "./core.mjs";
import { button, check, frame, make, select } from "./controls.mjs";
import { ARROWS, createGrid } from "./grid.mjs";
import { choice, numbers, readNumber, readState, writeState } from "./state.mjs";

const SIDE = 512, DISPLAYS = ["clipped", "absolute", "signed"];
const NEGATIVE = [94, 53, 177], POSITIVE = [33, 37, 41]; // as in the lesson's own signed pictures
const divisor = { read(text) { const value = readNumber(text); if (!value) throw new RangeError("a divisor cannot be 0."); return value; }, write: String };
/** Square and odd, so that a pixel lies under its middle. */
const square = { ...numbers(5, 5), read(text) {
  const kernel = numbers(5, 5).read(text);
  if (kernel.length !== kernel[0].length || ![3, 5].includes(kernel.length)) throw new RangeError("it has 3 × 3 or 5 × 5 numbers here.");
  return kernel;
} };
const FIELDS = { kernel: square, divisor, colour: choice(["grey", "colour"]), display: choice(DISPLAYS) };

/**
 * Every place at which the kernel fits, without padding.
 * @param {Float32Array} pixels @param {number} width @param {number} height @param {number[][]} kernel @param {number} divisor
 * @returns {Float32Array} (height − k + 1) × (width − k + 1) numbers
 */
export function filter(pixels, width, height, kernel, divisor) {
  const [kh, kw] = [kernel.length, kernel[0].length], columns = width - kw + 1, result = new Float32Array(columns * (height - kh + 1));
  kernel.forEach((row, a) => row.forEach((weight, b) => {
    if (!weight) return;
    for (let i = 0, at = 0; i <= height - kh; i++) {
      for (let j = 0, from = (i + a) * width + b; j < columns; j++) result[at++] += weight * pixels[from++];
    }
  }));
  for (let i = 0; i < result.length; i++) result[i] /= divisor;
  return result;
}

/** @param {number} value @param {string} display @returns {number[]} red, green and blue of an answer */
function ink(value, display) {
  if (display !== "signed") return Array(3).fill(display === "absolute" ? Math.abs(value) : value);
  const share = Math.min(Math.abs(value) / 255, 1), end = value < 0 ? NEGATIVE : POSITIVE;
  return end.map((one) => 255 + share * (one - 255));
}

/** @param {{model: any, el: HTMLElement, signal: AbortSignal}} context */
function render({ model, el, signal }) {
  const start = readState(model.get("start"), FIELDS, { kernel: [[0, 0, 0], [0, 1, 0], [0, 0, 0]], divisor: 1, colour: "grey", display: "clipped" }).state;
  /** @type {import("./state.mjs").State} */ let state = start;
  let width = 0, height = 0, channels = /** @type {Float32Array[]} */ ([]), grey = /** @type {Float32Array} */ (new Float32Array()), spot = [0, 0];

  const parts = frame({ model, el, signal, hint: "Point at a picture to see one window, its numbers, and the sum of pixel × weight. To change a weight, press its cell twice, or select it and type. Signed: dark is above 0, violet below.", choose: open, reset: () => { change(start); upload.value = ""; load(new URL("photo.webp", import.meta.url).href); } });
  const [before, after] = ["input", "output"].map((role) => /** @type {HTMLCanvasElement} */ (make("canvas", { className: role, tabIndex: 0 })));
  const boxes = [before, after].map((canvas) => make("div", { className: "picture" }, canvas, make("div", { className: "frame" })));
  const kernel = createGrid({ role: "kernel", signal, problem: (text) => parts.say([text]),
    edit: (at, value) => change({ kernel: withCell(state.kernel, at, value) }) });
  const under = createGrid({ role: "input", signal }), sum = make("p", { className: "sum" });
  const field = make("input", { className: "field", size: 5, inputMode: "decimal" });
  const five = check("5 × 5", signal, (on) => { spot = spot.map((one) => one + (on ? -1 : 1)); change({ kernel: Array.from({ length: on ? 5 : 3 }, (_, r) => Array.from({ length: on ? 5 : 3 }, (_, c) => state.kernel[on ? r - 1 : r + 1]?.[on ? c - 1 : c + 1] ?? 0)) }); });
  const colour = select({ label: "picture in", options: ["grey", "colour"], signal, change: (value) => change({ colour: value }) });
  const display = select({ label: "answers shown", options: DISPLAYS, signal, change: (value) => change({ display: value }) });
  const upload = make("input", { type: "file", accept: "image/*" });
  before.setAttribute("role", "application"); // it takes the arrow keys
  after.setAttribute("role", "application");
  field.addEventListener("change", () => {
    try { change({ divisor: divisor.read(field.value) }); } catch (error) { parts.say([`divided by: ${error.message}`]); }
  }, { signal });
  upload.addEventListener("change", () => { if (upload.files[0]) own(upload.files[0]); }, { signal });
  for (const canvas of [before, after]) {
    const offset = canvas === after ? 0 : -1;
    for (const kind of ["pointermove", "pointerdown"]) canvas.addEventListener(kind, (/** @type {any} */ event) => {
      const box = canvas.getBoundingClientRect(), half = offset * (state.kernel.length >> 1);
      look(Math.floor((event.clientY - box.top) / box.height * canvas.height) + half, Math.floor((event.clientX - box.left) / box.width * canvas.width) + half);
    }, { signal });
    canvas.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (!step) return;
      event.preventDefault();
      look(spot[0] + step[0] * (event.shiftKey ? 10 : 1), spot[1] + step[1] * (event.shiftKey ? 10 : 1));
    }, { signal });
  }
  sum.setAttribute("aria-live", "polite");
  parts.stage.append(...boxes, make("div", { className: "next" }, kernel.element, under.element));
  parts.words.append(sum);
  parts.settings.append(make("label", {}, make("span", { textContent: "divided by" }), field), five.element, colour.element, display.element,
    make("label", {}, make("span", { textContent: "your own picture (it stays on this page)" }), upload));

  /** @param {Blob} file */
  function own(file) {
    const address = URL.createObjectURL(file);
    parts.say([]);
    load(address).finally(() => URL.revokeObjectURL(address));
  }

  /** @param {string} address */
  async function load(address) {
    const image = new Image();
    image.src = address;
    try {
      await image.decode();
      const scale = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight));
      const size = [image.naturalWidth, image.naturalHeight].map((side) => Math.round(side * scale));
      if (Math.min(...size) < 5) return parts.say(["This picture is too small, or too long and thin: 5 × 5 pixels at least. The one before it stays."]);
      const context = make("canvas", { width: size[0], height: size[1] }).getContext("2d", { willReadFrequently: true });
      context.fillStyle = "white";
      context.fillRect(0, 0, ...size);
      context.drawImage(image, 0, 0, ...size);
      const { data } = context.getImageData(0, 0, ...size);
      [width, height] = size;
      spot = [height >> 1, width >> 1];
      channels = [0, 1, 2].map((channel) => Float32Array.from({ length: width * height }, (_, i) => data[4 * i + channel]));
      grey = channels[0].map((red, i) => Math.floor((red + channels[1][i] + channels[2][i]) / 3));
      if (!signal.aborted) draw();
    } catch {
      parts.say(["This is no picture that the browser can read. The one before it stays."]);
    }
  }

  /** @param {string} text */
  function open(text) {
    const { state: next, problems } = readState(text, FIELDS, { ...start, colour: state.colour });
    change(next);
    if (problems.length) parts.say(problems);
  }

  function change(some) {
    state = { ...state, ...some };
    model.set("state", writeState(state, FIELDS));
    parts.link();
    parts.say([]);
    kernel.show(state.kernel, `kernel${state.divisor === 1 ? "" : `, ÷ ${state.divisor}`}`);
    field.value = String(state.divisor);
    five.set(state.kernel.length === 5);
    colour.set(state.colour);
    display.set(state.display);
    if (width) draw();
  }

  function paint(canvas, columns, rows, at) {
    Object.assign(canvas, { width: columns, height: rows });
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    for (let i = 0; i < columns * rows; i++) image.data.set([...at(i), 255], 4 * i);
    context.putImageData(image, 0, 0);
  }

  function draw() {
    const k = state.kernel.length, columns = width - k + 1, rows = height - k + 1, coloured = state.colour === "colour";
    const answer = filter(grey, width, height, state.kernel, state.divisor);
    const answers = coloured ? channels.map((one) => filter(one, width, height, state.kernel, state.divisor)) : [];
    paint(before, width, height, (i) => (coloured ? channels.map((one) => one[i]) : Array(3).fill(grey[i])));
    paint(after, columns, rows, coloured && state.display !== "signed" ? (i) => answers.map((one) => ink(one[i], state.display)[0]) : (i) => ink(answer[i], state.display));
    before.setAttribute("aria-label", "The picture. Arrow keys move the window, with Shift by ten.");
    after.setAttribute("aria-label", `What the kernel answers, ${state.display}. Arrow keys move the window.`);
    look(spot[0], spot[1]);
  }

  /** @param {number} row @param {number} column the window's first pixel */
  function look(row, column) {
    const k = state.kernel.length, clamp = (value, most) => Math.min(Math.max(value, 0), most);
    spot = [clamp(row, height - k), clamp(column, width - k)];
    const values = Array.from({ length: k }, (_, a) => Array.from(grey.subarray((spot[0] + a) * width + spot[1], (spot[0] + a) * width + spot[1] + k)));
    boxes.forEach((box, index) => {
      box.style.setProperty("--ratio", String(width / height));
      const [rows, columns, side] = index ? [height - k + 1, width - k + 1, 1] : [height, width, k];
      Object.entries({ left: spot[1] / columns, top: spot[0] / rows, width: side / columns, height: side / rows })
        .forEach(([name, share]) => { /** @type {HTMLElement} */ (box.lastChild).style[name] = `${100 * share}%`; });
    });
    under.show(values, `window at ${spot.join(", ")}, grey`);
    sum.textContent = `Sum of pixel × weight${state.divisor === 1 ? "" : `, ÷ ${state.divisor}`}: ${shown(conv2d(values, state.kernel)[0][0] / state.divisor)}`;
  }

  model.on("change:state", () => open(model.get("state")));
  open(model.get("state"));
  load(new URL("photo.webp", import.meta.url).href);
}

export default { render };
