package wyoming

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
)

// The documentation's own events, as shared/wire has them, and as the library writes them: data after the line.
const (
	transcript = `{"type":"transcript","data":{"text":"turn on the lights","language":"en"}}` + "\n"
	later      = `{"type": "transcript", "version": "1.10.2", "data_length": 30}` + "\n" + `{"text": "turn on the lights"}`
	chunk      = `{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1},"payload_length":4}` + "\n\x01\x00\x02\x00"
	told       = `{"type":"error","data":{"text":"no such voice","code":"ValueError"}}` + "\n"
	described  = `{"type":"info","data":{"asr":[{"name":"x","models":[],"supports_transcript_streaming":true,"requires_external_vad":true}],"tts":[{"name":"y","voices":[]}]}}` + "\n"
)

// script is a connection on which text comes in and nobody looks at what goes out.
type script struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)         { return s.in.Read(b) }
func (s *script) Write(b []byte) (int, error)        { return s.out.Write(b) }
func (s *script) SetWriteDeadline(_ time.Time) error { return nil }

func scripted(text string) *conn { return newConn(&script{in: strings.NewReader(text)}) }

func TestReadsTheDocumentedEvents(t *testing.T) {
	t.Parallel()
	k := scripted(transcript + later + chunk + told + described)
	for _, lang := range []string{"en", ""} {
		e, err := k.hear()
		if err != nil {
			t.Fatal(err)
		}
		if text, got, err := e.text(); e.kind != "transcript" || text != "turn on the lights" || got != lang || err != nil {
			t.Errorf("got %s %q %q, %v", e.kind, text, got, err)
		}
	}
	e, err := k.hear()
	if err != nil {
		t.Fatal(err)
	}
	want := sounding{format: format{Rate: 16000, Width: 2, Channels: 1}, pcm: []byte{1, 0, 2, 0}}
	if got, tell := soundOf(&e); !tell || !cmp.Equal(want, got, cmp.AllowUnexported(sounding{})) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if e, err = k.hear(); err != nil || !strings.Contains(e.failure().Error(), "wyoming: ValueError no such voice") {
		t.Errorf("got %v, %v", e.failure(), err)
	}
	if e, err = k.hear(); err != nil {
		t.Fatal(err)
	}
	if got, err := infoOf(&e); err != nil || got != (info{hears: true, streamsWords: true, speaks: true}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWritesTheDocumentedEvents(t *testing.T) {
	t.Parallel()
	s := &script{}
	k := newConn(s)
	for _, err := range []error{
		k.say("describe", nil, nil),
		k.say("audio-chunk", format{Rate: 16000, Width: 2, Channels: 1}, []byte{1, 0, 2, 0}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff("{\"type\":\"describe\"}\n"+chunk, s.out.String()); diff != "" {
		t.Errorf("wrote (-want +got):\n%s", diff)
	}
}

// TestWriteDoesNotAllocate is not parallel: AllocsPerRun counts the whole process.
func TestWriteDoesNotAllocate(t *testing.T) {
	for _, open := range []bool{false, true} {
		tr := newTranscription(&Client{}, pipeline.Listening{Rate: 8000})
		f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
		if open {
			if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1}); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(1000, func() {
			if err := tr.Write(f); err != nil {
				t.Fatal(err)
			}
			f.At += media.FrameTime
		}); n != 0 {
			t.Errorf("in a stretch %v: Write allocates %v times a frame, want 0", open, n)
		}
	}
}

// TestAStretchBeginsOnTheTape, whatever the Ear says of when it began.
func TestAStretchBeginsOnTheTape(t *testing.T) {
	t.Parallel()
	tr := newTranscription(&Client{}, pipeline.Listening{Rate: 8000})
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000, At: time.Minute}
	for range 20 {
		if err := tr.Write(f); err != nil {
			t.Fatal(err)
		}
		f.At += media.FrameTime
	}
	for n, at := range []time.Duration{f.At + time.Hour, 0, f.At} {
		if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: n + 1, At: at}); err != nil {
			t.Fatal(err)
		}
		if s := tr.open; s.from < tr.begin || s.from > tr.head() {
			t.Errorf("a stretch that began at %v begins at sample %d, want one from %d to %d", at, s.from, tr.begin, tr.head())
		}
		if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n + 1, At: at}); err != nil {
			t.Fatal(err)
		}
		pcm, next, over := tr.piece(nil, tr.queue[n], tr.queue[n].from, 1<<20)
		if !over || next != tr.head() {
			t.Errorf("got %d samples up to %d, over %v; want all up to %d", len(pcm), next, over, tr.head())
		}
	}
}

// TestTheTapeIsBounded: what nobody hears is dropped, oldest first, and said so.
func TestTheTapeIsBounded(t *testing.T) {
	t.Parallel()
	tr := newTranscription(&Client{}, pipeline.Listening{Rate: 8000})
	if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1}); err != nil {
		t.Fatal(err)
	}
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	behind := 0
	for range 3 * int(mostTape/media.FrameTime) {
		if tr.Write(f) != nil {
			behind++
		}
		f.At += media.FrameTime
	}
	if behind == 0 || behind > 2*int(mostTape.Seconds()) || len(tr.tape) > int(mostTape.Seconds())*8000 || tr.lost != int(tr.begin) {
		t.Errorf("%d frames were refused, %d samples are kept, %d are told lost of %d", behind, len(tr.tape), tr.lost, tr.begin)
	}
}

// FuzzHear: whatever a server sends, reading ends with an error, and what came before it can be used.
func FuzzHear(f *testing.F) {
	for _, s := range []string{transcript, later, chunk, told, described, `{"type":"a","data_length":-1}` + "\n", `{"type":"a","payload_length":99999999999}` + "\n", "\n", "{}\n", "[]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, growing := scripted(string(data)), ""
		for {
			e, err := k.hear()
			if err != nil {
				break
			}
			if len(e.payload) > len(data) {
				t.Errorf("%d bytes of payload out of %d", len(e.payload), len(data))
			}
			_, _ = infoOf(&e)
			_ = e.failure().Error()
			_, _ = soundOf(&e)
		}
		for k := scripted(string(data)); ; {
			if r, tell := k.reading(&growing); tell && r.err != nil {
				return
			}
		}
	})
}
