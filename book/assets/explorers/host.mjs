// @ts-check
/**
 * `<course-explorer id module state presets show>`: loads an explorer when it comes near the screen, and hands it its attributes as an
 * AFM model (https://anywidget.dev/en/afm/), so that the same module could run in a notebook. A link `#id:state` opens it at that state.
 */
/** @type {Promise<unknown> | undefined} */
let styled;

/** The explorers' style sheet, loaded with the first of them, so that no page waits for it. */
const style = () => styled ??= new Promise((done) => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("explorers.css", import.meta.url).href });
  link.onload = link.onerror = done;
  document.head.append(link);
});

class CourseExplorer extends HTMLElement {
  /** @type {string | undefined} */ start;
  /** @type {Node[] | undefined} */ still;
  /** @type {Promise<void> | undefined} */ mounted;
  linked = false;
  life = new AbortController();

  connectedCallback() {
    this.life = new AbortController();
    const { signal } = this.life, near = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) this.mount(); }, { rootMargin: "400px" });
    this.start ??= this.getAttribute("state") ?? "";
    this.still ??= [...this.childNodes];
    addEventListener("hashchange", () => this.follow(), { signal });
    signal.addEventListener("abort", () => near.disconnect());
    near.observe(this);
    this.follow();
  }

  disconnectedCallback() {
    this.life.abort();
    this.mounted = undefined;
    this.replaceChildren(...(this.still ?? []));
  }

  async follow() {
    const [id, ...state] = location.hash.slice(1).split(":");
    const back = this.linked && !location.hash;
    if (!back && (id !== this.id || !state.length)) return;
    this.linked = !back;
    this.setAttribute("state", back ? this.start ?? "" : state.join(":"));
    this.dispatchEvent(new Event("change:state"));
    await this.mount();
    if (back) return;
    await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
    this.scrollIntoView(); // only now, so that nothing moves under the reader's eyes
  }

  mount() {
    return this.mounted ??= this.load(this.life.signal);
  }

  async load(signal) {
    const el = document.createElement("div"), model = {
      get: (name) => (name === "start" ? this.start : this.getAttribute(name) ?? ""),
      set: (name, value) => this.setAttribute(name, value),
      on: (name, call) => this.addEventListener(name, call, { signal }),
      save_changes() {},
    };
    try {
      const [{ default: explorer }] = await Promise.all([import(`./${this.getAttribute("module")?.replace(/\W/g, "")}.mjs`), style()]);
      if (signal.aborted) return;
      explorer.render({ model, el, signal });
      this.replaceChildren(el);
    } catch (error) {
      console.error(error); // what stood here before stays
    }
  }
}

customElements.define("course-explorer", CourseExplorer);
