"""Call scenarios for `up --dialplan distro`: an ordinary day behind the Local channels of queues, groups and follow-me."""
import asyncio
from labcall import scenario
from scenarios_distro import talk_and_hang
from scenarios_distro_chains import up, code, second_line, complete, blind, park

sleep = asyncio.sleep


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329604%02d' % n, name=name)


async def served(L, n, name, ext='1001', did='5551100'):
    "a call to queue 400 that EXT answers: caller's and phone's side"
    c = await caller(L, did, n, name)
    return c, await up(L, ext)


async def click(L, action):
    "click-to-call through Local, which the customer answers: phone's and customer's side"
    L.trunk.policy = 'answer=1.0'
    await L.ami.action('Originate', {'Channel': 'Local/1001@from-internal', 'Context': 'from-internal', 'Exten': '9441632960078', 'Priority': '1',
                                     'CallerID': '"Jane Customer" <441632960078>', 'Timeout': '15000', 'Async': 'true'}, actionid=action)
    a = await up(L, '1001')
    return a, await up(L, 'trunk')


# ------------------------------------------------------------- agents pass callers on
@scenario('queue-local-blond', {'1001': 'answer=1.0', '1004': 'answer=3.0'})
async def _(L):
    "queue call, 1001 calls 1004 on a second line and completes (REFER with Replaces) while it rings; 1004 answers; the caller hangs up"
    c, a = await served(L, 0, 'Blond Behind Local')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1004')
    b = await L.ph['1004'].incoming()
    await sleep(1)
    await complete(a, a2, '1004')
    await asyncio.wait([asyncio.ensure_future(b.wait_up())], timeout=6)
    await talk_and_hang(c)


@scenario('queue-local-blond-noanswer', {'1001': 'answer=1.0', '1004': 'noanswer'})
async def _(L):
    "the same, and 1004 does not answer: voicemail is blocked for queue calls, the PBX gives up"
    c, a = await served(L, 1, 'Blond To Voicemail')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1004')
    b = await L.ph['1004'].incoming()
    await sleep(1)
    await complete(a, a2, '1004')
    await b.wait_over(20)
    await c.wait_over()


@scenario('queue-local-mailbox', {'1001': 'answer=1.0'})
async def _(L):
    "queue call, 1001 sends the caller straight to the voicemail of 1003 (vmu1003); the caller hangs up in the greeting"
    c, a = await served(L, 2, 'Mailbox Behind Local')
    await sleep(1)
    await blind(a, 'vmu1003')
    await talk_and_hang(c, 3)


@scenario('queue-local-blind-busy', {'1001': 'answer=1.0', '1004': 'busy'})
async def _(L):
    "queue call, 1001 sends the caller blind (REFER) to 1004, who is busy: voicemail is blocked for queue calls, the PBX gives up"
    c, a = await served(L, 3, 'Busy Behind Local')
    await sleep(1)
    await blind(a, '1004')
    await c.wait_over()


@scenario('queue-local-threeway', {'1001': 'answer=1.0', '1004': 'answer=1.0'})
async def _(L):
    "queue call, *2 to 1004, *3: all three; 1004 leaves, then the caller"
    c, a = await served(L, 4, 'Three Behind Local')
    await sleep(1)
    await code(a, '*2', '1004')
    b = await up(L, '1004')
    await sleep(1.2)
    await a.dtmf('*3')
    await sleep(2)
    await b.bye()
    await talk_and_hang(c, 1.5)


@scenario('queue-local-park-blind', {'1001': 'answer=1.0', '1004': 'manual', '1003': 'answer=1.0'})
async def _(L):
    "queue call, 1001 parks the caller, 1004 retrieves and sends him blind to 1003, who hangs up"
    c, a = await served(L, 5, 'Parked Behind Local')
    await sleep(1)
    space = await park(L, a)
    r = await L.ph['1004'].call(space)
    await r.wait_up()
    await sleep(2)
    await blind(r, '1003')
    b = await up(L, '1003')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-local-back', {'1001': 'answer=1.0', '1002': 'answer=1.0'})
async def _(L):
    "queue call, 1001 sends the caller back to queue 400 (REFER): 1002 answers while 1001 wraps up; the caller hangs up"
    c, a = await served(L, 6, 'Back Behind Local')
    await sleep(1)
    await blind(a, '400')
    await up(L, '1002')
    await talk_and_hang(c)


@scenario('queue-local-consult-cancelled', {'1001': 'answer=1.0', '1004': 'noanswer'})
async def _(L):
    "queue call, 1001 rings 1004 on a second line, gives that up and takes the caller back; the caller hangs up"
    c, a = await served(L, 7, 'Nobody Behind Local')
    await sleep(1)
    a2 = await second_line(L, a, '1001', '1004')
    await L.ph['1004'].incoming()
    await sleep(1.5)
    a2.cancel()
    await a2.wait_over()
    await sleep(0.5)
    await a.unhold()
    await talk_and_hang(c, 1)


@scenario('queue-local-hold-hangup', {'1001': 'answer=1.0'})
async def _(L):
    "queue call, 1001 holds, the caller hangs up"
    c, a = await served(L, 8, 'Held Behind Local')
    await sleep(1)
    await a.hold()
    await talk_and_hang(c)


# ------------------------------------------------------------- phones with a mind of their own
@scenario('queue-local-forward', {'1001': 'forward=1004', '1004': 'answer=1.0'})
async def _(L):
    "queue 400 rings 1001 behind its Local pair, whose phone forwards (302) to 1004, who answers and hangs up"
    c = await caller(L, '5551100', 9, 'Forward Behind Local')
    b = await up(L, '1004')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-local-do-not-disturb', {'1001': 'reject=480', '1002': 'answer=1.0'})
async def _(L):
    "queue 400: 1001 is not to be disturbed (480), 1002 answers and hangs up"
    c, b = await served(L, 10, 'Not Now Behind Local', '1002')
    await talk_and_hang(b)
    await c.wait_over()


@scenario('queue-local-second-line', {'1001': 'manual', '1004': 'manual'})
async def _(L):
    "1001 serves a queue caller when 1004 calls it: it holds, answers 1004, who hangs up, and resumes; 1001 hangs up"
    c = await caller(L, '5551100', 11, 'Waits Behind Local')
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


@scenario('queue-local-paused-ringing', {'1001': 'noanswer', '1002': 'answer=1.0'})
async def _(L):
    "1001 is paused while it rings: it rings on until its time is over, then 1002 answers; the caller hangs up"
    c = await caller(L, '5551100', 12, 'Paused Behind Local')
    await L.ph['1001'].incoming()
    await sleep(1)
    m = {'Queue': '400', 'Interface': 'Local/1001@from-queue/n'}
    await L.ami.action('QueuePause', {**m, 'Paused': 'true', 'Reason': 'Lunch'})
    await up(L, '1002')
    await talk_and_hang(c, 1.5)
    await L.ami.action('QueuePause', {**m, 'Paused': 'false'})


@scenario('group-forward', {'1001': 'forward=1004', '1002': 'noanswer', '1004': 'answer=1.5'})
async def _(L):
    "ring group 600: 1001 forwards (302) to 1004, 1002 and an outside number ring; 1004 answers; the caller hangs up"
    L.trunk.policy = 'noanswer'
    c = await caller(L, '5551102', 13, 'Group Forward')
    await up(L, '1004')
    await talk_and_hang(c)


@scenario('followme-declined', {'1005': 'reject=603'})
async def _(L):
    "follow-me of 1005: the desk phone declines, the mobile answers after it was rung; the mobile hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551105', 14, 'Declined At The Desk')
    b = await up(L, 'trunk')
    await talk_and_hang(b)
    await c.wait_over()


# ------------------------------------------------------------- click-to-call through Local
@scenario('click-to-call-local-blind', {'1001': 'answer=0.7', '1002': 'answer=0.7'})
async def _(L):
    "click-to-call through Local, the customer answers; 1001 sends the customer blind (REFER) to 1002, who hangs up"
    a, t = await click(L, 'click-40')
    await sleep(1.5)
    await blind(a, '1002')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await t.wait_over()


@scenario('click-to-call-local-park', {'1001': 'answer=0.7', '1003': 'manual'})
async def _(L):
    "click-to-call through Local, the customer answers; 1001 parks the customer, 1003 retrieves; the customer hangs up"
    a, t = await click(L, 'click-41')
    await sleep(1.5)
    space = await park(L, a)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(t, 2.5)


@scenario('click-to-call-local-hold', {'1001': 'answer=0.7'})
async def _(L):
    "click-to-call through Local, the customer answers; 1001 holds and resumes; 1001 hangs up"
    a, t = await click(L, 'click-42')
    await sleep(1.5)
    await a.hold()
    await sleep(1.2)
    await a.unhold()
    await talk_and_hang(a, 1)
    await t.wait_over()
