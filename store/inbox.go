package store

import (
	"context"
	"time"
)

// JobKind says what a job of the inbox is.
type JobKind string

// The kinds of jobs.
const (
	EventJob JobKind = "event" // Body is what a webhook has brought, Key stands for it: what comes again makes no second job
	FetchJob JobKind = "fetch" // the file of a message, which is the Key, is to be fetched and kept
	WordsJob JobKind = "words" // what is said in the file of a message, which is the Key, is to be put into words for people to read
	HearJob  JobKind = "hear"  // a voice note, which is the Key, is to be put into words
	ReplyJob JobKind = "reply" // a bot is to answer a thread, which is the Key
	SendJob  JobKind = "send"  // a message is to be sent, which is the Key; those of a thread go out one after another
)

// A Job is something that the inbox has to do, on whichever node.
type Job struct {
	ID      string
	Number  int64
	Org     string
	Bot     string
	Kind    JobKind
	Key     string // unique among the jobs of a bot and kind
	Thread  string // the conversation; empty: of an event
	Body    string
	Tries   int // how often it was taken
	Settled int // how often it was put off since; one less than Tries, unless a node has died with it
	Due     time.Time
	Latest  time.Time // to which it can be put off by JobReply's that come again
	Node    string    // who works on it, until Due
	Created time.Time
}

// A JobTaking is what a node takes of the jobs that are due.
type JobTaking struct {
	Kind  JobKind
	Node  string
	Now   time.Time
	Until time.Time // when others may take what the node has not settled: it has crashed
	Most  int
}

// Waiting is what is due of a kind of jobs.
type Waiting struct {
	Jobs   int
	Oldest time.Time // when the first of them was due
}

// Jobs are what the inbox has to do. Their rows are named by their id alone: these methods are the inbox's, not a client's.
type Jobs interface {
	// AddJob keeps a new job; false: there is one of its bot, kind and key, also one that is done, and nothing is kept. ErrNotFound if the
	// organisation has no such bot.
	AddJob(ctx context.Context, j Job) (bool, error)
	// TakeJobs claims jobs of a kind that are due, the longest waiting first: of nodes that take at once, one gets each. A SendJob waits while an
	// earlier one of its thread is there, a ReplyJob while a HearJob of its thread is: it answers that, too.
	TakeJobs(ctx context.Context, t JobTaking) ([]Job, error)
	// PutOffJob lets a job that was taken be taken again later. ErrConflict if it is no more the node's that took it.
	PutOffJob(ctx context.Context, j Job, due time.Time) error
	// GiveBackJob lets a job that was taken be taken again, as if it had not been: it was no try. ErrConflict as of PutOffJob.
	GiveBackJob(ctx context.Context, j Job, due time.Time) error
	// EndJob says that a job that was taken is done, or why it never will be. Events are kept for a while, so that they are known again; others go.
	// ErrConflict as of PutOffJob.
	EndJob(ctx context.Context, j Job, failure string, at time.Time) error
	// WaitingJobs are what is due, by kind.
	WaitingJobs(ctx context.Context, now time.Time) (map[JobKind]Waiting, error)
	// SweepJobs removes at most so many that ended before a time.
	SweepJobs(ctx context.Context, before time.Time, most int) (removed int64, err error)
}

// MessageStatus is how far a message of ours has come; empty: it is somebody else's, or was not sent by a channel.
type MessageStatus string

// The statuses of a message, in the order of how much each says: of two that come in any order, the later one here holds.
const (
	MessagePending   MessageStatus = "pending"
	MessageSent      MessageStatus = "sent"
	MessageFailed    MessageStatus = "failed"
	MessageDelivered MessageStatus = "delivered"
	MessageRead      MessageStatus = "read"
	MessagePlayed    MessageStatus = "played" // of a voice note
)

// Rank is a status' place in that order.
func (s MessageStatus) Rank() int64 {
	for i, one := range []MessageStatus{MessagePending, MessageSent, MessageFailed, MessageDelivered, MessageRead, MessagePlayed} {
		if s == one {
			return int64(i)
		}
	}
	return -1
}

// The authors of messages.
const (
	ByCustomer = "customer"
	ByBot      = "bot"
	ByHuman    = "human"
)

// A Received message is what somebody has written to a bot.
type Received struct {
	Org, Bot string
	Peers    []string // what they are called on the channel, the best name first: a phone number in E.164, an id of the channel's own
	Name     string   // what they call themselves; empty: not known
	Metadata string   // JSON object, of a thread that begins with it
	Message  ThreadMessage
	Reply    time.Time // when the bot is to answer, if it answers in the thread by itself; zero: never
	Latest   time.Time // the latest time to which that is put off when more is received
	Hear     bool      // it is a voice note, to be put into words before it is answered
	Fetch    bool      // it has a file, to be fetched and kept
}

// A Fetched file is what came of a FetchJob.
type Fetched struct {
	Job  Job
	Data string // of the message, from now on
	File *File  // nil: it could not be had
	Bot  string // that puts what is said in it into words, by a WordsJob; empty: nobody does
}

// Words are what was said in a voice note.
type Words struct {
	Org           string
	Job           Job    // that has heard it
	Text          string // empty: nothing was understood
	Summary       string // that, in short
	Failure       string // why it was not heard
	Reply, Latest time.Time
}

// A Reception is what came of a Received message.
type Reception struct {
	Conversation Conversation
	Message      string // its id
	Began        bool   // the conversation began with it
	Fresh        bool   // it was not there before
}

// A Posting is a message of ours that is to be sent.
type Posting struct {
	Org     string
	Message ThreadMessage // pending
	Job     Job           // that sends it
	More    []Posting     // what is to be sent after it, each a Message and its Job
	Answers *Job          // the ReplyJob that it ends; nil: none
	After   string        // the thread's last message: if it is another by now, or the bot answers no more by itself, nothing is kept; empty: any
}

// A Receipt is what a channel tells of a message of ours.
type Receipt struct {
	Org, Bot string
	External string // the channel's id of it
	Message  string // ours, where the channel knows that; else empty
	Status   MessageStatus
	Error    string
	At       time.Time
}

// Threads are the conversations of channels, as those who serve the channels write them.
type Threads interface {
	// BotOwner is whose a bot is: ErrNotFound if there is none.
	BotOwner(ctx context.Context, bot string) (org string, err error)
	// Receive keeps a message in the thread of a bot with somebody, which it begins if there is none and makes active again if it was over. Whoever
	// writes becomes a contact, unless there is one who has such an address. What has been received before (Message.External) changes nothing.
	Receive(ctx context.Context, r Received) (Reception, error)
	// Begin finds the thread of a bot with somebody as Receive does, or begins it without a message. Message.Created is when.
	Begin(ctx context.Context, r Received) (Reception, error)
	// Fetched ends a FetchJob: its file is kept, and the message says where. ErrConflict if the job is no more the node's that took it.
	Fetched(ctx context.Context, f Fetched) error
	// Heard ends a HearJob: the message has these words from then on, and the bot is to answer as of Receive. ErrConflict if the job is no more the
	// node's that took it.
	Heard(ctx context.Context, w Words) error
	// Post keeps a message, and those after it, and the jobs that send them; the first is given back. ErrConflict if what it says of After or Answers does not hold.
	Post(ctx context.Context, p Posting) (ThreadMessage, error)
	// Sent ends a SendJob: the channel's id of its message, or why that was not sent.
	Sent(ctx context.Context, j Job, external, failure string, at time.Time) error
	// Receipted keeps what a channel tells of a message, unless more is known already; also of one that nobody knows yet. The message is empty then,
	// or if nothing has changed.
	Receipted(ctx context.Context, r Receipt) (conversation, message string, err error)
	ThreadMessage(ctx context.Context, org, conversation, id string) (ThreadMessage, error)
	// LastMessages are the newest of a conversation that is no call, oldest first.
	LastMessages(ctx context.Context, org, conversation string, most int) ([]ThreadMessage, error)
	// LastReceived is the newest that somebody else has written: ErrNotFound if nobody has.
	LastReceived(ctx context.Context, org, conversation string) (ThreadMessage, error)
	// Peers are what the other end of a thread is called on its channel, the best name first.
	Peers(ctx context.Context, org, conversation string) ([]string, error)
}
