package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served, j := make(chan error, 1), &JSON{}
	go func() { served <- j.Serve(ctx, ln) }()
	client := &http.Client{Transport: &http.Transport{}}
	ask := func(method, path, body string) (status int, got thing, text string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+ln.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &got); err != nil && answer.StatusCode < 300 {
			t.Fatalf("%s %s: %v: %s", method, path, err, b)
		}
		return answer.StatusCode, got, string(b)
	}
	if status, got, _ := ask("GET", "/things/first", ""); status != 200 || got.ID != "first" || got.Context["order_id"] != "12345" {
		t.Errorf("GET: %d %+v", status, got)
	}
	status, made, _ := ask("POST", "/things", `{"name":"n","to_number":"+12125551234","context_data":{"a":"b"},"webhook_events":["call_started"]}`)
	if status != 201 || len(made.ID) != 32 || made.Name != "n" || made.Status != "pending" {
		t.Errorf("POST: %d %+v", status, made)
	}
	if status, got, _ := ask("GET", "/things/"+made.ID, ""); status != 200 || got.Name != "n" || got.Context["a"] != "b" {
		t.Errorf("GET of what was made: %d %+v", status, got)
	}
	if status, _, text := ask("POST", "/things", `{"name":1}`); status != 400 || !strings.Contains(text, "name") {
		t.Errorf("a bad thing: %d %s", status, text)
	}
	if status, _, _ := ask("GET", "/things/none", ""); status != 404 {
		t.Errorf("a thing that is not there: %d", status)
	}
	for i := range len(j.made) {
		j.keep(&thing{ID: fmt.Sprint(i)})
	}
	if _, still := j.things[made.ID]; still || len(j.things) != len(j.made)+1 {
		t.Errorf("%d things are kept, the oldest of them: %v", len(j.things), still)
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
