package vendors_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"parley/bench/vendors"
	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// TestMain is the vendors when Start runs the test binary again.
func TestMain(m *testing.M) {
	o, asked, err := vendors.Asked(os.Getenv)
	if err == nil && asked {
		err = vendors.Serve(context.Background(), o, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !asked {
		os.Exit(m.Run())
	}
}

func TestVendorsInAnotherProcess(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := vendors.Start(t.Context(), vendors.Options{Key: "secret", Transcripts: []string{"Hello."}, Answer: "Gladly"}, exe)
	if err != nil {
		t.Fatal(err)
	}
	if p.PID() == os.Getpid() {
		t.Error("the vendors run in this process")
	}
	c := &deepgram.Client{Key: "secret", BaseURL: p.Deepgram}
	n := 0
	for s, err := range c.Speak(t.Context(), func(yield func(string, error) bool) { yield("Hello.", nil) }, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(s.PCM)
	}
	if want := len(providertest.Tones("Hello.", 8000)); n != want {
		t.Errorf("the voice made %d samples, want %d", n, want)
	}
	tr, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1}); err != nil {
		t.Error(err)
	}
	for r, err := range tr.Results() {
		if err != nil {
			t.Error(err)
		}
		if r.Edge == 1 {
			break
		}
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if said := complete(t, p.OpenAI, "secret"); !strings.Contains(said, "Gladly") {
		t.Errorf("the model said %q, want what it was told to", said)
	}
	began := time.Now()
	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the process ended after %v: it was killed", took)
	}
}

func TestStartTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	if _, err := vendors.Start(t.Context(), vendors.Options{}, "/nonexistent/parley"); err == nil {
		t.Error("a program that is not there was started")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err := vendors.Start(ctx, vendors.Options{}, exe)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := p.Close(); err == nil {
		t.Error("Close of a process that was killed says nothing")
	}
	if _, err := vendors.Start(t.Context(), vendors.Options{}, "/bin/echo", "hello"); err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("got %v, want what the program wrote", err)
	}
	if _, _, err := vendors.Asked(func(string) string { return "{" }); err == nil {
		t.Error("broken options were taken")
	}
}

// complete asks the model for anything, and returns the stream that it answers with.
func complete(t *testing.T, baseURL, key string) string {
	t.Helper()
	body := strings.NewReader(`{"model":"any","stream":true,"messages":[{"role":"user","content":"Hello"}]}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, baseURL+"/chat/completions", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the model answered %s, %v: %s", answer.Status, err, said)
	}
	return string(said)
}
