package stream

import (
	"net/url"
	"testing"
)

// TestSign holds Sign to the vectors of Twilio's SDK (shared/wire/carriers.md, 1.7).
func TestSign(t *testing.T) {
	t.Parallel()
	const token = "12345"
	p := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"},
	}
	own := voiceForm(testCall)
	for _, test := range []struct {
		token, target string
		form          url.Values
		want          string
	}{
		{token, "https://mycompany.com/myapp.php?foo=1&bar=2", p, "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		{token, "https://mycompany.com:443/myapp.php?foo=1&bar=2", p, "kvajT1Ptam85bY51eRf/AJRuM3w="},
		{token, "http://mycompany.com:80/myapp.php?foo=1&bar=2", p, "0ZXoZLH/DfblKGATFgpif+LLRf4="},
		{token, "http://mycompany.com/myapp.php?foo=1&bar=2", p, "OyGYPqTF6ztdbRNCvuQO/oPvqQ4="},
		{token, "http://mycompany.com:1234/myapp.php?foo=1&bar=2", p, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="},
		{token, "https://mycompany.com:1234/myapp.php?foo=1&bar=2", p, "CYn1h0gLBdNxDGkKJg6hYohgeD8="},
		{token, "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", p, "CukzLTc1tT5dXEDIHm/tKBanW10="},
		{token, "https://user@mycompany.com/myapp.php?foo=1&bar=2", p, "2YRLlVAflCqxaNicjMpJcSTgzSs="},
		{token, "https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2", p, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="},
		{token, "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing", p, "dsq4Ehbj6cs+KdTkpF5sSSplOWw="},
		{token, "https://mycompany.com/myapp.php?foo=1&bar=2", url.Values{"MessagingBinding.Address": {"+1325xxxxxxx", "+1415xxxxxxx"}}, "83O6e2vORAoJHUNzJjDWN1jz+BA="},
		{token, "https://mycompany.com/myapp.php?foo=1&bar=2", url.Values{"Sid": {"CA123"}, "SidAccount": {"AC123"}, "Digits": {"5678", "1234", "1234"}}, "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
		{token, "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", nil, "a9nBmqA0ju/hNViExpshrM61xv4="},
		{token, "https://mycompany.com/myapp.php?bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", nil, "y77kIzt2vzLz71DgmJGsen2scGs="},
		{token, "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", nil, "rw/jVviOgicj2+kHZULvebnA4ag="},
		{token, "wss://media.example.com/twilio/stream", url.Values{}, "pDBx1McycDg2sIBUyP9v+49T2ok="},
		{testToken, "https://gw.example.net/twilio/voice?tenant=acme", own, "eJ433sxQ6MQsrqgUgwfZo0M2kQY="},
	} {
		if got := Sign(test.token, test.target, test.form); got != test.want {
			t.Errorf("Sign(%s) = %s, want %s", test.target, got, test.want)
		}
		if !Signed(test.token, test.want, test.target, test.form) {
			t.Errorf("Signed(%s) is false", test.target)
		}
		for _, wrong := range []string{"", "x" + test.want[1:], test.want + "=", test.want[:10]} {
			if Signed(test.token, wrong, test.target, test.form) {
				t.Errorf("Signed(%s) takes %q", test.target, wrong)
			}
		}
		if Signed("", Sign("", test.target, test.form), test.target, test.form) {
			t.Errorf("Signed(%s) takes an empty token", test.target)
		}
	}
}

// TestSpellings checks that a request is taken under each URL that Twilio may have signed for it, and no other.
func TestSpellings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		asked, signed string
		want          bool
	}{
		{"https://a.example/v", "https://a.example/v", true},
		{"https://a.example/v", "https://a.example:443/v", true},
		{"https://a.example:443/v", "https://a.example/v", true},
		{"http://a.example/v", "http://a.example:80/v", true},
		{"wss://a.example/v", "wss://a.example:443/v", true},
		{"ws://a.example/v", "ws://a.example:80/v", true},
		{"https://a.example:8443/v", "https://a.example:8443/v", true},
		{"https://a.example:8443/v", "https://a.example/v", true},
		{"https://[::1]/v", "https://[::1]:443/v", true},
		{"https://[::1]:443/v", "https://[::1]/v", true},
		{"https://u:p@a.example/v", "https://u:p@a.example:443/v", true},
		{"https://a.example/v?b=It's+so", "https://a.example/v?b=It%27s+so", true},
		{"https://a.example/v?b=It%27s%20so", "https://a.example/v?b=It's%20so", true},
		{"https://a.example/v?b=a+b&c", "https://a.example/v?b=a%20b&c=", true},
		{"https://a.example/v?b=%zz", "https://a.example/v?b=%25zz", true},
		{"https://a.example/v", "https://a.example:8443/v", false},
		{"https://a.example/v", "http://a.example/v", false},
		{"https://a.example/v", "https://b.example/v", false},
		{"https://a.example/v", "https://a.example/V", false},
		{"https://a.example/v", "https://a.example/v/", false},
		{"https://a.example/v", "https://a.example/v?", false},
		{"https://a.example/v?a=1", "https://a.example/v", false},
		{"wss://a.example/v", "https://a.example/v", false},
	} {
		if got := Signed("k", Sign("k", test.signed, nil), test.asked, nil); got != test.want {
			t.Errorf("asked for %s, signed %s: %v, want %v", test.asked, test.signed, got, test.want)
		}
	}
}

func TestSignedBody(t *testing.T) {
	t.Parallel()
	const target = "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
	const signature = "a9nBmqA0ju/hNViExpshrM61xv4="
	const body = `{"property": "value", "boolean": true}`
	for _, test := range []struct {
		name, token, signature, target, body string
		want                                 bool
	}{
		{"vector", "12345", signature, target, body, true},
		{"empty object", "12345", "rw/jVviOgicj2+kHZULvebnA4ag=", "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}", true},
		{"another body", "12345", signature, target, body + " ", false},
		{"no hash", "12345", Sign("12345", "https://mycompany.com/", nil), "https://mycompany.com/", body, false},
		{"another signature", "12345", "x9nBmqA0ju/hNViExpshrM61xv4=", target, body, false},
		{"no token", "", Sign("", target, nil), target, body, false},
	} {
		if got := signedBody(test.token, test.signature, test.target, []byte(test.body)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
