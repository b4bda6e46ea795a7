package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/store"
)

// How the calls of the bench are spread. The first organisation is the one that is measured.
const (
	agentsEach = 20
	turnsEach  = 4
)

// shares of the organisations.
func shares() []float64 { return []float64{0.5, 0.3, 0.15, 0.05} }

// A tenant is an organisation and its agents, the busiest first.
type tenant struct {
	org      string
	agents   []string
	campaign string // the task that many calls are of
}

// campaign is an organisation's big task: always the same one of an organisation, so that a filled database can be used again.
func campaign(org string) string { return org[:24] + "c0ffee000000" }

// A traffic makes calls: who is called, how it goes and what it leaves behind. It is for one goroutine.
type traffic struct {
	rng        *rand.Rand
	tenants    []tenant
	node, boot string
}

func newTraffic(seed uint64, tenants []tenant) *traffic {
	return &traffic{rng: rand.New(rand.NewPCG(seed, 3)), tenants: tenants, node: store.NewID(), boot: store.NewID()}
}

// id is a UUIDv7 of that time.
func (t *traffic) id(at time.Time) string {
	var b [16]byte
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < len(b); i++ {
		b[i] = byte(t.rng.Uint32())
	}
	b[6], b[8] = b[6]&0x0F|0x70, b[8]&0x3F|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// tenant picks one by its share; the first has what the others leave.
func (t *traffic) tenant() tenant {
	x := t.rng.Float64()
	for i, share := range shares()[:len(t.tenants)] {
		if x -= share; x < 0 {
			return t.tenants[i]
		}
	}
	return t.tenants[0]
}

// agent picks one of a tenant's: of each three calls that are left, one goes to the next agent, so that the first has a third of all and
// the last some hundreds of a million.
func (t *traffic) agent(of tenant) string {
	for _, id := range of.agents {
		if t.rng.IntN(3) == 0 {
			return id
		}
	}
	return of.agents[len(of.agents)-1]
}

// call is all that a call beginning at that time leaves behind, in order: Began, so many Turned, and, if it has come to its end, Ended.
// Of 1,000 calls 900 are completed, 80 failed, 15 in progress and 5 initiated; 1 in 20 is of the campaign, 1 in 20 of a task of its own.
func (t *traffic) call(at time.Time, turns int) []store.Entry {
	of := t.tenant()
	c := store.Call{
		ID: t.id(at), Org: of.org, Agent: t.agent(of), AgentVersion: 1, Direction: store.Inbound, Status: store.InProgress, Leg: "twilio",
		From: fmt.Sprintf("+1555%07d", t.rng.IntN(1e7)), To: "+442071234567", Node: t.node, Boot: t.boot, Created: at, Answered: at.Add(2 * time.Second),
	}
	c.CarrierID = "CA" + c.ID[:8] + c.ID[9:13] + c.ID[14:18] + c.ID[19:23] + c.ID[24:]
	switch t.rng.IntN(20) {
	case 0:
		c.Task, c.Direction = of.campaign, store.Outbound
		if t.rng.IntN(10) > 0 {
			c.Agent = of.agents[0]
		}
	case 1:
		c.Task, c.Direction = t.id(at), store.Outbound
	}
	fate := t.rng.IntN(1000)
	if fate < 5 {
		c.Status, c.Answered = store.Initiated, time.Time{}
		return []store.Entry{{Began: &c}}
	}
	entries := []store.Entry{{Began: &c}}
	var whole []store.Message
	for n := 1; n <= turns; n++ {
		turned := t.turned(c.ID, n, len(whole))
		whole = append(whole, turned.Messages...)
		entries = append(entries, store.Entry{Turned: turned})
	}
	if fate < 20 {
		return entries
	}
	ended := &store.Ended{
		Call: c.ID, Status: store.Completed, Messages: whole,
		End: store.End{
			Ended: c.Answered.Add(time.Duration(turns) * turnLength), Length: time.Duration(turns) * turnLength, Cause: "caller", Turns: turns,
			Latency: map[string]int64{"voice_to_voice_p50": 640, "voice_to_voice_p95": 910},
		},
		Recording: &store.Recording{Call: c.ID, Path: "recordings/" + c.ID[:8] + "/" + c.ID + ".wav", Rate: 8000, Channels: 2, Bytes: 1 << 20, Length: time.Duration(turns) * turnLength},
	}
	if fate < 100 {
		ended.Status, ended.End.Cause, ended.End.Error = store.Failed, "provider", "transcribe: the vendor closed the session"
	}
	return append(entries, store.Entry{Ended: ended})
}

const turnLength = 12 * time.Second

// turned is turn n of a call and the two messages it adds after the seq that there are.
func (t *traffic) turned(call string, n, seq int) *store.Turned {
	const asked = "I would like to move my appointment from Tuesday to some time on Thursday afternoon, please."
	const answered = "Of course. I can offer you Thursday at two or at half past four. Which of the two would suit you better?"
	at := time.Duration(n-1) * turnLength
	return &store.Turned{
		Turn: store.Turn{
			Call: call, N: n, Why: "words", Said: asked, Text: answered, Heard: answered, At: at + 5*time.Second, Sounded: 6 * time.Second,
			Latency: map[string]int64{
				"voice_to_voice": 500 + int64(t.rng.IntN(400)), "endpoint": 220, "transcript": 90, "first_token": 180, "first_audio": 95, "first_frame": 8,
			},
		},
		Messages: []store.Message{
			{Call: call, Seq: seq, Role: "caller", Text: asked, Turn: n, At: at, Length: 4 * time.Second},
			{Call: call, Seq: seq + 1, Role: "assistant", Text: answered, Turn: n, At: at + 5*time.Second, Length: 6 * time.Second},
		},
	}
}

// onWay is how many calls a live stream interleaves.
const onWay = 64

// A stream is the entries of many calls at once, as a node's queue gets them: next to each other stand entries of different calls.
type stream struct {
	traffic *traffic
	calls   [onWay][]store.Entry
	began   int // calls so far
}

func newStream(t *traffic) *stream { return &stream{traffic: t} }

// next is the next entry.
func (s *stream) next() store.Entry {
	i := s.traffic.rng.IntN(onWay)
	if len(s.calls[i]) == 0 {
		s.calls[i] = s.traffic.call(time.Now().UTC().Truncate(time.Microsecond), turnsEach)
		s.began++
	}
	e := s.calls[i][0]
	s.calls[i] = s.calls[i][1:]
	return e
}

// take is the next n entries.
func (s *stream) take(n int) []store.Entry {
	batch := make([]store.Entry, n)
	for i := range batch {
		batch[i] = s.next()
	}
	return batch
}
