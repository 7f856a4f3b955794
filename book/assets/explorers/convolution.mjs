// @ts-check
/** The convolution explorer: input, kernel and output as grids; one window at a time, with its sum; every number can be changed. */
import * as core from "./core.mjs";
import { button, copyable, frame, make, select, slider } from "./controls.mjs";
import { createGrid } from "./grid.mjs";
import { choice, numbers, readState, whole, writeState } from "./state.mjs";

/** @typedef {import("./core.mjs").Grid} Grid @typedef {import("./core.mjs").Pair} Pair @typedef {import("./state.mjs").State} State */

const MOST = { input: 20, kernel: 7 };
const FIELDS = {
  layer: choice(["Conv1d", "Conv2d"]), input: numbers(MOST.input, MOST.input), kernel: numbers(MOST.kernel, MOST.kernel), stride: whole(1, 8),
  padding: whole(0, 8), padding_mode: choice(core.PADDING_MODES), dilation: whole(1, 6), place: whole(0, 9999),
};
const DEFAULT = { layer: "Conv2d", input: [[0]], kernel: [[1]], stride: 1, padding: 0, padding_mode: "zeros", dilation: 1, place: 0 };

/** @param {State} state @returns {import("./core.mjs").Sizes} a Conv1d does not move across its rows, which are channels */
export function sizesOf({ layer, input, kernel, stride, padding, padding_mode, dilation }) {
  const flat = layer === "Conv1d";
  if (flat && input.length !== kernel.length) throw new RangeError(`A Conv1d kernel has a row for each channel: ${input.length}, not ${kernel.length}.`);
  return { input: core.sizeOf(input), kernel: core.sizeOf(kernel), stride: flat ? [1, stride] : stride, padding: flat ? [0, padding] : padding,
    dilation: flat ? [1, dilation] : dilation, paddingMode: padding_mode };
}

/** @param {State} state @returns {string} PyTorch code that prints the output of this state */
export function pytorch({ layer, input, kernel, stride, padding, padding_mode, dilation }) {
  const flat = layer === "Conv1d", axes = flat ? "None" : "None, None", zeros = padding_mode === "zeros" || !padding;
  const tensor = (grid) => `torch.tensor([${grid.map((row) => `[${row.join(", ")}]`).join(",\n                  ")}], dtype=torch.double)`;
  const named = Object.entries({ stride, padding: zeros ? padding : 0, dilation }).filter(([name, value]) => value !== Number(name !== "padding"));
  const lines = ["import torch", "import torch.nn.functional as F", "", `x = ${tensor(input)}`, `k = ${tensor(kernel)}`, `x, k = x[${axes}], k[None, ${flat ? "" : "None"}]`.replace(", ]", "]")];
  if (!zeros) lines.push(`x = F.pad(x, (${Array(flat ? 2 : 4).fill(padding).join(", ")}), mode="${padding_mode}")`);
  return [...lines, `y = F.${layer.toLowerCase()}(x, k${named.map(([name, value]) => `, ${name}=${value}`).join("")})`, `print(y${flat ? "[0]" : "[0, 0]"})`].join("\n");
}

/** @param {Grid} grid @param {number} rows @param {number} columns @returns {Grid} the grid at another size; new cells repeat the nearest one */
export const resized = (grid, rows, columns) => Array.from({ length: rows }, (_, r) =>
  Array.from({ length: columns }, (_, c) => grid[Math.min(r, grid.length - 1)][Math.min(c, grid[0].length - 1)]));

/** @param {{model: any, el: HTMLElement, signal: AbortSignal}} context */
function render({ model, el, signal }) {
  const start = readState(model.get("start"), FIELDS, DEFAULT).state, show = model.get("show").split(" ");
  /** @type {State} */ let state;
  /** @type {import("./core.mjs").Sizes | null} */ let sizes;
  /** @type {Grid} */ let output;
  /** @type {Pair[][][]} */ let fed;
  let timer = 0, probed = /** @type {Pair | null} */ (null);

  const grids = {
    input: createGrid({ role: "input", signal, edit: editor("input"), point: probe, problem: (text) => parts.say([text]) }),
    kernel: createGrid({ role: "kernel", signal, edit: editor("kernel"), problem: (text) => parts.say([text]) }),
    output: createGrid({ role: "output", signal, point: (at) => at && sizes && change({ place: at[0] * output[0].length + at[1] }) }),
  };
  const parts = frame({ model, el, signal, hint: "Point at an output to see its window, at a pixel to see which outputs it feeds. To change a number, press its cell twice, or select it and type.", choose: open, reset: () => { pause(); change(start); } });
  const sum = make("p", { className: "sum" }), note = make("p", { className: "note" });
  const place = slider({ label: "place", least: 0, signal, change: (value) => change({ place: value }), read: (value) => `${value + 1} of ${count()}` });
  const play = button("Play", signal, () => (timer ? pause() : run()));
  const player = [button("Back", signal, () => step(-1)), play, button("Step", signal, () => step(1)), place.element];
  const code = copyable("PyTorch code for this", signal);
  const size = (name, axis, label, most) => slider({ label, least: 1, most, signal, change: (value) => {
    const wanted = core.sizeOf(state[name]);
    wanted[axis] = value;
    change({ [name]: resized(state[name], ...wanted) });
  } });
  const settings = {
    layer: select({ label: "layer", options: ["Conv1d", "Conv2d"], signal, change: (value) => change({ layer: value }) }),
    rows: size("input", 0, "input rows", 12), columns: size("input", 1, "input columns", 12),
    kernel_rows: size("kernel", 0, "kernel rows", 5), kernel_columns: size("kernel", 1, "kernel columns", 5),
    stride: slider({ label: "stride", least: 1, most: 5, signal, change: (value) => change({ stride: value }) }),
    padding: slider({ label: "padding", least: 0, most: 4, signal, change: (value) => change({ padding: value }) }),
    padding_mode: select({ label: "padding_mode", options: core.PADDING_MODES, signal, change: (value) => change({ padding_mode: value }) }),
    dilation: slider({ label: "dilation", least: 1, most: 4, signal, change: (value) => change({ dilation: value }) }),
  };
  parts.stage.append(grids.input.element, make("div", { className: "next" }, "∗", grids.kernel.element), make("div", { className: "next" }, "=", grids.output.element));
  parts.player.append(...player);
  parts.words.append(sum, note);
  parts.settings.append(...Object.entries(settings).filter(([name]) => show.includes(name.replace(/^(kernel_)?(rows|columns)$/, "sizes"))).map(([, one]) => one.element));
  parts.after(code.element);

  const count = () => (sizes ? output.length * output[0].length : 1);

  /** @param {"input" | "kernel"} name */
  function editor(name) {
    return (/** @type {Pair} */ at, /** @type {number} */ value) => change({ [name]: core.withCell(state[name], at, value) });
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    parts.words.setAttribute("aria-live", "polite");
  }

  function run() {
    parts.words.setAttribute("aria-live", "off"); // a screen reader would read every step
    play.textContent = "Pause";
    if (state.place === count() - 1) change({ place: 0 });
    timer = window.setInterval(() => (state.place < count() - 1 ? change({ place: state.place + 1 }) : pause()), 700);
  }

  function step(by) {
    pause();
    change({ place: Math.min(Math.max(state.place + by, 0), count() - 1) });
  }

  /** @param {Pair | null} at the pixel under the pointer */
  function probe(at) {
    probed = at;
    grids.output.mark(at && sizes ? fed[at[0]]?.[at[1]] ?? [] : []);
    say();
  }

  /** @param {string} text */
  function open(text) {
    pause();
    const { state: next, problems } = readState(text, FIELDS, start);
    change(next);
    if (problems.length) parts.say(problems);
  }

  /** @param {State} some */
  function change(some) {
    state = { ...state, ...some };
    if (Object.keys(some).join() !== "place") compute();
    state.place = Math.min(state.place, count() - 1);
    draw();
  }

  function compute() {
    parts.say([]);
    try {
      sizes = sizesOf(state);
      const settled = sizes;
      output = core.conv2d(state.input, state.kernel, settled);
      fed = core.feeds(settled);
      const [pr, pc] = core.pair(settled.padding ?? 0), [h, w] = settled.input;
      const padded = Array.from({ length: h + 2 * pr }, (_, r) => Array.from({ length: w + 2 * pc }, (_, c) => {
        const [i, j] = [core.source(r - pr, h, state.padding_mode), core.source(c - pc, w, state.padding_mode)];
        return i < 0 || j < 0 ? 0 : state.input[i][j];
      }));
      grids.input.show(padded, state.layer === "Conv1d" ? `input, ${h} channel${h === 1 ? "" : "s"} of ${w}` : `input, ${h} × ${w}`, { padding: [pr, pc], unused: (r, c) => !fed[r][c].length });
      grids.output.show(output, `output, ${core.sizeOf(output).join(" × ")}`);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      sizes = null;
      pause();
      grids.input.show(state.input, `input, ${core.sizeOf(state.input).join(" × ")}`);
      parts.say([error.message]);
    }
    /** @type {HTMLElement} */ (grids.output.element.parentElement).hidden = !sizes;
    const [kh, kw] = core.sizeOf(state.kernel);
    grids.kernel.show(state.kernel, state.layer === "Conv1d" && kh > 1 ? `filter, ${kh} kernels of ${kw}` : `kernel, ${kh} × ${kw}`);
    code.element.hidden = parts.player.hidden = !sizes;
    code.set(pytorch(state));
    for (const [name, value] of Object.entries({ layer: state.layer, stride: state.stride, padding: state.padding, padding_mode: state.padding_mode,
      dilation: state.dilation, rows: state.input.length, columns: state.input[0].length, kernel_rows: state.kernel.length, kernel_columns: state.kernel[0].length })) settings[name].set(value);
  }

  function say() {
    const idle = sizes ? fed.flat().filter((list) => !list.length).length : 0, all = sizes ? fed.flat().length : 0;
    const list = probed && sizes ? fed[probed[0]]?.[probed[1]] : null;
    note.textContent = !sizes ? "" : list ? `This pixel feeds ${list.length} of ${count()} output${count() === 1 ? "" : "s"}.`
      : idle ? `${idle} of ${all} pixels feed no output (hatched), ${all - idle} do.` : `Every pixel feeds an output.`;
  }

  function draw() {
    place.set(state.place, count() - 1);
    model.set("state", writeState(state, FIELDS));
    parts.link();
    if (!sizes) {
      ["input", "output"].forEach((name) => grids[name].frame("window", null));
      sum.textContent = "";
      grids.input.mark([]);
      return say();
    }
    const [i, j] = [Math.floor(state.place / output[0].length), state.place % output[0].length];
    const cells = core.window(i, j, sizes), first = cells[0].at, last = cells[cells.length - 1].at;
    grids.input.frame("window", [first[0], first[1], last[0] - first[0] + 1, last[1] - first[1] + 1]);
    grids.input.mark(state.dilation > 1 ? cells.map(({ at }) => at) : []);
    grids.output.frame("window", [i, j, 1, 1]);
    const term = (value) => (value < 0 ? `(${core.shown(value)})` : core.shown(value));
    const products = cells.map(({ weight, pixel }) => `${pixel ? core.shown(state.input[pixel[0]][pixel[1]]) : "0"} · ${term(state.kernel[weight[0]][weight[1]])}`);
    sum.textContent = `Row ${i}, column ${j}: ${products.join(" + ")} = ${core.shown(output[i][j])}`;
    say();
  }

  model.on("change:state", () => open(model.get("state")));
  signal.addEventListener("abort", pause);
  open(model.get("state"));
}

export default { render };
