"""Call scenarios for `up --dialplan distro`: calls that go through several hands, one thing after another."""
import asyncio
from labcall import scenario
from scenarios_distro import talk_and_hang, inbound

sleep = asyncio.sleep


async def up(L, ext, t=20):
    "the next call of the phone, answered by its policy"
    d = await (L.trunk if ext == 'trunk' else L.ph[ext]).incoming(t)
    await d.wait_up(t)
    return d


async def code(d, digits, number=None):
    "a feature code, and the number that it asks for"
    await d.dtmf(digits)
    if number:
        await sleep(2)
        await d.dtmf(number)


async def second_line(L, a, ext, number):
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


async def blind(a, number):
    await a.refer(number)
    await sleep(0.7)
    if a.state == 'up':
        await a.bye()


async def park(L, d):
    f = L.ami.expect(lambda e: e.get('Event') == 'ParkedCall')
    await d.refer('700')
    p = await asyncio.wait_for(f, 10)
    await sleep(0.7)
    if d.state == 'up':
        await d.bye()
    return p['ParkingSpace']


def voicemail(L):
    return L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')


async def click(L, ext, exten, action):
    await L.ami.action('Originate', {'Channel': 'Local/%s@from-internal' % ext, 'Context': 'from-internal', 'Exten': exten, 'Priority': '1',
                                     'CallerID': 'Customer <441632960078>', 'Timeout': '20000', 'Async': 'true'}, actionid=action)


@scenario('queue-consult-abort', {'1001': 'answer=1.0', '1004': 'answer=0.7'}, media=True)
async def _(L):
    "queue call, 1001 asks 1004 with *2, who hangs up: the caller has 1001 back; the caller hangs up"
    c, a = await inbound(L, '5551100', 20, 'Queue Asks', '1001')
    await sleep(1)
    await code(a, '*2', '1004')
    b = await up(L, '1004')
    await talk_and_hang(b, 1.2)
    await talk_and_hang(c, 2)


@scenario('queue-blind-queue', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "queue 400, 1001 sends the caller blind (REFER) to queue 401: 1003 answers and hangs up"
    c, a = await inbound(L, '5551100', 21, 'Queue To Queue', '1001')
    await sleep(1)
    await blind(a, '401')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-park-comeback', {'1001': 'answer=1.0'})
async def _(L):
    "queue call, 1001 parks, nobody comes, it is rung again and answers; the caller hangs up"
    c, a = await inbound(L, '5551100', 22, 'Queue Park Back', '1001')
    await sleep(1)
    await park(L, a)
    await up(L, '1001', 30)
    await talk_and_hang(c)


@scenario('queue-pickup-blind', {'1001': 'noanswer', '1004': 'manual', '1003': 'answer=1.0'})
async def _(L):
    "queue 400 rings 1001, 1004 takes the call with **1001 and sends the caller blind (REFER) to 1003; the caller hangs up"
    c = await L.trunk.call('5551100', cid='441632960223', name='Picked And Sent')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('**1001')
    await p.wait_up()
    await sleep(1)
    await blind(p, '1003')
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('queue-ringall-abandoned', {'1003': 'noanswer', '1002': 'busy', '991003+13': 'noanswer'})
async def _(L):
    "queue 401 (ringall): both devices of 1003 ring, 1002 is busy; the caller, an extension, gives up"
    await L.phone('1004')
    c = await L.ph['1004'].call('401')
    await L.ph['1003'].incoming()
    await talk_and_hang(c, 3)


@scenario('queue-voicemail', {'1001': 'noanswer', '1002': 'busy'})
async def _(L):
    "queue 400, 1001 does not answer and 1002 is busy, round after round, until the queue gives up: voicemail of 1001"
    f = voicemail(L)
    c = await L.trunk.call('5551100', cid='441632960224', name='Nobody Wants')
    await asyncio.wait_for(f, 45)
    await talk_and_hang(c, 3)


@scenario('queue-attended-followme', {'1001': 'answer=1.0', '1005': 'answer=1.0'})
async def _(L):
    "queue call, 1001 asks 1005 (follow-me) on a second line and transfers (REFER with Replaces); 1005 hangs up"
    L.trunk.policy = 'noanswer'
    c, a = await inbound(L, '5551100', 25, 'To Follow-Me', '1001')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1005')
    b = await up(L, '1005')
    await sleep(1)
    await complete(a, a2, '1005')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('blind-followme-mobile', {'1001': 'answer=1.0', '1005': 'noanswer'}, media=True)
async def _(L):
    "1001 sends the caller blind (##) to 1005, whose mobile answers; the caller hangs up"
    c, a = await inbound(L, '5551107', 26, 'To The Mobile', '1001')
    await sleep(1)
    L.trunk.policy = 'answer=1.0'
    await code(a, '##', '1005')
    await up(L, 'trunk', 30)
    await talk_and_hang(c)


@scenario('blind-group-outside', {'1004': 'manual', '1003': 'answer=1.0', '1001': 'noanswer', '1002': 'noanswer'}, media=True)
async def _(L):
    "1004 calls 1003, who sends 1004 blind (REFER) to group 600, where the outside number answers and hangs up"
    c = await L.ph['1004'].call('1003')
    a = await up(L, '1003')
    await sleep(1)
    L.trunk.policy = 'answer=2.0'
    await blind(a, '600')
    m = await up(L, 'trunk')
    await talk_and_hang(m)
    await c.wait_over()


@scenario('group-pickup-refused', {'1001': 'noanswer', '1002': 'noanswer', '1004': 'manual'})
async def _(L):
    "group 600 rings two phones and an outside number; 1004 dials **1001, which finds nothing to take; the group's time runs out"
    L.trunk.policy = 'noanswer'
    c = await L.trunk.call('5551102', cid='441632960227', name='Group Pickup')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('**1001')
    await p.wait_over()
    await c.wait_over()


@scenario('group-abandoned', {'1001': 'noanswer', '1002': 'reject=603'})
async def _(L):
    "group 600: 1001 and an outside number ring, 1002 declines; the caller gives up"
    L.trunk.policy = 'noanswer'
    c = await L.trunk.call('5551102', cid='441632960228', name='Group Abandoned')
    await L.ph['1001'].incoming()
    await sleep(2.5)
    c.cancel()
    await c.wait_over()


@scenario('followme-confirm-refused', {'1006': 'noanswer', '1001': 'noanswer'}, media=True)
async def _(L):
    "follow-me with confirmation: the mobile answers, presses 2 and hangs up; voicemail"
    L.trunk.policy = 'answer=0.5'
    f = voicemail(L)
    c = await L.trunk.call('5551106', cid='441632960229', name='Refused Mobile')
    m = await up(L, 'trunk')
    await sleep(1.5)
    await m.dtmf('2')
    await talk_and_hang(m, 1)
    await asyncio.wait_for(f, 40)
    await talk_and_hang(c, 3)


@scenario('followme-abandoned', {'1005': 'noanswer'})
async def _(L):
    "follow-me: desk phone and mobile ring; the caller gives up"
    L.trunk.policy = 'noanswer'
    c = await L.trunk.call('5551105', cid='441632960230', name='Follow Me Not')
    await L.trunk.incoming(20)
    await sleep(1.5)
    c.cancel()
    await c.wait_over()


@scenario('followme-internal-group-answers', {'1004': 'manual', '1006': 'busy', '1001': 'answer=1.0'})
async def _(L):
    "1004 calls 1006 (busy); after 2 s the list: 1001 answers; 1001 hangs up"
    L.trunk.policy = 'noanswer'
    c = await L.ph['1004'].call('1006')
    a = await up(L, '1001')
    await talk_and_hang(a)
    await c.wait_over()


@scenario('followme-then-blind', {'1005': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "follow-me, the desk phone answers and sends the caller blind (##) to 1002; 1002 hangs up"
    L.trunk.policy = 'noanswer'
    c, a = await inbound(L, '5551105', 31, 'Follow Then Sent', '1005')
    await sleep(1)
    await code(a, '##', '1002')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('internal-attended-dtmf', {'1004': 'manual', '1001': 'answer=1.0', '1002': 'answer=0.7'})
async def _(L):
    "1004 calls 1001, who asks 1002 with *2 and hangs up; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await code(a, '*2', '1002')
    await up(L, '1002')
    await sleep(1.2)
    await a.bye()
    await talk_and_hang(c)


@scenario('internal-blind-queue', {'1004': 'manual', '1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "1004 calls 1001, who sends 1004 blind (REFER) to queue 401; 1003 answers; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await blind(a, '401')
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('internal-voicemail-early', {'1004': 'manual', '1001': 'noanswer'})
async def _(L):
    "1004 calls 1001 and hangs up in the greeting of the voicemail"
    f = voicemail(L)
    c = await L.ph['1004'].call('1001')
    await asyncio.wait_for(f, 20)
    await c.wait_up()
    await talk_and_hang(c, 0.5)


@scenario('outbound-failover-attended-park', {'1001': 'manual', '1004': 'answer=0.7', '1002': 'manual', 'trunk-b': 'answer=1.0'})
async def _(L):
    "1001 dials out, the second trunk works; 1001 asks 1004 and transfers (REFER with Replaces); 1004 parks; 1002 retrieves; the far end hangs up"
    L.trunk.policy = 'reject=503'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_up(20)
    t = await L.trunk_b.incoming()
    await sleep(1)
    c2 = await second_line(L, c, '1001', '1004')
    b = await up(L, '1004')
    await sleep(1)
    await complete(c, c2, '1004')
    await sleep(1)
    space = await park(L, b)
    r = await L.ph['1002'].call(space)
    await r.wait_up()
    await talk_and_hang(t, 2.5)


@scenario('outbound-recorded-blind', {'1004': 'manual', '1002': 'answer=1.0'}, media=True)
async def _(L):
    "1004 (recorded) dials out and sends the far end blind (##) to 1002; the far end hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1004'].call('9441632960076')
    t = await up(L, 'trunk')
    await c.wait_up()
    await sleep(1)
    await code(c, '##', '1002')
    await up(L, '1002')
    await talk_and_hang(t)


@scenario('outbound-noanswer', {'1001': 'manual'})
async def _(L):
    "1001 dials out, the far end does not answer (20 s)"
    L.trunk.policy = 'noanswer'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_over(40)


@scenario('click-to-call-attended', {'1001': 'answer=0.7', '1002': 'answer=0.7'})
async def _(L):
    "click-to-call through Local, the customer answers; 1001 asks 1002 and transfers (REFER with Replaces); the customer hangs up"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'ctc-10')
    a = await up(L, '1001')
    m = await up(L, 'trunk')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1002')
    await up(L, '1002')
    await sleep(1)
    await complete(a, a2, '1002')
    await talk_and_hang(m)


@scenario('click-to-call-cancelled', {'1001': 'answer=0.7'})
async def _(L):
    "click-to-call through Local, the customer rings; 1001 gives up"
    L.trunk.policy = 'noanswer'
    await click(L, '1001', '9441632960078', 'ctc-11')
    a = await up(L, '1001')
    await L.trunk.incoming(20)
    await talk_and_hang(a)


@scenario('click-to-call-internal', {'1001': 'answer=0.7', '1003': 'noanswer', '991003+13': 'answer=1.0'}, media=True)
async def _(L):
    "click-to-call through Local from 1001 to 1003, whose second device answers; 1001 hangs up"
    await click(L, '1001', '1003', 'ctc-12')
    a = await up(L, '1001')
    await up(L, '991003+13')
    await talk_and_hang(a)


@scenario('two-contacts-declined', {'1004': 'manual', '1001': 'noanswer', '1001+30': 'reject=603'})
async def _(L):
    "1004 calls 1001, registered twice: one contact declines, the other rings; voicemail; 1004 hangs up"
    f = voicemail(L)
    c = await L.ph['1004'].call('1001')
    await asyncio.wait_for(f, 20)
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('hunt-third-transfers', {'1001': 'busy', '1002': 'reject=603', '1004': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "hunt group: 1001 busy, 1002 declines, 1004 answers, asks 1003 with *2 and hangs up; the caller hangs up"
    c, a = await inbound(L, '5551103', 32, 'Hunt And Passed', '1004')
    await sleep(1)
    await code(a, '*2', '1003')
    await up(L, '1003')
    await sleep(1.2)
    await a.bye()
    await talk_and_hang(c)
