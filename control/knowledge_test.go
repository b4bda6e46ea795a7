package control_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"parley/control/document"
	"parley/store"
)

// An entry is one of a form.
type entry struct{ name, file, value string }

func form(fields ...entry) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString("--form\r\nContent-Disposition: form-data; name=\"" + f.name + "\"")
		if f.file != "" {
			b.WriteString("; filename=\"" + f.file + "\"\r\nContent-Type: application/octet-stream")
		}
		b.WriteString("\r\n\r\n" + f.value + "\r\n")
	}
	return b.String() + "--form--\r\n"
}

type knownDocument struct {
	ID, Name, Kind, Title, State string
	Bytes, Chunks, Vectors       int
	Warning                      *string
}

func TestKnowledge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := agents + "/" + w.ours.agent + "/knowledge"
	add := func(fields ...entry) (d knownDocument) {
		t.Helper()
		w.want(w.ask(w.ours.key, "POST", at, form(fields...)), http.StatusCreated).data(t, &d)
		return d
	}
	fees := add(entry{"file", "fees.md", "# Fees\n\nA sick note costs twenty pounds.\n"})
	if fees.Kind != "markdown" || fees.Title != "Fees" || fees.State != "added" || fees.Chunks != 1 || fees.Bytes != 41 || fees.Warning != nil {
		t.Errorf("added %+v", fees)
	}
	if again := add(entry{"file", `C:\papers\fees.md`, "# Fees\n\nA sick note costs twenty pounds.\n"}); again.State != "unchanged" || again.ID != fees.ID {
		t.Errorf("added again %+v", again)
	}
	dearer := add(entry{"file", "other.txt", "# Fees\n\nA sick note costs thirty pounds.\n"}, entry{"name", "", "fees.md"})
	if dearer.State != "replaced" || dearer.Name != "fees.md" || dearer.Kind != "markdown" {
		t.Errorf("replaced %+v", dearer)
	}
	add(entry{"name", "", "parking"}, entry{"text", "", "There is free parking behind the house. Ça va 😀"})
	if w.changed() != 4 {
		t.Errorf("Changed was called %d times, want 4", w.changed())
	}

	var list []knownDocument
	a := w.want(w.ask(w.ours.key, "GET", at+"?limit=2&offset=1", ""), http.StatusOK)
	if a.data(t, &list); len(list) != 2 || list[0].Name != "hours.md" || list[1].Name != "parking" || a.parsed.Meta["total"] != 3.0 {
		t.Errorf("a page of the list: %s", a.body)
	}
	if a := w.want(w.ask(w.ours.key, "GET", at+"?offset=9", ""), http.StatusOK); string(a.parsed.Data) != "[]" {
		t.Errorf("beyond the list: %s", a.body)
	}
	var one knownDocument
	if w.want(w.ask(w.ours.key, "GET", at+"/"+strings.ToUpper(dearer.ID), ""), http.StatusOK).data(t, &one); one.Name != "fees.md" || one.State != "" {
		t.Errorf("one: %+v", one)
	}
	var found struct {
		Passages []struct {
			Score          float64
			Document, Text string
			DocumentID     string `json:"document_id"`
		}
		Warning *string
	}
	w.want(w.ask(w.ours.key, "POST", at+"/search", `{"question":"how much is a sick note","limit":1}`), http.StatusOK).data(t, &found)
	if len(found.Passages) != 1 || found.Passages[0].DocumentID != dearer.ID || !strings.Contains(found.Passages[0].Text, "thirty") || found.Passages[0].Score <= 0 || found.Warning != nil {
		t.Errorf("found %+v", found)
	}
	if a := w.want(w.ask(w.ours.key, "POST", at+"/search", `{"question":"hello"}`), http.StatusOK); !strings.Contains(string(a.body), `"passages":[]`) {
		t.Errorf("for a greeting: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "DELETE", at+"/"+dearer.ID, ""), http.StatusOK)
	for _, gone := range []string{dearer.ID, fees.ID, store.NewID(), "nonsense", w.theirs.document} {
		w.want(w.ask(w.ours.key, "GET", at+"/"+gone, ""), http.StatusNotFound)
		w.want(w.ask(w.ours.key, "DELETE", at+"/"+gone, ""), http.StatusNotFound)
	}
	if a := w.want(w.ask(w.ours.key, "GET", at, ""), http.StatusOK); a.parsed.Meta["total"] != 2.0 {
		t.Errorf("after one was removed: %s", a.body)
	}
}

// TestKnowledgeOnce: an upload with an Idempotency-Key is read once, however large it is.
func TestKnowledgeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := agents + "/" + w.ours.agent + "/knowledge"
	var b strings.Builder
	for i := 0; b.Len() < 2<<20; i++ {
		fmt.Fprintf(&b, "This is the sentence %d of a long text, which says nothing but that it is long.\n", i)
	}
	body := form(entry{"file", "long.txt", b.String()})
	first := w.want(w.ask(w.ours.key, "POST", at, body, "Idempotency-Key", "k"), http.StatusCreated)
	again := w.want(w.ask(w.ours.key, "POST", at, body, "Idempotency-Key", "k"), http.StatusCreated)
	if again.head.Get("Idempotent-Replayed") != "true" || string(again.parsed.Data) != string(first.parsed.Data) {
		t.Errorf("first %s, then %s", first.body, again.body)
	}
	if w.changed() != 1 {
		t.Errorf("it was added %d times", w.changed())
	}
}

func TestBadUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := agents + "/" + w.ours.agent + "/knowledge"
	before := w.want(w.ask(w.ours.key, "GET", at, ""), http.StatusOK)
	for name, tc := range map[string]struct {
		body    string
		details map[string]string
	}{
		"nothing":          {form(), map[string]string{"file": "is required"}},
		"both":             {form(entry{"file", "a.txt", "x"}, entry{"text", "", "x"}), map[string]string{"text": "instead of file"}},
		"no name":          {form(entry{"text", "", "x"}), map[string]string{"name": "required with text"}},
		"unknown field":    {form(entry{"file", "a.txt", "x"}, entry{"colour", "", "red"}, entry{"size", "", "9"}), map[string]string{"colour": "unknown field", "size": "unknown field"}},
		"two files":        {form(entry{"file", "a.txt", "x"}, entry{"file", "b.txt", "x"}), map[string]string{"file": "more than once"}},
		"no text in it":    {form(entry{"file", "a.txt", " \n"}), map[string]string{"file": "no text"}},
		"an unknown kind":  {form(entry{"file", "a.docx", "x"}), map[string]string{"file": ".docx"}},
		"no PDF":           {form(entry{"file", "a.pdf", "x"}), map[string]string{"file": "is none"}},
		"control letters":  {form(entry{"name", "", "a\x01b.txt"}, entry{"text", "", "x"}), map[string]string{"file": "no name"}},
		"a long name":      {form(entry{"name", "", strings.Repeat("x", 300)}, entry{"text", "", "x"}), map[string]string{"file": "255 bytes"}},
		"half a form":      {"--form\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx", map[string]string{"body": "cannot be read"}},
		"too large a file": {form(entry{"file", "a.txt", strings.Repeat("long ", document.MostBytes/5+1)}), map[string]string{"file": "too big"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.want(w.ask(w.ours.key, "POST", at, tc.body), http.StatusBadRequest)
			for field, reason := range tc.details {
				if !strings.Contains(a.parsed.Details[field], reason) {
					t.Errorf("%s: %q, want %q", field, a.parsed.Details[field], reason)
				}
			}
			if len(a.parsed.Details) != len(tc.details) {
				t.Errorf("details %v", a.parsed.Details)
			}
		})
	}
	a := w.want(w.ask(w.ours.key, "POST", at, form(entry{"file", "a.txt", strings.Repeat("x", document.MostBytes+100<<10)})), http.StatusRequestEntityTooLarge)
	if !strings.Contains(a.parsed.Error, "20 MiB") {
		t.Errorf("too large a body: %s", a.body)
	}
	for _, kind := range []string{"application/json", "multipart/form-data", "text/plain; boundary=form", ";"} {
		w.want(w.ask(w.ours.key, "POST", at, form(entry{"file", "a.txt", "x"}), "Content-Type", kind), http.StatusUnsupportedMediaType)
	}
	w.want(w.ask(w.ours.key, "POST", at, ""), http.StatusBadRequest)
	if after := w.want(w.ask(w.ours.key, "GET", at, ""), http.StatusOK); string(after.parsed.Data) != string(before.parsed.Data) {
		t.Errorf("what was refused has changed something: %s", after.body)
	}
	large := `{"name":"` + strings.Repeat("x", 1<<20) + `"}`
	if a := w.want(w.ask(w.ours.key, "POST", agents, large), http.StatusRequestEntityTooLarge); !strings.Contains(a.parsed.Error, "1 MiB") {
		t.Errorf("all else may have %s bytes: %s", strconv.Itoa(len(large)), a.body)
	}
}
