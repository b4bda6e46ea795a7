package store

import "context"

// A Takeover has a call that is open go on in another process, or on another leg of the same.
type Takeover struct {
	Call       string
	From       string // the boot that had it; ErrConflict if it is another's by now
	Node, Boot string // who has it from now on
	Most       int    // times that a call may go on so: ErrConflict beyond it
}

// Resumptions are calls that go on after their leg was lost.
type Resumptions interface {
	// CallByCarrier is the newest call of a kind of leg that its carrier names so, of whichever organisation; ErrNotFound.
	CallByCarrier(ctx context.Context, leg, carrierID string) (Call, error)
	// TakeCall makes an open call another process's: that of its node will not be asked for it any more, and nobody buries it for that
	// node's silence. One that has ended by CauseCrash is in progress again, and with it its task, unless that has been reset meanwhile; what was
	// found of its recording is no more the call's. Of those who take a call from the same boot at once, one does. ErrConflict also if the
	// call has ended otherwise.
	TakeCall(ctx context.Context, t Takeover) (Call, error)
}
