// @ts-check
/** The size explorer: the formula with the numbers in it, the places of the window, the pixels that none of them reads; it can ask first. */
import { feeds, outputSize } from "./core.mjs";
import { button, check, frame, make, slider } from "./controls.mjs";
import { readState, whole, writeState } from "./state.mjs";

/** Each setting with its letter, its range, and what it is where a lesson has not come to it yet. */
const SETTINGS = { input: ["n", 1, 32, 4], kernel_size: ["k", 1, 9, 2], stride: ["s", 1, 6, 1], padding: ["p", 0, 6, 0], dilation: ["d", 1, 4, 1] };
const CELL = 22;

/**
 * The formula as MathML, grown as far as a lesson has come, with letters and then with numbers.
 * @param {import("./state.mjs").State} state @param {string[]} taught names of settings @param {number | null} size null while it is asked for
 */
export function formula(state, taught, size) {
  const has = (name) => taught.includes(name), mo = (sign) => `<mo>${sign}</mo>`, times = mo("&#x22C5;");
  const write = (name) => (/** @param {boolean} letters */ (letters) => (letters ? `<mi>${SETTINGS[name][0]}</mi>` : `<mn>${state[name]}</mn>`));
  const [n, k, s, p, d] = Object.keys(SETTINGS).map(write);
  const side = (letters) => {
    const reach = has("dilation") ? `${d(letters)}${letters ? "" : times}${mo("(")}${k(letters)}${mo("−")}<mn>1</mn>${mo(")")}${mo("−")}<mn>1</mn>` : k(letters);
    const top = `${n(letters)}${has("padding") ? `${mo("+")}<mn>2</mn>${letters ? "" : times}${p(letters)}` : ""}${mo("−")}${reach}`;
    return has("stride") ? `${mo("⌊")}<mfrac><mrow>${top}</mrow>${s(letters)}</mfrac>${mo("⌋")}${mo("+")}<mn>1</mn>` : `${top}${mo("+")}<mn>1</mn>`;
  };
  return `<math display="block">${side(true)}${mo("=")}${size === null ? "<mi>?</mi>" : `${side(false)}${mo("=")}<mn>${size}</mn>`}</math>`;
}

/** The pixels, and under them a line for each place of the window; which pixels it reads is filled. */
function picture({ input, kernel_size, stride, padding, dilation }, size, idle) {
  const width = input + 2 * padding, at = (x, y, more) => `<rect x="${x * CELL + 1}" y="${y}" width="${CELL}" height="${CELL}" ${more}/>`;
  const pixels = Array.from({ length: width }, (_, x) => {
    const pad = x < padding || x >= padding + input, text = pad ? "" : x - padding;
    return `${at(x, 1, `class="${pad ? "pad" : idle.has(x - padding) ? "pixel unused" : "pixel"}"`)}<text x="${(x + .5) * CELL + 1}" y="${CELL * .72}">${text}</text>`;
  });
  const places = Array.from({ length: size ?? 0 }, (_, i) => Array.from({ length: kernel_size }, (_, a) =>
    `<rect class="weight" x="${(i * stride + a * dilation) * CELL + 2}" y="${CELL + 8 + i * 11}" width="${CELL - 2}" height="8"/>`).join(""));
  const height = CELL + 6 + (size ?? 0) * 11 + 4;
  return `<svg width="${width * CELL + 2}" height="${height}" viewBox="0 0 ${width * CELL + 2} ${height}" aria-hidden="true">${pixels.join("")}${places.join("")}</svg>`;
}

/** @param {{model: any, el: HTMLElement, signal: AbortSignal}} context */
function render({ model, el, signal }) {
  const taught = model.get("show").split(" "), names = Object.keys(SETTINGS).filter((name) => taught.includes(name));
  const fields = Object.fromEntries([...names.map((name) => [name, whole(SETTINGS[name][1], SETTINGS[name][2])]), ["ask", whole(0, 1)]]);
  const start = readState(model.get("start"), fields, { ask: 0, ...Object.fromEntries(Object.entries(SETTINGS).map(([name, values]) => [name, values[3]])) }).state;
  let state = start, answered = false;

  const parts = frame({ model, el, signal, hint: "Each line of marks is one place of the window.", choose: open, reset: () => change(start) });
  const sliders = names.map((name) => slider({ label: `${SETTINGS[name][0]}, ${name}`, least: SETTINGS[name][1], most: SETTINGS[name][2], signal, change: (value) => change({ [name]: value }) }));
  const ask = check("Ask me first", signal, (on) => change({ ask: Number(on) }));
  const guess = make("input", { type: "text", inputMode: "numeric", className: "field", size: 4 }), verdict = make("span", { className: "verdict" });
  const form = make("form", {}, make("label", {}, make("span", { textContent: "How many places?" }), guess), button("Check", signal, answer), button("Another", signal, another));
  const math = make("div", { className: "formula", tabIndex: 0 }), words = make("p"), image = make("div", { className: "scroll", tabIndex: 0 });
  image.setAttribute("role", "img");
  form.addEventListener("submit", (event) => { event.preventDefault(); answer(); }, { signal });
  verdict.setAttribute("role", "status");
  parts.stage.append(image);
  parts.player.append(ask.element, form);
  parts.words.append(verdict, math, words);
  parts.settings.append(...sliders.map((one) => one.element));

  function size() {
    return outputSize(state.input, { kernel: state.kernel_size, stride: state.stride, padding: state.padding, dilation: state.dilation });
  }

  function another() {
    const random = ([, least, most]) => least + Math.floor(Math.random() * (Math.min(most, 12) - least + 1));
    do state = { ...state, ...Object.fromEntries(names.map((name) => [name, random(SETTINGS[name])])) };
    while (state.kernel_size > state.input || state.dilation * (state.kernel_size - 1) >= state.input + 2 * state.padding);
    change({});
    guess.focus();
  }

  function answer() {
    const typed = guess.value.trim(), right = size();
    if (!/^\d{1,4}$/.test(typed)) return void (verdict.textContent = "A size is a whole number, such as 3.");
    answered = true;
    draw();
    verdict.textContent = Number(typed) === right ? `${typed} is right.` : `Not ${typed}. Count the places above, or follow the formula.`;
  }

  /** @param {string} text */
  function open(text) {
    const { state: next, problems } = readState(text, fields, start);
    change(next);
    if (problems.length) parts.say(problems);
  }

  function change(some) {
    [state, answered, verdict.textContent, guess.value] = [{ ...state, ...some }, false, "", ""];
    model.set("state", writeState(state, fields));
    parts.link();
    parts.say([]);
    draw();
  }

  function draw() {
    const hidden = state.ask && !answered, { input, kernel_size: kernel, stride, padding, dilation } = state;
    let result = /** @type {number | null} */ (null), idle = new Set();
    try {
      result = size();
      const fed = feeds({ input: [1, input], kernel: [1, kernel], stride: [1, stride], padding: [0, padding], dilation: [1, dilation] })[0];
      idle = new Set([...fed.keys()].filter((pixel) => !fed[pixel].length));
    } catch (error) {
      parts.say([error.message]);
    }
    const starts = Array.from({ length: result ?? 0 }, (_, i) => i * stride - padding);
    const left = idle.size === 1 ? `Pixel ${[...idle]} is in no window.` : idle.size ? `Pixels ${[...idle].join(", ")} are in no window.` : "Every pixel is in a window.";
    const said = `${starts.length} place${starts.length === 1 ? "" : "s"}: the window starts at ${starts.join(", ").replaceAll("-", "−")}. ${left}`;
    sliders.forEach((one, index) => one.set(state[names[index]]));
    ask.set(!!state.ask);
    form.hidden = !state.ask || result === null;
    math.innerHTML = result === null ? "" : formula(state, names, hidden ? null : result); // numbers and our own letters only
    words.textContent = result === null || hidden ? "" : said;
    image.innerHTML = picture(/** @type {any} */ (state), hidden ? null : result, hidden ? new Set() : idle);
    image.setAttribute("aria-label", `${input} pixels. ${hidden ? "" : said}`);
  }

  model.on("change:state", () => open(model.get("state")));
  open(model.get("state"));
}

export default { render };
