package providertest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Sign is the X-Hub-Signature-256 of a webhook.
func (f *WhatsApp) Sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(f.Secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Hook is a webhook about the number. Field is messages or calls, and value its messages, statuses, calls, contacts or errors.
func (f *WhatsApp) Hook(field string, value map[string]any) []byte {
	whole := map[string]any{
		"messaging_product": "whatsapp",
		"metadata":          map[string]any{"display_phone_number": cmp.Or(f.Display, FakeDisplay), "phone_number_id": f.number()},
	}
	for k, v := range value {
		whole[k] = v
	}
	body, err := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{
		"id": f.account(), "changes": []any{map[string]any{"field": field, "value": whole}},
	}}})
	if err != nil {
		panic(err) // values are made of what encodes
	}
	return body
}

// A WhatsAppPerson is one at the other end.
type WhatsAppPerson struct {
	Number string // without a plus sign; "": they hide it
	User   string // "": Meta does not tell it
	Name   string
	Handle string
}

func (p WhatsAppPerson) contact() map[string]any {
	profile := map[string]any{"name": p.Name}
	if p.Handle != "" {
		profile["username"] = p.Handle
	}
	return without(map[string]any{"profile": profile, "wa_id": p.Number, "user_id": p.User})
}

// without leaves out what is empty.
func without(m map[string]any) map[string]any {
	for k, v := range m {
		if v == "" || v == nil {
			delete(m, k)
		}
	}
	return m
}

// Says is the webhook of a message: its kind, and the member of that name. The window opens with it.
func (f *WhatsApp) Says(who WhatsAppPerson, id string, at time.Time, kind string, content any) []byte {
	f.Wrote(cmp.Or(who.Number, who.User), at)
	message := map[string]any{"id": id, "timestamp": strconv.FormatInt(at.Unix(), 10), "type": kind, kind: content}
	message["from"], message["from_user_id"] = who.Number, who.User
	return f.Hook("messages", map[string]any{"contacts": []any{who.contact()}, "messages": []any{without(message)}})
}

// Tells is the webhook of how far a message has come; code is why it has failed, 0 if it has not.
func (f *WhatsApp) Tells(id, status, to string, at time.Time, code int) []byte {
	s := map[string]any{"id": id, "status": status, "timestamp": strconv.FormatInt(at.Unix(), 10), "recipient_id": to}
	if code != 0 {
		s["errors"] = []any{map[string]any{"code": code, "title": graphTexts[code].title, "message": graphTexts[code].title}}
	}
	return f.Hook("messages", map[string]any{"statuses": []any{s}})
}

// Post sends a webhook once, and returns the status of the answer.
func (f *WhatsApp) Post(ctx context.Context, target string, body []byte) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make webhook: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "facebookexternalua")
	r.Header.Set("X-Hub-Signature-256", f.Sign(body))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("send webhook: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, nil
}

// Deliver sends each webhook so many times, all of them shuffled, four at once, and each until 200 is said or the context ends. Target is asked
// before each, so that a server may come back elsewhere.
func (f *WhatsApp) Deliver(ctx context.Context, target func() string, bodies [][]byte, times int, order *rand.Rand) error {
	return deliver(ctx, bodies, times, order, func(body []byte) (int, error) { return f.Post(ctx, target(), body) })
}

// deliver is Deliver, of any channel.
func deliver[T any](ctx context.Context, all []T, times int, order *rand.Rand, post func(T) (int, error)) error {
	var queue []T
	for range times {
		queue = append(queue, all...)
	}
	order.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	next := make(chan T)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for one := range next {
				for {
					status, err := post(one)
					if err == nil && status == http.StatusOK || ctx.Err() != nil {
						break
					}
					select {
					case <-time.After(20 * time.Millisecond):
					case <-ctx.Done():
					}
				}
			}
		})
	}
	for _, one := range queue {
		next <- one
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// A WhatsAppSample is a webhook of a certain kind.
type WhatsAppSample struct {
	Name string
	Body []byte
}

// Samples are webhooks of every kind that is known, each about another message or call. Their person is the same.
func (f *WhatsApp) Samples() []WhatsAppSample {
	const at = "1760000000"
	who := WhatsAppPerson{Number: "16505551234", User: "US.13491208655302741918", Name: "Ana Ruiz", Handle: "ana.r"}
	var all []WhatsAppSample
	say := func(name string, m map[string]any) {
		whole := map[string]any{"from": who.Number, "from_user_id": who.User, "id": "wamid.in." + name, "timestamp": at}
		for k, v := range m {
			whole[k] = v
		}
		all = append(all, WhatsAppSample{name, f.Hook("messages", map[string]any{"contacts": []any{who.contact()}, "messages": []any{without(whole)}})})
	}
	for _, m := range sampleMessages() {
		say(m.name, m.message)
	}
	status := func(name string, s map[string]any) {
		all = append(all, WhatsAppSample{name, f.Hook("messages", map[string]any{"statuses": []any{s}})})
	}
	for _, state := range []string{"sent", "delivered", "read", "played"} {
		status("status_"+state, map[string]any{
			"id": "wamid.out1", "status": state, "timestamp": at, "recipient_id": who.Number, "biz_opaque_callback_data": "ses_01",
			"conversation": map[string]any{"id": "9d5f", "expiration_timestamp": "1760086400", "origin": map[string]any{"type": "service"}},
			"pricing":      map[string]any{"billable": false, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"},
		})
	}
	status("status_failed", map[string]any{"id": "wamid.out2", "status": "failed", "timestamp": at, "recipient_id": who.Number, "errors": []any{
		map[string]any{"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message", "error_data": map[string]any{"details": "More than 24 hours have passed"}},
	}})
	status("status_group", map[string]any{
		"id": "wamid.out3", "status": "delivered", "timestamp": at, "recipient_id": "group-1", "recipient_type": "group", "recipient_participant_id": who.Number,
	})
	status("status_hidden", map[string]any{"id": "wamid.out4", "status": "sent", "timestamp": at, "recipient_user_id": who.User})
	all = append(all, WhatsAppSample{"errors", f.Hook("messages", map[string]any{"errors": []any{
		map[string]any{"code": 131000, "title": "Something went wrong", "message": "Something went wrong", "error_data": map[string]any{"details": "once"}},
	}})}, WhatsAppSample{"another_field", f.Hook("account_update", map[string]any{"event": "VERIFIED_ACCOUNT"})})
	return append(all, f.sampleCalls(who, at)...)
}

// sampleCalls are those of calls.
func (f *WhatsApp) sampleCalls(who WhatsAppPerson, at string) []WhatsAppSample {
	call := func(name string, c map[string]any, beside map[string]any) WhatsAppSample {
		c["id"], c["timestamp"] = "wacid.FAKE."+name, at
		value := map[string]any{"contacts": []any{who.contact()}, "calls": []any{without(c)}}
		for k, v := range beside {
			value[k] = v
		}
		return WhatsAppSample{name, f.Hook("calls", value)}
	}
	ours := cmp.Or(f.Display, FakeDisplay)
	status := func(name, state string) WhatsAppSample {
		return WhatsAppSample{name, f.Hook("calls", map[string]any{"statuses": []any{map[string]any{
			"id": "wacid.FAKE." + name, "type": "call", "status": state, "timestamp": at, "recipient_id": who.Number, "biz_opaque_callback_data": "ses_02",
		}}})}
	}
	return []WhatsAppSample{
		call("call_offered", map[string]any{
			"to": ours, "from": who.Number, "event": "connect", "direction": "USER_INITIATED", "deeplink_payload": "deep-1", "cta_payload": "btn-1",
			"session": map[string]any{"sdp_type": "offer", "sdp": MetaSDP("57.144.135.35:3480", "actpass")},
		}, nil),
		call("call_offered_hidden", map[string]any{
			"to": ours, "from_user_id": who.User, "event": "connect", "direction": nil,
			"session": map[string]any{"sdp_type": "offer", "sdp": MetaSDP("57.144.135.35:3480", "actpass")},
		}, nil),
		call("call_answered", map[string]any{
			"to": who.Number, "from": ours, "event": "connect", "direction": "BUSINESS_INITIATED",
			"session": map[string]any{"sdp_type": "answer", "sdp": MetaSDP("57.144.135.35:3480", "active")},
		}, nil),
		call("call_ended", map[string]any{
			"to": ours, "from": who.Number, "event": "terminate", "direction": "USER_INITIATED", "status": "COMPLETED", "start_time": "1760000004",
			"end_time": "1760000080", "duration": 76, "biz_opaque_callback_data": "ses_01",
		}, nil),
		call("call_failed", map[string]any{"to": ours, "from": who.Number, "event": "terminate", "direction": "USER_INITIATED", "status": "Failed"},
			map[string]any{"errors": []any{map[string]any{"code": 138021, "message": "Media receive timeout", "error_data": map[string]any{"details": "no sound"}}}}),
		status("call_ringing", "RINGING"), status("call_accepted", "ACCEPTED"), status("call_rejected", "REJECTED"),
	}
}

// MetaSDP is a description of a call in the shape that Meta gives it: it is the lite side of ICE, and tells all its candidates. Its keys are nobody's.
func MetaSDP(at, setup string) string {
	host, port := "57.144.135.35", "3480"
	if h, p, err := net.SplitHostPort(at); err == nil {
		host, port = h, p
	}
	lines := []string{
		"v=0", "o=- 1760000000000 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE audio", "a=msid-semantic: WMS 5a0e", "a=ice-lite",
		"m=audio " + port + " UDP/TLS/RTP/SAVPF 111 126", "c=IN IP4 " + host, "a=rtcp:9 IN IP4 0.0.0.0",
		"a=candidate:1775142177 1 udp 2122260223 " + host + " " + port + " typ host generation 0 network-cost 50",
		"a=candidate:3994045803 1 udp 2122262783 2001:db8::699c 3480 typ host generation 0 network-cost 50",
		"a=ice-ufrag:8KQ9kFvBHxyRVWO2", "a=ice-pwd:JIMZncWxTleLV1y2BJIMZncW",
		"a=fingerprint:sha-256 36:48:25:25:A0:94:C5:3F:DC:38:80:BC:EE:F9:21:B6:AE:AD:DD:36:C3:7E:68:EF:6D:36:55:E0:A7:01:5D:4B",
		"a=setup:" + setup, "a=mid:audio", "a=sendrecv", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 transport-cc",
		"a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1",
		"a=rtpmap:126 telephone-event/8000", "a=ptime:20", "a=maxptime:20", "a=ssrc:3514091821 cname:WhatsAppAudioStream1",
	}
	var b bytes.Buffer
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	return b.String()
}
