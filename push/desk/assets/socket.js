// The live connection: a ticket, a hello with the cursor of the last event, and
// back again with growing, jittered pauses when it breaks or says nothing.

import { LoggedOut } from './session.js';
import { now } from './time.js';

const longest = 15_000; // pause between attempts, and what a new line has to say something
const late = 2_000; // what a keep-alive may come late, beside half of what lies between two

export class Live {
  #socket = null;
  #cursor = '';
  #tries = 0;
  #timer = 0; // of the next attempt
  #alarm = 0; // of silence
  #attempt = 0; // a newer one replaces an older one that still waits for its ticket
  #quiet = longest; // silence of so long is a dead line
  #heard = 0; // by this computer's clock, which goes on while it sleeps
  #heardAt = 0; // by the server's
  #wanted = false;

  // on: up(welcome), event(event), pbx(pbx), late(), checking(since), down(why, since), ended(why)
  constructor(session, on) {
    this.session = session;
    this.on = on;
    setInterval(() => this.#watch(), 1_000);
    for (const type of ['online', 'offline']) addEventListener(type, () => this.check());
    for (const type of ['visibilitychange', 'resume']) document.addEventListener(type, () => { if (!document.hidden) this.#look(); });
  }

  start() { this.#wanted = true; this.#open(); }

  stop() {
    this.#wanted = false;
    this.#cursor = '';
    this.#tries = 0;
    this.#drop();
  }

  // check finds out whether the line is alive, by making a new one. It costs no event: the server knows where we were.
  check() {
    if (!this.#wanted) return;
    if (this.#socket) this.on.checking(this.#heardAt);
    this.#open();
  }

  ack(offer) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ op: 'ack', offer }));
  }

  #drop() {
    this.#attempt++;
    clearTimeout(this.#timer);
    clearTimeout(this.#alarm);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = socket.onopen = null;
      socket.close();
    }
  }

  async #open() {
    this.#drop();
    let ticket;
    const mine = ++this.#attempt;
    try {
      ({ ticket } = await this.session.call('POST', '/v1/push/ticket', {}));
    } catch (err) {
      if (!this.#wanted || this.#attempt !== mine || err instanceof LoggedOut) return;
      if (err.status === 403) this.#end('forbidden');
      else this.#again('unreachable', err.retryAfter * 1000);
      return;
    }
    if (this.#wanted && this.#attempt === mine) this.#connect(ticket);
  }

  #connect(ticket) {
    const url = new URL('/v1/push', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = this.#socket = new WebSocket(url);
    this.#quiet = longest;
    this.#listen(longest);
    socket.onopen = () => {
      const hello = { op: 'hello', ticket };
      if (this.#cursor) hello.resume = this.#cursor;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (m) => this.#take(JSON.parse(m.data));
    socket.onclose = (e) => this.#closed(e);
  }

  #take(message) {
    if (Date.now() - this.#heard > this.#quiet) this.on.late(); // waited while the computer slept
    if (message.op === 'welcome') {
      this.#tries = 0;
      this.#quiet = (message.keepalive_ms ?? 25_000) * 1.5 + late;
      this.on.up(message);
    } else if (message.op === 'event') {
      this.on.event(message.event);
    } else if (message.op === 'pbx') {
      this.on.pbx(message.pbx);
    }
    if (message.cursor) this.#cursor = message.cursor;
    this.#heardAt = now();
    this.#listen(this.#quiet);
  }

  // listen raises the alarm when nothing comes for so long. A timer that every message sets anew runs on time in a page
  // that is out of sight, too, where one that repeats itself may have its turn once a minute.
  #listen(patience) {
    this.#heard = Date.now();
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => this.#silent(), patience);
  }

  #silent() {
    this.on.down('silent', this.#heardAt);
    this.#open();
  }

  #closed({ code, reason }) {
    this.#socket = null;
    clearTimeout(this.#alarm);
    if (code === 4003) return this.#end('forbidden');
    if (code === 4009) return this.#end('replaced');
    const hint = /retry_ms=(\d+)/.exec(reason);
    this.#again(code === 1012 ? 'restarting' : 'unreachable', hint ? Number(hint[1]) : 0);
  }

  #end(why) {
    this.#wanted = false;
    this.on.ended(why);
  }

  #again(why, atLeast) {
    const span = Math.min(longest, 500 * 2 ** this.#tries++);
    this.on.down(why);
    this.#timer = setTimeout(() => this.#open(), Math.max(atLeast || 0, 250) + Math.random() * span);
  }

  // A computer that slept has a socket that only looks open, and timers that slept with it.
  #watch() {
    if (this.#socket && Date.now() - this.#heard > this.#quiet) this.check();
  }

  // look is for who turns to the page: what waits for its next attempt makes it now.
  #look() {
    if (this.#socket) this.#watch();
    else if (this.#timer) this.check();
  }
}
