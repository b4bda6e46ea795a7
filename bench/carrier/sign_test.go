package carrier

import (
	"net/url"
	"slices"
	"testing"

	"parley/media/g711"
)

// TestSign uses signatures that Twilio's own library makes (twilio-node 6.2.0, its spec/validation.spec.js).
func TestSign(t *testing.T) {
	t.Parallel()
	form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}}
	for target, want := range map[string]string{
		"https://mycompany.com/myapp.php?foo=1&bar=2":     "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
		"https://mycompany.com:443/myapp.php?foo=1&bar=2": "kvajT1Ptam85bY51eRf/AJRuM3w=",
		"http://mycompany.com:80/myapp.php?foo=1&bar=2":   "0ZXoZLH/DfblKGATFgpif+LLRf4=",
	} {
		if got := sign("12345", target, form); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	twice := url.Values{"A": {"2", "1", "2"}}
	if got, want := sign("k", "u", twice), sign("k", "uA1A2", nil); got != want {
		t.Errorf("repeated values: %s, want %s", got, want)
	}
}

func TestMulaw(t *testing.T) {
	t.Parallel()
	law := make([]byte, 256)
	for i := range law {
		law[i] = byte(i)
	}
	want := make([]int16, 256)
	g711.Ulaw.Decode(want, law)
	if got := decodeMulaw(nil, law); !slices.Equal(got, want) {
		t.Errorf("decoded %v\nwant %v", got, want)
	}
	for s := -32768; s <= 32767; s++ {
		pcm, want := []int16{int16(s)}, make([]byte, 1)
		g711.Ulaw.Encode(want, pcm)
		if got := encodeMulaw(nil, pcm); got[0] != want[0] {
			t.Fatalf("encoded %d to %#x, want %#x", s, got[0], want[0])
		}
	}
}
