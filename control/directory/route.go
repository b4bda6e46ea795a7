package directory

import (
	"errors"
	"strings"

	"parley/store"
)

// ErrNobody says that no agent answers a number: the call is refused, politely.
var ErrNobody = errors.New("no agent answers")

// A Route is who answers a call.
type Route struct {
	Org    string // whose call it is
	Agent  store.Agent
	Number string // as the organisation has it, in E.164; of a number that nobody has: as it was called
}

// A plan is a store.Directory made ready to be asked. It is not changed any more.
type plan struct {
	store.Directory
	agents  map[string]*store.Agent // by id
	numbers map[string]answer       // by digits
	knowing map[string]bool         // by id: agents that know a document
	rest    answer                  // to all other numbers; its number is empty
	accounts
}

// An answer is a Route; nobody answers if it has no agent.
type answer struct {
	org, number string
	agent       *store.Agent
}

func newPlan(d store.Directory) *plan {
	p := &plan{Directory: d, agents: make(map[string]*store.Agent, len(d.Agents)), numbers: make(map[string]answer, len(d.Numbers)),
		knowing: make(map[string]bool, len(d.Knowing)), accounts: newAccounts(d)}
	for _, id := range d.Knowing {
		p.knowing[id] = true
	}
	for i := range d.Agents {
		p.agents[d.Agents[i].ID] = &d.Agents[i]
	}
	defaults := make(map[string]*store.Agent, len(d.Organisations))
	for _, o := range d.Organisations {
		defaults[o.ID] = p.enabled(o.ID, o.DefaultAgent)
	}
	if len(d.Organisations) > 0 {
		first := d.Organisations[0].ID
		p.rest = answer{org: first, agent: defaults[first]}
	}
	for _, n := range d.Numbers {
		key := string(digits(nil, n.E164))
		if key == "" {
			continue // nobody can call it
		}
		agent := p.enabled(n.Org, n.Agent)
		if agent == nil {
			agent = defaults[n.Org]
		}
		p.numbers[key] = answer{n.Org, n.E164, agent}
	}
	return p
}

// enabled finds an organisation's agent; nil if it has none of that id, or one that is switched off.
func (p *plan) enabled(org, id string) *store.Agent {
	if a := p.agents[id]; a != nil && a.Org == org && a.Enabled {
		return a
	}
	return nil
}

// Route tells who answers a call to number. The rules, of which the first that fits holds:
//
//  1. A number of an organisation is answered by the agent that it leads to.
//  2. If it leads to none, or to one that is disabled or gone: by its organisation's default agent.
//  3. If that is disabled or gone too: by nobody. A call never goes to another organisation.
//  4. A number that nobody has, or that is none: by the default agent of the first (oldest) organisation.
//  5. If that is disabled or gone, or there is no organisation: by nobody.
//
// "By nobody" is ErrNobody; Org and Number are set even then, as far as there is an organisation, so that the refusal can be written
// down. While nothing is known the error is store.ErrUnavailable.
//
// The number may be written as carriers do: "+442071234567", without the plus or with 00 in its place, with spaces, hyphens and
// brackets, percent-encoded plus, and as a sip:, sips: or tel: address, of which host, password and parameters do not count. National forms
// (020 7123 4567) are not guessed at. Route allocates nothing, and takes no lock.
func (d *Directory) Route(number string) (Route, error) {
	v := d.view.Load()
	if v == nil {
		return Route{}, errUnknown
	}
	var buf [maxWritten]byte
	a, ok := v.numbers[string(digits(buf[:0], number))]
	if !ok {
		a = v.rest
		a.number = number
	}
	if a.agent == nil {
		return Route{Org: a.org, Number: a.number}, ErrNobody
	}
	return Route{Org: a.org, Agent: *a.agent, Number: a.number}, nil
}

// Knows says whether an agent knows a document: if not, nothing needs to be looked up on its calls.
func (d *Directory) Knows(agent string) bool {
	v := d.view.Load()
	return v != nil && v.knowing[agent]
}

// Memory is what an organisation's agents may remember, as control/traits reads it; empty: nothing.
func (d *Directory) Memory(org string) string {
	v := d.view.Load()
	if v == nil {
		return ""
	}
	for _, o := range v.Organisations {
		if o.ID == org {
			return o.Memory
		}
	}
	return ""
}

// PreAnswer is who is asked about the calls of an organisation's number before they are answered, as control/preanswer reads it: by the
// number's own rule, or if it has none, or is no number of the organisation's, by its organisation's; empty: nobody.
func (d *Directory) PreAnswer(org, number string) string {
	v := d.view.Load()
	if v == nil {
		return ""
	}
	if n := v.phones[holder{org, number}]; n != nil && n.PreAnswer != "" {
		return n.PreAnswer
	}
	for _, o := range v.Organisations {
		if o.ID == org {
			return o.PreAnswer
		}
	}
	return ""
}

// Default is the agent, by its id, that answers an organisation's calls that no number leads elsewhere; empty: nobody does.
// store.ErrNotFound if there is no such organisation, store.ErrUnavailable while nothing is known.
func (d *Directory) Default(org string) (agent string, err error) {
	v := d.view.Load()
	if v == nil {
		return "", errUnknown
	}
	for _, o := range v.Organisations {
		if o.ID == org {
			return o.DefaultAgent, nil
		}
	}
	return "", store.ErrNotFound
}

// Caller is the number from which an organisation's agent calls: the first that leads to it, else the organisation's first, in the order
// of their digits; empty: the organisation has none, or nothing is known. Numbers that are reached by SIP count where calls are placed so
// (Options.SIP), and where other nodes may place them, if there is no other number.
func (d *Directory) Caller(org, agent string) (number string) {
	v := d.view.Load()
	if v == nil {
		return ""
	}
	if number = v.caller(org, agent, d.sip); number == "" && d.others {
		number = v.caller(org, agent, true)
	}
	return number
}

// caller is Caller, with or without the numbers that are reached by SIP.
func (p *plan) caller(org, agent string, sip bool) (number string) {
	led := false
	for _, n := range p.Numbers {
		if n.Org != org || n.Trunk != "" && !sip || led && n.Agent != agent {
			continue
		}
		if own := n.Agent == agent; number == "" || own && !led || n.E164 < number {
			number, led = n.E164, own
		}
	}
	return number
}

// Agents are all that are known, of all organisations, also those that are disabled; none while nothing is known. The list is not
// to be changed.
func (d *Directory) Agents() []store.Agent {
	v := d.view.Load()
	if v == nil {
		return nil
	}
	return v.Agents
}

// Agent finds an organisation's agent, also one that is disabled. ErrNotFound if the organisation has none of that id,
// store.ErrUnavailable while nothing is known.
func (d *Directory) Agent(org, id string) (store.Agent, error) {
	v := d.view.Load()
	if v == nil {
		return store.Agent{}, errUnknown
	}
	if a := v.agents[id]; a != nil && a.Org == org {
		return *a, nil
	}
	return store.Agent{}, store.ErrNotFound
}

// AgentOf finds an agent of whatever organisation, also one that is disabled; false: there is none of that id, or nothing is known.
func (d *Directory) AgentOf(id string) (store.Agent, bool) {
	v := d.view.Load()
	if v == nil || v.agents[id] == nil {
		return store.Agent{}, false
	}
	return *v.agents[id], true
}

// maxDigits is the longest number there is (E.164, 6.2.1); maxWritten has room for the 00 before it.
const (
	maxDigits  = 15
	maxWritten = maxDigits + 2
)

// digits appends the digits of an international number, without its plus, to buf; nothing if s is no such number.
func digits(buf []byte, s string) []byte {
	s, plus := strings.CutPrefix(user(s), "+")
	none := buf[:0]
	for i := range len(s) {
		switch c := s[i]; c {
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if len(buf) == maxWritten {
				return none
			}
			buf = append(buf, c)
		case ' ', '-', '(', ')': // RFC 3966, 5.1.1, without the dot: an IP address is no number
		default:
			return none
		}
	}
	if !plus && len(buf) > 2 && buf[0] == '0' && buf[1] == '0' { // no number begins with 0
		buf = buf[2:]
	}
	if len(buf) > maxDigits {
		return none
	}
	return buf
}

// user is the part of an address that may be a number (RFC 3261, 19.1.1; RFC 3966, 3). A plus that is percent-encoded is left out.
func user(s string) string {
	s = strings.TrimSpace(s)
	if scheme, rest, ok := strings.Cut(s, ":"); ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips") || strings.EqualFold(scheme, "tel")) {
		s = rest
	}
	if i := strings.IndexAny(s, "@;:?"); i >= 0 {
		s = s[:i]
	}
	if len(s) > 3 && strings.EqualFold(s[:3], "%2B") {
		return s[3:]
	}
	return s
}
