"""Call scenarios of the plain dialplan: what the user of an office phone does, singly and one after another."""
import asyncio
from labcall import scenario, ch
from scenarios import down_up

sleep = asyncio.sleep


async def talk_and_hang(d, t=2.0):
    await sleep(t)
    await d.bye()


async def inbound(L, did, n, name, ext='1001'):
    "a trunk call that EXT answers: caller's and phone's side"
    c = await L.trunk.call(did, cid='4416329601%02d' % n, name=name)
    a = await L.ph[ext].incoming(20)
    await a.wait_up()
    return c, a


async def blind(a, number, b=None):
    "REFER, and what the phone does when it went well"
    await a.refer(number)
    if b:
        b = await b.incoming()
        await b.wait_up()
    else:
        await sleep(0.5)
    if a.state == 'up':
        await a.bye()
    return b


async def consult(L, a, ext, number):
    "hold, second line"
    await a.hold()
    await sleep(0.5)
    return await L.ph[ext].call(number)


async def complete(a, a2, number):
    await a.refer(number, a2)
    await sleep(0.7)
    for d in (a, a2):
        if d.state == 'up':
            await d.bye()
        elif d.state in ('new', 'ringing'):
            d.cancel()


def channel(L, who):
    return [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, who))][-1]['Channel']


async def parked(L):
    return await asyncio.wait_for(L.ami.expect(lambda e: e.get('Event') == 'ParkedCall'), 10)


# ------------------------------------------------------------- pickup
@scenario('pickup-group', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "trunk -> 1001 rings, 1004 takes the call with *8 (no dialplan: the channel driver does it); the caller hangs up"
    c = await L.trunk.call('5551001', cid='441632960101', name='Group Pickup')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('*8')
    await p.wait_up()
    await talk_and_hang(c)


@scenario('pickup-directed', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "the same with *81001 (PickupChan); the picker hangs up"
    c = await L.trunk.call('5551001', cid='441632960102', name='Directed Pickup')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('*81001')
    await p.wait_up()
    await talk_and_hang(p)
    await c.wait_over()


@scenario('pickup-queue', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "a queue call rings at 1001, 1004 takes it with *81001"
    c = await L.trunk.call('5551000', cid='441632960103', name='Queue Pickup')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('*81001')
    await p.wait_up()
    await talk_and_hang(c)


@scenario('pickup-internal', {'1001': 'noanswer', '1002': 'manual', '1003': 'manual'})
async def _(L):
    "1003 calls 1001, 1002 takes the call with *8 and hangs up"
    c = await L.ph['1003'].call('1001')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await L.ph['1002'].call('*8')
    await p.wait_up()
    await talk_and_hang(p)
    await c.wait_over()


# ------------------------------------------------------------- attended transfers
@scenario('attended-transfer-refer-ringing', {'1001': 'answer=1.0', '1003': 'answer=3.0'})
async def _(L):
    "1001 completes with REFER and Replaces while 1003 still rings; 1003 answers"
    c, a = await inbound(L, '5551001', 4, 'Blond Refer')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '1003')
    await asyncio.wait([asyncio.ensure_future(b.wait_up())], timeout=6)
    await talk_and_hang(c)


@scenario('attended-transfer-dtmf-early', {'1001': 'answer=1.0', '1003': 'answer=3.0'})
async def _(L):
    "*2, 1001 hangs up while 1003 rings; 1003 answers"
    c, a = await inbound(L, '5551001', 5, 'Blond Code')
    await sleep(1)
    await a.dtmf('*2')
    await sleep(2)
    await a.dtmf('1003')
    b = await L.ph['1003'].incoming(20)
    await sleep(1)
    await a.bye()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('attended-transfer-dtmf-early-recall', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "*2, 1001 hangs up while 1003 rings, who never answers: Asterisk rings 1001 again, who answers"
    c, a = await inbound(L, '5551001', 6, 'Recall Me')
    await sleep(1)
    await a.dtmf('*2')
    await sleep(2)
    await a.dtmf('1003')
    await L.ph['1003'].incoming(20)
    await sleep(1)
    await a.bye()
    r = await L.ph['1001'].incoming(30)
    await r.wait_up()
    await talk_and_hang(c)


@scenario('attended-transfer-dtmf-abort', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "*2, talk with 1003, then *1: 1001 has the caller again"
    c, a = await inbound(L, '5551001', 7, 'Abort Consult')
    await sleep(1)
    await a.dtmf('*2')
    await sleep(2)
    await a.dtmf('1003')
    b = await L.ph['1003'].incoming(20)
    await b.wait_up()
    await sleep(1.5)
    await a.dtmf('*1')
    await b.wait_over(10)
    await talk_and_hang(c)


@scenario('attended-transfer-dtmf-threeway', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "*2, talk with 1003, then *3: all three talk; 1001 leaves, the caller hangs up"
    c, a = await inbound(L, '5551001', 8, 'Three Way')
    await sleep(1)
    await a.dtmf('*2')
    await sleep(2)
    await a.dtmf('1003')
    b = await L.ph['1003'].incoming(20)
    await b.wait_up()
    await sleep(1.5)
    await a.dtmf('*3')
    await sleep(2)
    await a.bye()
    await talk_and_hang(c)


@scenario('consult-phone-resume', {'1001': 'answer=1.0', '1003': 'answer=0.5'})
async def _(L):
    "1001 holds the caller, asks 1003 on a second line, hangs that up and takes the caller back"
    c, a = await inbound(L, '5551001', 9, 'Asked About')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await a2.wait_up()
    await sleep(1.5)
    await a2.bye()
    await sleep(0.5)
    await a.unhold()
    await talk_and_hang(c, 1.5)


@scenario('attended-transfer-queue', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "the consultation goes to queue sales, 1003 answers there, REFER with Replaces"
    c, a = await inbound(L, '5551001', 10, 'To Queue')
    await sleep(1)
    a2 = await consult(L, a, '1001', '501')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await sleep(1.5)
    await complete(a, a2, '501')
    await talk_and_hang(b, 1.5)
    await c.wait_over()


@scenario('attended-transfer-queue-waiting', {'1001': 'answer=1.0', '1003': 'answer=2.0', '1002': 'noanswer'})
async def _(L):
    "the same through 502, which answers first; REFER with Replaces while the queue still rings: the caller takes the place in the queue"
    c, a = await inbound(L, '5551001', 11, 'Into Queue')
    await sleep(1)
    a2 = await consult(L, a, '1001', '502')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '502')
    await asyncio.wait([asyncio.ensure_future(b.wait_up())], timeout=6)
    await sleep(2)
    await c.bye()


@scenario('attended-transfer-conference', {'1001': 'answer=1.0', '1002': 'manual'})
async def _(L):
    "1002 is in conference board; 1001 asks there on a second line, then REFER with Replaces puts the caller in"
    m = await L.ph['1002'].call('550')
    await m.wait_up()
    c, a = await inbound(L, '5551001', 12, 'To Conference')
    await sleep(1)
    a2 = await consult(L, a, '1001', '550')
    await a2.wait_up()
    await sleep(1.5)
    await complete(a, a2, '550')
    await sleep(1.5)
    await c.bye()
    await sleep(0.5)
    await m.bye()


@scenario('attended-transfer-outside', {'1001': 'answer=1.0'})
async def _(L):
    "the consultation goes out through the trunk, is answered, REFER with Replaces; the far end hangs up"
    L.trunk.policy = 'answer=1.0'
    c, a = await inbound(L, '5551001', 13, 'To Outside')
    await sleep(1)
    a2 = await consult(L, a, '1001', '9441632960077')
    b = await L.trunk.incoming()
    await a2.wait_up()
    await sleep(1.5)
    await complete(a, a2, '9441632960077')
    await talk_and_hang(b, 1.5)
    await c.wait_over()


@scenario('attended-transfer-voicemail', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "the consultation ends in 1003's voicemail, REFER with Replaces: the caller leaves the message"
    c, a = await inbound(L, '5551001', 14, 'To Voicemail')
    await sleep(1)
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    a2 = await consult(L, a, '1001', '31003')
    await asyncio.wait_for(f, 10)
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '31003')
    await talk_and_hang(c, 3)


@scenario('attended-transfer-refer-busy', {'1001': 'answer=1.0', '1003': 'busy'})
async def _(L):
    "the phone's consultation is busy, it takes the caller back"
    c, a = await inbound(L, '5551001', 15, 'Stay Here')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await a2.wait_over()
    await sleep(0.5)
    await a.unhold()
    await talk_and_hang(c, 1)


# ------------------------------------------------------------- blind transfers
@scenario('blind-transfer-queue', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "REFER to queue sales; 1003 answers and hangs up"
    c, a = await inbound(L, '5551001', 16, 'Blind Queue')
    await sleep(1)
    b = await blind(a, '501', L.ph['1003'])
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-blind-transfer-queue', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "a queue call, REFER to another queue: two visits"
    c, a = await inbound(L, '5551000', 17, 'Queue To Queue')
    await sleep(1)
    await blind(a, '501', L.ph['1003'])
    await talk_and_hang(c)


@scenario('blind-transfer-group', {'1001': 'answer=1.0', '1002': 'noanswer', '1003': 'answer=1.5'})
async def _(L):
    "REFER to ring group 602: 1001 itself rings again (and declines), 1002 and 1003 ring, 1003 answers"
    c, a = await inbound(L, '5551001', 18, 'Blind Group')
    await sleep(1)
    L.ph['1001'].policy = 'reject=603'
    await blind(a, '602', L.ph['1003'])
    await talk_and_hang(c)


@scenario('blind-transfer-outside', {'1001': 'answer=1.0'})
async def _(L):
    "REFER to an outside number, answered; the far end hangs up"
    L.trunk.policy = 'answer=1.5'
    c, a = await inbound(L, '5551001', 19, 'Blind Outside')
    await sleep(1)
    b = await blind(a, '9441632960077', L.trunk)
    await talk_and_hang(b)
    await c.wait_over()


@scenario('blind-transfer-voicemail', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "REFER to an extension that does not answer and has voicemail"
    c, a = await inbound(L, '5551001', 20, 'Blind Voicemail')
    await sleep(1)
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    await blind(a, '31003')
    await asyncio.wait_for(f, 15)
    await talk_and_hang(c, 3)


@scenario('blind-transfer-abandoned', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "REFER to 1003, who rings; the caller gives up"
    c, a = await inbound(L, '5551001', 21, 'Blind Abandoned')
    await sleep(1)
    await blind(a, '1003')
    await L.ph['1003'].incoming()
    await talk_and_hang(c)


@scenario('transfer-chain', {'1001': 'answer=1.0', '1002': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "1001 transfers blind to 1002, 1002 to 1003, 1003 back to 1001; the caller hangs up"
    c, a = await inbound(L, '5551001', 22, 'Round And Round')
    await sleep(1)
    b = await blind(a, '1002', L.ph['1002'])
    await sleep(1)
    d = await blind(b, '1003', L.ph['1003'])
    await sleep(1)
    await blind(d, '1001', L.ph['1001'])
    await talk_and_hang(c)


@scenario('internal-transfer-by-caller', {'1004': 'manual', '1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "1004 calls 1001 and transfers 1001 blind to 1003; 1003 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1)
    b = await blind(c, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await a.wait_over()


@scenario('outbound-blind-transfer', {'1001': 'manual', '1002': 'answer=1.0'})
async def _(L):
    "1001 dials out, answered, REFERs the customer to colleague 1002; the customer hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1001'].call('9441632960077')
    t = await L.trunk.incoming()
    await c.wait_up()
    await sleep(1)
    await blind(c, '1002', L.ph['1002'])
    await talk_and_hang(t)


# ------------------------------------------------------------- hold, park, second line
@scenario('outbound-hold', {'1001': 'manual'})
async def _(L):
    "1001 dials a long number, holds, resumes; the far end hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1001'].call('90081312345678901234567')
    t = await L.trunk.incoming()
    await c.wait_up()
    await sleep(1)
    await c.hold()
    await sleep(1.5)
    await c.unhold()
    await talk_and_hang(t, 1)


@scenario('queue-hold-attended-park', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "queue call: hold, resume, attended transfer to 1003, who parks; 1004 retrieves, holds, resumes; the caller hangs up"
    c, a = await inbound(L, '5551000', 23, 'Everything')
    await sleep(0.8)
    await a.hold()
    await sleep(1)
    await a.unhold()
    await sleep(0.7)
    a2 = await consult(L, a, '1001', '1003')
    b = await L.ph['1003'].incoming()
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '1003')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await b.refer('700')
    space = (await f)['ParkingSpace']
    await sleep(1)
    if b.state == 'up':
        await b.bye()
    r = await L.ph['1004'].call(space)
    await r.wait_up()
    await sleep(1.5)
    await r.hold()
    await sleep(1)
    await r.unhold()
    await talk_and_hang(c, 0.8)


@scenario('park-dtmf-abandoned', {'1001': 'answer=1.0'})
async def _(L):
    "feature code #72; the parked caller gives up"
    c, a = await inbound(L, '5551001', 24, 'Park Code')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await a.dtmf('#72')
    await f
    await talk_and_hang(c, 3)


@scenario('park-twice', {'1001': 'answer=1.0', '1003': 'manual'})
async def _(L):
    "1001 parks, 1003 retrieves and parks again, nobody comes: back to 1003, who is busy; the PBX gives up"
    c, a = await inbound(L, '5551001', 25, 'Park Twice')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await a.refer('700')
    space = (await f)['ParkingSpace']
    await sleep(1)
    if a.state == 'up':
        await a.bye()
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await sleep(2)
    f = asyncio.ensure_future(parked(L))
    await r.refer('700')
    await f
    await sleep(0.5)
    if r.state == 'up':
        await r.bye()
    L.ph['1003'].policy = 'busy'
    await c.wait_over(30)


@scenario('second-line', {'1001': 'manual'})
async def _(L):
    "call waiting: 1001 talks, a second call rings at the same phone; it holds the first, answers the second, ends it, resumes the first"
    c1 = await L.trunk.call('5551001', cid='441632960126', name='First Line')
    a1 = await L.ph['1001'].incoming()
    await sleep(1)
    await a1.answer()
    await sleep(1)
    c2 = await L.trunk.call('5551001', cid='441632960127', name='Second Line')
    a2 = await L.ph['1001'].incoming()
    await sleep(1)
    await a1.hold()
    await a2.answer()
    await talk_and_hang(a2)
    await c2.wait_over()
    await a1.unhold()
    await talk_and_hang(c1, 1)


# ------------------------------------------------------------- groups, forwarding, voicemail
@scenario('group-busy-declined-answered', {'1001': 'busy', '1002': 'reject=603', '1003': 'answer=1.5'})
async def _(L):
    "ring group of three: one busy, one declines, one answers and hangs up"
    c = await L.trunk.call('5551013', cid='441632960128', name='Group Mixed')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(b)
    await c.wait_over()


@scenario('group-behind-local', {'1001': 'noanswer', '1002': 'noanswer', '1003': 'answer=1.5'})
async def _(L):
    "the same group through a Local channel, two ring on"
    c = await L.trunk.call('5551019', cid='441632960129', name='Group Local')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('group-abandoned', {'1001': 'noanswer', '1002': 'busy', '1003': 'noanswer'})
async def _(L):
    "the same group directly, one busy; the caller gives up"
    c = await L.trunk.call('5551013', cid='441632960130', name='Group Abandoned')
    await L.ph['1003'].incoming()
    await sleep(2)
    c.cancel()
    await c.wait_over()


@scenario('forward-internal', {'1001': 'forward=1003', '1003': 'answer=1.5'})
async def _(L):
    "the phone 1001 forwards to 1003 (302)"
    c = await L.trunk.call('5551001', cid='441632960131', name='Forwarded')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(b)
    await c.wait_over()


@scenario('forward-outside', {'1001': 'forward=9441632960066'})
async def _(L):
    "the phone 1001 forwards to an outside number (302)"
    L.trunk.policy = 'answer=1.5'
    c = await L.trunk.call('5551001', cid='441632960132', name='Forwarded Out')
    b = await L.trunk.incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('did-voicemail', {'1001': 'noanswer'})
async def _(L):
    "a trunk call to an extension with voicemail, not answered, a message is left"
    c = await L.trunk.call('5551012', cid='441632960133', name='Message Left')
    await L.ami.wait('Newexten', 15, Application='VoiceMail')
    await c.wait_up(10)
    await talk_and_hang(c, 3)


@scenario('unregistered-voicemail', {'1004': 'manual'})
async def _(L):
    "1004 calls an unregistered phone that has voicemail"
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    c = await L.ph['1004'].call('31003')
    await asyncio.wait_for(f, 15)
    await c.wait_up(10)
    await talk_and_hang(c, 3)


@scenario('voicemail-direct', {'1004': 'manual'})
async def _(L):
    "1004 dials somebody's voicemail"
    c = await L.ph['1004'].call('81003')
    await c.wait_up(10)
    await talk_and_hang(c, 3)


# ------------------------------------------------------------- queues: every door
@scenario('queue-overflow-answered', {'1003': 'answer=1.0'})
async def _(L):
    "queue support times out, queue sales answers"
    c = await L.trunk.call('5551006', cid='441632960134', name='Overflow')
    b = await L.ph['1003'].incoming(20)
    await b.wait_up()
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-key', {'1001': 'noanswer', '1004': 'answer=1.0'})
async def _(L):
    "the waiting caller presses 0: reception 1004 answers"
    c = await L.trunk.call('5551016', cid='441632960135', name='Press Zero')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    await c.dtmf('0')
    b = await L.ph['1004'].incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('queue-full', {'1001': 'noanswer'})
async def _(L):
    "a queue for one caller has one; the second is refused"
    c1 = await L.trunk.call('5551017', cid='441632960136', name='First In')
    await L.ph['1001'].incoming()
    await sleep(0.5)
    c2 = await L.trunk.call('5551017', cid='441632960137', name='Too Many')
    await c2.wait_over()
    await c1.bye()


@scenario('queue-leave-empty', {'1003': 'noanswer'})
async def _(L):
    "the only member is removed while a caller waits: the queue lets the caller go"
    m = [('Queue', 'closed'), ('Interface', ch(L, '1003'))]
    await L.ami.action('QueueAdd', m + [('MemberName', 'Carol Agent'), ('StateInterface', ch(L, '1003'))])
    c = await L.trunk.call('5551018', cid='441632960138', name='Last Member')
    await L.ph['1003'].incoming()
    await sleep(1)
    await L.ami.action('QueueRemove', m)
    await c.wait_over(30)


@scenario('queue-redirected', {'1001': 'noanswer', '1003': 'answer=1.0'})
async def _(L):
    "a supervisor pulls the waiting caller out of the queue (AMI Redirect) to 1003"
    c = await L.trunk.call('5551000', cid='441632960139', name='Pulled Out')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '1003', 'Priority': '1'})
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('queue-member-declines-twice', {'1001': 'reject=603', '1002': 'noanswer'})
async def _(L):
    "1001 declines whenever it rings, 1002 does not answer, then 1001 does"
    c = await L.trunk.call('5551000', cid='441632960140', name='Second Round')
    await L.ph['1002'].incoming(20)
    L.ph['1001'].policy = 'answer=1.0'
    while not L.ph['1001'].inq.empty():
        L.ph['1001'].inq.get_nowait()
    b = await L.ph['1001'].incoming(20)
    await b.wait_up()
    await talk_and_hang(b)
    await c.wait_over()


# ------------------------------------------------------------- outbound, dialplan answers
@scenario('outbound-cancelled', {'1001': 'manual'})
async def _(L):
    "the far end rings, 1001 gives up"
    L.trunk.policy = 'noanswer'
    c = await L.ph['1001'].call('9441632960077')
    await L.trunk.incoming()
    await sleep(2)
    c.cancel()
    await c.wait_over()


@scenario('outbound-congestion', {'1001': 'manual'})
async def _(L):
    "the trunk answers 503"
    L.trunk.policy = 'reject=503'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_over()


@scenario('outbound-noanswer', {'1001': 'manual'})
async def _(L):
    "the far end rings until Dial times out (20 s)"
    L.trunk.policy = 'noanswer'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_over(40)


@scenario('ivr-abandoned', {})
async def _(L):
    "the caller hangs up in the menu"
    c = await L.trunk.call('5551003', cid='441632960141', name='Menu Leaver')
    await c.wait_up()
    await talk_and_hang(c)


@scenario('dialplan-busy', {'1001': 'manual'})
async def _(L):
    "998: Busy(3), nothing was dialled"
    c = await L.ph['1001'].call('998')
    await c.wait_over()


@scenario('dialplan-congestion', {'1001': 'manual'})
async def _(L):
    "997: Congestion(3)"
    c = await L.ph['1001'].call('997')
    await c.wait_over()


@scenario('dialplan-echo', {'1001': 'manual'})
async def _(L):
    "999: Answer, Echo; 1001 hangs up"
    c = await L.ph['1001'].call('999')
    await c.wait_up()
    await talk_and_hang(c)


@scenario('call-limit', {'1001': 'answer=1.0'})
async def _(L):
    "Dial option L: Asterisk ends the conversation after 3 s"
    c, _a = await inbound(L, '5551014', 42, 'Cut Short')
    await c.wait_over()


@scenario('survey-after-call', {'1001': 'answer=1.0'})
async def _(L):
    "Dial option g: 1001 hangs up, the caller goes on in the dialplan for 2 s"
    c, a = await inbound(L, '5551015', 43, 'Survey')
    await talk_and_hang(a)
    await c.wait_over()


# ------------------------------------------------------------- originate, AMI
@scenario('originate-queue', {'1004': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "click-to-call from 1004 to queue sales: 1003 answers; 1004 hangs up"
    await L.ami.action('Originate', [('Channel', ch(L, '1004')), ('Context', 'from-internal'), ('Exten', '501'), ('Priority', '1'),
                                     ('CallerID', '"Sales" <501>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-9')
    a = await L.ph['1004'].incoming()
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(a)


@scenario('originate-local-transfer', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "click-to-call over Local/1001@from-internal/n to the outside, answered; 1001 transfers blind to 1002; the customer hangs up"
    L.trunk.policy = 'answer=1.0'
    await L.ami.action('Originate', [('Channel', 'Local/1001@from-internal/n'), ('Context', 'from-internal'), ('Exten', '9441632960078'), ('Priority', '1'),
                                     ('CallerID', '"Jane Customer" <441632960078>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-10')
    a = await L.ph['1001'].incoming()
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1.5)
    await blind(a, '1002', L.ph['1002'])
    await talk_and_hang(t)


@scenario('originate-agent-leaves', {'1001': 'answer=1.0'})
async def _(L):
    "1001 answers its click-to-call and hangs up before the customer's phone is reached: no far end yet rings"
    L.trunk.policy = 'silent'
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '9441632960078'), ('Priority', '1'),
                                     ('CallerID', '"Jane Customer" <441632960078>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-11')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(a, 1.5)


@scenario('ami-hangup-ringing', {'1001': 'noanswer'})
async def _(L):
    "the AMI action Hangup takes the caller away while 1001 rings"
    c = await L.trunk.call('5551001', cid='441632960144', name='Removed')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    await L.ami.action('Hangup', {'Channel': channel(L, 'trunk'), 'Cause': '16'})
    await c.wait_over()


@scenario('ami-redirect-both-conference', {'1001': 'answer=1.0', '1003': 'manual'})
async def _(L):
    "AMI Redirect of both ends of a call into conference board; 1003 dials in; 1001 leaves, the caller, 1003"
    c, a = await inbound(L, '5551001', 45, 'Both Moved')
    await sleep(1.5)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '550', 'Priority': '1',
                                    'ExtraChannel': channel(L, '1001'), 'ExtraContext': 'from-internal', 'ExtraExten': '550', 'ExtraPriority': '1'})
    await sleep(2)
    d = await L.ph['1003'].call('550')
    await d.wait_up()
    await sleep(1.5)
    for x in (a, c, d):
        await x.bye()
        await sleep(0.7)


@scenario('chanspy', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "1004 listens to a call of 1001 (*51001, ChanSpy) and leaves; the caller hangs up"
    c, a = await inbound(L, '5551001', 46, 'Listened To')
    await sleep(1)
    s = await L.ph['1004'].call('*51001')
    await s.wait_up()
    await talk_and_hang(s)
    await talk_and_hang(c, 0.7)


@scenario('conference-owner-first', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "a trunk caller waits alone in conference board, 1001 comes and leaves, 1002 comes, the caller leaves, 1001 comes again"
    c = await L.trunk.call('5551011', cid='441632960147', name='First In Room')
    await c.wait_up()
    await sleep(1)
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await talk_and_hang(a)
    await sleep(0.7)
    b = await L.ph['1002'].call('550')
    await b.wait_up()
    await talk_and_hang(c)
    await sleep(0.7)
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await talk_and_hang(b, 1.5)
    await talk_and_hang(a, 0.7)


@scenario('conference-alone', {'1001': 'manual'})
async def _(L):
    "1001 waits alone in conference board and leaves"
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await talk_and_hang(a)


@scenario('sigkill-ringing', {'1001': 'noanswer'})
async def _(L):
    "Asterisk is killed while 1001 rings, then started again"
    await L.trunk.call('5551001', cid='441632960148', name='Rang In Vain')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    await down_up(L, ['kill'])


# ------------------------------------------------------------- one after another
@scenario('internal-hold-both', {'1004': 'manual', '1001': 'answer=1.0'})
async def _(L):
    "1004 calls 1001, holds and resumes; then 1001 holds and resumes; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    for d in (c, a):
        await sleep(0.8)
        await d.hold()
        await sleep(1.2)
        await d.unhold()
    await talk_and_hang(c, 0.8)


@scenario('outbound-record-code', {'1001': 'manual'}, media=True)
async def _(L):
    "1001 dials out, presses *3 (one-touch recording), and *3 again; hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_up()
    await sleep(1)
    await c.dtmf('*3')
    await sleep(2)
    await c.dtmf('*3')
    await talk_and_hang(c)


@scenario('ami-bridge', {'1001': 'answer=1.0', '1003': 'manual'})
async def _(L):
    "a caller talks to 1001, 1003 listens to its echo (999); the AMI action Bridge joins the caller and 1003; the caller hangs up"
    c, a = await inbound(L, '5551001', 49, 'Bridged Away')
    caller = channel(L, 'trunk')
    e = await L.ph['1003'].call('999')
    await e.wait_up()
    await sleep(1)
    await L.ami.action('Bridge', {'Channel1': caller, 'Channel2': channel(L, '1003'), 'Tone': 'no'})
    await sleep(1)
    if a.state == 'up':
        await a.bye()
    await talk_and_hang(c)


@scenario('conference-kick', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "1001 and 1002 in conference board; the AMI action ConfbridgeKick removes 1001, then 1002 leaves"
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await sleep(0.7)
    b = await L.ph['1002'].call('550')
    await b.wait_up()
    await sleep(1.5)
    await L.ami.action('ConfbridgeKick', {'Conference': 'board', 'Channel': channel(L, '1001')})
    await a.wait_over()
    await talk_and_hang(b, 1)


@scenario('park-retrieve-self', {'1001': 'answer=1.0'})
async def _(L):
    "1001 parks and takes the call back itself; the caller hangs up"
    c, a = await inbound(L, '5551001', 50, 'Parked For Me')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await a.refer('700')
    space = (await f)['ParkingSpace']
    await sleep(0.7)
    if a.state == 'up':
        await a.bye()
    r = await L.ph['1001'].call(space)
    await r.wait_up()
    await talk_and_hang(c, 3)


@scenario('attended-then-blind', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "1001 consults 1003 and transfers (REFER with Replaces); 1003 transfers blind to 1002, who hangs up"
    c, a = await inbound(L, '5551001', 51, 'Passed On')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await L.ph['1003'].incoming()
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '1003')
    await sleep(0.7)
    d = await blind(b, '1002', L.ph['1002'])
    await talk_and_hang(d)
    await c.wait_over()


@scenario('blind-transfer-conference', {'1001': 'answer=1.0', '1002': 'manual'})
async def _(L):
    "1002 waits in conference board, 1001 sends the caller there (REFER); 1002 leaves, then the caller"
    m = await L.ph['1002'].call('550')
    await m.wait_up()
    c, a = await inbound(L, '5551001', 52, 'Blind Conference')
    await sleep(1)
    await blind(a, '550')
    await talk_and_hang(m)
    await talk_and_hang(c, 0.7)


@scenario('direct-silent', {'1001': 'manual', '1002': 'silent'})
async def _(L):
    "1002 is registered but does not reply at all; Dial gives up"
    c = await L.ph['1001'].call('1002')
    await c.wait_over(20)


@scenario('queue-redirect-talking', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "a supervisor takes the caller from 1001 (AMI Redirect) and puts him into queue sales; 1003 answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 53, 'Taken Away')
    await sleep(1.5)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '501', 'Priority': '1'})
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    if a.state == 'up':
        await a.bye()
    await talk_and_hang(c)


@scenario('originate-hold', {'1001': 'answer=1.0'})
async def _(L):
    "click-to-call to a customer, 1001 holds and resumes; 1001 hangs up"
    L.trunk.policy = 'answer=1.0'
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '9441632960078'), ('Priority', '1'),
                                     ('CallerID', '"Jane Customer" <441632960078>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-12')
    a = await L.ph['1001'].incoming()
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1)
    await a.hold()
    await sleep(1.5)
    await a.unhold()
    await talk_and_hang(a, 1)
