package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/control"
	"parley/control/archive"
	"parley/control/report"
	"parley/control/voice/voicetest"
	"parley/media/wav"
	"parley/store"
)

// newDesk is a desk without a model, whose recogniser hears one thing in every recording.
func (w *world) newDesk() *report.Desk {
	d := &report.Desk{
		Calls: w.db, Agents: w.db, Reports: w.db, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
		Open: func(context.Context, store.Recording) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("")), nil
		},
		Hear: func(context.Context, io.Reader, string) ([]store.Message, error) {
			return []store.Message{{Role: "caller", Text: "Hello again", At: time.Second, Length: time.Second}}, nil
		},
	}
	w.t.Cleanup(d.Close)
	return d
}

// thinker is a model.
type thinker struct {
	asked atomic.Int64
	held  atomic.Int64 // by whoever has not let go of it
	fails atomic.Bool
	hold  chan struct{} // takes one from each answer that begins, then holds it until closed; nil: none is held
}

// of is a report.ModelOf: this model's, for the agents of all organisations.
func (m *thinker) of(string, store.Agent) (report.Model, func()) {
	m.held.Add(1)
	return m, func() { m.held.Add(-1) }
}

func (m *thinker) Answer(ctx context.Context, _, data string, _ json.RawMessage, _ int) (string, error) {
	m.asked.Add(1)
	if m.hold != nil {
		select {
		case <-m.hold:
			<-m.hold // until it is closed
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if m.fails.Load() {
		return "", errors.New("status 500")
	}
	if !strings.Contains(data, "Hello") {
		return "", errors.New("no transcript")
	}
	return `{"summary":"They greeted.","outcome":"achieved","sentiment":"neutral","extracted":{}}`, nil
}

// A shownReport is what the tests read of a report.
type shownReport struct {
	CallID string `json:"call_id"`
	Source string
	Report struct {
		Summary   string
		Outcome   string
		MadeBy    string         `json:"made_by"`
		Source    string         `json:"transcript_source"`
		Extracted map[string]any `json:"extracted"`
		TalkTime  struct {
			Agent float64 `json:"agent_seconds"`
		} `json:"talk_time"`
		Latency struct {
			P50 *int64 `json:"p50_ms"`
		}
	}
	Transcript []struct{ Role, Text string }
	Extracted  map[string]any `json:"extracted_data"`
}

func (w *world) report(call string) (r shownReport) {
	w.t.Helper()
	w.want(w.ask(w.ours.key, "GET", calls+"/"+call+"/report", ""), http.StatusOK).data(w.t, &r)
	return r
}

func TestReportByRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sketch struct{ Report map[string]any }
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done, ""), http.StatusOK).data(t, &sketch)
	if sketch.Report["made_by"] != "rules" || sketch.Report["summary"] == "" {
		t.Errorf("the sketch: %v", sketch.Report)
	}
	if _, err := w.db.Report(t.Context(), w.ours.org, w.ours.done); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a look at a call stores a report: %v", err)
	}
	r := w.report(w.ours.done)
	if r.CallID != w.ours.done || r.Report.MadeBy != "rules" || r.Report.Outcome != "unknown" || !strings.Contains(r.Report.Summary, `"Hello"`) ||
		r.Report.TalkTime.Agent != 0.7 || r.Report.Latency.P50 == nil || *r.Report.Latency.P50 != 620 || r.Report.Extracted["day"] != "2026-11-24" {
		t.Errorf("%+v", r)
	}
	first, err := w.db.Report(t.Context(), w.ours.org, w.ours.done)
	must(t, err)
	w.report(w.ours.done)
	second, err := w.db.Report(t.Context(), w.ours.org, w.ours.done)
	must(t, err)
	if first != second || !first.Rules {
		t.Errorf("made again without need: %+v, %+v", first, second)
	}
	a := w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.going+"/report", ""), http.StatusBadRequest)
	if !strings.Contains(a.parsed.Error, "not over") {
		t.Error(a.parsed.Error)
	}
}

// TestReportByModel: many requests at once are one question, and its answer stands; a model that failed is asked again.
func TestReportByModel(t *testing.T) {
	t.Parallel()
	m := &thinker{hold: make(chan struct{})}
	w := newWorld(t, func(o *control.Options) { o.Reports.Model = m.of })
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if r := w.report(w.ours.done); r.Report.MadeBy != "model" || r.Report.Summary != "They greeted." {
				t.Errorf("%+v", r)
			}
		})
	}
	m.hold <- struct{}{} // it is being asked
	close(m.hold)
	all.Wait()
	w.report(w.ours.done)
	if n := m.asked.Load(); n != 1 {
		t.Errorf("the model was asked %d times", n)
	}

	m.fails.Store(true)
	other := w.failTask(w.ours.org, w.taskFor(voicetest.Operation{Path: "/tasks"}), time.Now().UTC())
	if r := w.report(other); r.Report.MadeBy != "rules" || r.Report.Outcome != "no_conversation" {
		t.Errorf("with a model that fails: %+v", r)
	}
	asked := m.asked.Load()
	w.report(other)
	if m.asked.Load() != asked {
		t.Error("a model that has just failed is asked again at once")
	}
	row, err := w.db.Report(t.Context(), w.ours.org, other)
	must(t, err)
	row.Made = row.Made.Add(-time.Minute)
	_, err = w.db.PutReport(t.Context(), w.ours.org, row)
	must(t, err)
	w.report(other)
	if m.asked.Load() == asked {
		t.Error("a model that failed a minute ago is not asked again")
	}
	if n := m.held.Load(); n != 0 {
		t.Errorf("%d have not let go of the model", n)
	}
}

// TestReportExcerpt: what webhooks are told of a call is its report's summary, else the sketch's; no model is asked for it.
func TestReportExcerpt(t *testing.T) {
	t.Parallel()
	m := &thinker{}
	w := newWorld(t, func(o *control.Options) { o.Reports.Model = m.of })
	desk := w.newDesk()
	desk.Model = m.of
	excerpt := func(org, call string) (string, error) {
		said, err := w.db.Transcript(t.Context(), w.ours.org, w.ours.done)
		must(t, err)
		return desk.Excerpt(t.Context(), org, call, said)
	}
	var sketch shownReport
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done, ""), http.StatusOK).data(t, &sketch)
	if got, err := excerpt(w.ours.org, w.ours.done); err != nil || got != sketch.Report.Summary || !strings.Contains(got, "Hello") {
		t.Errorf("sketched as %q, %v: want %q", got, err, sketch.Report.Summary)
	}
	if n := m.asked.Load(); n != 0 {
		t.Errorf("the model was asked %d times", n)
	}
	w.report(w.ours.done)
	if got, err := excerpt(w.ours.org, w.ours.done); err != nil || got != "They greeted." {
		t.Errorf("reported as %q, %v", got, err)
	}
	if got, err := excerpt(w.ours.org, w.ours.going); err != nil || got != "" {
		t.Errorf("of a call that goes on: %q, %v", got, err)
	}
	if got, err := excerpt(w.theirs.org, w.ours.done); !errors.Is(err, store.ErrNotFound) || got != "" {
		t.Errorf("another organisation is told %q, %v", got, err)
	}
}

// TestReportOutlives: who does not wait finds the report made.
func TestReportOutlives(t *testing.T) {
	t.Parallel()
	m := &thinker{hold: make(chan struct{})}
	w := newWorld(t, func(o *control.Options) { o.Reports.Model = m.of })
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r := httptest.NewRequestWithContext(ctx, "GET", calls+"/"+w.ours.done+"/report", nil)
		r.Header.Set("Authorization", "Bearer "+w.ours.key)
		w.mux.ServeHTTP(httptest.NewRecorder(), r)
	}()
	m.hold <- struct{}{} // it is being asked
	cancel()
	<-gone
	close(m.hold)
	if r := w.report(w.ours.done); r.Report.MadeBy != "model" || m.asked.Load() != 1 {
		t.Errorf("%+v after %d questions", r, m.asked.Load())
	}
}

// vendor holds conversations.
type vendor struct {
	mu   sync.Mutex
	next report.Conversation
	err  error
	asks []string
}

func (v *vendor) Conversation(_ context.Context, _, id string) (report.Conversation, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asks = append(v.asks, id)
	return v.next, v.err
}

func TestRetell(t *testing.T) {
	t.Parallel()
	v := &vendor{}
	var desk *report.Desk
	w := newWorld(t, func(o *control.Options) { o.Reports.Conversations = v; desk = o.Reports })
	path := calls + "/" + w.ours.done + "/transcript"
	retell := func(body string, status int) (r shownReport) {
		t.Helper()
		a := w.want(w.ask(w.ours.key, "POST", path, body), status)
		if status == http.StatusOK {
			a.data(t, &r)
		}
		return r
	}
	// From the recording; what was taken down live stays.
	r := retell("", http.StatusOK)
	if r.CallID != w.ours.done || r.Source != "recording" || len(r.Transcript) != 1 || r.Transcript[0].Text != "Hello again" || r.Transcript[0].Role != "user" ||
		r.Report.Source != "recording" || r.Extracted["day"] != "2026-11-24" {
		t.Errorf("%+v", r)
	}
	if got := w.report(w.ours.done); got.Report.Source != "recording" {
		t.Errorf("the report on it: %+v", got)
	}
	shown := func(query string, status int) (r shownReport) {
		t.Helper()
		a := w.want(w.ask(w.ours.key, "GET", path+query, ""), status)
		if status == http.StatusOK {
			a.data(t, &r)
		}
		return r
	}
	if r := shown("", 200); r.Source != "recording" || len(r.Transcript) != 1 {
		t.Errorf("%+v", r)
	}
	if r := shown("?source=live", 200); r.Source != "live" || len(r.Transcript) != 3 {
		t.Errorf("%+v", r)
	}
	shown("?source=elevenlabs", http.StatusNotFound)
	shown("?source=hearsay", http.StatusBadRequest)

	// From the vendor, if the conversation is the call's.
	said := []store.Message{{Role: "assistant", Text: "Hi", Length: time.Second}, {Role: "caller", Text: "A table for two"}}
	v.next = report.Conversation{Messages: said, CarrierID: "CA123", Extracted: map[string]any{"guests": 2.0}, Assessment: report.Assessment{Summary: "Booked.", Outcome: report.Achieved}}
	r = retell(`{"conversation_id":"conv_1"}`, http.StatusOK)
	if r.Source != "elevenlabs" || len(r.Transcript) != 2 || r.Report.MadeBy != "vendor" || r.Report.Summary != "Booked." || r.Report.Outcome != "achieved" || r.Extracted["guests"] != 2.0 {
		t.Errorf("%+v", r)
	}
	retell(`{}`, http.StatusOK) // it is remembered
	if len(v.asks) != 2 || v.asks[1] != "conv_1" {
		t.Errorf("asked for %v", v.asks)
	}
	for what, change := range map[string]func(){
		"another carrier's id":  func() { v.next.CarrierID = "CA999" },
		"long before":           func() { v.next.CarrierID, v.next.Began = "", time.Now().Add(-time.Hour) },
		"nothing to tell it by": func() { v.next.CarrierID, v.next.Began = "", time.Time{} },
	} {
		change()
		if a := w.want(w.ask(w.ours.key, "POST", path, `{"conversation_id":"conv_2"}`), http.StatusBadRequest); a.parsed.Details["conversation_id"] == "" {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	v.next.CarrierID, v.next.Began = "", time.Now()
	retell(`{"conversation_id":"conv_2"}`, http.StatusOK)

	for err, status := range map[error]int{
		report.ErrNoConversation: http.StatusNotFound, report.ErrPending: http.StatusServiceUnavailable, errors.New("refused: el-secret"): http.StatusServiceUnavailable,
	} {
		v.err = err
		a := w.want(w.ask(w.ours.key, "POST", path, ""), status)
		if strings.Contains(string(a.body), "el-secret") {
			t.Errorf("the vendor's own words are told: %s", a.body)
		}
	}
	if got := shown("", 200); got.Source != "elevenlabs" || len(got.Transcript) != 2 {
		t.Errorf("a request that failed has changed it: %+v", got)
	}
	desk.Conversations = nil
	retell("", http.StatusServiceUnavailable)
	for body, field := range map[string]string{`{"conversation_id":"../x"}`: "conversation_id", `{"conversation_id":3,"x":1}`: "x"} {
		if a := w.want(w.ask(w.ours.key, "POST", path, body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	w.want(w.ask(w.ours.key, "POST", calls+"/"+w.ours.going+"/transcript", ""), http.StatusBadRequest)
}

func TestRetellWithoutSound(t *testing.T) {
	t.Parallel()
	var desk *report.Desk
	w := newWorld(t, func(o *control.Options) { desk = o.Reports })
	unrecorded := w.failTask(w.ours.org, w.taskFor(voicetest.Operation{Path: "/tasks"}), time.Now().UTC())
	w.want(w.ask(w.ours.key, "POST", calls+"/"+unrecorded+"/transcript", ""), http.StatusNotFound)
	hear := desk.Hear
	desk.Hear = nil
	w.want(w.ask(w.ours.key, "POST", calls+"/"+w.ours.done+"/transcript", ""), http.StatusServiceUnavailable)
	desk.Hear = hear
	open := desk.Open
	desk.Open = func(context.Context, store.Recording) (io.ReadCloser, error) { return nil, archive.ErrAway }
	w.want(w.ask(w.ours.key, "POST", calls+"/"+w.ours.done+"/transcript", ""), http.StatusServiceUnavailable)
	desk.Open = open
	desk.Hear = func(context.Context, io.Reader, string) ([]store.Message, error) { panic("a bug") }
	row, err := w.db.Call(t.Context(), w.ours.org, w.ours.done)
	must(t, err)
	if _, err := desk.Retell(t.Context(), row, ""); err == nil || !strings.Contains(err.Error(), "panic: a bug") {
		t.Errorf("a panic: %v", err)
	}
}

// TestRetellQueue: one recording is heard at a time, few wait, and the end of the desk ends them.
func TestRetellQueue(t *testing.T) {
	t.Parallel()
	var hearing, most atomic.Int64
	began := make(chan struct{}, 100)
	var desk *report.Desk
	w := newWorld(t, func(o *control.Options) {
		desk = o.Reports
		o.Reports.Hear = func(ctx context.Context, _ io.Reader, _ string) ([]store.Message, error) {
			most.Store(max(most.Load(), hearing.Add(1)))
			defer hearing.Add(-1)
			began <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	now := time.Now().UTC()
	var done sync.WaitGroup
	statuses := make(chan int, 20)
	for range 12 {
		id := store.NewID()
		must(t, w.db.Record(t.Context(), []store.Entry{
			{Began: &store.Call{ID: id, Org: w.ours.org, Direction: store.Inbound, Status: store.InProgress, Leg: "sip", Node: "n", Boot: "b", Created: now}},
			{Ended: &store.Ended{Call: id, Status: store.Completed, End: store.End{Ended: now}, Recording: &store.Recording{Call: id, Path: "recordings/x.wav", Rate: 8000, Channels: 2}}},
		}))
		done.Go(func() { statuses <- w.ask(w.ours.key, "POST", calls+"/"+id+"/transcript", "").status })
	}
	<-began
	for range 3 {
		if s := <-statuses; s != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", s)
		}
	}
	desk.Close()
	done.Wait()
	close(statuses)
	for s := range statuses {
		if s != http.StatusServiceUnavailable {
			t.Errorf("at the end of the desk: %d", s)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d were heard at once", most.Load())
	}
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done+"/report", ""), http.StatusServiceUnavailable)
}

// TestStreamOpus: the same sound by format or Accept, in ranges, with tags of its own.
func TestStreamOpus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := calls + "/" + w.ours.done + "/recording/stream"
	get := func(method, query string, head ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path+query, nil)
		r.Header.Set("Authorization", "Bearer "+w.ours.key)
		for i := 0; i < len(head); i += 2 {
			r.Header.Set(head[i], head[i+1])
		}
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		return rec
	}
	whole := get("GET", "?format=opus")
	file, tag := whole.Body.String(), whole.Header().Get("ETag")
	if whole.Code != http.StatusOK || whole.Header().Get("Content-Type") != "audio/ogg" || !strings.HasPrefix(file, "OggS") || tag == "" ||
		!strings.Contains(whole.Header().Get("Content-Disposition"), ".ogg") || whole.Header().Get("Vary") == "" {
		t.Fatalf("%d %v", whole.Code, whole.Header())
	}
	if wav := get("GET", ""); wav.Header().Get("ETag") == tag || wav.Header().Get("Content-Type") != "audio/wav" || wav.Body.Len() < 4*len(file) {
		t.Errorf("the WAV file: %v, %d bytes beside %d", wav.Header(), wav.Body.Len(), len(file))
	}
	for accept, kind := range map[string]string{
		"audio/ogg": "audio/ogg", "audio/opus;q=0.9, */*;q=0.1": "audio/ogg", "audio/ogg, audio/wav": "audio/wav", "*/*": "audio/wav", ";;": "audio/wav",
	} {
		if got := get("HEAD", "", "Accept", accept); got.Header().Get("Content-Type") != kind || got.Body.Len() != 0 {
			t.Errorf("Accept: %s gives %v", accept, got.Header())
		}
	}
	if got := get("GET", "?format=wav", "Accept", "audio/ogg").Header().Get("Content-Type"); got != "audio/wav" {
		t.Errorf("the format goes before Accept: %s", got)
	}
	part := get("GET", "?format=opus", "Range", "bytes=10-19", "If-Range", tag)
	if part.Code != http.StatusPartialContent || part.Body.String() != file[10:20] {
		t.Errorf("a range: %d, %q", part.Code, part.Body)
	}
	if got := get("GET", "?format=opus", "If-None-Match", tag).Code; got != http.StatusNotModified {
		t.Errorf("what is known already: %d", got)
	}
	w.want(w.ask(w.ours.key, "GET", path+"?format=mp3", ""), http.StatusBadRequest)
	w.want(w.ask(w.theirs.key, "GET", path+"?format=opus", ""), http.StatusNotFound)

	var link struct {
		URL string `json:"opus_url"`
	}
	w.want(w.ask(w.ours.key, "GET", calls+"/"+w.ours.done+"/recording", ""), http.StatusOK).data(t, &link)
	r := httptest.NewRequestWithContext(t.Context(), "GET", link.URL, nil)
	rec := httptest.NewRecorder()
	if w.mux.ServeHTTP(rec, r); rec.Code != http.StatusOK || rec.Body.String() != file {
		t.Errorf("by link: %d", rec.Code)
	}
}

// nowhere is an archive whose bucket is away, or that has no Opus.
type nowhere struct {
	err error
	wav archive.Sound
}

func (n nowhere) Open(context.Context, store.Recording) (archive.Sound, error) {
	if n.wav.ReadSeekCloser != nil {
		return n.wav, nil
	}
	return archive.Sound{}, n.err
}

func (n nowhere) Opus(context.Context, store.Recording) (archive.Sound, error) {
	return archive.Sound{}, n.err
}

type closing struct{ *strings.Reader }

func (closing) Close() error { return nil }

func TestStreamFails(t *testing.T) {
	t.Parallel()
	away := newWorld(t, func(o *control.Options) { o.Recordings = nowhere{err: archive.ErrAway} })
	path := func(w *world) string { return calls + "/" + w.ours.done + "/recording/stream" }
	away.want(away.ask(away.ours.key, "GET", path(away), ""), http.StatusServiceUnavailable)
	file := string(sound(wav.HeaderSize))
	none := newWorld(t, func(o *control.Options) {
		o.Recordings = nowhere{err: archive.ErrNoOpus, wav: archive.Sound{ReadSeekCloser: closing{strings.NewReader(file)}, Size: int64(len(file))}}
	})
	if a := none.want(none.ask(none.ours.key, "GET", path(none)+"?format=opus", ""), http.StatusBadRequest); a.parsed.Details["format"] == "" {
		t.Errorf("%s", a.body)
	}
	if a := none.want(none.ask(none.ours.key, "GET", path(none), "", "Accept", "audio/ogg"), http.StatusOK); a.head.Get("Content-Type") != "audio/wav" {
		t.Errorf("where there is no Opus, who would like some gets %v", a.head)
	}
}
