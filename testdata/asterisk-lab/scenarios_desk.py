"""Call scenarios of the plain dialplan: an ordinary day of agents and of those who answer the phone."""
import asyncio
from labcall import scenario, ch
from scenarios_office import talk_and_hang, blind, consult, complete, channel
from scenarios_chains import code, park, up, outbound, click

sleep = asyncio.sleep


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329603%02d' % n, name=name)


async def inbound(L, did, n, name, ext='1001', t=20):
    "a trunk call that EXT answers: caller's and phone's side"
    c = await caller(L, did, n, name)
    return c, await up(L, ext, t)


async def dial_code(L, ext, number):
    "a feature code that answers, plays a beep and hangs up"
    d = await L.ph[ext].call(number)
    await d.wait_up()
    await d.wait_over(10)


def member(L, queue, ext, **more):
    return {'Queue': queue, 'Interface': ch(L, ext), **more}


async def both(*calls, t=6):
    await asyncio.wait([asyncio.ensure_future(d.wait_up()) for d in calls], timeout=t)


# ------------------------------------------------------------- agents come, pause and go
@scenario('queue-login-code', {'1003': 'answer=1.0'})
async def _(L):
    "1003 logs into queue dynamic (*45), answers a call and hangs up, logs out (*46); a second caller then waits for nobody and gives up"
    await dial_code(L, '1003', '*45')
    c, a = await inbound(L, '5551009', 0, 'Served By Login', '1003')
    await talk_and_hang(a)
    await c.wait_over()
    await sleep(0.5)
    await dial_code(L, '1003', '*46')
    c = await caller(L, '5551009', 1, 'Too Late')
    await c.wait_up()
    await talk_and_hang(c, 2)


@scenario('queue-pause-code', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "1001 pauses (*47), so that 1002 gets the call and hangs up; 1001 comes back (*48) and gets the next"
    await dial_code(L, '1001', '*47')
    c, b = await inbound(L, '5551000', 2, 'Not For Alice', '1002')
    await talk_and_hang(b, 1.5)
    await c.wait_over()
    await dial_code(L, '1001', '*48')
    c, a = await inbound(L, '5551000', 3, 'For Alice Again')
    await talk_and_hang(c, 1.5)


@scenario('queue-paused-ringing', {'1001': 'noanswer', '1002': 'answer=1.0'})
async def _(L):
    "1001 is paused while it rings: it rings on until its time is over, then 1002 answers; the caller hangs up"
    c = await caller(L, '5551000', 4, 'Paused Meanwhile')
    await L.ph['1001'].incoming()
    await sleep(1)
    await L.ami.action('QueuePause', member(L, 'support', '1001', Paused='true', Reason='Lunch'))
    await up(L, '1002')
    await talk_and_hang(c, 1.5)
    await L.ami.action('QueuePause', member(L, 'support', '1001', Paused='false'))


@scenario('queue-removed-ringing', {'1003': 'answer=2.5'})
async def _(L):
    "the only member is taken out of the queue while it rings, and answers all the same; 1003 hangs up"
    await L.ami.action('QueueAdd', member(L, 'dynamic', '1003', MemberName='Carol Agent', StateInterface=ch(L, '1003')))
    c = await caller(L, '5551009', 5, 'Removed Meanwhile')
    a = await L.ph['1003'].incoming()
    await sleep(1)
    await L.ami.action('QueueRemove', member(L, 'dynamic', '1003'))
    await a.wait_up()
    await talk_and_hang(a)
    await c.wait_over()


@scenario('queue-penalty-changed', {'1001': 'noanswer', '1002': 'answer=1.0'})
async def _(L):
    "1002 has a penalty and is not rung while 1001 can be; it loses the penalty, rings in the next round and answers; the caller hangs up"
    c = await caller(L, '5551027', 6, 'Penalty Lifted')
    await L.ph['1001'].incoming()
    await L.ph['1001'].incoming()
    await sleep(1)
    await L.ami.action('QueuePenalty', member(L, 'weighted', '1002', Penalty='0'))
    await up(L, '1002')
    await talk_and_hang(c, 1.5)
    await L.ami.action('QueuePenalty', member(L, 'weighted', '1002', Penalty='5'))


# ------------------------------------------------------------- two callers, two lines
@scenario('queue-ringinuse', {'1001': 'answer=1.0'})
async def _(L):
    "queue inuse rings 1001 while it talks: it holds the first caller, answers the second and ends that, resumes the first, who hangs up"
    c1, a1 = await inbound(L, '5551026', 7, 'First In Use')
    await sleep(1)
    L.ph['1001'].policy = 'manual'
    c2 = await caller(L, '5551026', 8, 'Second In Use')
    a2 = await L.ph['1001'].incoming()
    await sleep(1)
    await a1.hold()
    await a2.answer()
    await talk_and_hang(a2, 1.5)
    await c2.wait_over()
    await a1.unhold()
    await talk_and_hang(c1, 1)


@scenario('queue-second-line', {'1001': 'manual', '1004': 'manual'})
async def _(L):
    "1001 serves a queue caller when 1004 calls it: it holds, answers 1004, who hangs up, and resumes; 1001 hangs up"
    c = await caller(L, '5551000', 9, 'Asked To Wait')
    a = await L.ph['1001'].incoming()
    await sleep(1)
    await a.answer()
    await sleep(1)
    d = await L.ph['1004'].call('1001')
    a2 = await L.ph['1001'].incoming()
    await sleep(0.7)
    await a.hold()
    await a2.answer()
    await talk_and_hang(d, 1.5)
    await sleep(0.5)
    await a.unhold()
    await talk_and_hang(a, 1)
    await c.wait_over()


@scenario('queue-autofill', {'1001': 'answer=1.5', '1002': 'answer=1.0'})
async def _(L):
    "two callers at once, two agents: each rings for one; the second answers first; both callers hang up"
    c1 = await caller(L, '5551000', 10, 'Autofill One')
    await sleep(0.2)
    c2 = await caller(L, '5551000', 11, 'Autofill Two')
    await up(L, '1002')
    await up(L, '1001')
    await talk_and_hang(c2, 1)
    await talk_and_hang(c1, 1)


@scenario('queue-wrapup', {'1001': 'answer=0.7'})
async def _(L):
    "the next caller comes just as 1001 has hung up: he waits until its wrap-up of 2 s is over; the caller hangs up"
    c, a = await inbound(L, '5551000', 12, 'Before Wrap-up')
    await talk_and_hang(a, 1.5)
    await c.wait_over()
    c, a = await inbound(L, '5551000', 13, 'In Wrap-up')
    await talk_and_hang(c, 1.5)


@scenario('queue-three-callers', {'1001': 'answer=0.7'})
async def _(L):
    "one agent and three callers, who are served one after another; 1001 hangs up each time"
    c1, a = await inbound(L, '5551000', 14, 'One Of Three')
    c2 = await caller(L, '5551000', 15, 'Two Of Three')
    await sleep(0.5)
    c3 = await caller(L, '5551000', 16, 'Three Of Three')
    await talk_and_hang(a, 1.5)
    for c in (c2, c3):
        a = await up(L, '1001')
        await talk_and_hang(a, 1)
        await c.wait_over()


@scenario('queue-ringall-together', {'1002': 'manual', '1003': 'manual'})
async def _(L):
    "queue sales rings two, who answer in the same moment: the queue keeps one; the caller hangs up"
    c = await caller(L, '5551006', 17, 'Both At Once')
    a, b = await L.ph['1003'].incoming(20), await L.ph['1002'].incoming(20)
    await sleep(1)
    await asyncio.gather(a.answer(), b.answer())
    await talk_and_hang(c)
    for d in (a, b):
        await d.wait_over()


# ------------------------------------------------------------- what a queue may do besides
@scenario('queue-group-pickup', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "a queue call rings at 1001, 1004 takes it with *8 and hangs up"
    c = await caller(L, '5551000', 18, 'Group Took It')
    await L.ph['1001'].incoming()
    await sleep(1.5)
    p = await L.ph['1004'].call('*8')
    await p.wait_up()
    await talk_and_hang(p)
    await c.wait_over()


@scenario('queue-agent-announcement', {'1001': 'answer=1.0'})
async def _(L):
    "1001 hears an announcement before it is connected with the caller, who hangs up"
    c, a = await inbound(L, '5551029', 19, 'Announced')
    await talk_and_hang(c, 2.5)


@scenario('queue-survey', {'1001': 'answer=1.0'})
async def _(L):
    "queue option c: 1001 hangs up, the caller goes on to a survey, to its end"
    c, a = await inbound(L, '5551030', 20, 'Asked Afterwards')
    await talk_and_hang(a, 1.5)
    await c.wait_over()


@scenario('queue-mobile-agent', {})
async def _(L):
    "the member of queue mobile is an outside number behind a Local channel, which answers; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551028', 21, 'Mobile Agent')
    b = await L.trunk.incoming()
    await b.wait_up()
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-forward-outside', {'1001': 'forward=9441632960066'})
async def _(L):
    "a queue rings 1001, whose phone forwards to an outside number, which answers; the caller hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551000', 22, 'Queue Forwarded')
    b = await L.trunk.incoming()
    await b.wait_up()
    await talk_and_hang(c)


@scenario('queue-one-round-voicemail', {'1001': 'noanswer', '1002': 'noanswer'})
async def _(L):
    "queue option n: 1001 and 1002 do not answer, after that round voicemail of 1001; the caller leaves a message"
    f = L.ami.expect(lambda e: e.get('Event') == 'Newexten' and e.get('Application') == 'VoiceMail')
    c = await caller(L, '5551031', 23, 'One Round')
    await asyncio.wait_for(f, 40)
    await talk_and_hang(c, 3)


@scenario('group-then-queue', {'1001': 'noanswer', '1002': 'busy', '1003': 'answer=1.0'})
async def _(L):
    "a ring group does not answer, then queue sales, where 1003 does; 1003 hangs up"
    c, b = await inbound(L, '5551032', 24, 'Group Then Queue', '1003')
    await talk_and_hang(b)
    await c.wait_over()


# ------------------------------------------------------------- agents pass callers on
@scenario('queue-blind-busy', {'1001': 'answer=1.0', '1003': 'busy'})
async def _(L):
    "queue call, 1001 sends the caller blind to 1003, who is busy: the caller is lost"
    c, a = await inbound(L, '5551000', 26, 'Sent To Busy')
    await sleep(1)
    await blind(a, '1003')
    await c.wait_over(20)


@scenario('queue-blond', {'1001': 'answer=1.0', '1003': 'answer=3.0'})
async def _(L):
    "queue call, 1001 calls 1003 on a second line and completes (REFER with Replaces) while it rings; 1003 answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 27, 'Queue Blond')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '1003')
    await both(b)
    await talk_and_hang(c)


@scenario('queue-blond-noanswer', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "the same, and 1003 never answers: the PBX gives up"
    c, a = await inbound(L, '5551000', 28, 'Blond In Vain')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '1003')
    await c.wait_over(30)


@scenario('queue-blond-queue', {'1001': 'answer=1.0', '1003': 'answer=2.5', '1002': 'noanswer'})
async def _(L):
    "queue call, 1001 asks in queue sales (502) and completes while it rings there: the caller takes the place; 1003 answers and hangs up"
    c, a = await inbound(L, '5551000', 29, 'Queue Into Queue')
    await sleep(1)
    a2 = await consult(L, a, '1001', '502')
    b = await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '502')
    await both(b)
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-park-and-back', {'1001': 'answer=1.0', '1003': 'manual'})
async def _(L):
    "queue call, 1001 parks the caller, 1003 retrieves and sends him blind to 1001, who answers; the caller hangs up"
    c, a = await inbound(L, '5551000', 30, 'Parked From Queue')
    await sleep(1)
    space = await park(L, a)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await sleep(2)
    await blind(r, '1001', L.ph['1001'])
    await talk_and_hang(c)


@scenario('queue-blind-voicemail', {'1001': 'answer=1.0'})
async def _(L):
    "queue call, 1001 sends the caller straight to the voicemail of 1003; the caller hangs up in the greeting"
    c, a = await inbound(L, '5551000', 31, 'To The Mailbox')
    await sleep(1)
    await blind(a, '81003')
    await talk_and_hang(c, 3)


@scenario('queue-refer-outside', {'1001': 'answer=1.0'})
async def _(L):
    "queue call, 1001 sends the caller blind to an outside number, which answers; the far end hangs up"
    L.trunk.policy = 'answer=1.5'
    c, a = await inbound(L, '5551000', 32, 'Queue To Outside')
    await sleep(1)
    b = await blind(a, '9441632960077', L.trunk)
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-consult-cancelled', {'1001': 'answer=1.0', '1003': 'noanswer'})
async def _(L):
    "queue call, 1001 rings 1003 on a second line, gives that up and takes the caller back; the caller hangs up"
    c, a = await inbound(L, '5551000', 33, 'Nobody To Ask')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await L.ph['1003'].incoming()
    await sleep(1.5)
    a2.cancel()
    await a2.wait_over()
    await sleep(0.5)
    await a.unhold()
    await talk_and_hang(c, 1)


# ------------------------------------------------------------- supervisors
@scenario('queue-barge', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "1004 joins a queue call of 1001 so that both hear it (*71001, ChanSpy) and leaves; 1001 hangs up"
    c, a = await inbound(L, '5551000', 34, 'Barged Into')
    await sleep(1)
    s = await L.ph['1004'].call('*71001')
    await s.wait_up()
    await talk_and_hang(s, 1.5)
    await talk_and_hang(a, 0.7)
    await c.wait_over()


@scenario('queue-whisper', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "1004 whispers to 1001 in a queue call (*61001) until the caller hangs up"
    c, a = await inbound(L, '5551000', 35, 'Whispered About')
    await sleep(1)
    s = await L.ph['1004'].call('*61001')
    await s.wait_up()
    await talk_and_hang(c, 1.5)
    await sleep(0.7)
    if s.state == 'up':
        await s.bye()


@scenario('redirect-both-apart', {'1001': 'answer=1.0', '1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "AMI Redirect of both ends of a call: the caller into queue sales, 1001 to the echo; 1003 answers the queue; the caller hangs up, then 1001"
    c, a = await inbound(L, '5551001', 36, 'Taken Apart')
    await sleep(1.5)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '501', 'Priority': '1',
                                    'ExtraChannel': channel(L, '1001'), 'ExtraContext': 'from-internal', 'ExtraExten': '999', 'ExtraPriority': '1'})
    await up(L, '1003')
    await talk_and_hang(c)
    await talk_and_hang(a, 0.5)


@scenario('bridge-application', {'1001': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "1004 takes the caller away from 1001 with the application Bridge (652); 1001 is left alone; 1004 hangs up"
    c, a = await inbound(L, '5551001', 37, 'Taken By Bridge')
    await sleep(1.5)
    await L.ami.action('Setvar', {'Variable': 'GLOBAL(BRIDGETO)', 'Value': channel(L, 'trunk')})
    d = await L.ph['1004'].call('652')
    await d.wait_up()
    await sleep(1)
    if a.state == 'up':
        await a.bye()
    await talk_and_hang(d)
    if c.state == 'up':
        await c.bye()


@scenario('bridge-two-calls', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "two callers talk to 1001 and 1002; the AMI action Bridge joins the first caller with 1002; the first caller hangs up"
    c1, a = await inbound(L, '5551001', 38, 'Bridge One')
    one = channel(L, 'trunk')
    c2, b = await inbound(L, '5551033', 39, 'Bridge Two', '1002')
    await sleep(1)
    await L.ami.action('Bridge', {'Channel1': one, 'Channel2': channel(L, '1002'), 'Tone': 'no'})
    await talk_and_hang(c1)
    for d in (a, b, c2):
        if d.state == 'up':
            await d.bye()


# ------------------------------------------------------------- the mobile in the pocket
@scenario('noanswer-then-mobile', {'1001': 'noanswer'})
async def _(L):
    "1001 does not answer, then its mobile rings and answers; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551020', 40, 'Then The Mobile')
    b = await L.trunk.incoming(20)
    await b.wait_up()
    await talk_and_hang(b)
    await c.wait_over()


async def mobile(L, n, name):
    L.trunk.policy = 'answer=1.0'
    c = await caller(L, '5551021', n, name)
    b = await L.trunk.incoming()
    await b.wait_up()
    await sleep(1)
    return c, b


@scenario('mobile-confirmed', {})
async def _(L):
    "a mobile answers and must press 1 (Dial option U), and does; the caller hangs up"
    c, b = await mobile(L, 41, 'Pressed One')
    await b.dtmf('1')
    await talk_and_hang(c)


@scenario('mobile-refused', {})
async def _(L):
    "a mobile answers and presses 2: voicemail of 1001; the caller hangs up in the greeting"
    c, b = await mobile(L, 42, 'Pressed Two')
    await b.dtmf('2')
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('mobile-mailbox', {})
async def _(L):
    "the mobile's mailbox answers and presses nothing for 5 s: voicemail of 1001; the caller hangs up in the greeting"
    c, b = await mobile(L, 43, 'Pressed Nothing')
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('mobile-confirm-abandoned', {})
async def _(L):
    "a mobile answers, and the caller gives up before a key is pressed"
    c, b = await mobile(L, 44, 'Gone Before One')
    c.cancel()
    await c.wait_over()
    await b.wait_over()


@scenario('followme-application', {'1001': 'noanswer', '1002': 'manual'})
async def _(L):
    "the application FollowMe rings 1001 and 1002; 1002 answers and presses 1; the caller hangs up"
    c = await caller(L, '5551025', 45, 'Follow Me')
    b = await L.ph['1002'].incoming(20)
    await sleep(1)
    await b.answer()
    await sleep(2.5)
    await b.dtmf('1')
    await talk_and_hang(c, 3)


# ------------------------------------------------------------- calls that leave the PBX, machines, rooms
@scenario('sent-away-ringing', {})
async def _(L):
    "the application Transfer on a call that was not answered: the trunk is told to call elsewhere (302)"
    c = await caller(L, '5551023', 46, 'Call Elsewhere')
    await c.wait_over()


@scenario('sent-away-answered', {})
async def _(L):
    "the same after an announcement (REFER); the far end leaves when it has called there"
    c = await caller(L, '5551024', 47, 'Referred Away')
    await asyncio.wait_for(asyncio.shield(c.referred), 10)
    await sleep(0.5)
    if c.state == 'up':
        await c.bye()
    await c.wait_over()


@scenario('dial-to-room', {'1001': 'answer=1.0'})
async def _(L):
    "Dial option G: 1001 answers, and both go on into conference board; 1001 leaves, then the caller"
    c, a = await inbound(L, '5551022', 48, 'Both To The Room')
    await talk_and_hang(a, 2.5)
    await talk_and_hang(c, 0.7)


@scenario('page', {'1001': 'answer=0.3', '1002': 'answer=0.5', '1004': 'manual'})
async def _(L):
    "1004 pages 1001 and 1002 (650), which answer by themselves; 1004 hangs up"
    p = await L.ph['1004'].call('650')
    await up(L, '1002')
    await p.wait_up()
    await talk_and_hang(p, 2.5)


@scenario('originate-amd-machine', {'1003': 'answer=1.0'}, media=True)
async def _(L):
    "a campaign calls an outside number first and listens who answers (651, AMD); it does not stop talking, so nobody gets the call"
    L.trunk.policy = 'answer=1.0'
    trunk = 'PJSIP/441632960078@trunk' if L.tech == 'PJSIP' else 'SIP/trunk/441632960078'
    await L.ami.action('Originate', {'Channel': trunk, 'Context': 'from-internal', 'Exten': '651', 'Priority': '1',
                                     'CallerID': '"Example Ltd" <5551000>', 'Timeout': '10000', 'Async': 'true'}, actionid='camp-1')
    t = await L.trunk.incoming()
    await t.wait_up()
    await t.wait_over(20)


@scenario('originate-amd-queue', {'1003': 'answer=1.0'})
async def _(L):
    "the same, and whoever answers says nothing: queue sales, where 1003 answers; 1003 hangs up"
    L.trunk.policy = 'answer=1.0'
    trunk = 'PJSIP/441632960078@trunk' if L.tech == 'PJSIP' else 'SIP/trunk/441632960078'
    await L.ami.action('Originate', {'Channel': trunk, 'Context': 'from-internal', 'Exten': '651', 'Priority': '1',
                                     'CallerID': '"Example Ltd" <5551000>', 'Timeout': '10000', 'Async': 'true'}, actionid='camp-2')
    t = await L.trunk.incoming()
    a = await up(L, '1003', 20)
    await talk_and_hang(a)
    await t.wait_over()


@scenario('queue-callback', {'1003': 'answer=1.0', '1002': 'noanswer'})
async def _(L):
    "a caller waits in queue dynamic and gives up; he is called back and, when he answers, put into queue sales: 1003 answers; the customer hangs up"
    c = await caller(L, '5551009', 50, 'Call Me Back')
    await c.wait_up()
    await talk_and_hang(c, 2)
    await sleep(0.5)
    L.trunk.policy = 'answer=1.0'
    await L.ami.action('Originate', {'Channel': 'Local/9441632960350@from-internal/n', 'Context': 'from-internal', 'Exten': '501', 'Priority': '1',
                                     'CallerID': '"Call Me Back" <441632960350>', 'Timeout': '10000', 'Async': 'true'}, actionid='back-1')
    t = await L.trunk.incoming()
    await up(L, '1003')
    await talk_and_hang(t)


@scenario('missed-and-returned', {'1001': 'noanswer'})
async def _(L):
    "a caller gives up while 1001 rings; 1001 calls him back, and hangs up"
    c = await caller(L, '5551001', 51, 'Missed Me')
    await L.ph['1001'].incoming()
    await sleep(2)
    c.cancel()
    await c.wait_over()
    await sleep(0.7)
    c, t = await outbound(L, '1001', '9441632960351')
    await talk_and_hang(c)


# ------------------------------------------------------------- the phone on the desk
@scenario('phone-threeway', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "1001 holds the caller, calls 1003 and mixes the two lines itself; 1003 leaves, then 1001 hangs up"
    c, a = await inbound(L, '5551001', 52, 'Mixed In The Phone')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await a.unhold()
    await sleep(1.5)
    await b.bye()
    await talk_and_hang(a, 1)
    await c.wait_over()


@scenario('phone-threeway-joined', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "the same, and 1001 leaves the two to each other (REFER with Replaces); the caller hangs up"
    c, a = await inbound(L, '5551001', 53, 'Left To Each Other')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await a.unhold()
    await sleep(1.5)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


@scenario('phone-threeway-ends', {'1001': 'answer=1.0', '1003': 'answer=0.7'})
async def _(L):
    "the same, and 1001 hangs up both lines at once"
    c, a = await inbound(L, '5551001', 54, 'Three Then None')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await a.unhold()
    await sleep(1.5)
    await asyncio.gather(a.bye(), a2.bye())
    await c.wait_over()


@scenario('second-line-blind', {'1001': 'answer=1.0', '1003': 'answer=1.0'})
async def _(L):
    "1001 talks, holds, answers a second caller and sends him blind to 1003; resumes the first, who hangs up; the second hangs up"
    c1, a1 = await inbound(L, '5551001', 55, 'Waits On Hold')
    await sleep(1)
    L.ph['1001'].policy = 'manual'
    c2 = await caller(L, '5551001', 56, 'Sent To Carol')
    a2 = await L.ph['1001'].incoming()
    await sleep(0.7)
    await a1.hold()
    await a2.answer()
    await sleep(1)
    await blind(a2, '1003', L.ph['1003'])
    await a1.unhold()
    await talk_and_hang(c1, 1)
    await talk_and_hang(c2, 0.7)


@scenario('busy-line-voicemail', {'1002': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "1002 talks with 1004 and is busy for a caller, who gets its voicemail and hangs up in the greeting; 1004 hangs up"
    d = await L.ph['1004'].call('1002')
    await up(L, '1002')
    L.ph['1002'].policy = 'busy'
    await sleep(0.5)
    c = await caller(L, '5551033', 57, 'Busy Line')
    await c.wait_up()
    await talk_and_hang(c, 3)
    await talk_and_hang(d, 0.5)


@scenario('do-not-disturb-voicemail', {'1002': 'reject=480'})
async def _(L):
    "1002 is not to be disturbed (480): voicemail; the caller hangs up in the greeting"
    c = await caller(L, '5551033', 58, 'Not Now')
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('voicemail-check', {'1001': 'manual'}, media=True)
async def _(L):
    "1001 listens to its own voicemail (*97) and hangs up"
    c = await L.ph['1001'].call('*97')
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('desk-login', {'1006': 'answer=1.0', '1004': 'manual'})
async def _(L):
    "5201 sits down at phone 1006 (*5201); 1004 calls 5201; 1004 hangs up"
    await dial_code(L, '1006', '*5201')
    c = await L.ph['1004'].call('5201')
    await up(L, '1006')
    await talk_and_hang(c)


@scenario('park-blind', {'1001': 'answer=1.0', '1003': 'manual', '1002': 'answer=1.0'})
async def _(L):
    "1001 parks a caller, 1003 retrieves and sends him blind to 1002, who hangs up"
    c, a = await inbound(L, '5551001', 59, 'Parked And Sent')
    await sleep(1)
    space = await park(L, a)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await sleep(2)
    b = await blind(r, '1002', L.ph['1002'])
    await talk_and_hang(b)
    await c.wait_over()


@scenario('outbound-blind-outside', {'1001': 'manual'})
async def _(L):
    "1001 dials out and sends the far end blind to another outside number, which answers and hangs up"
    c, t = await outbound(L)
    await sleep(1)
    t2 = await blind(c, '9441632960066', L.trunk)
    await talk_and_hang(t2)
    await t.wait_over()


@scenario('click-to-call-blind', {'1001': 'answer=0.7', '1002': 'answer=0.7'})
async def _(L):
    "click-to-call to a customer, 1001 sends the customer blind to 1002, who hangs up"
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-30')
    a = await up(L, '1001')
    t = await L.trunk.incoming()
    await t.wait_up()
    await sleep(1)
    b = await blind(a, '1002', L.ph['1002'])
    await talk_and_hang(b)
    await t.wait_over()


@scenario('click-to-call-busy-line', {'1001': 'answer=0.7'})
async def _(L):
    "1001 talks to a caller, holds him, and makes a click-to-call, which it answers on a second line; the customer hangs up; 1001 resumes and hangs up"
    c, a = await inbound(L, '5551001', 60, 'Held For A Click')
    await sleep(1)
    await a.hold()
    L.trunk.policy = 'answer=1.0'
    await click(L, '1001', '9441632960078', 'click-31')
    await up(L, '1001')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t, 1.5)
    await sleep(1)
    await a.unhold()
    await talk_and_hang(a, 1)
    await c.wait_over()
