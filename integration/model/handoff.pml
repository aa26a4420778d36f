/*
 * The hand-off: how one task gets into its queue, and its outcome back.
 *
 * One client, two hosts, and a broker with the queue's stream, RESULTS and DEAD. It
 * follows producer/broker.go, registry.go and sweep.go (the client),
 * internal/handoff/desk.go, and pool/delivery.go, outcomes.go and recovery.go (the
 * supervisor, which holds what the broker delivers and hands off what becomes of
 * it). How a worker process gets a task, and whose death is charged, is crash.pml's
 * matter; here a process begins, finishes and sends. With DURABLE the outcome goes
 * to RESULTS at once, and when the client dies another one attaches to the task.
 *
 * Each atomic block is one step. Between any two of them the client, a worker
 * process or a host may die, a connection be lost with what was on it, or a lease
 * end, each as often as the constants say. When all that has happened there is no
 * way back, so that every run ends: what must come to pass has come to pass by
 * then.
 */

#ifndef DEATHS
#define DEATHS 2      /* of worker processes */
#endif
#ifndef HOST_DEATHS
#define HOST_DEATHS 1
#endif
#ifndef CLIENT_DEATHS
#define CLIENT_DEATHS 0
#endif
#ifndef LOST
#define LOST 1        /* messages lost on their way, and leases ended under a living host */
#endif
#ifndef RETURNS
#define RETURNS 0     /* deliveries given back, for another host */
#endif
#ifndef CUTS
#define CUTS 1        /* the client's connections lost */
#endif
#ifndef DURABLE
#define DURABLE 0
#endif
#define BUDGET 2      /* crashes with which the task is given up */
#define MESSAGES 5    /* that the stream may come to hold; more is the model's error */

/* A promise that is broken is an assertion violated, with its name. */
bit AcceptedMeansStored, OneOutcome, StoredOutcomeStands, NeverRemovedTooEarly, DeadLetterFirst;
#define promise(name, holds) assert((holds) || name)

/* Outcomes. Two runs of a task need not come to the same. */
#define NONE 0
#define THIS 1
#define THAT 2
#define DIED 3 /* the failure of a task whose crash budget is used up */

/* ---- the broker ---- */

/* Message is one in the queue's stream: the task, or a copy put back. */
typedef Message {
	bit stored;
	bit leased;
	bit acked;     /* an acknowledgement is on its way to the broker */
	byte crashes;
}
Message message[MESSAGES];
byte messages = 0;
byte results = NONE; /* in RESULTS */
bit dead;            /* a letter is in DEAD */

/* ---- the client ---- */

bit registered;      /* the future is in the registry */
byte settled = 0;    /* how often it got an outcome */
bit accepted;        /* the publish was acknowledged */
bit connected = 1;
bit taken;           /* a client has had an outcome in its hands */

/* On their way to the client: */
bit live;            /* what RESULTS republishes */
bit stray[4];        /* outcomes whose sender waits no more */

/* ---- the hosts ---- */

typedef Host {
	byte m;         /* the message plus one whose delivery the supervisor holds */
	bit falling;    /* the host was killed */
	byte way;       /* an outcome on its way to the client, with a reply subject */
	bit receipt;    /* a receipt on its way from the client */
}
Host host[2];
#define my host[h]

bit began; /* the hosts are alike, so the first delivery is host 0's */

byte deaths = DEATHS, hostDeaths = HOST_DEATHS, clientDeaths = CLIENT_DEATHS, lost = LOST, cuts = CUTS, returns = RETURNS;

/* lose is a message that does not arrive. */
#define lose lost > 0 -> lost--

/* ---- promises ---- */

#define inQueue (message[0].stored || message[1].stored || message[2].stored || message[3].stored || message[4].stored)
#if DURABLE
#define inSafeHands (results != NONE)
#else
#define inSafeHands (taken || results != NONE)
#endif

/* ---- the client ---- */

/* settle hands an outcome to the future, if it is still in the registry. */
inline settle(o) {
	taken = 1;
	if
#ifndef SETTLE_TWICE
	:: registered ->
#else
	:: true ->
#endif
		registered = 0;
		settled++;
		promise(OneOutcome, settled == 1);
		promise(DeadLetterFirst, o != DIED || dead);
#if DURABLE
		promise(StoredOutcomeStands, o == results)
#endif
#ifndef SETTLE_TWICE
	:: else
#endif
	fi
}

/* reply: outcomes come on the reply subject; the receipt goes to who sent them. */
inline reply(x) {
	atomic { connected && host[x].way ->
		settle(host[x].way);
		host[x].way = NONE;
		if
		:: host[x].receipt = 1
		:: lose
		fi }
}
inline late(v) {
	atomic { connected && stray[v] -> stray[v] = 0; settle(v) }
}

/* publish: the batch has an id of its own, so it is stored once however often it
 * is sent. */
inline publish() {
	atomic { !accepted && connected ->
		if
		:: messages == 0 -> message[0].stored = 1; messages = 1
#ifdef ACCEPT_BEFORE_STORED
		:: messages == 0 && lost > 0 -> lost--
#endif
		:: else
		fi;
		if
		:: true ->
			accepted = 1;
			promise(AcceptedMeansStored, inQueue || inSafeHands)
		:: lose /* the stream's answer */
		fi }
}

/* drop: with the client's connection goes what was on its way to it. Whoever
 * waits for a receipt waits for nothing. */
inline drop() {
	host[0].way = NONE; host[1].way = NONE;
	stray[THIS] = 0; stray[THAT] = 0; stray[DIED] = 0;
	live = 0
}

proctype Client() {
	registered = 1;
	{
		do
		:: publish()
		:: reply(0) :: reply(1)
		:: late(THIS) :: late(THAT) :: late(DIED)
		:: atomic { connected && live -> settle(results); live = 0 }
#ifndef NEVER_COLLECT
		:: atomic { connected && registered && results -> settle(results) } /* after a reconnect, or long waiting */
#endif
		:: atomic { !connected -> connected = 1 }
		od
	} unless { clientDeaths < CLIENT_DEATHS };
	/* Another client attaches, if the task was accepted. It listens, and looks. */
	atomic {
		drop(); connected = DURABLE; settled = 0; registered = accepted && DURABLE
	}
#if DURABLE
	do
	:: atomic { connected && live -> settle(results); live = 0 }
	:: atomic { connected && registered && results -> settle(results) }
	:: atomic { !connected -> connected = 1 }
	od
#endif
}

/* ---- supervisors, each with one worker process after the other ---- */

/* keep stores an outcome in RESULTS, unless there is one. */
inline keep(o) {
	if
#ifndef STORE_WITHOUT_FENCE
	:: results == NONE ->
#else
	:: true ->
#endif
		promise(StoredOutcomeStands, results == NONE || results == o);
		results = o;
		live = connected /* else it is republished to nobody */
#ifndef STORE_WITHOUT_FENCE
	:: else
#endif
	fi
}

/* handOff gets an outcome into safe hands: to the client, or into RESULTS. */
inline handOff(outcome) {
#if !DURABLE
	if
	:: atomic { connected -> my.way = outcome }
	:: atomic { !connected -> skip } /* no responders */
	:: atomic { connected && lost > 0 -> lost-- }
	fi;
	if
	:: atomic { my.receipt -> my.receipt = 0; safe = 1 }
	:: atomic { /* not in time: what may still be on its way has no sender now */
		stray[my.way] = 1; stray[NONE] = 0; my.way = NONE; my.receipt = 0 }
	fi;
#endif
	do
	:: safe -> safe = 0; break
	:: atomic { !safe ->
		keep(outcome);
		if
		:: safe = 1
		:: lose /* the answer: it is stored again */
		fi }
	od
}

/* take: a delivery comes. One on its way to a host that dies is a lease that nobody
 * holds. */
inline take(x) {
	atomic { message[x].stored && !message[x].leased && my.m == 0 && (h == 0 || began) ->
		began = 1;
		message[x].leased = 1; my.m = x + 1; crashes = message[x].crashes }
}
inline acknowledge() {
	message[my.m - 1].acked = message[my.m - 1].stored; my.m = 0
}

/* hold waits until the task's outcome has come from its process, the process has
 * died with the task at work, or the delivery is given back. */
inline hold() {
	do
	:: atomic { !runs && !ended && returns > 0 -> returns--; message[my.m - 1].leased = 0; my.m = 0; break }
	:: atomic { !runs && !ended -> runs = 1 }
	:: atomic { runs -> runs = 0; ended = 1 }
	:: atomic { ended -> ended = 0; outcome = (h == 0 -> THIS : THAT); break } /* its outcome is read */
	:: atomic { runs && deaths > 0 -> deaths--; runs = 0; crashes++; charged = 1; break }
	:: atomic { ended && deaths > 0 -> deaths--; ended = 0 } /* unsent, and not charged: it runs again */
	od
}

/* store puts the task back into its queue; once, since it has an id. */
inline store(with) {
	if
	:: !put ->
		assert(messages < MESSAGES);
		message[messages].stored = 1;
		message[messages].crashes = with;
		messages++;
		put = 1
	:: else
	fi
}

/* pass gets into safe hands what has become of the task: its outcome, or the task
 * with a charge, or the failure of one whose budget is used up. */
inline pass() {
#ifdef ACK_BEFORE_HANDOFF
	if
	:: outcome -> message[my.m - 1].acked = message[my.m - 1].stored
	:: else
	fi;
#endif
#ifdef ACK_BEFORE_PUT_BACK
	if
	:: charged -> message[my.m - 1].acked = message[my.m - 1].stored
	:: else
	fi;
#endif
	if
	:: outcome -> handOff(outcome)
	:: charged && crashes < BUDGET ->
		do
		:: atomic { store(crashes);
			if
			:: break
			:: lose /* the stream's answer: it is sent again */
			fi }
		od
	:: charged && crashes == BUDGET ->
#ifndef HAND_OFF_BEFORE_DEAD
		dead = 1;
#endif
		handOff(DIED);
#ifdef HAND_OFF_BEFORE_DEAD
		dead = 1;
#endif
	fi;
	atomic { acknowledge(); outcome = NONE; crashes = 0; charged = 0; put = 0 }
}

proctype Supervisor(byte h) {
	byte outcome, crashes;
	bit runs, ended; /* in the handler; and with an outcome that is not sent */
	bit charged, safe, put;
life:
	{
		do
		:: if
			:: take(0) :: take(1) :: take(2) :: take(3) :: take(4)
			fi;
			hold();
			if
			:: my.m -> pass()
			:: else -> crashes = 0
			fi
		od
	} unless { my.falling };
	atomic { /* the host is gone with its processes, and another comes */
		stray[my.way] = 1; stray[NONE] = 0; my.way = NONE; my.receipt = 0;
		my.m = 0; my.falling = 0;
		runs = 0; ended = 0; charged = 0; outcome = NONE; crashes = 0; safe = 0; put = 0
	}
	goto life
}

/* ---- the broker, and bad luck ---- */

#define held(x) (host[0].m == (x) + 1 || host[1].m == (x) + 1)

inline remove(x) { /* an acknowledgement arrives, of whichever delivery */
	atomic { message[x].acked ->
		message[x].acked = 0; message[x].stored = 0; message[x].leased = 0;
		promise(NeverRemovedTooEarly, inQueue || inSafeHands);
		message[x].crashes = 0 }
}
inline expire(x) { /* nobody renews the lease any more */
	atomic { message[x].leased && !held(x) && !message[x].acked -> message[x].leased = 0 }
}
/* attach: a message comes again to the host that holds it. The lease is that of the
 * new delivery, and nothing else changes. */
inline attach(x) {
	atomic { message[x].stored && !message[x].leased && held(x) -> message[x].leased = 1 }
}
proctype Broker() {
	do
	:: remove(0) :: remove(1) :: remove(2) :: remove(3) :: remove(4)
	:: expire(0) :: expire(1) :: expire(2) :: expire(3) :: expire(4)
	:: attach(0) :: attach(1) :: attach(2) :: attach(3) :: attach(4)
	od
}

inline fall(h) {
	atomic { hostDeaths > 0 && my.m && !my.falling -> hostDeaths--; my.falling = 1 }
}
inline loseAck(x) { atomic { lost > 0 && message[x].acked -> lost--; message[x].acked = 0 } }
inline cutOff(x) { atomic { lost > 0 && message[x].leased && held(x) -> lost--; message[x].leased = 0 } }

proctype Chance() {
	do
	:: fall(0) :: fall(1)
	:: loseAck(0) :: loseAck(1) :: loseAck(2) :: loseAck(3) :: loseAck(4)
	:: cutOff(0) :: cutOff(1) :: cutOff(2) :: cutOff(3) :: cutOff(4)
	:: atomic { cuts > 0 && connected -> cuts--; connected = 0; drop() }
	:: atomic { clientDeaths > 0 -> clientDeaths-- }
	od
}

init { atomic { run Client(); run Supervisor(0); run Supervisor(1); run Broker(); run Chance() } }

/* Of a client that has died the future is not asked for; nor is that of a task
 * that was not accepted before the death, by the client that attaches. */
ltl ExactlyOneOutcome { <> [] !registered }
ltl EveryTaskLeavesItsQueue { <> [] !inQueue }
