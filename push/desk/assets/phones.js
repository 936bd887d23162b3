// Phones that calls ring and nobody has, for who may give them to somebody.

import { clean, clock, el, set } from './text.js';

export class Phones {
  #asked = 0;

  constructor(root, session, done) {
    this.root = root;
    this.session = session;
    this.done = done;
    this.rows = root.querySelector('ol');
    this.note = root.querySelector('.error');
  }

  clear() {
    this.#asked++;
    this.rows.replaceChildren();
    this.root.hidden = true;
  }

  // read asks anew. A list that somebody is choosing in is left alone.
  async read() {
    if (this.rows.contains(document.activeElement)) return;
    const asked = ++this.#asked;
    try {
      const [phones, agents] = await Promise.all([
        this.session.call('GET', '/v1/extensions?unbound=true&days=7&limit=50'),
        this.session.call('GET', '/v1/agents?limit=200'),
      ]);
      if (asked !== this.#asked) return;
      const names = agents.items.filter((a) => a.role === 'agent' && !a.disabled).map((a) => a.name);
      this.rows.replaceChildren(...phones.items.map((p) => this.#row(p, names)));
      this.root.hidden = phones.items.length === 0;
      set(this.note, '');
    } catch {
      set(this.note, 'The list could not be read just now.');
    }
  }

  #row(phone, names) {
    const number = clean(`${phone.pbx}/${phone.extension}`, 40);
    const who = el('select', { 'aria-label': `Who has ${number}` }, el('option', { value: '' }, 'Nobody'),
      ...names.map((n) => el('option', { value: n }, clean(n, 60))));
    const give = el('button', { type: 'button', disabled: true }, 'Give');
    who.addEventListener('change', () => { give.disabled = !who.value; });
    give.addEventListener('click', () => this.#give(phone, who.value, give));
    return el('li', {}, el('bdi', { class: 'strong' }, number),
      el('span', { class: 'dim' }, phone.seen_at ? `rang ${clock(phone.seen_at)}` : ''), who, give);
  }

  async #give(phone, name, button) {
    button.disabled = true;
    try {
      const path = [name, 'extensions', phone.pbx, phone.extension].map(encodeURIComponent).join('/');
      await this.session.call('PUT', `/v1/agents/${path}`, {});
      button.closest('li').remove();
      this.root.hidden = this.rows.children.length === 0;
      this.done(`${clean(phone.extension, 40)} is ${clean(name, 60)}'s from now on`);
    } catch (err) {
      button.disabled = false;
      set(this.note, clean(err.message, 200));
    }
  }
}
