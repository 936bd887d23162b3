"""Call scenarios for `up --dialplan distro`: what seldom happens behind the Local channels of a distribution."""
import asyncio
from labcall import scenario
from scenarios_distro import talk_and_hang
from scenarios_distro_chains import up, code, second_line, complete, blind, park

sleep = asyncio.sleep
A = 'answer=1.0'


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329606%02d' % n, name=name)


async def served(L, n, name, ext='1001', did='5551100'):
    "a call that EXT answers: caller's and phone's side"
    c = await caller(L, did, n, name)
    return c, await up(L, ext)


async def ended(*calls, t=20):
    for d in calls:
        await d.wait_over(t)


# ------------------------------------------------------------- several contacts, several devices
@scenario('contacts-abandoned', {'1001': 'noanswer', '1001+30': 'busy'})
async def _(L):
    "a caller rings 1001: one of its phones is busy, the other rings; the caller gives up"
    c = await caller(L, '5551107', 1, 'Left Two Contacts')
    await L.ph['1001'].incoming()
    await sleep(2)
    c.cancel()
    await ended(c)


# ------------------------------------------------------------- asking by code
@scenario('consult-code-queue', {'1001': A, '1003': A, '991003+13': 'noanswer', '1002': 'noanswer'}, media=True)
async def _(L):
    "a direct caller; 1001 asks in queue 401 by *2, 1003 answers; 1001 hangs up; the caller hangs up"
    c, a = await served(L, 3, 'Asked In A Queue', did='5551107')
    await sleep(1)
    await code(a, '*2', '401')
    await up(L, '1003')
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(c, 2.5)


@scenario('consult-code-followme', {'1001': A, '1005': 'noanswer'}, media=True)
async def _(L):
    "1001 asks 1005 by *2, whose follow-me rings the mobile, which answers; 1001 hangs up; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    c, a = await served(L, 4, 'Asked A Follow-me', did='5551107')
    await sleep(1)
    await code(a, '*2', '1005')
    t = await L.trunk.incoming(20)
    await t.wait_up()
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(t, 2.5)
    await ended(c)


@scenario('consult-code-outside', {'1001': A}, media=True)
async def _(L):
    "queue call, 1001 asks an outside number by *2, which answers; 1001 hangs up; the caller hangs up"
    L.trunk.policy = A
    c, a = await served(L, 5, 'Asked Outside By Code')
    await sleep(1)
    await code(a, '*2', '9441632960066')
    t = await L.trunk.incoming(20)
    await t.wait_up()
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(c, 2.5)
    await ended(t)


@scenario('consult-code-mailbox', {'1001': A, '1004': 'noanswer'}, media=True)
async def _(L):
    "1001 asks 1004 by *2, who does not answer: 1001 is in 1004's mailbox, and hangs up: the caller has it, and hangs up"
    c, a = await served(L, 6, 'Asked A Mailbox By Code', did='5551107')
    await sleep(1)
    await code(a, '*2', '1004')
    await L.ph['1004'].incoming(20)
    await sleep(7)
    await a.bye()
    await talk_and_hang(c, 2.5)


# ------------------------------------------------------------- pickup
@scenario('pickup-group-number', {'1001': 'noanswer', '1002': 'noanswer', '1004': 'manual'}, media=True)
async def _(L):
    "group 600 rings, 1004 takes it with **600; the caller hangs up"
    L.trunk.policy = 'noanswer'
    c = await caller(L, '5551102', 7, 'Group Picked Up')
    await L.ph['1002'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('**600')
    await p.wait_up()
    await talk_and_hang(c)
    await ended(p)


@scenario('pickup-followme', {'1005': 'noanswer', '1004': 'manual'}, media=True)
async def _(L):
    "1005 rings by its follow-me, 1004 takes it with **1005 and hangs up"
    L.trunk.policy = 'noanswer'
    c = await caller(L, '5551105', 8, 'Follow-me Picked Up')
    await L.ph['1005'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('**1005')
    await p.wait_up()
    await talk_and_hang(p)
    await ended(c)


@scenario('pickup-consulted', {'1001': A, '1004': 'noanswer', '1002': 'manual'})
async def _(L):
    "queue call; 1001 calls 1004 on a second line, 1002 takes that ring with **1004; 1001 transfers; the caller hangs up"
    c, a = await served(L, 9, 'Picked Up And Passed')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1004')
    await L.ph['1004'].incoming()
    await sleep(1)
    p = await L.ph['1002'].call('**1004')
    await p.wait_up()
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '1004')
    await talk_and_hang(c)
    await ended(p)


# ------------------------------------------------------------- several hands
@scenario('queue-three-hands', {'1001': A, '1004': 'answer=0.7', '1003': 'answer=0.7'})
async def _(L):
    "queue call; 1001 asks 1004 and transfers; 1004 sends the caller blind to 1003, who parks him; 1001 takes him and hangs up"
    c, a = await served(L, 10, 'Through Three Hands')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1004')
    b = await up(L, '1004')
    await sleep(1)
    await complete(a, a2, '1004')
    await sleep(1)
    await blind(b, '1003')
    d = await up(L, '1003')
    await sleep(1)
    space = await park(L, d)
    r = await L.ph['1001'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2.5)
    await ended(c)


@scenario('queue-blind-code-group', {'1001': A, '1002': 'noanswer', '1003': 'manual'}, media=True)
async def _(L):
    "queue call; 1001 sends the caller to group 600 by ##: outside answers; the outside party hangs up"
    c, a = await served(L, 11, 'Sent To A Group')
    await sleep(1)
    L.ph['1001'].policy = 'noanswer'
    L.trunk.policy = 'answer=1.5'
    await code(a, '##', '600')
    t = await L.trunk.incoming(20)
    await t.wait_up()
    await talk_and_hang(t)
    await ended(c)


@scenario('queue-joined-two', {'1001': A})
async def _(L):
    "1001 has a queue caller on hold and answers a direct one; it joins the two; the queue caller hangs up"
    c1, a1 = await served(L, 12, 'Queued And Joined')
    await sleep(1)
    await a1.hold()
    c2 = await caller(L, '5551107', 13, 'Direct And Joined')
    a2 = await up(L, '1001')
    await sleep(1)
    await complete(a1, a2, '1001')
    await talk_and_hang(c1)
    await ended(c2)


# ------------------------------------------------------------- outside
@scenario('outbound-failover-cancelled', {'1001': 'manual', 'trunk-b': 'noanswer'})
async def _(L):
    "the first trunk is congested, the far end rings over the second; 1001 gives up"
    L.trunk.policy = 'reject=503'
    c = await L.ph['1001'].call('9441632960077')
    await L.trunk_b.incoming()
    await sleep(2)
    c.cancel()
    await ended(c)


@scenario('click-attended-code', {'1001': 'answer=0.7', '1002': 'answer=0.7'}, media=True)
async def _(L):
    "click-to-call through Local; 1001 asks 1002 by *2 and hangs up; the customer hangs up"
    L.trunk.policy = A
    await L.ami.action('Originate', {'Channel': 'Local/1001@from-internal', 'Context': 'from-internal', 'Exten': '9441632960078', 'Priority': '1',
                                     'CallerID': '"Jane Customer" <441632960078>', 'Timeout': '15000', 'Async': 'true'}, actionid='click-60')
    a = await up(L, '1001')
    t = await up(L, 'trunk')
    await sleep(1)
    await code(a, '*2', '1002')
    await up(L, '1002')
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(t, 2.5)


@scenario('ivr-group-hunt', {'1001': 'reject=603', '1002': 'noanswer', '1004': A}, media=True)
async def _(L):
    "the caller presses 3: hunt group 601: declined, no answer, 1004 answers and hangs up"
    c = await caller(L, '5551101', 15, 'Menu Hunter')
    await c.wait_up()
    await sleep(1)
    await c.dtmf('3')
    b = await up(L, '1004')
    await talk_and_hang(b)
    await ended(c)


# ------------------------------------------------------------- after a follow-me
@scenario('followme-sent-outside', {'1005': A})
async def _(L):
    "follow-me of 1005, whose desk phone answers and sends the caller (##) to an outside number, which answers and hangs up"
    c, a = await served(L, 60, 'Follow Then Outside', '1005', '5551105')
    await sleep(1)
    L.trunk.policy = A
    await code(a, '##', '9441632960075')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(c)
