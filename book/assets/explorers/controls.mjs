// @ts-check
/** The controls that explorers share: sliders, choices, buttons, text to copy, and the frame that holds them. */

/** @param {string} tag @param {Record<string, any>} [properties] @param {(Node | string)[]} children */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** @param {string} text @param {AbortSignal} signal @param {() => void} press */
export function button(text, signal, press) {
  const element = make("button", { type: "button", textContent: text });
  element.addEventListener("click", press, { signal });
  return element;
}

/** @param {{label: string, least: number, most?: number, signal: AbortSignal, change: (value: number) => void, read?: (value: number) => string}} options */
export function slider({ label, least, most = least, signal, change, read = String }) {
  const field = make("input", { type: "range", min: least, max: most, ariaLabel: label }), value = make("b");
  const element = make("label", {}, make("span", {}, `${label} `, value), field);
  field.addEventListener("input", () => change(Number(field.value)), { signal });
  return {
    element,
    /** @param {number} now @param {number} [end] */
    set(now, end) {
      field.max = String(end ?? Math.max(most, now));
      field.value = String(now);
      value.textContent = read(now);
      field.setAttribute("aria-valuetext", read(now));
    },
  };
}

/** @param {{label: string, options: string[], signal: AbortSignal, change: (value: string) => void}} options */
export function select({ label, options, signal, change }) {
  const field = make("select", {}, ...options.map((text) => make("option", { textContent: text })));
  field.addEventListener("change", () => change(field.value), { signal });
  return { element: make("label", {}, make("span", {}, label), field), set: (value) => { field.value = value; } };
}

/** @param {string} text @param {AbortSignal} signal @param {(on: boolean) => void} change */
export function check(text, signal, change) {
  const field = make("input", { type: "checkbox" });
  field.addEventListener("change", () => change(field.checked), { signal });
  return { element: make("label", { className: "check" }, field, text), set: (/** @type {boolean} */ on) => { field.checked = on; } };
}

/** @param {string} title @param {AbortSignal} signal */
export function copyable(title, signal) {
  const code = make("code"), copy = button("Copy", signal, async () => {
    await navigator.clipboard.writeText(code.textContent).then(() => { copy.textContent = "Copied"; }, () => getSelection()?.selectAllChildren(code));
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  const pre = make("pre", { tabIndex: 0 }, code);
  pre.setAttribute("role", "group");
  pre.setAttribute("aria-label", title);
  return { element: make("details", {}, make("summary", { textContent: title }), pre, copy), set: (text) => { code.textContent = text; } };
}

/**
 * The parts of an explorer, in the order in which they are read. What can grow stands below what is pressed.
 * @param {{model: any, el: HTMLElement, signal: AbortSignal, hint: string, choose: (state: string) => void, reset: () => void}} options
 */
export function frame({ model, el, signal, hint, choose, reset }) {
  const [stage, player, words, messages, settings, examples] = ["stage", "player", "words", "messages", "settings", "examples"].map((name) => make("div", { className: name }));
  const link = /** @type {HTMLAnchorElement} */ (make("a", { textContent: "Link to this state" }));
  const named = model.get("presets").split("|").filter(Boolean).map((text) => text.trim().split(": "));
  examples.append(...named.map(([name, state]) => button(name, signal, () => choose(state))), button("Reset", signal, reset), link);
  messages.setAttribute("role", "status");
  words.setAttribute("aria-live", "polite");
  el.className = "explorer";
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", model.get("label"));
  el.append(make("p", { className: "title" }, make("strong", { textContent: model.get("label") }), ` ${hint}`), settings, stage, player, words, examples, messages);
  return {
    stage, player, words, settings,
    /** @param {string[]} texts */
    say: (texts) => messages.replaceChildren(...texts.map((text) => make("p", { textContent: text }))),
    after: (/** @type {Element} */ element) => el.append(element),
    link: () => { link.href = `#${model.get("id")}:${model.get("state")}`; },
  };
}
