// Says plainly what is disconnected and since when.

import { clean, clock, duration, el, set } from './text.js';
import { now } from './time.js';

const words = { connecting: 'is being connected', disconnected: 'is disconnected', refused: 'refuses our login' };

export class Banner {
  #problems = new Map(); // key → {text, since, action}
  #shown = new Map(); // key → element of the running time

  constructor(root) { this.root = root; }

  put(key, text, since, action = null) {
    const was = this.#problems.get(key);
    if (was?.text === text && was.since === since) return;
    this.#problems.set(key, { text, since, action });
    this.#draw();
  }

  clear(key) { if (this.#problems.delete(key)) this.#draw(); }

  clearAll() { this.#problems.clear(); this.#draw(); }

  pbx({ name, state, since }) {
    if (state === 'connected') return this.clear(`pbx ${name}`);
    this.put(`pbx ${name}`, `The PBX ${clean(name, 60)} ${words[state] ?? `is ${clean(state, 40)}`}; its calls are not shown here.`, Date.parse(since) || null);
  }

  keepPBXs(names) {
    for (const key of [...this.#problems.keys()]) {
      if (key.startsWith('pbx ') && !names.has(key.slice(4))) this.clear(key);
    }
  }

  #draw() {
    this.#shown.clear();
    this.root.replaceChildren(...[...this.#problems].map(([key, p]) => {
      const running = el('span', { class: 'running', 'aria-hidden': 'true' });
      if (p.since) this.#shown.set(key, running);
      return el('p', {}, el('span', {}, p.since ? `${p.text} Since ${clock(p.since, true)}` : p.text), running,
        p.action && el('button', { type: 'button', onclick: p.action.run }, p.action.label));
    }));
    this.tick();
  }

  tick() {
    for (const [key, node] of this.#shown) set(node, `(${duration(now() - this.#problems.get(key).since)})`);
  }
}
