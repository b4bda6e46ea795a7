package inbox

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/control/archive"
	"parley/control/bots"
	"parley/control/bus"
	"parley/store"
)

// A soundRow is a message that has sound, and what became of its job.
type soundRow struct {
	settled

	data string
	kind store.BotType
	told store.Telling
}

func (s *soundRow) ThreadMessage(_ context.Context, _, conversation, id string) (store.ThreadMessage, error) {
	return store.ThreadMessage{ID: id, Conversation: conversation, Type: noteType, Role: "user", Data: s.data}, nil
}

func (s *soundRow) Bot(_ context.Context, org, id string) (store.Bot, error) {
	return store.Bot{ID: id, Org: org, Type: s.kind}, nil
}

func (s *soundRow) Agent(_ context.Context, org, id string) (store.Agent, error) {
	return store.Agent{ID: id, Org: org}, nil
}

func (s *soundRow) File(_ context.Context, org, id string) (store.File, error) {
	return store.File{ID: id, Org: org}, nil
}

func (s *soundRow) Told(_ context.Context, _ store.Job, t store.Telling, _ time.Time) error {
	s.told = t
	return nil
}

// shelf is where files lie.
type shelf struct{ Files }

func (shelf) Link(store.File) string { return "" }

func (shelf) Open(context.Context, store.File) (archive.Sound, error) {
	return archive.Sound{ReadSeekCloser: opened{bytes.NewReader([]byte("OggS"))}, Size: 4}, nil
}

type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

// ears hear a text, or cannot.
type ears struct {
	Voice

	text string
	err  error
}

func (e ears) Hear(_ context.Context, _ store.Agent, note []byte) (string, error) {
	if string(note) != "OggS" {
		return "", errors.New("another sound")
	}
	return e.text, e.err
}

// TestTell: sound that is kept is put into words for people to read, with its first sentences as the summary; after some tries it is told that it
// cannot be. A bot that hears its notes is left to it.
func TestTell(t *testing.T) {
	t.Parallel()
	const kept = `{"media":{"file_id":"f","type":"audio/ogg; codecs=opus","voice":true}}`
	long := strings.Repeat("It rains. ", 60)
	deaf := errors.New("deaf")
	for name, c := range map[string]struct {
		row   soundRow
		ears  ears
		tries int
		want  store.Telling
		ended bool
		off   bool
		count string // what is counted of the job
	}{
		"heard":         {row: soundRow{data: kept, kind: store.WhatsAppBot}, ears: ears{text: "Hello. I am Ana."}, want: store.Telling{Words: "Hello. I am Ana.", Summary: "Hello. I am Ana."}, count: jobDone},
		"long":          {row: soundRow{data: kept, kind: store.WhatsAppBot}, ears: ears{text: long}, want: store.Telling{Words: long, Summary: strings.TrimSpace(strings.Repeat("It rains. ", 28))}, count: jobDone},
		"deaf at first": {row: soundRow{data: kept, kind: store.WhatsAppBot}, ears: ears{err: deaf}, off: true, count: jobPutOff},
		"deaf for good": {row: soundRow{data: kept, kind: store.WhatsAppBot}, ears: ears{err: deaf}, tries: mostHearings, want: store.Telling{Failure: "the sound could not be put into words"}, count: jobFailed},
		"a voice bot's": {row: soundRow{data: kept, kind: store.WhatsAppVoiceBot}, ended: true, count: jobDone},
		"a file of notes": {
			row: soundRow{data: `{"media":{"file_id":"f","type":"audio/ogg; codecs=opus"}}`, kind: store.WhatsAppVoiceBot}, ears: ears{text: "Twice."}, ended: true, count: jobDone,
		},
		"no note, to a voice bot": {
			row: soundRow{data: `{"media":{"file_id":"f","type":"audio/mpeg"}}`, kind: store.WhatsAppVoiceBot}, ears: ears{text: "A song."},
			want: store.Telling{Words: "A song.", Summary: "A song."}, count: jobDone,
		},
		"without a file": {row: soundRow{kind: store.WhatsAppBot}, ended: true, count: jobDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed := &bots.Feed{Bus: &bus.Local{}}
			count := ""
			b := New(Options{Store: &c.row, Files: shelf{}, Voice: c.ears, Feed: feed, Observe: Observe{Settled: func(_ store.JobKind, outcome string) { count += outcome }}})
			b.tell(t.Context(), store.Job{ID: "j", Org: "o", Bot: "b", Kind: store.WordsJob, Key: "m", Thread: "c", Settled: c.tries, Tries: c.tries + 1})
			if c.row.told != c.want || c.row.ended != c.ended || c.row.putOff != c.off || count != c.count {
				t.Errorf("told %+v, ended %v, put off %v, counted %q", c.row.told, c.row.ended, c.row.putOff, count)
			}
		})
	}
}
