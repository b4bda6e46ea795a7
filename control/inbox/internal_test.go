package inbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"parley/control/bots"
	"parley/control/bus"
	"parley/store"
)

// TestOutliving: a job goes on when all has to end, for a while; what was given up can be written down all the same.
func TestOutliving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, stop := context.WithCancel(t.Context())
		short, doneShort := outliving(all, time.Now().Add(time.Minute))
		long, done := outliving(all, time.Now().Add(time.Hour))
		defer done()
		stop()
		time.Sleep(grace - time.Second)
		synctest.Wait()
		if short.Err() != nil || long.Err() != nil {
			t.Fatal("a job was given up at once")
		}
		doneShort()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if long.Err() == nil {
			t.Fatal("a job goes on when all has ended")
		}
		settle, settled := settling(long)
		defer settled()
		if settle.Err() != nil {
			t.Error("what became of a job that was given up cannot be written down")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		job, done := outliving(t.Context(), time.Now().Add(time.Minute))
		defer done()
		time.Sleep(time.Minute)
		synctest.Wait()
		if job.Err() == nil {
			t.Error("a job goes on when it is somebody else's")
		}
	})
}

// settled keeps what became of jobs. It fails whoever comes with a context that has ended, as a database does.
type settled struct {
	Rows

	unread error // of ThreadMessage

	putOff, ended bool
	external, why string
}

func (s *settled) ThreadMessage(ctx context.Context, _, conversation, id string) (store.ThreadMessage, error) {
	return store.ThreadMessage{ID: id, Conversation: conversation, Status: store.MessagePending}, errors.Join(s.unread, ctx.Err())
}

func (s *settled) Bot(ctx context.Context, org, id string) (store.Bot, error) {
	return store.Bot{ID: id, Org: org}, ctx.Err()
}

func (s *settled) Peers(ctx context.Context, _, _ string) ([]string, error) {
	return []string{"+4915112345678"}, ctx.Err()
}

func (s *settled) LastReceived(ctx context.Context, _, _ string) (store.ThreadMessage, error) {
	return store.ThreadMessage{}, ctx.Err()
}

func (s *settled) PutOffJob(ctx context.Context, _ store.Job, _ time.Time) error {
	s.putOff = ctx.Err() == nil
	return ctx.Err()
}

func (s *settled) EndJob(ctx context.Context, _ store.Job, _ string, _ time.Time) error {
	s.ended = ctx.Err() == nil
	return ctx.Err()
}

func (s *settled) Sent(ctx context.Context, _ store.Job, external, failure string, _ time.Time) error {
	if ctx.Err() == nil {
		s.external, s.why = external, failure
	}
	return ctx.Err()
}

// A lastWord is a Line of which a message is being sent when all has to end: stop gives the job up, and the message has come out as it says.
type lastWord struct {
	Line

	stop func()
	id   string
	err  error
}

func (l *lastWord) Send(context.Context, Outgoing) (string, error) {
	l.stop()
	return l.id, l.err
}

// always are Lines of which there is one.
type always struct{ line Line }

func (a always) Line(store.Bot) (Line, error) { return a.line, nil }

// TestGivenUp: what became of a message that was being sent when all had to end is written down: one that surely was not sent waits, and does not
// fail as if it might have been.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	job := store.Job{ID: "j", Org: "o", Bot: "b", Kind: store.SendJob, Key: "m", Thread: "c", Tries: 1}
	feed := &bots.Feed{Bus: &bus.Local{}}
	for name, c := range map[string]struct {
		id   string
		err  error
		want settled
	}{
		"it waits":      {err: &Refusal{Message: "not sent", Again: true}, want: settled{putOff: true}},
		"it was sent":   {id: "wamid.1", want: settled{external: "wamid.1"}},
		"it has failed": {err: &Refusal{Message: "lost", Unsure: true}, want: settled{why: "lost: it may have been sent"}},
		"it would wait for long": {
			err: &Refusal{Message: "too many today", Again: true, After: 24 * time.Hour}, want: settled{why: "too many today: it can be sent in 24h0m0s at the earliest"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			var got settled
			New(Options{Store: &got, Feed: feed, Lines: always{&lastWord{stop: stop, id: c.id, err: c.err}}}).send(ctx, job)
			if got != c.want {
				t.Errorf("kept %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestUnreadable: a message that cannot be read waits; when it was put off too often it has failed, and does not wait for ever without a job.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	job := store.Job{ID: "j", Org: "o", Bot: "b", Kind: store.SendJob, Key: "m", Thread: "c", Tries: 1}
	feed := &bots.Feed{Bus: &bus.Local{}}
	for settledBefore, want := range map[int]settled{
		0:             {unread: store.ErrUnavailable, putOff: true},
		mostTries - 1: {unread: store.ErrUnavailable, why: store.ErrUnavailable.Error()},
	} {
		job.Settled = settledBefore
		got := settled{unread: store.ErrUnavailable}
		New(Options{Store: &got, Feed: feed}).send(t.Context(), job)
		if got != want {
			t.Errorf("put off %d times: kept %+v, want %+v", settledBefore, got, want)
		}
	}
}
