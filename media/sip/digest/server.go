package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"

	"parley/media/sip/rate"
)

// Why a request is not let in. All but ErrTries are answered with a fresh challenge; ErrStale's says so, and the password is not asked for again.
var (
	ErrMissing = errors.New("no digest credentials")
	ErrStale   = errors.New("digest nonce of another time")
	ErrRefused = errors.New("wrong digest credentials")
	ErrTries   = errors.New("too many wrong digest credentials")
)

// Options are a Server's.
type Options struct {
	Secret []byte        // that seals nonces: 32 bytes, the same on all nodes that share an address; nil: random ones
	Life   time.Duration // of a nonce; 0: 60 s
	Bind   bool          // a nonce is good for the address that it was given to alone; not where telephones change theirs within Life
	Proofs int           // how many nonces are kept in mind that were used within Life; 0: 65536. Past it, every nonce is stale
	Tries  int           // of wrong credentials of one source a minute that are looked at; 0: 10

	Algorithms []string // offered and taken, in this order: of Algorithms(); nil: MD5
}

// A Server challenges and checks.
type Server struct {
	o     Options
	tries *rate.Sources

	mu          sync.Mutex
	now, before map[[sealSize]byte]*counts // of proven nonces, by their seal: of this Life and of the one before
	turn        time.Time                  // when now becomes before
}

// counts are the nonce counts that a nonce was used with: the highest, and which of the 64 below it. Datagrams overtake one another.
type counts struct {
	top  uint32
	seen uint64
}

// A nonce is its time in milliseconds, 8 random bytes, so that two clients behind one address have two, and the seal of both.
const (
	timeSize  = 8
	randSize  = 8
	sealSize  = 16
	nonceSize = timeSize + randSize + sealSize
)

// New makes a Server.
func New(o Options) *Server {
	if o.Secret == nil {
		o.Secret = make([]byte, 32)
		_, _ = rand.Read(o.Secret) // it never fails (crypto/rand)
	}
	if o.Life == 0 {
		o.Life = time.Minute
	}
	if o.Proofs == 0 {
		o.Proofs = 1 << 16
	}
	if o.Tries == 0 {
		o.Tries = 10
	}
	if o.Algorithms == nil {
		o.Algorithms = []string{"MD5"}
	}
	return &Server{o: o, tries: rate.NewSources(rate.Limit{PerSecond: float64(o.Tries) / 60, Burst: o.Tries}, 1<<14, time.Now()), now: make(map[[sealSize]byte]*counts)}
}

// algorithms are all that we know, the best first: a challenge of the best is the one that a client of ours answers.
var algorithms = [...]string{"SHA-256", "MD5"}

// Algorithms are all that a Server knows, the best first, as RFC 8760 (section 2.4) wants them offered. Unless it is told to, it offers MD5
// alone: many telephones know no other, and do not pass over what they do not know. sipp 3.6 and pjsip 2.10 give up where SHA-256 comes
// first, baresip 1.0 wherever it stands.
func Algorithms() []string { return algorithms[:] }

// Challenge makes the values of a 401's WWW-Authenticate headers (or a 407's Proxy-Authenticate), one an algorithm. It keeps nothing. why is what Check said.
func (s *Server) Challenge(realm string, source netip.Addr, why error) []string {
	nonce := s.nonce(realm, source, time.Now())
	values := make([]string, 0, len(s.o.Algorithms))
	for _, a := range s.o.Algorithms {
		c := digest.Challenge{Realm: realm, Nonce: nonce, Algorithm: a, QOP: []string{"auth"}, Stale: errors.Is(why, ErrStale)}
		values = append(values, c.String())
	}
	return values
}

// nonce makes one.
func (s *Server) nonce(realm string, source netip.Addr, now time.Time) string {
	var b [nonceSize]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.UnixMilli()))
	_, _ = rand.Read(b[timeSize : timeSize+randSize])
	s.seal(&b, realm, source)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// seal writes the seal of the rest of a nonce. A nonce of one realm is none of another's.
func (s *Server) seal(b *[nonceSize]byte, realm string, source netip.Addr) {
	h := hmac.New(sha256.New, s.o.Secret)
	h.Write(b[:timeSize+randSize])
	if s.o.Bind {
		a := source.Unmap().As16()
		h.Write(a[:])
	}
	h.Write([]byte(realm))
	copy(b[timeSize+randSize:], h.Sum(nil))
}

// opened checks a nonce, and returns its seal. good: it is ours; fresh: and of this Life.
func (s *Server) opened(nonce, realm string, source netip.Addr, now time.Time) (seal [sealSize]byte, good, fresh bool) {
	var b, want [nonceSize]byte
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceSize) {
		return seal, false, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(nonce)); err != nil {
		return seal, false, false
	}
	copy(want[:], b[:timeSize+randSize])
	s.seal(&want, realm, source)
	copy(seal[:], b[timeSize+randSize:])
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b[:]))))
	return seal, hmac.Equal(b[:], want[:]), age >= -time.Second && age <= s.o.Life // nodes' clocks differ a little
}

// A Request is what credentials came with.
type Request struct {
	Credentials []string   // the values of its Authorization headers (Proxy-Authorization, where that was asked for)
	Method, URI string     // of the request line
	Realm       string     // ours
	Source      netip.Addr // whom it came from
}

// longest is how long credentials may be.
const longest = 2048

// Check says who proved himself. password gives the password of a user of the realm; that of an unknown one must take as long. The error is ErrMissing, ErrStale,
// ErrRefused or ErrTries: no word, length or time tells an unknown user from a wrong password.
func (s *Server) Check(r Request, password func(user string) (password string, known bool)) (user string, err error) {
	user, _, err = s.CheckAny(r, func(user string) []string {
		if secret, known := password(user); known {
			return []string{secret}
		}
		return nil
	})
	return user, err
}

// CheckAny is Check where several may have one name: passwords gives those of all of them, and which of them has proved himself is told by
// its place.
func (s *Server) CheckAny(r Request, passwords func(user string) []string) (user string, which int, err error) {
	now := time.Now()
	c, seal, err := s.read(r, now)
	if err != nil {
		return "", 0, err
	}
	if _, ok := s.tries.Take(r.Source, now); !ok {
		return "", 0, ErrTries
	}
	which = among(c, r.Method, passwords(c.Username))
	if which < 0 {
		return "", 0, ErrRefused
	}
	s.tries.Give(r.Source, now)
	if !s.count(seal, uint32(c.Nc), now) {
		return "", 0, ErrStale
	}
	return c.Username, which, nil
}

// Screen is the beginning of Check: what it refuses, Check would, and no password is asked for. It costs no more than Challenge.
func (s *Server) Screen(r Request) error {
	_, _, err := s.read(r, time.Now())
	return err
}

// read finds the credentials, and says what is wrong with them whatever the password.
func (s *Server) read(r Request, now time.Time) (c *digest.Credentials, seal [sealSize]byte, err error) {
	if c = r.pick(s.o.Algorithms); c == nil {
		return nil, seal, ErrMissing
	}
	seal, good, fresh := s.opened(c.Nonce, r.Realm, r.Source, now)
	switch {
	case !good, !fresh:
		return nil, seal, ErrStale // after a restart, too: a telephone asks again by itself
	case c.Nc <= 0 || c.Cnonce == "" || !same(c.URI, r.URI):
		return nil, seal, ErrRefused
	}
	return c, seal, nil
}

// pick takes the credentials for our realm that we can check, or nil.
func (r Request) pick(algorithms []string) *digest.Credentials {
	for _, value := range r.Credentials {
		if len(value) > longest {
			continue
		}
		c, err := digest.ParseCredentials(value)
		if err != nil || c.Realm != r.Realm || c.QOP != "auth" || c.Userhash {
			continue
		}
		for _, a := range algorithms {
			if strings.EqualFold(c.Algorithm, a) || c.Algorithm == "" && a == "MD5" {
				return c
			}
		}
	}
	return nil
}

// among is the place of the password that credentials prove; -1: none. Where there is none to be proved, as much is computed as for one.
func among(c *digest.Credentials, method string, passwords []string) int {
	found := -1
	for i, password := range passwords {
		if proves(c, method, password) {
			found = i
		}
	}
	if len(passwords) == 0 {
		proves(c, method, "")
	}
	return found
}

// proves computes the response that the password gives, whatever it is, and compares.
func proves(c *digest.Credentials, method, password string) bool {
	want, err := digest.Digest(&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{"auth"}},
		digest.Options{Method: method, URI: c.URI, Count: c.Nc, Username: c.Username, Password: password, Cnonce: c.Cnonce})
	return err == nil && subtle.ConstantTimeCompare([]byte(strings.ToLower(c.Response)), []byte(want.Response)) == 1
}

// same says whether credentials are for a request's URI. Some leave out its parameters.
func same(theirs, ours string) bool {
	if strings.EqualFold(theirs, ours) {
		return true
	}
	a, _, _ := strings.Cut(theirs, ";")
	b, _, _ := strings.Cut(ours, ";")
	return a != "" && strings.EqualFold(a, b)
}

// count notes that a nonce was used with a count, and says whether it had not been.
func (s *Server) count(seal [sealSize]byte, nc uint32, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(s.turn) {
		s.before, s.now = s.now, make(map[[sealSize]byte]*counts)
		if now.Sub(s.turn) >= s.o.Life {
			s.before = nil
		}
		s.turn = now.Add(s.o.Life + time.Second)
	}
	c := s.now[seal]
	if c == nil {
		if c = s.before[seal]; c == nil {
			if len(s.now) >= s.o.Proofs {
				return false
			}
			c = new(counts)
		}
		s.now[seal] = c
	}
	return c.use(nc)
}

func (c *counts) use(nc uint32) bool {
	switch {
	case nc > c.top:
		if up := nc - c.top; up < 64 {
			c.seen = c.seen<<up | 1
		} else {
			c.seen = 1
		}
		c.top = nc
		return true
	case c.top-nc >= 64 || c.seen&(1<<(c.top-nc)) != 0:
		return false
	}
	c.seen |= 1 << (c.top - nc)
	return true
}
