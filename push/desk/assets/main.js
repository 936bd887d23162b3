// Puts the page together: login, live connection, calls, keys.

import { LoggedOut, Problem, Session } from './session.js';
import { Live } from './socket.js';
import { Banner } from './banner.js';
import { Board } from './board.js';
import { Desk } from './desk.js';
import { noDialling, showRecord } from './crm.js';
import { drafts } from './drafts.js';
import { Phones } from './phones.js';
import { recentRow } from './recent.js';
import { clean, set } from './text.js';

const $ = (id) => document.getElementById(id);
const watchers = new Set(['supervisor', 'admin', 'owner']);

const framed = document.body.dataset.embed === 'yes';

const session = new Session(() => loggedOut('Your session has ended. Log in again; what you typed is kept.'), framed);
const banner = new Banner($('banner'), () => now());
const board = new Board($('board'), () => now());
const phones = new Phones($('phones'), session, (what) => set($('announce'), what));
const live = new Live(session, { up, event, pbx: (p) => banner.pbx(p), down, ended });

let me = null; // {name, role}
let desk = null;
let labels = new Map(); // of disposition codes
let downSince = 0; // by the server's clock
let offset = 0; // the server's clock minus ours, in milliseconds
let recentTimer = 0;

const now = () => Date.now() + offset;

function view(name) {
  document.body.dataset.view = name;
  if (name === 'login') $('username').focus();
}

function link(state, text) {
  $('link').dataset.state = state;
  set($('link-text'), text);
}

// Session.

async function enter() {
  const [who, dispositions] = await Promise.all([session.call('GET', '/v1/me'), session.call('GET', '/v1/dispositions')]);
  me = who;
  const codes = dispositions.items ?? dispositions;
  labels = new Map(codes.map((c) => [c.code, c.label]));
  set($('who'), clean(`${me.name}${me.extensions?.length ? ` · ${me.extensions.join(', ')}` : ''}`, 120));
  document.body.dataset.watches = watchers.has(me.role) ? 'yes' : '';
  document.body.dataset.phone = me.extensions?.length || me.role === 'agent' ? 'yes' : 'no';
  drafts.of(me.name);
  desk = new Desk(me.name, codes, { ack: (id) => live.ack(id), save, now, rings });
  set($('login-error'), '');
  banner.clear('start');
  view('desk');
  $('main').focus();
  down('connecting');
  live.start();
  recent();
  drafts.ids().forEach(unfinished);
  if (watchers.has(me.role)) phones.read();
}

// The link that a first start prints ends in #setup=<token>; it makes the owner.
let setup = /^#setup=(.+)$/.exec(location.hash)?.[1] ?? '';

function offerSetup() {
  history.replaceState(null, '', location.pathname);
  set($('login-title'), 'Create the owner');
  set($('login-hint'), 'The first login of this patchcord. The password has at least 12 characters.');
  set($('login').querySelector('button'), 'Create');
  $('password').autocomplete = 'new-password';
  view('login');
}

function setupDone() {
  setup = '';
  set($('login-title'), 'Log in');
  set($('login-hint'), 'See who is calling while your phone rings.');
  set($('login').querySelector('button'), 'Log in');
  $('password').autocomplete = 'current-password';
}

// begin restores the session of before by its cookie. A server that is away is waited for.
async function begin(pause = 1000) {
  try {
    await session.renew();
    await enter();
  } catch (err) {
    if (err instanceof LoggedOut) return view('login');
    banner.put('start', 'patchcord cannot be reached; trying again.', downSince ||= now());
    setTimeout(() => begin(Math.min(pause * 2, 15_000)), pause * (0.5 + Math.random()));
  }
}

function loggedOut(why) {
  live.stop();
  desk?.clear();
  desk = me = null;
  downSince = 0;
  banner.clearAll();
  board.replace([]);
  phones.clear();
  $('recent-list').replaceChildren();
  set($('who'), '');
  set($('login-error'), why);
  link('off', 'Not connected');
  view('login');
}

$('login').addEventListener('submit', async (e) => {
  e.preventDefault();
  const button = e.submitter ?? $('login').querySelector('button');
  button.disabled = true;
  set($('login-error'), '');
  try {
    if (setup) {
      await session.setup(decodeURIComponent(setup), $('username').value.trim(), $('password').value);
      setupDone();
    }
    await session.login($('username').value.trim(), $('password').value);
    $('password').value = '';
    await enter();
  } catch (err) {
    set($('login-error'), loginError(err));
  } finally {
    button.disabled = false;
  }
});

function loginError(err) {
  if (!(err instanceof Problem)) return 'patchcord cannot be reached. Try again in a moment.';
  if (err.status === 401) return 'That name and password do not match.';
  if (err.status === 429) return `Too many attempts. Try again in ${err.retryAfter || 60} seconds.`;
  return err.message;
}

$('logout').addEventListener('click', async () => {
  drafts.clear();
  try {
    await session.logout();
    loggedOut('You are logged out.');
  } catch {
    loggedOut('You are logged out here, but the server could not be told.');
  }
});

// Live connection.

function up({ recovered, now: theirs, snapshot }) {
  if (theirs) offset = Date.parse(theirs) - Date.now();
  downSince = 0;
  banner.clear('link');
  link('on', 'Connected');
  banner.keepPBXs(new Set(snapshot.pbxs.map((p) => p.name)));
  snapshot.pbxs.forEach((p) => banner.pbx(p));
  if (recovered) return;
  if (watchers.has(me.role)) board.replace(snapshot.calls);
  for (const id of desk.snapshot(snapshot.calls, snapshot.contacts ?? {})) catchUp(id);
  recentSoon();
}

// unfinished brings back the card of a call that something was typed for and not saved.
async function unfinished(id) {
  const mine = desk;
  try {
    const call = await session.call('GET', `/v1/calls/${encodeURIComponent(id)}`);
    if (desk !== mine) return;
    drafts.move(id, call.id);
    desk.open(call);
  } catch (err) {
    if (passing(err)) setTimeout(() => { if (desk === mine) unfinished(id); }, 5_000);
  }
}

// passing tells whether it is worth asking again.
function passing(err) {
  if (err instanceof LoggedOut) return false;
  return !(err instanceof Problem) || err.status >= 500 || err.status === 429;
}

// catchUp asks how a call went on that ended while we were away.
async function catchUp(id) {
  try {
    desk?.refresh(id, await session.call('GET', `/v1/calls/${encodeURIComponent(id)}`));
  } catch (err) {
    if (passing(err)) setTimeout(() => catchUp(id), 5_000);
  }
}

function event(e) {
  if (e.type === 'gap.opened' || e.type === 'gap.closed') return gap(e);
  desk.event(e);
  if (changesRecent.has(e.type)) recentSoon();
  if (!e.data.call || !watchers.has(me.role)) return;
  if (e.type === 'call.merged') board.remove(e.data.id);
  else board.put(e.data.call);
}

const changesRecent = new Set(['call.started', 'call.ended', 'call.merged', 'offer.created', 'offer.rescinded', 'offer.ended']);

function gap({ type, data: { gap: g } }) {
  if (!g || !['disconnect', 'pbx_restart', 'daemon_down'].includes(g.cause)) return;
  banner.pbx({ name: g.pbx, state: type === 'gap.closed' ? 'connected' : 'disconnected', since: g.started_at });
}

function down(why) {
  downSince ||= now();
  if (why === 'connecting') return link('wait', 'Connecting');
  link('off', 'Not connected');
  const retry = { label: 'Try now', run: () => live.retry() };
  if (!navigator.onLine) banner.put('link', 'This computer is offline. Phones ring on, but calls are not shown here.', downSince, retry);
  else if (why === 'restarting') banner.put('link', 'patchcord is restarting. Phones ring on, but calls are not shown here.', downSince, retry);
  else banner.put('link', 'No connection to patchcord. Phones ring on, but calls are not shown here.', downSince, retry);
}

function ended(why) {
  downSince ||= now();
  link('off', 'Not connected');
  if (why === 'replaced') {
    banner.put('link', 'You have opened this page more than five times; this one is no longer connected.', downSince,
      { label: 'Use this one', run: () => live.start() });
  } else {
    banner.put('link', 'Your role sees no live calls.', null);
  }
}

// Calls.

// rings is told of each offer to this agent once, with the contacts that are known.
function rings(call, contacts) {
  if (!framed) return;
  const { e164, number } = call.direction === 'outbound' ? call.to : call.from;
  showRecord(document.body.dataset.crm, contacts, e164 ?? number ?? '');
}

// save puts the disposition down, as it stands at each attempt, until the server has it or refuses it: a record that
// is not there yet, a restart and a cut line all pass.
async function save(card, say) {
  const mine = desk;
  for (let attempt = 1; ; attempt++) {
    const answer = card.answer();
    try {
      await session.call('PUT', `/v1/calls/${encodeURIComponent(card.id)}/disposition`, answer);
      recentSoon();
      return answer;
    } catch (err) {
      if (!passing(err)) throw err;
      say(err instanceof Problem ? `Not saved yet: ${clean(err.message, 200)}; trying again …` : 'Not saved yet: no connection; trying again …');
      await new Promise((done) => { setTimeout(done, Math.max((err.retryAfter || 0) * 1000, Math.min(attempt, 15) * 1000)); });
      if (desk !== mine) throw new LoggedOut('you were logged out'); // the next login may be somebody else's
    }
  }
}

function recentSoon() {
  recentTimer ||= setTimeout(() => { recentTimer = 0; recent(); }, 1000);
}

async function recent() {
  if (!me) return;
  try {
    const { items } = await session.call('GET', '/v1/calls?limit=20');
    if (!me) return;
    const list = $('recent-list');
    const focused = list.querySelector(':focus')?.closest('li').dataset.call;
    list.replaceChildren(...items.map((call) => recentRow(call, me.name, labels, (c) => desk.show(c))));
    [...list.children].find((li) => li.dataset.call === focused)?.querySelector('button').focus();
    set($('recent-note'), items.length ? '' : 'None yet.');
  } catch {
    set($('recent-note'), 'The list could not be read just now.');
  }
}

// Keys.

const keys = {
  F1: () => { if (!$('help').open) $('help').showModal(); },
  F2: () => desk?.current()?.root.focus(),
  F4: () => desk?.writable()?.focusNote(),
  F8: () => desk?.writable()?.focusCode(),
  F9: () => $('recent-list').querySelector('button')?.focus(),
};

document.addEventListener('keydown', (e) => {
  if (e.altKey || e.ctrlKey || e.metaKey || document.body.dataset.view !== 'desk') return;
  if (keys[e.key]) {
    e.preventDefault();
    keys[e.key]();
  } else if (e.key === 'Escape' && !$('help').open) {
    const card = desk?.focused();
    if (card && !card.closer.hidden && !card.dirty) desk.close(card); // what was typed is closed by hand only
  }
});

$('help-open').addEventListener('click', keys.F1);
if (framed) noDialling();
setInterval(() => { if (me && watchers.has(me.role)) phones.read(); }, 60_000);
setInterval(() => { desk?.tick(); board.tick(now()); banner.tick(); }, 500);
if (setup) offerSetup();
else begin();
