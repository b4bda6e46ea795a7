package stream

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/media"
)

// TestWays: each way leads to its carrier's socket, and none does that another's secret made.
func TestWays(t *testing.T) {
	t.Parallel()
	now := time.Now()
	plivo, signalwire, vonage, genesys, telnyx := &Plivo{}, &SignalWire{}, &Vonage{}, &Genesys{}, &Telnyx{}
	for _, h := range []*Host{&plivo.Host, &signalwire.Host, &vonage.Host, &genesys.Host, &telnyx.Host} {
		h.Answer, h.Limits.Linger = func(context.Context, media.Leg) { t.Error("answered") }, 100*time.Millisecond
	}
	servers := map[string]string{
		"plivo": newPlivo(t, plivo).server.URL, "signalwire": newSignalWire(t, signalwire).URL, "vonage": newVonage(t, vonage).server.URL,
		"genesys": newCloud(t, genesys).server.URL, "telnyx": newTelnyx(t, telnyx).server.URL,
	}
	genesys.PublicURL = servers["genesys"]
	wrong := []byte("of another server")
	for name, way := range map[string]func(theirs bool) (string, http.Header){
		"plivo": func(theirs bool) (string, http.Header) {
			if theirs {
				return (&Plivo{Secret: wrong}).Way("doctor", now), nil
			}
			return plivo.Way("doctor", now), nil
		},
		"signalwire": func(theirs bool) (string, http.Header) {
			path, token := signalwire.Way("doctor", now)
			if theirs {
				path, token = (&SignalWire{Secret: wrong}).Way("doctor", now)
			}
			return path, asBearer(token)
		},
		"vonage": func(theirs bool) (string, http.Header) {
			if theirs {
				return (&Vonage{Secret: wrong}).Way("doctor", now), nil
			}
			return vonage.Way("doctor", now), nil
		},
		"telnyx": func(theirs bool) (string, http.Header) {
			if theirs {
				return (&Telnyx{Secret: wrong}).Way("doctor", now), nil
			}
			return telnyx.Way("doctor", now), nil
		},
		"genesys": func(theirs bool) (string, http.Header) {
			if theirs {
				return (&Genesys{Host: Host{PublicURL: genesys.PublicURL}, APIKey: genesysKey, ClientSecret: wrong}).Way(now)
			}
			return genesys.Way(now)
		},
	} {
		path, header := way(false)
		dialPlain(t, overSocket(servers[name])+path, header)
		path, header = way(true)
		if ws, answer, err := dialer().Dial(overSocket(servers[name])+path, header); err == nil {
			_ = ws.Close()
			t.Errorf("%s: another's way leads in", name)
		} else if answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: another's way: %v", name, err)
		}
	}
}

// TestVonageSign makes what is believed of Vonage.
func TestVonageSign(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c, ok := readToken(vonageSecret, strings.TrimPrefix(VonageSign(vonageSecret, []byte(vonageAsks), now), "Bearer "))
	if !ok || !c.fresh(now, time.Second) || !c.covers([]byte(vonageAsks)) || c.covers([]byte("{}")) {
		t.Errorf("it says %+v, %v", c, ok)
	}
}
