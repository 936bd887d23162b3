// The login: an access token that lives in this script's memory only, renewed by a
// cookie that no script can read. In a frame of another site there is no cookie: there
// the token that renews lives in memory, too, and ends with the page.

const early = 60_000; // renew so long before the token ends

export class LoggedOut extends Error {}

// passing tells whether it is worth asking again.
export function passing(err) {
  if (err instanceof LoggedOut) return false;
  return !(err instanceof Problem) || err.status >= 500 || err.status === 429;
}

export class Problem extends Error {
  constructor(status, title, retryAfter) {
    super(title);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export class Session {
  #token = '';
  #ends = 0;
  #renewing = null;
  #timer = 0;
  #refresh = ''; // only without a cookie
  #user = ''; // whose page this is

  // on: renewed(who), ended(other): other is who has this browser's cookie now, '' for nobody
  constructor(on, framed = false) {
    this.on = on;
    this.framed = framed;
  }

  // who asks whose login it is, and makes the page that user's.
  async who() {
    const who = await this.call('GET', '/v1/me');
    this.#user = who.name;
    return who;
  }

  async login(username, password) {
    this.#take((await send('POST', '/v1/auth/login', { username, password, cookie: !this.framed })).json);
  }

  async setup(token, username, password) { await send('POST', '/v1/setup', { token, username, password }); }

  // renew gets a new token by the cookie; all who ask at once share one request.
  renew() {
    this.#renewing ??= this.#renew().finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  async #renew() {
    if (this.framed && !this.#refresh) throw new LoggedOut('');
    try {
      const { json } = await send('POST', '/v1/auth/refresh', this.#proof(), { 'X-Patchcord-CSRF': '1' });
      if (this.#user && !this.framed) await this.#sameUser(json.access_token);
      this.#take(json);
    } catch (err) {
      if (err instanceof Problem && (err.status === 401 || err.status === 403)) throw this.#end('', err.message);
      throw err;
    }
  }

  // Another window of this browser may have logged in somebody else: the cookie, and what comes by it, is his then.
  async #sameUser(token) {
    const { json: who } = await send('GET', '/v1/me', undefined, { Authorization: `Bearer ${token}` });
    if (who.name !== this.#user) throw this.#end(who.name, 'somebody else has logged in');
    this.on.renewed(who);
  }

  // end tells the page, whoever asked, or it would go on without a login.
  #end(other, why) {
    const had = this.#token !== '';
    this.#forget();
    if (had) this.on.ended(other);
    return new LoggedOut(why);
  }

  async logout() {
    const proof = this.#proof();
    this.#forget();
    await send('POST', '/v1/auth/logout', proof, { 'X-Patchcord-CSRF': '1' });
  }

  #proof() { return this.framed ? { refresh_token: this.#refresh } : {}; }

  // call asks the API, with a fresh token, and once more after a 401.
  async call(method, path, body, headers) { return (await this.#call(method, path, body, headers)).json; }

  // read gets something with the tag that a change of it may name: {json, etag}.
  read(path) { return this.#call('GET', path); }

  async #call(method, path, body, headers) {
    if (Date.now() > this.#ends - 5_000) await this.renew();
    try {
      return await this.#ask(method, path, body, headers);
    } catch (err) {
      if (!(err instanceof Problem) || err.status !== 401) throw err;
      await this.renew();
      return this.#ask(method, path, body, headers);
    }
  }

  #ask(method, path, body, headers = {}) {
    return send(method, path, body, { ...headers, Authorization: `Bearer ${this.#token}` });
  }

  #take(answer) {
    const life = answer.expires_in * 1000;
    this.#token = answer.access_token;
    this.#refresh = answer.refresh_token ?? '';
    this.#ends = Date.now() + life;
    this.#plan(Math.max(life - early, life / 2));
  }

  // A renewal that meets no server is tried again; one that is refused ends the session.
  #plan(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.renew().catch((err) => {
      if (!(err instanceof LoggedOut)) this.#plan(5_000 + Math.random() * 5_000);
    }), ms);
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#token = this.#refresh = this.#user = '';
    this.#ends = 0;
  }
}

async function send(method, path, body, headers = {}) {
  const request = { method, headers: { ...headers }, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(15_000) };
  if (body !== undefined) {
    request.headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  const answer = await fetch(path, request);
  const json = /json/.test(answer.headers.get('Content-Type') ?? '') ? await answer.json() : null;
  if (answer.ok) return { json, etag: answer.headers.get('ETag') };
  const retryAfter = Number(answer.headers.get('Retry-After')) || 0;
  throw new Problem(answer.status, json?.detail || json?.title || `status ${answer.status}`, retryAfter);
}
