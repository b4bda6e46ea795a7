package webhook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/control/voice/voicetest"
	"parley/store"
)

// TestVector is the one that Standard Webhooks publishes
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_test.go, and shared/conformance).
func TestVector(t *testing.T) {
	t.Parallel()
	const secret, want = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	got, err := Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`), secret)
	if err != nil || got != want {
		t.Errorf("signature %q, %v; want %q", got, err, want)
	}
	two, err := Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`), newSecret(), secret)
	if err != nil || !strings.HasSuffix(two, " "+want) || strings.Count(two, "v1,") != 2 {
		t.Errorf("two signatures: %q, %v", two, err)
	}
	for _, bad := range []string{"", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		if s, err := Sign("id", 1, nil, bad); err == nil {
			t.Errorf("secret %q signs: %q", bad, s)
		}
	}
	for range 100 {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(newSecret(), "whsec_"))
		if err != nil || len(key) != 32 {
			t.Fatalf("a new secret has %d bytes: %v", len(key), err)
		}
	}
}

// TestPayloadIsThePages: the body has the contract's fields, in its order, and no others.
func TestPayloadIsThePages(t *testing.T) {
	t.Parallel()
	page := voicetest.Load()
	p := Payload{EventType: store.CallCompleted, TaskID: "uuid-here", CallID: "uuid-here", Status: store.Completed, Data: Excerpts{"...", "..."}}
	got, err := encode(p)
	if err != nil {
		t.Fatal(err)
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(got), &sent); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(page.Webhook.Payload, sent); d != "" || page.Webhook.Timeout != 10 || (Timing{}).orDefaults().Timeout != 10*time.Second {
		t.Errorf("payload (-page +sent):\n%s", d)
	}
	p.Data.Transcript = "<a & b>"
	if got, _ := encode(p); !strings.Contains(got, `"<a & b>"`) || strings.HasSuffix(got, "\n") {
		t.Errorf("payload %s", got)
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	said := []store.Message{{Role: "assistant", Text: "Hello,\n how are you?"}, {Role: "caller", Text: "Fine."}, {Role: "tool", Text: "{}"}, {Role: "narrator", Text: "Keys."}}
	if got, want := spoken(said), "agent: Hello, how are you?\nuser: Fine."; got != want {
		t.Errorf("spoken %q, want %q", got, want)
	}
	for i := range 10 {
		long := strings.Repeat("a", i) + strings.Repeat("é€𝄞", 1000)
		got := excerpt(long)
		if len(got) > maxExcerpt || len(got) < maxExcerpt-8 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") || !strings.HasPrefix(long, strings.TrimSuffix(got, "…")) {
			t.Errorf("excerpt of %d bytes has %d: %q", len(long), len(got), got[len(got)-10:])
		}
	}
	if got := excerpt(strings.Repeat("a", maxExcerpt)); len(got) != maxExcerpt {
		t.Errorf("what fits is cut to %d", len(got))
	}
	if got := spoken(make([]store.Message, 5000)); got != "" {
		t.Errorf("messages of nobody: %q", got)
	}
	var talk []store.Message
	for i := range 5000 {
		talk = append(talk, store.Message{Role: "caller", Text: fmt.Sprint("word ", i)})
	}
	if got := spoken(talk); len(got) > 2*maxExcerpt {
		t.Errorf("a long call is read to %d bytes", len(got))
	}
}

// TestVerdict: one try as the page has it; with redelivery ten, over three days; 410 ends it.
func TestVerdict(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	again := store.Endpoint{WebhookSettings: store.WebhookSettings{Redelivery: true}}
	bad := reply{at: at, took: time.Second, code: 500, err: "the endpoint answered 500"}
	tries, total := 0, time.Duration(0)
	for {
		o := s.verdict(store.Delivery{Kind: store.CallFailed, Tries: tries}, again, bad)
		tries++
		if o.Status == store.DeliveryFailed {
			break
		}
		total += o.Due.Sub(at.Add(time.Second))
	}
	if tries != 10 || total != 75*time.Hour+35*time.Minute+5*time.Second {
		t.Errorf("%d tries over %v", tries, total)
	}
	slow := bad
	slow.after = time.Hour
	if o := s.verdict(store.Delivery{Kind: store.CallFailed}, again, slow); o.Due.Sub(o.At) != time.Hour {
		t.Errorf("Retry-After of an hour: again after %v", o.Due.Sub(o.At))
	}
	gone := reply{at: at, code: 410, err: "the endpoint answered 410 Gone"}
	for what, c := range map[string]struct {
		d       store.Delivery
		e       store.Endpoint
		r       reply
		status  store.DeliveryStatus
		disable bool
	}{
		"good":               {store.Delivery{}, store.Endpoint{}, reply{at: at, code: 200}, store.DeliveryDelivered, false},
		"without redelivery": {store.Delivery{}, store.Endpoint{}, bad, store.DeliveryFailed, false},
		"410 without":        {store.Delivery{}, store.Endpoint{}, gone, store.DeliveryFailed, false},
		"410":                {store.Delivery{Kind: store.CallStarted}, again, gone, store.DeliveryFailed, true},
		"a test":             {store.Delivery{Kind: store.WebhookTest}, again, bad, store.DeliveryFailed, false},
		"a test of 410":      {store.Delivery{Kind: store.WebhookTest}, again, gone, store.DeliveryFailed, false},
		"good at last":       {store.Delivery{Kind: store.CallStarted, Tries: 9}, again, reply{at: at, code: 204}, store.DeliveryDelivered, false},
	} {
		o := s.verdict(c.d, c.e, c.r)
		if o.Status != c.status || (o.Disable != "") != c.disable || o.Attempt == nil || o.Attempt.Error != c.r.err {
			t.Errorf("%s: %+v", what, o)
		}
	}
	now := at.In(time.FixedZone("", 3600))
	for text, want := range map[string]time.Duration{"": 0, "x": 0, "-5": 0, "120": 2 * time.Minute, "999999999": 24 * time.Hour,
		at.Add(time.Minute).Format(http.TimeFormat): time.Minute, at.Add(-time.Minute).Format(http.TimeFormat): 0} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", text, got, want)
		}
	}
}

// TestLanes: a host has few slots, one that does not answer one, and all of these half of them together.
func TestLanes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := &lanes{deafFor: time.Minute}
	take := func(now time.Time, hosts ...string) (n int) {
		for _, share := range l.shares(hosts, now) {
			for range share.Most {
				l.enter(share.Host, now)
				n++
			}
		}
		return n
	}
	if n := take(now, "dead"); n != perHost || len(l.shares([]string{"dead"}, now)) != 0 {
		t.Errorf("%d slots for one host", n)
	}
	for range perHost {
		l.leave("dead", false, now)
	}
	if n := take(now, "dead"); n != 1 {
		t.Errorf("%d slots for a host that does not answer", n)
	}
	l.leave("dead", true, now)
	if n := take(now, "dead"); n != perHost {
		t.Errorf("%d slots for a host that answers again", n)
	}
	for range perHost {
		l.leave("dead", true, now)
	}
	var many []string
	for i := range 2 * slots {
		host := fmt.Sprint("host ", i)
		l.enter(host, now)
		l.leave(host, false, now)
		many = append(many, host)
	}
	if n := take(now, many...); n != slots/2 || l.busy() != slots/2 {
		t.Errorf("%d slots for all that do not answer", n)
	}
	if n := take(now, "good 1", "good 2"); n != 2*perHost {
		t.Errorf("%d slots for two others", n)
	}
	for i := range slots {
		take(now, fmt.Sprint("good ", i))
	}
	if !l.full() || l.busy() != slots {
		t.Errorf("%d slots are taken", l.busy())
	}
	later := now.Add(2 * time.Minute)
	for host, at := range l.hosts {
		for range at.busy {
			l.leave(host, host[0] == 'g', now)
		}
	}
	if l.shares(nil, later); l.busy() != 0 || l.deaf != 0 || len(l.hosts) != 0 {
		t.Errorf("when all is over: %d slots, %d of them deaf, %d hosts", l.busy(), l.deaf, len(l.hosts))
	}
}
