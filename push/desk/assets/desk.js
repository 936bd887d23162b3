// The calls of one agent: which cards there are, in which order, and what is said
// aloud about them.

import { clean, set } from './text.js';
import { Card } from './card.js';
import { isFor, other, part, queue } from './calls.js';
import { now } from './time.js';

const stale = 30_000; // an offer that is told of so long after it began is news of the past, not a pop
const settled = 300; // without an event for so long, what was missed has come
const goneFor = 10_000; // a call that went elsewhere stays in sight so long
const most = 12; // cards; beyond it the oldest that is over goes
const order = { ringing: 0, talking: 1, left: 2, ended: 3, other: 4, gone: 5 };

export class Desk {
  #cards = new Map(); // by call id
  #missed = null; // calls without a card that events of the past told of, by id; null: no event is of the past
  #settling = 0; // timer

  // on: ack(offer), save(card, say), rings(card, party), quiet(card), headline(text, ringing), until(call)
  constructor(me, codes, on) {
    this.me = me;
    this.codes = codes;
    this.on = on;
    this.root = document.getElementById('cards');
    this.idle = document.getElementById('idle');
    this.announcer = document.getElementById('announce');
    this.root.replaceChildren();
    this.#arrange();
  }

  event({ type, time, data }) {
    if (type === 'call.merged') return this.#merge(data);
    const { call, offer, contacts } = data;
    if (!call) return;
    if (this.#missed) this.#settle();
    if (this.#cards.has(call.id)) this.#put(call, contacts);
    else if (this.#missed?.has(call.id) || this.#wanted(type, time, call, offer)) this.#add(call, contacts);
  }

  // A call gets a card when it rings here now, or when this agent is talking in it. Both times are by the PBX's clock,
  // which may be another than the server's.
  #wanted(type, time, call, offer) {
    const { state } = part(call, this.me);
    if (state === 'talking') return true;
    if (type !== 'offer.created' || !isFor(offer, this.me) || state !== 'ringing') return false;
    return Date.parse(time) - Date.parse(offer.started_at ?? time) < stale;
  }

  #add(call, contacts) {
    if (this.#missed) this.#missed.set(call.id, { call, contacts: contacts ?? this.#missed.get(call.id)?.contacts });
    else this.#put(call, contacts);
  }

  // catchUp is told that what comes now happened some time ago: nothing pops until it is known what rings still.
  catchUp() {
    this.#missed ??= new Map();
    this.#settle();
  }

  #settle() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      const missed = this.#missed;
      this.#missed = null;
      for (const { call, contacts } of missed.values()) {
        if (['ringing', 'talking'].includes(part(call, this.me).state)) this.#put(call, contacts);
      }
      for (const card of this.#cards.values()) this.#pop(card);
    }, settled);
  }

  #put(call, contacts) {
    let card = this.#cards.get(call.id);
    if (!card) {
      card = new Card(call, this.me, this.codes, { save: this.on.save, close: (c) => this.close(c) });
      card.restore();
      this.#cards.set(call.id, card);
      this.root.prepend(card.root);
    } else {
      card.update(call);
    }
    card.match(contacts);
    this.#pop(card);
    if (card.part.state === 'gone') card.goneAt ??= now();
    else card.goneAt = null;
    if (card.part.state !== 'ringing') this.on.quiet(card);
    this.#arrange();
    this.tick();
  }

  // pop says aloud what rings, takes the focus unless somebody types, and tells the server.
  #pop(card) {
    const offer = card.part.offer;
    if (this.#missed || card.part.state !== 'ringing' || card.acked.has(offer.id)) return;
    card.acked.add(offer.id);
    const { number } = other(card.call);
    const q = clean(queue(card.call, this.me), 60);
    // Set even when it is the same, or the second of two anonymous calls would be silent.
    this.announcer.textContent = `Incoming call from ${nameOf(card) || 'an unknown name'}, ${clean(number, 40) || 'no number'}${q ? `, queue ${q}` : ''}`;
    this.on.ack(offer.id);
    this.on.rings(card, partyOf(card));
    this.#arrange();
    if (!busyTyping()) card.root.focus();
  }

  #merge({ id, into, call }) {
    const missed = this.#missed?.get(id);
    if (missed) {
      this.#missed.delete(id);
      if (!this.#cards.has(into)) this.#add({ ...call, id: into }, missed.contacts);
    }
    const card = this.#cards.get(id);
    if (!card) return;
    this.#cards.delete(id);
    const there = this.#cards.get(into);
    if (there) {
      there.absorb(card);
      card.root.remove();
      return;
    }
    card.renamed(into);
    this.#cards.set(into, card);
    card.update({ ...call, id: into });
  }

  // snapshot replaces what was known of open calls. It returns the ids of those
  // that were open and are no longer in it.
  snapshot(calls, contacts) {
    this.#missed = null;
    clearTimeout(this.#settling);
    const known = new Set();
    for (const call of calls) {
      known.add(call.id);
      const { state } = part(call, this.me);
      if (this.#cards.has(call.id) || state === 'ringing' || state === 'talking') this.#put(call, contacts[call.id]);
    }
    return [...this.#cards.values()].filter((c) => !c.call.ended_at && !known.has(c.id)).map((c) => c.id);
  }

  // open has a card for a call of before. One that is there already knows more than the list it was chosen from.
  open(call) {
    if (!this.#cards.has(call.id)) this.#put(call);
    const card = this.#cards.get(call.id);
    card.kept = true;
    card.form.hidden = false;
    return card;
  }

  show(call) { this.open(call).root.focus(); }

  // refresh takes the record of the call that was called id, which may have been absorbed.
  refresh(id, call) {
    if (id !== call.id) this.#merge({ id, into: call.id, call });
    else if (this.#cards.has(id)) this.#put(call);
  }

  // lost is told that nobody knows what became of a call.
  lost(id) {
    const card = this.#cards.get(id);
    if (card && !card.call.ended_at) this.#put({ ...card.call, ended_at: new Date(now()).toISOString(), lost: true });
  }

  has(id) { return this.#cards.has(id); }

  close(card) {
    const focused = card.root.contains(document.activeElement);
    card.root.remove();
    this.#cards.delete(card.id);
    this.#arrange();
    if (focused) (this.current()?.root ?? document.getElementById('main')).focus();
  }

  current() { return this.#sorted()[0]; }

  // focused is the card that has the focus.
  focused() { return [...this.#cards.values()].find(hasFocus); }

  // writable is the card to write on: the one that has the focus, else the first that takes a note.
  writable() {
    const focused = this.focused();
    return focused && !focused.form.hidden ? focused : this.#sorted().find((c) => !c.form.hidden);
  }

  // sorted has the newest of its kind first, also of those that began in the same millisecond.
  #sorted() {
    return [...this.#cards.values()].reverse().sort((a, b) => order[a.part.state] - order[b.part.state] || began(b) - began(a));
  }

  #arrange() {
    const cards = this.#sorted();
    this.#place(cards);
    this.idle.hidden = cards.length > 0;
    const over = cards.filter((c) => (c.part.state === 'gone' || c.part.state === 'ended') && !inUse(c)).at(-1);
    if (cards.length > most && over) this.close(over);
    const ringing = cards.find((c) => c.part.state === 'ringing');
    const talking = cards.find((c) => c.part.state === 'talking');
    this.on.headline(ringing ? `☎ ${partyOf(ringing)} is calling` : talking ? `${partyOf(talking)} – talking` : '', Boolean(ringing));
  }

  // place puts the elements in order, for the tab key too, around the one that has the focus: moved, it would lose it.
  #place(cards) {
    if (cards.every((card, i) => this.root.children[i] === card.root)) return;
    const still = cards.findIndex(hasFocus);
    cards.forEach(({ root }, i) => {
      if (i < still) this.root.insertBefore(root, cards[still].root);
      else if (i > still) this.root.append(root);
    });
  }

  tick() {
    for (const card of [...this.#cards.values()]) {
      card.tick(this.on.until(card.call));
      const left = card.goneAt && !card.kept && now() - card.goneAt > goneFor;
      const done = card.saved && card.part.state === 'ended' && now() - card.saved > goneFor;
      if ((left || done) && !inUse(card)) this.close(card);
    }
  }

  clear() {
    this.#missed = null;
    clearTimeout(this.#settling);
    for (const card of this.#cards.values()) this.on.quiet(card);
    this.#cards.clear();
    this.root.replaceChildren();
    this.#arrange();
  }
}

// nameOf is the caller's name, else that of the only contact that matches.
function nameOf(card) {
  return clean(other(card.call).name, 40) || (card.contacts.length === 1 ? clean(card.contacts[0].name, 40) : '');
}

function partyOf(card) { return nameOf(card) || clean(other(card.call).number, 40) || 'No number'; }

// began is when the phone began to ring, of a call that rings, else when the call began.
function began(card) { return Date.parse(card.part.offer?.started_at ?? card.call.started_at); }

function hasFocus(card) { return card.root.contains(document.activeElement); }

// inUse tells whether closing the card would take something from somebody's hands.
function inUse(card) { return card.dirty || card.saving || hasFocus(card); }

function busyTyping() {
  return !!document.activeElement?.closest('form, select, dialog');
}

