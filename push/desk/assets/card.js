// One call on an agent's page. The elements are made once and then changed, so
// that whoever types in them is not disturbed.

import { drafts } from './drafts.js';
import { clean, clock, duration, el, set } from './text.js';
import { other, part, queue, waited, waitingSince } from './calls.js';
import { Conflict, sameAnswer } from './save.js';
import { now } from './time.js';

const words = { ringing: 'Ringing', talking: 'Talking', left: 'Passed on', gone: 'Gone', ended: 'Ended', other: 'Call' };
const directions = { inbound: 'Inbound', outbound: 'Outbound', internal: 'Internal' };
const shown = 5; // of the contacts that match
let count = 0;

export class Card {
  // on: save(card, say) → Promise of the answer that was saved, close(card)
  constructor(call, me, codes, on) {
    this.id = call.id;
    this.me = me;
    this.on = on;
    this.acked = new Set();
    this.kept = false; // opened by hand, so it stays
    this.contacts = [];
    this.said = undefined; // the disposition that was shown last, null for none
    this.mine = null; // the answer that was saved here last
    this.saved = null; // when it was, here or elsewhere
    this.saving = false;
    this.dirty = false; // holds what was typed and not saved
    this.#build(`card${++count}`, codes);
    this.update(call);
  }

  #build(id, codes) {
    this.badge = el('span', { class: 'badge' });
    this.timer = el('span', { class: 'timer' });
    this.note = el('p', { class: 'what', role: 'status' });
    this.number = el('bdi', { class: 'number' });
    this.name = el('bdi', { class: 'name' });
    this.facts = el('p', { class: 'facts' });
    this.people = el('ul', { class: 'people', 'aria-label': 'Matched contacts' });
    this.closer = el('button', { type: 'button', class: 'quiet', onclick: () => this.on.close(this) }, 'Close');
    this.form = this.#form(id, codes);
    this.root = el('article', { class: 'card', tabIndex: -1, 'aria-labelledby': `${id}-title` },
      el('div', { class: 'top' }, this.badge, this.timer, el('span', { class: 'grow' }), this.closer),
      el('h2', { id: `${id}-title` }, this.number, this.name),
      this.facts, this.note, this.people, this.form);
  }

  #form(id, codes) {
    this.text = el('textarea', { id: `${id}-note`, rows: 3, maxLength: 4000, 'aria-keyshortcuts': 'F4' });
    this.result = el('p', { class: 'result', role: 'status' });
    this.button = el('button', { type: 'submit', class: 'primary' }, 'Save');
    this.codes = el('div', { class: 'codes', role: 'radiogroup', 'aria-labelledby': `${id}-codes`, 'aria-keyshortcuts': 'F8' });
    this.labels = new Map(codes.map((c) => [c.code, c.label]));
    for (const { code, label } of codes) {
      this.codes.append(el('label', { class: 'code' },
        el('input', { type: 'radio', name: `${id}-code`, value: code, required: true }), el('span', {}, clean(label))));
    }
    const form = el('form', { class: 'wrap' },
      el('p', { class: 'label', id: `${id}-codes` }, 'What did it come to?'), this.codes,
      el('label', { class: 'label', for: `${id}-note` }, 'Note'), this.text,
      el('div', { class: 'row' }, this.button, this.result));
    form.addEventListener('submit', (e) => { e.preventDefault(); this.save(); });
    form.addEventListener('input', () => this.draft());
    this.text.addEventListener('keydown', (e) => {
      if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); form.requestSubmit(); }
    });
    return form;
  }

  update(call) {
    this.call = call;
    this.id = call.id;
    this.part = part(call, this.me);
    const { number, e164, name } = other(call);
    set(this.number, clean(number, 40) || 'No number');
    set(this.name, clean(name));
    const { state } = this.part;
    this.root.dataset.state = state;
    this.root.dataset.call = call.id;
    set(this.note, this.#what());
    const facts = [];
    const q = clean(queue(call, this.me), 60);
    if (q) facts.push(el('span', { class: 'tag' }, 'Queue ', el('bdi', {}, q)));
    if (e164 && e164 !== number) facts.push(el('span', { class: 'tag' }, clean(e164, 40)));
    if (call.direction) facts.push(el('span', { class: 'tag' }, directions[call.direction] ?? clean(call.direction, 20)));
    if (state !== 'ringing' && waited(call) !== null) facts.push(el('span', { class: 'tag' }, `Waited ${duration(waited(call))}`));
    if (call.complete === false) facts.push(el('span', { class: 'tag warn' }, 'Incomplete: we may have missed something'));
    this.facts.replaceChildren(...facts);
    const nothingToSay = state === 'ringing' || state === 'gone' || state === 'other';
    this.form.hidden = nothingToSay && !this.kept && !this.dirty && !this.form.contains(document.activeElement);
    this.closer.hidden = state === 'ringing' || state === 'talking';
    this.#follow(call.disposition ?? null);
    this.match(call.contact ? [call.contact] : []);
  }

  // follow shows what was said of the call in another window or by somebody else, and leaves alone what is being typed.
  #follow(said) {
    const first = this.said === undefined;
    if (this.saving || !said && !first || said && this.knows(said)) return;
    this.said = said;
    if (!said) return;
    this.mine = null;
    if (this.dirty) {
      this.#tell('', `${this.#whoSaid(said)}. What you typed is kept; Save replaces that.`);
      return;
    }
    this.#show(said);
    this.#tell('yes', this.#whoSaid(said, first));
    if (!first) this.saved = now();
  }

  // knows tells whether the disposition, or a later one, was shown here.
  knows(said) { return sameAnswer(said, this.mine) || Boolean(this.said && said.at <= this.said.at); }

  #whoSaid({ code, note, by, at }, before = false) {
    const who = by !== this.me ? `by ${clean(by, 60)}` : before ? 'by you' : 'in another window';
    const what = `“${clean(this.labels.get(code) ?? code, 40)}”${note ? ` with the note “${clean(note, 60)}”` : ''}`;
    return `${what} was saved ${who} at ${clock(at, true)}`;
  }

  #tell(saved, text) {
    this.root.dataset.saved = saved;
    set(this.result, text);
  }

  #what() {
    const { state, text, since } = this.part;
    if (this.call.lost) return 'What became of this call is not known';
    if (!text || state === 'talking') return '';
    return since ? `${text} at ${clock(since, true)}` : text;
  }

  match(contacts) {
    if (!contacts?.length) return;
    this.contacts = contacts;
    this.people.replaceChildren(...contacts.slice(0, shown).map((c) => el('li', {},
      el('strong', {}, el('bdi', {}, clean(c.name))),
      c.reason ? el('span', { class: 'dim' }, ` by ${clean(c.reason, 60)}`) : null)));
    const more = contacts.length - shown;
    if (more > 0) this.people.append(el('li', { class: 'dim' }, `and ${more} more`));
  }

  // tick shows how things stood at a time. When that is past, the card says so by its looks.
  tick(at) {
    const past = at < now() - 1000 && !this.call.ended_at;
    this.root.dataset.past = past ? 'yes' : '';
    const { state, since, talked } = this.part;
    set(this.badge, past ? `Was ${words[state].toLowerCase()}` : words[state]);
    if (state === 'ringing') set(this.timer, `waiting ${duration(at - Date.parse(waitingSince(this.call)))}`);
    else if (state === 'talking') set(this.timer, duration(at - Date.parse(since)));
    else set(this.timer, talked >= 0 ? `talked ${duration(talked)}` : '');
  }

  // What was not saved yet outlives a reload, in this tab only, until it is saved or logged out.
  draft() {
    this.dirty = true;
    drafts.set(this.id, this.#typed());
  }

  restore() {
    const kept = drafts.get(this.id);
    if (!kept) return;
    this.dirty = true;
    this.#show(kept);
    if (this.said) this.#tell('', `${this.#whoSaid(this.said, true)}. What you typed is kept; Save replaces that.`);
  }

  // renamed keeps what was typed when another call absorbs this one.
  renamed(id) {
    drafts.remove(this.id);
    this.id = id;
    if (this.dirty) this.draft();
  }

  // absorb takes over what was typed on the card of a call that this one's call absorbed.
  absorb(card) {
    drafts.remove(card.id);
    if (!card.dirty) return;
    const typing = card.form.contains(document.activeElement);
    const [mine, theirs] = [this.#typed(), card.#typed()];
    this.#show({ code: mine.code || theirs.code, note: [mine.note, theirs.note].filter(Boolean).join('\n') });
    this.draft();
    this.form.hidden = false;
    if (typing) this.focusNote();
  }

  #show({ code, note }) {
    for (const input of this.codes.querySelectorAll('input')) input.checked = input.value === code;
    this.text.value = note ?? '';
  }

  #typed() { return { code: this.codes.querySelector('input:checked')?.value ?? '', note: this.text.value }; }

  // answer is what can be saved, as it stands now.
  answer() {
    const { code, note } = this.#typed();
    return note.trim() ? { code, note: note.trim() } : { code };
  }

  // save sends the answer once, however often it is asked. The button keeps its focus meanwhile.
  async save() {
    if (this.saving) return;
    this.#busy(true);
    this.#tell('', 'Saving …');
    try {
      this.#done(await this.on.save(this, (text) => set(this.result, text)));
    } catch (err) {
      this.#refused(err);
    } finally {
      this.#busy(false);
      this.#follow(this.call.disposition ?? null); // which was left alone meanwhile
    }
  }

  #refused(err) {
    if (err instanceof Conflict) {
      this.said = err.theirs;
      this.#tell('no', `Not saved: ${this.#whoSaid(err.theirs)}. What you typed is kept; Save again replaces that.`);
      return;
    }
    this.#tell('no', `Not saved: ${clean(err.message, 200)}. Your text is still here.`);
  }

  #busy(saving) {
    this.saving = saving;
    this.button.setAttribute('aria-disabled', String(saving));
  }

  #done(sent) {
    const { code, note } = this.answer();
    this.dirty = !sameAnswer({ code, note }, sent);
    this.mine = sent;
    this.saved = now();
    if (!this.dirty) drafts.remove(this.id);
    this.#tell('yes', `Saved at ${clock(this.saved, true)}${this.dirty ? ', but not what you changed since' : ''}`);
  }

  focusNote() { if (!this.form.hidden) this.text.focus(); }
  focusCode() { if (!this.form.hidden) (this.codes.querySelector('input:checked') ?? this.codes.querySelector('input'))?.focus(); }
}
