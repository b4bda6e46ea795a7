package floor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// JSON is the floor of a control plane: net/http and encoding/json, and things in memory.
//
//	GET /things/{id} ──▶ 200 and a thing        POST /things ──▶ 201 and the thing with its id
//
// It knows no keys, limits, logs or databases. It holds the last 10,000 things, and one of the id "first".
type JSON struct {
	Stats Stats

	mu     sync.RWMutex
	things map[string]*thing
	made   [10_000]string // ids, in turn
	n      int
}

// A thing is as large as a task of the API.
type thing struct {
	ID              string            `json:"id"`
	AgentID         string            `json:"agent_id"`
	Name            string            `json:"name"`
	ToNumber        string            `json:"to_number"`
	Description     string            `json:"description"`
	StartingMessage string            `json:"starting_message"`
	Context         map[string]string `json:"context_data"`
	Priority        int               `json:"priority"`
	Scheduled       *time.Time        `json:"scheduled_at"`
	WebhookURL      string            `json:"webhook_url"`
	WebhookEvents   []string          `json:"webhook_events"`
	Status          string            `json:"status"`
	Created         time.Time         `json:"created_at"`
	Updated         time.Time         `json:"updated_at"`
}

// Serve answers requests on ln until ctx ends.
func (j *JSON) Serve(ctx context.Context, ln net.Listener) error {
	first := &thing{
		ID: "first", AgentID: "5f0c2b7d41e94f0ab0c1d2e3f4a5b6c7", Name: "Call customer", ToNumber: "+1234567890", Description: "Follow up call",
		StartingMessage: "Hello, this is a call from our company", Context: map[string]string{"customer_name": "John Doe", "order_id": "12345"},
		Status: "pending", Created: time.Now().UTC(), Updated: time.Now().UTC(),
	}
	j.things = map[string]*thing{first.ID: first}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", j.get)
	mux.HandleFunc("POST /things", j.post)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (j *JSON) get(w http.ResponseWriter, r *http.Request) {
	j.mu.RLock()
	t := j.things[r.PathValue("id")]
	j.mu.RUnlock()
	if t == nil {
		j.answer(w, http.StatusNotFound, map[string]string{"error": "there is no such thing"})
		return
	}
	j.answer(w, http.StatusOK, t)
}

func (j *JSON) post(w http.ResponseWriter, r *http.Request) {
	t := &thing{}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(t); err != nil {
		j.Stats.Bad.Add(1)
		j.answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	var id [16]byte
	rand.Read(id[:])
	t.ID, t.Status, t.Created = hex.EncodeToString(id[:]), "pending", time.Now().UTC()
	t.Updated = t.Created
	j.keep(t)
	j.answer(w, http.StatusCreated, t)
}

// keep puts a thing where the oldest was.
func (j *JSON) keep(t *thing) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := &j.made[j.n%len(j.made)]
	j.n++
	delete(j.things, *at)
	*at, j.things[t.ID] = t.ID, t
}

func (j *JSON) answer(w http.ResponseWriter, status int, body any) {
	j.Stats.In.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client who has gone cannot be told
}
