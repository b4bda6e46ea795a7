//go:build e2e

package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/media/wav"
)

// A softphone is baresip: a user agent that others have written. It says what a file says, and writes down what it hears.
type softphone struct {
	t    *testing.T
	dir  string
	port int // of SIP
	cmd  *exec.Cmd
	out  *syncBuffer
	done chan error
}

// softphoneConfig is baresip's, for a machine without sound: %[1]s is its directory, %[2]d the port of SIP.
const softphoneConfig = `poll_method epoll
sip_listen 127.0.0.1:%[2]d
net_interface 127.0.0.1
audio_source aufile,%[1]s/said.wav
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
audio_path %[1]s
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports 44000-48000
snd_path %[1]s
module_path /usr/lib/baresip/modules
module g711.so
module dtls_srtp.so
module aubridge.so
module aufile.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
`

// newSoftphone starts baresip, which calls from wherever it is and registers nowhere. See startSoftphone.
func newSoftphone(t *testing.T, user string, pcm []int16, limit time.Duration, commands ...string) *softphone {
	t.Helper()
	return startSoftphone(t, "<sip:"+user+"@127.0.0.1>;regint=0", pcm, limit, commands...)
}

// startSoftphone starts baresip with an account, which says what pcm has when it is in a call, does what the commands say, and ends after limit.
func startSoftphone(t *testing.T, account string, pcm []int16, limit time.Duration, commands ...string) *softphone {
	t.Helper()
	if _, err := exec.LookPath("baresip"); err != nil {
		t.Fatal("baresip is not installed: run apt-get install baresip, or make setup-test")
	}
	s := &softphone{t: t, dir: t.TempDir(), port: freePort(t), out: &syncBuffer{}, done: make(chan error, 1)}
	if err := wav.WriteFile(filepath.Join(s.dir, "said.wav"), wav.Sound{PCM: pcm, Rate: carrier.Rate, Channels: 1}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"config": fmt.Sprintf(softphoneConfig, s.dir, s.port), "accounts": account + ";answermode=auto\n", "contacts": "\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-f", s.dir, "-t", strconv.Itoa(int(limit.Seconds()))}
	for _, c := range commands {
		args = append(args, "-e", c)
	}
	s.cmd = exec.Command("baresip", args...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() {
		s.leave()
		if t.Failed() {
			t.Logf("baresip:\n%s", s.out)
		}
	})
	until(t, time.Minute, "baresip is ready", func() bool { return strings.Contains(s.out.String(), "baresip is ready") })
	return s
}

// freePort is a port that nobody has, of UDP and of TCP, and none of those that the system gives to whoever asks for any.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(10000+rand.IntN(10000)))
		c, err := net.ListenPacket("udp4", at)
		if err != nil {
			continue
		}
		l, lerr := net.Listen("tcp4", at)
		c.Close()
		if lerr == nil {
			l.Close()
			return l.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// leave ends baresip in good order: it hangs up.
func (s *softphone) leave() {
	if s.done == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.wait(20 * time.Second)
}

// wait waits until baresip has ended by itself.
func (s *softphone) wait(limit time.Duration) {
	select {
	case <-s.done: // its exit code says nothing of its calls
	case <-time.After(limit):
		s.t.Errorf("baresip does not end within %v", limit)
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	s.done = nil
}

// heard is what came to it in its only call.
func (s *softphone) heard() []int16 {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "dump-*-dec.wav"))
	if err != nil || len(paths) != 1 {
		s.t.Fatalf("recordings of baresip: %v, %v", paths, err)
	}
	a, err := wav.ReadFile(paths[0])
	if err != nil {
		s.t.Fatal(err)
	}
	if a.Rate != carrier.Rate || a.Channels != 1 {
		s.t.Fatalf("baresip's recording has %d Hz, %d channels", a.Rate, a.Channels)
	}
	return a.PCM
}

// sipAddress is where the node listens for SIP over UDP.
func (n *node) sipAddress() string {
	n.t.Helper()
	found := ""
	until(n.t, time.Minute, "it listens for SIP", func() bool {
		if m := regexp.MustCompile(`Calls by SIP: udp://([0-9.]+:[0-9]+)`).FindStringSubmatch(n.out.String()); m != nil {
			found = m[1]
		}
		return found != ""
	})
	return found
}

// TestEndToEndBaresipCalls: baresip calls the agent, asks for something in recorded words, and its own recording has what the agent
// answered.
func TestEndToEndBaresipCalls(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0,tcp://127.0.0.1:0")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	hear := recogniser(t)
	spoken, err := wav.ReadFile(spoken(t, "two", words("vm-press", "digits/2")...))
	if err != nil {
		t.Fatal(err)
	}
	pcm := append(make([]int16, samples(5*time.Second)), spoken.PCM...) // in the middle of the greeting, which it interrupts
	pcm = append(pcm, make([]int16, samples(30*time.Second))...)
	phone := newSoftphone(t, "+15550100001", pcm, 20*time.Second, "/dial sip:100@"+n.sipAddress())
	phone.wait(time.Minute)
	text := strings.ToLower(hear(phone.heard()))
	t.Logf("baresip has heard: %s", text)
	for _, word := range []string{"clinic", "opening hours", "which day"} {
		if !strings.Contains(text, word) {
			t.Errorf("baresip has not heard %q", word)
		}
	}
	var calls []callRow
	until(t, time.Minute, "the call is written down", func() bool { calls = n.calls(); return len(calls) == 1 && calls[0].Cause != "" })
	c := n.record(calls[0].CarrierID)
	if c.Cause != "caller" || c.From != "+15550100001" || c.To != "100" {
		t.Errorf("the call ended by %q, from %q to %q", c.Cause, c.From, c.To)
	}
	if v := n.metric("parley_calls_total", `leg="sip"`, `cause="caller"`); v != 1 {
		t.Errorf("%v calls by SIP are counted", v)
	}
}

// TestEndToEndBaresipSecured: baresip calls with DTLS-SRTP, RTCP on a port of its own, and hears the agent; what was not secured was not heard.
func TestEndToEndBaresipSecured(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_SIP_SRTP=require")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	hear := recogniser(t)
	phone := startSoftphone(t, "<sip:+15550100001@127.0.0.1>;regint=0;mediaenc=dtls_srtp", make([]int16, samples(time.Minute)), 15*time.Second, "/dial sip:100@"+n.sipAddress())
	phone.wait(time.Minute)
	text := strings.ToLower(hear(phone.heard()))
	t.Logf("baresip has heard: %s", text)
	if !strings.Contains(text, "clinic") {
		t.Error("baresip has not heard the greeting")
	}
	var calls []callRow
	until(t, time.Minute, "the call is written down", func() bool { calls = n.calls(); return len(calls) == 1 && calls[0].Cause != "" })
	if c := n.record(calls[0].CarrierID); c.Cause != "caller" {
		t.Errorf("the call ended by %q", c.Cause)
	}
}

// TestEndToEndBaresipIsCalled: a task has the agent call baresip by a trunk: baresip answers, and its recording has what the agent said.
func TestEndToEndBaresipIsCalled(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_DIAL_RATE=20")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	hear := recogniser(t)
	const number = "+15550100077"
	phone := newSoftphone(t, number, make([]int16, samples(time.Minute)), 20*time.Second)
	n.trunked(t, phone.port, "+15550100002")
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	ended := make(chan string, 1)
	go func() {
		out, code := command(t, env, "dial", number, "--agent", "Receptionist", "--say", "Good morning John Doe, here is the dentist.", "--json")
		ended <- fmt.Sprint(code, " ", out)
	}()
	phone.wait(2 * time.Minute)
	if out := <-ended; !strings.HasPrefix(out, "0 ") || !strings.Contains(out, `"status": "completed"`) {
		t.Errorf("parley dial: %s", out)
	}
	text := strings.ToLower(hear(phone.heard()))
	t.Logf("baresip has heard: %s", text)
	if !strings.Contains(text, "good morning") || !strings.Contains(text, "dentist") {
		t.Error("baresip has not heard the agent's words")
	}
	c := n.calls()[0]
	if c.From != "+15550100002" || c.To != number || c.Answered == nil {
		t.Errorf("the call is %+v", c)
	}
}

// trunked leads a number of the organisation's to a trunk at a port of this machine, and returns the trunk's path in the API.
func (n *node) trunked(t *testing.T, port int, number string) string {
	t.Helper()
	var made struct {
		ID string `json:"id"`
	}
	n.into(n.api(http.MethodPost, "/api/v1/trunks", map[string]any{"name": "Softphone", "host": "127.0.0.1", "port": port}), &made)
	out, code := command(t, []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}, "numbers", "set", number, "Receptionist", "--trunk", "Softphone")
	if code != 0 {
		t.Fatalf("parley numbers set: %s", out)
	}
	return "/api/v1/trunks/" + made.ID
}
