"""Call scenarios. Each one is a coroutine that gets the lab (see labcall.py)."""
import asyncio, os, subprocess
from labcall import SC, scenario, ch, AMI, Phone, env

sleep = asyncio.sleep
A2 = {'1001': 'answer=1.0', '1002': 'answer=1.0'}
TALK = 2.0


async def talk_and_hang(d, t=TALK):
    await sleep(t)
    await d.bye()


# ------------------------------------------------------------- queues
@scenario('inbound-queue-answered', {'1001': 'answer=1.2', '1002': 'answer=1.2'})
async def _(L):
    "(a) trunk -> queue -> first member answers -> the member hangs up"
    c = await L.trunk.call('5551000', cid='441632960001', name='Jane Caller')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(a, 2.5)
    await c.wait_over()


@scenario('inbound-queue-noanswer-app', {'1001': 'answer=1.2'})
async def _(L):
    "(a) as above but the dialplan does not Answer() before Queue()"
    c = await L.trunk.call('5551005', cid='441632960001', name='Jane Caller')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('inbound-queue-local-members', {'1001': 'answer=1.2', '1002': 'answer=1.2'})
async def _(L):
    "(a) queue whose members are Local/EXT@from-queue/n with hint state"
    c = await L.trunk.call('5551007', cid='441632960001', name='Jane Caller')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(a, 2.5)
    await c.wait_over()


@scenario('inbound-queue-local-rna', {'1001': 'noanswer', '1002': 'answer=1.0'})
async def _(L):
    "(c) Local members: the first does not answer, the second does"
    c = await L.trunk.call('5551007', cid='441632960001', name='Jane Caller')
    a = await L.ph['1002'].incoming(20)
    await a.wait_up()
    await talk_and_hang(c)


@scenario('inbound-queue-abandoned', {})
async def _(L):
    "(b) nobody available: the caller hears music and hangs up"
    c = await L.trunk.call('5551000', cid='441632960002', name='Impatient')
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('inbound-queue-abandoned-ringing', {'1001': 'noanswer', '1002': 'noanswer'})
async def _(L):
    "(b) the caller hangs up while a member is ringing"
    c = await L.trunk.call('5551000', cid='441632960002', name='Impatient')
    await L.ph['1001'].incoming()
    await talk_and_hang(c, 2)


@scenario('inbound-queue-rna-second-answers', {'1001': 'noanswer', '1002': 'answer=1.0'})
async def _(L):
    "(c) first member does not answer (RINGNOANSWER), the second does"
    c = await L.trunk.call('5551000', cid='441632960003', name='Patient')
    a = await L.ph['1002'].incoming(20)
    await a.wait_up()
    await talk_and_hang(c)


@scenario('inbound-queue-member-busy-declines', {'1001': 'busy', '1002': 'answer=1.0'})
async def _(L):
    "(c) first member sends 486 Busy, the second answers"
    c = await L.trunk.call('5551000', cid='441632960003', name='Patient')
    a = await L.ph['1002'].incoming(20)
    await a.wait_up()
    await talk_and_hang(c)


@scenario('inbound-queue-ringall', {'1002': 'noanswer', '1003': 'answer=1.5'})
async def _(L):
    "ringall queue: two members ring, one answers"
    c = await L.trunk.call('5551003', cid='441632960004', name='Menu User')
    await c.wait_up()
    await sleep(1)
    await c.dtmf('2')
    a = await L.ph['1003'].incoming()
    await a.wait_up()
    await talk_and_hang(a)


@scenario('inbound-ivr-queue', A2)
async def _(L):
    "IVR: Answer, Background, digit 1, queue, answered, the caller hangs up"
    c = await L.trunk.call('5551003', cid='441632960004', name='Menu User')
    await c.wait_up()
    await sleep(1.2)
    await c.dtmf('1')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('inbound-queue-timeout-overflow-voicemail', {})
async def _(L):
    "queue times out, overflow queue, voicemail; the caller hangs up there"
    c = await L.trunk.call('5551006', cid='441632960005', name='Long Waiter')
    await c.wait_up()
    await L.ami.wait('QueueCallerLeave', 15, Queue='support')
    await L.ami.wait('QueueCallerJoin', 15, Queue='sales')
    await L.ami.wait('Newexten', 45, Application='VoiceMail')
    await talk_and_hang(c, 2)


@scenario('inbound-queue-joinempty', {})
async def _(L):
    "queue refuses the caller (JOINEMPTY)"
    c = await L.trunk.call('5551008', cid='441632960005', name='Late Caller')
    await c.wait_over(20)


@scenario('internal-to-queue', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "an internal phone calls the queue; the queue dials the member; caller hangs up"
    c = await L.ph['1004'].call('500')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


# ------------------------------------------------------------- direct
@scenario('direct-answered', {'1001': 'manual', '1002': 'answer=1.0'})
async def _(L):
    "(d) 1001 calls 1002, answered, the called party hangs up"
    c = await L.ph['1001'].call('1002')
    a = await L.ph['1002'].incoming()
    await a.wait_up()
    await talk_and_hang(a)


@scenario('direct-noanswer', {'1001': 'manual', '1002': 'noanswer'})
async def _(L):
    "(e) 1002 rings until Dial times out"
    c = await L.ph['1001'].call('1002')
    await c.wait_over(20)


@scenario('direct-noanswer-voicemail', {'1001': 'manual', '1002': 'noanswer'})
async def _(L):
    "(e) no answer, voicemail, a message is left"
    c = await L.ph['1001'].call('31002')
    await L.ami.wait('Newexten', 15, Application='VoiceMail')
    await c.wait_up(10)
    await talk_and_hang(c, 9)


@scenario('direct-caller-cancels', {'1001': 'manual', '1002': 'noanswer'})
async def _(L):
    "(e) the caller gives up while it rings"
    c = await L.ph['1001'].call('1002')
    await L.ph['1002'].incoming()
    await sleep(1.5)
    c.cancel()
    await c.wait_over()


@scenario('direct-busy', {'1001': 'manual', '1002': 'busy'})
async def _(L):
    "(f) 486 Busy Here"
    c = await L.ph['1001'].call('1002')
    await c.wait_over(20)


@scenario('direct-declined', {'1001': 'manual', '1002': 'reject=603'})
async def _(L):
    "(f) 603 Decline"
    c = await L.ph['1001'].call('1002')
    await c.wait_over(20)


@scenario('direct-unregistered', {'1001': 'manual'})
async def _(L):
    "(f) the called phone is not registered (CHANUNAVAIL)"
    c = await L.ph['1001'].call('1003')
    await c.wait_over(20)


@scenario('direct-no-such-number', {'1001': 'manual'})
async def _(L):
    "number that is not in the dialplan"
    c = await L.ph['1001'].call('777123')
    await c.wait_over(20)


@scenario('inbound-did-direct', {'1001': 'answer=1.0'})
async def _(L):
    "trunk -> DID -> one phone, answered, caller hangs up"
    c = await L.trunk.call('5551001', cid='441632960006', name='Direct Dialler')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('outbound-trunk-answered', {'1001': 'manual'})
async def _(L):
    "1001 dials out through the trunk, answered, 1001 hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await L.ph['1001'].call('9441632960077')
    a = await L.trunk.incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('outbound-trunk-busy', {'1001': 'manual'})
async def _(L):
    "1001 dials out, the far end is busy"
    L.trunk.policy = 'busy'
    c = await L.ph['1001'].call('9441632960077')
    await c.wait_over(20)


@scenario('ringgroup-one-answers', {'1001': 'noanswer', '1002': 'answer=1.5'})
async def _(L):
    "(g) Dial of two phones, one answers, the other is cancelled"
    c = await L.trunk.call('5551002', cid='441632960007', name='Group Caller')
    a = await L.ph['1002'].incoming()
    await a.wait_up()
    await talk_and_hang(c)


@scenario('ringgroup-nobody', {'1001': 'noanswer', '1002': 'busy'})
async def _(L):
    "(g) one busy, the other does not answer"
    c = await L.trunk.call('5551002', cid='441632960007', name='Group Caller')
    await c.wait_over(20)


# ------------------------------------------------------------- transfers
@scenario('blind-transfer-refer', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(h) inbound call, 1001 answers and transfers blind to 1003 (SIP REFER)"
    c = await L.trunk.call('5551001', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.5)
    await a.refer('1003')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    if a.state == 'up':
        await a.bye()
    await talk_and_hang(c)


@scenario('blind-transfer-ami', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(h) the same through the AMI action BlindTransfer"
    c = await L.trunk.call('5551001', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    me = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, '1001'))][-1]['Channel']
    await L.ami.action('BlindTransfer', {'Channel': me, 'Context': 'from-internal', 'Exten': '1003'})
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(b)


@scenario('blind-transfer-ami-redirect', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(h) the same through the AMI action Redirect of the caller's channel (no transfer event)"
    c = await L.trunk.call('5551001', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    me = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, 'trunk'))][-1]['Channel']
    await L.ami.action('Redirect', {'Channel': me, 'Context': 'from-internal', 'Exten': '1003', 'Priority': '1'})
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(b)


@scenario('blind-transfer-dtmf', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(h) the same through the feature code #1"
    c = await L.trunk.call('5551001', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.dtmf('#1')
    await sleep(2.0)
    await a.dtmf('1003')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('blind-transfer-fails', {'1001': 'answer=1.0', '1003': 'busy'})
async def _(L):
    "(h) blind transfer to a busy phone"
    c = await L.trunk.call('5551001', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.refer('1003')
    await sleep(1)
    if a.state == 'up':
        await a.bye()
    await c.wait_over(20)


@scenario('queue-blind-transfer', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(h) queue call: the member transfers the caller blind to 1003"
    c = await L.trunk.call('5551000', cid='441632960008', name='Transfer Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.5)
    await a.refer('1003')
    b = await L.ph['1003'].incoming()
    await b.wait_up()
    if a.state == 'up':
        await a.bye()
    await talk_and_hang(c)


@scenario('attended-transfer-refer', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(i) 1001 holds the caller, calls 1003, then REFER with Replaces"
    c = await L.trunk.call('5551001', cid='441632960009', name='Consult Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.hold()
    a2 = await L.ph['1001'].call('1003')
    b = await L.ph['1003'].incoming()
    await a2.wait_up()
    await sleep(1.5)
    await a.refer('1003', a2)
    await sleep(1.0)
    for d in (a, a2):
        if d.state == 'up':
            await d.bye()
    await talk_and_hang(c, 1.5)


@scenario('attended-transfer-refer-early', {'1001': 'answer=1.0', '1003': 'answer=4.0'})
async def _(L):
    "(i) 1001 completes the transfer while 1003 is still ringing (semi-attended)"
    c = await L.trunk.call('5551001', cid='441632960009', name='Consult Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.hold()
    a2 = await L.ph['1001'].call('1003')
    b = await L.ph['1003'].incoming()
    await sleep(1.0)
    await a.refer('1003')
    await sleep(0.5)
    a2.cancel()
    if a.state == 'up':
        await a.bye()
    try:
        b = await L.ph['1003'].incoming(6)
        await b.wait_up()
        await sleep(1.5)
    except asyncio.TimeoutError:
        pass
    await c.bye()


@scenario('attended-transfer-ami', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(i) AMI action Atxfer, 1001 hangs up to complete"
    c = await L.trunk.call('5551001', cid='441632960009', name='Consult Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    me = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, '1001'))][-1]['Channel']
    await L.ami.action('Atxfer', {'Channel': me, 'Context': 'from-internal', 'Exten': '1003'})
    b = await L.ph['1003'].incoming(20)
    await b.wait_up()
    await sleep(2.0)
    await a.bye()
    await talk_and_hang(c)


@scenario('attended-transfer-dtmf', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(i) feature code *2, 1001 hangs up to complete"
    c = await L.trunk.call('5551001', cid='441632960009', name='Consult Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.dtmf('*2')
    await sleep(2.0)
    await a.dtmf('1003')
    b = await L.ph['1003'].incoming(20)
    await b.wait_up()
    await sleep(2.0)
    await a.bye()
    await talk_and_hang(c)


@scenario('attended-transfer-target-refuses', {'1001': 'answer=1.0', '1003': 'busy'})
async def _(L):
    "(i) *2 to a busy phone: 1001 gets the caller back"
    c = await L.trunk.call('5551001', cid='441632960009', name='Consult Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    await a.dtmf('*2')
    await sleep(2.0)
    await a.dtmf('1003')
    await sleep(7.0)
    await talk_and_hang(c, 1)


# ------------------------------------------------------------- originate
@scenario('originate-answered', {'1001': 'answer=1.0', '1002': 'answer=1.2'})
async def _(L):
    "(j) click-to-call: phone 1001 first, then 1002; Async originate with ActionID"
    f = L.ami.expect(lambda e: e.get('Event') == 'OriginateResponse')
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1'),
                                     ('CallerID', '"Click Call" <1002>'), ('Timeout', '10000'), ('Async', 'true'),
                                     ('Variable', 'CRM_CALL=c-1'), ('Variable', '__CRM_USER=alice')], actionid='click-1')
    await asyncio.wait_for(f, 15)
    b = await L.ph['1002'].incoming()
    await b.wait_up()
    await talk_and_hang(b)


@scenario('originate-trunk-answered', {'1001': 'answer=1.0'})
async def _(L):
    "(j) click-to-call to a customer through the trunk, the customer answers and hangs up"
    L.trunk.policy = 'answer=2.0'
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '9441632960078'), ('Priority', '1'),
                                     ('CallerID', '"Jane Customer" <441632960078>'), ('Timeout', '10000'), ('Async', 'true'),
                                     ('ChannelId', 'crm-%d-a' % os.getpid()), ('OtherChannelId', 'crm-%d-b' % os.getpid())], actionid='click-2')
    b = await L.trunk.incoming()
    await b.wait_up()
    await talk_and_hang(b)


@scenario('originate-agent-noanswer', {'1001': 'noanswer'})
async def _(L):
    "(j) failure: the user's own phone is not answered"
    f = L.ami.expect(lambda e: e.get('Event') == 'OriginateResponse')
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1'),
                                     ('Timeout', '3000'), ('Async', 'true')], actionid='click-3')
    await asyncio.wait_for(f, 15)


@scenario('originate-agent-busy', {'1001': 'busy'})
async def _(L):
    "(j) failure: the user's own phone is busy; also a synchronous Originate"
    f = L.ami.expect(lambda e: e.get('Event') == 'OriginateResponse')
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1'),
                                     ('Timeout', '3000'), ('Async', 'true')], actionid='click-4')
    await asyncio.wait_for(f, 15)
    await sleep(0.5)
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1'),
                                     ('Timeout', '3000')], actionid='click-5')


@scenario('originate-customer-noanswer', {'1001': 'answer=1.0'})
async def _(L):
    "(j) 1001 answers, the customer does not: OriginateResponse says Success all the same"
    L.trunk.policy = 'noanswer'
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '9441632960078'), ('Priority', '1'),
                                     ('CallerID', '"Jane Customer" <441632960078>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-6')
    await L.trunk.incoming()
    a = list(L.ph['1001'].dialogs.values())[0]
    await talk_and_hang(a, 3)


@scenario('originate-customer-busy', {'1001': 'answer=1.0'})
async def _(L):
    "(j) 1001 answers, the customer is busy"
    L.trunk.policy = 'busy'
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '9441632960078'), ('Priority', '1'),
                                     ('CallerID', '"Jane Customer" <441632960078>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-7')
    await L.trunk.incoming()
    await sleep(2)


@scenario('originate-local', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "(j) click-to-call over Local/1001@from-internal/n"
    await L.ami.action('Originate', [('Channel', 'Local/1001@from-internal/n'), ('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1'),
                                     ('CallerID', '"Click Call" <1002>'), ('Timeout', '10000'), ('Async', 'true')], actionid='click-8')
    b = await L.ph['1002'].incoming()
    await b.wait_up()
    await talk_and_hang(b)


@scenario('originate-errors', {'1001': 'answer=1.0'})
async def _(L):
    "(j) refused actions: missing channel, bad exten, unknown tech, unknown action, no such channel"
    await L.ami.action('Originate', [('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1')], actionid='bad-1')
    await L.ami.action('Originate', [('Channel', ch(L, '1001')), ('Context', 'from-internal'), ('Exten', '424242'), ('Priority', '1'), ('Async', 'true')], actionid='bad-2')
    await L.ami.action('Originate', [('Channel', 'NOTECH/1'), ('Context', 'from-internal'), ('Exten', '1002'), ('Priority', '1'), ('Async', 'true')], actionid='bad-3')
    await sleep(1)
    await L.ami.action('NoSuchAction', actionid='bad-4')
    await L.ami.action('Hangup', {'Channel': ch(L, '1001') + '-00999999'}, actionid='bad-5')
    await L.ami.action('Redirect', {'Channel': 'x', 'Context': 'from-internal', 'Exten': '1002', 'Priority': '1'}, actionid='bad-6')
    await L.ami.action('QueuePause', {'Interface': ch(L, '1009'), 'Paused': 'true'}, actionid='bad-7')
    await sleep(2)


# ------------------------------------------------------------- hold, park, others
@scenario('hold-unhold', {'1001': 'answer=1.0'})
async def _(L):
    "(k) the member puts the caller on hold twice"
    c = await L.trunk.call('5551001', cid='441632960010', name='Hold Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    for _ in range(2):
        await sleep(0.8)
        await a.hold()
        await sleep(1.5)
        await a.unhold()
    await talk_and_hang(c, 1)


@scenario('hold-hangup', {'1001': 'answer=1.0'})
async def _(L):
    "(k) the caller hangs up while on hold"
    c = await L.trunk.call('5551001', cid='441632960010', name='Hold Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(0.8)
    await a.hold()
    await talk_and_hang(c, 1.5)


@scenario('park-retrieve', {'1001': 'answer=1.0', '1003': 'manual'})
async def _(L):
    "(l) 1001 parks the caller (REFER to 700), 1003 retrieves from the slot"
    c = await L.trunk.call('5551001', cid='441632960011', name='Park Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    f = L.ami.expect(lambda e: e.get('Event') == 'ParkedCall')
    await a.refer('700')
    p = await asyncio.wait_for(f, 10)
    await sleep(1.0)
    if a.state == 'up':
        await a.bye()
    r = await L.ph['1003'].call(p['ParkingSpace'])
    await r.wait_up()
    await talk_and_hang(r, 3)
    await c.wait_over()


@scenario('park-timeout-comeback', {'1001': 'answer=1.0'})
async def _(L):
    "(l) parked call times out and comes back to 1001"
    c = await L.trunk.call('5551001', cid='441632960011', name='Park Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    f = L.ami.expect(lambda e: e.get('Event') == 'ParkedCall')
    await a.refer('700')
    await asyncio.wait_for(f, 10)
    await sleep(0.5)
    if a.state == 'up':
        await a.bye()
    b = await L.ph['1001'].incoming(20)
    await b.wait_up()
    await talk_and_hang(c)


@scenario('park-abandoned', {'1001': 'answer=1.0'})
async def _(L):
    "(l) AMI action Park; the parked caller gives up"
    c = await L.trunk.call('5551001', cid='441632960011', name='Park Me')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.0)
    chan = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, 'trunk'))][-1]['Channel']
    me = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, '1001'))][-1]['Channel']
    f = L.ami.expect(lambda e: e.get('Event') == 'ParkedCall')
    await L.ami.action('Park', {'Channel': chan, 'TimeoutChannel': me, 'Timeout': '20000'})
    await asyncio.wait_for(f, 10)
    await L.ami.action('ParkedCalls', until='ParkedCallsComplete')
    await talk_and_hang(c, 2)


@scenario('caller-hangs-up-midbridge', A2)
async def _(L):
    "(m) queue call, the caller hangs up while talking"
    c = await L.trunk.call('5551000', cid='441632960012', name='Caller Ends')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(c, 2.5)


@scenario('ami-hangup-midbridge', A2)
async def _(L):
    "(m) the AMI action Hangup ends the call"
    c = await L.trunk.call('5551001', cid='441632960012', name='Caller Ends')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1)
    chan = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, 'trunk'))][-1]['Channel']
    await L.ami.action('Hangup', {'Channel': chan, 'Cause': '16'})
    await c.wait_over()


@scenario('two-calls-interleaved', {'1001': 'answer=1.5', '1002': 'answer=1.0', '1003': 'manual', '1004': 'answer=0.7'})
async def _(L):
    "(n) two queue calls and one internal call at the same time"
    c1 = await L.trunk.call('5551000', cid='441632960013', name='First One')
    await sleep(0.3)
    c2 = await L.trunk.call('5551000', cid='441632960014', name='Second One')
    await sleep(0.2)
    c3 = await L.ph['1003'].call('1004')
    a1 = await L.ph['1001'].incoming()
    a2 = await L.ph['1002'].incoming(20)
    await a1.wait_up()
    await a2.wait_up()
    await sleep(1)
    await c1.bye()
    await sleep(0.7)
    await c3.bye()
    await sleep(0.7)
    await a2.bye()
    await c2.wait_over()


@scenario('busy-member-second-call-waits', {'1001': 'answer=0.8'})
async def _(L):
    "(n) one member, two callers: the second waits in the queue until the first is done"
    c1 = await L.trunk.call('5551000', cid='441632960013', name='First One')
    a1 = await L.ph['1001'].incoming()
    await a1.wait_up()
    c2 = await L.trunk.call('5551000', cid='441632960014', name='Second One')
    await sleep(3)
    await a1.bye()
    a2 = await L.ph['1001'].incoming(20)
    await a2.wait_up()
    await talk_and_hang(c2)


async def _load(L, n):
    uas = await Phone('load', int(env('LAB_SIP').split(':')[1]) + 60, 'answer=0.6').start()

    async def one(i):
        await sleep(i * 0.04)
        d = await L.trunk.call('5559000', cid='4416329610%02d' % i, name='Load %d' % i)
        if await d.wait_up(20):
            await sleep(4.0 + (i % 7) * 0.1)
            await d.bye()
    try:
        await asyncio.gather(*[one(i) for i in range(n)])
        await L.idle()
    finally:
        uas.close()


@scenario('load-50', {}, login=False, settle=2.0)
async def _(L):
    "(o) 50 concurrent trunk calls into queue 'load' (60 members on one user agent); VarSet, Newexten, RTCP filtered by the server (user crmfilter)"
    await L.record('crmfilter', 'crmsecret')
    await _load(L, 50)


@scenario('load-50-all', {}, settle=2.0)
async def _(L):
    "(o) the same with every event"
    await _load(L, 50)


@scenario('login-failures', {}, login=False)
async def _(L):
    "(p) wrong secret, unknown user, MD5 challenge (bad and good), wrong address, action before login, limited user"
    out = L.out
    stem = out[:-4] if out else None

    async def sess(tag, fn):
        a = await AMI('%s.%s.ami' % (stem, tag) if stem else None).connect()
        try:
            await fn(a)
            await sleep(0.5)
            if not a.closed.done():
                await a.close()
        except (asyncio.TimeoutError, ConnectionError):
            a.w.close()
    if stem:
        for f in os.listdir(os.path.dirname(os.path.abspath(stem))):
            if f.startswith(os.path.basename(stem) + '.') and f.split('.')[-1] in ('ami', 'sent', 'tim'):
                os.remove(os.path.join(os.path.dirname(os.path.abspath(stem)), f))
    await sess('bad-secret', lambda a: a.login('crm', 'wrong'))
    await sess('unknown-user', lambda a: a.login('nobody', 'x'))
    await sess('md5-bad', lambda a: a.login_md5('crm', 'wrong'))
    await sess('md5-good', lambda a: a.login_md5())
    await sess('acl', lambda a: a.login('crmacl', 'crmsecret'))
    await sess('before-login', lambda a: a.action('CoreStatus', t=3))

    async def limited(a):
        await a.login('crmlimited', 'limited')
        await a.action('Command', {'Command': 'core show version'})
        await a.action('QueueStatus')
        await a.action('CoreShowChannels')
        await a.action('SIPpeers')
        await sleep(0.5)
    await sess('limited-user', limited)

    async def off(a):
        await a.login(events='off')
        await a.action('Ping')
        await a.action('Events', {'EventMask': 'call,agent'})
        await a.action('Ping')
        await a.action('Events', {'EventMask': 'off'})
    await sess('events-off', off)
    L.ami = None


@scenario('limited-user-call', A2, login=False)
async def _(L):
    "the same queue call as seen by a user with read=call,agent"
    await L.record('crmlimited', 'limited')
    c = await L.trunk.call('5551000', cid='441632960001', name='Jane Caller')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(a)
    await c.wait_over()


async def _down_up(L, how):
    await L.trunk.call('5551001', cid='441632960015', name='Cut Off')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await sleep(1.5)
    await down_up(L, how)


async def down_up(L, how):
    "stop Asterisk by HOW, start it, connect and register again"
    lab = env('LAB_SCRIPT')
    p = await asyncio.create_subprocess_exec(lab, *how, '--instance', env('LAB_INSTANCE'))
    await p.wait()
    await asyncio.wait_for(asyncio.shield(L.ami.closed), 20)
    p = await asyncio.create_subprocess_exec(lab, 'restart', '--instance', env('LAB_INSTANCE'))
    # reconnect as early as the port opens: this shows what comes before FullyBooted
    for _ in range(300):
        try:
            L.ami.closed = asyncio.get_running_loop().create_future()
            await L.ami.connect()
            # a dying server may still accept the connection and never answer
            await asyncio.wait_for(L.ami.login(), 4)
            break
        except OSError:
            await sleep(0.02)
        except asyncio.TimeoutError:
            L.ami.w.close()
            await sleep(0.05)
    await p.wait()
    L.ctl = await AMI().connect()
    await L.ctl.login(events='off')
    for q in L.ph.values():
        for d in list(q.dialogs.values()):
            d.end()
        await q.register()
    for d in list(L.trunk.dialogs.values()):
        d.end()
    await sleep(1.5)


@scenario('shutdown-midcall', {'1001': 'answer=1.0'})
async def _(L):
    "(q) 'core stop now' during a call (Shutdown event), then start again"
    await _down_up(L, ['cli', 'core stop now'])


@scenario('sigterm-midcall', {'1001': 'answer=1.0'})
async def _(L):
    "(q) the process gets SIGTERM during a call (systemctl stop), then start again"
    await _down_up(L, ['down'])


@scenario('sigkill-midcall', {'1001': 'answer=1.0'})
async def _(L):
    "(q) the process is killed during a call (no Shutdown event), then start again"
    await _down_up(L, ['kill'])


@scenario('reloads', {'1001': 'answer=1.0'})
async def _(L):
    "(q) module reloads while a call is up: Reload events"
    c = await L.trunk.call('5551000', cid='441632960015', name='Through Reload')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    for m in ('app_queue.so', 'pbx_config.so', None):
        await L.ami.action('Reload', {'Module': m} if m else {})
        await sleep(0.5)
    await L.ami.action('Command', {'Command': 'dialplan reload'})
    await talk_and_hang(c, 1)


@scenario('queue-members', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "(r) add, pause (with reason), penalty, unpause, remove; a call to the dynamic member"
    i = ch(L, '1003')
    A = L.ami.action
    await A('QueueAdd', [('Queue', 'dynamic'), ('Interface', i), ('Penalty', '1'), ('Paused', 'false'), ('MemberName', 'Carol Agent'), ('StateInterface', i)])
    await A('QueueAdd', [('Queue', 'dynamic'), ('Interface', i)], actionid='again')
    await A('QueuePause', [('Queue', 'dynamic'), ('Interface', i), ('Paused', 'true'), ('Reason', 'Lunch')])
    await A('QueuePenalty', [('Queue', 'dynamic'), ('Interface', i), ('Penalty', '3')])
    await A('QueuePause', [('Interface', ch(L, '1001')), ('Paused', '1'), ('Reason', 'Pause in all queues')])
    await A('QueuePause', [('Interface', ch(L, '1001')), ('Paused', '0')])
    await A('QueuePause', [('Queue', 'dynamic'), ('Interface', i), ('Paused', 'false')])
    c = await L.trunk.call('5551009', cid='441632960016', name='Dynamic Caller')
    a = await L.ph['1003'].incoming()
    await a.wait_up()
    await sleep(1)
    # removed while still on the call
    await A('QueueRemove', [('Queue', 'dynamic'), ('Interface', i)])
    await A('QueueRemove', [('Queue', 'dynamic'), ('Interface', i)], actionid='again-2')
    await talk_and_hang(c, 1)


@scenario('queue-member-unregisters', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "(r) member phones register and unregister: QueueMemberStatus, DeviceStateChange, ContactStatus, PeerStatus"
    await sleep(0.3)
    await L.ph['1002'].register(0)
    await sleep(0.7)
    await L.ph['1002'].register()
    await sleep(0.7)
    await L.ph['1002'].register()
    await sleep(0.7)


@scenario('resync-replies', {'1001': 'answer=1.0', '1002': 'noanswer', '1003': 'manual', '1004': 'answer=0.5'})
async def _(L):
    "(s) replies to the actions used for a resync: one talking, one ringing, one waiting call"
    c1 = await L.trunk.call('5551000', cid='441632960017', name='Zoë O\'Neill')
    a1 = await L.ph['1001'].incoming()
    await a1.wait_up()
    c2 = await L.trunk.call('5551000', cid='441632960018', name='Waiting')
    c3 = await L.ph['1003'].call('1004')
    a4 = await L.ph['1004'].incoming()
    await a4.wait_up()
    await c2.wait_up()
    await sleep(0.7)
    A = L.ami.action
    await A('CoreShowChannels', until='CoreShowChannelsComplete', actionid='r-channels')
    await A('Status', until='StatusComplete', actionid='r-status')
    await A('Status', {'AllVariables': 'true'}, until='StatusComplete', actionid='r-status-all')
    await A('QueueStatus', until='QueueStatusComplete', actionid='r-queuestatus')
    await A('QueueStatus', {'Queue': 'support', 'Member': ch(L, '1001')}, until='QueueStatusComplete', actionid='r-queuestatus-one')
    await A('QueueSummary', until='QueueSummaryComplete', actionid='r-queuesummary')
    await A('BridgeList', until='BridgeListComplete', actionid='r-bridges')
    for e in list(L.ami.events):
        if e.get('Event') == 'BridgeListItem':
            await A('BridgeInfo', {'BridgeUniqueid': e['BridgeUniqueid']}, until='BridgeInfoComplete', actionid='r-bridgeinfo')
    await A('DeviceStateList', until='DeviceStateListComplete', actionid='r-devices')
    await A('ExtensionStateList', until='ExtensionStateListComplete', actionid='r-extens')
    await A('ExtensionState', {'Exten': '1001', 'Context': 'from-internal'}, actionid='r-exten-1001')
    await A('CoreStatus', actionid='r-corestatus')
    await A('CoreSettings', actionid='r-coresettings')
    await A('Ping', actionid='r-ping')
    await A('ListCommands', actionid='r-listcommands')
    await A('Command', {'Command': 'core show channels concise'}, actionid='r-cmd')
    await A('Command', {'Command': 'queue show support'}, actionid='r-cmd-2')
    await A('Command', {'Command': 'no such command'}, actionid='r-cmd-bad')
    await A('Getvar', {'Channel': [e for e in L.ami.events if e.get('Event') == 'CoreShowChannel'][0]['Channel'], 'Variable': 'QUEUENAME'}, actionid='r-getvar')
    await A('ParkedCalls', until='ParkedCallsComplete', actionid='r-parked')
    if L.tech == 'PJSIP':
        await A('PJSIPShowEndpoints', until='EndpointListComplete', actionid='r-endpoints')
        await A('PJSIPShowContacts', until='ContactListComplete', actionid='r-contacts')
    else:
        await A('SIPpeers', until='PeerlistComplete', actionid='r-peers')
        await A('SIPpeerstatus', until='SIPpeerstatusComplete', actionid='r-peerstatus')
    await c2.bye()
    await c3.bye()
    await c1.bye()


@scenario('callerid-odd', {'1001': 'answer=0.4,0.6'})
async def _(L):
    "(t) UTF-8, quotes, empty, anonymous, very long and hostile caller IDs"
    for cid, name in (('441632960020', 'Zoë Müller-Łukasz 日本'), ('+441632960021', 'Say "Hi" \\ there'), ('441632960022', ''),
                      ('441632960023', None), ('441632960024', "O'Brien, Sons & Co; <x> = y: z"),
                      ('441632960025', 'x' * 120), ('sales.desk', 'Alpha Number')):
        c = await L.trunk.call('5551001', cid=cid, name=name)
        await c.wait_over(15)
        await sleep(0.2)
    for frm in ('"Anonymous" <sip:anonymous@anonymous.invalid>', '<sip:127.0.0.1>', '"Private" <sip:%2B44163%2D2960026@127.0.0.1>'):
        c = await L.trunk.call('5551001', raw_from=frm)
        await c.wait_over(15)
        await sleep(0.2)
    c = await L.trunk.call('5551001', cid='441632960027', name='Secret One', headers=['Privacy: id', 'P-Asserted-Identity: "Real Name" <sip:441632960028@127.0.0.1>'])
    await c.wait_over(15)


@scenario('mixmonitor', {'1001': 'answer=1.0', '1003': 'manual'}, media=True)
async def _(L):
    "(u) recording from the dialplan, started before the queue; then one with AMI MixMonitor/StopMixMonitor"
    c = await L.trunk.call('5551004', cid='441632960029', name='Recorded')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    await talk_and_hang(c, 2)
    await sleep(2.5)
    c = await L.ph['1003'].call('1001')
    a = await L.ph['1001'].incoming()
    await a.wait_up()
    chan = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, '1003'))][-1]['Channel']
    await L.ami.action('MixMonitor', {'Channel': chan, 'File': 'ami-1.wav', 'Options': 'b'})
    await sleep(1)
    await L.ami.action('MixMonitorMute', {'Channel': chan, 'Direction': 'both', 'State': '1'})
    await sleep(0.5)
    await L.ami.action('MixMonitorMute', {'Channel': chan, 'Direction': 'both', 'State': '0'})
    await L.ami.action('StopMixMonitor', {'Channel': chan})
    await talk_and_hang(c, 1)


@scenario('mixmonitor-dial', {'1001': 'manual', '1002': 'answer=0.7'}, media=True)
async def _(L):
    "(u) MixMonitor(file,b) before Dial: recording bound to the bridge"
    c = await L.ph['1001'].call('41002')
    a = await L.ph['1002'].incoming()
    await a.wait_up()
    await talk_and_hang(c, 2)


@scenario('dtmf-userevent-varset', {'1001': 'manual', '1002': 'answer=0.5'})
async def _(L):
    "(v) UserEvent from the dialplan and the AMI, VarSet, DTMF during Read() and during a bridge"
    c = await L.ph['1001'].call('990')
    await c.wait_up()
    await sleep(1.2)
    await c.dtmf('12#', 100)
    await L.ami.action('UserEvent', [('UserEvent', 'CrmNote'), ('Note', 'naïve, "quoted"'), ('Empty', '')])
    await c.wait_over(15)
    c = await L.ph['1001'].call('1002')
    a = await L.ph['1002'].incoming()
    await a.wait_up()
    chan = [e for e in L.ami.events if e.get('Event') == 'Newchannel' and e['Channel'].startswith(ch(L, '1001'))][-1]['Channel']
    await L.ami.action('Setvar', {'Channel': chan, 'Variable': 'CRM_TICKET', 'Value': 'T-1'})
    await L.ami.action('Setvar', {'Channel': chan, 'Variable': 'CDR(userfield)', 'Value': 'ticket=T-1'})
    await sleep(0.5)
    await c.dtmf('5')
    await a.dtmf('9')
    await L.ami.action('PlayDTMF', {'Channel': chan, 'Digit': '7', 'Duration': '100'})
    await talk_and_hang(c, 1)


@scenario('conference', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "two phones and a trunk caller meet in ConfBridge"
    d = [await L.ph['1001'].call('550')]
    await sleep(0.7)
    d.append(await L.ph['1002'].call('550'))
    await sleep(0.7)
    d.append(await L.trunk.call('5551011', cid='441632960030', name='Conferee'))
    await sleep(1.5)
    for x in d:
        await x.bye()
        await sleep(0.5)


@scenario('idle-20s', {'1001': 'manual'}, settle=0.3)
async def _(L):
    "20 s without a call: only keep-alive style events (qualify)"
    await sleep(20)
