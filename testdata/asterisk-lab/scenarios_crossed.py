"""Call scenarios of the plain dialplan: one road of a call crossing another."""
import asyncio
from labcall import scenario, ch
from scenarios import down_up
from scenarios_office import talk_and_hang, blind, consult, complete, channel, parked
from scenarios_chains import code, park, up, outbound, click
from scenarios_desk import member

sleep = asyncio.sleep
A = 'answer=1.0'


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329607%02d' % n, name=name)


async def inbound(L, did, n, name, ext='1001', t=20):
    "a trunk call that EXT answers: caller's and phone's side"
    c = await caller(L, did, n, name)
    return c, await up(L, ext, t)


async def ended(*calls, t=20):
    for d in calls:
        await d.wait_over(t)


async def take(L, ext, number):
    "EXT picks a ring up"
    p = await L.ph[ext].call(number)
    await p.wait_up()
    return p


async def redirect(L, who, exten):
    await L.ami.action('Redirect', {'Channel': channel(L, who), 'Context': 'from-internal', 'Exten': exten, 'Priority': '1'})


# ------------------------------------------------------------- through many hands
@scenario('queue-group-park-outside', {'1001': A, '1002': 'noanswer', '1003': 'answer=1.5', '1004': 'manual'})
async def _(L):
    "queue -> 1001 asks group 602, where 1003 answers, and transfers; 1003 parks; 1004 fetches and sends the caller outside; the far end hangs up"
    c, a = await inbound(L, '5551000', 0, 'Four Hands')
    await sleep(1)
    L.ph['1001'].policy = 'busy'
    a2 = await consult(L, a, '1001', '602')
    b = await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '602')
    await sleep(1)
    space = await park(L, b)
    r = await L.ph['1004'].call(space)
    await r.wait_up()
    await sleep(2)
    L.trunk.policy = 'answer=1.5'
    t = await blind(r, '9441632960077', L.trunk)
    await talk_and_hang(t)
    await ended(c)


@scenario('hold-then-blind', {'1001': A, '1003': 'answer=1.5'})
async def _(L):
    "queue call; 1001 holds, as phones do before they transfer, and sends the caller blind to 1003; the caller hangs up"
    c, a = await inbound(L, '5551000', 1, 'Held And Sent')
    await sleep(1)
    await a.hold()
    await sleep(1.5)
    await blind(a, '1003', L.ph['1003'])
    await talk_and_hang(c)


@scenario('hold-then-park', {'1001': A, '1003': 'manual'})
async def _(L):
    "1001 holds and parks the caller; 1003 fetches him, holds, and hangs up while he is on hold"
    c, a = await inbound(L, '5551001', 2, 'Held And Parked')
    await sleep(1)
    await a.hold()
    await sleep(1)
    space = await park(L, a)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await sleep(2)
    await r.hold()
    await talk_and_hang(r, 1)
    await ended(c)


@scenario('queue-back-to-itself', {'1001': A, '1002': 'busy'})
async def _(L):
    "queue call; 1001 sends the caller back to the queue, 1002 is busy there, so 1001 gets him again; the caller hangs up"
    c, a = await inbound(L, '5551000', 3, 'Again And Again')
    await sleep(1)
    await blind(a, '500')
    await up(L, '1001')
    await talk_and_hang(c)


@scenario('blind-back-to-sender', {'1001': A, '1003': A})
async def _(L):
    "1001 sends the caller blind to 1003, who holds, resumes and sends him back to 1001; 1001 hangs up"
    c, a = await inbound(L, '5551001', 4, 'There And Back')
    await sleep(1)
    b = await blind(a, '1003', L.ph['1003'])
    await sleep(0.7)
    await b.hold()
    await sleep(1)
    await b.unhold()
    await sleep(0.5)
    a = await blind(b, '1001', L.ph['1001'])
    await talk_and_hang(a)
    await ended(c)


@scenario('asked-then-asked-by-code', {'1001': A, '1003': 'answer=0.7', '1004': 'reject=603', '1002': 'answer=0.7'})
async def _(L):
    "1001 asks 1004 on a second line, who declines, then 1003, who answers and is passed the caller; 1003 asks 1002 by *2 and hangs up; the caller hangs up"
    c, a = await inbound(L, '5551001', 5, 'Asked Three Times')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1004')
    await ended(a2)
    await sleep(0.5)
    a2 = await L.ph['1001'].call('1003')
    b = await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '1003')
    await sleep(1)
    await code(b, '*2', '1002')
    await up(L, '1002')
    await sleep(1.2)
    await b.bye()
    await talk_and_hang(c)


@scenario('redirect-in-transfer', {'1001': A, '1003': 'noanswer', '1004': A})
async def _(L):
    "1001 sends the caller blind to 1003, who rings; a supervisor redirects the caller to 1004, who answers and hangs up"
    c, a = await inbound(L, '5551001', 6, 'Redirected In Transfer')
    await sleep(1)
    await blind(a, '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    await redirect(L, 'trunk', '1004')
    b = await up(L, '1004')
    await talk_and_hang(b)
    await ended(c)


@scenario('blond-redirected', {'1001': A, '1003': 'noanswer', '1004': A})
async def _(L):
    "1001 completes to 1003 while it rings (REFER with Replaces); a supervisor redirects the caller to 1004, who answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 7, 'Blond And Redirected')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '1003')
    await sleep(0.7)
    await redirect(L, 'trunk', '1004')
    await up(L, '1004')
    await talk_and_hang(c)


# ------------------------------------------------------------- pickups
@scenario('queue-picked-up-asked', {'1001': 'noanswer', '1004': 'manual', '1003': A})
async def _(L):
    "a queue call rings at 1001, 1004 takes it with *8, asks 1003 by second line and transfers; 1003 hangs up"
    c = await caller(L, '5551000', 8, 'Picked Up And Asked')
    await L.ph['1001'].incoming()
    await sleep(1.2)
    p = await take(L, '1004', '*8')
    await sleep(1)
    p2 = await consult(L, p, '1004', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await complete(p, p2, '1003')
    await talk_and_hang(b)
    await ended(c)


@scenario('queue-picked-up-parked', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "a queue call rings at 1001, 1004 takes it with *81001 and parks it; nobody comes; where he comes back to is rung; the caller gives up"
    c = await caller(L, '5551000', 9, 'Picked Up And Parked')
    await L.ph['1001'].incoming()
    await sleep(1.2)
    p = await take(L, '1004', '*81001')
    await sleep(1)
    await park(L, p)
    await sleep(10)
    await talk_and_hang(c, 1.5)


@scenario('consult-code-picked-up', {'1001': A, '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 asks 1003 by *2, 1004 takes that ring with *81003; 1001 hangs up, which passes the caller on to 1004; 1004 hangs up"
    c, a = await inbound(L, '5551001', 10, 'Code Picked Up')
    await sleep(1)
    await code(a, '*2', '1003')
    await L.ph['1003'].incoming(20)
    await sleep(1)
    p = await take(L, '1004', '*81003')
    await sleep(1.2)
    await a.bye()
    await talk_and_hang(p)
    await ended(c)


@scenario('blond-code-picked-up', {'1001': A, '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 asks 1003 by *2 and hangs up while it rings; 1004 takes that ring with *81003; the caller hangs up"
    c, a = await inbound(L, '5551001', 11, 'Blond Code Picked Up')
    await sleep(1)
    await code(a, '*2', '1003')
    await L.ph['1003'].incoming(20)
    await sleep(0.7)
    await a.bye()
    await sleep(0.7)
    await take(L, '1004', '*81003')
    await talk_and_hang(c)


@scenario('pickup-outbound-comeback', {'1001': 'manual', '1004': 'manual'})
async def _(L):
    "1001 calls out and parks the far end, who comes back to 1001; 1004 takes that ring with *8; the far end hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await park(L, c)
    await L.ph['1001'].incoming(30)
    await sleep(1)
    await take(L, '1004', '*8')
    await talk_and_hang(t)


@scenario('picked-up-internal-transferred', {'1003': 'manual', '1001': 'noanswer', '1002': 'manual', '1004': A})
async def _(L):
    "1003 calls 1001, 1002 takes the ring with *81001 and sends 1003 blind to 1004; 1003 hangs up"
    c = await L.ph['1003'].call('1001')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await take(L, '1002', '*81001')
    await sleep(1)
    await blind(p, '1004', L.ph['1004'])
    await talk_and_hang(c)


# ------------------------------------------------------------- who waits leaves
@scenario('consult-code-caller-leaves-ringing', {'1001': A, '1003': 'answer=3.0'})
async def _(L):
    "queue call; 1001 asks 1003 by *2; the caller hangs up while 1003 rings; 1003 answers and talks with 1001, who hangs up"
    c, a = await inbound(L, '5551000', 14, 'Gone While It Rings')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await L.ph['1003'].incoming(20)
    await sleep(1)
    await c.bye()
    await sleep(3)
    if a.state == 'up':
        await talk_and_hang(a, 0.5)
    if b.state == 'up':
        await talk_and_hang(b, 0.5)


@scenario('recall-nobody', {'1001': A, '1003': 'noanswer'})
async def _(L):
    "*2, 1001 hangs up while 1003 rings, who does not answer; 1001 is rung again and is busy: the caller is lost"
    c, a = await inbound(L, '5551000', 16, 'Recall Of Nobody')
    await sleep(1)
    await code(a, '*2', '1003')
    await L.ph['1003'].incoming(20)
    await sleep(1)
    L.ph['1001'].policy = 'busy'
    await a.bye()
    await ended(c, t=60)


@scenario('outbound-queue-abandoned', {'1001': 'manual', '1003': 'noanswer', '1002': 'busy'})
async def _(L):
    "1001 calls out and sends the far end to queue sales, where nobody answers; the far end gives up"
    c, t = await outbound(L)
    await sleep(1)
    await blind(c, '501')
    await L.ph['1003'].incoming()
    await talk_and_hang(t)


@scenario('outbound-asked-queue-waiting', {'1001': 'manual', '1003': 'answer=2.5', '1002': 'noanswer'})
async def _(L):
    "1001 calls out, asks in queue sales (502) and completes while it rings there; 1003 answers and hangs up"
    c, t = await outbound(L)
    await sleep(1)
    c2 = await consult(L, c, '1001', '502')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(c, c2, '502')
    await b.wait_up()
    await talk_and_hang(b)
    await ended(t)


@scenario('click-queue-abandoned', {'1001': A, '1003': 'noanswer', '1002': 'noanswer'})
async def _(L):
    "click-to-call to a customer, 1001 sends the customer blind to queue sales; the customer gives up"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-40')
    a = await up(L, '1001')
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1)
    await blind(a, '501')
    await L.ph['1003'].incoming()
    await talk_and_hang(t)


@scenario('click-consult-customer-leaves', {'1001': A, '1003': 'answer=0.7'})
async def _(L):
    "click-to-call to a customer, 1001 asks 1003 by *2; the customer hangs up; 1003 hangs up"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-41')
    a = await up(L, '1001')
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await t.bye()
    await sleep(1)
    if b.state == 'up':
        await b.bye()
    await sleep(0.5)
    if a.state == 'up':
        await a.bye()


@scenario('outbound-threeway-outside', {'1001': 'manual'})
async def _(L):
    "1001 calls out, asks a second outside number by *2, *3: all three; 1001 leaves, the two talk on; the first hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await code(c, '*2', '9441632960066')
    t2 = await L.trunk.incoming(20)
    await t2.wait_up()
    await sleep(1.2)
    await c.dtmf('*3')
    await sleep(2)
    await c.bye()
    await talk_and_hang(t)


# ------------------------------------------------------------- calls between phones
@scenario('internal-blind-outside', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001, who sends 1004 blind to an outside number, which answers; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    L.trunk.policy = 'answer=1.5'
    await blind(a, '9441632960077', L.trunk)
    await talk_and_hang(c)


@scenario('internal-park-comeback', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001, who parks 1004; nobody comes, 1001 is rung again, answers and hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await park(L, a)
    a = await up(L, '1001', 30)
    await talk_and_hang(a)
    await ended(c)


@scenario('internal-by-caller-queue', {'1004': 'manual', '1001': A, '1003': A, '1002': 'noanswer'})
async def _(L):
    "1004 calls 1001 and sends 1001 blind into queue sales; 1003 answers; 1001 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await blind(c, '501', L.ph['1003'])
    await talk_and_hang(a)


@scenario('internal-blond-outside', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001, who asks an outside number by *2 and hangs up while it rings; it answers; the far end hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    L.trunk.policy = 'answer=3.0'
    await code(a, '*2', '9441632960077')
    t = await L.trunk.incoming(20)
    await sleep(1)
    await a.bye()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(c)


@scenario('internal-forward-outside-transfer', {'1004': 'manual', '1001': 'forward=9441632960066', '1003': A})
async def _(L):
    "1004 calls 1001, whose phone forwards outside, where it is answered; 1004 sends the far end blind to 1003, who hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1004'].call('1001')
    t = await L.trunk.incoming()
    await c.wait_up()
    await sleep(1)
    b = await blind(c, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await ended(t)


# ------------------------------------------------------------- groups and forwards
@scenario('click-ringgroup', {'1004': 'answer=0.7', '1001': 'noanswer', '1002': 'answer=1.5'})
async def _(L):
    "click-to-call from 1004 to ring group 600: 1001 rings too, 1002 answers, asks 1001 by *2, who does not answer; 1004 hangs up"
    await click(L, '1004', '600', 'click-42', CallerID='"Group" <600>')
    a = await up(L, '1004')
    b = await up(L, '1002')
    await sleep(1)
    await L.ph['1001'].incoming()
    await code(b, '*2', '1001')
    await L.ph['1001'].incoming(20)
    await sleep(8)
    await talk_and_hang(a)


@scenario('group-forward-outside', {'1001': 'forward=9441632960066', '1002': 'noanswer'})
async def _(L):
    "ring group 600, 1001 forwards to an outside number, which answers; the caller hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551002', 28, 'Group To Mobile')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(c)


@scenario('group-forward-outside-lost', {'1001': 'forward=9441632960066', '1002': 'answer=2.0'})
async def _(L):
    "the same, and 1002 answers while the outside number rings; 1002 hangs up"
    L.trunk.policy = 'noanswer'
    c = await caller(L, '5551002', 29, 'Not To Mobile')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await ended(c)


@scenario('queue-forward-busy', {'1001': 'forward=1003', '1003': 'busy', '1002': A})
async def _(L):
    "queue support rings 1001, whose phone forwards to 1003, who is busy; 1002 answers; the caller hangs up"
    c, b = await inbound(L, '5551000', 30, 'Forwarded To Busy', '1002', 30)
    await talk_and_hang(c)


@scenario('queue-forward-mailbox', {'1001': 'forward=81003'}, media=True)
async def _(L):
    "queue support rings 1001, whose phone forwards to a mailbox, which the queue takes for an answer; the caller hangs up in the greeting"
    c = await caller(L, '5551000', 31, 'Forwarded To Mailbox')
    await c.wait_up()
    await talk_and_hang(c, 5)


@scenario('blind-to-forward-outside', {'1001': A, '1003': 'forward=9441632960066'})
async def _(L):
    "queue call; 1001 sends the caller blind to 1003, whose phone forwards outside, where it is answered; the far end hangs up"
    L.trunk.policy = 'answer=1.5'
    c, a = await inbound(L, '5551000', 32, 'Sent To A Mobile')
    await sleep(1)
    t = await blind(a, '1003', L.trunk)
    await talk_and_hang(t)
    await ended(c)


@scenario('blond-group', {'1001': A, '1002': 'noanswer', '1003': 'answer=3.0'})
async def _(L):
    "queue call; 1001 calls group 602 on a second line, where it is busy itself, and completes while 1002 and 1003 ring; 1003 answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 33, 'Blond To A Group')
    await sleep(1)
    L.ph['1001'].policy = 'busy'
    a2 = await consult(L, a, '1001', '602')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '602')
    await b.wait_up()
    await talk_and_hang(c)


# ------------------------------------------------------------- queues
@scenario('queue-member-twice', {'1002': 'busy', '1003': 'manual'})
async def _(L):
    "1003 is in queue sales (ringall) twice, as a device and behind a Local channel: its phone rings twice, it answers the second; the caller hangs up"
    await L.ami.action('QueueAdd', {'Queue': 'sales', 'Interface': 'Local/1003@from-queue/n', 'MemberName': 'Carol Again'})
    f = L.ph['1003']
    c = await caller(L, '5551032', 34, 'Twice At Carol')
    a1 = await f.incoming(30)
    a2 = await f.incoming(30)
    await sleep(1.2)
    await a2.answer()
    await talk_and_hang(c)
    await L.ami.action('QueueRemove', {'Queue': 'sales', 'Interface': 'Local/1003@from-queue/n'})


@scenario('queue-penalty-paused', {'1001': A, '1002': A})
async def _(L):
    "queue weighted: 1001 is paused, so 1002, who has a penalty, is rung; it asks 1001 and transfers; the caller hangs up"
    await L.ami.action('QueuePause', member(L, 'weighted', '1001', Paused='true', Reason='Lunch'))
    c, b = await inbound(L, '5551027', 35, 'Second Choice', '1002')
    await sleep(1)
    b2 = await consult(L, b, '1002', '1001')
    await up(L, '1001')
    await sleep(1)
    await complete(b, b2, '1001')
    await talk_and_hang(c)
    await L.ami.action('QueuePause', member(L, 'weighted', '1001', Paused='false'))


@scenario('queue-overflow-abandoned', {'1001': 'busy', '1002': 'noanswer', '1003': 'reject=603'})
async def _(L):
    "queue support: 1001 is busy, 1002 does not answer; its time runs out; queue sales: 1003 declines, 1002 rings; the caller gives up"
    c = await caller(L, '5551006', 36, 'Gave Up In The Second')
    await L.ph['1003'].incoming(30)
    await talk_and_hang(c, 1.5)


@scenario('two-ring-second-answered', {'1001': 'manual'})
async def _(L):
    "two callers of one DID ring at 1001 at once; it answers the second, the first gives up, 1001 hangs up"
    c1 = await caller(L, '5551001', 37, 'First To Ring')
    a1 = await L.ph['1001'].incoming()
    await sleep(0.7)
    c2 = await caller(L, '5551001', 38, 'Second To Ring')
    a2 = await L.ph['1001'].incoming()
    await sleep(1)
    await a2.answer()
    await sleep(1.5)
    c1.cancel()
    await ended(c1)
    await talk_and_hang(a2, 0.7)
    await ended(c2)


@scenario('park-comeback-second-line', {'1001': A})
async def _(L):
    "1001 parks a caller and takes a second one; the parked one comes back on its other line: it holds the second and answers; both callers hang up"
    c1, a = await inbound(L, '5551000', 39, 'Parked Comes Back')
    await sleep(0.7)
    await park(L, a)
    await sleep(1)
    c2, a2 = await inbound(L, '5551001', 40, 'Talks Meanwhile')
    L.ph['1001'].policy = 'manual'
    b = await L.ph['1001'].incoming(30)
    await sleep(0.7)
    await a2.hold()
    await b.answer()
    await talk_and_hang(c1)
    await sleep(0.5)
    await a2.unhold()
    await talk_and_hang(c2, 1)


# ------------------------------------------------------------- conferences, listening, recording
@scenario('room-built-by-transfer', {'1001': A, '1003': 'manual'})
async def _(L):
    "1001 asks in the empty conference and puts its caller there, then comes itself; 1003 comes; 1001 leaves; the caller leaves; 1003 leaves"
    c, a = await inbound(L, '5551000', 41, 'Room By Transfer')
    await sleep(1)
    a2 = await consult(L, a, '1001', '550')
    await a2.wait_up()
    await sleep(0.7)
    await complete(a, a2, '550')
    await sleep(1)
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await sleep(1)
    d = await L.ph['1003'].call('550')
    await d.wait_up()
    await talk_and_hang(a, 1.5)
    await talk_and_hang(c, 1)
    await talk_and_hang(d, 0.7)


@scenario('room-invites-outside', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "1001 and 1002 in the conference; 1001 calls out on a second line and puts the far end there (REFER with Replaces by the line in the room); 1002 leaves, then the far end"
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    b = await L.ph['1002'].call('550')
    await b.wait_up()
    await sleep(1)
    await a.hold()
    a2, t = await outbound(L)
    await sleep(1)
    await complete(a2, a, '550')
    await talk_and_hang(b, 1.5)
    await talk_and_hang(t, 0.7)


@scenario('record-code-transferred', {'1001': A, '1003': A}, media=True)
async def _(L):
    "1001 begins to record with *3 and sends the caller blind to 1003, who hangs up"
    c, a = await inbound(L, '5551000', 42, 'Recorded By Code')
    await sleep(1)
    await a.dtmf('*3')
    await sleep(1)
    b = await blind(a, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await ended(c)


@scenario('click-application-dial', {'1001': 'answer=0.7', '1002': A})
async def _(L):
    "a click that names no number: 1001 is rung and the application Dial calls 1002 for it; 1002 hangs up"
    await L.ami.action('Originate', {'Channel': ch(L, '1001'), 'Application': 'Dial', 'Data': ch(L, '1002') + ',10',
                                     'CallerID': '"Bob" <1002>', 'Timeout': '10000', 'Async': 'true'}, actionid='click-43')
    a = await up(L, '1001')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await ended(a)


@scenario('ivr-agent-transfers-back', {'1001': A, '1003': 'answer=1.5', '1002': 'busy'})
async def _(L):
    "IVR, 1: queue support, 1001 holds and sends the caller to queue sales; 1002 is busy there, 1003 answers, holds and is left by the caller"
    c = await caller(L, '5551003', 45, 'From Menu To Sales')
    await c.wait_up()
    await sleep(1.2)
    await c.dtmf('1')
    a = await up(L, '1001')
    await sleep(1)
    await a.hold()
    await sleep(0.7)
    b = await blind(a, '501', L.ph['1003'])
    await sleep(1)
    await b.hold()
    await talk_and_hang(c, 1)


# ------------------------------------------------------------- what is done to calls from outside (AMI)
@scenario('redirect-queued-voicemail', {'1001': 'noanswer'})
async def _(L):
    "a waiting caller, for whom 1001 rings, is redirected by AMI to the voicemail of 1003; he hangs up in the greeting"
    c = await caller(L, '5551000', 50, 'Queued To Voicemail')
    await L.ph['1001'].incoming()
    await sleep(1)
    await redirect(L, 'trunk', '81003')
    await talk_and_hang(c, 3)


@scenario('redirect-queued-queue', {'1001': 'noanswer', '1003': A, '1002': 'busy'})
async def _(L):
    "a waiting caller, for whom 1001 rings, is redirected by AMI into queue sales; 1003 answers and hangs up"
    c = await caller(L, '5551000', 51, 'Queued To Queue')
    await L.ph['1001'].incoming()
    await sleep(1)
    await redirect(L, 'trunk', '501')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await ended(c)


@scenario('redirect-parked-voicemail', {'1001': A})
async def _(L):
    "a parked caller is redirected by AMI to the voicemail of 1003; he hangs up in the greeting"
    c, a = await inbound(L, '5551001', 52, 'Parked To Voicemail')
    await sleep(0.7)
    await park(L, a)
    await sleep(1)
    await redirect(L, 'trunk', '81003')
    await talk_and_hang(c, 3)


@scenario('redirect-to-park', {'1001': A, '1003': 'manual'})
async def _(L):
    "the caller is taken from 1001 by AMI and redirected to 700, which parks him; 1003 fetches him and hangs up"
    c, a = await inbound(L, '5551000', 53, 'Redirected To Park')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await redirect(L, 'trunk', '700')
    space = (await f)['ParkingSpace']
    await sleep(1)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2)
    await ended(c)


@scenario('ami-blind-queue', {'1001': A, '1003': A, '1002': 'noanswer'})
async def _(L):
    "AMI BlindTransfer by 1001's channel into queue sales; 1003 answers; the caller hangs up"
    c, a = await inbound(L, '5551001', 54, 'Sent By A Program')
    await sleep(1)
    await L.ami.action('BlindTransfer', {'Channel': channel(L, '1001'), 'Context': 'from-internal', 'Exten': '501'})
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('ami-blind-park', {'1001': A, '1004': 'manual'})
async def _(L):
    "AMI BlindTransfer by 1001's channel to 700, which parks the caller; 1004 fetches him; the caller hangs up"
    c, a = await inbound(L, '5551000', 55, 'Parked By A Program')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await L.ami.action('BlindTransfer', {'Channel': channel(L, '1001'), 'Context': 'from-internal', 'Exten': '700'})
    space = (await f)['ParkingSpace']
    await sleep(1)
    r = await L.ph['1004'].call(space)
    await r.wait_up()
    await talk_and_hang(c)


@scenario('ami-park-comeback', {'1001': A})
async def _(L):
    "AMI Park of the caller for 4 s, 1001's channel being the one to come back to; 1001 is rung, answers and hangs up"
    c, a = await inbound(L, '5551001', 56, 'Parked For A While')
    await sleep(1)
    await L.ami.action('Park', {'Channel': channel(L, 'trunk'), 'TimeoutChannel': channel(L, '1001'), 'Timeout': '4000'})
    a = await up(L, '1001', 30)
    await talk_and_hang(a)
    await ended(c)


# ------------------------------------------------------------- rooms, and consultations that come to nothing
@scenario('room-of-two-callers', {'1001': A, '1002': A})
async def _(L):
    "1001 and 1002 each send a caller into the conference, where the two talk; the first hangs up, then the second"
    c1, a = await inbound(L, '5551001', 57, 'First In The Room')
    await sleep(0.7)
    await blind(a, '550')
    c2, b = await inbound(L, '5551033', 58, 'Second In The Room', '1002')
    await sleep(0.7)
    await blind(b, '550')
    await talk_and_hang(c1)
    await talk_and_hang(c2, 0.7)


@scenario('room-of-colleagues', {'1004': 'manual', '1001': A, '1002': 'manual'})
async def _(L):
    "1002 sits in the conference; 1004 calls 1001, who sends 1004 there and follows; 1004 leaves, then 1001, then 1002"
    d = await L.ph['1002'].call('550')
    await d.wait_up()
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await blind(a, '550')
    await sleep(1)
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await talk_and_hang(c, 1.5)
    await talk_and_hang(a, 1)
    await talk_and_hang(d, 0.7)


@scenario('local-consult-picked-up', {'1001': A, '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "queue with Local members; 1001 asks 1003 by *2, 1004 takes that ring with *81003; 1001 hangs up; the caller hangs up"
    c, a = await inbound(L, '5551007', 59, 'Local Picked Up')
    await sleep(1)
    await code(a, '*2', '1003')
    await L.ph['1003'].incoming(20)
    await sleep(1)
    await take(L, '1004', '*81003')
    await sleep(1.2)
    await a.bye()
    await talk_and_hang(c)


@scenario('local-recall-answered', {'1001': A, '1003': 'noanswer'})
async def _(L):
    "queue with Local members; 1001 asks 1003 by *2 and hangs up while it rings, in vain: 1001 is rung again and answers; the caller hangs up"
    c, a = await inbound(L, '5551007', 60, 'Local Recall')
    await sleep(1)
    await code(a, '*2', '1003')
    await L.ph['1003'].incoming(20)
    await sleep(1)
    await a.bye()
    await up(L, '1001', 30)
    await talk_and_hang(c)


@scenario('internal-asked-queue-waiting', {'1004': 'manual', '1001': A, '1003': 'answer=2.5', '1002': 'busy'})
async def _(L):
    "1004 calls 1001, who asks in queue sales (502) and completes while it rings there; 1003 answers; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    a2 = await consult(L, a, '1001', '502')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '502')
    await b.wait_up()
    await talk_and_hang(c)


@scenario('click-queue-cancelled', {'1001': A, '1003': 'noanswer', '1002': 'busy'})
async def _(L):
    "click-to-call over Local/1001 to queue sales; 1001 hangs up while 1003 rings"
    await click(L, '1001', '501', 'click-44', Channel='Local/1001@from-internal/n', CallerID='"Sales" <501>')
    a = await up(L, '1001')
    await L.ph['1003'].incoming()
    await talk_and_hang(a)


@scenario('queue-thrice', {'1001': 'noanswer', '1002': 'busy'})
async def _(L):
    "the caller is let into the queue three times, for 5 s each, and then hung up: 1001 does not answer, 1002 is busy"
    c = await caller(L, '5551010', 63, 'Three Times')
    await ended(c, t=40)


@scenario('sigkill-asking', {'1001': A, '1003': A})
async def _(L):
    "1001 asks 1003 on a second line while its caller is on hold; Asterisk is killed and started again"
    c1, a = await inbound(L, '5551001', 64, 'Killed On Hold')
    await sleep(0.7)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await down_up(L, ['kill'])


# ------------------------------------------------------------- ringing back (chan_sip)
@scenario('ring-back-busy', {'1004': 'manual', '1005': A, '1006': A})
async def _(L):
    "1006 talks with 1004 and is busy for 1005, who asks to be rung back (*40); 1004 hangs up, 1005 is rung and answers, then 1006 answers, who hangs up"
    d = await L.ph['1004'].call('1006')
    await up(L, '1006')
    L.ph['1006'].policy = 'busy'
    c = await L.ph['1005'].call('1006')
    await ended(c)
    await sleep(0.5)
    c = await L.ph['1005'].call('*40')
    await ended(c)
    L.ph['1006'].policy = A
    await L.ph['1006'].incoming()
    await talk_and_hang(d, 1)
    a = await up(L, '1005', 30)
    b = await up(L, '1006', 30)
    await talk_and_hang(b)
    await ended(a)


@scenario('ring-back-noanswer', {'1005': 'manual', '1006': 'noanswer'})
async def _(L):
    "1006 does not answer 1005, who gives up and asks to be rung back (*40); when 1006 has used its phone (999), 1005 is rung and does not answer either"
    c = await L.ph['1005'].call('1006')
    await L.ph['1006'].incoming()
    await sleep(2)
    c.cancel()
    await ended(c)
    await sleep(0.5)
    c = await L.ph['1005'].call('*40')
    await ended(c)
    await sleep(0.5)
    L.ph['1005'].policy = 'noanswer'
    d = await L.ph['1006'].call('999')
    await d.wait_up()
    await talk_and_hang(d, 1)
    r = await L.ph['1005'].incoming(30)
    await ended(r, t=60)
