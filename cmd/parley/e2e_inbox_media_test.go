//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/providers/providertest"
)

// dot is a picture of one dot.
const dot = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"

// A fileRow is what the API shows of a message's file.
type fileRow struct {
	ID   string `json:"id"`
	Type string `json:"message_type"`
	Data struct {
		Media struct {
			File  string `json:"file_id"`
			URL   string `json:"url"`
			Error string `json:"error"`
		} `json:"media"`
	} `json:"data"`
}

// files are the messages of a thread that have a file, by their order.
func (c *chatter) files(thread string) (all []fileRow) {
	c.t.Helper()
	var rows []fileRow
	c.bare("GET", "/api/v1/conversations/"+thread+"/messages", nil, &rows)
	for _, r := range rows {
		if r.Data.Media.File != "" || r.Data.Media.Error != "" {
			all = append(all, r)
		}
	}
	return all
}

// got is what a URL of a file gives, on this node, without a key.
func (c *chatter) got(file string) (head http.Header, body string) {
	c.t.Helper()
	u, err := url.Parse(file)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+u.RequestURI(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("%s is answered %d (%v): %s", file, res.StatusCode, err, text)
	}
	return res.Header, string(text)
}

// upload keeps a file by the API.
func (c *chatter) upload(kind string, content []byte) (id string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+"/api/v1/media?filename=dot.png", bytes.NewReader(content))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	var made struct{ Data struct{ ID string } }
	err = json.NewDecoder(res.Body).Decode(&made)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusCreated {
		c.t.Fatalf("the file is answered %d (%v)", res.StatusCode, err)
	}
	return made.Data.ID
}

// TestEndToEndWhatsAppFiles: what people send by Meta is kept, what cannot be kept says why, a page is a download, and what is uploaded is sent.
func TestEndToEndWhatsAppFiles(t *testing.T) {
	t.Parallel()
	c := chatting(t)
	c.bare("POST", "/api/v1/bots/"+c.bot+"/toggle", nil, new(threadRow)) // so that nobody is answered
	ana := providertest.WhatsAppPerson{Number: "16505551234", Name: "Ana Ruiz"}
	now := time.Now()
	send := func(id, kind, mediaType string, content []byte, expire, lie bool) {
		t.Helper()
		file, sum := c.meta.Put(mediaType, content)
		if expire {
			c.meta.Drop(file)
		}
		if lie {
			sum = strings.Repeat("0", 64)
		}
		c.hear(c.meta.Says(ana, "wamid."+id, now, kind, map[string]any{"id": file, "mime_type": mediaType, "sha256": sum}))
		until(t, time.Minute, id+" is worked off", func() bool {
			all := c.threads()
			return len(all) == 1 && len(c.messages(all[0].ID)) > 0 && len(c.files(all[0].ID)) == seenFiles(id)
		})
	}
	send("1", "image", "image/png", []byte(dot), false, false)
	send("2", "image", "image/png", []byte(dot), true, false)
	send("3", "image", "image/png", []byte(dot), false, true)
	send("4", "document", "text/html", []byte("<script>alert(1)</script>"), false, false)
	send("5", "image", "image/jpeg", []byte("<script>alert(1)</script>"), false, false)
	send("6", "image", "image/png", append([]byte(dot), make([]byte, 5<<20)...), false, false)
	thread := c.threads()[0].ID
	all := c.files(thread)
	for i, says := range []string{"", "there no more", "SHA-256", "", "looks like text/html", "larger"} {
		if m := all[i].Data.Media; (m.File != "") != (says == "") || !strings.Contains(m.Error, says) {
			t.Errorf("file %d: %+v, want %q", i+1, m, says)
		}
	}
	if head, body := c.got(all[0].Data.Media.URL); body != dot || head.Get("Content-Type") != "image/png" {
		t.Errorf("the picture is %q, %v", body, head)
	}
	head, _ := c.got(all[3].Data.Media.URL)
	if head.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(head.Get("Content-Disposition"), "attachment") || head.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the page is %v", head)
	}

	var mine chatRow
	c.bare("POST", "/api/v1/conversations/"+thread+"/messages", map[string]any{"type": "image", "content": "A dot", "media": map[string]any{"id": c.upload("image/png", []byte(dot))}}, &mine)
	c.status(thread, mine.ID, "sent")
	sent := c.meta.Sent()[0]
	image, _ := sent.Body["image"].(map[string]any)
	id, _ := image["id"].(string)
	if kept, ok := c.meta.File(id); !ok || string(kept.Content) != dot || !kept.Uploaded || image["caption"] != "A dot" {
		t.Errorf("sent %+v, kept %+v", sent, kept)
	}
	bo := providertest.WhatsAppPerson{Number: "16505550000", Name: "Bo"}
	c.hear(c.meta.Says(bo, "wamid.old", now.Add(-25*time.Hour), "text", saying("Hello?")))
	until(t, time.Minute, "the other's message is there", func() bool { return len(c.threads()) == 2 })
	closed := c.threads()[0].ID
	c.bare("POST", "/api/v1/conversations/"+closed+"/messages", map[string]any{
		"type": "template", "template": map[string]any{"name": "appointment_v2", "language": "en_US", "variables": map[string]any{"1": "Bo"}},
	}, &mine)
	c.status(closed, mine.ID, "sent")
}

// seenFiles is how many files are there once one is worked off that is numbered so.
func seenFiles(id string) int { return int(id[0] - '0') }
