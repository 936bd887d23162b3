// Puts the page together: login, live connection, calls, keys.

import { LoggedOut, passing, Problem, Session } from './session.js';
import { Live } from './socket.js';
import { Banner } from './banner.js';
import { Board } from './board.js';
import { Desk } from './desk.js';
import { noDialling, showRecord } from './crm.js';
import { drafts } from './drafts.js';
import { Phones } from './phones.js';
import { recentRow } from './recent.js';
import { Notifier } from './notify.js';
import { outdated } from './version.js';
import { save } from './save.js';
import { steady } from './steady.js';
import { Tab } from './tab.js';
import { now, serverSays } from './time.js';
import { other } from './calls.js';
import { clean, set } from './text.js';

const $ = (id) => document.getElementById(id);
const watchers = new Set(['supervisor', 'admin', 'owner']);

const framed = document.body.dataset.embed === 'yes';

const session = new Session({ ended: sessionEnded, renewed: showWho }, framed);
const banner = new Banner($('banner'));
const board = new Board($('board'), until);
const tab = new Tab($('icon'));
const notifier = new Notifier($('notify'));
const phones = new Phones($('phones'), session, (what) => set($('announce'), what));
const live = new Live(session, { up, event, pbx, late: () => desk.catchUp(), checking, down, ended });

let me = null; // {name, role, extensions}
let desk = null;
let labels = new Map(); // of disposition codes
let downSince = 0; // by the server's clock; 0 while connected
const away = new Map(); // since when, by the name of each PBX that is not connected
let ups = 0; // welcomes since the page began
let recentTimer = 0;

// until is the time that what is known of a call is of: what is not heard of does not go on.
function until(call) { return Math.min(downSince || Infinity, away.get(call.pbx) ?? Infinity, now()); }

function view(name) {
  document.body.dataset.view = name;
  if (name === 'login') $('username').focus();
}

function link(state, text) {
  $('link').dataset.state = state;
  set($('link-text'), text);
  tab.trouble(state === 'off' && me ? text : '');
  ready();
}

// ready says whether the next call will appear: what stands there when there is none.
function ready() {
  const mine = me?.extensions ?? [];
  const deaf = downSince || mine.length && mine.every((x) => away.has(x.split('/')[0]));
  set($('idle-text'), deaf ? 'Calls do not appear here now' : mine.length ? 'Ready for the next call' : 'No phone is yours');
  set($('idle-hint'), deaf ? 'Phones ring on.' : mine.length ? 'It appears here while your phone rings.' : 'A supervisor can give you one.');
}

// Session.

async function enter() {
  const [who, dispositions] = await Promise.all([session.who(), session.call('GET', '/v1/dispositions')]);
  const codes = dispositions.items ?? dispositions;
  labels = new Map(codes.map((c) => [c.code, c.label]));
  showWho(who);
  document.body.dataset.watches = watchers.has(me.role) ? 'yes' : '';
  drafts.of(me.name);
  desk = new Desk(me.name, codes, {
    ack: (id) => live.ack(id), save: saveCard, rings, until, quiet: (card) => notifier.end(card), headline: (text, ringing) => tab.headline(text, ringing),
  });
  set($('login-error'), '');
  banner.clear('start');
  notifier.offer();
  view('desk');
  $('main').focus();
  down('connecting');
  live.start();
  recent();
  drafts.ids().forEach(unfinished);
  if (watchers.has(me.role)) phones.read();
}

// showWho is told again whenever the login is renewed: phones change hands.
function showWho(who) {
  me = who;
  const { name, role, extensions } = who;
  set($('who'), clean(`${name}${extensions?.length ? ` · ${extensions.join(', ')}` : ''}`, 120));
  document.body.dataset.phone = extensions?.length || role === 'agent' ? 'yes' : 'no';
  ready();
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

function sessionEnded(other) {
  loggedOut(other ? `${clean(other, 60)} has logged in in another window of this browser. Log in again; what you typed is kept.` :
    'Your session has ended. Log in again; what you typed is kept.');
  tab.trouble('Logged out');
}

function loggedOut(why) {
  live.stop();
  desk?.clear();
  desk = me = null;
  downSince = 0;
  away.clear();
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
  serverSays(theirs);
  downSince = 0;
  if (ups++) lookForNewer();
  banner.clear('link');
  link('on', 'Connected');
  banner.keepPBXs(new Set(snapshot.pbxs.map((p) => p.name)));
  away.clear();
  snapshot.pbxs.forEach(pbx);
  recentSoon();
  if (recovered) return desk.catchUp();
  if (watchers.has(me.role)) board.replace(snapshot.calls);
  for (const id of desk.snapshot(snapshot.calls, snapshot.contacts ?? {})) catchUp(id, desk);
}

// A page may stay open for weeks; the daemon that comes back may be a newer one.
async function lookForNewer() {
  if (!await outdated()) return banner.clear('version');
  banner.put('version', 'patchcord was updated. This page is still the old one.', null, { label: 'Load the new one', run: () => location.reload() });
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

// catchUp asks how a call went on that ended while we were away.
async function catchUp(id, mine) {
  try {
    const call = await session.call('GET', `/v1/calls/${encodeURIComponent(id)}`);
    if (desk === mine) desk.refresh(id, call);
  } catch (err) {
    if (desk !== mine) return;
    if (passing(err)) setTimeout(() => catchUp(id, mine), 5_000);
    else desk.lost(id);
  }
}

function event(e) {
  if (e.type === 'gap.opened' || e.type === 'gap.closed') return gap(e);
  desk.event(e);
  if (changesRecent.has(e.type) || e.data.call?.disposition) recentSoon();
  if (!e.data.call || !watchers.has(me.role)) return;
  if (e.type === 'call.merged') board.remove(e.data.id);
  else board.put(e.data.call);
}

const changesRecent = new Set(['call.started', 'call.ended', 'call.merged', 'offer.created', 'offer.rescinded', 'offer.ended']);

function pbx(p) {
  banner.pbx(p);
  if (p.state === 'connected') away.delete(p.name);
  else away.set(p.name, Date.parse(p.since) || now());
  ready();
}

function gap({ type, data: { gap: g } }) {
  if (!g || !['disconnect', 'pbx_restart', 'daemon_down'].includes(g.cause)) return;
  pbx({ name: g.pbx, state: type === 'gap.closed' ? 'connected' : 'disconnected', since: g.started_at });
}

function checking(since) {
  downSince ||= since;
  link('wait', 'Checking the line');
}

const troubles = {
  offline: 'This computer is offline.',
  restarting: 'patchcord is restarting.',
  silent: 'Nothing is heard from patchcord.',
  unreachable: 'No connection to patchcord.',
};

function down(why, since) {
  downSince ||= since || now();
  if (why === 'connecting') return link('wait', 'Connecting');
  link('off', 'Not connected');
  banner.put('link', `${navigator.onLine ? troubles[why] : troubles.offline} Phones ring on, but calls are not shown here.`, downSince,
    { label: 'Try now', run: () => live.check() });
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

// rings is told of each offer to this agent once, with what is known of who calls.
function rings(card, party) {
  const { call, contacts } = card;
  notifier.ring(card, `☎ ${party} is calling`, clean(other(call).number, 40), () => card.root.focus());
  if (!framed) return;
  const { e164, number } = call.direction === 'outbound' ? call.to : call.from;
  showRecord(document.body.dataset.crm, contacts, e164 ?? number ?? '');
}

async function saveCard(card, say) {
  const mine = desk;
  const saved = await save(session, card, say, () => desk !== mine);
  windows.postMessage(card.id);
  recentSoon();
  return saved;
}

// What is said of a call that has ended, the server tells to no agent. The other windows of this browser are told here.
const windows = new BroadcastChannel('said');
windows.addEventListener('message', ({ data: id }) => {
  if (!me) return;
  if (desk.has(id)) catchUp(id, desk);
  recentSoon();
});

function recentSoon() {
  recentTimer ||= setTimeout(() => { recentTimer = 0; recent(); }, 1000);
}

async function recent() {
  if (!me) return;
  try {
    const { items } = await session.call('GET', '/v1/calls?limit=20');
    if (!me) return;
    const list = $('recent-list');
    if (list.matches(':active')) return recentSoon(); // pressed just now: a row that is exchanged would not be chosen
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
steady((target) => target.closest('[data-call]')?.dataset.call);
if (framed) noDialling();
setInterval(() => {
  if (me && watchers.has(me.role)) phones.read();
  if (me && !me.extensions?.length) session.who().then((who) => { if (me?.name === who.name) showWho(who); }, () => {}); // asked again in a minute
}, 60_000);
setInterval(() => {
  desk?.tick();
  board.tick();
  banner.tick();
}, 500);
if (setup) offerSetup();
else begin();
