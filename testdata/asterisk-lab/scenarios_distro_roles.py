"""Call scenarios for `up --dialplan distro`: who called, or who was called outside, does what else the person at a desk does."""
import asyncio
from labcall import scenario
from scenarios_distro import talk_and_hang
from scenarios_distro_chains import up, code, park, click
from scenarios_distro_further import ended

sleep = asyncio.sleep
A = 'answer=1.0'


async def within(L, number, ext, t=1.0):
    "a call of 1004 to NUMBER, which EXT answers, and some talk"
    c = await L.ph['1004'].call(number)
    a = await up(L, ext)
    await c.wait_up()
    await sleep(t)
    return c, a


async def out(L, ext='1004', t=1.0):
    "a call of EXT out through the first trunk, which is answered, and some talk"
    L.trunk.policy = A
    c = await L.ph[ext].call('9441632960077')
    f = await up(L, 'trunk')
    await c.wait_up()
    await sleep(t)
    return c, f


@scenario('caller-sends-agent-code', {'1004': 'manual', '1001': A, '1003': A})
async def _(L):
    "1004 calls queue 400, which 1001 answers, and sends 1001 by ## to 1003; 1001 hangs up"
    c, a = await within(L, '400', '1001')
    await code(c, '##', '1003')
    b = await up(L, '1003')
    await talk_and_hang(a)
    await ended(b)


@scenario('outbound-code-recall', {'1003': 'manual', '1001': 'noanswer', '1002': 'busy'}, media=True)
async def _(L):
    "1003 calls out, asks group 600 by *2 and hangs up while it rings; nobody answers, so 1003 is rung again, and answers; the far end hangs up"
    c, t = await out(L, '1003')
    L.trunk.policy = 'noanswer'
    await code(c, '*2', '600')
    await L.ph['1001'].incoming(20)
    await sleep(1)
    L.ph['1003'].policy = A
    await c.bye()
    await up(L, '1003', 30)
    await talk_and_hang(t)


@scenario('click-failover-park', {'1001': 'answer=0.7', 'trunk-b': A})
async def _(L):
    "click-to-call through Local, by the second trunk; 1001 parks the customer, who comes back to 1001, which answers and hangs up"
    L.trunk.policy = 'reject=503'
    await click(L, '1001', '9441632960078', 'click-72')
    a = await up(L, '1001')
    t = await L.trunk_b.incoming()
    await t.wait_up()
    await sleep(1.5)
    await park(L, a)
    r = await up(L, '1001', 30)
    await talk_and_hang(r)
    await ended(t)
