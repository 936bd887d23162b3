"""Call scenarios of the plain dialplan: providers that divert calls (302), machines that speak with a caller, and what follows on a transfer."""
import asyncio, os, struct
from labcall import scenario, HOST
from scenarios_office import talk_and_hang, blind, consult, complete
from scenarios_chains import up, click, code, outbound, park
from scenarios_crossed import ended, redirect

sleep = asyncio.sleep
A = 'answer=1.0'


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329609%02d' % n, name=name)


async def diverted(L, number='441632960970', ring=False, then=A):
    "the next call over the trunk is sent on to another number, where calls are taken by THEN"
    L.trunk.policy = 'manual' if ring else 'silent'
    d = await L.trunk.incoming()
    await sleep(1.0 if ring else 0.3)
    L.trunk.policy = then
    d.forward(number)


# ------------------------------------------------------------- a provider that diverts
@scenario('outbound-diverted', {'1004': 'manual'})
async def _(L):
    "1004 calls out; the provider sends the call on (302) to another outside number, which answers; the far end hangs up"
    d = asyncio.ensure_future(diverted(L))
    c = await L.ph['1004'].call('9441632960060')
    await d
    t = await L.trunk.incoming()
    await c.wait_up()
    await talk_and_hang(t)
    await ended(c)


@scenario('outbound-diverted-ringing', {'1004': 'manual'})
async def _(L):
    "1004 calls out; it rings for a second, is then sent on (302) to another outside number, which rings; 1004 gives up"
    d = asyncio.ensure_future(diverted(L, ring=True, then='noanswer'))
    c = await L.ph['1004'].call('9441632960061')
    await d
    t = await L.trunk.incoming()
    await sleep(1.5)
    c.cancel()
    await ended(t)


@scenario('outbound-diverted-busy', {'1004': 'manual'})
async def _(L):
    "1004 calls out; the provider sends the call on to another outside number, which is busy"
    d = asyncio.ensure_future(diverted(L, then='busy'))
    c = await L.ph['1004'].call('9441632960062')
    await d
    await ended(c)


@scenario('outbound-diverted-home', {'1004': 'manual', '1002': A})
async def _(L):
    "1004 calls out; the provider sends the call on to a number of this PBX, where 1002 answers; 1004 hangs up"
    d = asyncio.ensure_future(diverted(L, '5551033'))
    c = await L.ph['1004'].call('9441632960063')
    await d
    b = await up(L, '1002')
    await talk_and_hang(c)
    await ended(b)


@scenario('outbound-diverted-twice', {'1004': 'manual'})
async def _(L):
    "1004 calls out; the call is sent on twice, and answered there; 1004 hangs up"
    d = asyncio.ensure_future(diverted(L, then='silent'))
    c = await L.ph['1004'].call('9441632960064')
    await d
    await diverted(L, '441632960971')
    await L.trunk.incoming()
    await c.wait_up()
    await talk_and_hang(c)


@scenario('forward-outside-diverted', {'1001': 'forward=9441632960066'})
async def _(L):
    "1001 forwards a caller to an outside number, which the provider sends on to another one; that answers; the caller hangs up"
    d = asyncio.ensure_future(diverted(L))
    c = await caller(L, '5551001', 0, 'Sent On Outside')
    await d
    t = await L.trunk.incoming()
    await c.wait_up()
    await talk_and_hang(c)
    await ended(t)


@scenario('twin-mobile-diverted', {'1001': 'noanswer'})
async def _(L):
    "number 604 rings 1001 and its mobile, whose provider sends the call on to a mailbox, which answers; the caller hangs up"
    d = asyncio.ensure_future(diverted(L, '441632960972'))
    c = await caller(L, '5551035', 1, 'Mobile Away')
    await d
    await L.trunk.incoming()
    await c.wait_up()
    await talk_and_hang(c)


@scenario('queue-mobile-diverted', {})
async def _(L):
    "queue mobile rings the member's mobile, whose provider sends the call on; that is answered; the caller hangs up"
    d = asyncio.ensure_future(diverted(L, '441632960973'))
    c = await caller(L, '5551028', 2, 'Member Away')
    await d
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(c)


@scenario('blind-outside-diverted', {'1001': A})
async def _(L):
    "1001 sends a caller blind to an outside number, whose provider sends the call on; that is answered and hangs up"
    c = await caller(L, '5551001', 3, 'Sent And Diverted')
    a = await up(L, '1001')
    await sleep(1)
    d = asyncio.ensure_future(diverted(L))
    await blind(a, '9441632960067')
    await d
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(c)


@scenario('click-diverted', {'1004': 'answer=0.7'})
async def _(L):
    "click-to-call of 1004: the customer's provider sends the call on to another number, which answers; the far end hangs up"
    d = asyncio.ensure_future(diverted(L))
    await click(L, '1004', '9441632960068', 'click-1')
    a = await up(L, '1004')
    await d
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(a)


# ------------------------------------------------------------- machines that speak
class Bot:
    "answers AudioSocket: reads who calls, sends silence, and hangs up when told to (Asterisk res/res_audiosocket.c)"

    async def start(self):
        self.calls = asyncio.Queue()
        self.server = await asyncio.start_server(self.serve, HOST, int(os.environ['LAB_BOT_PORT']))
        return self

    async def serve(self, r, w):
        over = asyncio.get_running_loop().create_future()
        self.calls.put_nowait((w, over))
        silence = struct.pack('>BH', 0x10, 320) + bytes(320)

        async def speak():
            while True:
                w.write(silence)
                await sleep(0.02)
        s = asyncio.ensure_future(speak())
        try:
            while await r.read(4096):
                pass
        except ConnectionError:
            pass
        s.cancel()
        w.close()
        if not over.done():
            over.set_result(True)

    async def called(self):
        w, over = await asyncio.wait_for(self.calls.get(), 10)
        self.w = w
        return over

    def hang(self):
        self.w.write(struct.pack('>BH', 0x00, 0))

    def close(self):
        self.server.close()


def with_bot(fn):
    async def run(L):
        bot = await Bot().start()
        try:
            await fn(L, bot)
        finally:
            bot.close()
    run.__doc__ = fn.__doc__
    return run


@scenario('bot-caller-leaves')
@with_bot
async def _(L, bot):
    "a caller speaks with a bot (channel AudioSocket), and hangs up"
    c = await caller(L, '5551047', 10, 'Bot Only')
    await bot.called()
    await talk_and_hang(c)


@scenario('bot-to-queue', {'1003': A, '1002': 'noanswer'})
@with_bot
async def _(L, bot):
    "a bot hangs up, and the caller goes on to queue sales, where 1003 answers and hangs up"
    c = await caller(L, '5551047', 11, 'Bot Then Queue')
    await bot.called()
    await sleep(2)
    bot.hang()
    a = await up(L, '1003')
    await talk_and_hang(a)
    await ended(c)


@scenario('bot-redirected', {'1001': A})
@with_bot
async def _(L, bot):
    "a program takes the caller from the bot to 1001 (AMI Redirect), who hangs up"
    c = await caller(L, '5551047', 12, 'Bot Hands Over')
    await bot.called()
    await sleep(2)
    await redirect(L, 'trunk', '1001')
    a = await up(L, '1001')
    await talk_and_hang(a)
    await ended(c)


@scenario('bot-behind-local', {'1003': A, '1002': 'noanswer'})
@with_bot
async def _(L, bot):
    "the bot is behind a Local channel, and hangs up; queue sales, where 1003 answers; the caller hangs up"
    c = await caller(L, '5551048', 13, 'Bot Behind Local')
    await bot.called()
    await sleep(2)
    bot.hang()
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('bot-application', {'1003': A, '1002': 'noanswer'})
@with_bot
async def _(L, bot):
    "the bot is an application (AudioSocket), and hangs up; queue sales, where 1003 answers; the caller hangs up"
    c = await caller(L, '5551049', 14, 'Bot As Application')
    await bot.called()
    await sleep(2)
    bot.hang()
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('bot-internal', {'1004': 'manual'})
@with_bot
async def _(L, bot):
    "1004 calls the bot's number, and the bot hangs up"
    c = await L.ph['1004'].call('655')
    await bot.called()
    await sleep(2)
    bot.hang()
    await ended(c)


@scenario('bot-blind', {'1001': A})
@with_bot
async def _(L, bot):
    "1001 sends a caller blind to the bot; the caller hangs up"
    c = await caller(L, '5551001', 15, 'Sent To A Bot')
    a = await up(L, '1001')
    await sleep(1)
    await blind(a, '655')
    await bot.called()
    await talk_and_hang(c)


@scenario('bot-in-group', {'1001': 'answer=3.0'})
@with_bot
async def _(L, bot):
    "the bot and 1001 are rung at once; the bot is quicker; the caller hangs up"
    c = await caller(L, '5551050', 16, 'Bot Beside A Phone')
    await bot.called()
    await talk_and_hang(c)


@scenario('bot-in-room', {'1004': 'manual'})
@with_bot
async def _(L, bot):
    "a caller is in the conference, a program brings the bot there; 1004 joins; the caller hangs up, then 1004"
    c = await caller(L, '5551011', 17, 'Bot In A Room')
    await c.wait_up()
    await sleep(1)
    await L.ami.action('Originate', {'Channel': 'AudioSocket/%s:%s/40325ec2-5efd-4bd3-805f-53576e581d13' % (HOST, os.environ['LAB_BOT_PORT']),
                                     'Application': 'ConfBridge', 'Data': 'board', 'Async': 'true'})
    await bot.called()
    await sleep(2)
    d = await L.ph['1004'].call('550')
    await d.wait_up()
    await sleep(2)
    await c.bye()
    await sleep(1)
    await d.bye()
    await sleep(0.5)
    bot.hang()


@scenario('media-external', {'1003': A, '1002': 'noanswer'})
async def _(L):
    "the caller is connected with a program that takes RTP (UnicastRTP) for 2 s; then queue sales, where 1003 answers; the caller hangs up"
    c = await caller(L, '5551051', 18, 'RTP To A Program')
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('media-websocket', {'1003': A, '1002': 'noanswer'})
async def _(L):
    "the caller is connected with a program by WebSocket; the program hangs up; then queue sales, where 1003 answers; the caller hangs up"
    var = L.ami.expect(lambda e: e.get('Event') == 'VarSet' and e.get('Variable') == 'MEDIA_WEBSOCKET_CONNECTION_ID')
    c = await caller(L, '5551052', 19, 'WebSocket To A Program')
    name = (await asyncio.wait_for(var, 10))['Value']
    r, w = await asyncio.open_connection(HOST, int(os.environ['LAB_HTTP_PORT']))
    w.write(('GET /media/%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
             'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: media\r\n\r\n' % (name, HOST)).encode())
    reply = await asyncio.wait_for(r.readuntil(b'\r\n\r\n'), 5)
    if b' 101 ' not in reply:
        raise RuntimeError('WebSocket: %r' % reply)
    text = b'ANSWER'
    w.write(b'\x81' + bytes([0x80 | len(text)]) + bytes(4) + text)
    await sleep(2.5)
    text = b'HANGUP'
    w.write(b'\x81' + bytes([0x80 | len(text)]) + bytes(4) + text)
    await up(L, '1003')
    await talk_and_hang(c)
    w.close()


# ------------------------------------------------------------- what follows on a transfer
@scenario('sent-then-asks-outside', {'1001': A, '1003': A})
async def _(L):
    "1001 sends a caller blind to 1003, who asks an outside number on a second line and transfers (REFER with Replaces); the far end hangs up"
    c = await caller(L, '5551001', 30, 'Sent Then Asked')
    a = await up(L, '1001')
    await sleep(1)
    b = await blind(a, '1003', L.ph['1003'])
    await sleep(1)
    L.trunk.policy = A
    b2 = await consult(L, b, '1003', '9441632960065')
    t = await L.trunk.incoming()
    await b2.wait_up()
    await sleep(1)
    await complete(b, b2, '9441632960065')
    await talk_and_hang(t)
    await ended(c)


@scenario('internal-by-caller-outside', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001 and sends it blind to an outside number, which answers and hangs up"
    d = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    L.trunk.policy = A
    await blind(d, '9441632960069')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(a)


@scenario('originate-phone-conference', {'1003': A, '1004': 'manual'})
async def _(L):
    "1004 is in the conference, a program brings 1003 there through a Local channel; 1003 hangs up, then 1004"
    d = await L.ph['1004'].call('550')
    await d.wait_up()
    await sleep(1)
    await L.ami.action('Originate', {'Channel': 'Local/1003@from-internal/n', 'Context': 'from-internal', 'Exten': '550', 'Priority': '1', 'Async': 'true'})
    b = await up(L, '1003')
    await talk_and_hang(b)
    await sleep(1)
    await d.bye()


@scenario('redirect-parked-phone', {'1001': A, '1003': A})
async def _(L):
    "1001 parks a caller, a program takes him from there to 1003 (AMI Redirect), who hangs up"
    c = await caller(L, '5551001', 31, 'Parked To Phone')
    a = await up(L, '1001')
    await sleep(1)
    await park(L, a)
    await sleep(1.5)
    await redirect(L, 'trunk', '1003')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await ended(c)


@scenario('blind-then-redirected', {'1001': A, '1003': A, '1004': A})
async def _(L):
    "1001 sends a caller blind to 1003, from whom a program takes him to 1004 (AMI Redirect), who hangs up"
    c = await caller(L, '5551001', 32, 'Sent Then Taken')
    a = await up(L, '1001')
    await sleep(1)
    await blind(a, '1003', L.ph['1003'])
    await sleep(1.5)
    await redirect(L, 'trunk', '1004')
    d = await up(L, '1004')
    await talk_and_hang(d)
    await ended(c)


@scenario('attended-then-redirected', {'1001': A, '1003': A, '1004': A})
async def _(L):
    "1001 asks 1003 on a second line and transfers (REFER with Replaces); a program takes the caller to 1004 (AMI Redirect), who hangs up"
    c = await caller(L, '5551001', 33, 'Passed Then Taken')
    a = await up(L, '1001')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '1003')
    await sleep(1.5)
    await redirect(L, 'trunk', '1004')
    d = await up(L, '1004')
    await talk_and_hang(d)
    await ended(c)


@scenario('room-redirected', {'1001': A, '1003': A, '1004': 'manual'})
async def _(L):
    "1004 is in the conference, to which 1001 sends a caller blind; a program takes him from there to 1003 (AMI Redirect), who hangs up; then 1004"
    d = await L.ph['1004'].call('550')
    await d.wait_up()
    await sleep(1)
    c = await caller(L, '5551001', 34, 'Room Then Phone')
    a = await up(L, '1001')
    await sleep(1)
    await blind(a, '550')
    await sleep(2)
    await redirect(L, 'trunk', '1003')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await ended(c)
    await d.bye()


@scenario('consult-code-twin', {'1001': 'noanswer', '1002': A})
async def _(L):
    "1002 asks group 604 by *2, which rings 1001 and its mobile; the mobile answers, 1002 hangs up; so does the mobile"
    c = await caller(L, '5551033', 35, 'Asked A Twin')
    a = await up(L, '1002')
    await sleep(1)
    L.trunk.policy = A
    await code(a, '*2', '604')
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(t)
    await ended(c)


# ------------------------------------------------------------- who asks, and who is asked, in turn
@scenario('asked-joined-from-second-line', {'1001': A, '1002': A, '1003': A})
async def _(L):
    "1001 asks 1003 on a second line and passes the caller on; 1003 asks 1002 so too, but sends the REFER on that second line; the caller hangs up"
    c = await caller(L, '5551001', 90, 'Passed On Twice')
    a = await up(L, '1001')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await complete(a, a2, '1003')
    await sleep(1.5)
    b2 = await consult(L, b, '1003', '1002')
    await up(L, '1002')
    await sleep(1.2)
    await complete(b2, b, '1003')
    await talk_and_hang(c)


@scenario('click-callee-asks', {'1004': 'answer=0.7', '1001': A, '1003': A})
async def _(L):
    "click-to-call of 1004 to 1001, who asks 1003 by *2, talks, and hangs up; 1004 hangs up"
    await click(L, '1004', '1001', 'click-1')
    p = await up(L, '1004')
    a = await up(L, '1001')
    await sleep(1)
    await code(a, '*2', '1003')
    await up(L, '1003')
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(p)


@scenario('click-callee-asks-returns', {'1004': 'answer=0.7', '1001': A, '1003': A})
async def _(L):
    "click-to-call of 1004 to 1001, who asks 1003 by *2 and talks; 1003 hangs up; 1004 has 1001 again, and hangs up"
    await click(L, '1004', '1001', 'click-1')
    p = await up(L, '1004')
    a = await up(L, '1001')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.5)
    await b.bye()
    await talk_and_hang(p)


@scenario('passed-on-then-caller-asks', {'1004': 'manual', '1001': A, '1002': A, '1003': A})
async def _(L):
    "1004 calls 1001, who sends it blind to 1003; then 1004 asks 1002 by *2, talks, and hangs up; 1003 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    b = await blind(a, '1003', L.ph['1003'])
    await sleep(1)
    await code(c, '*2', '1002')
    await up(L, '1002')
    await sleep(1.5)
    await c.bye()
    await talk_and_hang(b)


@scenario('followme-second-sends-on', {'1001': 'answer=0.7', '1002': 'answer=0.9', '1003': A})
async def _(L):
    "FollowMe rings 1001 and 1002, who both answer and get nobody; 1002 sends its end blind to 1003, who answers; all hang up, the caller last"
    c = await caller(L, '5551025', 91, 'Followed Twice')
    a = await up(L, '1001')
    b = await up(L, '1002')
    await sleep(1.5)
    d = await blind(b, '1003', L.ph['1003'])
    await sleep(1)
    await d.bye()
    await sleep(0.5)
    await a.bye()
    await talk_and_hang(c, 1)


@scenario('click-redirect-phone', {'1004': 'answer=0.7', '1001': A, '1003': A})
async def _(L):
    "click-to-call of 1004 to 1001; a supervisor redirects 1004, not 1001, to 1003, who answers; 1004 hangs up"
    await click(L, '1004', '1001', 'click-1')
    p = await up(L, '1004')
    await up(L, '1001')
    await sleep(1.5)
    await redirect(L, '1004', '1003')
    await up(L, '1003')
    await talk_and_hang(p)


@scenario('outbound-redirect-phone', {'1004': 'manual', '1003': A})
async def _(L):
    "1004 calls out; a supervisor redirects 1004, not the far end, to 1003, who answers and hangs up"
    c, _ = await outbound(L, '1004')
    await sleep(1.5)
    await redirect(L, '1004', '1003')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await ended(c)


@scenario('internal-asked-nobody-comes-back', {'1004': 'manual', '1001': A, '1003': 'noanswer'})
async def _(L):
    "1004 calls 1001, who asks 1003 by *2 and hangs up while it rings; nobody answers, 1001 is rung again, answers and has 1004 again; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await code(a, '*2', '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    await a.bye()
    await up(L, '1001')
    await talk_and_hang(c)


# ------------------------------------------------------------- whose call it is when who placed it is gone
@scenario('redirect-who-answered', {'1004': 'manual', '1001': A, '1003': A})
async def _(L):
    "1004 calls 1001; a supervisor redirects 1001, not 1004, to 1003, who answers; 1004 is left alone and hung up; 1003 hangs up"
    c = await L.ph['1004'].call('1001')
    await up(L, '1001')
    await sleep(1.5)
    await redirect(L, '1001', '1003')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await ended(c)


@scenario('click-queue-sent-outside', {'1003': 'answer=0.7', '1001': 'manual'})
async def _(L):
    "click-to-call of 1003, behind a Local channel, to the queue; while 1001 rings, 1003 sends its end of that outside, where somebody answers and waits; then 1001 answers; the far end hangs up"
    L.trunk.policy = 'answer=0.7'
    await click(L, '1003', '500', 'click-1', Channel='Local/1003@from-internal')
    p = await up(L, '1003')
    a = await L.ph['1001'].incoming()
    await sleep(0.5)
    t = await blind(p, '9441632960077', L.trunk)
    await sleep(1.5)
    await a.answer()
    await talk_and_hang(t)
    await ended(a)
