package digest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	lib "github.com/icholy/digest"
)

// TestVectors holds the wire sheet's, of section 8, which another computed.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		algorithm string
		qop       []string
		want      string
	}{
		{"MD5", []string{"auth"}, "c3e90a565f231e768d836a664138734d"},
		{"", []string{"auth"}, "c3e90a565f231e768d836a664138734d"},
		{"MD5", nil, "f6b72639c83814c1fc4ccb81943eabd0"},
		{"SHA-256", []string{"auth"}, "2fd848a33ed887561f7a4b245e5644ad22f20f0f8f4bae0915f9b47a19163643"},
	} {
		got, err := lib.Digest(&lib.Challenge{Realm: "sip.example.net", Nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c0", Algorithm: c.algorithm, QOP: c.qop},
			lib.Options{Method: "INVITE", URI: "sip:+15550100003@sip.example.net", Count: 1, Username: "gw-acme", Password: "s3cr3t-pass", Cnonce: "0a4f113b"})
		if err != nil || got.Response != c.want {
			t.Errorf("%s %v: %v, %v, want %s", c.algorithm, c.qop, got, err, c.want)
		}
		if len(c.qop) > 0 && !proves(got, "INVITE", "s3cr3t-pass") {
			t.Errorf("%s: our own check refuses it", c.algorithm)
		}
	}
}

var phone = netip.MustParseAddr("192.0.2.7")

const (
	realm  = "acme.example"
	target = "sip:acme.example"
)

// secret is the password of the one user that there is.
func secret(user string) (string, bool) { return "pass-of-alice", user == "alice" }

// credentials answers a challenge as a telephone does, with count nc.
func credentials(t testing.TB, challenge, user, password string, nc int) string {
	t.Helper()
	c, err := lib.ParseChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	cred, err := lib.Digest(c, lib.Options{Method: "REGISTER", URI: target, Count: nc, Username: user, Password: password, Cnonce: "c"})
	if err != nil {
		t.Fatal(err)
	}
	return cred.String()
}

func ask(s *Server, from netip.Addr, values ...string) (string, error) {
	return s.Check(Request{Credentials: values, Method: "REGISTER", URI: target, Realm: realm, Source: from}, secret)
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := New(Options{Tries: 1000, Algorithms: []string{"SHA-256", "MD5"}})
	ch := s.Challenge(realm, phone, nil)
	if len(ch) != 2 || !strings.Contains(ch[0], "algorithm=SHA-256") || !strings.Contains(ch[1], "algorithm=MD5") || strings.Contains(ch[0], "stale") {
		t.Fatalf("challenges %q", ch)
	}
	good := credentials(t, ch[0], "alice", "pass-of-alice", 1)
	edit := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	other := New(Options{}).Challenge(realm, phone, nil)
	foreign := s.Challenge("other.example", phone, nil)
	for _, c := range []struct {
		name  string
		value string
		want  error
	}{
		{"SHA-256", good, nil},
		{"a replay", good, ErrStale},
		{"the next", credentials(t, ch[0], "alice", "pass-of-alice", 2), nil},
		{"one that overtook", credentials(t, ch[0], "alice", "pass-of-alice", 5), nil},
		{"the one that was overtaken", credentials(t, ch[0], "alice", "pass-of-alice", 4), nil},
		{"once more", credentials(t, ch[0], "alice", "pass-of-alice", 4), ErrStale},
		{"MD5", credentials(t, s.Challenge(realm, phone, nil)[1], "alice", "pass-of-alice", 1), nil},
		{"a wrong password", credentials(t, ch[0], "alice", "guess", 9), ErrRefused},
		{"an unknown user", credentials(t, ch[0], "mallory", "pass-of-alice", 9), ErrRefused},
		{"another server's nonce", credentials(t, other[0], "alice", "pass-of-alice", 1), ErrStale},
		{"another realm's nonce", strings.Replace(credentials(t, foreign[0], "alice", "pass-of-alice", 1), "other.example", realm, 1), ErrStale},
		{"another realm", credentials(t, foreign[0], "alice", "pass-of-alice", 1), ErrMissing},
		{"another URI", edit(`uri="sip:acme.example"`, `uri="sip:elsewhere.example"`), ErrRefused},
		{"no quality", edit("qop=auth, ", ""), ErrMissing},
		{"count 0", edit("nc=00000001", "nc=00000000"), ErrRefused},
		{"a changed count", edit("nc=00000001", "nc=000000ff"), ErrRefused},
		{"an algorithm that we did not offer", edit("SHA-256", "SHA-512"), ErrMissing},
		{"another scheme", "NoOneKnowsThisScheme opaque-data=here", ErrMissing},
		{"nothing", "", ErrMissing},
		{"too much", edit("acme.example", strings.Repeat("x", longest)), ErrMissing},
	} {
		user, err := ask(s, phone, c.value)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || err == nil && user != "alice" {
			t.Errorf("%s: %q, %v, want %v", c.name, user, err, c.want)
		}
	}
	if again := s.Challenge(realm, phone, ErrStale); !strings.Contains(again[0], "stale=true") {
		t.Errorf("a stale nonce is answered %q", again[0])
	}
}

// TestAlgorithms: MD5 alone is offered unless we are told otherwise, and what is not offered is not taken.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for only, other := range map[string]string{"MD5": "SHA-256", "SHA-256": "MD5"} {
		o := Options{Algorithms: []string{only}}
		if only == "MD5" {
			o.Algorithms = nil
		}
		s := New(o)
		ch := s.Challenge(realm, phone, nil)
		if len(ch) != 1 || !strings.Contains(ch[0], "algorithm="+only) {
			t.Fatalf("challenges %q", ch)
		}
		if _, err := ask(s, phone, credentials(t, strings.Replace(ch[0], only, other, 1), "alice", "pass-of-alice", 1)); !errors.Is(err, ErrMissing) {
			t.Errorf("%s is answered %v where %s alone is offered", other, err, only)
		}
		if _, err := ask(s, phone, credentials(t, ch[0], "alice", "pass-of-alice", 1)); err != nil {
			t.Errorf("%s is answered %v", only, err)
		}
	}
}

// TestNamesakes: of several who have one name, the password tells which it is.
func TestNamesakes(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	for password, want := range map[string]int{"first": 0, "second": 1, "third": -1} {
		asked := Request{
			Credentials: []string{credentials(t, s.Challenge(realm, phone, nil)[0], "alice", password, 1)}, Method: "REGISTER", URI: target, Realm: realm, Source: phone,
		}
		user, which, err := s.CheckAny(asked, func(string) []string { return []string{"first", "second"} })
		if want < 0 && !errors.Is(err, ErrRefused) || want >= 0 && (err != nil || user != "alice" || which != want) {
			t.Errorf("%s: %q, %d, %v, want %d", password, user, which, err, want)
		}
	}
}

// TestLife plays a nonce's minute, and the counts that outlast a turn of their generations.
func TestLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		ch := s.Challenge(realm, phone, nil)[0]
		if _, err := ask(s, phone, credentials(t, ch, "alice", "pass-of-alice", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if _, err := ask(s, phone, credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(s, phone, credentials(t, ch, "alice", "pass-of-alice", 1)); !errors.Is(err, ErrStale) {
			t.Errorf("a replay after 59 s: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := ask(s, phone, credentials(t, ch, "alice", "pass-of-alice", 2)); !errors.Is(err, ErrStale) {
			t.Errorf("after 61 s: %v", err)
		}
		last := credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)
		if _, err := ask(s, phone, last); err != nil {
			t.Fatal(err)
		}
		for range 59 {
			time.Sleep(time.Second)
			if _, err := ask(s, phone, last); !errors.Is(err, ErrStale) {
				t.Fatalf("a replay within its minute: %v", err)
			}
		}
	})
}

// TestReplays plays good credentials 10,000 times: once they are good.
func TestReplays(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	value := credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)
	accepted := 0
	for range 10_000 {
		if _, err := ask(s, phone, value); err == nil {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("accepted %d times", accepted)
	}
}

// TestProofsBounded holds that a server that cannot count any more lets nobody in twice.
func TestProofsBounded(t *testing.T) {
	t.Parallel()
	s := New(Options{Proofs: 3})
	for i := range 5 {
		_, err := ask(s, phone, credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1))
		if want := i < 3; (err == nil) != want || err != nil && !errors.Is(err, ErrStale) {
			t.Errorf("proof %d: %v", i, err)
		}
	}
	if len(s.now) != 3 {
		t.Errorf("%d are kept", len(s.now))
	}
}

func TestTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		wrong := 0
		for range 100 {
			if _, err := ask(s, phone, credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "guess", 1)); errors.Is(err, ErrRefused) {
				wrong++
			} else if !errors.Is(err, ErrTries) {
				t.Fatal(err)
			}
		}
		if wrong != 10 {
			t.Errorf("%d tries were looked at", wrong)
		}
		if _, err := ask(s, phone, credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)); !errors.Is(err, ErrTries) {
			t.Errorf("the right password after too many: %v", err)
		}
		if _, err := ask(s, netip.MustParseAddr("192.0.2.8"), credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)); err != nil {
			t.Errorf("another's tries: %v", err)
		}
		time.Sleep(time.Minute)
		for i := range 100 { // right ones do not count
			if _, err := ask(s, phone, credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)); err != nil {
				t.Fatalf("try %d: %v", i, err)
			}
		}
	})
}

// TestEnumeration holds that nobody learns from the answer or its time whether there is such a user.
func TestEnumeration(t *testing.T) {
	t.Parallel()
	s := New(Options{Tries: 1 << 20})
	const rounds = 1000
	var took [2][]time.Duration
	ch := s.Challenge(realm, phone, nil)[0]
	values := [2]string{credentials(t, ch, "alice", "guess", 1), credentials(t, ch, "mallo", "guess", 1)}
	for range rounds {
		for i, value := range values {
			begun := time.Now()
			if _, err := ask(s, phone, value); !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error() {
				t.Fatal(err)
			}
			took[i] = append(took[i], time.Since(begun))
		}
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	if apart := took[0][rounds/2] - took[1][rounds/2]; apart.Abs() > time.Millisecond {
		t.Errorf("the medians are %s apart", apart)
	}
}

// TestBind holds that a bound nonce is no good from elsewhere.
func TestBind(t *testing.T) {
	t.Parallel()
	s := New(Options{Bind: true})
	value := credentials(t, s.Challenge(realm, phone, nil)[0], "alice", "pass-of-alice", 1)
	if _, err := ask(s, netip.MustParseAddr("198.51.100.9"), value); !errors.Is(err, ErrStale) {
		t.Errorf("from elsewhere: %v", err)
	}
	if _, err := ask(s, netip.MustParseAddr("::ffff:192.0.2.7"), value); err != nil {
		t.Errorf("from its own address in IPv6's clothes: %v", err)
	}
}

func TestAttempt(t *testing.T) {
	t.Parallel()
	account := Account{User: "gw-acme", Password: "s3cr3t-pass", Realm: "sip.example.net"}
	md5 := `Digest realm="sip.example.net", nonce="n1", algorithm=MD5, qop="auth, auth-int"`
	sha := `Digest realm="SIP.example.net", nonce="n2", algorithm=SHA-256, qop="auth"`
	stale := `Digest realm="sip.example.net", nonce="n3", stale=true, qop="auth"`
	ours := func(values ...string) Response { return Response{Challenges: values, Ours: true} }
	for _, c := range []struct {
		name    string
		account Account
		rounds  []Response
		last    string // in the last round's answer; empty: it is not answered
	}{
		{"the best algorithm", account, []Response{ours(md5, sha)}, `nonce="n2"`},
		{"the only one", account, []Response{ours(md5)}, "qop=auth, nc=00000001"},
		{"no quality", account, []Response{ours(`Digest realm="sip.example.net", nonce="n"`)}, `nonce="n"`},
		{"stale once", account, []Response{ours(md5), ours(stale)}, `nonce="n3"`},
		{"stale twice", account, []Response{ours(md5), ours(stale), ours(strings.Replace(stale, "n3", "n4", 1))}, ""},
		{"stale with the same nonce", account, []Response{ours(stale), ours(stale)}, ""},
		{"refused", account, []Response{ours(md5), ours(sha)}, ""},
		{"another's realm", account, []Response{ours(`Digest realm="rogue.example", nonce="n", qop="auth"`)}, ""},
		{"from elsewhere", account, []Response{{Challenges: []string{md5}}}, ""},
		{"in the far end's dialog", account, []Response{{Challenges: []string{md5}, Ours: true, Dialog: true}}, ""},
		{"an algorithm that we do not know", account, []Response{ours(`Digest realm="sip.example.net", nonce="n", algorithm=MD5-sess, qop="auth"`)}, ""},
		{"auth-int alone", account, []Response{ours(`Digest realm="sip.example.net", nonce="n", qop="auth-int"`)}, ""},
		{"what would break a line", account, []Response{ours("Digest realm=\"sip.example.net\", nonce=\"a\r\nX: y\", qop=\"auth\"")}, ""},
		{"no account", Account{}, []Response{ours(md5)}, ""},
		{"Basic", account, []Response{ours(`Basic realm="sip.example.net"`)}, ""},
	} {
		a := Attempt{Account: c.account}
		for i, r := range c.rounds {
			value, err := a.Answer(r, "INVITE", "sip:+15550100003@sip.example.net")
			if i < len(c.rounds)-1 {
				if err != nil {
					t.Errorf("%s, round %d: %v", c.name, i, err)
				}
				continue
			}
			if (c.last == "") != errors.Is(err, ErrNotOurs) || !strings.Contains(value, c.last) {
				t.Errorf("%s: %q, %v, want %q", c.name, value, err, c.last)
			}
		}
	}
}

// TestRogues holds that of 200 challenges from others none is answered.
func TestRogues(t *testing.T) {
	t.Parallel()
	for i := range 200 {
		a := Attempt{Account: Account{User: "gw", Password: "p", Realm: "sip.example.net"}}
		r := Response{Challenges: []string{fmt.Sprintf(`Digest realm="sip.example.net%s", nonce="%d", qop="auth"`, []string{"", ".rogue.example"}[i%2], i)}, Ours: i%2 == 1, Dialog: i%4 == 0}
		if value, err := a.Answer(r, "BYE", "sip:x"); err == nil {
			t.Errorf("challenge %d is answered %q", i, value)
		}
	}
}

// TestMeet holds that our client satisfies our server.
func TestMeet(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	a := Attempt{Account: Account{User: "alice", Password: "pass-of-alice", Realm: realm}}
	value, err := a.Answer(Response{Challenges: s.Challenge(realm, phone, nil), Ours: true}, "REGISTER", target)
	if err != nil {
		t.Fatal(err)
	}
	if user, err := ask(s, phone, value); err != nil || user != "alice" {
		t.Errorf("%q, %v", user, err)
	}
}

// FuzzCheck gives the server any credentials, with a nonce of its own in place of NONCE: nobody gets in without the password, and no error is new.
func FuzzCheck(f *testing.F) {
	s := New(Options{Tries: 1 << 30})
	nonce := s.nonce(realm, phone, time.Now())
	f.Add(credentials(f, s.Challenge(realm, phone, nil)[0], "alice", "guess", 1))
	f.Add(`Digest username="alice", realm="acme.example", nonce="NONCE", uri="sip:acme.example", qop=auth, nc=00000001, cnonce="c", algorithm=MD5, response="00000000000000000000000000000000"`)
	f.Add(`Digest username="a\"b", realm="acme.example", nonce="", nc=zz`)
	f.Add("Digest ,,,==\x00")
	f.Fuzz(func(t *testing.T, value string) {
		user, err := ask(s, phone, strings.ReplaceAll(value, "NONCE", nonce))
		if err == nil {
			t.Fatalf("%q is let in by %q", user, value)
		}
		if !errors.Is(err, ErrMissing) && !errors.Is(err, ErrStale) && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrTries) {
			t.Fatal(err)
		}
	})
}

// FuzzAnswer gives the client any challenge: what it writes is one line of ASCII, and of its own realm.
func FuzzAnswer(f *testing.F) {
	f.Add(`Digest realm="acme.example", nonce="n", qop="auth", opaque="o", algorithm=SHA-256`)
	f.Add("Digest realm=\"acme.example\", nonce=\"a\r\nX: y\", stale=TRUE")
	f.Fuzz(func(t *testing.T, challenge string) {
		a := Attempt{Account: Account{User: "alice", Password: "p", Realm: realm}}
		value, err := a.Answer(Response{Challenges: []string{challenge}, Ours: true}, "REGISTER", target)
		if err != nil {
			return
		}
		if strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Errorf("%q is answered %q", challenge, value)
		}
		if c, err := lib.ParseCredentials(value); err != nil || !strings.EqualFold(c.Realm, realm) || c.Username != "alice" {
			t.Errorf("%q is answered %q: %v", challenge, value, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := New(Options{Tries: 1 << 30})
	value := credentials(b, s.Challenge(realm, phone, nil)[0], "alice", "guess", 1)
	for b.Loop() {
		if _, err := ask(s, phone, value); !errors.Is(err, ErrRefused) && !errors.Is(err, ErrStale) {
			b.Fatal(err)
		}
	}
}

func BenchmarkChallenge(b *testing.B) {
	s := New(Options{})
	for b.Loop() {
		s.Challenge(realm, phone, nil)
	}
}
