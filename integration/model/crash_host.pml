/*
 * Part of crash.pml: the stream, what a host holds, and its deliveries.
 */

/* ---- the stream ---- */

typedef Message {
	byte set;        /* its tasks */
	byte crashes;    /* of each of them */
	short id;        /* its Nats-Msg-Id */
	bit known;       /* the stream would know the id again */
	bit stored;
	bit leased;
	bit acked;       /* an acknowledgement is on its way to the broker */
	byte due;        /* it was stored, or given back, and may be delivered for that */
	byte deliveries; /* so far; it stands for the consumer's sequence number */
}
Message message[MESSAGES];
byte messages = 0;

#define ready(x) (message[x].stored && !message[x].leased)
#define after(y, x) ((x) <= (y) || !ready(y))
#define next(x)  (ready(x) && after(0, x) && after(1, x) && after(2, x) && after(3, x) && after(4, x))

/* The id of what is stored again names the delivery that it comes from, what that is
 * for, and the content. */
#define CHARGED 0
#define REST    1
#ifdef ID_WITHOUT_CONTENT
#define ID(m, n, use, set) (1 + ((m) * 8 + (n)) * 2 + (use))
#else
#define ID(m, n, use, set) (1 + (((m) * 8 + (n)) * 2 + (use)) * 8 + (set))
#endif

/* store has the stream store a message; not again if it knows the id. */
inline store(tasks, with, called) {
	d_step {
		i = 0;
		do
		:: i < messages && !(message[i].known && message[i].id == called) -> i++
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
			message[i].id = called;
			message[i].known = 1;
			message[i].stored = 1;
			message[i].due = 1;
			messages++
		:: else
		fi;
		i = 0
	}
}

/* ---- the hosts ---- */

/* Delivery is what a supervisor holds. Each of its tasks is in one of the sets, or in
 * safe hands. */
typedef Delivery {
	byte m;        /* the message plus one; 0 if there is none */
	byte n;        /* the delivery's number */
	byte set;
	byte crashes;
	byte left;     /* how many tasks are not in safe hands */
	byte wait;     /* wait for a process */
	byte out;      /* are in runs */
	byte ran;      /* ran when their process died, which is yet to be decided */
	byte send;     /* have outcomes on their way */
	byte charged;  /* are on their way to the stream, with a charge, */
	byte rest;     /* and without */
	byte under[2]; /* the delivery's number when that was named */
	bit failed;    /* an outcome could be neither handed off nor stored */
	bit gone;      /* it was acknowledged or given back */
}
/* Run is tasks of a delivery that a process has, as its supervisor sees it, and Record
 * the same on the scoreboard. */
typedef Run {
	byte id;       /* its number; 0 if there is none */
	byte d;        /* the delivery */
	byte tasks;
	byte end;
	byte received; /* outcomes that have come */
}
typedef Record {
	byte id;       /* these three are one word */
	byte next;
	byte end;
	byte finished;
}
typedef Host {
	Delivery d[HELD];
	bit falling;     /* the host was killed */
	bit dead;        /* the worker process has died, and that is yet to be seen to */
	byte victim;     /* the task that truly ran then */
	byte latest;     /* the number of the latest run */
	Run given[2];    /* by the last bit of the number, as they stand on the board */
	Record board[2]; /* it outlives the worker process */
	/* The worker process's own memory: */
	byte at;         /* the run that it is at, */
	byte tasks;      /* and its tasks */
	bit loaded;      /* it has read the word: */
	byte next;
	byte end;
	byte running;    /* the task in its handler */
	byte outbox;     /* tasks that have finished, whose outcomes it has not sent */
}
Host host[HOSTS];
#define my host[h]
#define d(s) my.d[s]
#define mine(r) my.given[(r) & 1]
#define word(r) my.board[(r) & 1]
bit began; /* the hosts are alike, so the first delivery is host 0's */

/* The link, each way: the number of a run, and its tasks or the one that has ended. */
chan runs[HOSTS] = [4] of { byte, byte };
chan outcomes[HOSTS] = [4] of { byte, byte };

#define holds(h, s, x) (host[h].d[s].m == (x) + 1 && !host[h].d[s].gone)
#if HELD > 1
#define hostHolds(h, x) (holds(h, 0, x) || holds(h, 1, x))
#else
#define hostHolds(h, x) holds(h, 0, x)
#endif
#if HOSTS > 1
#define held(x) (hostHolds(0, x) || hostHolds(1, x))
#else
#define held(x) hostHolds(0, x)
#endif

inline drop(s) {
	d(s).m = 0; d(s).n = 0; d(s).set = 0; d(s).crashes = 0; d(s).left = 0;
	d(s).wait = 0; d(s).out = 0; d(s).ran = 0; d(s).send = 0; d(s).charged = 0; d(s).rest = 0;
	d(s).under[0] = 0; d(s).under[1] = 0; d(s).failed = 0; d(s).gone = 0
}
inline clearProcess(h) {
	my.at = 0; my.tasks = 0; my.loaded = 0; my.next = 0; my.end = 0; my.running = 0; my.outbox = 0;
	do
	:: nempty(runs[h]) -> runs[h]?_,_
	:: empty(runs[h]) -> break
	od
}
inline clearRun(r) {
	my.given[r].id = 0; my.given[r].d = 0; my.given[r].tasks = 0; my.given[r].end = 0; my.given[r].received = 0
}
inline clearBoard(r) {
	my.board[r].id = 0; my.board[r].next = 0; my.board[r].end = 0; my.board[r].finished = 0
}

/* ---- deliveries ---- */

/* lease has the broker deliver a message: for the first time, since it was given back,
 * or since a lease has ended or the broker has been killed. */
inline lease(x) {
	message[x].leased = 1;
	message[x].deliveries++;
	assert(message[x].deliveries < 8)
}
#define diedFor(task, s) (!(d(s).set & (task)) || d(s).crashes <= died[index(task)])
inline take(x) {
	atomic {
		next(x) && !hostHolds(h, x) && (h == 0 || began) &&
#if HELD > 1
		(d(0).m == 0 || d(1).m == 0) ->
		i = (d(0).m == 0 -> 0 : 1);
#else
		d(0).m == 0 ->
#endif
		d_step {
			began = 1;
			lease(x);
			if
			:: message[x].due -> message[x].due--
			:: else -> again++; spareEach(message[x].set)
			fi;
			d(i).m = x + 1;
			d(i).n = message[x].deliveries;
			d(i).set = message[x].set;
			d(i).crashes = message[x].crashes;
#ifdef CHARGE_AGAIN
			d(i).crashes = d(i).crashes + (message[x].deliveries > 1);
#endif
			promise(OnlyDeathsAreCharged, diedFor(A, i) && diedFor(B, i) && diedFor(C, i));
			d(i).left = size(message[x].set);
			d(i).wait = message[x].set;
			i = 0
		}
	}
}
/* attach: a message comes again that the host holds. */
inline attach(x, s) {
	atomic { next(x) && holds(h, s, x) ->
#ifndef HOLD_TWICE
		lease(x);
		if
		:: message[x].due -> message[x].due-- /* another host had it, too */
		:: else
		fi;
		d(s).n = message[x].deliveries
#else
		lease(x);
		i = 1 - s;
		assert(d(i).m == 0);
		d(i).m = x + 1; d(i).n = message[x].deliveries; d(i).set = message[x].set;
		d(i).crashes = message[x].crashes; d(i).left = size(message[x].set); d(i).wait = message[x].set;
		i = 0
#endif
	}
}

/* settle acknowledges a delivery of which nothing is left, and returns one that has
 * failed to the queue when nothing of it runs. What is still on its way arrives or does not. */
#define pending(s) (d(s).send | d(s).charged | d(s).rest)
#define idle(s) (d(s).out == 0 && d(s).ran == 0)
#ifdef GIVE_BACK_RUNNING
#define rests(s) true
#else
#define rests(s) idle(s)
#endif
inline settle(s) {
	if
	:: d(s).gone && pending(s) == 0 && idle(s) -> drop(s)
	:: !d(s).gone && d(s).failed && rests(s) ->
		spareEach(d(s).set & ~(d(s).wait | d(s).out | d(s).ran));
		again++;
		message[d(s).m - 1].due++;
		message[d(s).m - 1].leased = 0;
		d(s).wait = 0;
		d(s).gone = 1;
		if
		:: pending(s) == 0 && idle(s) -> drop(s)
		:: else
		fi
	:: !d(s).gone && !d(s).failed && d(s).left == 0 ->
		message[d(s).m - 1].acked = message[d(s).m - 1].stored;
		d(s).gone = 1;
		if
		:: pending(s) == 0 && idle(s) -> drop(s)
		:: else
		fi
	:: else
	fi
}
/* handedOff notes that a task is in safe hands. */
inline handedOff(s) {
	if
	:: !d(s).gone -> d(s).left--
	:: else
	fi;
	settle(s)
}
