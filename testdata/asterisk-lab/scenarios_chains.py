"""Call scenarios of the plain dialplan: calls that go through several hands, one thing after another."""
import asyncio
from labcall import scenario, ch
from scenarios import down_up
from scenarios_office import talk_and_hang, inbound, blind, consult, complete, channel, parked

sleep = asyncio.sleep


async def code(d, digits, number=None):
    "a feature code, and the number that it asks for"
    await d.dtmf(digits)
    if number:
        await sleep(2)
        await d.dtmf(number)


async def park(L, d):
    "REFER to 700; returns the slot"
    f = asyncio.ensure_future(parked(L))
    await d.refer('700')
    space = (await f)['ParkingSpace']
    await sleep(0.7)
    if d.state == 'up':
        await d.bye()
    return space


async def up(L, ext, t=20):
    "the next call of the phone, answered by its policy"
    d = await L.ph[ext].incoming(t)
    await d.wait_up(t)
    return d


async def outbound(L, ext='1001', number='9441632960077'):
    "a call out that the far end answers: phone's and far end's side"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph[ext].call(number)
    t = await L.trunk.incoming()
    await c.wait_up()
    return c, t


async def click(L, ext, exten, action, **more):
    f = {'Channel': ch(L, ext), 'Context': 'from-internal', 'Exten': exten, 'Priority': '1',
         'CallerID': '"Jane Customer" <441632960078>', 'Timeout': '10000', 'Async': 'true'}
    await L.ami.action('Originate', {**f, **more}, actionid=action)


def voicemail(L):
    return L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')


# ------------------------------------------------------------- two lines of one phone
@scenario('join-two-inbound', {'1001': 'answer=1.0'})
async def _(L):
    "1001 has two callers, holds the first, and joins them (REFER with Replaces); the first hangs up"
    c1, a1 = await inbound(L, '5551001', 60, 'First Caller')
    await sleep(1)
    await a1.hold()
    c2, a2 = await inbound(L, '5551001', 61, 'Second Caller')
    await sleep(1.5)
    await complete(a1, a2, '1001')
    await talk_and_hang(c1)
    await c2.wait_over()


@scenario('swap-lines', {'1001': 'answer=1.0'})
async def _(L):
    "1001 swaps between two callers; the second hangs up, then the first"
    c1, a1 = await inbound(L, '5551001', 62, 'Swap One')
    await sleep(1)
    await a1.hold()
    c2, a2 = await inbound(L, '5551001', 63, 'Swap Two')
    await sleep(1)
    await a2.hold()
    await a1.unhold()
    await sleep(1.2)
    await a1.hold()
    await a2.unhold()
    await talk_and_hang(c2, 1)
    await a1.unhold()
    await talk_and_hang(c1, 1)


@scenario('call-waiting-declined', {'1001': 'answer=1.0'})
async def _(L):
    "1001 talks and declines a second call"
    c1, a1 = await inbound(L, '5551001', 64, 'Served Caller')
    await sleep(1)
    L.ph['1001'].policy = 'reject=603'
    c2 = await L.trunk.call('5551001', cid='441632960165', name='Declined Caller')
    await c2.wait_over(20)
    await talk_and_hang(c1, 1)


@scenario('internal-then-consult-outside', {'1004': 'manual', '1001': 'answer=1.0'})
async def _(L):
    "1004 calls 1001; 1001 holds, asks outside on a second line, and joins both; the far end hangs up"
    L.trunk.policy = 'answer=1.0'
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    a2 = await consult(L, a, '1001', '9441632960077')
    t = await L.trunk.incoming()
    await a2.wait_up()
    await sleep(1.2)
    await complete(a, a2, '9441632960077')
    await talk_and_hang(t, 1.5)
    await c.wait_over()


# ------------------------------------------------------------- consultations
@scenario('consult-caller-leaves-dtmf', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "*2, 1001 talks with 1003; the caller, who waits, hangs up; 1003 hangs up"
    c, a = await inbound(L, '5551001', 66, 'Impatient Held')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await c.bye()
    await talk_and_hang(b, 1.5)
    await sleep(1)
    if a.state == 'up':
        await a.bye()


@scenario('consult-caller-leaves-refer', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "1001 holds, talks with 1003 on a second line; the caller hangs up; 1001 ends the second line"
    c, a = await inbound(L, '5551001', 67, 'Impatient Held')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1.2)
    await c.bye()
    await talk_and_hang(a2, 1.5)


@scenario('consult-twice', {'1001': 'answer=1.0', '1003': 'answer=0.7', '1002': 'answer=0.7'})
async def _(L):
    "1001 asks 1003, who does not want the call, then 1002, and transfers to 1002 (REFER with Replaces); the caller hangs up"
    c, a = await inbound(L, '5551001', 68, 'Asked Twice')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await b.bye()
    await a2.wait_over()
    await sleep(0.5)
    a3 = await L.ph['1001'].call('1002')
    await up(L, '1002')
    await sleep(1)
    await complete(a, a3, '1002')
    await talk_and_hang(c)


@scenario('consult-target-leaves-dtmf', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "*2, 1003 answers and hangs up again: 1001 has the caller back; 1001 hangs up"
    c, a = await inbound(L, '5551001', 69, 'Back Again')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await talk_and_hang(b, 1.2)
    await sleep(1.5)
    await a.bye()
    await c.wait_over()


@scenario('consult-noanswer-dtmf', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "*2, 1003 does not answer in 6 s: 1001 has the caller back; the caller hangs up"
    c, a = await inbound(L, '5551001', 70, 'Back From Ringing')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await L.ph['1003'].incoming(20)
    await b.wait_over(20)
    await talk_and_hang(c, 2)


@scenario('attended-transfer-caller-leaves-ringing', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "1001 completes with REFER and Replaces while 1003 still rings; the caller gives up"
    c, a = await inbound(L, '5551001', 71, 'Blond Abandoned')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await L.ph['1003'].incoming()
    await sleep(0.7)
    await complete(a, a2, '1003')
    await talk_and_hang(c, 1)


@scenario('attended-transfer-by-caller', {'1004': 'manual', '1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "1004 calls 1001, holds, calls 1003 on a second line and joins both (REFER with Replaces); 1003 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    c2 = await consult(L, c, '1004', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await complete(c, c2, '1003')
    await talk_and_hang(b)
    await a.wait_over()


@scenario('attended-transfer-by-caller-dtmf', {'1004': 'manual', '1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "the same with *2; 1001 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await code(c, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await c.bye()
    await talk_and_hang(a)
    await b.wait_over()


@scenario('attended-transfer-back', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "1001 transfers to 1003 after asking, 1003 asks 1001 and transfers back; the caller hangs up"
    c, a = await inbound(L, '5551001', 72, 'There And Back')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '1003')
    await sleep(0.7)
    b2 = await consult(L, b, '1003', '1001')
    await up(L, '1001')
    await sleep(1)
    await complete(b, b2, '1001')
    await talk_and_hang(c)


@scenario('attended-transfer-group', {'1001': 'answer=1.0', '1004': 'manual', '1002': 'answer=1.5'})
async def _(L):
    "1004 has an outside caller (parked for it), asks group 600, where 1002 answers, and transfers; 1002 hangs up"
    c, a = await inbound(L, '5551001', 73, 'To The Group')
    await sleep(0.7)
    space = await park(L, a)
    d = await L.ph['1004'].call(space)
    await d.wait_up()
    await sleep(2)
    L.ph['1001'].policy = 'noanswer'
    d2 = await consult(L, d, '1004', '600')
    b = await up(L, '1002')
    await sleep(1)
    await complete(d, d2, '600')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('attended-transfer-ami-noanswer', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "AMI action Atxfer to 1003, who does not answer: 1001 has the caller back; the caller hangs up"
    c, a = await inbound(L, '5551001', 74, 'Atxfer Back')
    await sleep(1)
    await L.ami.action('Atxfer', {'Channel': channel(L, '1001'), 'Exten': '1003', 'Context': 'from-internal'})
    b = await L.ph['1003'].incoming(20)
    await b.wait_over(20)
    await talk_and_hang(c, 2)


@scenario('threeway-caller-leaves', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "*2, talk with 1003, *3: all three; the caller leaves; 1001 and 1003 talk on; 1003 hangs up"
    c, a = await inbound(L, '5551001', 75, 'Three Then Two')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await a.dtmf('*3')
    await sleep(2)
    await c.bye()
    await sleep(1.5)
    if b.state == 'up':
        await b.bye()
    await sleep(0.5)
    if a.state == 'up':
        await a.bye()


# ------------------------------------------------------------- outbound, passed on
@scenario('outbound-attended-transfer', {'1001': 'manual', '1002': 'answer=0.7'})
async def _(L):
    "1001 dials out, holds the far end, asks 1002 and joins them (REFER with Replaces); the far end hangs up"
    c, t = await outbound(L)
    await sleep(1)
    c2 = await consult(L, c, '1001', '1002')
    await up(L, '1002')
    await sleep(1)
    await complete(c, c2, '1002')
    await talk_and_hang(t)


@scenario('outbound-attended-dtmf', {'1001': 'manual', '1002': 'answer=0.7'})
async def _(L):
    "the same with *2; 1002 hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await code(c, '*2', '1002')
    b = await up(L, '1002')
    await sleep(1.2)
    await c.bye()
    await talk_and_hang(b)
    await t.wait_over()


@scenario('outbound-transfer-queue', {'1001': 'manual', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "1001 dials out and sends the far end blind to queue sales: 1003 answers; the far end hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await blind(c, '501', L.ph['1003'])
    await talk_and_hang(t)


@scenario('outbound-park-retrieve', {'1001': 'manual', '1003': 'manual'})
async def _(L):
    "1001 dials out and parks the far end; 1003 retrieves; 1003 hangs up"
    c, t = await outbound(L)
    await sleep(1)
    space = await park(L, c)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2.5)
    await t.wait_over()


@scenario('outbound-consult-caller-leaves', {'1001': 'manual', '1002': 'answer=0.7'})
async def _(L):
    "1001 dials out, holds, asks 1002 on a second line; the far end hangs up meanwhile; 1002 hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await consult(L, c, '1001', '1002')
    b = await up(L, '1002')
    await sleep(1)
    await t.bye()
    await talk_and_hang(b, 1)


@scenario('outbound-two-joined', {'1001': 'manual'})
async def _(L):
    "1001 dials out twice and joins the two far ends (REFER with Replaces); the second hangs up"
    c, t = await outbound(L)
    await sleep(1)
    c2 = await consult(L, c, '1001', '9441632960066')
    t2 = await L.trunk.incoming()
    await c2.wait_up()
    await sleep(1)
    await complete(c, c2, '9441632960066')
    await talk_and_hang(t2)
    await t.wait_over()


@scenario('click-to-call-attended', {'1001': 'answer=0.7', '1002': 'answer=0.7'})
async def _(L):
    "click-to-call to a customer; 1001 asks 1002 and transfers (REFER with Replaces); the customer hangs up"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-20')
    a = await up(L, '1001')
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1)
    a2 = await consult(L, a, '1001', '1002')
    await up(L, '1002')
    await sleep(1)
    await complete(a, a2, '1002')
    await talk_and_hang(t)


@scenario('click-to-call-park', {'1001': 'answer=0.7', '1003': 'manual'})
async def _(L):
    "click-to-call to a customer; 1001 parks, 1003 retrieves; the customer hangs up"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-21')
    a = await up(L, '1001')
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1)
    space = await park(L, a)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(t, 2.5)


# ------------------------------------------------------------- blind transfers that fail, or are taken by others
@scenario('blind-transfer-pickup', {'1001': 'answer=1.0', '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 sends the caller blind to 1003, who rings; 1004 takes the call with *81003; the caller hangs up"
    c, a = await inbound(L, '5551001', 76, 'Taken On The Way')
    await sleep(1)
    await blind(a, '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81003')
    await p.wait_up()
    await talk_and_hang(c)


@scenario('blind-transfer-group-pickup', {'1001': 'answer=1.0', '1002': 'busy', '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 sends the caller blind to group 602: 1001 declines, 1002 is busy, 1003 rings; 1004 takes it with *8; 1004 hangs up"
    c, a = await inbound(L, '5551001', 77, 'Group Taken')
    await sleep(1)
    L.ph['1001'].policy = 'reject=603'
    await blind(a, '602')
    await L.ph['1003'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*8')
    await p.wait_up()
    await talk_and_hang(p)
    await c.wait_over()


@scenario('blind-transfer-unregistered', {'1001': 'answer=1.0'})
async def _(L):
    "1001 sends the caller blind to 1005, which has no phone"
    c, a = await inbound(L, '5551001', 78, 'To Nowhere')
    await sleep(1)
    await blind(a, '1005')
    await c.wait_over(20)


@scenario('blind-transfer-declined', {'1001': 'answer=1.0', '1003': 'reject=603'})
async def _(L):
    "1001 sends the caller blind (#1) to 1003, who declines"
    c, a = await inbound(L, '5551001', 79, 'Not Wanted')
    await sleep(1)
    await code(a, '#1', '1003')
    await c.wait_over(20)


@scenario('blind-transfer-announcement', {'1001': 'answer=1.0'})
async def _(L):
    "1001 sends the caller blind to an announcement (996); the caller hangs up in it"
    c, a = await inbound(L, '5551001', 80, 'Listen To This')
    await sleep(1)
    await blind(a, '996')
    await talk_and_hang(c)


@scenario('blind-transfer-to-slot', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "one caller is parked; 1002 sends another caller blind to the slot: the two callers talk; the parked one hangs up"
    c1, a = await inbound(L, '5551001', 81, 'Parked One')
    await sleep(0.7)
    space = await park(L, a)
    c2 = await L.trunk.call('5551001', cid='441632960182', name='Sent To Slot')
    a2 = await up(L, '1001')
    await sleep(1)
    await blind(a2, space)
    await talk_and_hang(c1, 3)
    await c2.wait_over()


@scenario('blind-transfer-dtmf-outside', {'1001': 'answer=1.0'})
async def _(L):
    "1001 sends the caller with #1 to an outside number that is busy"
    L.trunk.policy = 'busy'
    c, a = await inbound(L, '5551001', 83, 'Busy Outside')
    await sleep(1)
    await code(a, '#1', '9441632960077')
    await c.wait_over(20)


@scenario('blind-transfer-by-caller-dtmf', {'1004': 'manual', '1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "1004 calls 1001 and sends 1001 with #1 to 1003; 1001 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    await code(c, '#1', '1003')
    await up(L, '1003')
    await talk_and_hang(a)


@scenario('transfer-back-to-queue', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "queue call: 1001 holds, resumes, sends the caller back to the queue; 1001 declines there, 1002 answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 84, 'Back In Line')
    await sleep(0.7)
    await a.hold()
    await sleep(1)
    await a.unhold()
    await sleep(0.5)
    L.ph['1001'].policy = 'reject=603'
    await blind(a, '500', L.ph['1002'])
    await talk_and_hang(c)


# ------------------------------------------------------------- parking
@scenario('park-internal', {'1004': 'manual', '1001': 'answer=1.0', '1002': 'manual'})
async def _(L):
    "1004 calls 1001, who parks 1004; 1002 retrieves; 1004 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    space = await park(L, a)
    r = await L.ph['1002'].call(space)
    await r.wait_up()
    await talk_and_hang(c, 2.5)


@scenario('park-by-caller', {'1004': 'manual', '1001': 'answer=1.0', '1002': 'manual'})
async def _(L):
    "1004 calls 1001 and parks 1001 (#72); 1002 retrieves; 1002 hangs up"
    c = await L.ph['1004'].call('1001')
    a = await up(L, '1001')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await c.dtmf('#72')
    space = (await f)['ParkingSpace']
    await sleep(1)
    if c.state == 'up':
        await c.bye()
    r = await L.ph['1002'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2.5)
    await a.wait_over()


@scenario('park-comeback-transfer', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "1001 parks, nobody comes, it is rung again, answers and sends the caller blind to 1003; the caller hangs up"
    c, a = await inbound(L, '5551001', 85, 'Comes Back')
    await sleep(0.7)
    await park(L, a)
    a = await up(L, '1001', 30)
    await sleep(1)
    await blind(a, '1003', L.ph['1003'])
    await talk_and_hang(c)


@scenario('park-comeback-abandoned', {'1001': 'answer=1.0'})
async def _(L):
    "1001 parks, nobody comes, it is rung again; the caller gives up"
    c, a = await inbound(L, '5551001', 86, 'Comes Back Late')
    await sleep(0.7)
    L.ph['1001'].policy = 'noanswer'
    await park(L, a)
    await L.ph['1001'].incoming(30)
    await talk_and_hang(c, 2)


@scenario('park-comeback-pickup', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "1001 parks, nobody comes, it is rung again; 1004 takes the call with *8; 1004 hangs up"
    c, a = await inbound(L, '5551001', 87, 'Comes To Another')
    await sleep(0.7)
    L.ph['1001'].policy = 'noanswer'
    await park(L, a)
    await L.ph['1001'].incoming(30)
    await sleep(1)
    p = await L.ph['1004'].call('*8')
    await p.wait_up()
    await talk_and_hang(p)
    await c.wait_over()


@scenario('park-ami', {'1001': 'answer=1.0', '1003': 'manual'})
async def _(L):
    "AMI action Park; 1003 retrieves; the caller hangs up"
    c, a = await inbound(L, '5551001', 88, 'Parked By Action')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await L.ami.action('Park', {'Channel': channel(L, 'trunk'), 'TimeoutChannel': channel(L, '1001')})
    space = (await f)['ParkingSpace']
    await sleep(0.7)
    if a.state == 'up':
        await a.bye()
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(c, 2.5)


@scenario('park-then-attended', {'1001': 'answer=1.0', '1003': 'manual', '1002': 'answer=0.7'})
async def _(L):
    "queue call, 1001 parks, 1003 retrieves, asks 1002 and transfers (REFER with Replaces); 1002 hangs up"
    c, a = await inbound(L, '5551000', 89, 'Parked And Passed')
    await sleep(0.7)
    space = await park(L, a)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await sleep(2)
    r2 = await consult(L, r, '1003', '1002')
    b = await up(L, '1002')
    await sleep(1)
    await complete(r, r2, '1002')
    await talk_and_hang(b)
    await c.wait_over()


# ------------------------------------------------------------- queues
@scenario('queue-member-added', {'1003': 'answer=1.0'})
async def _(L):
    "a caller waits in a queue without members; 1003 is added, paused and unpaused, and answers; 1003 hangs up"
    m = {'Queue': 'dynamic', 'Interface': ch(L, '1003')}
    c = await L.trunk.call('5551009', cid='441632960190', name='Waits For Staff')
    await L.ami.wait('QueueCallerJoin', 15)
    await sleep(1)
    await L.ami.action('QueueAdd', {**m, 'MemberName': 'Carol Agent', 'StateInterface': ch(L, '1003'), 'Paused': 'true', 'Penalty': '2'})
    await sleep(1.5)
    await L.ami.action('QueuePause', {**m, 'Paused': 'false'})
    a = await up(L, '1003')
    await talk_and_hang(a)
    await c.wait_over()
    await L.ami.action('QueueRemove', m)


@scenario('queue-two-callers', {'1001': 'answer=1.0'})
async def _(L):
    "two more wait behind one who is served: the first of them gives up, the second is served by 1001 afterwards"
    c1, a1 = await inbound(L, '5551000', 91, 'Served First')
    L.ph['1001'].policy = 'noanswer'
    c2 = await L.trunk.call('5551000', cid='441632960192', name='Gives Up')
    await sleep(0.7)
    c3 = await L.trunk.call('5551000', cid='441632960193', name='Stays')
    await sleep(1.5)
    await c2.bye()
    await a1.bye()
    await c1.wait_over()
    L.ph['1001'].policy = 'answer=0.7'
    while not L.ph['1001'].inq.empty():
        L.ph['1001'].inq.get_nowait()
    a = await up(L, '1001')
    while a.state != 'up':
        a = await up(L, '1001')
    await talk_and_hang(c3)


@scenario('queue-attended-dtmf-plain', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "queue call, 1001 asks 1003 with *2 and hangs up; 1003 hangs up"
    c, a = await inbound(L, '5551000', 94, 'Queue Then Ask')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await a.bye()
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-attended-queue', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "queue call, 1001 asks in queue sales, 1003 answers there, transfer (REFER with Replaces); the caller hangs up"
    c, a = await inbound(L, '5551000', 95, 'Queue To Queue Asked')
    await sleep(1)
    a2 = await consult(L, a, '1001', '501')
    await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '501')
    await talk_and_hang(c)


@scenario('queue-forwarding-member', {'1001': 'forward=1004', '1004': 'answer=1.5'})
async def _(L):
    "a queue rings 1001, whose phone forwards to 1004, who answers and hangs up"
    c = await L.trunk.call('5551000', cid='441632960196', name='Forwarded Member')
    a = await up(L, '1004')
    await talk_and_hang(a)
    await c.wait_over()


@scenario('queue-caller-holds', {'1001': 'answer=1.0'})
async def _(L):
    "the outside caller holds and resumes; the caller hangs up"
    c, a = await inbound(L, '5551000', 97, 'Caller Holds')
    await sleep(1)
    await c.hold()
    await sleep(1.5)
    await c.unhold()
    await talk_and_hang(c, 1)


@scenario('queue-pickup-transfer', {'1001': 'noanswer', '1004': 'manual', '1003': 'answer=1.0'})
async def _(L):
    "queue call rings at 1001, 1004 takes it (*81001) and sends the caller blind to 1003, who hangs up"
    c = await L.trunk.call('5551000', cid='441632960198', name='Picked And Sent')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81001')
    await p.wait_up()
    await sleep(1)
    b = await blind(p, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-again-abandoned', {'1001': 'noanswer'})
async def _(L):
    "the queue is left by timeout and entered again; the caller gives up in the second visit"
    c = await L.trunk.call('5551010', cid='441632960199', name='Second Try')
    await L.ami.wait('QueueCallerJoin', 15)
    await L.ami.wait('QueueCallerJoin', 15)
    await talk_and_hang(c, 2)


@scenario('ivr-sales-abandoned', {'1003': 'noanswer', '1002': 'noanswer'})
async def _(L):
    "IVR, 2: queue sales rings two phones; the caller gives up"
    c = await L.trunk.call('5551003', cid='441632960200', name='Menu Then Gone')
    await c.wait_up()
    await sleep(1.2)
    await c.dtmf('2')
    await L.ph['1003'].incoming()
    await talk_and_hang(c)


@scenario('ivr-timeout-queue', {'1001': 'answer=1.0'}, media=True)
async def _(L):
    "the caller presses nothing in the menu and lands in queue support; 1001 answers and sends him blind to voicemail of 1003"
    c = await L.trunk.call('5551003', cid='441632960201', name='Presses Nothing')
    a = await up(L, '1001', 40)
    await sleep(1)
    await blind(a, '81003')  # no Newexten tells that VoiceMail() began there
    await talk_and_hang(c, 3)


@scenario('queue-local-blind', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "queue with Local members, 1001 sends the caller blind (REFER) to 1003; 1003 hangs up"
    c, a = await inbound(L, '5551007', 2, 'Local Blind')
    await sleep(1)
    b = await blind(a, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-local-attended', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "queue with Local members, 1001 asks 1003 on a second line and transfers (REFER with Replaces); the caller hangs up"
    c, a = await inbound(L, '5551007', 3, 'Local Attended')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


@scenario('queue-local-park-comeback', {'1001': 'answer=1.0'})
async def _(L):
    "queue with Local members, 1001 parks, nobody comes, it is rung again and answers; 1001 hangs up"
    c, a = await inbound(L, '5551007', 4, 'Local Park')
    await sleep(1)
    await park(L, a)
    a = await up(L, '1001', 30)
    await talk_and_hang(a)
    await c.wait_over()


@scenario('queue-local-pickup', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "queue with Local members rings 1001, 1004 takes the call with *81001; 1004 hangs up"
    c = await L.trunk.call('5551007', cid='441632960205', name='Local Pickup')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81001')
    await p.wait_up()
    await talk_and_hang(p)
    await c.wait_over()


@scenario('queue-threeway', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "queue call, *2 to 1003, *3: all three; 1003 leaves, then the caller"
    c, a = await inbound(L, '5551000', 6, 'Queue Three')
    await sleep(1)
    await code(a, '*2', '1003')
    b = await up(L, '1003')
    await sleep(1.2)
    await a.dtmf('*3')
    await sleep(2)
    await b.bye()
    await sleep(1.5)
    if c.state == 'up':
        await c.bye()


# ------------------------------------------------------------- forwarding
@scenario('forward-chain', {'1001': 'forward=1002', '1002': 'forward=1003', '1003': 'answer=1.0'})
async def _(L):
    "1001 forwards to 1002, 1002 to 1003, who answers and hangs up"
    c = await L.trunk.call('5551001', cid='441632960207', name='Chain')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('forward-busy', {'1001': 'forward=1003', '1003': 'busy'})
async def _(L):
    "1001 forwards to 1003, who is busy"
    c = await L.trunk.call('5551001', cid='441632960208', name='Forward Busy')
    await c.wait_over(20)


@scenario('forward-in-group', {'1001': 'forward=1004', '1002': 'noanswer', '1003': 'noanswer', '1004': 'answer=1.5'})
async def _(L):
    "group of three, 1001 forwards to 1004, who answers; 1004 hangs up"
    c = await L.trunk.call('5551013', cid='441632960209', name='Forward Group')
    b = await up(L, '1004')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('forward-voicemail', {'1001': 'forward=31003', '1003': 'noanswer'})
async def _(L):
    "1001 forwards to 31003: 1003 rings, then its voicemail; the caller hangs up"
    f = voicemail(L)
    c = await L.trunk.call('5551001', cid='441632960210', name='Forward Voicemail')
    await asyncio.wait_for(f, 20)
    await c.wait_up(10)
    await talk_and_hang(c, 3)


@scenario('forward-outside-abandoned', {'1004': 'manual', '1001': 'forward=9441632960066'})
async def _(L):
    "1004 calls 1001, who forwards outside, where it rings; 1004 gives up"
    L.trunk.policy = 'noanswer'
    c = await L.ph['1004'].call('1001')
    await L.trunk.incoming()
    await sleep(1.5)
    c.cancel()
    await c.wait_over()


# ------------------------------------------------------------- conferences
@scenario('conference-three', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "a trunk caller, 1001 and 1002 in conference board; 1002 is muted, 1001 leaves, the caller, 1002"
    c = await L.trunk.call('5551011', cid='441632960211', name='Room Guest')
    await c.wait_up()
    await sleep(0.7)
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await sleep(0.7)
    b = await L.ph['1002'].call('550')
    await b.wait_up()
    await sleep(1)
    await L.ami.action('ConfbridgeMute', {'Conference': 'board', 'Channel': channel(L, '1002')})
    for d in (a, c, b):
        await talk_and_hang(d, 1)


@scenario('conference-hold', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "1001 and 1002 in conference board, 1001 holds and resumes; both leave"
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    b = await L.ph['1002'].call('550')
    await b.wait_up()
    await sleep(1)
    await a.hold()
    await sleep(1)
    await a.unhold()
    await talk_and_hang(a, 1)
    await talk_and_hang(b, 0.7)


@scenario('conference-outbound', {'1001': 'manual', '1002': 'manual'})
async def _(L):
    "1002 is in conference board; 1001 dials out and sends the far end there (REFER), then joins; the far end leaves"
    m = await L.ph['1002'].call('550')
    await m.wait_up()
    c, t = await outbound(L)
    await sleep(1)
    await blind(c, '550')
    await sleep(0.7)
    a = await L.ph['1001'].call('550')
    await a.wait_up()
    await talk_and_hang(t)
    await talk_and_hang(a, 0.7)
    await talk_and_hang(m, 0.7)


@scenario('originate-conference', {'1001': 'answer=0.7', '1002': 'manual'})
async def _(L):
    "1002 waits in conference board; 1001 is brought in by a click-to-call to 550; 1001 leaves, then 1002"
    m = await L.ph['1002'].call('550')
    await m.wait_up()
    await sleep(0.7)
    await click(L, '1001', '550', 'click-22', CallerID='"Board" <550>')
    a = await up(L, '1001')
    await talk_and_hang(a, 2.5)
    await talk_and_hang(m, 0.7)


@scenario('originate-outside-conference', {'1002': 'manual'})
async def _(L):
    "1002 waits in conference board; an outside number is called through Local and brought in; it leaves, then 1002"
    L.trunk.policy = 'answer=1.0'
    m = await L.ph['1002'].call('550')
    await m.wait_up()
    await sleep(0.7)
    await click(L, '1001', '550', 'click-23', Channel='Local/9441632960078@from-internal/n', CallerID='"Board" <550>')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t, 2.5)
    await talk_and_hang(m, 0.7)


# ------------------------------------------------------------- pickup
@scenario('pickup-ringgroup', {'1001': 'noanswer', '1002': 'noanswer', '1004': 'manual'})
async def _(L):
    "group 600 rings two phones, 1004 takes the call with *8; the caller hangs up"
    c = await L.trunk.call('5551002', cid='441632960212', name='Group Pickup')
    await L.ph['1002'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*8')
    await p.wait_up()
    await talk_and_hang(c)


@scenario('pickup-nothing', {'1004': 'manual'})
async def _(L):
    "1004 dials *81001, where nothing rings"
    p = await L.ph['1004'].call('*81001')
    await p.wait_over(20)


@scenario('pickup-hold-attended', {'1001': 'noanswer', '1004': 'manual', '1002': 'answer=0.7'})
async def _(L):
    "1004 takes a call that rings at 1001, holds, asks 1002 and transfers (REFER with Replaces); the caller hangs up"
    c = await L.trunk.call('5551001', cid='441632960213', name='Picked And Passed')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*8')
    await p.wait_up()
    await sleep(1)
    p2 = await consult(L, p, '1004', '1002')
    await up(L, '1002')
    await sleep(1)
    await complete(p, p2, '1002')
    await talk_and_hang(c)


# ------------------------------------------------------------- originate, AMI
@scenario('originate-outside-first', {'1001': 'answer=1.0'})
async def _(L):
    "the customer's number is rung first, then 1001; 1001 hangs up"
    L.trunk.policy = 'answer=1.0'
    await click(L, 'trunk', '1001', 'click-24', Channel=ch(L, '441632960078@trunk') if L.tech == 'PJSIP' else 'SIP/trunk/441632960078')
    t = await L.trunk.incoming()
    await t.wait_up()
    a = await up(L, '1001')
    await talk_and_hang(a)
    await t.wait_over()


@scenario('originate-application', {'1001': 'answer=0.7'})
async def _(L):
    "1001 is rung and hears an announcement: no number was called"
    await L.ami.action('Originate', {'Channel': ch(L, '1001'), 'Application': 'Playback', 'Data': 'tt-monkeys',
                                     'CallerID': '"News" <555>', 'Timeout': '10000', 'Async': 'true'}, actionid='click-25')
    a = await up(L, '1001')
    await talk_and_hang(a)


@scenario('originate-declined', {'1001': 'reject=603'})
async def _(L):
    "click-to-call, 1001 declines it"
    f = L.ami.expect(lambda e: e.get('Event') == 'OriginateResponse')
    await click(L, '1001', '9441632960078', 'click-26')
    await asyncio.wait_for(f, 15)


@scenario('originate-voicemail-customer', {'1001': 'answer=0.7', '1003': 'noanswer'})
async def _(L):
    "click-to-call to a colleague with voicemail, who does not answer; 1001 leaves a message and hangs up"
    f = voicemail(L)
    await click(L, '1001', '31003', 'click-27', CallerID='"Carol" <31003>')
    a = await up(L, '1001')
    await asyncio.wait_for(f, 20)
    await talk_and_hang(a, 3)


@scenario('redirect-ringing-voicemail', {'1001': 'noanswer'})
async def _(L):
    "AMI Redirect sends a caller to voicemail while 1001 rings; the caller hangs up"
    c = await L.trunk.call('5551001', cid='441632960214', name='Sent To Voicemail')
    await L.ph['1001'].incoming()
    await sleep(1)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '81001', 'Priority': '1'})
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('ami-hangup-parked', {'1001': 'answer=1.0'})
async def _(L):
    "the AMI action Hangup takes a parked caller away"
    c, a = await inbound(L, '5551001', 15, 'Parked Then Removed')
    await sleep(0.7)
    await park(L, a)
    await sleep(0.7)
    await L.ami.action('Hangup', {'Channel': channel(L, 'trunk'), 'Cause': '16'})
    await c.wait_over()


@scenario('ami-hangup-queued', {'1001': 'noanswer'})
async def _(L):
    "the AMI action Hangup takes a waiting caller away"
    c = await L.trunk.call('5551000', cid='441632960216', name='Queued Then Removed')
    await L.ph['1001'].incoming()
    await sleep(1)
    await L.ami.action('Hangup', {'Channel': channel(L, 'trunk'), 'Cause': '16'})
    await c.wait_over()


# ------------------------------------------------------------- recordings
@scenario('recorded-transfer', {'1004': 'manual', '1001': 'answer=1.0', '1003': 'answer=1.0'}, media=True)
async def _(L):
    "1004 calls 41001 (recorded); 1001 sends the caller blind to 1003; 1003 hangs up"
    c = await L.ph['1004'].call('41001')
    a = await up(L, '1001')
    await sleep(1)
    b = await blind(a, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await c.wait_over()


@scenario('recorded-queue-attended', {'1001': 'answer=1.0', '1003': 'answer=0.7'}, media=True)
async def _(L):
    "recorded queue call; 1001 asks 1003 on a second line and transfers (REFER with Replaces); the caller hangs up"
    c, a = await inbound(L, '5551004', 17, 'Recorded Passed')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


# ------------------------------------------------------------- Asterisk stops
@scenario('sigkill-everywhere', {'1001': 'answer=1.0', '1002': 'manual', '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "one caller is parked, one waits in a queue, one is on hold at 1004, one alone in the conference; Asterisk is killed and started again"
    c1, a = await inbound(L, '5551001', 18, 'Killed Parked')
    await sleep(0.7)
    await park(L, a)
    c2 = await L.trunk.call('5551009', cid='441632960219', name='Killed Queued')
    await L.ami.wait('QueueCallerJoin', 15)
    d = await L.ph['1004'].call('1001')
    await up(L, '1001')
    await d.wait_up()
    await d.hold()
    m = await L.ph['1002'].call('550')
    await m.wait_up()
    await sleep(1)
    await down_up(L, ['kill'])
