/*
 * Part of crash.pml: a host's supervisor and its worker process.
 */

/* ---- runs ---- */

/* give hands a process the first of what waits, or all. */
#define FIRST(set) ((set) == (A | B) -> A : (set))
inline give(s, part) {
	atomic {
		d(s).wait && !d(s).gone && (part || d(s).wait == (A | B)) && (my.given[0].id == 0 || my.given[1].id == 0) ->
		d_step {
			my.latest = my.latest + (mine(my.latest + 1).id == 0 -> 1 : 2);
			assert(my.latest < 32);
			i = (part -> FIRST(d(s).wait) : d(s).wait);
			d(s).wait = d(s).wait - i;
			d(s).out = d(s).out | i;
			mine(my.latest).id = my.latest; mine(my.latest).d = s; mine(my.latest).tasks = i;
			mine(my.latest).end = size(i); mine(my.latest).received = 0;
			word(my.latest).finished = 0;
			word(my.latest).id = my.latest; word(my.latest).next = 0; word(my.latest).end = size(i);
			if
			:: !my.dead -> assert(nfull(runs[h])); runs[h]!my.latest,i
			:: else
			fi;
			i = 0
		}
	}
}

/* takeBack takes back what a process has not begun of a run, by a compare-and-swap. */
#define inHand(r) (my.at == my.given[r].id -> (my.running | my.outbox) : 0)
inline takeBack(r) {
	atomic {
		takenBack > 0 && my.given[r].id && my.board[r].next < my.given[r].end ->
		takenBack--;
		i = my.board[r].next;
#ifdef TAKE_BACK_WITHOUT_SWAP
	}
	atomic { /* the word may have changed */
#endif
		d_step {
			back = behind(my.given[r].tasks, i);
			promise(TakenBackIsNotBegun, (back & inHand(r)) == 0);
			my.board[r].next = i; my.board[r].end = i;
			d(my.given[r].d).wait = d(my.given[r].d).wait | back;
			d(my.given[r].d).out = d(my.given[r].d).out & ~back;
			my.given[r].end = i;
			if
			:: my.given[r].received == i -> clearRun(r)
			:: else
			fi;
			i = 0; back = 0
		}
	}
}

/* read takes the next outcome from the link; those of a run come in order. */
inline read() {
	atomic {
		outcomes[h]?r,task ->
		promise(OutcomesOfItsRuns, mine(r).id == r && mine(r).received < mine(r).end);
		promise(OutcomesOfItsRuns, task == nth(mine(r).tasks, mine(r).received + 1));
		i = mine(r).d;
		mine(r).received++;
		d(i).out = d(i).out - task;
		d(i).send = d(i).send | task;
		if
		:: mine(r).received == mine(r).end -> clearRun(r & 1)
		:: else
		fi;
#ifdef ACK_BEFORE_HANDOFF
		handedOff(i);
#else
		if
		:: d(i).failed || d(i).gone -> settle(i)
		:: else
		fi;
#endif
		i = 0; r = 0; task = 0
	}
}

/* arrive: an outcome has got into safe hands, or can neither be handed off nor stored. */
inline arrive(s, task) {
	atomic { d(s).send & task ->
		d(s).send = d(s).send - task;
		if
		:: safe = safe | task;
#ifndef ACK_BEFORE_HANDOFF
			handedOff(s)
#endif
		:: refused > 0 -> refused--;
			d(s).failed = 1;
			settle(s)
		fi }
}

#define underOf(s, task) d(s).under[(task) == B]
inline label(s, task) { underOf(s, task) = d(s).n }
#ifdef NAME_THE_LATEST
#define named(s, task) d(s).n
#else
#define named(s, task) underOf(s, task)
#endif
/* giveBack returns to the queue what of a delivery waits: all of it as it is, or the rest
 * as a message of its own. */
inline giveBack(s) {
	atomic { givenBack > 0 && d(s).wait && !d(s).gone ->
		givenBack--;
		if
		:: d(s).wait == d(s).set ->
			if
			:: message[d(s).m - 1].leased = 0; message[d(s).m - 1].due++
			:: lost > 0 -> lost--
			fi;
			drop(s)
		:: else ->
			label(s, d(s).wait);
			d(s).rest = d(s).rest | d(s).wait;
			d(s).wait = 0;
#ifdef COUNT_BEFORE_STORED
			handedOff(s)
#endif
		fi }
}
/* putBack stores tasks again, each until the stream says so. */
inline answered(s, set, task) {
	if
	:: lost > 0 -> lost-- /* the stream's answer: it is sent again */
	:: set = set - task;
		underOf(s, task) = 0;
#ifdef COUNT_BEFORE_STORED
		settle(s)
#else
		handedOff(s)
#endif
	fi
}
inline storeRest(s, task) {
	atomic { d(s).rest & task ->
		store(task, d(s).crashes, ID(d(s).m - 1, named(s, task), REST, task));
		answered(s, d(s).rest, task) }
}
inline storeCharged(s, task) {
	atomic { d(s).charged & task ->
#ifdef CHARGE_FORGOTTEN
		store(task, d(s).crashes, ID(d(s).m - 1, named(s, task), CHARGED, task));
#else
		store(task, d(s).crashes + 1, ID(d(s).m - 1, named(s, task), CHARGED, task));
#endif
		answered(s, d(s).charged, task) }
}

/* ---- a death ---- */

#ifdef CHARGE_FINISHED
#define atWork(r) (my.board[r].next > my.given[r].received)
#else
#ifdef CHARGE_NOT_BEGUN
#define atWork(r) (my.given[r].end > my.given[r].received)
#else
#define atWork(r) (my.board[r].next > my.board[r].finished && my.board[r].next > my.given[r].received)
#endif
#endif
inline loseRun(r) {
	if
	:: my.given[r].id ->
		task = 0;
		i = my.given[r].d;
		back = behind(my.given[r].tasks, my.given[r].received) & d(i).out;
		if
		:: atWork(r) ->
			task = nth(my.given[r].tasks, my.board[r].next);
			promise(OnlyTheRunningTaskIsCharged, task == my.victim);
			promise(OneChargePerDeath, !accused);
			accused = 1
		:: else
		fi;
		back = back & ~task;
		d(i).out = d(i).out & ~(back | task);
		d(i).ran = d(i).ran | task;
		d(i).wait = d(i).wait | back;
		clearRun(r); clearBoard(r);
		i = 0; back = 0; task = 0
	:: else -> clearBoard(r)
	fi
}
/* lose takes the tasks of a process that has died, when all that it wrote to the link
 * has been read, or takes too long. Those that it did not run wait again. */
inline lose() {
	atomic {
#ifdef JUDGE_UNREAD
		my.dead ->
#else
		my.dead && (len(outcomes[h]) == 0 || lost > 0) ->
		lost = lost - (len(outcomes[h]) > 0);
#endif
		do
		:: nempty(outcomes[h]) ->
			outcomes[h]?_,task;
#ifndef JUDGE_UNREAD
			spareEach(task)
#endif
		:: empty(outcomes[h]) -> break
		od;
		task = 0;
		d_step {
			loseRun(0);
			loseRun(1);
			my.dead = 0; my.victim = 0; my.latest = 0; accused = 0
		}
	}
}

/* decide: the task that ran is charged. If that uses up its budget, it has failed. */
inline decide(s, task) {
	atomic { d(s).ran & task ->
		promise(OnlyDeathsAreCharged, d(s).crashes < died[index(task)]);
		d(s).ran = d(s).ran - task;
		if
		:: d(s).crashes + 1 < BUDGET ->
			label(s, task);
			d(s).charged = d(s).charged | task;
#ifdef COUNT_BEFORE_STORED
			handedOff(s)
#endif
		:: else -> d(s).send = d(s).send | task
		fi;
		if
		:: d(s).failed || d(s).gone -> settle(s)
		:: else
		fi }
}

#if SINGLE
#define ofEach(step, s) step(s, A) :: step(s, B) :: step(s, C)
#else
#define ofEach(step, s) step(s, A) :: step(s, B)
#endif
proctype Supervisor(byte h) {
	byte i, r, task, back;
	bit accused;
life:
	{
		do
		:: take(0) :: take(1) :: take(2) :: take(3) :: take(4) :: take(5)
		:: attach(0, 0) :: attach(1, 0) :: attach(2, 0) :: attach(3, 0) :: attach(4, 0) :: attach(5, 0)
		:: give(0, 0) :: give(0, 1)
		:: takeBack(0) :: takeBack(1)
		:: read()
		:: giveBack(0)
		:: ofEach(arrive, 0) :: ofEach(storeRest, 0) :: ofEach(storeCharged, 0) :: ofEach(decide, 0)
#if HELD > 1
		:: attach(0, 1) :: attach(1, 1) :: attach(2, 1) :: attach(3, 1) :: attach(4, 1) :: attach(5, 1)
		:: give(1, 0) :: give(1, 1)
		:: giveBack(1)
		:: ofEach(arrive, 1) :: ofEach(storeRest, 1) :: ofEach(storeCharged, 1) :: ofEach(decide, 1)
#endif
		:: lose()
		od
	} unless { my.falling };
	atomic { /* the host is gone with its process, and another comes */
		clearProcess(h);
		do
		:: nempty(outcomes[h]) -> outcomes[h]?_,_
		:: empty(outcomes[h]) -> break
		od;
		clearRun(0); clearRun(1); clearBoard(0); clearBoard(1);
		drop(0);
#if HELD > 1
		drop(1);
#endif
		i = 0; r = 0; task = 0; back = 0; accused = 0;
		my.dead = 0; my.victim = 0; my.latest = 0; my.falling = 0
	}
	goto life
}

/* ---- worker processes ---- */

#ifdef WORD_WITHOUT_RUN
#define isOf(r) true
#else
#define isOf(r) (word(r).id == (r))
#endif
#define lives (!my.dead && !my.falling)

inline flush() {
	do
	:: my.outbox ->
		task = FIRST(my.outbox);
		assert(nfull(outcomes[h]));
		outcomes[h]!my.at,task;
		my.outbox = my.outbox - task
	:: else -> break
	od;
	task = 0
}
proctype Worker(byte h) {
	byte task;
	do
	:: atomic { lives && my.at == 0 -> runs[h]?my.at,my.tasks }
	:: atomic { /* read the word */
		lives && my.at && !my.loaded && !my.running ->
		if
		:: isOf(my.at) && word(my.at).next < word(my.at).end ->
			my.loaded = 1; my.next = word(my.at).next; my.end = word(my.at).end
		:: else -> /* the run is over */
			flush();
			my.at = 0; my.tasks = 0
		fi }
	:: atomic { /* begin the next task, if the word has not changed meanwhile */
		lives && my.loaded ->
		if
#ifndef BEGIN_WITHOUT_SWAP
		:: !isOf(my.at) || word(my.at).next != my.next || word(my.at).end != my.end -> skip
#endif
		:: else ->
			word(my.at).next = my.next + 1; word(my.at).end = my.end;
			my.running = nth(my.tasks, my.next + 1);
			promise(TakenBackIsNotBegun, mine(my.at).id == my.at && my.next < mine(my.at).end);
			promise(RunsAgainOnlyForCause, spare[index(my.running)] > 0);
			spare[index(my.running)]--
		fi;
		my.loaded = 0; my.next = 0; my.end = 0 }
	:: atomic { /* end it, and note that */
		lives && my.running ->
		word(my.at).finished = word(my.at).next;
		my.outbox = my.outbox | my.running;
		my.running = 0 }
	:: atomic { lives && my.outbox -> flush() }
	od
}
