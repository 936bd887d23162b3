"""Call scenarios of the plain dialplan: who called does with who is called what else happens the other way round, and who is alone on one line speaks on another."""
import asyncio
from labcall import scenario
from scenarios_office import talk_and_hang, blind, consult, complete
from scenarios_chains import code, park, up, click
from scenarios_crossed import ended
from scenarios_taken import instead

sleep = asyncio.sleep
A = 'answer=1.0'


async def internal(L, number='1001', t=1.0):
    "a call of 1004 to a phone, which answers, and some talk"
    c = await L.ph['1004'].call(number)
    a = await up(L, number)
    await c.wait_up()
    await sleep(t)
    return c, a


# ------------------------------------------------------------- who called sends on
@scenario('callee-sent-hangs-up', {'1004': 'manual', '1001': A, '1003': 'noanswer'})
async def _(L):
    "1004 calls 1001 and sends 1001 blind to 1003, where it rings; 1001 hangs up"
    c, a = await internal(L)
    b = asyncio.ensure_future(L.ph['1003'].incoming())
    await blind(c, '1003')
    b = await b
    await sleep(2)
    await a.bye()
    await ended(b)


@scenario('callee-sent-busy', {'1004': 'manual', '1001': A, '1003': 'busy'})
async def _(L):
    "1004 calls 1001 and sends 1001 blind to 1003, who is busy; the PBX gives up"
    c, a = await internal(L)
    await blind(c, '1003')
    await ended(a)


@scenario('callee-parked-leaves', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001 and parks 1001, who hangs up there"
    c, a = await internal(L)
    await park(L, c)
    await sleep(1.5)
    await a.bye()


@scenario('caller-blond-noanswer', {'1004': 'manual', '1001': A, '1003': 'noanswer'})
async def _(L):
    "1004 calls 1001, asks 1003 on a second line and joins them while it rings; nobody answers, the PBX gives up"
    c, a = await internal(L)
    c2 = await consult(L, c, '1004', '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    await complete(c, c2, '1003')
    await ended(a)


@scenario('caller-code-recall', {'1004': 'manual', '1001': A, '1003': 'noanswer'})
async def _(L):
    "1004 calls 1001, asks 1003 with *2 and hangs up while it rings; nobody answers, so the PBX rings 1004, which answers; 1001 hangs up"
    c, a = await internal(L)
    await code(c, '*2', '1003')
    await L.ph['1003'].incoming(20)
    await sleep(1)
    L.ph['1004'].policy = A
    await c.bye()
    r = await up(L, '1004', 30)
    await talk_and_hang(a)
    await ended(r)


# ------------------------------------------------------------- alone on one line
@scenario('room-line-joined', {'1003': 'manual', '1001': A, '1002': 'manual'})
async def _(L):
    "1003 is alone in the conference, asks 1001 on a second line and puts it there in its place; 1002 comes; 1001 leaves, then 1002"
    c = await L.ph['1003'].call('550')
    await c.wait_up()
    await sleep(1.5)
    c2 = await consult(L, c, '1003', '1001')
    a = await up(L, '1001')
    await sleep(1.5)
    await complete(c2, c, '550')
    await sleep(1.5)
    b = await L.ph['1002'].call('550')
    await b.wait_up()
    await talk_and_hang(a)
    await talk_and_hang(b, 1)


@scenario('queue-line-joined', {'1004': 'manual', '1001': A, '1003': 'answer=3.5', '1002': 'busy'})
async def _(L):
    "1004 waits in queue sales (502), asks 1001 on a second line and lets it wait in its place; 1003 answers; 1001 hangs up"
    L.ph['1003'].policy = 'noanswer'
    c = await L.ph['1004'].call('502')
    await c.wait_up()
    await sleep(1)
    c2 = await consult(L, c, '1004', '1001')
    a = await up(L, '1001')
    await sleep(1.5)
    L.ph['1003'].policy = A
    await complete(c2, c, '502')
    b = await L.ph['1003'].incoming(20)
    while b.state != 'up':
        b = await L.ph['1003'].incoming(20) if b.state == 'over' else b
        await sleep(0.1)
    await talk_and_hang(a)
    await ended(b)


@scenario('echo-line-joined', {'1001': A})
async def _(L):
    "1001 has a caller, asks at the echo (999) on a second line and joins them; the caller hangs up"
    c = await L.trunk.call('5551001', cid='441632961001', name='Joined With Echo')
    a = await up(L, '1001')
    await sleep(1)
    a2 = await consult(L, a, '1001', '999')
    await a2.wait_up()
    await sleep(1.2)
    await complete(a, a2, '999')
    await talk_and_hang(c)


@scenario('asked-sends-asker', {'1001': A, '1003': A, '1002': A})
async def _(L):
    "1001 asks 1003 with *2; the caller leaves; 1003 sends 1001 with #1 to 1002; 1001 hangs up"
    c = await L.trunk.call('5551001', cid='441632961002', name='Leaves Them Alone')
    a = await up(L, '1001')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await c.bye()
    await sleep(1.5)
    await code(b, '#1', '1002')
    d = await up(L, '1002')
    await talk_and_hang(a)
    await ended(d)


# ------------------------------------------------------------- in the place of who waits
@scenario('taken-dialling', {'1002': A, '1001': 'answer=3.0', '1003': 'manual'})
async def _(L):
    "a click calls 1002, then 1001; while it rings there 1003 takes the place of 1002; 1001 answers, and hangs up"
    await click(L, '1002', '1001', 'click-61')
    a = await up(L, '1002')
    b = await L.ph['1001'].incoming()
    await sleep(1)
    n = await instead(L.ph['1003'], a)
    await b.wait_up()
    await talk_and_hang(b)
    await ended(n)


@scenario('taken-queued', {'1004': 'manual', '1001': 'manual', '1003': 'answer=3.0', '1002': 'noanswer'})
async def _(L):
    "1004 waits in queue sales (502); while it rings there 1001 takes its place; 1003 answers; 1001 hangs up"
    c = await L.ph['1004'].call('502')
    await c.wait_up()
    b = await L.ph['1003'].incoming()
    await sleep(1)
    n = await instead(L.ph['1001'], c)
    await b.wait_up()
    await talk_and_hang(n)
    await ended(b)


# ------------------------------------------------------------- whom who called sends on, further
@scenario('callee-into-queue-leaves', {'1004': 'manual', '1001': A, '1003': 'noanswer', '1002': 'busy'})
async def _(L):
    "1004 calls 1001, asks in queue sales (502) on a second line and lets 1001 wait there in its place; 1001 hangs up"
    c, a = await internal(L)
    c2 = await consult(L, c, '1004', '502')
    await c2.wait_up()
    await sleep(1.2)
    await complete(c, c2, '502')
    await sleep(1)
    await a.bye()
    await sleep(0.5)


@scenario('callee-parked-comes-back', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001 and parks 1001; nobody fetches it, so it comes back to 1004, who answers; 1001 hangs up"
    c, a = await internal(L)
    await park(L, c)
    L.ph['1004'].policy = A
    r = await up(L, '1004', 30)
    await talk_and_hang(a)
    await ended(r)


@scenario('callee-sent-outside-busy', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001 and sends 1001 outside, where it is busy; the PBX gives up"
    L.trunk.policy = 'busy'
    c, a = await internal(L)
    await blind(c, '9441632960077')
    await ended(a)


@scenario('callee-sent-voicemail', {'1004': 'manual', '1001': A})
async def _(L):
    "1004 calls 1001 and sends 1001 to the voicemail of 1003, where 1001 speaks and hangs up"
    c, a = await internal(L)
    await blind(c, '81003')
    await sleep(4)
    await a.bye()
