//go:build e2e

package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A tab is a page of a headless Chromium, driven by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).
type tab struct {
	t       *testing.T
	conn    *websocket.Conn
	session string

	mu       sync.Mutex
	n        int
	answers  map[int]chan devtools
	troubles []string // errors that the page wrote to its console, and exceptions
	foreign  []string // what it asked of other servers than origin
	origin   string
}

// devtools is what the browser answers.
type devtools struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// chromium starts a browser with one empty tab, whose requests may go to origin alone. The browser ends with the test.
func chromium(t *testing.T, origin string, flags ...string) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: apt-get install chromium", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	home := t.TempDir()
	cmd := exec.CommandContext(ctx, path, append(flags, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
		"--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0", "--user-data-dir="+home, "about:blank")...)
	cmd.Env = append(os.Environ(), "HOME="+home)
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, url := bufio.NewScanner(errs), ""
	for url == "" && lines.Scan() {
		_, url, _ = strings.Cut(lines.Text(), "DevTools listening on ")
	}
	drained := make(chan struct{})
	go func() {
		for lines.Scan() { // a full pipe would stop the browser
		}
		close(drained)
	}()
	t.Cleanup(func() {
		cancel()
		<-drained
		_ = cmd.Wait() // it was killed
	})
	if url == "" {
		t.Fatal("chromium said nothing of where it listens")
	}
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t, conn: conn, answers: map[int]chan devtools{}, origin: origin}
	read := make(chan struct{})
	go func() { b.read(); close(read) }()
	t.Cleanup(func() { _ = conn.Close(); <-read })
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

// read hands out answers, and notes what goes wrong in the page.
func (b *tab) read() {
	for {
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			devtools
		}
		if err := b.conn.ReadJSON(&m); err != nil {
			b.mu.Lock()
			for _, answer := range b.answers {
				answer <- devtools{Error: &struct{ Message string }{err.Error()}}
			}
			clear(b.answers)
			b.mu.Unlock()
			return
		}
		b.mu.Lock()
		if answer, ok := b.answers[m.ID]; ok && m.ID != 0 {
			delete(b.answers, m.ID)
			answer <- m.devtools
		}
		b.note(m.Method, m.Params)
		b.mu.Unlock()
	}
}

// note keeps an event that tells of trouble. b.mu is held.
func (b *tab) note(method string, params json.RawMessage) {
	var p struct {
		Type    string
		Args    []struct{ Value, Description any }
		Entry   struct{ Level, Text, URL string }
		Request struct{ URL string }
		Details struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	if method == "" || json.Unmarshal(params, &p) != nil {
		return
	}
	switch {
	case method == "Runtime.consoleAPICalled" && (p.Type == "error" || p.Type == "warning"):
		b.troubles = append(b.troubles, fmt.Sprint(p.Type, ": ", p.Args))
	case method == "Runtime.exceptionThrown":
		b.troubles = append(b.troubles, p.Details.Text+" "+p.Details.Exception.Description)
	case method == "Log.entryAdded" && p.Entry.Level == "error":
		b.troubles = append(b.troubles, p.Entry.Text+" "+p.Entry.URL)
	case method == "Network.requestWillBeSent" && strings.HasPrefix(p.Request.URL, "data:"):
		// The browser draws fields for dates with pictures of its own. The page may have none: img-src.
	case method == "Network.requestWillBeSent" && !strings.HasPrefix(p.Request.URL, b.origin+"/"):
		b.foreign = append(b.foreign, p.Request.URL)
	}
}

// call asks the browser for something, and waits for it.
func (b *tab) call(method string, params, into any) {
	b.t.Helper()
	answer := make(chan devtools, 1)
	b.mu.Lock()
	b.n++
	m := map[string]any{"id": b.n, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	b.answers[b.n] = answer
	err := b.conn.WriteJSON(m)
	b.mu.Unlock()
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case r := <-answer:
		if r.Error != nil {
			b.t.Fatalf("%s: %s", method, r.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(r.Result, into); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(time.Minute):
		b.t.Fatalf("%s: no answer in a minute", method)
	}
}

// eval runs a script in the page, as if a person had asked for it, waits for its promise, and reads what it gives.
func (b *tab) eval(script string, into any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%.200s: %s", script, r.ExceptionDetails.Exception.Description)
	}
	if into != nil {
		if err := json.Unmarshal(r.Result.Value, into); err != nil {
			b.t.Fatalf("%.200s: %v", script, err)
		}
	}
}

// open goes to a page.
func (b *tab) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// sees waits until an expression is true in the page.
func (b *tab) sees(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		var ok bool
		b.eval("new Promise(done => setTimeout(() => done(!!("+expression+")), 30))", &ok)
		if ok {
			return
		}
		if time.Now().After(deadline) {
			var text string
			b.eval("document.body.innerText.slice(0, 1500)", &text)
			b.t.Fatalf("never: %s. The page says:\n%s\nTroubles: %q", expression, text, b.troubles)
		}
	}
}

// front is what a person can reach in the page: the dialog that is open, or all of it.
const front = "([...document.querySelectorAll('dialog[open]')].at(-1) ?? document)"

// fill writes into the field with that label.
func (b *tab) fill(label, text string) {
	b.t.Helper()
	b.fillIn(front, label, text)
}

// fillIn writes into the field with that label within a part of the page.
func (b *tab) fillIn(part, label, text string) {
	b.t.Helper()
	field := b.field(part, label)
	b.eval("(() => { const f = "+field+"; f.scrollIntoView({block: 'center'}); f.focus(); f.select?.() })()", nil)
	if text == "" {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Backspace", "code": "Backspace", "windowsVirtualKeyCode": 8}, nil)
		return
	}
	b.call("Input.insertText", map[string]any{"text": text}, nil)
}

// field is the field with that label, as an expression. It waits until it is there.
func (b *tab) field(part, label string) string {
	b.t.Helper()
	name, _ := json.Marshal(label)
	field := "[..." + part + ".querySelectorAll('label')].find(l => l.textContent.trim().startsWith(" + string(name) + "))?.control"
	b.sees(field)
	return field
}

// choose picks the option with that text.
func (b *tab) choose(label, option string) {
	b.t.Helper()
	field := b.field(front, label)
	text, _ := json.Marshal(option)
	b.sees("[..." + field + ".options].some(o => o.text === " + string(text) + ")")
	b.eval("(() => { const f = "+field+"; f.value = [...f.options].find(o => o.text === "+string(text)+").value; f.dispatchEvent(new Event('change', {bubbles: true})) })()", nil)
}

// press clicks the button, or follows the link, with that text or label.
func (b *tab) press(name string) {
	b.t.Helper()
	text, _ := json.Marshal(name)
	find := "[..." + front + ".querySelectorAll('button, a, summary')].find(e => (e.ariaLabel ?? e.textContent).trim() === " + string(text) + " && !e.disabled && e.checkVisibility())"
	b.sees(find)
	b.eval(find+".click()", nil)
}

// look makes the window so wide, in CSS pixels, and bright or dark; nothing in it moves.
func (b *tab) look(width int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}, // colours change at once
	}}, nil)
}

// shoot writes a picture of the page to a file.
func (b *tab) shoot(file string) {
	b.t.Helper()
	var picture struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &picture)
	png, err := base64.StdEncoding.DecodeString(picture.Data)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// quiet checks that nothing went wrong in the page so far, and that it asked nothing of anybody else.
func (b *tab) quiet(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, trouble := range b.troubles {
		b.t.Errorf("%s: the browser's console: %s", where, trouble)
	}
	for _, url := range b.foreign {
		b.t.Errorf("%s: the page asked for %s", where, url)
	}
	b.troubles, b.foreign = nil, nil
}
