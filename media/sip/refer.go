package sip

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
)

// A transfer is one that we have asked the far end for (RFC 3515). It is the loop's, but for done.
type transfer struct {
	id   uint32     // CSeq of the REFER
	took bool       // the far end has accepted it
	done chan error // has room for one
}

// Why a transfer does not happen. They may be told to a model.
var (
	errTransferring = errors.New("the caller is being transferred already")
	errGone         = errors.New("the caller has gone")
)

// Transfer asks the far end to call somebody else in our place (a blind transfer, RFC 3515): a number in E.164, or an address such as
// sip:desk@example.com. It returns when that has answered, and the far end has left or may be hung up, or with why it has not. It may be
// called by any goroutine, and waits as long as ctx lasts.
func (l *Leg) Transfer(ctx context.Context, to string) error {
	if l.info.Line != "" || strings.HasPrefix(to, LinePrefix) {
		return fmt.Errorf("transfer: %w", media.ErrNoTransfer) // a softphone calls us alone, and nobody else knows our lines
	}
	return l.refer(ctx, func() (gosip.Uri, error) { return l.address(to) })
}

// TransferTo asks the far end to take the other leg's dialog over, in our place (an attended transfer, RFC 3891, section 1). Both must be of
// one trunk: nobody else knows what that calls its dialogs. It returns as Transfer does.
func (l *Leg) TransferTo(ctx context.Context, with media.Leg) error {
	other, ok := with.(*Leg)
	if !ok || other.agent != l.agent || l.trunk == nil || other.trunk == nil || l.trunk.ID != other.trunk.ID {
		return fmt.Errorf("transfer: %w", media.ErrNoTransfer)
	}
	got := make(chan gosip.Uri, 1)
	if !other.post(func() {
		d := other.dialog
		to := d.target
		to.Headers = gosip.HeaderParams{{K: "Replaces", V: url.QueryEscape(d.call + ";to-tag=" + d.remote + ";from-tag=" + d.local)}}
		got <- to
	}) {
		return fmt.Errorf("transfer: %w", errGone)
	}
	return l.refer(ctx, func() (gosip.Uri, error) { return <-got, nil })
}

// LinePrefix is how somebody says that a softphone is to be called by its username: "ext:anna".
const LinePrefix = "ext:"

// address makes an address of what somebody wants to be transferred to. What could be anything else than an address is refused.
// It is the loop's.
func (l *Leg) address(to string) (u gosip.Uri, err error) {
	if dialable.MatchString(to) {
		host, port := l.dialog.peer.Host, l.dialog.peer.Port
		if l.trunk != nil {
			host, port = bracketed(l.trunk.Host), l.trunk.Port
		}
		return gosip.Uri{Scheme: "sip", User: to, Host: host, Port: port}, nil
	}
	if strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>"\`, r) }) {
		return u, fmt.Errorf("%q is no address", to)
	}
	if err := gosip.ParseUri(to, &u); err != nil || u.Scheme != "sip" && u.Scheme != "sips" || u.Host == "" || len(u.Headers) > 0 {
		return u, fmt.Errorf("%q is neither a number nor an address such as sip:desk@example.com", to)
	}
	return u, nil
}

// refer sends the REFER, and waits for what comes of it.
func (l *Leg) refer(ctx context.Context, target func() (gosip.Uri, error)) error {
	t := &transfer{done: make(chan error, 1)}
	ok := l.post(func() {
		if l.transfer != nil || l.referral != nil {
			t.done <- errTransferring
			return
		}
		to, err := target()
		if err != nil {
			t.done <- err
			return
		}
		l.transfer = t
		req := l.dialog.request(gosip.REFER)
		t.id = req.CSeq().SeqNo
		req.AppendHeader(gosip.NewHeader("Refer-To", "<"+to.String()+">"))
		req.AppendHeader(gosip.NewHeader("Referred-By", "<"+l.dialog.self.String()+">"))
		l.agent.work.Go(func() {
			_, res, err := l.ask(l.agent.ctx, req)
			l.post(func() { l.accepted(t, res, err) })
		})
	})
	if !ok {
		return fmt.Errorf("transfer: %w", errGone)
	}
	select {
	case err := <-t.done:
		return transferError(err)
	case <-l.gone:
		return t.left()
	case <-ctx.Done():
		l.post(func() { l.transferred(t, context.Cause(ctx)) })
		return fmt.Errorf("transfer: %w", context.Cause(ctx))
	}
}

// left is what came of a transfer whose far end has left: what it has told, or success where a REFER was taken, as some carriers do it.
func (t *transfer) left() error {
	select {
	case err := <-t.done:
		return transferError(err)
	default:
	}
	if t.took {
		return nil
	}
	return transferError(errGone)
}

func transferError(err error) error {
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return nil
}

// accepted takes the answer to a REFER.
func (l *Leg) accepted(t *transfer, res *gosip.Response, err error) {
	switch {
	case err != nil:
		l.transferred(t, err)
	case res.IsSuccess():
		t.took = true
	case res.StatusCode == gosip.StatusCallTransactionDoesNotExists:
		l.transferred(t, errGone)
	default:
		l.transferred(t, fmt.Errorf("%w: %d %s", media.ErrNoTransfer, res.StatusCode, reasonOf(res.StatusCode)))
	}
}

// transferred ends a transfer, and lets another begin.
func (l *Leg) transferred(t *transfer, err error) {
	if t == nil || l.transfer != t {
		return
	}
	l.transfer = nil
	t.done <- err
}

// notified takes news of a transfer: the first line of a piece of a message, the status of the new call (RFC 3515, section 2.4.4).
func (l *Leg) notified(in *arrival) {
	event := value(in.req, "Event")
	name, params, _ := strings.Cut(event, ";")
	if !strings.EqualFold(strings.TrimSpace(name), "refer") {
		l.respond(in, 489)
		return
	}
	t := l.transfer
	if id, ok := strings.CutPrefix(strings.TrimSpace(params), "id="); t == nil || ok && id != strconv.FormatUint(uint64(t.id), 10) {
		l.respond(in, gosip.StatusCallTransactionDoesNotExists)
		return
	}
	l.respond(in, gosip.StatusOK)
	t.took = true
	line, _, _ := strings.Cut(string(in.req.Body()), "\n")
	words := strings.Fields(line)
	status := 0
	if len(words) > 1 && words[0] == "SIP/2.0" {
		status, _ = strconv.Atoi(words[1])
	}
	state := strings.ToLower(value(in.req, "Subscription-State"))
	switch {
	case status >= 300:
		l.transferred(t, fmt.Errorf("it was not answered: %d %s", status, reasonOf(status)))
	case status >= 200:
		l.transferred(t, nil)
	case strings.HasPrefix(state, "terminated"):
		l.transferred(t, errors.New("the far end does not say what came of it"))
	}
}
