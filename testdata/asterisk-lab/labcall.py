#!/usr/bin/env python3
"""Small SIP phones, an AMI recorder and call scenarios for asterisk-lab.

Only the Python standard library is used. Started by ./asterisk-lab.
"""
import asyncio, base64, hashlib, math, os, random, re, sys, time

HOST = '127.0.0.1'


def env(name, default=None):
    v = os.environ.get(name, default)
    if v is None:
        sys.exit('run this through asterisk-lab (missing %s)' % name)
    return v


# ------------------------------------------------------------------ tone
def ulaw(x):
    x = max(-32635, min(32635, int(x)))
    sign = 0x80 if x < 0 else 0
    x = abs(x) + 132
    exp = 7
    while exp > 0 and not x & (0x80 << exp):
        exp -= 1
    return ~(sign | (exp << 4) | ((x >> (exp + 3)) & 0x0F)) & 0xFF


def tone(freq, seconds):
    return bytes(ulaw(8000 * math.sin(2 * math.pi * freq * i / 8000)) for i in range(int(8000 * seconds)))


# ------------------------------------------------------------------ SIP
COMPACT = {'i': 'call-id', 'f': 'from', 't': 'to', 'v': 'via', 'm': 'contact', 'l': 'content-length',
           'c': 'content-type', 'r': 'refer-to', 'b': 'referred-by', 'o': 'event', 's': 'subject'}


class Msg:
    def __init__(self, data):
        head, _, self.body = data.partition(b'\r\n\r\n')
        lines = head.decode('utf-8', 'replace').split('\r\n')
        self.start = lines[0]
        self.h = []
        for l in lines[1:]:
            k, _, v = l.partition(':')
            k = k.strip().lower()
            self.h.append((COMPACT.get(k, k), v.strip()))
        p = self.start.split(' ', 2)
        self.is_resp = p[0].startswith('SIP/')
        if self.is_resp:
            self.code = int(p[1])
        else:
            self.method, self.uri = p[0], p[1]
        self.cseq, self.cmethod = self.get('cseq').split()[:2]
        self.cseq = int(self.cseq)
        self.callid = self.get('call-id')

    def get(self, k):
        for a, b in self.h:
            if a == k:
                return b
        return ''

    def all(self, k):
        return [b for a, b in self.h if a == k]


def tag_of(v):
    m = re.search(r';\s*tag=([^;>\s]+)', v)
    return m.group(1) if m else ''


def uri_of(v):
    m = re.search(r'<([^>]+)>', v)
    return m.group(1) if m else v.split(';')[0].strip()


def rnd(n=8):
    return ''.join(random.choice('abcdefghijklmnopqrstuvwxyz0123456789') for _ in range(n))


class RTP(asyncio.DatagramProtocol):
    def __init__(self):
        self.rx = 0
        self.task = None

    def connection_made(self, tr):
        self.tr = tr

    def datagram_received(self, data, addr):
        self.rx += 1

    async def play(self, dest, freq):
        buf = tone(freq, 1)
        seq, ts, ssrc = random.randint(0, 60000), random.randint(0, 1 << 30), random.randint(0, 1 << 31)
        i = 0
        t = time.monotonic()
        while True:
            pkt = b'\x80\x00' + (seq & 0xFFFF).to_bytes(2, 'big') + (ts & 0xFFFFFFFF).to_bytes(4, 'big') + ssrc.to_bytes(4, 'big') + buf[i:i + 160]
            self.tr.sendto(pkt, dest)
            seq += 1
            ts += 160
            i = (i + 160) % 8000
            t += 0.02
            await asyncio.sleep(max(0, t - time.monotonic()))


class Dialog:
    def __init__(self, phone, callid, outgoing):
        self.p, self.callid, self.outgoing = phone, callid, outgoing
        self.ltag, self.rtag = rnd(), ''
        self.cseq = random.randint(1, 200)
        self.state = 'new'
        self.code = None
        loop = asyncio.get_running_loop()
        self.up = loop.create_future()       # answered
        self.ringing = loop.create_future()
        self.over = loop.create_future()     # ended in any way
        self.refer_codes = []
        self.refer_done = loop.create_future()
        self.referred = loop.create_future()  # where the PBX sends it
        self.rtp = None
        self.remote_rtp = None
        self.direction = 'sendrecv'
        self.invite = None
        self.branch = None
        self.sdpver = 1

    # -- media
    async def open_rtp(self):
        if not self.rtp:
            loop = asyncio.get_running_loop()
            _, self.rtp = await loop.create_datagram_endpoint(RTP, local_addr=(HOST, 0))
        return self.rtp.tr.get_extra_info('sockname')[1]

    async def sdp(self, direction=None):
        port = await self.open_rtp()
        self.sdpver += 1
        return ('v=0\r\no=- 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n'
                'a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=%s\r\n'
                % (self.sdpver, HOST, HOST, port, direction or self.direction)).encode()

    def learn_sdp(self, body):
        m = re.search(rb'm=audio (\d+)', body or b'')
        if m and int(m.group(1)):
            self.remote_rtp = (HOST, int(m.group(1)))
            self.media()

    def media(self):
        if self.p.media and self.state == 'up' and self.rtp and self.remote_rtp and not self.rtp.task:
            self.rtp.task = asyncio.ensure_future(self.rtp.play(self.remote_rtp, self.p.freq))

    # -- state
    def set_up(self):
        self.state = 'up'
        if not self.up.done():
            self.up.set_result(True)
        self.media()

    def end(self, code=None):
        if self.state == 'over':
            return
        self.state = 'over'
        self.code = code
        if self.rtp:
            if self.rtp.task:
                self.rtp.task.cancel()
            self.rtp.tr.close()
        for f in (self.up, self.ringing):
            if not f.done():
                f.set_result(False)
        if not self.over.done():
            self.over.set_result(code)
        self.p.dialogs.pop(self.callid, None)

    async def wait_up(self, t=15):
        return await asyncio.wait_for(asyncio.shield(self.up), t)

    async def wait_over(self, t=30):
        return await asyncio.wait_for(asyncio.shield(self.over), t)

    # -- requests inside the dialog
    def request(self, method, extra=(), body=b'', ctype=None, cseq=None, branch=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or 'z9hG4bK' + rnd(12)
        h = ['%s %s SIP/2.0' % (method, self.target),
             'Via: SIP/2.0/UDP %s:%d;branch=%s;rport' % (HOST, self.p.port, branch),
             'Max-Forwards: 70', 'From: ' + self.local, 'To: ' + self.remote,
             'Call-ID: ' + self.callid, 'CSeq: %d %s' % (cseq, method),
             'Contact: <sip:%s@%s:%d>' % (self.p.user, HOST, self.p.port),
             'User-Agent: labphone'] + list(extra)
        if ctype:
            h.append('Content-Type: ' + ctype)
        h.append('Content-Length: %d' % len(body))
        self.p.send('\r\n'.join(h).encode() + b'\r\n\r\n' + body)
        return cseq, branch

    async def transact(self, method, extra=(), body=b'', ctype=None):
        cseq, _ = self.request(method, extra, body, ctype)
        f = asyncio.get_running_loop().create_future()
        self.p.waiting[(self.callid, cseq, method)] = f
        try:
            return await asyncio.wait_for(f, 5)
        except asyncio.TimeoutError:
            return None

    async def bye(self):
        if self.state == 'up':
            r = self.transact('BYE')
            self.state = 'closing'
            await r
            self.end(0)

    def cancel(self):
        h = ['CANCEL %s SIP/2.0' % self.target,
             'Via: SIP/2.0/UDP %s:%d;branch=%s;rport' % (HOST, self.p.port, self.branch), 'Max-Forwards: 70',
             'From: ' + self.local, 'To: ' + self.remote0, 'Call-ID: ' + self.callid,
             'CSeq: %d CANCEL' % self.invite_cseq, 'Content-Length: 0', '', '']
        self.p.send('\r\n'.join(h).encode())

    async def reinvite(self, direction):
        self.direction = direction
        body = await self.sdp(direction)
        cseq, _ = self.request('INVITE', body=body, ctype='application/sdp')
        f = asyncio.get_running_loop().create_future()
        self.p.waiting[(self.callid, cseq, 'INVITE')] = f
        r = await asyncio.wait_for(f, 5)
        self.request('ACK', cseq=cseq)
        return r

    async def hold(self):
        return await self.reinvite('sendonly')

    async def unhold(self):
        return await self.reinvite('sendrecv')

    async def dtmf(self, digits, ms=120, gap=0.25):
        for d in digits:
            await self.transact('INFO', body=('Signal=%s\r\nDuration=%d\r\n' % (d, ms)).encode(), ctype='application/dtmf-relay')
            await asyncio.sleep(gap)

    async def refer(self, number, replaces=None):
        to = 'sip:%s@%s' % (number, HOST)
        if replaces:
            to += '?Replaces=' + (replaces.callid + ';to-tag=' + replaces.rtag + ';from-tag=' + replaces.ltag).replace('@', '%40').replace(';', '%3B').replace('=', '%3D')
        return await self.transact('REFER', ['Refer-To: <%s>' % to, 'Referred-By: <sip:%s@%s>' % (self.p.user, HOST)])

    def place(self):
        "the header by which another call takes the place of this one (RFC 3891)"
        return 'Replaces: %s;to-tag=%s;from-tag=%s' % (self.callid, self.rtag, self.ltag)

    # -- incoming INVITE answers
    async def answer(self):
        if self.state not in ('new', 'ringing'):
            return
        body = await self.sdp()
        self.p.respond(self.invite, 200, 'OK', self.ltag, body)
        self.learn_sdp(self.invite.body)
        self.set_up()

    def ring(self):
        self.state = 'ringing'
        self.p.respond(self.invite, 180, 'Ringing', self.ltag)

    def reject(self, code=486):
        names = {486: 'Busy Here', 603: 'Decline', 480: 'Temporarily Unavailable', 404: 'Not Found', 503: 'Service Unavailable'}
        self.p.respond(self.invite, code, names.get(code, 'No'), self.ltag)
        self.end(code)

    def forward(self, number):
        "call forwarding set in the phone: 302 with the new number"
        to = '<sip:%s@%s:%d>' % (number, HOST, self.p.sip[1])
        self.p.respond(self.invite, 302, 'Moved Temporarily', self.ltag, contact=to,
                       extra=['Diversion: <sip:%s@%s>;reason=unconditional' % (self.p.user, HOST)])
        self.end(302)


class Phone(asyncio.DatagramProtocol):
    """policy: answer[=RING[,TALK]] | busy | reject=CODE | forward=NUMBER | noanswer | manual | silent"""

    def __init__(self, user, port, policy='manual', media=False, freq=500, headers=()):
        self.user, self.port, self.policy, self.media, self.freq = user, port, policy, media, freq
        self.headers = list(headers)
        self.dialogs, self.waiting = {}, {}
        self.inq = asyncio.Queue()
        self.sip = (HOST, int(env('LAB_SIP').split(':')[1]))
        self.lastresp = {}
        self.ignore_options = False

    async def start(self):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, self.port))
        return self

    def connection_made(self, tr):
        self.tr = tr

    def send(self, data):
        self.tr.sendto(data, self.sip)

    def close(self):
        for d in list(self.dialogs.values()):
            d.end()
        self.tr.close()

    def respond(self, m, code, text, tag=None, body=b'', extra=(), contact=None):
        h = ['SIP/2.0 %d %s' % (code, text)]
        h += ['Via: ' + v for v in m.all('via')]
        h += ['Record-Route: ' + v for v in m.all('record-route')]
        to = m.get('to')
        if tag and not tag_of(to):
            to += ';tag=' + tag
        h += ['From: ' + m.get('from'), 'To: ' + to, 'Call-ID: ' + m.callid, 'CSeq: %d %s' % (m.cseq, m.cmethod),
              'Contact: ' + (contact or '<sip:%s@%s:%d>' % (self.user, HOST, self.port)), 'User-Agent: labphone',
              'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, INFO, REFER'] + list(extra)
        if body:
            h.append('Content-Type: application/sdp')
        h.append('Content-Length: %d' % len(body))
        data = '\r\n'.join(h).encode() + b'\r\n\r\n' + body
        self.lastresp[(m.callid, m.cseq, m.cmethod)] = data
        self.send(data)

    def datagram_received(self, data, addr):
        if len(data) < 20:
            return
        m = Msg(data)
        try:
            if m.is_resp:
                self.on_response(m)
            else:
                self.on_request(m)
        except Exception as e:
            print('phone %s: %r on %s' % (self.user, e, m.start), file=sys.stderr)

    def on_response(self, m):
        d = self.dialogs.get(m.callid)
        if m.cmethod == 'INVITE' and d and d.outgoing and m.cseq == d.invite_cseq:
            if m.code < 200:
                d.rtag = tag_of(m.get('to')) or d.rtag
                if m.code in (180, 183) and not d.ringing.done():
                    d.ringing.set_result(True)
                return
            if m.code < 300:
                d.rtag = tag_of(m.get('to'))
                d.remote = m.get('to')
                d.target = uri_of(m.get('contact')) or d.target
                d.request('ACK', cseq=m.cseq)
                if d.state in ('new', 'ringing'):
                    d.learn_sdp(m.body)
                    d.set_up()
            else:
                d.remote, keep = m.get('to'), d.remote
                d.request('ACK', cseq=m.cseq, branch=d.branch)
                d.end(m.code)
            return
        f = self.waiting.get((m.callid, m.cseq, m.cmethod))
        if f and m.code >= 200 and not f.done():
            f.set_result(m)

    def on_request(self, m):
        if m.method == 'ACK':
            return
        old = self.lastresp.get((m.callid, m.cseq, m.method))
        if old:
            self.send(old)
            return
        d = self.dialogs.get(m.callid)
        if m.method == 'OPTIONS':
            if not self.ignore_options:
                self.respond(m, 200, 'OK', rnd())
        elif m.method == 'INVITE':
            if d and tag_of(m.get('to')):
                asyncio.ensure_future(self.on_reinvite(d, m))
                return
            d = Dialog(self, m.callid, False)
            d.invite = m
            d.rtag = tag_of(m.get('from'))
            d.remote = m.get('from')
            d.local = m.get('to') + ';tag=' + d.ltag
            d.target = uri_of(m.get('contact'))
            d.cseq = 100
            self.dialogs[m.callid] = d
            self.respond(m, 100, 'Trying')
            del self.lastresp[(m.callid, m.cseq, 'INVITE')]
            asyncio.ensure_future(self.on_call(d))
        elif m.method == 'CANCEL':
            self.respond(m, 200, 'OK', rnd())
            if d and d.state in ('new', 'ringing'):
                self.respond(d.invite, 487, 'Request Terminated', d.ltag)
                d.reason = m.get('reason')
                d.end(487)
        elif m.method == 'BYE':
            self.respond(m, 200, 'OK')
            if d:
                d.end(0)
        elif m.method == 'NOTIFY':
            self.respond(m, 200, 'OK')
            s = re.search(rb'SIP/2.0 (\d+)', m.body)
            if d and s:
                c = int(s.group(1))
                d.refer_codes.append(c)
                if c >= 200 and not d.refer_done.done():
                    d.refer_done.set_result(c)
        elif m.method == 'REFER' and d:
            self.respond(m, 202, 'Accepted', d.ltag)
            asyncio.ensure_future(self.on_refer(d, m))
        else:
            self.respond(m, 200, 'OK')

    async def on_refer(self, d, m):
        "sent away: the new call, which leads past this PBX, was answered at once"
        await d.transact('NOTIFY', ['Event: refer', 'Subscription-State: terminated;reason=noresource'],
                         b'SIP/2.0 200 OK\r\n', 'message/sipfrag')
        if not d.referred.done():
            d.referred.set_result(uri_of(m.get('refer-to')))

    async def on_reinvite(self, d, m):
        want = 'sendrecv'
        if b'a=sendonly' in m.body:
            want = 'recvonly'
        elif b'a=inactive' in m.body:
            want = 'inactive'
        self.respond(m, 200, 'OK', d.ltag, await d.sdp(want))

    async def on_call(self, d):
        pol, _, arg = self.policy.partition('=')
        self.inq.put_nowait(d)
        if pol == 'silent':
            return
        if pol == 'busy':
            return d.reject(486)
        if pol == 'reject':
            return d.reject(int(arg or 603))
        if pol == 'forward':
            return d.forward(arg)
        d.ring()
        if pol == 'answer':
            a = [float(x) for x in arg.split(',')] if arg else []
            await asyncio.sleep(a[0] if a else 0.5)
            await d.answer()
            if len(a) > 1 and d.state == 'up':
                await asyncio.sleep(a[1])
                await d.bye()

    async def incoming(self, t=15):
        return await asyncio.wait_for(self.inq.get(), t)

    async def call(self, number, cid=None, name=None, raw_from=None, headers=()):
        d = Dialog(self, rnd(16) + '@' + HOST, True)
        cid = cid if cid is not None else self.user
        disp = '' if name is None else '"%s" ' % name.replace('\\', '\\\\').replace('"', '\\"')
        frm = raw_from if raw_from is not None else '%s<sip:%s@%s>' % (disp, cid, HOST)
        d.local = frm + ';tag=' + d.ltag
        d.target = 'sip:%s@%s:%d' % (number, HOST, self.sip[1])
        d.remote = d.remote0 = '<sip:%s@%s>' % (number, HOST)
        self.dialogs[d.callid] = d
        body = await d.sdp()
        d.invite_cseq, d.branch = d.request('INVITE', self.headers + list(headers), body, 'application/sdp')
        return d

    async def register(self, expires=300):
        callid = 'reg-' + rnd(10)
        f = asyncio.get_running_loop().create_future()
        self.waiting[(callid, 1, 'REGISTER')] = f
        c = '<sip:%s@%s:%d>' % (self.user, HOST, self.port)
        aor = '<sip:%s@%s>' % (self.user, HOST)
        h = ['REGISTER sip:%s SIP/2.0' % HOST, 'Via: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s;rport' % (HOST, self.port, rnd(12)),
             'Max-Forwards: 70', 'From: %s;tag=%s' % (aor, rnd()), 'To: ' + aor, 'Call-ID: ' + callid, 'CSeq: 1 REGISTER',
             'Contact: ' + c, 'Expires: %d' % expires, 'User-Agent: labphone', 'Content-Length: 0', '', '']
        self.send('\r\n'.join(h).encode())
        m = await asyncio.wait_for(f, 5)
        if m.code != 200:
            raise RuntimeError('REGISTER %s: %d' % (self.user, m.code))


# ------------------------------------------------------------------ AMI
class AMI:
    """Keeps what the server sent, byte for byte, in FILE (and what was sent to
    it in FILE.sent, and the clock in FILE.tim)."""

    def __init__(self, path=None):
        self.path = path
        self.buf = b''
        self.events, self.waiters = [], []
        self.closed = asyncio.get_running_loop().create_future()
        self.n = 0
        self.off = self.soff = 0
        self.f = self.s = self.t = None
        self.t0 = time.monotonic()
        if path:
            stem = path[:-4] if path.endswith('.ami') else path
            self.f, self.s, self.t = open(path, 'ab'), open(stem + '.sent', 'ab'), open(stem + '.tim', 'a')

    async def connect(self, port=None):
        h, p = env('LAB_AMI').split(':')
        self.r, self.w = await asyncio.open_connection(h, int(port or p))
        self.mark('C', self.off, 0)
        self.banner = asyncio.get_running_loop().create_future()
        self.task = asyncio.ensure_future(self.reader())
        await asyncio.wait_for(asyncio.shield(self.banner), 5)
        return self

    def mark(self, kind, off, n):
        if self.t:
            self.t.write('%d %s %d %d\n' % ((time.monotonic() - self.t0) * 1000, kind, off, n))

    async def reader(self):
        try:
            while True:
                b = await self.r.read(65536)
                if not b:
                    break
                if self.f:
                    self.f.write(b)
                    self.mark('R', self.off, len(b))
                self.off += len(b)
                self.buf += b
                if not self.banner.done() and b'\r\n' in self.buf:
                    line, _, self.buf = self.buf.partition(b'\r\n')
                    self.banner.set_result(line.decode())
                while b'\r\n\r\n' in self.buf:
                    one, _, self.buf = self.buf.partition(b'\r\n\r\n')
                    e = {}
                    for l in one.decode('utf-8', 'replace').split('\r\n'):
                        k, _, v = l.partition(': ')
                        e.setdefault(k.rstrip(':') if k.endswith(':') else k, v)
                        if k == 'Output':
                            e.setdefault('_out', []).append(v)
                    self.events.append(e)
                    for w in list(self.waiters):
                        if not w[1].done() and w[0](e):
                            w[1].set_result(e)
                            self.waiters.remove(w)
        except (ConnectionError, asyncio.CancelledError):
            pass
        if not self.banner.done():
            self.banner.set_result('')
        if self.f:
            self.mark('X', self.off, 0)
            self.f.flush(), self.s.flush(), self.t.flush()
        if not self.closed.done():
            self.closed.set_result(True)

    def send_raw(self, b):
        if self.s:
            self.s.write(b)
            self.mark('S', self.soff, len(b))
        self.soff += len(b)
        self.w.write(b)

    def expect(self, pred):
        f = asyncio.get_running_loop().create_future()
        self.waiters.append((pred, f))
        return f

    async def wait(self, event, t=15, **kw):
        p = lambda e: e.get('Event') == event and all(e.get(k) == v for k, v in kw.items())
        return await asyncio.wait_for(self.expect(p), t)

    async def action(self, name, fields=(), until=None, t=10, actionid=None):
        self.n += 1
        aid = actionid or 'lab-%d' % self.n
        items = fields.items() if isinstance(fields, dict) else fields
        txt = 'Action: %s\r\nActionID: %s\r\n' % (name, aid) + ''.join('%s: %s\r\n' % kv for kv in items) + '\r\n'
        f = self.expect(lambda e: 'Response' in e and e.get('ActionID') == aid)
        g = self.expect(lambda e: e.get('Event') == until and e.get('ActionID') == aid) if until else None
        self.send_raw(txt.encode())
        r = await asyncio.wait_for(f, t)
        if g and r.get('Response') == 'Success':
            await asyncio.wait_for(g, t)
        return r

    async def login(self, user='crm', secret='crmsecret', events=None):
        f = [('Username', user), ('Secret', secret)]
        if events:
            f.append(('Events', events))
        return await self.action('Login', f, actionid='login-1')

    async def login_md5(self, user='crm', secret='crmsecret'):
        r = await self.action('Challenge', [('AuthType', 'MD5')])
        key = hashlib.md5((r['Challenge'] + secret).encode()).hexdigest()
        return await self.action('Login', [('AuthType', 'MD5'), ('Username', user), ('Key', key)])

    async def close(self):
        try:
            await asyncio.wait_for(self.action('Logoff'), 3)
        except Exception:
            pass
        await asyncio.sleep(0.1)
        self.w.close()
        await asyncio.wait_for(asyncio.shield(self.closed), 3)
        if self.f:
            self.f.close(), self.s.close(), self.t.close()


# ------------------------------------------------------------------ lab
class Lab:
    def __init__(self, out):
        self.out = out
        self.tech = 'PJSIP' if env('LAB_DRIVER') == 'pjsip' else 'SIP'
        self.base = int(env('LAB_UA_BASE'))
        self.ph = {}
        self.files = [(env('LAB_CDR'), '.cdr.csv'), (env('LAB_CEL'), '.cel.csv')]

    async def phone(self, ext, policy='manual', register=True, media=False, freq=500):
        # '1001+30': a further contact of 1001 (or a device with another name) on port base + 30
        user, _, slot = str(ext).partition('+')
        p = await Phone(user, self.base + int(slot or int(user) % 100), policy, media, freq).start()
        if register:
            await p.register()
        self.ph[str(ext)] = p
        return p

    async def setup(self, policies, media=False):
        self.trunk = await Phone('trunk', int(env('LAB_TRUNK_PORT')), headers=['X-Lab-Trunk: main'], media=media, freq=300).start()
        self.trunk_b = None
        for ext, pol in policies.items():
            if ext == 'trunk-b':
                self.trunk_b = await Phone(ext, int(env('LAB_TRUNK_PORT')) + 1, pol, headers=['X-Lab-Trunk: second'], media=media, freq=300).start()
                continue
            await self.phone(ext, pol, media=media, freq=400 + int(ext.split('+')[0]) % 100 * 50)
        self.ctl = await AMI().connect()
        await self.ctl.login(events='off')
        await asyncio.sleep(0.6)

    async def record(self, user='crm', secret='crmsecret'):
        self.pos = [os.path.getsize(f) if os.path.exists(f) else 0 for f, _ in self.files]
        if self.out:
            stem = self.out[:-4] if self.out.endswith('.ami') else self.out
            for x in ('.ami', '.ami.gz', '.sent', '.tim', '.cdr.csv', '.cel.csv'):
                if os.path.exists(stem + x):
                    os.remove(stem + x)
            os.makedirs(os.path.dirname(os.path.abspath(self.out)), exist_ok=True)
        self.ami = await AMI(self.out).connect()
        if user:
            await self.ami.login(user, secret)
            await asyncio.sleep(0.3)
        return self.ami

    async def channels(self):
        "how many channels are up, those of `asterisk-lab load` apart"
        up = []

        def last(e):
            if e.get('Event') == 'CoreShowChannel' and not of_load(e):
                up.append(e)
            return e.get('Event') == 'CoreShowChannelsComplete'
        r = self.ctl.expect(last)
        await self.ctl.action('CoreShowChannels')
        await asyncio.wait_for(r, 5)
        return len(up)

    async def idle(self, t=60):
        end = time.monotonic() + t
        while time.monotonic() < end:
            if await self.channels() == 0:
                return
            await asyncio.sleep(0.2)
        raise RuntimeError('channels still up')

    async def finish(self, settle=1.0):
        try:
            await self.idle(40)
        finally:
            await asyncio.sleep(settle)
            if self.ami:
                await self.ami.close()
            if self.out:
                stem = self.out[:-4] if self.out.endswith('.ami') else self.out
                for (f, suf), pos in zip(self.files, self.pos):
                    if os.path.exists(f):
                        with open(f, 'rb') as h:
                            h.seek(pos)
                            data = h.read()
                        with open(stem + suf, 'wb') as o:
                            o.write(data)

    async def teardown(self):
        for p in self.ph.values():
            try:
                await p.register(0)
            except Exception:
                pass
            p.close()
        self.trunk.close()
        if self.trunk_b:
            self.trunk_b.close()
        try:
            await self.ctl.close()
        except Exception:
            pass


def of_load(e):
    return e.get('Exten', '').startswith('555900') or e['Channel'].partition('/')[2].startswith('20')


def ch(L, ext):
    return '%s/%s' % (L.tech, ext)


SC = {}


def scenario(name, phones=None, media=False, login=True, extra=False, doc='', settle=1.0):
    def deco(fn):
        SC[name] = dict(fn=fn, phones=phones or {}, media=media, login=login, extra=extra, doc=doc or (fn.__doc__ or ''), settle=settle)
        return fn
    return deco


sys.modules['labcall'] = sys.modules[__name__]
sys.dont_write_bytecode = True
if os.environ.get('LAB_DIALPLAN', 'plain') == 'distro':
    import scenarios_distro, scenarios_distro_chains, scenarios_distro_desk, scenarios_distro_further, scenarios_distro_crossed, scenarios_distro_taken, scenarios_distro_roles  # noqa: E402,F401,E401
else:
    import scenarios, scenarios_office, scenarios_chains, scenarios_desk, scenarios_further, scenarios_crossed, scenarios_taken, scenarios_beyond, scenarios_roles  # noqa: E402,F401,E401
for _f in filter(None, os.environ.get('LAB_EXTRA_SCENARIOS', '').split(':')):
    exec(compile(open(_f).read(), _f, 'exec'), {'__name__': 'extra'})


async def run_scenario(name, out):
    s = SC[name]
    L = Lab(out)
    await L.setup(s['phones'], s['media'])
    try:
        if s['login']:
            await L.record()
        else:
            L.ami = None
            L.pos = [os.path.getsize(f) if os.path.exists(f) else 0 for f, _ in L.files]
        try:
            await s['fn'](L)
        finally:
            await L.finish(s['settle'])
    finally:
        await L.teardown()
    return L


def opt(args, name, default=None):
    if name in args:
        i = args.index(name)
        v = args[i + 1]
        del args[i:i + 2]
        return v
    return default


async def cmd_phones(args):
    for a in args:
        ext, _, pol = a.partition(':')
        p = await Phone(ext, int(env('LAB_UA_BASE')) + int(ext) % 100, pol or 'answer=1').start()
        await p.register()
        asyncio.ensure_future(rereg(p))
    print('registered', *args, flush=True)
    await asyncio.Event().wait()


async def rereg(p):
    while True:
        await asyncio.sleep(120)
        await p.register()


async def cmd_dial(args):
    cid, name, frm, talk = opt(args, '--cid', '441632960000'), opt(args, '--name'), opt(args, '--from'), float(opt(args, '--talk', '5'))
    if frm:
        p = await Phone(frm, int(env('LAB_UA_BASE')) + int(frm) % 100).start()
        await p.register()
        d = await p.call(args[0])
    else:
        p = await Phone('trunk', int(env('LAB_TRUNK_PORT')), headers=['X-Lab-Trunk: main']).start()
        d = await p.call(args[0], cid=cid, name=name)
    if not await d.wait_up(90):
        print('not answered, SIP', d.code)
        return 1
    print('answered', flush=True)
    await asyncio.wait([d.over], timeout=talk)
    await d.bye()
    print('done')


def main():
    cmd, args = sys.argv[1], sys.argv[2:]
    if cmd == 'tone':
        open(args[0], 'wb').write(tone(440, 5))
    elif cmd == 'scenarios':
        for n, s in SC.items():
            print('%-34s %s' % (n, s['doc'].strip().split('\n')[0]))
    elif cmd == 'call':
        out = opt(args, '--out')
        if not args or args[0] not in SC:
            sys.exit('unknown scenario; see: asterisk-lab scenarios')
        asyncio.run(run_scenario(args[0], out))
        print('ok', args[0])
    elif cmd == 'walk':
        import walk
        out = opt(args, '--out')
        if not args or out and not out.endswith('.ami'):
            sys.exit('usage: asterisk-lab walk SEED [--out FILE.ami]')
        print(*asyncio.run(walk.run(args[0], out)), sep='\n')
    elif cmd == 'phones':
        asyncio.run(cmd_phones(args))
    elif cmd == 'dial':
        sys.exit(asyncio.run(cmd_dial(args)))


if __name__ == '__main__':
    main()
