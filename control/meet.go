package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/people"
	"parley/control/voice"
)

// A caller is who asks, as far as that is known before it is known for what.
type caller struct {
	who access.Identity
	err error // why who is nobody; nil: who is somebody
}

// callerKey is where a context has its caller.
type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return caller{err: access.ErrUnauthenticated}
	}
	return *c
}

// trustedOrigins are where browsers may send what changes something from: our own pages, also by the name that a proxy gives us.
func trustedOrigins(public string) (*http.CrossOriginProtection, error) {
	origins := http.NewCrossOriginProtection()
	origins.AddInsecureBypassPattern("POST " + voice.WidgetTokensPath) // which looks at origins itself, and at no cookie
	if public == "" {
		return origins, nil
	}
	u, err := url.Parse(public)
	if err == nil {
		err = origins.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	if err != nil {
		return nil, fmt.Errorf("trust the origin of the public URL: %w", err)
	}
	return origins, nil
}

// meet finds out who asks, counts the request, and tells how many are left, whatever then becomes of it. Somebody who is not known is
// counted by their address, on this node alone.
func (c *Control) meet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r
		switch {
		case strings.HasPrefix(r.URL.Path, "/ws/"):
			asked = unveil(r)
		case !strings.HasPrefix(r.URL.Path, "/api/") && !envelope.InCRM(r.URL.Path):
			next.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == voice.WidgetTokensPath {
			w.Header().Set("Access-Control-Allow-Origin", "*") // of what is refused, too: a page is to know why
			if r.Method == http.MethodOptions {
				allowPages(w)
				return
			}
		}
		visit := c.visit(r)
		var from caller
		from.who, from.err = c.identify(asked, visit)
		a := c.count(r.Context(), from, visit)
		h := w.Header()
		h["X-Ratelimit-Limit"] = []string{strconv.Itoa(a.Limit)}
		h["X-Ratelimit-Remaining"] = []string{strconv.Itoa(a.Remaining)}
		h["X-Ratelimit-Reset"] = []string{strconv.FormatInt(a.Reset.Unix(), 10)}
		if !a.OK {
			message := fmt.Sprintf("too many requests: %d a minute are allowed", a.Limit)
			envelope.Write(w, r, envelope.TooMany(message, time.Until(a.Reset)))
			return
		}
		if err := c.foreign(asked); err != nil {
			envelope.Write(w, r, envelope.FaultOf(err))
			return
		}
		met := asked.WithContext(people.With(context.WithValue(asked.Context(), callerKey{}, &from), visit))
		next.ServeHTTP(w, met)
		r.Pattern = met.Pattern // for the log
	})
}

// allowPages answers browsers that ask whether a page of another origin may ask for a widget's token: the answer to that says whether it may.
func allowPages(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Content-Type")
	h.Set("Access-Control-Max-Age", "86400") // seconds
	w.WriteHeader(http.StatusNoContent)
}

// visit is how a request came.
func (c *Control) visit(r *http.Request) *people.Visit {
	v := &people.Visit{
		From:   access.Visitor{Address: access.Address(r, c.options.Trusted), Client: r.UserAgent()},
		Secure: r.TLS != nil || strings.HasPrefix(c.options.PublicURL, "https://"),
	}
	scheme := "http://"
	if v.Secure {
		scheme = "https://"
	}
	v.Base = scheme + r.Host
	return v
}

// count takes a request off the minute of whoever makes it.
func (c *Control) count(ctx context.Context, from caller, v *people.Visit) access.Allowance {
	if from.err != nil {
		return c.options.Limiter.Take(ctx, "address "+v.From.Address.String(), false)
	}
	return c.options.Limiter.Take(ctx, from.who.Who(), true)
}

// foreign refuses what another site makes a browser send: such a request has the browser's cookie, and no Authorization of its own. Any
// site may open a socket, by what looks like a GET, and read what it says.
func (c *Control) foreign(r *http.Request) error {
	if r.Header["Authorization"] != nil || passOf(r.Context()) != "" {
		return nil
	}
	if strings.HasPrefix(r.URL.Path, "/ws/") {
		post := *r
		post.Method = http.MethodPost
		r = &post
	}
	if err := c.origins.Check(r); err != nil {
		f := envelope.Denied("a request of another site's page, which this API does not take with cookies")
		f.Cause = err
		return f
	}
	return nil
}

// identify finds out who asks: by the Authorization header if there is one, else by the session's cookie.
func (c *Control) identify(r *http.Request, v *people.Visit) (access.Identity, error) {
	if r.Header["Authorization"] == nil {
		cookies := r.CookiesNamed(people.CookieName(v.Secure))
		if len(cookies) != 1 { // of two, one is somebody else's
			return access.Identity{}, access.ErrUnauthenticated
		}
		who, _, err := c.sessions.Open(r.Context(), cookies[0].Value)
		return who, err
	}
	secret, ok := access.Bearer(r)
	if !ok {
		return access.Identity{}, access.ErrUnauthenticated
	}
	if who, ok, err := c.sessions.OpenToken(r.Context(), secret); ok {
		return who, err
	}
	who, err := c.options.Auth.Authenticate(r.Context(), secret)
	if err != nil && !errors.Is(err, access.ErrUnauthenticated) {
		err = fmt.Errorf("authenticate: %w", err)
	}
	return who, err
}
