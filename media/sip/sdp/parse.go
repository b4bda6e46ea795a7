package sdp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// How large a description may be. A browser's with every codec and candidate has about 300 lines and 12 KiB.
const (
	MaxSize    = 32 << 10 // bytes
	maxLines   = 600
	maxLine    = 4 << 10
	maxMedia   = 16
	maxFormats = 64
	maxCrypto  = 16
	maxFmtp    = 512
)

// Parse reads a description. Its lines may end in LF alone and come in any order within their section (both occur); v=, o= and s= may
// not be missing, nor t=, and every m= needs an address. Unknown attributes, bandwidths and kinds of media are read over.
func Parse(body []byte) (Description, error) {
	if len(body) > MaxSize {
		return Description{}, &Error{0, "body", "is larger than " + strconv.Itoa(MaxSize) + " bytes"}
	}
	r := reader{seen: make(map[byte]bool)}
	for line := range bytes.Lines(body) {
		r.line++
		if err := r.take(bytes.TrimRight(line, "\r\n")); err != nil {
			return Description{}, err
		}
	}
	return r.end()
}

// A reader reads line after line.
type reader struct {
	d     Description
	line  int
	seen  map[byte]bool // types of the session's part
	media *section      // the one that is being read; nil: the session's part
	all   []*section
	own   section // the session's part
}

// A section is a Media while it is read, with what may be said before it is known what it belongs to.
type section struct {
	Media
	line      int
	connected bool
	directed  bool
	maps      map[uint8]Codec
	params    map[uint8]string
}

func (r *reader) bad(field, reason string) *Error { return &Error{r.line, field, reason} }

// now is the section that a line belongs to.
func (r *reader) now() *section {
	if r.media != nil {
		return r.media
	}
	return &r.own
}

func (r *reader) take(line []byte) error {
	switch {
	case len(line) == 0:
		return nil // after the last line, or between two as some write them
	case r.line > maxLines:
		return r.bad("body", "has more than "+strconv.Itoa(maxLines)+" lines")
	case len(line) > maxLine:
		return r.bad("line", "is longer than "+strconv.Itoa(maxLine)+" bytes")
	case len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z':
		return r.bad("line", "is not of the form x=value")
	case bytes.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return r.bad("line", "has a control character")
	}
	kind, value := line[0], string(line[2:])
	if r.line == 1 && kind != 'v' {
		return r.bad("v=", "must come first")
	}
	if r.media == nil {
		if r.seen[kind] && strings.IndexByte("vosc", kind) >= 0 {
			return r.bad(string(kind)+"=", "is there twice")
		}
		r.seen[kind] = true
	}
	switch kind {
	case 'v':
		if value != "0" || r.line != 1 {
			return r.bad("v=", "is not the version 0 on the first line")
		}
	case 'o':
		return r.origin(value)
	case 't':
		return r.time(value)
	case 'c':
		return r.connection(value)
	case 'm':
		return r.begin(value)
	case 'a':
		return r.attribute(value)
	}
	return nil // s, i, u, e, p, b, r, z, k and what others may invent say nothing to a call
}

// origin reads o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>.
func (r *reader) origin(value string) error {
	f := strings.Fields(value)
	if r.media != nil || len(f) != 6 {
		return r.bad("o=", "does not have its six parts in the session's section")
	}
	var err error
	if r.d.ID, err = strconv.ParseUint(f[1], 10, 64); err != nil {
		return r.bad("o= sess-id", "is not a number below 2^64")
	}
	if r.d.Version, err = strconv.ParseUint(f[2], 10, 64); err != nil {
		return r.bad("o= sess-version", "is not a number below 2^64")
	}
	if f[3] != "IN" || f[4] != "IP4" && f[4] != "IP6" {
		return r.bad("o=", "is not of IN IP4 or IN IP6")
	}
	return nil
}

func (r *reader) time(value string) error {
	f := strings.Fields(value)
	if len(f) != 2 {
		return r.bad("t=", "does not have a start and a stop")
	}
	for _, n := range f {
		if _, err := strconv.ParseUint(n, 10, 64); err != nil {
			return r.bad("t=", "has what is not a number below 2^64")
		}
	}
	return nil
}

// connection reads c=<nettype> <addrtype> <connection-address>.
func (r *reader) connection(value string) error {
	s := r.now()
	f := strings.Fields(value)
	if len(f) != 3 {
		return r.bad("c=", "does not have its three parts")
	}
	a, bad := address(f)
	if bad != "" {
		return r.bad("c=", bad)
	}
	s.Address, s.connected = a, true
	return nil
}

// address reads <nettype> <addrtype> <address>. A name gives the zero address: it is legal, and not looked up.
func address(f []string) (a netip.Addr, bad string) {
	if f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return a, "is not of IN IP4 or IN IP6"
	}
	host, _, ttl := strings.Cut(f[2], "/")
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil && !name(host):
		return a, "is neither an address nor a name"
	case err != nil:
		return netip.Addr{}, ""
	case a.Zone() != "":
		return a, "has a zone, which means nothing to others"
	case a.Is4() != (f[1] == "IP4"):
		return a, "is not of the kind that " + f[1] + " says"
	case ttl && !a.IsMulticast():
		return a, "has a TTL though it is no multicast address"
	}
	return a, ""
}

// name says whether host may be a host's name.
func name(host string) bool {
	if len(host) == 0 || len(host) > 255 || strings.Trim(host, "0123456789.") == "" {
		return false
	}
	return strings.IndexFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
	}) < 0
}

// begin reads m=<media> <port>[/<number>] <proto> <fmt> ...
func (r *reader) begin(value string) error {
	f := strings.Fields(value)
	if len(f) < 4 {
		return r.bad("m=", "does not have a kind, a port, a protocol and a format")
	}
	if len(r.all) == maxMedia || len(f)-3 > maxFormats {
		return r.bad("m=", "is too long a list")
	}
	for _, word := range f {
		if !token(strings.ReplaceAll(word, "/", "")) {
			return r.bad("m=", "has what is no token")
		}
	}
	first, count, ranged := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return r.bad("m= port", "is not a number below 65536")
	}
	if n, err := strconv.ParseUint(count, 10, 16); ranged && (err != nil || n == 0) {
		return r.bad("m= port", "has a count that is no number")
	}
	r.media = &section{Media: Media{Kind: strings.ToLower(f[0]), Port: uint16(port), Proto: f[2], Formats: f[3:]}, line: r.line,
		maps: make(map[uint8]Codec), params: make(map[uint8]string)}
	r.all = append(r.all, r.media)
	return nil
}

// attribute reads a=<name>[:<value>].
func (r *reader) attribute(line string) error {
	key, value, _ := strings.Cut(line, ":")
	s := r.now()
	switch strings.ToLower(key) {
	case "sendrecv":
		s.Direction, s.directed = SendRecv, true
	case "sendonly":
		s.Direction, s.directed = SendOnly, true
	case "recvonly":
		s.Direction, s.directed = RecvOnly, true
	case "inactive":
		s.Direction, s.directed = Inactive, true
	case "rtcp-mux":
		s.Mux = true
	case "fingerprint":
		return r.fingerprint(value)
	case "setup":
		if s.Setup = strings.ToLower(strings.TrimSpace(value)); !slices.Contains([]string{"actpass", "active", "passive", "holdconn"}, s.Setup) {
			return r.bad("a=setup", "is none of actpass, active, passive, holdconn")
		}
	case "ptime":
		return r.span(&s.Ptime, key, value)
	case "maxptime":
		return r.span(&s.MaxPtime, key, value)
	}
	if r.media == nil {
		return nil
	}
	switch strings.ToLower(key) {
	case "rtpmap":
		return r.rtpmap(value)
	case "fmtp":
		return r.fmtp(value)
	case "rtcp":
		return r.rtcp(value)
	case "crypto":
		return r.crypto(value)
	}
	return nil
}

// span reads a packet's length in milliseconds. Fractions occur ("ptime:20.0"), and lengths of no use are as if nothing was said.
func (r *reader) span(to *time.Duration, key, value string) error {
	ms, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return r.bad("a="+key, "is not a number of milliseconds")
	}
	if ms >= 1 && ms <= 1000 {
		*to = time.Duration(ms * float64(time.Millisecond))
	}
	return nil
}

// rtpmap reads <payload type> <encoding name>/<clock rate>[/<channels>].
func (r *reader) rtpmap(value string) error {
	number, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	parts := strings.Split(strings.TrimSpace(rest), "/")
	pt, err := strconv.ParseUint(number, 10, 7)
	if !ok || err != nil || len(parts) < 2 || len(parts) > 3 || !token(parts[0]) {
		return r.bad("a=rtpmap", "is not of the form type name/clock/channels")
	}
	c := Codec{Name: parts[0], PT: uint8(pt)}
	clock, err := strconv.ParseUint(parts[1], 10, 20)
	if err != nil || clock == 0 {
		return r.bad("a=rtpmap", "has a clock that is not a number of Hz")
	}
	c.Clock = int(clock)
	if len(parts) == 3 {
		n, err := strconv.ParseUint(parts[2], 10, 8)
		if err != nil || n == 0 {
			return r.bad("a=rtpmap", "has channels that are not a number")
		}
		c.Channels = int(n)
	}
	r.media.maps[c.PT] = c
	return nil
}

// fmtp reads <format> <parameters>. A format that is no payload type is another kind of media's.
func (r *reader) fmtp(value string) error {
	format, params, _ := strings.Cut(strings.TrimSpace(value), " ")
	if len(params) > maxFmtp {
		return r.bad("a=fmtp", "is longer than "+strconv.Itoa(maxFmtp)+" bytes")
	}
	if pt, err := strconv.ParseUint(format, 10, 7); err == nil && utf8.ValidString(params) {
		r.media.params[uint8(pt)] = strings.TrimSpace(params)
	}
	return nil
}

// rtcp reads <port> [<nettype> <addrtype> <address>] (RFC 3605).
func (r *reader) rtcp(value string) error {
	f := strings.Fields(value)
	if len(f) != 1 && len(f) != 4 {
		return r.bad("a=rtcp", "is not a port, or a port and an address")
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return r.bad("a=rtcp", "has a port that is not a number below 65536")
	}
	var a netip.Addr
	if len(f) == 4 {
		var bad string
		if a, bad = address(f[1:]); bad != "" {
			return r.bad("a=rtcp", bad)
		}
	}
	r.media.RTCP = netip.AddrPortFrom(a, uint16(port))
	return nil
}

func (r *reader) crypto(value string) error {
	c, use, bad := parseCrypto(value)
	switch {
	case bad != "":
		return r.bad("a=crypto", bad)
	case len(r.media.Crypto) == maxCrypto:
		return r.bad("a=crypto", "is too long a list")
	case use:
		r.media.Crypto = append(r.media.Crypto, c)
	}
	return nil
}

// fingerprint reads <hash function> <bytes in hexadecimal, with colons> (RFC 8122, section 5). Those of other functions than SHA-256 are read over.
func (r *reader) fingerprint(value string) error {
	hash, digits, ok := strings.Cut(strings.TrimSpace(value), " ")
	sum, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	switch {
	case !ok || !token(hash) || err != nil || len(digits) != 3*len(sum)-1 || strings.Count(digits, ":") != len(sum)-1:
		return r.bad("a=fingerprint", "is not a hash function, and bytes as hexadecimal digits with colons between them")
	case !strings.EqualFold(hash, "sha-256"):
		return nil
	case len(sum) != sha256.Size:
		return r.bad("a=fingerprint", "has not the 32 bytes of sha-256")
	}
	if s := r.now(); s.Print == "" {
		s.Print = "sha-256 " + strings.ToUpper(digits)
	}
	return nil
}

// end checks what can be checked only at the end, and gives each section what the session's part said for all.
func (r *reader) end() (Description, error) {
	for _, kind := range []byte("vost") {
		if !r.seen[kind] {
			return Description{}, &Error{0, string(kind) + "=", "is missing"}
		}
	}
	for _, s := range r.all {
		r.line = s.line
		if !s.connected {
			if !r.own.connected && s.Port != 0 {
				return Description{}, r.bad("c=", "is missing, here and for the session")
			}
			s.Address = r.own.Address
		}
		if !s.directed {
			s.Direction = r.own.Direction
		}
		if s.Print == "" {
			s.Print = r.own.Print
		}
		if s.Setup == "" {
			s.Setup = r.own.Setup
		}
		if s.Ptime == 0 {
			s.Ptime = r.own.Ptime
		}
		if s.MaxPtime == 0 {
			s.MaxPtime = r.own.MaxPtime
		}
		if err := r.codecs(s); err != nil {
			return Description{}, err
		}
		r.d.Media = append(r.d.Media, s.Media)
	}
	return r.d, nil
}

// static are the payload types of RFC 3551, section 6, that need no a=rtpmap, and that we may use or must know.
func static(pt uint8) Codec {
	c := Codec{PT: pt, Clock: 8000}
	switch pt {
	case 0:
		c.Name = "PCMU"
	case 3:
		c.Name = "GSM"
	case 8:
		c.Name = "PCMA"
	case 9:
		c.Name = "G722"
	case 13:
		c.Name = "CN"
	case 18:
		c.Name = "G729"
	}
	return c
}

// codecs gives the formats of RTP their meaning.
func (r *reader) codecs(s *section) error {
	if plain, sdes, dtls := s.rtp(); !plain && !sdes && !dtls {
		return nil
	}
	seen := make(map[uint8]bool, len(s.Formats))
	for _, format := range s.Formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil || len(format) > 1 && format[0] == '0' {
			return r.bad("m= format", "is not a payload type below 128")
		}
		pt := uint8(n)
		if seen[pt] {
			return r.bad("m= format", "is there twice")
		}
		seen[pt] = true
		c, ok := s.maps[pt]
		if !ok {
			c = static(pt)
		}
		if c.Name == "" {
			continue
		}
		c.Fmtp = s.params[pt]
		s.Codecs = append(s.Codecs, c)
	}
	return nil
}

// token says whether s is a token of RFC 8866's grammar.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]", c)
	}) < 0
}
