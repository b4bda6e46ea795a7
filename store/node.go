package store

import (
	"context"
	"time"
)

// A Node is one process that serves. Its times are the database's, so nodes need not agree on theirs.
type Node struct {
	Boot     string // the process: a new id at each start
	Node     string // its data directory
	Version  string
	Started  time.Time
	Beat     time.Time // when it was last heard of
	Calls    int       // live then
	Draining bool      // it takes no new calls
	Gone     time.Time // when another node buried it; zero: it has not been, or was heard of again
}

// A Vigil says how long nodes may be silent.
type Vigil struct {
	// Gap is the longest time between two beats of a node that is steady. Who has not been, for as long as Silent, buries nobody: it may be
	// the database that was away, for everyone.
	Gap    time.Duration
	Silent time.Duration // a node that was not heard of for so long is buried by another
}

// A Burial is what was done for a node that was not heard of any more.
type Burial struct {
	Node  Node
	Calls []string // that were ended, with CauseCrash
	Dials int      // that others look into, from now on
}

// Nodes are the processes that serve from one database.
//
// The end of a call that a Burial wrote is presumed. Should its node be heard of again, its word counts: at its next Beat the call goes on;
// a Turned or Ended from its records, also those that its data directory gives out at the next start, take the place of what was presumed,
// and that start's Crashed adds the recording. The task that the call carried out goes with it, unless it has been reset meanwhile.
type Nodes interface {
	// Installation names this database: a word of letters and digits, the same for all nodes and for ever.
	Installation(ctx context.Context) (string, error)
	// Beat says that a node lives, and how it does. Of n, Started, Beat and Gone are not looked at. If it had been buried, the calls that were
	// ended for it go on; reopened is how many.
	Beat(ctx context.Context, n Node, v Vigil) (reopened int, err error)
	// Bury ends the open calls of one node that is silent, and has others look into its dials; of nodes that do so at once, one does. Only
	// who beats steadily may: for others, and if nobody is silent, done is false.
	Bury(ctx context.Context, by string, v Vigil) (b Burial, done bool, err error)
	// Leave removes a node that stops. One that leaves open calls behind stays, to be buried.
	Leave(ctx context.Context, boot string) error
	// Nodes lists them, oldest first, also those that were buried within the last day.
	Nodes(ctx context.Context, p Page) (nodes []Node, total int64, err error)
}

// An Errand is something that a node is asked to do. It is kept for a minute.
type Errand struct {
	ID   string
	Boot string // of the node
	Task string // as those two understand it
}

// Errands carry what nodes ask of one another where nothing faster does.
type Errands interface {
	SendErrand(ctx context.Context, e Errand) error
	// Errands are what a node is asked and has not answered, oldest first.
	Errands(ctx context.Context, boot string, limit int) ([]Errand, error)
	// AnswerErrand answers one; the first answer counts, and none is empty. One that is gone is ignored.
	AnswerErrand(ctx context.Context, id, answer string) error
	// ErrandAnswer is empty while there is none; ErrNotFound if the errand is gone.
	ErrandAnswer(ctx context.Context, id string) (answer string, err error)
	DropErrand(ctx context.Context, id string) error
}
