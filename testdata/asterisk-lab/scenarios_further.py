"""Call scenarios of the plain dialplan: things at once, things against each other, and roads that are seldom taken."""
import asyncio
from labcall import scenario
from scenarios_office import talk_and_hang, blind, consult, complete, channel, parked
from scenarios_chains import code, park, up, outbound, click
from scenarios_desk import member

sleep = asyncio.sleep
A = 'answer=1.0'


async def caller(L, did, n, name):
    return await L.trunk.call(did, cid='4416329605%02d' % n, name=name)


async def inbound(L, did, n, name, ext='1001', t=20):
    "a trunk call that EXT answers: caller's and phone's side"
    c = await caller(L, did, n, name)
    return c, await up(L, ext, t)


async def ended(*calls, t=15):
    for d in calls:
        await d.wait_over(t)


# ------------------------------------------------------------- a phone and its own lines
@scenario('own-number', {'1001': 'manual'})
async def _(L):
    "1001 calls its own number and answers itself on a second line; hangs up the line it called with"
    c = await L.ph['1001'].call('1001')
    a = await L.ph['1001'].incoming()
    await sleep(1)
    await a.answer()
    await c.wait_up()
    await talk_and_hang(c, 1.5)


@scenario('group-from-within', {'1001': 'noanswer', '1002': A})
async def _(L):
    "1001 calls the ring group that it is in: its own second line rings too; 1002 answers; 1001 hangs up"
    c = await L.ph['1001'].call('600')
    await up(L, '1002')
    await talk_and_hang(c)


@scenario('queue-from-within', {'1001': 'manual', '1002': A})
async def _(L):
    "1001 calls the queue that it is a member of, and is in use: 1002 is rung and hangs up"
    c = await L.ph['1001'].call('500')
    b = await up(L, '1002')
    await talk_and_hang(b)
    await ended(c)


@scenario('internal-joins-inbound', {'1001': A, '1004': 'manual'})
async def _(L):
    "1001 holds an outside caller, 1004 calls it; it joins the two (REFER with Replaces), who talk; 1004 hangs up"
    c, a = await inbound(L, '5551001', 0, 'Joined With Dave')
    await sleep(1)
    d = await L.ph['1004'].call('1001')
    a2 = await L.ph['1001'].incoming()
    await sleep(0.3)
    await a.hold()
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '1001')
    await talk_and_hang(d)
    await ended(c)


@scenario('consult-swapped', {'1001': A, '1003': 'answer=0.7'})
async def _(L):
    "1001 consults 1003, swaps back to the caller, swaps to 1003 again, and transfers; the caller hangs up"
    c, a = await inbound(L, '5551001', 1, 'Swapped In Consult')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await a2.hold()
    await a.unhold()
    await sleep(1)
    await a.hold()
    await a2.unhold()
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


# ------------------------------------------------------------- at the same moment
@scenario('queue-left-as-answered', {'1001': 'manual'})
async def _(L):
    "the caller hangs up in the moment in which the agent answers"
    c = await caller(L, '5551000', 5, 'A Moment Too Early')
    await c.wait_up()
    a = await L.ph['1001'].incoming()
    await sleep(1.5)
    await asyncio.gather(a.answer(), c.bye())
    await ended(a)


@scenario('blind-caller-leaves', {'1001': A, '1003': 'noanswer'})
async def _(L):
    "the caller hangs up in the moment in which 1001 sends him to 1003"
    c, a = await inbound(L, '5551001', 8, 'Left In Transfer')
    await sleep(1)
    await asyncio.gather(a.refer('1003'), c.bye())
    await sleep(0.7)
    if a.state == 'up':
        await a.bye()


# ------------------------------------------------------------- transfers that go odd ways
@scenario('blind-nowhere', {'1001': A})
async def _(L):
    "1001 sends the caller to a number that does not exist: it is refused, the call goes on; 1001 hangs up"
    c, a = await inbound(L, '5551001', 11, 'Sent Nowhere')
    await sleep(1)
    await a.refer('8888')
    await talk_and_hang(a, 1.5)
    await ended(c)


@scenario('blind-dtmf-nowhere', {'1001': A})
async def _(L):
    "#1 and a number that does not exist: 1001 has the caller again and hangs up"
    c, a = await inbound(L, '5551001', 12, 'Coded Nowhere')
    await sleep(1)
    await code(a, '#1', '8888')
    await sleep(4)
    await talk_and_hang(a, 1)
    await ended(c)


@scenario('blind-to-itself', {'1001': 'manual'})
async def _(L):
    "1001 sends the caller to its own number, and answers him on the next line; the caller hangs up"
    c = await caller(L, '5551001', 13, 'Back To Alice')
    a = await L.ph['1001'].incoming()
    await sleep(1)
    await a.answer()
    await sleep(1)
    await a.refer('1001')
    b = await L.ph['1001'].incoming()
    await sleep(1)
    if a.state == 'up':
        await a.bye()
    await b.answer()
    await talk_and_hang(c)


@scenario('blind-dtmf-room', {'1001': A, '1002': 'manual'})
async def _(L):
    "1002 sits in the conference, 1001 sends its caller there with #1 550; the caller leaves, then 1002"
    d = await L.ph['1002'].call('550')
    await d.wait_up()
    c, a = await inbound(L, '5551001', 15, 'Coded Into The Room')
    await sleep(1)
    await code(a, '#1', '550')
    await sleep(4)
    await c.bye()
    await talk_and_hang(d, 1)


@scenario('blind-dtmf-park', {'1001': A, '1003': 'manual'})
async def _(L):
    "#1 700 parks the caller, 1003 takes him and hangs up"
    c, a = await inbound(L, '5551001', 16, 'Coded To Park')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await code(a, '#1', '700')
    space = (await f)['ParkingSpace']
    await sleep(1)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2.5)
    await ended(c)


@scenario('consult-dtmf-queue', {'1001': A, '1003': A, '1002': 'noanswer'})
async def _(L):
    "*2 501: 1001 asks in queue sales, 1003 answers; 1001 hangs up, which passes the caller on; the caller hangs up"
    c, a = await inbound(L, '5551001', 17, 'Asked In Sales')
    await sleep(1)
    await code(a, '*2', '501')
    await up(L, '1003')
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(c, 2.5)


@scenario('consult-dtmf-queue-waiting', {'1001': A, '1003': 'answer=3.0', '1002': 'noanswer'})
async def _(L):
    "*2 501, 1001 hangs up while the queue still rings: the caller waits there, 1003 answers and hangs up"
    c, a = await inbound(L, '5551001', 18, 'Left In Sales')
    await sleep(1)
    await code(a, '*2', '501')
    b = await L.ph['1003'].incoming(20)
    await sleep(1)
    await a.bye()
    await b.wait_up()
    await talk_and_hang(b, 2.5)
    await ended(c)


@scenario('consult-dtmf-room', {'1001': A, '1002': 'manual'})
async def _(L):
    "*2 550: 1001 goes to the conference in which 1002 sits, and hangs up: the caller is in it; he leaves, then 1002"
    d = await L.ph['1002'].call('550')
    await d.wait_up()
    c, a = await inbound(L, '5551001', 19, 'Asked Into The Room')
    await sleep(1)
    await code(a, '*2', '550')
    await sleep(3)
    await a.bye()
    await sleep(2.5)
    await c.bye()
    await talk_and_hang(d, 1)


@scenario('consult-dtmf-group', {'1001': A, '1002': A, '1004': 'manual', '1003': 'noanswer'})
async def _(L):
    "*2 603, a hunt: 1001's own second line is not answered, 1002 is next and answers; 1001 hangs up; 1002 hangs up"
    c, a = await inbound(L, '5551001', 20, 'Asked In A Hunt')
    await sleep(1)
    L.ph['1001'].policy = 'noanswer'
    await code(a, '*2', '603')
    b = await up(L, '1002')
    await sleep(1.5)
    await a.bye()
    await talk_and_hang(b, 2)
    await ended(c)


@scenario('consult-dtmf-mailbox', {'1001': A, '1003': 'noanswer'})
async def _(L):
    "*2 81003: 1001 hears the mailbox and hangs up: the caller has it, and hangs up"
    c, a = await inbound(L, '5551001', 22, 'Asked A Mailbox')
    await sleep(1)
    await code(a, '*2', '81003')
    await sleep(2.5)
    await a.bye()
    await talk_and_hang(c, 2.5)


@scenario('consult-parked', {'1001': A, '1002': A})
async def _(L):
    "1002 parked a second caller; 1001 fetches him on its other line and joins him with its own caller; the second hangs up"
    c2, b = await inbound(L, '5551033', 23, 'Parked And Joined', '1002')
    await sleep(0.7)
    space = await park(L, b)
    c, a = await inbound(L, '5551001', 24, 'Wants The Parked One')
    await sleep(1)
    a2 = await consult(L, a, '1001', space)
    await a2.wait_up()
    await sleep(2)
    await complete(a, a2, space)
    await talk_and_hang(c2)
    await ended(c)


@scenario('trunk-transfers', {'1001': A, '1002': A})
async def _(L):
    "the outside caller himself sends 1001 to another number of the PBX (REFER by the trunk), where 1002 answers and hangs up"
    c, a = await inbound(L, '5551001', 25, 'Sends Alice On')
    await sleep(1)
    await c.refer('5551033')
    b = await up(L, '1002')
    if c.state == 'up':
        await c.bye()
    await talk_and_hang(b)
    await ended(a)


@scenario('far-end-transfers', {'1001': 'manual', '1002': A})
async def _(L):
    "1001 called out; the far end sends it to another number of the PBX (REFER), where 1002 answers; 1001 hangs up"
    c, t = await outbound(L)
    await sleep(1)
    await t.refer('5551033')
    await up(L, '1002')
    if t.state == 'up':
        await t.bye()
    await talk_and_hang(c)


@scenario('transfer-three-hands', {'1001': A, '1002': 'answer=0.7', '1003': 'answer=0.7', '1004': 'answer=0.7'})
async def _(L):
    "queue -> 1001 asks 1003 and transfers; 1003 asks 1004 and transfers; 1004 sends him blind to 1002, who hangs up"
    c, a = await inbound(L, '5551000', 26, 'Through Four Hands')
    await sleep(1)
    for ext, target in (('1001', '1003'), ('1003', '1004')):
        a2 = await consult(L, a, ext, target)
        b = await up(L, target)
        await sleep(0.7)
        await complete(a, a2, target)
        a = b
        await sleep(1)
    b = await blind(a, '1002', L.ph['1002'])
    await talk_and_hang(b, 1.5)
    await ended(c)


@scenario('transfer-to-forward', {'1001': A, '1003': 'forward=1004', '1004': A})
async def _(L):
    "1001 sends the caller blind to 1003, whose phone forwards to 1004, who answers and hangs up"
    c, a = await inbound(L, '5551001', 28, 'Sent And Forwarded')
    await sleep(1)
    await a.refer('1003')
    b = await up(L, '1004')
    if a.state == 'up':
        await a.bye()
    await talk_and_hang(b)
    await ended(c)


@scenario('consult-forwarded', {'1001': A, '1003': 'forward=1004', '1004': 'answer=0.7'})
async def _(L):
    "1001 asks 1003, whose phone forwards to 1004, who answers; transferred; the caller hangs up"
    c, a = await inbound(L, '5551001', 29, 'Asked And Forwarded')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1004')
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


@scenario('consult-picked-up', {'1001': A, '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 asks 1003, 1004 takes that ring with *81003; 1001 transfers to whoever it got; the caller hangs up"
    c, a = await inbound(L, '5551001', 30, 'Asked And Picked Up')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81003')
    await p.wait_up()
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


@scenario('blond-picked-up', {'1001': A, '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 completes to 1003 while it rings; 1004 takes the ring with *81003 and hangs up"
    c, a = await inbound(L, '5551001', 31, 'Blond And Picked Up')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    await L.ph['1003'].incoming()
    await sleep(1)
    await complete(a, a2, '1003')
    p = await L.ph['1004'].call('*81003')
    await p.wait_up()
    await talk_and_hang(p)
    await ended(c)


@scenario('queue-joined-outside', {'1001': A})
async def _(L):
    "the agent holds the queue caller, calls an outside number, and joins the two; the far end hangs up"
    c, a = await inbound(L, '5551000', 32, 'Joined Outside')
    L.trunk.policy = A
    await sleep(1)
    a2 = await consult(L, a, '1001', '9441632960066')
    t = await L.trunk.incoming()
    await a2.wait_up()
    await sleep(1)
    await complete(a, a2, '9441632960066')
    await talk_and_hang(t)
    await ended(c)


@scenario('ami-cancel-consult', {'1001': A, '1003': 'noanswer'})
async def _(L):
    "Atxfer by AMI, cancelled by AMI while 1003 rings; 1001 has the caller again and hangs up"
    c, a = await inbound(L, '5551001', 33, 'Consult Cancelled')
    await sleep(1)
    await L.ami.action('Atxfer', {'Channel': channel(L, '1001'), 'Exten': '1003', 'Context': 'from-internal'})
    await L.ph['1003'].incoming()
    await sleep(1)
    await L.ami.action('CancelAtxfer', {'Channel': channel(L, '1001')})
    await sleep(3)
    await talk_and_hang(a, 1)
    await ended(c)


@scenario('conference-of-three-lines', {'1001': A, '1003': 'answer=0.7'})
async def _(L):
    "1001 talks with a caller and with 1003, sends both into the conference and follows; 1001 leaves, then the caller, then 1003"
    c, a = await inbound(L, '5551001', 34, 'Into A Room Of Three')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(1)
    await a2.refer('550')
    await a.refer('550')
    await sleep(0.5)
    for d in (a, a2):
        if d.state == 'up':
            await d.bye()
    m = await L.ph['1001'].call('550')
    await m.wait_up()
    await talk_and_hang(m, 2)
    await talk_and_hang(c, 1)
    await talk_and_hang(b, 1)


# ------------------------------------------------------------- pickup
@scenario('pickup-own-queue', {'1002': 'noanswer', '1003': 'noanswer'})
async def _(L):
    "queue sales rings 1003 and 1002; 1002 takes 1003's ring with *81003 while its own phone rings; the caller hangs up"
    c = await caller(L, '5551003', 35, 'Taken From Carol')
    await c.wait_up()
    await sleep(1)
    await c.dtmf('2')
    await L.ph['1003'].incoming()
    await L.ph['1002'].incoming()
    await sleep(1)
    p = await L.ph['1002'].call('*81003')
    await p.wait_up()
    await talk_and_hang(c)
    await ended(p)


@scenario('pickup-of-click', {'1001': 'noanswer', '1004': 'manual'})
async def _(L):
    "a click-to-call rings 1001; 1004 takes that ring with *81001 and gets the customer; the customer hangs up"
    L.trunk.policy = A
    await click(L, '1001', '9441632960078', 'click-50')
    await L.ph['1001'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81001')
    await p.wait_up()
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(p)


@scenario('pickup-of-clicked', {'1001': 'answer=0.7', '1002': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001 calls 1002 by a click, 1004 takes 1002's ring; 1001 hangs up"
    await click(L, '1001', '1002', 'click-51')
    a = await up(L, '1001')
    await L.ph['1002'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81002')
    await p.wait_up()
    await talk_and_hang(a)


# ------------------------------------------------------------- parking
@scenario('park-two', {'1001': A, '1003': 'manual', '1004': 'manual'})
async def _(L):
    "1001 parks two callers; 1004 takes the second, 1003 the first; both callers hang up"
    c1, a = await inbound(L, '5551001', 37, 'Parked First')
    await sleep(0.7)
    s1 = await park(L, a)
    c2, a = await inbound(L, '5551001', 38, 'Parked Second')
    await sleep(0.7)
    s2 = await park(L, a)
    r2 = await L.ph['1004'].call(s2)
    await r2.wait_up()
    r1 = await L.ph['1003'].call(s1)
    await r1.wait_up()
    await talk_and_hang(c1, 2)
    await talk_and_hang(c2, 1)


@scenario('park-comeback-busy', {'1001': A})
async def _(L):
    "nobody takes the parked caller; when he comes back 1001 is busy, and he is lost"
    c, a = await inbound(L, '5551001', 39, 'Back To Busy')
    await sleep(0.7)
    await park(L, a)
    L.ph['1001'].policy = 'busy'
    await ended(c, t=40)


@scenario('park-comeback-forwarded', {'1001': A, '1004': A})
async def _(L):
    "when the parked caller comes back, 1001's phone forwards to 1004, who answers and hangs up"
    c, a = await inbound(L, '5551001', 41, 'Back And Forwarded')
    await sleep(0.7)
    await park(L, a)
    L.ph['1001'].policy = 'forward=1004'
    b = await up(L, '1004', 30)
    await talk_and_hang(b)
    await ended(c)


@scenario('park-outbound-comeback', {'1001': 'manual'})
async def _(L):
    "1001 called out and parks the far end; nobody takes him, he comes back to 1001, who answers; the far end hangs up"
    c, t = await outbound(L)
    await sleep(1)
    L.ph['1001'].policy = A
    await park(L, c)
    await up(L, '1001', 30)
    await talk_and_hang(t)


@scenario('park-consulted', {'1001': A, '1003': 'manual'})
async def _(L):
    "*2 700: 1001 hears the slot and hangs up, which parks the caller; 1003 takes him; the caller hangs up"
    c, a = await inbound(L, '5551001', 42, 'Parked By Asking')
    await sleep(1)
    f = asyncio.ensure_future(parked(L))
    await code(a, '*2', '700')
    space = (await f)['ParkingSpace']
    await sleep(1.5)
    await a.bye()
    await sleep(1)
    r = await L.ph['1003'].call(space)
    await r.wait_up()
    await talk_and_hang(c, 2.5)


@scenario('parked-fetched-by-click', {'1001': A, '1003': A})
async def _(L):
    "a parked caller is fetched by a click-to-call of 1003 to the slot; 1003 hangs up"
    c, a = await inbound(L, '5551001', 43, 'Fetched By Click')
    await sleep(0.7)
    space = await park(L, a)
    await click(L, '1003', space, 'click-52')
    b = await up(L, '1003')
    await talk_and_hang(b, 3)
    await ended(c)


# ------------------------------------------------------------- forwarding
@scenario('forward-to-queue', {'1004': 'manual', '1003': 'forward=500', '1001': A})
async def _(L):
    "1004 calls 1003, whose phone forwards to queue support, 1001 answers and hangs up"
    c = await L.ph['1004'].call('1003')
    a = await up(L, '1001')
    await talk_and_hang(a)
    await ended(c)


@scenario('forward-loop', {'1001': 'forward=1002', '1002': 'forward=1001'})
async def _(L):
    "1001 forwards to 1002, 1002 to 1001"
    c = await caller(L, '5551001', 45, 'Round And Round')
    await asyncio.wait([c.over], timeout=12)
    if c.state in ('new', 'ringing'):
        c.cancel()


@scenario('forward-to-mailbox-of-own', {'1001': 'forward=81001'})
async def _(L):
    "1001's phone forwards all calls to its mailbox; the caller hangs up in the greeting"
    c = await caller(L, '5551001', 46, 'Straight To Mailbox')
    await c.wait_up()
    await talk_and_hang(c, 3)


@scenario('click-forwarded', {'1001': 'forward=1004', '1004': A})
async def _(L):
    "a click-to-call rings 1001, whose phone forwards to 1004, who answers and gets the customer; the customer hangs up"
    L.trunk.policy = A
    await click(L, '1001', '9441632960078', 'click-53')
    a = await up(L, '1004')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(a)


# ------------------------------------------------------------- click-to-call
@scenario('click-group', {'1001': 'noanswer', '1002': A})
async def _(L):
    "a click whose own phone is a ring group behind a Local channel: 1002 answers and gets the customer; 1002 hangs up"
    L.trunk.policy = A
    await click(L, '1001', '9441632960078', 'click-54', Channel='Local/600@from-internal/n')
    b = await up(L, '1002')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(b)
    await ended(t)


@scenario('click-two-outside', {})
async def _(L):
    "a click that calls one outside number and then another; the first hangs up"
    L.trunk.policy = A
    await click(L, '1001', '9441632960078', 'click-55', Channel='Local/9441632960066@from-internal/n')
    t = await L.trunk.incoming()
    await t.wait_up()
    t2 = await L.trunk.incoming()
    await t2.wait_up()
    await talk_and_hang(t)
    await ended(t2)


@scenario('click-customer-rejects', {'1001': 'answer=0.7', '1002': 'reject=603'})
async def _(L):
    "1001 clicks on 1002, who declines"
    await click(L, '1001', '1002', 'click-57')
    a = await up(L, '1001')
    await ended(a)


@scenario('click-application-queue', {'1001': A, '1003': 'manual'})
async def _(L):
    "the customer is called first and put into queue support (Application: Queue); 1001 answers; the customer hangs up"
    L.trunk.policy = A
    trunk = 'PJSIP/441632960078@trunk' if L.tech == 'PJSIP' else 'SIP/trunk/441632960078'
    await L.ami.action('Originate', {'Channel': trunk, 'Application': 'Queue', 'Data': 'support,tT',
                                     'CallerID': '"Example Ltd" <5551000>', 'Timeout': '10000', 'Async': 'true'}, actionid='click-60')
    t = await L.trunk.incoming()
    await up(L, '1001')
    await talk_and_hang(t)


# ------------------------------------------------------------- the far end
def progress(d, body):
    d.p.respond(d.invite, 183, 'Session Progress', d.ltag, body)


@scenario('outbound-early-media', {'1001': 'manual'})
async def _(L):
    "the far end plays an announcement before it answers (183), then answers; 1001 hangs up"
    L.trunk.policy = 'silent'
    c = await L.ph['1001'].call('9441632960077')
    t = await L.trunk.incoming()
    progress(t, await t.sdp())
    await sleep(2)
    await t.answer()
    await c.wait_up()
    await talk_and_hang(c)
    await ended(t)


@scenario('outbound-early-media-busy', {'1001': 'manual'})
async def _(L):
    "the far end plays an announcement (183) and is then busy"
    L.trunk.policy = 'silent'
    c = await L.ph['1001'].call('9441632960077')
    t = await L.trunk.incoming()
    progress(t, await t.sdp())
    await sleep(2)
    t.reject(486)
    await ended(c)


@scenario('outbound-no-such-number', {'1001': 'manual'})
async def _(L):
    "the provider does not know the number (404)"
    L.trunk.policy = 'reject=404'
    c = await L.ph['1001'].call('9441632960000')
    await ended(c)


@scenario('inbound-early-media', {'1001': 'silent'})
async def _(L):
    "1001's phone answers an outside call with 183, then 200; the caller hangs up"
    c = await caller(L, '5551001', 47, 'Early Phone')
    a = await L.ph['1001'].incoming()
    progress(a, await a.sdp())
    await sleep(1.5)
    await a.answer()
    await c.wait_up()
    await talk_and_hang(c)


@scenario('twin-mobile-answers', {'1001': 'noanswer'})
async def _(L):
    "the desk phone and a mobile ring at once, the mobile answers and hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await caller(L, '5551035', 49, 'Mobile Of Twin')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(t)
    await ended(c)


@scenario('twin-internal', {'1004': 'manual', '1001': 'noanswer'})
async def _(L):
    "1004 calls 604, the mobile answers; 1004 hangs up"
    L.trunk.policy = 'answer=1.5'
    c = await L.ph['1004'].call('604')
    t = await L.trunk.incoming()
    await t.wait_up()
    await talk_and_hang(c)


@scenario('dial-through', {'1003': A}, media=True)
async def _(L):
    "an outside caller dials 1003 at the line to dial on from (DISA); 1003 hangs up"
    c = await caller(L, '5551036', 51, 'Dials On')
    await c.wait_up()
    await sleep(1)
    await c.dtmf('1003')
    b = await up(L, '1003', 20)
    await talk_and_hang(b)
    await ended(c)


@scenario('dial-through-outside', {}, media=True)
async def _(L):
    "an outside caller dials an outside number there, which answers; he hangs up"
    L.trunk.policy = A
    c = await caller(L, '5551036', 52, 'Dials Out Again')
    await c.wait_up()
    await sleep(1)
    await c.dtmf('9441632960066')
    t = await L.trunk.incoming(25)
    await t.wait_up()
    await talk_and_hang(c)


# ------------------------------------------------------------- voicemail and the operator
@scenario('voicemail-operator', {'1004': A}, media=True)
async def _(L):
    "the caller leaves the greeting of a mailbox by 0; the operator 1004 answers and hangs up"
    c = await caller(L, '5551034', 53, 'Wants An Operator')
    await c.wait_up()
    await sleep(2)
    await c.dtmf('0')
    b = await up(L, '1004')
    await talk_and_hang(b)
    await ended(c)


@scenario('voicemail-operator-noanswer', {'1004': 'noanswer'}, media=True)
async def _(L):
    "the same, and the operator does not answer"
    c = await caller(L, '5551034', 54, 'No Operator')
    await c.wait_up()
    await sleep(2)
    await c.dtmf('0')
    await ended(c, t=30)


# ------------------------------------------------------------- groups
@scenario('hunt-nobody', {'1001': 'busy', '1002': 'reject=603', '1003': 'busy'})
async def _(L):
    "a hunt: busy, declined, busy"
    c = await caller(L, '5551043', 57, 'Hunted In Vain')
    await ended(c, t=20)


@scenario('hunt-abandoned-second', {'1001': 'noanswer', '1002': 'noanswer', '1003': 'noanswer'})
async def _(L):
    "a hunt: the caller gives up while the second phone rings"
    c = await caller(L, '5551043', 58, 'Gave Up Hunting')
    await L.ph['1002'].incoming()
    await sleep(1)
    c.cancel()
    await ended(c)


@scenario('group-local-passing', {'1001': 'noanswer', '1002': A}, media=True)
async def _(L):
    "a group behind Local channels that go away when 1002 answers; it holds and resumes; the caller hangs up"
    c = await caller(L, '5551044', 59, 'Local Gone')
    b = await up(L, '1002')
    await sleep(1)
    await b.hold()
    await sleep(1)
    await b.unhold()
    await talk_and_hang(c, 1)


@scenario('callee-goes-on', {'1001': A}, media=True)
async def _(L):
    "when the caller hangs up, 1001 goes on in the dialplan (option F) and hears an announcement, then hangs up"
    c, a = await inbound(L, '5551042', 61, 'Leaves Alice There')
    await talk_and_hang(c)
    await talk_and_hang(a, 1.5)


# ------------------------------------------------------------- queues
@scenario('queue-passing', {'1001': 'noanswer', '1002': A}, media=True)
async def _(L):
    "members behind Local channels that go away: 1001 does not answer, 1002 does, holds, resumes; the caller hangs up"
    c, b = await inbound(L, '5551037', 62, 'Passing Local', '1002')
    await sleep(1)
    await b.hold()
    await sleep(1)
    await b.unhold()
    await talk_and_hang(c, 1)


@scenario('queue-passing-blind', {'1001': A, '1003': A}, media=True)
async def _(L):
    "the same, 1001 answers and sends the caller blind to 1003 (REFER); 1003 hangs up"
    c, a = await inbound(L, '5551037', 63, 'Passing And Sent')
    await sleep(1.5)
    b = await blind(a, '1003', L.ph['1003'])
    await talk_and_hang(b)
    await ended(c)


@scenario('queue-passing-attended', {'1001': A, '1003': 'answer=0.7'}, media=True)
async def _(L):
    "the same, 1001 asks 1003 and transfers; 1001 had put him on hold; the caller hangs up"
    c, a = await inbound(L, '5551037', 64, 'Passing And Asked')
    await sleep(1.5)
    a2 = await consult(L, a, '1001', '1003')
    await up(L, '1003')
    await sleep(1)
    await complete(a, a2, '1003')
    await talk_and_hang(c)


@scenario('queue-nested', {'1003': A, '1002': 'noanswer'})
async def _(L):
    "the member of a queue is another queue: 1003 answers there; the caller hangs up"
    c, b = await inbound(L, '5551038', 66, 'Queue In Queue', '1003')
    await talk_and_hang(c)


@scenario('queue-nested-abandoned', {'1003': 'noanswer', '1002': 'noanswer'})
async def _(L):
    "the same, and the caller gives up while both ring"
    c = await caller(L, '5551038', 67, 'Nobody In Either')
    await L.ph['1003'].incoming()
    await sleep(2)
    await c.bye()


@scenario('queue-autopause', {'1001': 'noanswer'})
async def _(L):
    "the only member does not answer, is paused, and the queue sends the caller on; the next caller is not let in; 1001 is unpaused"
    c = await caller(L, '5551039', 68, 'Paused The Agent')
    await ended(c, t=30)
    c = await caller(L, '5551039', 69, 'All Are Paused')
    await ended(c, t=30)
    await L.ami.action('QueuePause', member(L, 'strict', '1001', Paused='false'))


@scenario('queue-told', {'1001': 'answer=5.0'})
async def _(L):
    "the queue tells the caller where he stands, and the agent how long he waited; for which the agent is kept from him a while; the caller hangs up"
    L.ph['1001'].policy = 'noanswer'
    c = await caller(L, '5551046', 72, 'Knows His Place')
    await L.ph['1001'].incoming()
    L.ph['1001'].policy = A
    a = await up(L, '1001', 30)
    await talk_and_hang(c, 5)


@scenario('queue-to-room', {'1001': 'noanswer', '1002': 'manual'})
async def _(L):
    "a waiting caller is redirected by AMI into the conference where 1002 sits; he leaves, then 1002"
    d = await L.ph['1002'].call('550')
    await d.wait_up()
    c = await caller(L, '5551000', 74, 'From Queue To Room')
    await L.ph['1001'].incoming()
    await sleep(1)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '550', 'Priority': '1'})
    await sleep(2.5)
    await c.bye()
    await talk_and_hang(d, 1)


@scenario('redirect-agent', {'1001': A})
async def _(L):
    "the agent's channel is redirected by AMI to an announcement: the caller is without it, and the call is over; 1001 hangs up"
    c, a = await inbound(L, '5551000', 75, 'Agent Redirected')
    await sleep(1.5)
    await L.ami.action('Redirect', {'Channel': channel(L, '1001'), 'Context': 'from-internal', 'Exten': '996', 'Priority': '1'})
    await talk_and_hang(a, 2)
    await ended(c)


@scenario('spied-and-transferred', {'1001': A, '1003': A, '1004': 'manual'})
async def _(L):
    "1004 listens to 1001 (*51001) from before the call; 1001 sends the caller blind to 1003; 1004 hangs up; the caller hangs up"
    s = await L.ph['1004'].call('*51001')
    await s.wait_up()
    c, a = await inbound(L, '5551000', 76, 'Spied And Sent')
    await sleep(1.5)
    await blind(a, '1003', L.ph['1003'])
    await sleep(1)
    await s.bye()
    await talk_and_hang(c, 1)


@scenario('queue-two-joined', {'1001': A})
async def _(L):
    "the agent has two callers of queue inuse, and joins them with each other; the second hangs up"
    c1, a1 = await inbound(L, '5551026', 77, 'Queue One Joined')
    await sleep(1)
    await a1.hold()
    c2, a2 = await inbound(L, '5551026', 78, 'Queue Two Joined')
    await sleep(1.5)
    await complete(a1, a2, '1001')
    await talk_and_hang(c2)
    await ended(c1)


@scenario('queue-member-forward-chain', {'1001': 'forward=1003', '1003': 'forward=1004', '1004': A})
async def _(L):
    "the member's phone forwards to 1003, that to 1004, who answers; the caller hangs up"
    c = await caller(L, '5551000', 79, 'Forwarded Twice')
    await up(L, '1004', 20)
    await talk_and_hang(c)


@scenario('record-code', {'1001': A}, media=True)
async def _(L):
    "1001 begins to record with *3, ends it with *3, and hangs up"
    c, a = await inbound(L, '5551001', 81, 'Recorded By Code')
    await sleep(1)
    await a.dtmf('*3')
    await sleep(2)
    await a.dtmf('*3')
    await talk_and_hang(a, 1)
    await ended(c)


@scenario('outside-in-room-fetched', {'1001': A, '1002': A})
async def _(L):
    "a caller sits alone in the conference; by AMI he is redirected to 1002, who answers and hangs up"
    c = await caller(L, '5551011', 82, 'Fetched From The Room')
    await c.wait_up()
    await sleep(2)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '1002', 'Priority': '1'})
    b = await up(L, '1002')
    await talk_and_hang(b)
    await ended(c)


# ------------------------------------------------------------- several Local channels deep
@scenario('nested-blind', {'1003': A, '1002': 'noanswer', '1004': A})
async def _(L):
    "a queue in a queue, 1003 answers and sends the caller blind to 1004; 1004 hangs up"
    c, b = await inbound(L, '5551038', 83, 'Nested And Sent', '1003')
    await sleep(1.5)
    d = await blind(b, '1004', L.ph['1004'])
    await talk_and_hang(d)
    await ended(c)


@scenario('nested-attended', {'1003': A, '1002': 'noanswer', '1004': 'answer=0.7'})
async def _(L):
    "the same, 1003 asks 1004 on a second line and transfers; the caller hangs up"
    c, b = await inbound(L, '5551038', 84, 'Nested And Asked', '1003')
    await sleep(1)
    b2 = await consult(L, b, '1003', '1004')
    await up(L, '1004')
    await sleep(1)
    await complete(b, b2, '1004')
    await talk_and_hang(c)


@scenario('nested-park', {'1003': A, '1002': 'noanswer', '1004': 'manual'})
async def _(L):
    "the same, 1003 holds, resumes, parks the caller, 1004 fetches him and hangs up"
    c, b = await inbound(L, '5551038', 85, 'Nested And Parked', '1003')
    await sleep(1)
    await b.hold()
    await sleep(1)
    await b.unhold()
    await sleep(0.7)
    space = await park(L, b)
    r = await L.ph['1004'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2)
    await ended(c)


@scenario('local-group-blind', {'1001': 'noanswer', '1002': A, '1003': 'noanswer', '1004': A})
async def _(L):
    "a group behind a Local channel; 1002 answers and sends the caller blind to 1004 by #1; the caller hangs up"
    c, b = await inbound(L, '5551019', 86, 'Local Group Sent', '1002')
    await sleep(1)
    await code(b, '#1', '1004')
    await up(L, '1004')
    await talk_and_hang(c)


@scenario('local-group-asked', {'1001': 'noanswer', '1002': A, '1003': 'noanswer', '1004': 'answer=0.7'})
async def _(L):
    "the same; 1002 asks 1004 by *2 and hangs up; 1004 hangs up"
    c, b = await inbound(L, '5551019', 87, 'Local Group Asked', '1002')
    await sleep(1)
    await code(b, '*2', '1004')
    d = await up(L, '1004')
    await sleep(1.5)
    await b.bye()
    await talk_and_hang(d, 2)
    await ended(c)


@scenario('pickup-forwarded', {'1001': 'forward=1003', '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "1001's phone forwards to 1003; 1004 takes the ring of 1003; the caller hangs up"
    c = await caller(L, '5551001', 90, 'Forwarded And Taken')
    await L.ph['1003'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81003')
    await p.wait_up()
    await talk_and_hang(c)
    await ended(p)


@scenario('pickup-local-group', {'1001': 'noanswer', '1002': 'noanswer', '1003': 'noanswer', '1004': 'manual'})
async def _(L):
    "a group behind a Local channel rings three, 1004 takes the ring of 1002 and hangs up"
    c = await caller(L, '5551019', 91, 'Local Group Taken')
    await L.ph['1002'].incoming()
    await sleep(1)
    p = await L.ph['1004'].call('*81002')
    await p.wait_up()
    await talk_and_hang(p)
    await ended(c)


# ------------------------------------------------------------- more of parking and passing on
@scenario('park-comeback-noanswer', {'1001': A})
async def _(L):
    "nobody takes the parked caller, and 1001 does not answer when he comes back: he is lost"
    c, a = await inbound(L, '5551001', 92, 'Back To Nobody')
    await sleep(0.7)
    await park(L, a)
    L.ph['1001'].policy = 'noanswer'
    await ended(c, t=60)


@scenario('park-itself', {'1004': 'manual', '1001': 'manual'})
async def _(L):
    "1004 calls 700 and is parked; 1001 calls the slot, they talk; 1001 hangs up"
    f = asyncio.ensure_future(parked(L))
    c = await L.ph['1004'].call('700')
    space = (await f)['ParkingSpace']
    await sleep(1.5)
    r = await L.ph['1001'].call(space)
    await r.wait_up()
    await talk_and_hang(r, 2.5)
    await ended(c)


@scenario('consult-sent-on', {'1001': A, '1003': 'answer=0.7', '1004': 'answer=0.7'})
async def _(L):
    "1001 asks 1003, who sends it blind to 1004; 1001 then transfers the caller to who it got; the caller hangs up"
    c, a = await inbound(L, '5551001', 93, 'Asked And Sent On')
    await sleep(1)
    a2 = await consult(L, a, '1001', '1003')
    b = await up(L, '1003')
    await sleep(0.7)
    await blind(b, '1004', L.ph['1004'])
    await sleep(1)
    await complete(a, a2, '1004')
    await talk_and_hang(c)


@scenario('sent-to-operator', {'1001': A, '1004': A}, media=True)
async def _(L):
    "1001 sends the caller to a mailbox, he leaves it by 0 and gets the operator 1004, who sends him to another mailbox; he hangs up there"
    c, a = await inbound(L, '5551001', 94, 'Mailbox To Mailbox')
    await sleep(1)
    await blind(a, '330')
    await sleep(2)
    await c.dtmf('0')
    b = await up(L, '1004')
    await sleep(1)
    await blind(b, '81003')
    await talk_and_hang(c, 2.5)


@scenario('parked-to-queue', {'1001': A, '1003': A, '1002': 'noanswer'})
async def _(L):
    "a parked caller is redirected by AMI into queue sales; 1003 answers; the caller hangs up"
    c, a = await inbound(L, '5551001', 95, 'From Park To Queue')
    await sleep(0.7)
    await park(L, a)
    await sleep(1)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '501', 'Priority': '1'})
    await up(L, '1003')
    await talk_and_hang(c)


@scenario('ami-sends-agent', {'1001': A, '1003': A})
async def _(L):
    "BlindTransfer by AMI of the caller's own channel: 1001 is sent to 1003; 1003 hangs up"
    c, a = await inbound(L, '5551000', 96, 'Agent Sent On')
    await sleep(1.5)
    await L.ami.action('BlindTransfer', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '1003'})
    b = await up(L, '1003')
    await talk_and_hang(b)
    await ended(a)


@scenario('room-in-turn', {'1001': A, '1002': 'manual'})
async def _(L):
    "queue call; 1001 sends the caller to the conference, 1002 joins him there and leaves; by AMI the caller goes to 1001 again, who hangs up"
    c, a = await inbound(L, '5551000', 97, 'Room And Back')
    await sleep(1)
    await blind(a, '550')
    await sleep(1)
    d = await L.ph['1002'].call('550')
    await d.wait_up()
    await talk_and_hang(d, 2)
    await L.ami.action('Redirect', {'Channel': channel(L, 'trunk'), 'Context': 'from-internal', 'Exten': '1001', 'Priority': '1'})
    a = await up(L, '1001')
    await talk_and_hang(a)
    await ended(c)
