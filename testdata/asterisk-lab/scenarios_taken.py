"""Call scenarios of the plain dialplan: a call takes the place of another (INVITE with Replaces), and what who is called, or calls, from outside does with feature codes."""
import asyncio
from labcall import scenario
from scenarios_office import talk_and_hang, blind, consult, complete, channel
from scenarios_chains import code, park, up, outbound, click
from scenarios_crossed import ended, redirect

sleep = asyncio.sleep
A = 'answer=1.0'


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329608%02d' % n, name=name)


async def inbound(L, did, n, name, ext='1001', t=20):
    "a trunk call that EXT answers: caller's and phone's side"
    c = await caller(L, did, n, name)
    return c, await up(L, ext, t)


async def instead(p, d, **more):
    "a call of P that takes the place of D"
    n = await p.call(d.p.user, headers=[d.place(), 'Supported: replaces'], **more)
    await n.wait_up()
    return n


# ------------------------------------------------------------- in the place of a phone
@scenario('taken-ringing', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 rings; 1004 takes the place of that ring; the caller hangs up"
    c = await caller(L, '5551001', 0, 'Taken As It Rings')
    a = await L.ph['1001'].incoming()
    await sleep(1.5)
    await instead(L.ph['1004'], a)
    await talk_and_hang(c)


@scenario('taken-queue-ringing', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "a queue call rings at 1001; 1004 takes the place of that ring and hangs up"
    c = await caller(L, '5551000', 1, 'Taken From A Queue')
    a = await L.ph['1001'].incoming()
    await sleep(1.5)
    n = await instead(L.ph['1004'], a)
    await talk_and_hang(n)
    await ended(c)


@scenario('taken-group-ringing', {'1001': 'noanswer', '1002': 'noanswer', '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "group 602 rings three phones; 1004 takes the place of the ring of 1002, holds and resumes; the caller hangs up"
    c = await caller(L, '5551013', 2, 'Taken From A Group')
    b = await L.ph['1002'].incoming()
    await sleep(1.5)
    n = await instead(L.ph['1004'], b)
    await sleep(1)
    await n.hold()
    await sleep(1)
    await n.unhold()
    await talk_and_hang(c, 1)


@scenario('taken-talking', {'1001': A, '1004': 'manual'})
async def _(L):
    "1001 talks to a caller; 1004 takes its place; the caller hangs up"
    c, a = await inbound(L, '5551001', 3, 'Taken In Mid Call')
    await sleep(2)
    await instead(L.ph['1004'], a)
    await talk_and_hang(c)


@scenario('taken-queue-talking', {'1001': A, '1004': 'manual', '1003': A})
async def _(L):
    "1001 serves a queue caller and holds him; 1004 takes its place and sends him blind to 1003, who hangs up"
    c, a = await inbound(L, '5551000', 4, 'Taken And Sent On')
    await sleep(1)
    await a.hold()
    await sleep(1)
    n = await instead(L.ph['1004'], a)
    await sleep(1)
    b = await blind(n, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await ended(c)


@scenario('taken-by-own-device', {'1001': A})
async def _(L):
    "1001 talks to a caller and goes on with its other device, which takes the place of the first; 1001 hangs up there"
    c, a = await inbound(L, '5551001', 5, 'Taken Along')
    await sleep(2)
    n = await instead(await L.phone('1001+30', register=False), a)
    await talk_and_hang(n)
    await ended(c)


@scenario('taken-consulted', {'1001': A, '1003': 'answer=0.7', '1004': 'manual'})
async def _(L):
    "1001 asks 1003 on a second line; 1004 takes the place of 1003; 1001 transfers (REFER with Replaces) to who it got; the caller hangs up"
    c, a = await inbound(L, '5551001', 6, 'Asked And Taken')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await instead(L.ph['1004'], b)
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


# ------------------------------------------------------------- in the place of an outside party
@scenario('taken-caller', {'1001': A})
async def _(L):
    "a PBX at the other end of the trunk puts another of its people in the caller's place; 1001 hangs up"
    c, a = await inbound(L, '5551001', 7, 'First Of Two')
    await sleep(2)
    n = await instead(L.trunk, c, cid='441632960890', name='Second Of Two')
    await talk_and_hang(a)
    await ended(n)


@scenario('taken-far-end', {'1001': 'manual'})
async def _(L):
    "1001 called out; the far end's PBX puts another of its people in the far end's place, who hangs up"
    c, t = await outbound(L)
    await sleep(2)
    n = await instead(L.trunk, t, cid='441632960891', name='Another Far End')
    await talk_and_hang(n)
    await ended(c)


# ------------------------------------------------------------- feature codes of outside parties
@scenario('code-blind-by-caller', {'1001': A, '1002': A})
async def _(L):
    "the outside caller sends 1001 with #1 to another number of the PBX, where 1002 answers and hangs up"
    c, a = await inbound(L, '5551001', 10, 'Sends By Code')
    await sleep(1)
    await code(c, '#1', '5551033')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await ended(a)


@scenario('code-asked-by-caller', {'1001': A, '1002': 'answer=0.7'})
async def _(L):
    "the outside caller asks 1002 by *2 and hangs up, which leaves 1002 to 1001, who hangs up"
    c, a = await inbound(L, '5551001', 11, 'Asks By Code')
    await sleep(1)
    await code(c, '*2', '5551033')
    b = await up(L, '1002')
    await sleep(1)
    await c.bye()
    await talk_and_hang(a)
    await ended(b)


@scenario('code-parked-by-caller', {'1001': A, '1002': 'manual'})
async def _(L):
    "the outside caller parks 1001 with #72; 1002 fetches 1001 and hangs up"
    c, a = await inbound(L, '5551001', 12, 'Parks By Code')
    await sleep(1)
    f = asyncio.ensure_future(L.ami.wait('ParkedCall'))
    await c.dtmf('#72')
    space = (await f)['ParkingSpace']
    await sleep(1)
    r = await L.ph['1002'].call(space)
    await r.wait_up()
    await talk_and_hang(r)
    await ended(a)


@scenario('code-blind-by-far-end', {'1001': 'manual', '1002': A})
async def _(L):
    "1001 called out; the far end sends it with #1 to another number, where 1002 answers; 1001 hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await code(t, '#1', '5551033')
    await up(L, '1002')
    await talk_and_hang(c)


# ------------------------------------------------------------- consultations that cross something
@scenario('code-asked-forwarded', {'1001': A, '1003': 'forward=1004', '1004': A})
async def _(L):
    "1001 asks 1003 by *2, whose phone forwards to 1004, who answers; 1001 hangs up; 1004 hangs up"
    c, a = await inbound(L, '5551001', 20, 'Code And Forward')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1004')
    await sleep(1)
    await a.bye()
    await talk_and_hang(b)
    await ended(c)


@scenario('code-blond-group', {'1001': A, '1002': 'answer=3.0'})
async def _(L):
    "queue call; 1001 asks group 600 by *2 and hangs up while it rings, itself too; 1002 answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 21, 'Blond Code Group')
    await sleep(1)
    L.ph['1001'].policy = 'noanswer'
    await code(a, '*2', '600')
    b = await L.ph['1002'].incoming()
    await sleep(1)
    await a.bye()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('code-asked-outside-busy', {'1001': A})
async def _(L):
    "1001 asks an outside number by *2, which is busy: it has the caller again and hangs up"
    c, a = await inbound(L, '5551001', 22, 'Busy Outside')
    await sleep(1)
    L.trunk.policy = 'busy'
    await code(a, '*2', '9441632960077')
    await L.trunk.incoming()
    await sleep(3)
    await talk_and_hang(a)
    await ended(c)


@scenario('asked-who-asks', {'1001': A, '1003': 'answer=0.7', '1004': 'answer=0.7'})
async def _(L):
    "1001 asks 1003, who asks 1004 and transfers 1001 there (REFER with Replaces); 1001 then transfers the caller to who it got, who hangs up"
    c, a = await inbound(L, '5551001', 23, 'Asked In Turn')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    b2 = await consult(L, b, '1003', '1004')
    d = await up(L, '1004')
    await sleep(1)
    await complete(b, b2, '1004')
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(d)
    await ended(c)


@scenario('held-redirected', {'1001': A, '1003': A})
async def _(L):
    "queue call; 1001 holds; a supervisor redirects the caller to 1003, who answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 24, 'Taken Off Hold')
    await sleep(1)
    await a.hold()
    await sleep(1)
    await redirect(L, 'trunk', '1003')
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('asking-redirected', {'1001': A, '1003': 'answer=0.7', '1004': A})
async def _(L):
    "1001 talks with 1003 on a second line; a supervisor redirects the held caller to 1004, who answers; 1003 hangs up, then the caller"
    c, a = await inbound(L, '5551001', 25, 'Taken While Asking')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await redirect(L, 'trunk', '1004')
    await up(L, '1004')
    await sleep(1)
    await b.bye()
    await ended(a2)
    await talk_and_hang(c)


@scenario('code-asking-redirected', {'1001': A, '1003': 'answer=0.7', '1004': A})
async def _(L):
    "1001 talks with 1003 by *2; a supervisor redirects the caller to 1004, who answers and hangs up; whoever is left hangs up"
    c, a = await inbound(L, '5551001', 26, 'Taken By Code')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await redirect(L, 'trunk', '1004')
    d = await up(L, '1004')
    await talk_and_hang(d)
    await ended(c)
    await sleep(0.5)
    for x in (b, a):
        if x.state == 'up':
            await talk_and_hang(x, 0.5)


@scenario('second-line-picked-up', {'1001': A, '1004': 'manual'})
async def _(L):
    "1001 talks to a caller while a second one rings there; 1004 takes that ring with *81001; the second hangs up, then 1001"
    c, a = await inbound(L, '5551001', 27, 'Goes On Talking')
    await sleep(1)
    L.ph['1001'].policy = 'noanswer'
    c2 = await caller(L, '5551001', 28, 'Waits And Is Taken')
    await L.ph['1001'].incoming()
    await sleep(1)
    n = await L.ph['1004'].call('*81001')
    await n.wait_up()
    await talk_and_hang(c2)
    await talk_and_hang(a, 1)
    await ended(c)


@scenario('queue-agent-hung-up', {'1001': A})
async def _(L):
    "queue option c: the AMI action Hangup takes 1001 away, the caller goes on to a survey, to its end"
    c, a = await inbound(L, '5551030', 29, 'Agent Taken Away')
    await sleep(2)
    await L.ami.action('Hangup', {'Channel': channel(L, '1001'), 'Cause': '16'})
    await ended(c)


@scenario('both-ask', {'1004': 'manual', '1001': A, '1002': 'answer=0.7', '1003': 'answer=0.7'})
async def _(L):
    "1004 calls 1001, who holds and asks 1002; meanwhile 1004 holds, asks 1003 and transfers 1001's line to it; 1001 takes it back: it is 1003, who hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1002')
    await up(L, '1002')
    await sleep(1)
    c2 = await consult(L, c, '1004', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await complete(c, c2, '1003')
    await sleep(1)
    await a2.bye()
    await a.unhold()
    await talk_and_hang(b)
    await ended(a)


# ------------------------------------------------------------- places that are taken later on
@scenario('taken-comeback', {'1001': A, '1004': 'manual'})
async def _(L):
    "1001 parks the caller; when he comes back, 1004 takes the place of 1001's ring; the caller hangs up"
    c, a = await inbound(L, '5551001', 40, 'Taken Coming Back')
    await sleep(1)
    L.ph['1001'].policy = 'noanswer'
    await park(L, a)
    b = await L.ph['1001'].incoming(30)
    await sleep(1)
    await instead(L.ph['1004'], b)
    await talk_and_hang(c)


@scenario('taken-click', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "a click-to-call rings 1001; 1004 takes the place of that ring, which the Originate does not notice (pjsip: 1004 has nobody until its time is over) or does (chan_sip: 1004 gets the customer, who hangs up)"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-60')
    a = await L.ph['1001'].incoming()
    await sleep(1)
    n = await instead(L.ph['1004'], a)
    if L.tech == 'SIP':
        t = await L.trunk.incoming()
        await t.wait_up()
        await talk_and_hang(t)
    await ended(n)


@scenario('taken-asked-ringing', {'1001': A, '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 asks 1003, 1004 takes the place of that ring; 1001 transfers to whoever it got; the caller hangs up"
    c, a = await inbound(L, '5551001', 41, 'Asked And Taken Ringing')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await instead(L.ph['1004'], b)
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


@scenario('taken-while-asking', {'1001': A, '1003': 'answer=0.7', '1004': 'manual'})
async def _(L):
    "1001 talks with 1003 on a second line; 1004 takes its place with the caller, who was on hold; 1003 hangs up, then the caller"
    c, a = await inbound(L, '5551001', 42, 'Taken Meanwhile')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await instead(L.ph['1004'], a)
    await sleep(1)
    await b.bye()
    await ended(a2)
    await talk_and_hang(c)


@scenario('taken-twice', {'1001': A, '1004': 'manual', '1003': 'manual'})
async def _(L):
    "1004 takes 1001's place with a queue caller, and 1003 takes 1004's; 1003 hangs up"
    c, a = await inbound(L, '5551000', 43, 'Taken Twice')
    await sleep(2)
    n = await instead(L.ph['1004'], a)
    await sleep(1)
    m = await instead(L.ph['1003'], n)
    await talk_and_hang(m)
    await ended(c)


@scenario('code-blind-by-queue-caller', {'1001': A, '1002': A})
async def _(L):
    "the queue's caller sends 1001 with #1 to another number of the PBX, where 1002 answers and hangs up"
    c, a = await inbound(L, '5551000', 44, 'Sends The Agent')
    await sleep(1)
    await code(c, '#1', '5551033')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await ended(a)


# ------------------------------------------------------------- the party goes while somebody is asked
@scenario('blind-while-asking', {'1001': A, '1003': 'answer=0.7', '1004': A})
async def _(L):
    "1001 talks with 1003 on a second line and sends the held caller blind to 1004; 1003 hangs up, then the caller"
    c, a = await inbound(L, '5551001', 45, 'Sent While Asking')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await blind(a, '1004', L.ph['1004'])
    await b.bye()
    await ended(a2)
    await talk_and_hang(c)


@scenario('park-while-asking', {'1001': A, '1003': 'answer=0.7'})
async def _(L):
    "1001 talks with 1003 on a second line and parks the held caller; 1003 hangs up and fetches him; the caller hangs up"
    c, a = await inbound(L, '5551001', 46, 'Parked While Asking')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    space = await park(L, a)
    await b.bye()
    await ended(a2)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(c)


@scenario('joined-from-second-line', {'1001': A, '1003': 'answer=0.7'})
async def _(L):
    "1001 asks 1003 on a second line and transfers that to the first (REFER with Replaces, the other way round); the caller hangs up"
    c, a = await inbound(L, '5551001', 47, 'The Other Way Round')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await complete(a2, a, '5551001')
    await talk_and_hang(c)
