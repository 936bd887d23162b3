"""Call scenarios for `up --dialplan distro`: a call takes the place of another (INVITE with Replaces) behind the Local channels of a distribution."""
import asyncio
from labcall import scenario
from scenarios_distro import talk_and_hang
from scenarios_distro_chains import up

sleep = asyncio.sleep
A = 'answer=1.0'


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329608%02d' % n, name=name)


async def instead(p, d):
    "a call of P that takes the place of D"
    n = await p.call(d.p.user, headers=[d.place(), 'Supported: replaces'])
    await n.wait_up()
    return n


@scenario('queue-ring-taken', {'1001': 'noanswer', '1004': 'manual'}, media=True)
async def _(L):
    "queue 400 rings 1001; 1004 takes the place of that ring; the caller hangs up"
    c = await caller(L, '5551100', 60, 'Ring Taken')
    a = await L.ph['1001'].incoming(20)
    await sleep(1.5)
    await instead(L.ph['1004'], a)
    await talk_and_hang(c)


@scenario('queue-talk-taken', {'1001': A, '1004': 'manual', '1003': A}, media=True)
async def _(L):
    "1001 serves a caller of queue 400; 1004 takes its place and sends him blind (REFER) to 1003, who hangs up"
    c = await caller(L, '5551100', 61, 'Talk Taken')
    a = await up(L, '1001')
    await sleep(2)
    n = await instead(L.ph['1004'], a)
    await sleep(1)
    await n.refer('1003')
    b = await up(L, '1003')
    if n.state == 'up':
        await n.bye()
    await talk_and_hang(b)
    await c.wait_over(20)


@scenario('followme-ring-taken', {'1005': 'noanswer', '1004': 'manual'}, media=True)
async def _(L):
    "the desk phone of the follow-me of 1005 rings; 1004 takes the place of that ring and hangs up"
    c = await caller(L, '5551105', 62, 'Follow Me Taken')
    a = await L.ph['1005'].incoming(20)
    await sleep(1.5)
    n = await instead(L.ph['1004'], a)
    await talk_and_hang(n)
    await c.wait_over(20)
