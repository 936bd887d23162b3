"""Calls composed at random: what a caller, the users of office phones and an administrator do in three to eight steps, chosen by a seed.

Each step is chosen among those that are possible when it comes, so a seed gives the same walk wherever the PBX does the same. Between steps
lies more than a second: what is shorter is a move, not a conversation. The steps are written to FILE.steps, a line each: the seconds since the
recording began, and what was done.
"""
import asyncio, random, time
from labcall import Lab, ch

sleep = asyncio.sleep
PHONES = ('1001', '1002', '1003', '1004')
DIDS = ('5551001', '5551000', '5551002', '5551003', '5551007', '5551012', '5551019', '5551025', '5551035', '5551037', '5551043', '5551044')
OUTSIDE = '9441632960077'
# whom a phone can call, or send a caller to: phones, queues, groups, a room, voicemail, the outside
NUMBERS = PHONES + PHONES + ('500', '501', '600', '602', '603', '604', '605', '550', '31002', OUTSIDE, OUTSIDE)
POLICIES = ('answer=1.2',) * 9 + ('noanswer', 'busy', 'forward=1003')
STEPS = []


def step(weight):
    "a function that returns what of its kind is possible now: pairs of a text and what does it"
    def deco(fn):
        STEPS.append((weight, fn))
        return fn
    return deco


class Walk:
    def __init__(self, lab, seed):
        self.lab, self.rng = lab, random.Random(seed)
        self.spaces, self.said = {}, []

    # -- what there is
    def lines(self, *who, state='up'):
        return [d for w in who for d in list(self.phone(w).dialogs.values()) if d.state == state]

    def phone(self, who):
        return self.lab.trunk if who == 'trunk' else self.lab.ph[who]

    def idle(self):
        return [p for p in PHONES if not self.lab.ph[p].dialogs]

    def everybody(self, state='up'):
        return self.lines(*PHONES, 'trunk', state=state)

    def ringing(self):
        return [d for d in self.lines(*PHONES, state='ringing') if not d.outgoing]

    def channels(self):
        "names of the channels of phones and the trunk, oldest first"
        up = {}
        for e in self.lab.ami.events:
            if e.get('Event') == 'Newchannel' and e['Channel'].startswith(self.lab.tech + '/'):
                up[e['Uniqueid']] = e['Channel']
            elif e.get('Event') == 'Hangup':
                up.pop(e.get('Uniqueid'), None)
        return list(up.values())

    def parked(self):
        at = {}
        for e in self.lab.ami.events:
            if e.get('Event') == 'ParkedCall':
                at[e['ParkingSpace']] = True
            elif e.get('Event') in ('UnParkedCall', 'ParkedCallTimeOut', 'ParkedCallGiveUp'):
                at.pop(e.get('ParkingSpace'), None)
        return list(at)

    def name(self, d):
        mine = list(d.p.dialogs.values())
        if d.p.user == 'trunk':
            return ('caller' if d.outgoing else 'far end') + (' %d' % (mine.index(d) + 1) if len(mine) > 1 else '')
        return d.p.user + (' on line %d' % (mine.index(d) + 1) if len(mine) > 1 else '')

    def channel(self, name):
        "a channel's name without what differs from one run to the next"
        who = name.rpartition('-')[0]
        same = [c for c in self.channels() if c.rpartition('-')[0] == who]
        return who.partition('/')[2] + (' (channel %d)' % (same.index(name) + 1) if len(same) > 1 else '')

    # -- what is done
    async def action(self, name, fields):
        await self.lab.ami.action(name, fields)

    def say(self, text):
        self.said.append('%.1f %s' % (time.monotonic() - self.lab.ami.t0, text))

    async def go(self, first=False):
        kinds = [(w, fn(self)) for w, fn in STEPS if not first or fn in (caller, dials, click)]
        kinds = [(w, options) for w, options in kinds if options]
        options = self.rng.choices([o for _, o in kinds], [w for w, _ in kinds])[0]
        text, do = self.rng.choice(options)
        self.say(text)
        try:
            await asyncio.wait_for(do(), 12)
        except Exception as e:
            self.say('  which failed: %r' % e)
        await sleep(self.rng.choice((1.4, 1.8, 2.4)))

    async def end(self):
        "everybody hangs up, one after another, until nobody is rung again"
        quiet, rounds = 0, 0
        while quiet < 2:
            rounds += 1
            up = self.everybody()
            if up:
                d = self.rng.choice(up)
                self.say(self.name(d) + ' hangs up')
                await d.bye()
            else:
                for d in self.everybody('new') + self.everybody('ringing'):
                    d.cancel() if d.outgoing else d.reject(486)
            await sleep(1.3)
            quiet = 0 if up or await self.lab.channels() else quiet + 1
            if rounds == 15:
                self.say('the PBX hangs everything up')
                await self.action('Hangup', {'Channel': '/.*/'})


# ------------------------------------------------------------- calls begin
@step(6)
def caller(w):
    if len([d for d in w.lines('trunk') + w.lines('trunk', state='new') if d.outgoing]) > 1:
        return []
    n = '4416329605%02d' % len(w.said)
    return [('%s calls %s' % (n, did), lambda did=did: w.lab.trunk.call(did, cid=n, name='Caller %s' % n[-2:])) for did in DIDS]


@step(4)
def dials(w):
    return [('%s calls %s' % (p, n), lambda p=p, n=n: w.lab.ph[p].call(n)) for p in w.idle() for n in NUMBERS if n != p]


@step(2)
def click(w):
    def do(channel, n):
        return lambda: w.action('Originate', {'Channel': channel, 'Context': 'from-internal', 'Exten': n, 'Priority': '1',
                                              'CallerID': '"Clicked" <%s>' % n, 'Timeout': '10000', 'Async': 'true'})
    return [('a click calls %s, then %s' % (c.partition('/')[2], n), do(c, n)) for p in w.idle() for n in NUMBERS if n != p
            for c in (ch(w.lab, p), ch(w.lab, p), 'Local/%s@from-internal' % p)]


# ------------------------------------------------------------- what a phone's user does
@step(6)
def answer(w):
    return [(w.name(d) + ' answers', d.answer) for d in w.ringing()]


@step(2)
def decline(w):
    async def no(d, code):
        d.reject(code)
    return [('%s answers with %d' % (w.name(d), code), lambda d=d, code=code: no(d, code)) for d in w.ringing() for code in (486, 603)]


@step(2)
def give_up(w):
    async def no(d):
        d.cancel()
    return [(w.name(d) + ' gives up', lambda d=d: no(d)) for d in w.everybody('new') if d.outgoing]


@step(5)
def hang_up(w):
    return [(w.name(d) + ' hangs up', d.bye) for d in w.everybody()]


@step(3)
def hold(w):
    return [(w.name(d) + ' holds', d.hold) for d in w.lines(*PHONES) if d.direction == 'sendrecv']


@step(5)
def resume(w):
    return [(w.name(d) + ' resumes', d.unhold) for d in w.lines(*PHONES) if d.direction == 'sendonly']


@step(5)
def blind(w):
    async def do(d, n):
        await d.refer(n)
        await sleep(0.7)
        await d.bye()
    return [('%s sends the other blind to %s' % (w.name(d), n), lambda d=d, n=n: do(d, n)) for d in w.lines(*PHONES) for n in NUMBERS]


@step(3)
def code_blind(w):
    return [('%s sends the other with #1 to %s' % (w.name(d), n), lambda d=d, n=n: code(d, '#1', n)) for d in w.lines(*PHONES) for n in NUMBERS]


@step(5)
def code_ask(w):
    return [('%s asks %s with *2' % (w.name(d), n), lambda d=d, n=n: code(d, '*2', n)) for d in w.lines(*PHONES) for n in NUMBERS]


async def code(d, digits, number):
    await d.dtmf(digits)
    await sleep(2)
    await d.dtmf(number, gap=0.15)


@step(7)
def ask(w):
    async def do(d, n):
        if d.direction == 'sendrecv':
            await d.hold()
            await sleep(0.5)
        await d.p.call(n)
    return [('%s holds and asks %s on another line' % (w.name(d), n), lambda d=d, n=n: do(d, n))
            for d in w.lines(*PHONES) if len(d.p.dialogs) == 1 for n in NUMBERS if n != d.p.user]


@step(12)
def join(w):
    async def do(d, e):
        await d.refer(e.p.user, e)
        await sleep(0.7)
        for x in (d, e):
            if x.state == 'up':
                await x.bye()
            elif x.state == 'new' and x.outgoing:
                x.cancel()
    return [('%s joins it with %s' % (w.name(d), w.name(e)), lambda d=d, e=e: do(d, e)) for p in PHONES for d in w.lines(p)
            for e in w.lines(p) + [o for o in w.lines(p, state='new') if o.outgoing] if d is not e]


@step(3)
def park(w):
    async def do(d):
        await d.refer('700')
        await sleep(0.7)
        await d.bye()
    return [o for d in w.lines(*PHONES) for o in ((w.name(d) + ' parks the other', lambda d=d: do(d)),
                                                  (w.name(d) + ' parks the other with #72', lambda d=d: d.dtmf('#72')))]


@step(12)
def fetch(w):
    return [('%s fetches who is parked' % p, lambda p=p, s=s: w.lab.ph[p].call(s)) for p in w.idle() for s in w.parked()]


@step(5)
def pick_up(w):
    ringing = sorted({d.p.user for d in w.ringing()})
    return [('%s calls %s' % (p, n), lambda p=p, n=n: w.lab.ph[p].call(n)) for p in w.idle() for n in ['*8'] * bool(ringing) + ['*8' + r for r in ringing]]


@step(1)
def take(w):
    return [('%s takes the place of %s' % (p, w.name(d)), lambda p=p, d=d: w.lab.ph[p].call(d.p.user, headers=[d.place(), 'Supported: replaces']))
            for p in w.idle() for d in w.lines(*PHONES) + w.ringing()]


@step(1)
def listen(w):
    return [('%s calls *5%s' % (p, d.p.user), lambda p=p, d=d: w.lab.ph[p].call('*5' + d.p.user)) for p in w.idle() for d in w.lines(*PHONES)]


@step(1)
def policy(w):
    async def do(p, pol):
        w.lab.ph[p].policy = pol
    return [('%s is now set to: %s' % (p, pol), lambda p=p, pol=pol: do(p, pol)) for p in PHONES for pol in POLICIES
            if w.lab.ph[p].policy != pol and pol != 'forward=' + p]


# ------------------------------------------------------------- what a caller does
@step(2)
def press(w):
    return [('%s presses %s' % (w.name(d), k), lambda d=d, k=k: d.dtmf(k)) for d in w.lines('trunk') if d.outgoing for k in '12']


# ------------------------------------------------------------- what an administrator or a program does
def to(n):
    return {'Context': 'from-internal', 'Exten': n, 'Priority': '1'}


@step(2)
def redirect(w):
    return [('Redirect of %s to %s' % (w.channel(c), n), lambda c=c, n=n: w.action('Redirect', {'Channel': c, **to(n)}))
            for c in w.channels() for n in NUMBERS]


@step(1)
def redirect_both(w):
    def do(a, b):
        return lambda: w.action('Redirect', {'Channel': a, **to('550'), 'ExtraChannel': b, 'ExtraContext': 'from-internal', 'ExtraExten': '550', 'ExtraPriority': '1'})
    return [('Redirect of %s and %s to 550' % (w.channel(a), w.channel(b)), do(a, b)) for a in w.channels() for b in w.channels() if a < b]


@step(1)
def ami_hangup(w):
    return [('Hangup of ' + w.channel(c), lambda c=c: w.action('Hangup', {'Channel': c, 'Cause': '16'})) for c in w.channels()]


@step(1)
def ami_blind(w):
    return [('BlindTransfer by %s to %s' % (w.channel(c), n), lambda c=c, n=n: w.action('BlindTransfer', {'Channel': c, 'Context': 'from-internal', 'Exten': n}))
            for c in w.channels() for n in NUMBERS]


@step(1)
def ami_ask(w):
    return [('Atxfer by %s to %s' % (w.channel(c), n), lambda c=c, n=n: w.action('Atxfer', {'Channel': c, 'Context': 'from-internal', 'Exten': n}))
            for c in w.channels() if '/trunk' not in c for n in NUMBERS]


@step(1)
def ami_bridge(w):
    return [('Bridge of %s and %s' % (w.channel(a), w.channel(b)), lambda a=a, b=b: w.action('Bridge', {'Channel1': a, 'Channel2': b, 'Tone': 'no'}))
            for a in w.channels() for b in w.channels() if a < b]


@step(1)
def ami_park(w):
    return [('Park of ' + w.channel(c), lambda c=c: w.action('Park', {'Channel': c, 'Parkinglot': 'default'})) for c in w.channels()]


@step(1)
def pause(w):
    return [('QueuePause of %s: %s' % (p, yes), lambda p=p, yes=yes: w.action('QueuePause', {'Interface': ch(w.lab, p), 'Paused': yes}))
            for p in PHONES for yes in ('true', 'false')]


async def run(seed, out):
    lab = Lab(out)
    w = Walk(lab, seed)
    await lab.setup({p: w.rng.choice([x for x in POLICIES if x != 'forward=' + p]) for p in PHONES})
    lab.trunk.policy = w.rng.choice(('answer=1.2',) * 6 + ('noanswer', 'busy'))
    try:
        for p in PHONES:
            await lab.ctl.action('QueuePause', {'Interface': ch(lab, p), 'Paused': 'false'})
        await lab.record()
        w.said = ['%s: %s' % (p, w.phone(p).policy) for p in PHONES + ('trunk',)]
        try:
            await w.go(first=True)
            for _ in range(w.rng.randint(2, 7)):
                await w.go()
            await w.end()
        finally:
            await lab.finish()
    finally:
        await lab.teardown()
        if out:
            with open(out[:-4] + '.steps', 'w') as f:
                f.write('\n'.join(w.said) + '\n')
    return w.said
