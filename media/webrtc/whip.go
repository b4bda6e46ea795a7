package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The types of bodies (RFC 9725, section 4.2; RFC 8840, section 9).
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// Mount puts the endpoint, and the calls below it, where Options.Path says.
func (s *Server) Mount(mux *http.ServeMux) {
	at := s.o.Path
	mux.HandleFunc("POST "+at, s.serve(s.offered))
	mux.HandleFunc("GET "+at, s.serve(nothing))
	mux.HandleFunc("OPTIONS "+at, s.serve(preflight))
	mux.HandleFunc(at, s.serve(noMethod("GET, OPTIONS, POST")))
	mux.HandleFunc("PATCH "+at+"/{call}", s.serve(s.patched))
	mux.HandleFunc("DELETE "+at+"/{call}", s.serve(s.deleted))
	mux.HandleFunc("GET "+at+"/{call}", s.serve(nothing))
	mux.HandleFunc("OPTIONS "+at+"/{call}", s.serve(preflight))
	mux.HandleFunc(at+"/{call}", s.serve(noMethod("DELETE, GET, OPTIONS, PATCH")))
}

// serve lets pages of any origin ask: it is tokens that open calls, and no cookie is looked at.
func (s *Server) serve(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "ETag, Location, Link, Retry-After")
		w.Header().Set("Cache-Control", "no-store")
		err := h(w, r)
		if err == nil {
			return
		}
		f := faultOf(err)
		s.Stats.Refused[f.why].Add(1)
		if f.why == RefusedFailed {
			s.o.Log.Error("a browser's request failed", "method", r.Method, "error", err)
		}
		f.write(w)
	}
}

// nothing answers the methods that are kept for later (RFC 9725, section 4.2).
func nothing(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// preflight tells pages of other origins what they may ask.
func preflight(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	h.Set("Accept-Post", typeSDP)
	h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, GET, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400") // seconds
	w.WriteHeader(http.StatusOK)
	return nil
}

func noMethod(allowed string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allowed)
		return &fault{http.StatusMethodNotAllowed, "want one of " + allowed, RefusedType}
	}
}

// bearer is the token of a request (RFC 6750, section 2.1).
func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 4096 {
		return "", refusedToken
	}
	return token, nil
}

var refusedToken = &fault{http.StatusUnauthorized, ErrToken.Error(), RefusedToken}

// body reads a body of the wanted type.
func (s *Server) body(w http.ResponseWriter, r *http.Request, want string) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != want {
		if want == typeSDP {
			w.Header().Set("Accept-Post", want)
		} else {
			w.Header().Set("Accept-Patch", want)
		}
		return nil, &fault{http.StatusUnsupportedMediaType, "Content-Type: want " + want, RefusedType}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.o.Limits.Body))
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return nil, &fault{http.StatusRequestEntityTooLarge, "the body is longer than any offer", RefusedOffer}
	}
	if err != nil {
		return nil, malformed("the body has not come whole")
	}
	return text, nil
}

// offered takes an offer (RFC 9725, section 4.2). The token is used up only by an offer that is answered.
func (s *Server) offered(w http.ResponseWriter, r *http.Request) error {
	token, err := bearer(r)
	if err != nil {
		return err
	}
	grant, err := s.o.Gate.Look(token)
	if err != nil {
		return refusal(err)
	}
	text, err := s.body(w, r, typeSDP)
	if err != nil {
		return err
	}
	o, err := readOffer(text, s.sound)
	if err != nil {
		return err
	}
	busy := &fault{http.StatusServiceUnavailable, "no further calls are taken now", RefusedBusy}
	id := "web-" + newSecret()[:22]
	if s.full() || s.o.Accepting != nil && !s.o.Accepting(r.Context(), id, grant) {
		return busy
	}
	if err := s.o.Gate.Spend(r.Context(), grant); err != nil {
		return refusal(err)
	}
	ctx := context.WithValue(r.Context(), localKey{}, isLocal(r))
	c, a, err := s.newCall(ctx, id, token, grant, &o)
	if err != nil {
		return err
	}
	tag := c.etag() // before it runs
	if !s.enter(c) {
		c.close()
		return busy
	}
	s.Stats.Opened.Add(1)
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	h.Set("Location", s.o.Path+"/"+c.secret)
	h.Set("ETag", tag)
	if s.o.Relays != nil {
		for _, relay := range s.o.Relays(r, grant) {
			relay.link(h)
		}
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, a.sdp()) // a client who has gone does not connect
	return nil
}

// link tells of a relay, a URL each (RFC 9725, section 4.6). Nothing of it needs escaping: names and credentials are digits, letters and base64.
func (r Relay) link(h http.Header) {
	for _, url := range r.URLs {
		h.Add("Link", fmt.Sprintf("<%s>; rel=\"ice-server\"; username=%q; credential=%q; credential-type=\"password\"", url, r.Name, r.Credential))
	}
}

// refusal is what a page is told of a gate's error.
func refusal(err error) error {
	if errors.Is(err, ErrToken) {
		return refusedToken
	}
	var absent *Absent
	switch {
	case !errors.As(err, &absent):
		return err
	case absent.Over:
		return &fault{http.StatusNotFound, absent.Why, RefusedGone}
	}
	return &fault{http.StatusServiceUnavailable, absent.Why, RefusedGone}
}

// isLocal says whether a request came from this machine.
func isLocal(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// ours is the call of a request, which is of the page that has opened it.
func (s *Server) ours(r *http.Request) (*call, error) {
	token, err := bearer(r)
	if err != nil {
		return nil, err
	}
	c := s.find(r.PathValue("call"))
	if c == nil {
		return nil, &fault{http.StatusNotFound, "no such call, or it is over", RefusedGone}
	}
	if !c.opened(token) {
		return nil, refusedToken
	}
	return c, nil
}

// patched takes candidates, or restarts ICE (RFC 9725, section 4.3).
func (s *Server) patched(w http.ResponseWriter, r *http.Request) error {
	c, err := s.ours(r)
	if err != nil {
		return err
	}
	text, err := s.body(w, r, typeFragment)
	if err != nil {
		return err
	}
	f, err := readFragment(text)
	if err != nil {
		return err
	}
	tags := strings.Join(r.Header.Values("If-Match"), ",")
	if strings.TrimSpace(tags) == "" {
		return &fault{http.StatusPreconditionRequired, "If-Match: want the ETag of the call, or * to restart ICE", RefusedEtag}
	}
	c.patching.Lock()
	defer c.patching.Unlock()
	fresh := f.ice != (credentials{}) && f.ice != c.theirs
	if strings.TrimSpace(tags) == "*" && fresh {
		return c.restart(context.WithValue(r.Context(), localKey{}, isLocal(r)), w, f.ice)
	}
	if strings.TrimSpace(tags) != "*" && !matches(tags, c.etag()) {
		return &fault{http.StatusPreconditionFailed, "If-Match: ICE has been restarted since", RefusedEtag}
	}
	if fresh {
		return malformed("a=ice-ufrag: not that of the offer; to restart ICE say If-Match: *")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// matches says whether a list of strong tags has one (RFC 9110, section 13.1.1).
func matches(tags, tag string) bool {
	return slices.ContainsFunc(strings.Split(tags, ","), func(t string) bool { return strings.TrimSpace(t) == tag })
}

// restart opens another way for the call; the one that it has goes on until the browser comes by the new one. patching is held.
func (c *call) restart(ctx context.Context, w http.ResponseWriter, theirs credentials) error {
	ours, at, err := c.wire.open(ctx, theirs)
	if errors.Is(err, errLost) {
		return &fault{http.StatusNotFound, "no such call, or it is over", RefusedGone}
	}
	if err != nil {
		return err
	}
	c.theirs = theirs
	c.restarts++
	c.server.Stats.Restarts.Add(1)
	a := answer{offer: c.offer, ice: ours, candidates: c.server.advertised(ctx, at)}
	h := w.Header()
	h.Set("Content-Type", typeFragment)
	h.Set("ETag", c.etag())
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, a.fragment()) // a client who has gone keeps the way that it has
	return nil
}

// deleted ends a call.
func (s *Server) deleted(w http.ResponseWriter, r *http.Request) error {
	c, err := s.ours(r)
	if err != nil {
		return err
	}
	c.end()
	w.WriteHeader(http.StatusOK)
	return nil
}
