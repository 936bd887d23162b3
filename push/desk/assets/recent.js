// The calls of before, newest first. Choosing one opens it, to be finished.

import { clean, clock, duration, el } from './text.js';
import { other, part } from './calls.js';

const outcomes = {
  answered: 'answered', voicemail: 'voicemail', abandoned: 'caller gave up', cancelled: 'cancelled',
  busy: 'busy', failed: 'failed', no_answer: 'not answered', self_service: 'self service',
};

// recentRow returns the list element of a call; choose is called with the call.
export function recentRow(call, me, labels, choose) {
  const { number, name } = other(call);
  const { state, text, talked } = part(call, me);
  const mineToFinish = (state === 'ended' || state === 'left') && !call.disposition;
  const what = state === 'gone' ? text : state === 'ended' || state === 'left' || !call.ended_at ? null : outcomes[call.outcome];
  const end = call.disposition ? clean(labels.get(call.disposition.code) ?? call.disposition.code, 40) : mineToFinish ? 'To finish' : '';
  return el('li', { 'data-call': call.id }, el('button', { type: 'button', class: 'past', onclick: () => choose(call) },
    el('span', { class: 'when' }, clock(call.started_at)),
    el('span', { class: 'party' }, el('bdi', {}, clean(name, 40) || clean(number, 40) || 'No number'),
      name && number ? el('bdi', { class: 'dim' }, clean(number, 40)) : null),
    el('span', { class: 'came' }, call.ended_at ? (what ?? (talked >= 0 ? duration(talked) : '')) : 'now',
      end ? el('span', { class: mineToFinish ? 'tag warn' : 'tag' }, end) : null)));
}
