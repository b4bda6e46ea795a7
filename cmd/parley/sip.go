package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"parley/control/admission"
	"parley/control/directory"
	"parley/control/lines"
	"parley/control/preanswer"
	"parley/control/vault"
	"parley/media"
	"parley/media/rtp"
	"parley/media/sip"
	"parley/store"
)

// switchroom is where calls come and go by SIP.
//
//	directory: trunks, numbers ──▶ sip.Agent ──▶ server.answer, as calls of every other carrier
//	dialer ──▶ trunkCarrier ──────────┘
type switchroom struct {
	agent  *sip.Agent
	ports  *rtp.Ports
	trunks *trunks
	lines  lines.Registrar
	placed placedCalls
	listen []sip.Listener
}

// openSwitchroom listens for SIP; nil: nobody wants it.
func (s *server) openSwitchroom() (*switchroom, error) {
	if len(s.cfg.SIPListen) == 0 {
		return nil, nil
	}
	o, err := s.cfg.userAgent()
	if err != nil {
		return nil, err
	}
	room := &switchroom{ports: o.Ports, trunks: &trunks{directory: s.office.directory, vault: s.office.vault}}
	room.lines = lines.Registrar{Extensions: s.office.directory.Extensions, Vault: s.office.vault}
	o.Lines = func(user string) []sip.Line { return room.registrants(user, s.log) }
	o.Trunks, o.Account, o.Admit, o.Answer, o.Ended, o.Log = room.trunks.all, room.trunks.account, s.admitted, s.answer, s.trunkEnded, s.log
	if s.cfg.SIPRefer == referTrunk {
		o.Refer = s.refer
	}
	if room.agent, err = sip.New(o); err != nil {
		return nil, errors.Join(err, o.Ports.Close())
	}
	room.listen = o.Listen
	return room, nil
}

// registrants are what softphones of a name may register with.
func (r *switchroom) registrants(user string, log *slog.Logger) (all []sip.Line) {
	phones, err := r.lines.Phones(user)
	if err != nil { // of one; the others are there
		log.Warn("an extension's password cannot be opened", "error", err)
	}
	for _, p := range phones {
		all = append(all, sip.Line{ID: p.ID, Org: p.Org, Password: p.Password})
	}
	return all
}

// listening are the addresses that calls come to, as --sip-listen has them.
func (r *switchroom) listening() (all []string) {
	for i, a := range r.agent.Addresses() {
		all = append(all, sip.Listener{Transport: r.listen[i].Transport, Address: a}.String())
	}
	return all
}

// going is how many calls that were placed from here ring, or talk.
func (r *switchroom) going() int {
	if r == nil {
		return 0
	}
	return r.placed.going()
}

// close hangs up what calls there are.
func (r *switchroom) close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	r.agent.Close(ctx)
	return r.ports.Close()
}

// trunkState is how a trunk stands that has been asked; nil: it has not been.
func (s *server) trunkState(id string) *lines.TrunkState {
	if s.sip == nil {
		return nil
	}
	for _, t := range s.sip.agent.TrunkStates() {
		if asked := t.Up || t.Code != 0 || t.Error != ""; t.Trunk == id && asked {
			return &lines.TrunkState{Up: t.Up, Registers: t.Registers, Registered: t.Registered, Error: t.Error}
		}
	}
	return nil
}

// busyFor is when callers may try again who find no place.
const busyFor = 10 * time.Second

// admitted gives a call that comes by SIP a place, or says how it is refused: 404 where nobody answers the number, 486 where its organisation
// has as many calls as it may, 503 where the node has, or stops; and 486 or 603 where the organisation's server does not want it.
func (s *server) admitted(ctx context.Context, in sip.Incoming) sip.Verdict {
	r := admission.Request{Key: in.ID}
	info := media.Info{Kind: "sip", ID: in.ID, From: in.From, To: in.To, Owners: in.Owners, Line: in.Line}
	route, err := s.office.number(info)
	nobody := errors.Is(err, directory.ErrNobody)
	switch {
	case nobody && s.office.directory.PreAnswer(route.Org, route.Number) == "":
		return sip.Verdict{Status: 404}
	case err != nil && !nobody: // nothing is known yet
		return sip.Verdict{Status: 503, RetryAfter: busyFor}
	}
	r.Org, r.Speech, r.Wait = route.Org, !nobody && s.company.speaksLocally(route.Agent), s.office.patient(route)
	switch s.gate.Admit(r) {
	case "":
		return s.askedBySIP(ctx, route, info, in)
	case admission.OrgCalls:
		return sip.Verdict{Status: 486, RetryAfter: busyFor}
	}
	return sip.Verdict{Status: 503, RetryAfter: busyFor}
}

// askedBySIP is what becomes of a call that has its place, once its organisation's server was asked about it.
func (s *server) askedBySIP(ctx context.Context, route directory.Route, info media.Info, in sip.Incoming) sip.Verdict {
	v := sip.Verdict{Ring: s.cfg.SIPRing, Early: s.cfg.SIPEarly}
	switch s.office.ask(ctx, route, info, nil, in.Headers) {
	case "":
		if _, err := s.office.route(info); errors.Is(err, directory.ErrNobody) {
			v = sip.Verdict{Status: 404}
		}
	case preanswer.Busy:
		v = sip.Verdict{Status: 486, RetryAfter: busyFor}
	default:
		v = sip.Verdict{Status: 603}
	}
	if v.Status != 0 {
		s.gate.Forget(in.ID)
	}
	return v
}

// trunks are those of the directory, with their passwords sealed until they are needed.
type trunks struct {
	directory *directory.Directory
	vault     *vault.Vault
	known     atomic.Pointer[knownTrunks]
}

// knownTrunks are those of one revision of the directory.
type knownTrunks struct {
	of   []store.Trunk
	made []sip.Trunk
}

// all are all trunks at this moment.
func (t *trunks) all() []sip.Trunk {
	rows := t.directory.Trunks()
	k := t.known.Load()
	if k == nil || len(k.of) != len(rows) || len(rows) > 0 && &k.of[0] != &rows[0] {
		k = &knownTrunks{of: rows, made: make([]sip.Trunk, len(rows))}
		for i, row := range rows {
			k.made[i] = t.trunk(row)
		}
		t.known.Store(k)
	}
	return k.made
}

// account finds the trunk that calls with a name and a password, from wherever. A name that several organisations have is nobody's.
func (t *trunks) account(user string) (found sip.Account, ok bool) {
	for _, one := range t.all() {
		if one.Username != user || user == "" || one.Password == nil {
			continue
		}
		if ok {
			return sip.Account{}, false
		}
		secret, err := one.Password()
		if err != nil {
			return sip.Account{}, false
		}
		found, ok = sip.Account{Org: one.Org, Password: secret}, true
	}
	return found, ok
}

// trunk is a row as the user agent has it. Networks that make no sense are left out: the API lets none in.
func (t *trunks) trunk(row store.Trunk) sip.Trunk {
	made := sip.Trunk{
		ID: row.ID, Org: row.Org, Name: row.Name, Host: row.Host, Port: row.Port, Transport: string(row.Transport), Username: row.Username,
		Realm: row.Realm, Codecs: row.Codecs, CallerID: row.CallerID, Outbound: row.Outbound, Registers: row.Registers,
	}
	for _, text := range row.Allowed {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err == nil {
			made.Allowed = append(made.Allowed, p)
		}
	}
	if row.Sealed.Text != "" {
		made.Password = func() (string, error) {
			secret, err := t.vault.Open(row.Sealed, vault.PlaceOf(store.TrunkSecret, row.Org, row.ID))
			if err != nil {
				return "", fmt.Errorf("open trunk %s: %w", row.ID, err)
			}
			return secret, nil
		}
	}
	return made
}
