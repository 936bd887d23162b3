"""Call scenarios for `up --dialplan distro`: one road of a call crossing another."""
import asyncio
from labcall import scenario
from scenarios_distro import talk_and_hang
from scenarios_distro_chains import up, code, second_line, complete, blind, park, click
from scenarios_distro_further import caller, served, ended

sleep = asyncio.sleep
A = 'answer=1.0'


@scenario('queue-hunt-park-outside', {'1001': A, '1002': 'busy', '1004': 'answer=0.7', '1003': 'manual', '991003+13': 'noanswer'}, media=True)
async def _(L):
    "queue call; 1001 asks hunt group 601 on a second line (itself busy, 1002 busy, 1004 answers) and transfers; 1004 parks; 1003 fetches and sends the caller outside; the far end hangs up"
    c, a = await served(L, 50, 'Hunted And Parked')
    await sleep(1)
    L.ph['1001'].policy = 'busy'
    a2 = await second_line(L, a, '1001', '601')
    b = await up(L, '1004', 30)
    await sleep(1)
    await complete(a, a2, '601')
    await sleep(1)
    space = await park(L, b)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await sleep(2)
    L.trunk.policy = 'answer=1.5'
    await r.refer('9441632960077')
    t = await L.trunk.incoming(20)
    await t.wait_up()
    if r.state == 'up':
        await r.bye()
    await talk_and_hang(t)
    await ended(c)


@scenario('queue-timeout-mobile', {'1002': 'noanswer', '1005': 'noanswer'})
async def _(L):
    "queue 402 gives up after 4 s and goes to the follow-me of 1005, whose mobile answers; the caller hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551108', 51, 'Ended At A Mobile')
    t = await L.trunk.incoming(30)
    await t.wait_up()
    await talk_and_hang(c)


@scenario('click-hunt', {'1001': A, '1002': 'reject=603', '1004': A}, media=True)
async def _(L):
    "click-to-call through Local from 1001 to hunt group 601: its own second line is busy, 1002 declines, 1004 answers; 1004 hangs up"
    await click(L, '1001', '601', 'click-50')
    a = await up(L, '1001')
    L.ph['1001'].policy = 'busy'
    b = await up(L, '1004', 30)
    await talk_and_hang(b)
    await ended(a)


@scenario('click-queue', {'1001': A, '1003': 'noanswer', '991003+13': 'answer=1.5', '1002': 'noanswer'}, media=True)
async def _(L):
    "click-to-call through Local from 1001 to queue 401: the second device of 1003 answers; 1001 hangs up"
    await click(L, '1001', '401', 'click-51')
    a = await up(L, '1001')
    await up(L, '991003+13', 30)
    await talk_and_hang(a)


@scenario('click-followme', {'1001': A, '1005': 'noanswer'}, media=True)
async def _(L):
    "click-to-call through Local from 1001 to 1005, whose mobile answers; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    await click(L, '1001', '1005', 'click-52')
    a = await up(L, '1001')
    t = await L.trunk.incoming(30)
    await t.wait_up()
    await talk_and_hang(t)
    await ended(a)


@scenario('queue-blind-followme-confirm', {'1001': A, '1006': 'busy'}, media=True)
async def _(L):
    "queue call; 1001 sends the caller blind (REFER) to 1006, whose follow-me rings 1001 (busy) and a mobile, which presses 1; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    c, a = await served(L, 55, 'Sent To Follow')
    await sleep(1)
    L.ph['1001'].policy = 'busy'
    await blind(a, '1006')
    t = await L.trunk.incoming(30)
    await t.wait_up()
    await sleep(1)
    await t.dtmf('1')
    await talk_and_hang(t, 3)
    await ended(c)


@scenario('devices-picked-up', {'1003': 'noanswer', '991003+13': 'noanswer', '1002': 'noanswer', '1004': 'manual'}, media=True)
async def _(L):
    "queue 401 rings both devices of 1003 and 1002; 1004 takes the ring of 1003 with **1003 and hangs up"
    c = await caller(L, '5551101', 56, 'Two Devices Ring')
    await c.wait_up()
    await sleep(1.5)
    await c.dtmf('2')
    await L.ph['1003'].incoming(20)
    await sleep(1.5)
    p = await L.ph['1004'].call('**1003')
    await p.wait_up()
    await talk_and_hang(p)
    await ended(c)


@scenario('group-member-forwards-outside', {'1001': 'forward=9441632960055', '1002': 'noanswer'}, media=True)
async def _(L):
    "group 600: 1001 forwards to an outside number, 1002 rings, so does the group's outside number; one of the two outside answers; the caller hangs up"
    L.trunk.policy = 'noanswer'
    c = await caller(L, '5551102', 57, 'Two Mobiles')
    t1 = await L.trunk.incoming(20)
    t2 = await L.trunk.incoming(20)
    await sleep(1)
    t = t1 if '960055' in t1.invite.uri else t2
    await t.answer()
    await talk_and_hang(c)


@scenario('queue-hold-then-blind', {'1001': A, '1004': 'answer=1.5'}, media=True)
async def _(L):
    "queue call; 1001 holds and sends the caller blind (REFER) to 1004, who holds; the caller hangs up on hold"
    c, a = await served(L, 58, 'Held Twice')
    await sleep(1)
    await a.hold()
    await sleep(1)
    await blind(a, '1004')
    b = await up(L, '1004')
    await sleep(1)
    await b.hold()
    await talk_and_hang(c, 1.5)


@scenario('queue-park-comeback-busy', {'1001': A}, media=True)
async def _(L):
    "queue call; 1001 parks the caller, nobody comes, 1001 is busy when he comes back"
    c, a = await served(L, 59, 'Back To A Busy Phone')
    await sleep(1)
    await park(L, a)
    L.ph['1001'].policy = 'busy'
    await L.ph['1001'].incoming(30)
    await sleep(2)
    if c.state == 'up':
        await c.bye()


@scenario('queue-consult-caller-leaves', {'1001': A, '1004': 'answer=2.5'}, media=True)
async def _(L):
    "queue call; 1001 asks 1004 by *2; the caller hangs up while 1004 rings; whoever is left hangs up"
    c, a = await served(L, 60, 'Left While Asked')
    await sleep(1)
    await code(a, '*2', '1004')
    b = await L.ph['1004'].incoming(20)
    await sleep(1)
    await c.bye()
    await sleep(3)
    for d in (a, b):
        if d.state == 'up':
            await talk_and_hang(d, 0.5)


@scenario('queue-blond-picked-up', {'1001': A, '1004': 'noanswer', '1002': 'manual'}, media=True)
async def _(L):
    "queue call; 1001 calls 1004 on a second line and completes while it rings; 1002 takes the ring with **1004; 1002 hangs up"
    c, a = await served(L, 61, 'Blond Picked Up')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1004')
    await L.ph['1004'].incoming(20)
    await sleep(1)
    await complete(a, a2, '1004')
    await sleep(0.7)
    p = await L.ph['1002'].call('**1004')
    await p.wait_up()
    await talk_and_hang(p)
    await ended(c)


@scenario('outbound-blind-group', {'1004': 'manual', '1001': 'noanswer', '1002': 'answer=1.5'}, media=True)
async def _(L):
    "1004 (recorded) calls out and sends the far end blind (REFER) to group 600: 1002 answers while the outside number rings; the far end hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1004'].call('9441632960077')
    t = await L.trunk.incoming()
    await c.wait_up()
    await sleep(1)
    L.trunk.policy = 'noanswer'
    await blind(c, '600')
    await up(L, '1002')
    await talk_and_hang(t)


@scenario('voicemail-forward', {'1004': 'manual', '1001': 'forward=1002', '1002': 'busy'}, media=True)
async def _(L):
    "1004 calls 1001, whose phone forwards to 1002, who is busy: whose voicemail answers is the dialplan's; 1004 hangs up in the greeting"
    c = await L.ph['1004'].call('1001')
    await c.wait_up(20)
    await talk_and_hang(c, 3)


@scenario('queue-recall-busy', {'1001': A, '1004': 'noanswer'}, media=True)
async def _(L):
    "queue call; 1001 asks 1004 by *2 and hangs up while it rings; nobody takes the caller, and 1001 is busy when it is rung again"
    c, a = await served(L, 62, 'Recalled In Vain')
    await sleep(1)
    await code(a, '*2', '1004')
    await L.ph['1004'].incoming(20)
    await sleep(1)
    L.ph['1001'].policy = 'busy'
    await a.bye()
    await sleep(12)
    if c.state == 'up':
        await c.bye()


@scenario('consult-code-taken', {'1001': A, '1004': 'noanswer', '1002': 'manual'}, media=True)
async def _(L):
    "queue call; 1001 asks 1004 by *2, 1002 takes that ring with **1004; 1001 hangs up; the caller hangs up"
    c, a = await served(L, 63, 'Taken While Asked')
    await sleep(1)
    await code(a, '*2', '1004')
    await L.ph['1004'].incoming(20)
    await sleep(1)
    p = await L.ph['1002'].call('**1004')
    await p.wait_up()
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(c)
