// @ts-check
/** A grid of numbers on the page, as the lessons' figures draw it. It can be walked by keyboard, pointed at, and edited. */
import { shown } from "./core.mjs";
import { readNumber } from "./state.mjs";

/** @typedef {import("./core.mjs").Grid} Grid @typedef {import("./core.mjs").Pair} Pair */

export const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const MOVES = { ...ARROWS, Home: [0, -999], End: [0, 999] };

/**
 * @param {{role: "input" | "kernel" | "output", signal: AbortSignal, point?: (at: Pair | null) => void,
 *   edit?: (at: Pair, value: number) => void, problem?: (text: string) => void}} options `point` is told the cell under the pointer or focus
 */
export function createGrid({ role, signal, point, edit, problem }) {
  const element = document.createElement("figure"), caption = document.createElement("figcaption");
  const scroll = document.createElement("div"), box = document.createElement("div"), cells = document.createElement("div");
  element.className = `grid ${role}`;
  scroll.className = "scroll";
  cells.setAttribute("role", "grid");
  box.append(cells);
  scroll.append(box);
  element.append(caption, scroll);
  let rows = 0, columns = 0, border = /** @type {Pair} */ ([0, 0]), here = /** @type {Pair} */ ([0, 0]);
  let marked = /** @type {Element[]} */ ([]), list = /** @type {HTMLElement[]} */ ([]), texts = /** @type {string[]} */ ([]);
  const frames = {};

  const cell = (r, c) => list[(r + border[0]) * columns + c + border[1]];
  const place = (target) => {
    const index = list.indexOf(target.closest?.("[role=gridcell]"));
    return index < 0 ? null : /** @type {Pair} */ ([Math.floor(index / columns) - border[0], (index % columns) - border[1]]);
  };
  const inside = (/** @type {number[]} */ [r, c]) => r >= 0 && c >= 0 && r < rows - 2 * border[0] && c < columns - 2 * border[1];

  function open(at, text) {
    const host = cell(...at), field = document.createElement("input"), before = host.textContent;
    let open = true;
    const close = (keep, stay = true) => {
      if (!open) return;
      open = false;
      const typed = field.value;
      host.textContent = before;
      if (stay) host.focus({ preventScroll: true });
      try {
        if (keep && typed.trim() !== before) edit(at, readNumber(typed));
      } catch (error) {
        problem(error.message);
      }
    };
    field.value = text ?? before;
    field.setAttribute("aria-label", `${role}, row ${at[0]}, column ${at[1]}`);
    field.addEventListener("blur", () => close(true, false));
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        close(event.key === "Enter");
      }
    });
    field.addEventListener("pointerdown", (event) => event.stopPropagation());
    host.replaceChildren(field);
    field.focus({ preventScroll: true });
    if (text === undefined) field.select();
  }

  function move(to) {
    cell(...here).tabIndex = -1;
    here = to;
    cell(...here).tabIndex = 0;
    cell(...here).focus();
  }

  cells.addEventListener("keydown", (event) => {
    const step = MOVES[event.key];
    if (step && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const last = [rows - 2 * border[0] - 1, columns - 2 * border[1] - 1];
      move(here.map((one, axis) => Math.min(Math.max(one + step[axis], 0), last[axis])));
      event.preventDefault();
    } else if (edit && (event.key === "Enter" || event.key === "F2")) {
      open(here);
      event.preventDefault();
    } else if (edit && /^[-−.\d]$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
      open(here, event.key);
      event.preventDefault();
    }
  }, { signal });
  let focused = false;
  cells.addEventListener("pointerdown", (event) => { focused = place(event.target)?.join() === here.join() && cells.contains(document.activeElement); }, { signal });
  cells.addEventListener("click", (event) => {
    const at = place(event.target);
    if (!at || !inside(at) || event.target instanceof HTMLInputElement) return;
    if (edit && focused) open(at);
    else move(at);
  }, { signal });
  cells.addEventListener("focusin", (event) => { const at = place(event.target); if (at && inside(at)) point?.(at); }, { signal });
  cells.addEventListener("focusout", () => point?.(null), { signal });
  let pointed = /** @type {EventTarget | null} */ (null);
  cells.addEventListener("pointermove", (event) => { // not pointerover: that comes, too, when a link moves the page under a pointer that rests
    const at = event.pointerType !== "touch" && event.target !== pointed && place(event.target);
    if (!at) return;
    pointed = event.target;
    point?.(inside(at) ? at : null);
  }, { signal });
  cells.addEventListener("pointerleave", (event) => {
    pointed = null;
    if (event.pointerType !== "touch") point?.(null);
  }, { signal });

  return {
    element,

    /**
     * @param {Grid} values padding included @param {string} title
     * @param {{padding?: Pair, unused?: (r: number, c: number) => boolean}} [options]
     */
    show(values, title, { padding = [0, 0], unused = () => false } = {}) {
      const flat = values.flat(), written = flat.map(shown), limit = Math.max(...flat.map(Math.abs)) || 1;
      caption.textContent = title;
      cells.setAttribute("aria-label", title);
      if (values.length !== rows || values[0].length !== columns || padding.join() !== border.join()) {
        [rows, columns] = [values.length, values[0].length];
        border = padding;
        here = [0, 0];
        texts = [];
        element.style.setProperty("--columns", String(columns));
        const line = document.createElement("div"), one = document.createElement("div");
        line.setAttribute("role", "row");
        one.setAttribute("role", "gridcell");
        one.tabIndex = -1;
        line.append(...values[0].map(() => one.cloneNode()));
        cells.replaceChildren(...values.map(() => line.cloneNode(true)));
        list = Array.from(/** @type {NodeListOf<HTMLElement>} */ (cells.querySelectorAll("[role=gridcell]")));
        cell(0, 0).tabIndex = 0;
        this.frame("edge", padding[0] + padding[1] ? [0, 0, rows - 2 * padding[0], columns - 2 * padding[1]] : null);
      }
      element.style.setProperty("--digits", String(Math.max(...written.map((text) => text.length))));
      flat.forEach((value, index) => {
        const at = [Math.floor(index / columns) - border[0], (index % columns) - border[1]], pad = !inside(at), idle = !pad && unused(at[0], at[1]);
        const text = written[index], known = `${text} ${pad} ${idle} ${limit}`, one = list[index];
        if (texts[index] === known) return;
        texts[index] = known;
        one.textContent = text;
        one.className = `${value < 0 ? "negative" : ""} ${pad ? "pad" : ""} ${idle ? "unused" : ""}`;
        one.style.setProperty("--v", `${Math.round((100 * Math.abs(value)) / limit)}%`);
        if (pad || idle) one.setAttribute("aria-label", `${text}, ${pad ? "padding" : "feeds no output"}`);
        else one.removeAttribute("aria-label");
      });
    },

    /** @param {string} name @param {number[] | null} area row, column, height, width; or null for none */
    frame(name, area) {
      frames[name] ??= box.appendChild(Object.assign(document.createElement("div"), { className: `frame ${name}` }));
      frames[name].hidden = !area;
      if (area) ["--r", "--c", "--h", "--w"].forEach((key, index) => frames[name].style.setProperty(key, String(area[index] + (border[index] ?? 0))));
    },

    /** @param {Pair[]} at the only cells that are marked from now on; in the padding too */
    mark(at) {
      marked.forEach((one) => one.classList.remove("marked"));
      marked = at.map(([r, c]) => cell(r, c)).filter(Boolean);
      marked.forEach((one) => one.classList.add("marked"));
    },
  };
}
