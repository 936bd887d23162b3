// What a call is to one person, read off its record. No state, no page.

// part says what the call is to that agent: a state, since when, and a word on it.
export function part(call, me) {
  const offer = mine(call.offers, me);
  const talk = mine(call.talks, me);
  const open = talk && !talk.ended_at;
  if (!call.ended_at && open) return { state: 'talking', since: talk.started_at };
  if (!call.ended_at && offer && later(offer, talk)) return offered(call, offer);
  if (talk) return finished(call, talk);
  if (offer) return offered(call, offer);
  return { state: 'other', since: call.ended_at, text: call.ended_at ? 'Ended' : '' };
}

function mine(list, me) {
  return (list ?? []).filter((x) => isFor(x, me)).at(-1);
}

// isFor tells whether an offer or talk is of that agent; an extension may have several.
export function isFor(x, me) {
  return Boolean(x) && (x.agent === me || (x.agents ?? []).includes(me));
}

function later(offer, talk) {
  return !talk || Date.parse(offer.started_at) > Date.parse(talk.started_at);
}

function offered(call, offer) {
  if (!offer.result) {
    if (call.ended_at) return { state: 'gone', since: call.ended_at, text: 'Ended' };
    return { state: 'ringing', since: offer.started_at, offer };
  }
  if (offer.result === 'accepted') {
    return { state: call.ended_at ? 'ended' : 'talking', since: call.ended_at ?? offer.ended_at, text: 'Ended' };
  }
  return { state: 'gone', since: offer.ended_at, text: why(call, offer) };
}

function why(call, offer) {
  switch (offer.result) {
    case 'rescinded':
      if (!offer.by) return 'Gone elsewhere';
      return offer.by === 'caller' ? 'The caller hung up' : `Answered by ${person(call, offer.by)}`;
    case 'no_answer': return 'Not answered';
    case 'busy': return 'Your phone was busy';
    case 'rejected': return 'You declined';
    default: return 'Your phone could not be rung';
  }
}

// person names who has an extension, as the call's record knows it.
function person(call, extension) {
  const agent = [...(call.offers ?? []), ...(call.talks ?? [])].find((x) => x.extension === extension && x.agent)?.agent;
  return agent ? `${agent} (${extension})` : extension;
}

function finished(call, talk) {
  if (call.ended_at) return { state: 'ended', since: call.ended_at, talked: between(talk), text: 'Ended' };
  const t = (call.transfers ?? []).filter((x) => x.by === talk.extension).at(-1);
  return { state: 'left', since: talk.ended_at, talked: between(talk), text: t?.to ? `Passed on to ${person(call, t.to)}` : 'Your part has ended' };
}

function between(x) { return Date.parse(x.ended_at) - Date.parse(x.started_at); }

// The other party, the queue, and how long the caller has waited.
export function other(call) {
  const outward = call.direction === 'outbound';
  return { number: (outward ? call.to : call.from)?.number ?? '', e164: (outward ? call.to : call.from)?.e164 ?? '', name: outward ? '' : call.from?.name ?? '' };
}

export function queue(call, me) {
  return mine(call.offers, me)?.queue ?? (call.queue_visits ?? []).at(-1)?.queue ?? '';
}

export function waitingSince(call) {
  const visit = (call.queue_visits ?? []).findLast((v) => !v.left_at);
  return visit?.entered_at ?? call.started_at;
}

// waited is how long the caller had waited when somebody answered, in milliseconds.
export function waited(call) {
  if (call.wait_ms) return call.wait_ms;
  return call.answered_at && call.started_at ? Date.parse(call.answered_at) - Date.parse(call.started_at) : null;
}

// live says where an open call is, for who watches all of them.
export function live(call) {
  const talks = (call.talks ?? []).filter((t) => !t.ended_at);
  if (talks.length) return { state: 'talking', since: talks[0].started_at, text: `with ${talks.map((t) => label(t)).join(', ')}` };
  const rings = (call.offers ?? []).filter((o) => !o.result && !o.ended_at);
  if (rings.length) return { state: 'ringing', since: rings[0].started_at, text: `rings at ${rings.map((o) => label(o)).join(', ')}` };
  const visit = (call.queue_visits ?? []).findLast((v) => !v.left_at);
  if (visit) return { state: 'waiting', since: visit.entered_at, text: `waits in ${visit.queue}` };
  const park = (call.parked ?? []).findLast((p) => !p.ended_at);
  if (park) return { state: 'waiting', since: park.started_at, text: `parked${park.space ? ` at ${park.space}` : ''}` };
  return { state: 'other', since: call.started_at, text: 'in the dialplan' };
}

function label(x) {
  const name = x.agent || x.with || '';
  return x.extension ? (name && x.agent ? `${name} (${x.extension})` : x.extension) : name || 'outside';
}
