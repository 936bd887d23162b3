// Puts down what a call came to.

import { LoggedOut, passing, Problem } from './session.js';
import { clean } from './text.js';

// A Conflict is what somebody else, or another window, said of the call, and this page has not shown yet.
export class Conflict extends Problem {
  constructor(theirs) {
    super(409, 'something else was saved meanwhile', 0);
    this.theirs = theirs;
  }
}

// sameAnswer tells whether two dispositions say the same, whoever says it.
export function sameAnswer(a, b) { return a?.code === b?.code && (a?.note ?? '') === (b?.note ?? ''); }

// save saves the card's answer, as it stands at each attempt, until the server has it or refuses it: a record that is
// not there yet, a restart and a cut line all pass. over tells whether who asked for it has gone.
export async function save(session, card, say, over) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await put(session, card, card.answer());
    } catch (err) {
      if (!passing(err)) throw err;
      say(err instanceof Problem ? `Not saved yet: ${clean(err.message, 200)}; trying again …` : 'Not saved yet: no connection; trying again …');
      await new Promise((done) => { setTimeout(done, Math.max((err.retryAfter || 0) * 1000, Math.min(attempt, 15) * 1000)); });
      if (over()) throw new LoggedOut('you were logged out'); // the next login may be somebody else's
    }
  }
}

// put replaces nothing that the card has not shown. An answer that is there already, as after an attempt whose
// success was not heard, is saved.
async function put(session, card, answer) {
  for (;;) {
    const { json: call, etag } = await session.read(`/v1/calls/${encodeURIComponent(card.id)}`);
    if (sameAnswer(call.disposition, answer)) return answer;
    if (call.disposition && !card.knows(call.disposition)) throw new Conflict(call.disposition);
    try {
      await session.call('PUT', `/v1/calls/${encodeURIComponent(call.id)}/disposition`, answer, etag ? { 'If-Match': etag } : {});
      return answer;
    } catch (err) {
      if (!(err instanceof Problem) || err.status !== 412) throw err; // 412: changed since it was read
    }
  }
}
