// The live connection: a ticket, a hello with the cursor of the last event, and
// back again with growing, jittered pauses when it breaks.

import { LoggedOut } from './session.js';

const quietFor = 70_000; // the server speaks at least every 30 s
const longest = 15_000;

export class Live {
  #socket = null;
  #cursor = '';
  #tries = 0;
  #timer = 0;
  #attempt = 0; // a newer one replaces an older one that still waits for its ticket
  #heard = 0;
  #wanted = false;

  // on: up(welcome), event(event), pbx(pbx), down(why), ended(why)
  constructor(session, on) {
    this.session = session;
    this.on = on;
    setInterval(() => this.#watch(), 5_000);
    addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#watch(); });
  }

  start() { this.#wanted = true; this.#open(); }

  stop() {
    this.#wanted = false;
    this.#cursor = '';
    this.#tries = 0;
    this.#drop();
  }

  // retry connects now rather than after the pause.
  retry() {
    if (this.#wanted && !this.#socket) this.#open();
  }

  ack(offer) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ op: 'ack', offer }));
  }

  #drop() {
    this.#attempt++;
    clearTimeout(this.#timer);
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
    this.#heard = Date.now();
    socket.onopen = () => {
      const hello = { op: 'hello', ticket };
      if (this.#cursor) hello.resume = this.#cursor;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (m) => this.#take(JSON.parse(m.data));
    socket.onclose = (e) => this.#closed(e);
  }

  #take(message) {
    this.#heard = Date.now();
    if (message.op === 'welcome') {
      this.#tries = 0;
      this.on.up(message);
    } else if (message.op === 'event') {
      this.on.event(message.event);
    } else if (message.op === 'pbx') {
      this.on.pbx(message.pbx);
    }
    if (message.cursor) this.#cursor = message.cursor;
  }

  #closed({ code, reason }) {
    this.#socket = null;
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

  // A computer that slept has a socket that only looks open.
  #watch() {
    if (!this.#socket || Date.now() - this.#heard < quietFor) return;
    this.#drop();
    this.on.down('unreachable');
    this.#open();
  }
}
