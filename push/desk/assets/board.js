// Every live call, for who watches over them.

import { clean, duration, el, set } from './text.js';
import { live } from './calls.js';
import { now } from './time.js';

export class Board {
  #calls = new Map(); // by id: {call, row}

  // until is the time that what is known of a call is of.
  constructor(root, until) {
    this.until = until;
    this.root = root;
    this.rows = root.querySelector('#board-rows');
    this.count = root.querySelector('#board-count');
    this.empty = root.querySelector('#board-empty');
  }

  replace(calls) {
    this.#calls.clear();
    this.rows.replaceChildren();
    for (const call of calls) this.put(call);
    this.#sum();
  }

  put(call) {
    if (call.ended_at) return this.remove(call.id);
    const was = this.#calls.get(call.id);
    const row = this.#row(call);
    if (was) was.row.root.replaceWith(row.root);
    else this.rows.prepend(row.root);
    this.#calls.set(call.id, { call, row });
    this.#sum();
    this.#tick(call, row);
  }

  remove(id) {
    this.#calls.get(id)?.row.root.remove();
    this.#calls.delete(id);
    this.#sum();
  }

  #row(call) {
    const { state, since, text } = live(call);
    const forTime = el('td', { class: 'num' });
    const callTime = el('td', { class: 'num' });
    const root = el('tr', {},
      el('td', {}, el('bdi', { class: 'strong number' }, clean(call.from?.number, 24) || 'No number'), ' ', el('bdi', { class: 'dim' }, clean(call.from?.name))),
      el('td', {}, el('bdi', { class: 'number' }, clean(call.to?.number, 24)), ' ', el('bdi', { class: 'dim' }, clean((call.queue_visits ?? []).at(-1)?.queue, 60))),
      el('td', {}, el('span', { class: 'state', 'data-state': state }, clean(text, 120))),
      forTime, callTime);
    return { root, forTime, callTime, since: Date.parse(since), started: Date.parse(call.started_at) };
  }

  tick() { for (const { call, row } of this.#calls.values()) this.#tick(call, row); }

  #tick(call, row) {
    const at = this.until(call);
    row.root.dataset.past = at < now() - 1000 ? 'yes' : '';
    set(row.forTime, row.since ? duration(at - row.since) : '');
    set(row.callTime, row.started ? duration(at - row.started) : '');
  }

  #sum() {
    set(this.count, this.#calls.size ? String(this.#calls.size) : '');
    this.empty.hidden = this.#calls.size > 0;
  }
}
