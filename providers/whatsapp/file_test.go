package whatsapp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/whatsapp"
)

func note(content []byte) whatsapp.File {
	return whatsapp.File{
		Kind: message.Audio, Type: "audio/ogg; codecs=opus", Name: "note.ogg", Size: int64(len(content)), Content: bytes.NewReader(content),
	}
}

// TestUpload: a file is taken, sent by its id, and forgotten.
func TestUpload(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	content := bytes.Repeat([]byte("OggS"), 5000)
	id, err := n.Upload(t.Context(), note(content))
	if err != nil {
		t.Fatal(err)
	}
	kept, ok := f.File(id)
	if !ok || !bytes.Equal(kept.Content, content) || kept.Type != "audio/ogg; codecs=opus" {
		t.Errorf("%v, %d bytes of %q", ok, len(kept.Content), kept.Type)
	}
	if _, err := n.Send(t.Context(), to(message.Outgoing{Media: &message.Attachment{Kind: message.Audio, ID: id, Voice: true}})); err != nil {
		t.Error(err)
	}
	if err := n.Delete(t.Context(), id); err != nil {
		t.Error(err)
	}
	if _, err := n.Send(t.Context(), to(message.Outgoing{Media: &message.Attachment{Kind: message.Audio, ID: id}})); reason(err) != message.Invalid {
		t.Errorf("a file that is gone is sent: %v", err)
	}
}

// TestUploadRefused: what Meta would not take is not sent.
func TestUploadRefused(t *testing.T) {
	t.Parallel()
	n := graph(t, &providertest.WhatsApp{})
	for field, change := range map[string]func(*whatsapp.File){
		"file.kind":    func(f *whatsapp.File) { f.Kind = message.Text },
		"file.type":    func(f *whatsapp.File) { f.Type = "audio/wav" },
		"file.size":    func(f *whatsapp.File) { f.Size = 16<<20 + 1 },
		"file.name":    func(f *whatsapp.File) { f.Name = "a\r\nb" },
		"file.content": func(f *whatsapp.File) { f.Content = nil },
	} {
		file := note([]byte("x"))
		change(&file)
		_, err := n.Upload(t.Context(), file)
		if e := message.As(err); e == nil || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, size := range []int64{3, 5} {
		file := note([]byte("four"))
		file.Size = size
		if id, err := n.Upload(t.Context(), file); err == nil {
			t.Errorf("four bytes are taken for %d: %s", size, id)
		}
	}
}

// TestFetch: a file comes whole and is the one that was sent, whatever its URL has come to.
func TestFetch(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	content := bytes.Repeat([]byte{1, 2, 3}, 40000)
	id, sum := f.Put("audio/ogg", content)
	raw, err := hex.DecodeString(sum)
	if err != nil {
		t.Fatal(err)
	}
	at, err := n.Locate(t.Context(), id)
	if err != nil || at.Size != int64(len(content)) || at.SHA256 != sum || at.Type != "audio/ogg" {
		t.Fatalf("%v, %+v", err, at)
	}
	fetch := func(m message.Media) error {
		var got bytes.Buffer
		err := n.Fetch(t.Context(), message.Audio, m, &got)
		if err == nil && !bytes.Equal(got.Bytes(), content) {
			t.Error("it differs")
		}
		return err
	}
	for name, m := range map[string]message.Media{
		"by id": {ID: id, SHA256: base64.StdEncoding.EncodeToString(raw)}, "without a sum": {ID: id}, "by URL": {URL: at.URL, SHA256: sum},
	} {
		if name == "by URL" {
			if at, err = n.Locate(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			m.URL = at.URL
		}
		if err := fetch(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Expire()
	if err := fetch(message.Media{ID: id, URL: at.URL}); err != nil {
		t.Errorf("a URL that has run out, and an id: %v", err)
	}
	f.Expire()
	if err := fetch(message.Media{URL: at.URL}); reason(err) != message.MediaGone {
		t.Errorf("a URL that has run out: %v", err)
	}
	if err := fetch(message.Media{ID: id, SHA256: strings.Repeat("0", 64)}); reason(err) != message.MediaFailed {
		t.Errorf("another sum: %v", err)
	}
	f.Drop(id)
	if err := fetch(message.Media{ID: id}); reason(err) != message.MediaGone || message.As(err).Retry {
		t.Errorf("a file that is gone: %v", err)
	}
	if err := fetch(message.Media{ID: "../x"}); reason(err) != message.Invalid {
		t.Errorf("%v", err)
	}
	large, _ := f.Put("image/jpeg", make([]byte, 5<<20+1))
	if err := n.Fetch(t.Context(), message.Image, message.Media{ID: large}, io.Discard); reason(err) != message.MediaFailed {
		t.Errorf("a large file: %v", err)
	}
	if err := n.Fetch(t.Context(), message.Audio, message.Media{ID: large}, io.Discard); reason(err) != message.MediaFailed || !strings.Contains(err.Error(), "no audio") {
		t.Errorf("a picture as sound: %v", err)
	}
	page, _ := f.Put("text/html", []byte("<html>"))
	if err := n.Fetch(t.Context(), message.Audio, message.Media{ID: page, Type: "audio/ogg"}, io.Discard); reason(err) != message.MediaFailed {
		t.Errorf("a page as sound: %v", err)
	}
	if err := n.Fetch(t.Context(), message.Document, message.Media{ID: page}, io.Discard); err != nil {
		t.Errorf("a page as a document: %v", err)
	}
	broken := errors.New("the disk is full")
	small, _ := f.Put("image/jpeg", make([]byte, 100))
	if err := n.Fetch(t.Context(), message.Image, message.Media{ID: small}, failingWriter{broken}); !errors.Is(err, broken) || message.As(err) != nil {
		t.Errorf("%v", err)
	}
	f.Misbehave(providertest.Trouble{Fault: providertest.Unheard, Times: 1})
	if err := n.Fetch(t.Context(), message.Image, message.Media{ID: small}, io.Discard); err != nil {
		t.Errorf("asked once more: %v", err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

// TestStranger: the token goes to nobody but Meta, whoever asks for it.
func TestStranger(t *testing.T) {
	t.Parallel()
	n := graph(t, &providertest.WhatsApp{})
	var told atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) }))
	defer stranger.Close()
	base, err := url.Parse(n.Base)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{
		stranger.URL + "/file", "http://" + base.Host + "/whatsapp_business/attachments/moved/1?to=" + url.QueryEscape(stranger.URL),
		"http://lookaside.fbsbx.com/x", "https://fbsbx.com.example/x", "https://evilfbsbx.com/x", "https://user@lookaside.fbsbx.com/x", "https://lookaside.fbsbx.com:8443/x",
		"file:///etc/passwd", "::",
	} {
		err := n.Fetch(t.Context(), message.Audio, message.Media{URL: at}, io.Discard)
		if e := message.As(err); e == nil || e.Reason != message.MediaFailed || !strings.Contains(err.Error(), "not Meta's") {
			t.Errorf("%s: %v", at, err)
		}
	}
	if told.Load() != 0 {
		t.Error("the stranger was asked")
	}
	base.Path, base.RawQuery = "/whatsapp_business/attachments/moved/1", ""
	round := base.String() + "?to="
	round += url.QueryEscape(base.String() + "?to=" + url.QueryEscape(base.String()+"?to="+url.QueryEscape(base.String()+"?to="+url.QueryEscape(base.String()))))
	if err := n.Fetch(t.Context(), message.Audio, message.Media{URL: round}, io.Discard); reason(err) != message.MediaFailed {
		t.Errorf("%v", err)
	}
}

// TestUnpatient: a number with no patience does not wait.
func TestUnpatient(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	n.Patience = -1
	f.Misbehave(providertest.Trouble{Fault: providertest.Complain, Code: 131000})
	began := time.Now()
	if _, err := n.Send(t.Context(), to(message.Outgoing{Text: "Hi"})); reason(err) != message.Unavailable {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 5*time.Second { // of ten that others wait
		t.Errorf("it took %v", took)
	}
}
