/*
 * Tasks between a supervisor and its process: who begins a task, who is charged when
 * a worker process dies, and that nothing is lost or runs again without need.
 *
 * Up to two hosts, each a supervisor with one worker process after the other; a
 * stream with a batch of two tasks, A and B, and a batch of one, C. How an outcome
 * gets into safe hands is handoff.pml's matter; here it is one step.
 *
 * It follows pool/scheduler.go, intake.go, delivery.go, runs.go, outcomes.go and
 * recovery.go (the supervisor), internal/scoreboard (Board and Record), and
 * consumer/executor.go and outbox.go (the worker process). Each atomic block is one
 * step. Between any two of them a worker process or a host may die, the broker be
 * killed, a lease end, or an answer be lost, each as often as the constants say. When
 * all that has happened there is no way back, so that every run ends: what must come
 * to pass has come to pass by then.
 */

#ifndef DEATHS
#define DEATHS 1     /* of worker processes */
#endif
#ifndef HOST_DEATHS
#define HOST_DEATHS 0
#endif
#ifndef KILLS
#define KILLS 0      /* of the broker, by SIGKILL */
#endif
#ifndef LOST
#define LOST 0       /* answers lost, outcomes read too late, and leases ended under a living host */
#endif
#ifndef TAKEN_BACK
#define TAKEN_BACK 0 /* runs taken back from a process */
#endif
#ifndef GIVEN_BACK
#define GIVEN_BACK 0 /* deliveries given back, whole or the rest of them */
#endif
#ifndef REFUSED
#define REFUSED 0    /* outcomes that neither the client nor RESULTS takes */
#endif
#ifndef HOSTS
#define HOSTS 1
#endif
#ifndef HELD
#define HELD 1       /* deliveries that a host may hold */
#endif
#ifndef SINGLE
#define SINGLE 0     /* whether the batch of one is there */
#endif
#define BUDGET 2     /* crashes with which a task is given up */
#define MESSAGES 6   /* that the stream may come to hold; more is the model's error */

/* A promise that is broken is an assertion violated, with its name. */
bit NeverRemovedTooEarly, OnlyTheRunningTaskIsCharged, OneChargePerDeath, OnlyDeathsAreCharged, CrashBudgetKept;
bit TakenBackIsNotBegun, RunsAgainOnlyForCause, OutcomesOfItsRuns;
#define promise(name, holds) assert((holds) || name)

/* A set of tasks is a bit mask. A batch is run in order, A before B. */
#define A 1
#define B 2
#define C 4
#define size(set)      ((set) == 0 -> 0 : ((set) == (A | B) -> 2 : 1))
#define nth(set, n)    ((set) == (A | B) -> (n) : (set)) /* from 1 */
#define behind(set, n) ((n) == 0 -> (set) : ((n) < size(set) -> B : 0)) /* without the first n */
#define index(task)    ((task) >> 1)

byte safe = 0; /* tasks whose outcome is with the client, or in RESULTS */
byte deaths = DEATHS, hostDeaths = HOST_DEATHS, kills = KILLS, lost = LOST, refused = REFUSED;
byte takenBack = TAKEN_BACK, givenBack = GIVEN_BACK; /* that are yet to come */

/* What has been, for the promises: deaths while A, B or C ran; deliveries that came
 * again though nobody gave them back; and how often each may begin. It may once, and
 * again for each copy that came about so, and when its process died before its outcome
 * was on the link. */
byte died[3], again = 0, spare[3];
#define spareEach(set) \
	spare[0] = spare[0] + ((set) & 1); spare[1] = spare[1] + (((set) >> 1) & 1); spare[2] = spare[2] + ((set) >> 2)

#include "crash_host.pml"
#include "crash_process.pml"

/* ---- the broker, and bad luck ---- */

/* kept: every task of a set is in the queue, or its outcome is safe. */
#define in(x)  (message[x].stored -> message[x].set : 0)
#define kept(set) (((set) & (safe | in(0) | in(1) | in(2) | in(3) | in(4) | in(5))) == (set))

inline remove(x) { /* an acknowledgement arrives, of whichever delivery */
	atomic { message[x].acked ->
		message[x].acked = 0; message[x].stored = 0; message[x].leased = 0;
		promise(NeverRemovedTooEarly, kept(message[x].set));
		message[x].set = 0; message[x].crashes = 0; message[x].deliveries = 0; message[x].due = 0 }
}
inline expire(x) { /* nobody renews the lease any more */
	atomic { message[x].leased && !held(x) && !message[x].acked -> message[x].leased = 0 }
}
proctype Broker() {
	do
	:: remove(0) :: remove(1) :: remove(2) :: remove(3) :: remove(4) :: remove(5)
	:: expire(0) :: expire(1) :: expire(2) :: expire(3) :: expire(4) :: expire(5)
	od
}

#define hasWork(h) (my.given[0].id || my.given[1].id)
inline die(h) {
	atomic { deaths > 0 && !my.dead && !my.falling && hasWork(h) ->
		deaths--;
		my.victim = my.running;
		spareEach(my.running | my.outbox);
		if
		:: my.running ->
			died[index(my.running)]++;
			promise(CrashBudgetKept, died[index(my.running)] <= BUDGET * (1 + again))
		:: else
		fi;
		my.dead = 1;
		clearProcess(h) }
}
inline fall(h) {
	atomic { hostDeaths > 0 && !my.falling && my.d[0].m -> hostDeaths--; my.falling = 1 }
}
inline loseAck(x)   { atomic { lost > 0 && message[x].acked -> lost--; message[x].acked = 0 } }
inline cutOff(x) { atomic { lost > 0 && message[x].leased && held(x) -> lost--; message[x].leased = 0 } }
/* A broker that is killed loses what was on its way, the ids of messages that it no
 * longer has, and perhaps its newest deliveries, whose numbers come again. */
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
	:: die(0) :: fall(0)
#if HOSTS > 1
	:: die(1) :: fall(1)
#endif
#if LOST
	:: loseAck(0) :: loseAck(1) :: loseAck(2) :: loseAck(3) :: loseAck(4) :: loseAck(5)
	:: cutOff(0) :: cutOff(1) :: cutOff(2) :: cutOff(3) :: cutOff(4) :: cutOff(5)
#endif
#if KILLS
	:: atomic { kills > 0 -> kills--;
		restart(0); restart(1); restart(2); restart(3); restart(4); restart(5) }
#endif
	od
}

#if SINGLE
#define ALL (A | B | C)
#else
#define ALL (A | B)
#endif
init {
	byte i;
	atomic {
		spareEach(ALL);
		store(A | B, 0, -1);
#if SINGLE
		store(C, 0, -2);
#endif
		run Supervisor(0); run Worker(0);
#if HOSTS > 1
		run Supervisor(1); run Worker(1);
#endif
		run Broker(); run Chance()
	}
}

ltl EveryTaskEnds { <> (safe == ALL) }
