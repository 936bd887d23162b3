"""Call scenarios for `up --dialplan distro` (see README.md)."""
import asyncio
from labcall import scenario

sleep = asyncio.sleep
# recorded by the user whose eventfilter drops VarSet, Newexten and RTCP (these calls have 700 to 1000 events otherwise)
FILTERED = dict(login=False)


async def talk_and_hang(d, t=2.0):
    await sleep(t)
    await d.bye()


@scenario('queue-answered', {'1001': 'answer=1.2', '1002': 'answer=1.2'})
async def _(L):
    "trunk -> queue 400 -> Local/1001@from-queue/n -> 1001 answers, hangs up"
    c = await L.trunk.call('5551100', cid='441632960001', name='Jane Caller')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(a, 2.5)
    await c.wait_over()


@scenario('queue-rna-second', {'1001': 'noanswer', '1002': 'answer=1.0'})
async def _(L):
    "1001 does not answer, 1002 does; the caller hangs up"
    c = await L.trunk.call('5551100', cid='441632960003', name='Patient')
    a = await L.ph['1002'].incoming(20)
    await a.wait_up()
    await talk_and_hang(c)


@scenario('queue-abandoned', {'1001': 'noanswer'})
async def _(L):
    "the caller hangs up while 1001 rings for the queue"
    c = await L.trunk.call('5551100', cid='441632960002', name='Impatient')
    await L.ph['1001'].incoming()
    await talk_and_hang(c, 2)


@scenario('queue-two-devices', {'1004': 'manual', '1003': 'noanswer', '991003+13': 'answer=1.5'}, media=True)
async def _(L):
    "1004 dials queue 401 (recorded); member 1003 rings on desk phone 1003 and browser 991003, the browser answers and hangs up"
    await L.ph['1004'].call('401')
    a = await L.ph['991003+13'].incoming()
    await a.wait_up()
    await talk_and_hang(a)


@scenario('ivr-queue-prefix', {'1003': 'answer=1.0', '1002': 'noanswer'}, media=True)
async def _(L):
    "trunk -> name prefix -> time condition -> IVR, digit 2 -> queue 401 (ringall, its own prefix, recorded) -> 1003 answers"
    c = await L.trunk.call('5551101', cid='441632960004', name='Menu User')
    await c.wait_up()
    await sleep(1.2)
    await c.dtmf('2')
    a = await L.ph['1003'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('group-ringall', {'1001': 'noanswer', '1002': 'answer=2.0'}, **FILTERED)
async def _(L):
    "ring group: two phones and an outside number (Local + trunk) ring, 1002 answers"
    await L.record('crmfilter', 'crmsecret')
    L.trunk.policy = 'noanswer'
    c = await L.trunk.call('5551102', cid='441632960007', name='Group Caller')
    a = await L.ph['1002'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('group-hunt', {'1001': 'noanswer', '1002': 'busy', '1004': 'answer=1.0'}, **FILTERED)
async def _(L):
    "hunt group: 1001 rings 3 s, 1002 is busy, 1004 answers"
    await L.record('crmfilter', 'crmsecret')
    c = await L.trunk.call('5551103', cid='441632960007', name='Group Caller')
    a = await L.ph['1004'].incoming(20)
    await a.wait_up()
    await talk_and_hang(a)


@scenario('followme-outside', {'1005': 'noanswer'}, media=True)
async def _(L):
    "follow-me of 1005: the desk phone rings, then also the mobile over the trunk, which answers; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    await L.trunk.call('5551105', cid='441632960031', name='Follow Me')
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await talk_and_hang(m)


@scenario('followme-desk', {'1005': 'manual'}, media=True)
async def _(L):
    "the same, the desk phone answers while the mobile rings"
    L.trunk.policy = 'noanswer'
    c = await L.trunk.call('5551105', cid='441632960031', name='Follow Me')
    a = await L.ph['1005'].incoming()
    await L.trunk.incoming(20)
    await sleep(1.5)
    await a.answer()
    await talk_and_hang(c)


@scenario('followme-confirm-desk', {'1006': 'manual', '1001': 'noanswer'}, media=True, **FILTERED)
async def _(L):
    "follow-me with confirmation: the mobile's mailbox answers and does not press 1, then the desk phone answers"
    await L.record('crmfilter', 'crmsecret')
    L.trunk.policy = 'answer=0.5'
    c = await L.trunk.call('5551106', cid='441632960032', name='Confirm Me')
    a = await L.ph['1006'].incoming()
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await sleep(2)
    await a.answer()
    await talk_and_hang(c)


@scenario('outbound-failover', {'1001': 'manual', 'trunk-b': 'answer=1.5'})
async def _(L):
    "1001 dials out: the first trunk says 503, the second one works; 1001 hangs up"
    L.trunk.policy = 'reject=503'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_up(20)
    await talk_and_hang(c)


@scenario('outbound-recorded', {'1004': 'manual'}, media=True)
async def _(L):
    "1004 (recorded extension) dials out, answered, the far end hangs up"
    L.trunk.policy = 'answer=1.5'
    await L.ph['1004'].call('9441632960076')
    a = await L.trunk.incoming()
    await a.wait_up()
    await talk_and_hang(a)


@scenario('internal-busy-voicemail', {'1004': 'manual', '1002': 'busy'})
async def _(L):
    "1004 calls 1002, busy, voicemail, a message is left"
    c = await L.ph['1004'].call('1002')
    await L.ami.wait('Newexten', 15, Application='VoiceMail')
    await c.wait_up(10)
    await talk_and_hang(c, 7)


@scenario('two-contacts', {'1004': 'manual', '1001': 'noanswer', '1001+30': 'answer=1.5'})
async def _(L):
    "1004 calls 1001, registered twice: two channels PJSIP/1001-.. ring, the second one answers"
    c = await L.ph['1004'].call('1001')
    a = await L.ph['1001+30'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('pickup-extension', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "trunk -> 1001 rings, 1004 takes the call with **1001; the caller hangs up"
    c = await L.trunk.call('5551107', cid='441632960044', name='Pick Me Up')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('**1001')
    await p.wait_up()
    await talk_and_hang(c)


@scenario('queue-blind-dtmf', {'1001': 'answer=1.0', '1004': 'answer=1.0'})
async def _(L):
    "queue call, the member transfers blind with ## to 1004 (what moves is the inner half of the Local pair)"
    c = await L.trunk.call('5551100', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.dtmf('##')
    await sleep(2.0)
    await a.dtmf('1004')
    b = await L.ph['1004'].incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('queue-attended-dtmf', {'1001': 'answer=1.0', '1004': 'answer=1.0'}, **FILTERED)
async def _(L):
    "queue call, the member consults 1004 with *2 and hangs up"
    await L.record('crmfilter', 'crmsecret')
    c = await L.trunk.call('5551100', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.dtmf('*2')
    await sleep(2.0)
    await a.dtmf('1004')
    b = await L.ph['1004'].incoming()
    await b.wait_up()
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(c)


@scenario('click-to-call', {'1001': 'answer=1.0'}, media=True)
async def _(L):
    "Originate Local/1001@from-internal to an outside number; answered; 1001 hangs up"
    L.trunk.policy = 'answer=1.5'
    await L.ami.action('Originate', [('Channel', 'Local/1001@from-internal'), ('Context', 'from-internal'), ('Exten', '9441632960078'),
                                     ('Priority', '1'), ('CallerID', 'Customer <441632960078>'), ('Timeout', '20000'), ('Async', 'true')], actionid='ctc-1')
    a = await L.ph['1001'].incoming()
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await talk_and_hang(a)


async def inbound(L, did, n, name, ext):
    "a trunk call that EXT answers: caller's and phone's side"
    c = await L.trunk.call(did, cid='4416329602%02d' % n, name=name)
    a = await L.ph[ext].incoming(20)
    await a.wait_up()
    return c, a


@scenario('queue-pickup', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "queue 400 rings 1001 behind its Local pair, 1004 takes the call with **1001; the caller hangs up"
    c = await L.trunk.call('5551100', cid='441632960201', name='Queue Pickup')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('**1001')
    await p.wait_up()
    await talk_and_hang(c)


@scenario('queue-timeout-followme', {'1002': 'noanswer', '1005': 'answer=1.0'})
async def _(L):
    "queue 402 gives up after 4 s and goes to the follow-me of 1005, whose desk phone answers and hangs up"
    c = await L.trunk.call('5551108', cid='441632960202', name='Queue Then Follow')
    a = await L.ph['1005'].incoming(20)
    await a.wait_up()
    await talk_and_hang(a)
    await c.wait_over()


@scenario('group-hunt-voicemail', {'1001': 'noanswer', '1002': 'busy', '1004': 'reject=603'})
async def _(L):
    "hunt group: 1001 does not answer, 1002 is busy, 1004 declines; voicemail"
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    c = await L.trunk.call('5551103', cid='441632960203', name='Hunt Voicemail')
    await asyncio.wait_for(f, 20)
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('group-outside-answers', {'1001': 'noanswer', '1002': 'noanswer'}, media=True)
async def _(L):
    "ring group: the outside number (Local + trunk) answers and hangs up"
    L.trunk.policy = 'answer=2.0'
    await L.trunk.call('5551102', cid='441632960204', name='Group Outside')
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await talk_and_hang(m)


@scenario('outbound-both-trunks-fail', {'1001': 'manual', 'trunk-b': 'reject=503'})
async def _(L):
    "1001 dials out, both trunks say 503"
    L.trunk.policy = 'reject=503'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_over()


@scenario('outbound-failover-busy', {'1001': 'manual', 'trunk-b': 'busy'})
async def _(L):
    "the first trunk says 503, through the second the number is busy"
    L.trunk.policy = 'reject=503'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_over()


@scenario('queue-park-retrieve', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "queue call, 1001 parks by REFER to 700 (what is parked is the inner half of the Local pair), 1004 retrieves and hangs up"
    c, a = await inbound(L, '5551100', 5, 'Queue Park', '1001')
    await sleep(1)
    f = L.ami.expect(lambda e: e.get('Event') == 'ParkedCall')
    await a.refer('700')
    p = await asyncio.wait_for(f, 10)
    await sleep(1)
    if a.state == 'up':
        await a.bye()
    r = await L.ph['1004'].call(p['ParkingSpace'])
    await r.wait_up()
    await talk_and_hang(r, 2.5)
    await c.wait_over()


@scenario('queue-blind-outside', {'1001': 'answer=1.0'})
async def _(L):
    "queue call, 1001 transfers with ## to an outside number; the caller hangs up"
    L.trunk.policy = 'answer=1.0'
    c, a = await inbound(L, '5551100', 6, 'Queue To Outside', '1001')
    await sleep(1)
    await a.dtmf('##')
    await sleep(2)
    await a.dtmf('9441632960077')
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await talk_and_hang(c)


@scenario('queue-attended-refer', {'1001': 'answer=1.0', '1004': 'answer=1.0'})
async def _(L):
    "queue call, 1001 holds, calls 1004 on a second line, REFER with Replaces; 1004 hangs up"
    c, a = await inbound(L, '5551100', 7, 'Queue Refer', '1001')
    await sleep(1)
    await a.hold()
    await sleep(0.5)
    a2 = await L.ph['1001'].call('1004')
    b = await L.ph['1004'].incoming()
    await a2.wait_up()
    await sleep(1.5)
    await a.refer('1004', a2)
    await sleep(0.7)
    for d in (a, a2):
        if d.state == 'up':
            await d.bye()
    await talk_and_hang(b, 1.5)
    await c.wait_over()


@scenario('queue-hold', {'1001': 'answer=1.0'})
async def _(L):
    "queue call behind a Local pair, 1001 holds and resumes; the caller hangs up"
    c, a = await inbound(L, '5551100', 8, 'Queue Hold', '1001')
    await sleep(1)
    await a.hold()
    await sleep(1.5)
    await a.unhold()
    await talk_and_hang(c, 1)


@scenario('hangup-code', {'1004': 'manual', '1001': 'answer=1.0'})
async def _(L):
    "1004 calls 1001, who hangs up with the feature code **"
    c = await L.ph['1004'].call('1001')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.5)
    await a.dtmf('**')
    await c.wait_over()


@scenario('followme-voicemail', {'1005': 'noanswer'})
async def _(L):
    "follow-me of 1005: neither desk phone nor mobile answers; voicemail"
    L.trunk.policy = 'noanswer'
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    c = await L.trunk.call('5551105', cid='441632960209', name='Nobody There')
    await asyncio.wait_for(f, 40)
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('followme-confirm-accepted', {'1006': 'noanswer', '1001': 'noanswer'}, media=True)
async def _(L):
    "follow-me with confirmation: the mobile answers and presses 1; the caller hangs up"
    L.trunk.policy = 'answer=0.5'
    c = await L.trunk.call('5551106', cid='441632960210', name='Confirmed')
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await sleep(1.5)
    await m.dtmf('1')
    await c.wait_up()
    await talk_and_hang(c)


@scenario('ivr-closed-queue', {'1002': 'answer=1.0'})
async def _(L):
    "IVR, digit 1: closed, announcement, queue 402; 1002 answers and hangs up"
    c = await L.trunk.call('5551101', cid='441632960211', name='After Hours')
    await c.wait_up()
    await sleep(1.2)
    await c.dtmf('1')
    a = await L.ph['1002'].incoming(20)
    await a.wait_up()
    await talk_and_hang(a)
    await c.wait_over()


@scenario('ivr-menu-abandoned', {})
async def _(L):
    "the caller hangs up in the menu"
    c = await L.trunk.call('5551101', cid='441632960212', name='Menu Leaver')
    await c.wait_up()
    await talk_and_hang(c)


@scenario('two-devices-one-busy', {'1004': 'manual', '1003': 'busy', '991003+13': 'answer=1.5'})
async def _(L):
    "1004 calls 1003: the desk phone is busy, the second device of the user answers; 1004 hangs up"
    c = await L.ph['1004'].call('1003')
    a = await L.ph['991003+13'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('extension-unregistered', {'1004': 'manual'})
async def _(L):
    "1004 calls 1002, which has no contact: nothing is dialled, voicemail"
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    c = await L.ph['1004'].call('1002')
    await asyncio.wait_for(f, 20)
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('click-to-call-noanswer', {'1001': 'noanswer'})
async def _(L):
    "Originate Local/1001@from-internal with a time limit of 3 s; 1001 does not answer"
    f = L.ami.expect(lambda e: e.get('Event') == 'OriginateResponse')
    await L.ami.action('Originate', [('Channel', 'Local/1001@from-internal'), ('Context', 'from-internal'), ('Exten', '9441632960078'),
                                     ('Priority', '1'), ('CallerID', 'Customer <441632960078>'), ('Timeout', '3000'), ('Async', 'true')], actionid='ctc-2')
    await asyncio.wait_for(f, 15)
    await sleep(1)


@scenario('click-to-call-voicemail', {'1001': 'noanswer'})
async def _(L):
    "the same without that limit: 1001's voicemail answers the click-to-call and the customer is dialled for it; the customer hangs up"
    L.trunk.policy = 'answer=1.0'
    await L.ami.action('Originate', [('Channel', 'Local/1001@from-internal/n'), ('Context', 'from-internal'), ('Exten', '9441632960078'),
                                     ('Priority', '1'), ('CallerID', 'Customer <441632960078>'), ('Timeout', '20000'), ('Async', 'true')], actionid='ctc-3')
    m = await L.trunk.incoming(20)
    await m.wait_up()
    await talk_and_hang(m)
