package broker

import "errors"

var (
	// ErrQueueName says that a queue's name is not 1 to 64 of A–Z a–z 0–9 _ -.
	ErrQueueName = errors.New("bad queue name")

	// ErrSchedule says that a cron expression or its time zone is not one.
	ErrSchedule = errors.New("bad schedule")

	// ErrAckSubject says that a subject is not the acknowledgement subject of
	// a JetStream delivery.
	ErrAckSubject = errors.New("not a JetStream acknowledgement subject")

	// ErrForeignStream says that a stream or consumer with one of Muster's
	// names or subjects exists and is configured otherwise. It is never
	// changed: somebody made it so.
	ErrForeignStream = errors.New("stream is not configured as muster needs it")

	// ErrURL says that a broker's URL is not one.
	ErrURL = errors.New("bad broker URL")

	// ErrUnreachable says that no broker could be spoken to at the URL.
	ErrUnreachable = errors.New("broker unreachable")

	// ErrCredential says that the broker refused the credential, or the lack
	// of one.
	ErrCredential = errors.New("broker refused the credential")

	// ErrLogin says that credentials cannot be used: a file is missing, or is not
	// what it should be.
	ErrLogin = errors.New("unusable credentials")

	// ErrTLS says that broker and program could not agree on a secure connection.
	ErrTLS = errors.New("no secure connection to the broker")

	// ErrPermission says that the broker does not permit the user what it tried.
	ErrPermission = errors.New("broker refused permission")

	// ErrNotNATS says that what listens at the URL does not speak NATS.
	ErrNotNATS = errors.New("not a NATS server")

	// ErrServerVersion says that the broker is older than [MinServer].
	ErrServerVersion = errors.New("nats-server is too old")

	// ErrNoJetStream says that JetStream is off, or not permitted to this user.
	ErrNoJetStream = errors.New("no JetStream")

	// ErrContext says that the selected NATS context cannot be used.
	ErrContext = errors.New("unusable NATS context")

	// ErrStart says that the embedded server did not start.
	ErrStart = errors.New("broker did not start")

	// ErrStoreHeld says that another broker runs in the store directory.
	ErrStoreHeld = errors.New("store directory in use")

	// ErrStoreLost says that the store directory was removed under the broker.
	ErrStoreLost = errors.New("store directory lost")

	// ErrReload says that a broker goes on with the configuration that it had.
	ErrReload = errors.New("configuration not reloaded")

	// ErrClosed says that a publisher, or the connection under it, was closed
	// before the fate of the message was known: it may be stored.
	ErrClosed = errors.New("publisher closed")

	// ErrWrongLastSequence says that the stream already holds something where
	// the message expected nothing, or something else. After a lost
	// acknowledgement that may be the message itself: an unreplicated stream
	// checks the expectation before it looks for duplicates.
	ErrWrongLastSequence = errors.New("wrong last sequence")

	// ErrNoStream says that no stream takes the subject.
	ErrNoStream = errors.New("no stream takes the subject")

	// ErrStreamFull says that the stream, or its account, has no room left.
	ErrStreamFull = errors.New("stream is full")

	// ErrNoLetter says that there is no such dead letter.
	ErrNoLetter = errors.New("no such dead letter")

	// ErrTooLarge says that the message is larger than the broker accepts.
	ErrTooLarge = errors.New("message too large")
)
