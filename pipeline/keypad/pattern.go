package keypad

import (
	"fmt"
	"math/big"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// mostKeys is how many keys an entry that a rule fits may have.
const mostKeys = 32

// order is every key there is; a keySet has a bit for each.
const order = "0123456789*#ABCD"

// A keySet is the keys that fit at one place of an entry.
type keySet uint16

const digits keySet = 1<<10 - 1

func setOf(key byte) keySet { return 1 << strings.IndexByte(order, key) }

func (s keySet) has(key byte) bool {
	i := strings.IndexByte(order, key)
	return i >= 0 && s&(1<<i) != 0
}

// first is the first of the keys.
func (s keySet) first() byte { return order[bits.TrailingZeros16(uint16(s))] }

// A pattern is a set of entries: those of least to len(places) keys, each of which fits its place.
type pattern struct {
	text   string // as written
	places []keySet
	least  int
}

// fits says whether entry is one of the set.
func (p *pattern) fits(entry string) bool { return len(entry) >= p.least && p.begins(entry) }

// leads says whether more keys may make one of the set of pressed.
func (p *pattern) leads(pressed string) bool {
	return len(pressed) < len(p.places) && p.begins(pressed)
}

// begins says whether entry is the beginning of one of the set, or one of it.
func (p *pattern) begins(entry string) bool {
	if len(entry) > len(p.places) {
		return false
	}
	for i := range len(entry) {
		if !p.places[i].has(entry[i]) {
			return false
		}
	}
	return true
}

// within says whether q has all the entries that p has.
func (p *pattern) within(q *pattern) bool {
	if p.least < q.least || len(p.places) > len(q.places) {
		return false
	}
	for i, s := range p.places {
		if s&^q.places[i] != 0 {
			return false
		}
	}
	return true
}

// common is an entry that both have; empty: there is none.
func (p *pattern) common(q *pattern) string {
	n := max(p.least, q.least)
	if n > len(p.places) || n > len(q.places) {
		return ""
	}
	entry := make([]byte, n)
	for i := range entry {
		both := p.places[i] & q.places[i]
		if both == 0 {
			return ""
		}
		entry[i] = both.first()
	}
	return string(entry)
}

// size is how many entries it has.
func (p *pattern) size() *big.Int {
	sum, product := new(big.Int), big.NewInt(1)
	for i, s := range p.places {
		product.Mul(product, big.NewInt(int64(bits.OnesCount16(uint16(s)))))
		if i+1 >= p.least {
			sum.Add(sum, product)
		}
	}
	return sum
}

// parsePattern reads a pattern: keys as they are, X for any digit, [2-9*] for one of several, and behind any of these {3} for three of
// them; behind the last also {1,5} for one to five.
func parsePattern(text string) (*pattern, error) {
	p := &pattern{text: text}
	for rest := text; rest != ""; {
		set, after, err := parsePlace(rest)
		if err != nil {
			return nil, err
		}
		least, most := 1, 1
		if rest = after; strings.HasPrefix(rest, "{") {
			if least, most, rest, err = parseCount(rest); err != nil {
				return nil, err
			}
		}
		if least != most && rest != "" {
			return nil, fmt.Errorf("only the last keys may be of different number, and %q follows", rest)
		}
		if len(p.places)+most > mostKeys {
			return nil, fmt.Errorf("it has more than %d keys", mostKeys)
		}
		p.least = len(p.places) + least
		for range most {
			p.places = append(p.places, set)
		}
	}
	if p.least == 0 {
		return nil, fmt.Errorf("it has no keys")
	}
	return p, nil
}

// parsePlace reads what stands for one key.
func parsePlace(s string) (set keySet, rest string, err error) {
	switch c := s[0]; {
	case c == 'X':
		return digits, s[1:], nil
	case c == '[':
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return 0, "", fmt.Errorf("[ is not closed")
		}
		set, err = parseClass(s[1:end])
		return set, s[end+1:], err
	case strings.IndexByte(order, c) >= 0:
		return setOf(c), s[1:], nil
	}
	return 0, "", fmt.Errorf("%q is no key: want 0-9 * # A-D, X for any digit, [2-9] for one of several, {3} for three of them", []rune(s)[0])
}

// parseClass reads what stands between brackets.
func parseClass(s string) (set keySet, err error) {
	for i := 0; i < len(s); i++ {
		from, to := s[i], s[i]
		if i+2 < len(s) && s[i+1] == '-' {
			to = s[i+2]
			i += 2
		}
		a, b := strings.IndexByte(order, from), strings.IndexByte(order, to)
		if a < 0 || b < 0 || b < a || from != to && (a < 10) != (b < 10) || from != to && (a == 10 || a == 11) {
			return 0, fmt.Errorf("[%s] is no choice of keys: want keys and ranges, such as [1-4*]", s)
		}
		for ; a <= b; a++ {
			set |= 1 << a
		}
	}
	if set == 0 {
		return 0, fmt.Errorf("[] has no keys")
	}
	return set, nil
}

var aCount = regexp.MustCompile(`^\{([0-9]{1,2})(?:,([0-9]{1,2}))?\}`)

// parseCount reads {3} or {1,5}.
func parseCount(s string) (least, most int, rest string, err error) {
	m := aCount.FindStringSubmatch(s)
	if m != nil {
		least, _ = strconv.Atoi(m[1])
		if most = least; m[2] != "" {
			most, _ = strconv.Atoi(m[2])
		}
	}
	if most < 1 || most < least || most > mostKeys {
		return 0, 0, "", fmt.Errorf("want a number of keys such as {3} or {1,5}, up to %d", mostKeys)
	}
	return least, most, s[len(m[0]):], nil
}
