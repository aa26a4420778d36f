/*
 * Crash accounting: who is charged when a worker process dies, and that nothing
 * is lost when its supervisor puts its tasks back.
 *
 * Two hosts, each a supervisor with one worker process after the other; a stream
 * with a batch of two tasks, A and B, and a batch of one, C. A process may hold
 * two deliveries, one of which waits. How an outcome gets into safe hands is
 * handoff.pml's matter; here it is one step, and the worker's hearing of it
 * another.
 *
 * It follows consumer/delivery.go and consumer/execute.go (the worker process),
 * internal/scoreboard (Slot) and pool/aftermath.go (the supervisor). Each atomic
 * block is one step. Between any two of them a worker process or a host may die,
 * the broker be killed, a lease end, or an answer be lost, each as often as the
 * constants say. When all that has happened there is no way back, so that every
 * run ends: what must come to pass has come to pass by then.
 */

#ifndef DEATHS
#define DEATHS 2     /* of worker processes */
#endif
#ifndef HOST_DEATHS
#define HOST_DEATHS 1
#endif
#ifndef KILLS
#define KILLS 0      /* of the broker, by SIGKILL */
#endif
#ifndef LOST
#define LOST 1       /* answers lost, and leases ended under a living process */
#endif
#ifndef GIVE_UP
#define GIVE_UP 0    /* supervisors out of patience before all is put back */
#endif
#ifndef REFUSED
#define REFUSED 0    /* outcomes that neither the client nor RESULTS takes */
#endif
#ifndef HOSTS
#define HOSTS 2
#endif
#ifndef SINGLE
#define SINGLE 0     /* whether the batch of one is there */
#endif
#define BUDGET 2     /* crashes with which a task is given up */
#define MESSAGES 8   /* that the stream may come to hold; more is the model's error */

/* A promise that is broken is an assertion violated, with its name. */
bit NeverRemovedTooEarly, OnlyTheRunningTaskIsCharged, OneChargePerDeath, CrashBudgetKept;
#define promise(name, holds) assert((holds) || name)

/* A set of tasks is a bit mask. A batch is run in order, A before B. */
#define A 1
#define B 2
#define C 4
#define size(set)      ((set) == (A | B) -> 2 : 1)
#define nth(set, n)    ((set) == (A | B) -> (n) : (set)) /* from 1 */
#define behind(set, n) ((n) == 0 -> (set) : ((n) < size(set) -> B : 0)) /* without the first n */
#define index(task)    ((task) >> 1)

/* ---- the stream ---- */

typedef Message {
	byte set;        /* its tasks */
	byte crashes;    /* of each of them */
	short id;        /* its Nats-Msg-Id */
	bit known;       /* the stream would know the id again */
	bit stored;
	bit leased;
	bit acked;       /* an acknowledgement is on its way to the broker */
	byte deliveries; /* so far; it stands for the consumer's sequence number */
}
Message message[MESSAGES];
byte messages = 0;

#define ready(x) (message[x].stored && !message[x].leased)
#define after(y, x) ((x) <= (y) || !ready(y))
#define next(x)  (ready(x) && after(0, x) && after(1, x) && after(2, x) && after(3, x) && after(4, x) && after(5, x) && after(6, x))

/* The id of what is put back names the delivery that it comes from and, lest
 * different things have one name, what it is. */
#define SUSPECT 0
#define REST    1
#ifdef ID_WITHOUT_CONTENT
#define ID(m, n, part, set) (1 + ((m) * 8 + (n)) * 2 + (part))
#else
#define ID(m, n, part, set) (1 + (((m) * 8 + (n)) * 2 + (part)) * 4 + ((set) & 3))
#endif

/* store has the stream store a message; not again if it knows the id. */
inline store(tasks, with, name) {
	d_step {
		i = 0;
		do
		:: i < messages && !(message[i].known && message[i].id == name) -> i++
		:: else -> break
		od;
#ifdef STORE_WITHOUT_ID
		i = messages;
#endif
		if
		:: i == messages ->
			assert(messages < MESSAGES);
			message[i].set = tasks;
			message[i].crashes = with;
			message[i].id = name;
			message[i].known = 1;
			message[i].stored = 1;
			messages++
		:: else
		fi;
		i = 0
	}
}

byte safe = 0; /* tasks whose outcome is with the client, or in RESULTS */
byte dead = 0; /* tasks with a dead letter */

/* ---- faults yet to come, and what has been ---- */

byte deaths = DEATHS, hostDeaths = HOST_DEATHS, kills = KILLS, lost = LOST, gaveUp = GIVE_UP, refused = REFUSED;
/* For the crash budget, which is not looked at together with kills of the broker:
 * deliveries that came again though nobody gave them back, and deaths while A, B
 * or C ran. */
#define BUDGETED (KILLS == 0)
byte again = 0;
byte died[3];
inline countAgain() { again = again + BUDGETED }

/* ---- the hosts ---- */

/* Slot is a record of the scoreboard: it outlives the worker process. */
typedef Slot {
	byte m;        /* the delivery's message plus one; 0 if the slot is free */
	byte n;        /* the delivery's number */
	byte set;
	byte started;
	byte finished;
	byte handed;
}
typedef Host {
	Slot slot[2];
	bit dying;       /* the worker process was killed */
	bit falling;     /* the host was */
	byte victim;     /* the task that truly ran when the process died */
	/* The worker process's own memory: */
	byte at;         /* what the executor is at: a slot plus one */
	byte set;        /* its tasks */
	byte begun;      /* how many of them were begun */
	byte running;    /* the task in its handler */
	bit failed;      /* an outcome of it could not be handed off */
	byte sent[2];    /* for each slot: outcomes on their way, */
	byte arrived[2]; /* and in safe hands, but not yet noted */
}
Host host[2];
#define my host[h]
bit began; /* the hosts are alike, so the first delivery is host 0's */

#define holds(h, x) (host[h].slot[0].m == (x) + 1 || host[h].slot[1].m == (x) + 1)
#define held(x)     (holds(0, x) || holds(1, x))

/* release frees the slot of a delivery that is done, or given back. */
inline release(s) {
	my.slot[s].m = 0; my.slot[s].n = 0; my.slot[s].set = 0;
	my.slot[s].started = 0; my.slot[s].finished = 0; my.slot[s].handed = 0;
	my.sent[s] = 0; my.arrived[s] = 0
}

/* forget: what a process knew dies with it. */
inline forget() {
	my.at = 0; my.set = 0; my.begun = 0; my.running = 0; my.failed = 0;
	my.sent[0] = 0; my.sent[1] = 0; my.arrived[0] = 0; my.arrived[1] = 0
}

/* take: a delivery comes, and the process notes it on the board. One on its way
 * to a process that dies is a lease that nobody holds. The broker gives messages
 * in their order. */
inline take(x) {
	atomic {
		next(x) && (my.slot[0].m == 0 || my.slot[1].m == 0 && SINGLE) && (h == 0 || began) ->
		d_step {
			began = 1;
			i = (my.slot[0].m == 0 -> 0 : 1);
			message[x].leased = 1;
			message[x].deliveries++;
			assert(message[x].deliveries < 8);
			my.slot[i].m = x + 1;
			my.slot[i].n = message[x].deliveries;
			my.slot[i].set = message[x].set;
			i = 0
		}
	}
}

/* begin: the executor turns to a delivery at hand, and starts its first task. */
inline begin(s) {
	atomic {
		my.at == 0 && my.slot[s].m != 0 && my.slot[s].started == 0 ->
		my.at = s + 1; my.set = my.slot[s].set;
		start()
	}
}
inline start() {
	my.begun++;
	my.slot[my.at - 1].started++;
	my.running = nth(my.set, my.begun)
}

/* arrive: an outcome gets into safe hands, in the order of the tasks; then the
 * worker hears of it and notes it; with the last one it acknowledges. */
inline arrive(s) {
	atomic {
		my.sent[s] > 0 ->
		my.sent[s]--; my.arrived[s]++;
		safe = safe | nth(my.slot[s].set, my.slot[s].handed + my.arrived[s])
	}
}
inline note(s) {
	atomic { my.arrived[s] > 0 -> my.arrived[s]--; my.slot[s].handed++ }
}
inline settle(s) {
	atomic {
		my.slot[s].m != 0 && my.slot[s].handed == size(my.slot[s].set) ->
		message[my.slot[s].m - 1].acked = 1;
		release(s)
	}
}
#ifdef ACK_BEFORE_HANDOFF
inline ackEarly(s) { /* when all has run, though the outcomes are on their way */
	atomic {
		my.slot[s].m != 0 && my.slot[s].finished == size(my.slot[s].set) ->
		message[my.slot[s].m - 1].acked = 1;
		release(s)
	}
}
#endif
/* refuse: an outcome can be neither handed off nor stored. The delivery is given
 * back whole, but keeps its slot until the executor has let go of it. */
inline refuse(s) {
	atomic {
		refused > 0 && my.sent[s] > 0 ->
		refused--;
		if
		:: my.at == s + 1 -> my.failed = 1; my.sent[s] = 0; my.arrived[s] = 0
		:: else
		fi;
		if
#ifndef RELEASE_EARLY
		:: my.at == s + 1 && my.running
		:: my.at == s + 1 && !my.running -> letGo()
#endif
		:: else -> message[my.slot[s].m - 1].leased = 0; release(s)
		fi
	}
}

/* letGo: the executor is done with a delivery. */
inline letGo() {
#ifndef RELEASE_EARLY
	if
	:: my.failed -> message[my.slot[my.at - 1].m - 1].leased = 0; release(my.at - 1)
	:: else
	fi;
#endif
	my.at = 0; my.set = 0; my.begun = 0; my.failed = 0
}
#ifdef RELEASE_EARLY
#define CARRY_ON (my.begun < size(my.set))
#else
#define CARRY_ON (my.begun < size(my.set) && !my.failed)
#endif

/* serve is a worker process: the executor, one task after the other, and beside
 * it the deliveries that come and the outcomes on their way. */
inline serve() {
	do
	:: take(0) :: take(1) :: take(2) :: take(3) :: take(4) :: take(5) :: take(6) :: take(7)
	:: begin(0) :: begin(1)
	:: atomic { /* start the next task */
		my.at != 0 && my.running == 0 && CARRY_ON ->
		start()
	}
	:: atomic { /* finish it, and let go of the delivery if there is no other */
		my.running != 0 ->
		my.slot[my.at - 1].finished++;
		my.running = 0;
		if
		:: my.failed
		:: else -> my.sent[my.at - 1]++
		fi;
		if
		:: CARRY_ON
		:: else -> letGo()
		fi
	}
#ifdef ACK_BEFORE_HANDOFF
	:: ackEarly(0) :: ackEarly(1)
#endif
	:: arrive(0) :: arrive(1) :: note(0) :: note(1) :: settle(0) :: settle(1)
	:: refuse(0) :: refuse(1)
	od
}

/* ---- the supervisor ---- */

/* charge charges a task with the death of its process. */
inline charge(task) {
	promise(OnlyTheRunningTaskIsCharged, (task) == my.victim);
	promise(OneChargePerDeath, !accused);
	accused = 1
}

/* putBack sees to a delivery that a dead process had in hand. The parts of a
 * batch are stored beside each other, each until the stream says so. */
inline putBack(s) {
	if
	:: my.slot[s].m == 0
	:: my.slot[s].m != 0 && my.slot[s].started == 0 -> /* not begun: given back */
		atomic {
#ifdef CHARGE_PREFETCHED
			suspect = nth(my.slot[s].set, 1);
			charge(suspect);
			suspect = 0;
#endif
			message[my.slot[s].m - 1].leased = 0;
			release(s)
		}
	:: my.slot[s].m != 0 && my.slot[s].started > 0 ->
		atomic { /* read the board, and the message unless it is gone */
			from = my.slot[s].m - 1;
			crashes = message[from].crashes;
			if
			:: my.slot[s].handed < size(my.slot[s].set) && message[from].stored ->
				rest = behind(my.slot[s].set, my.slot[s].handed);
				if
				:: my.slot[s].started > my.slot[s].finished ->
					suspect = nth(my.slot[s].set, my.slot[s].started);
					rest = rest - suspect;
					charge(suspect)
				:: else
				fi
			:: else
			fi
		}
		do
		:: atomic { suspect && crashes + 1 < BUDGET ->
			store(suspect, crashes + 1, ID(from, my.slot[s].n, SUSPECT, suspect));
			if
			:: suspect = 0
			:: lost > 0 -> lost-- /* the stream's answer: it is stored again */
			fi }
		:: atomic { suspect && crashes + 1 >= BUDGET && !(dead & suspect) ->
			dead = dead | suspect }
		:: atomic { suspect && crashes + 1 >= BUDGET && (dead & suspect) ->
			safe = safe | suspect; suspect = 0 }
		:: atomic { rest ->
			store(rest, crashes, ID(from, my.slot[s].n, REST, rest));
			if
			:: rest = 0
			:: lost > 0 -> lost--
			fi }
		:: atomic { gaveUp > 0 && (suspect || rest) -> /* out of patience: the lease ends */
			gaveUp--; suspect = 0; rest = 0; break }
		:: atomic { !suspect && !rest -> message[from].acked = message[from].stored; break }
		od;
		atomic { from = 0; crashes = 0; release(s) }
	fi
}

proctype Supervisor(byte h) {
	byte i, from, crashes, suspect, rest;
	bit accused;
life:
	{
		do
		:: { serve() } unless { my.dying };
			atomic { forget() };
			putBack(0);
			putBack(1);
			atomic { accused = 0; my.victim = 0; my.dying = 0 }
		od
	} unless { my.falling };
	atomic {
		forget(); release(0); release(1);
		i = 0; from = 0; crashes = 0; suspect = 0; rest = 0; accused = 0;
		my.victim = 0; my.dying = 0; my.falling = 0
	}
	goto life
}

/* ---- the broker, and bad luck ---- */

/* kept: every task of a set is in the queue, or its outcome is safe. */
#define in(x)  (message[x].stored -> message[x].set : 0)
#define kept(set) (((set) & (safe | in(0) | in(1) | in(2) | in(3) | in(4) | in(5) | in(6) | in(7))) == (set))

inline remove(x) { /* an acknowledgement arrives, of whichever delivery */
	atomic { message[x].acked ->
		message[x].acked = 0; message[x].stored = 0; message[x].leased = 0;
		promise(NeverRemovedTooEarly, kept(message[x].set));
		message[x].set = 0; message[x].crashes = 0; message[x].deliveries = 0 }
}
inline expire(x) { /* nobody renews the lease any more */
	atomic { message[x].leased && !held(x) && !message[x].acked -> message[x].leased = 0; countAgain() }
}
proctype Broker() {
	do
	:: remove(0) :: remove(1) :: remove(2) :: remove(3) :: remove(4) :: remove(5) :: remove(6) :: remove(7)
	:: expire(0) :: expire(1) :: expire(2) :: expire(3) :: expire(4) :: expire(5) :: expire(6) :: expire(7)
	od
}

#define busy(h) (!host[h].dying && !host[h].falling && (host[h].slot[0].m || host[h].slot[1].m))
inline die(h) {
	atomic { deaths > 0 && busy(h) ->
		deaths--;
		host[h].dying = 1;
		host[h].victim = host[h].running;
		if
		:: host[h].running && BUDGETED ->
			died[index(host[h].running)]++;
			promise(CrashBudgetKept, died[index(host[h].running)] <= BUDGET * (1 + again))
		:: else
		fi }
}
inline fall(h) {
	atomic { hostDeaths > 0 && !host[h].falling && (host[h].slot[0].m || host[h].slot[1].m) ->
		hostDeaths--; host[h].falling = 1 }
}
inline lose(x)   { atomic { lost > 0 && message[x].acked -> lost--; message[x].acked = 0 } }
inline cutOff(x) { atomic { lost > 0 && message[x].leased && held(x) -> lost--; message[x].leased = 0; countAgain() } }
/* A broker that is killed loses what was on its way, the ids of messages that it
 * no longer has, and perhaps its newest deliveries, whose numbers come again. */
inline restart(x) {
	message[x].acked = 0;
	if
	:: !message[x].stored -> message[x].known = 0; message[x].id = 0
	:: message[x].leased && message[x].deliveries > 0 ->
		message[x].leased = 0; message[x].deliveries--
	:: message[x].stored
	fi
}
proctype Chance() {
	do
	:: die(0) :: die(1)
	:: fall(0) :: fall(1)
#if LOST
	:: lose(0) :: lose(1) :: lose(2) :: lose(3) :: lose(4) :: lose(5) :: lose(6) :: lose(7)
	:: cutOff(0) :: cutOff(1) :: cutOff(2) :: cutOff(3) :: cutOff(4) :: cutOff(5) :: cutOff(6) :: cutOff(7)
#endif
#if KILLS
	:: atomic { kills > 0 -> kills--;
		restart(0); restart(1); restart(2); restart(3); restart(4); restart(5); restart(6); restart(7) }
#endif
	od
}

init {
	byte i;
	atomic {
		store(A | B, 0, -1);
#if SINGLE
		store(C, 0, -2);
#endif
		run Supervisor(0);
#if HOSTS > 1
		run Supervisor(1);
#endif
		run Broker(); run Chance()
	}
}

#if SINGLE
#define ALL (A | B | C)
#else
#define ALL (A | B)
#endif
ltl EveryTaskEnds { <> (safe == ALL) }
