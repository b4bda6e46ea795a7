package control_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/control/access"
	"parley/control/preanswer"
	"parley/store"
)

const passphrase = "correct horse battery staple"

// A person is a browser: it keeps its cookie.
type person struct {
	w      *world
	cookie string
}

// do asks with the person's cookie, and keeps a new one.
func (p *person) do(method, path, body string, more ...string) *answer {
	p.w.t.Helper()
	if p.cookie != "" {
		more = append(more, "Cookie", p.cookie)
	}
	a := p.w.ask("", method, "/api/v1"+path, body, more...)
	if set := a.head.Get("Set-Cookie"); set != "" {
		p.cookie, _, _ = strings.Cut(set, ";")
	}
	return a
}

// A loggedIn is what the tests read of a login.
type loggedIn struct {
	Token        string    `json:"token"`
	TokenType    string    `json:"token_type"`
	ExpiresIn    int       `json:"expires_in"`
	ExpiresAt    time.Time `json:"expires_at"`
	User         struct{ ID, Email, Name, Role string }
	Organization struct{ ID, Name, Role string }
	Session      struct {
		ID             string
		OrganizationID string `json:"organization_id"`
	}
}

// invited makes a person join an organisation by the API, from its owner's invite.
func (w *world) invited(t tenant, email, role string) (*person, loggedIn) {
	w.t.Helper()
	cookie, _ := w.begin(t.org, t.owner)
	owner, p := &person{w, cookie}, &person{w: w}
	var link struct{ Token string }
	w.want(owner.do("POST", "/users/invite", `{"email":"`+email+`","role":"`+role+`"}`), http.StatusCreated).data(w.t, &link)
	var in loggedIn
	w.want(p.do("POST", "/auth/accept-invite", `{"token":"`+link.Token+`","name":"New","password":"`+passphrase+`"}`), http.StatusCreated).data(w.t, &in)
	return p, in
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invited(w.ours, "ada@example.com", "admin")
	p := &person{w: w}
	a := w.want(p.do("POST", "/auth/login", `{"email":" Ada@Example.com ","password":"`+passphrase+`"}`), http.StatusOK)
	set := a.head.Get("Set-Cookie")
	if parts := strings.Split(set, "; "); len(parts) != 5 || !strings.HasPrefix(parts[0], "parley_session=") || len(parts[0]) != len("parley_session=")+43 ||
		strings.Join(parts[1:], " ") != "Path=/ Max-Age=1209600 HttpOnly SameSite=Lax" {
		t.Errorf("cookie %q", set)
	}
	var in loggedIn
	a.data(t, &in)
	if in.TokenType != "Bearer" || in.ExpiresIn < 598 || in.ExpiresIn > 600 || in.User.Email != "ada@example.com" || in.User.Role != "admin" || in.Organization.ID != w.ours.org ||
		in.Organization.Name != "Ours" || in.Session.OrganizationID != w.ours.org {
		t.Errorf("logged in: %s", a.body)
	}

	w.want(p.do("GET", "/agents", ""), http.StatusOK)
	w.want(w.ask(in.Token, "GET", agents, ""), http.StatusOK)
	var again loggedIn
	w.want(p.do("POST", "/auth/token", ""), http.StatusOK).data(t, &again)
	w.want(w.ask(again.Token, "GET", agents, ""), http.StatusOK)
	w.want(w.ask(in.Token[:len(in.Token)-2]+"AA", "GET", agents, ""), http.StatusUnauthorized)

	// A wrong Authorization header is not made good by a cookie.
	w.want(p.do("GET", "/agents", "", "Authorization", "Bearer nonsense-nonsense-nonsense"), http.StatusUnauthorized)

	// Logging out ends cookie and tokens.
	before := p.cookie
	a = w.want(p.do("POST", "/auth/logout", ""), http.StatusOK)
	if set := a.head.Get("Set-Cookie"); !strings.HasPrefix(set, "parley_session=;") || !strings.Contains(set, "Max-Age=0") {
		t.Errorf("cookie after logging out: %q", set)
	}
	w.want(w.ask("", "GET", agents, "", "Cookie", before), http.StatusUnauthorized)
	w.want(w.ask(again.Token, "GET", agents, ""), http.StatusUnauthorized)
	log := w.log.String()
	for _, secret := range []string{passphrase, in.Token, strings.TrimPrefix(before, "parley_session=")} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has the secret %.10s...", secret)
		}
	}
}

// TestLoginTellsNobody: the answer is the same whether there is such an account or not, also once it is locked.
func TestLoginTellsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invited(w.ours, "ada@example.com", "member")
	try := func(email, password string) *answer {
		return (&person{w: w}).do("POST", "/auth/login", `{"email":"`+email+`","password":"`+password+`"}`)
	}
	for i := range 6 {
		want := http.StatusUnauthorized
		if i == 5 { // the fifth locks: for a second, which a slow machine needs for a try; so for an hour here
			want = http.StatusTooManyRequests
			now := time.Now().UTC().Truncate(time.Microsecond)
			for _, email := range []string{"ada@example.com", "nobody@example.com"} {
				_, err := w.db.Attempt(t.Context(), []string{"account " + access.Hash(email)}, now.Add(time.Minute), now.Add(-time.Hour), func(_ string, tries int) time.Time {
					if tries != 6 {
						t.Errorf("%s: %d tries, want 6", email, tries)
					}
					return now.Add(time.Hour)
				})
				must(t, err)
			}
		}
		known, unknown := try("ada@example.com", "wrong"), try("nobody@example.com", "wrong")
		for _, a := range []*answer{known, unknown} {
			w.want(a, want)
			if a.parsed.Error != known.parsed.Error || len(a.parsed.Details) > 0 || a.head.Get("Set-Cookie") != "" {
				t.Errorf("try %d: %s", i, a.body)
			}
			if seconds, err := strconv.Atoi(a.head.Get("Retry-After")); (err != nil || seconds < 3000) != (want == http.StatusUnauthorized) {
				t.Errorf("try %d: Retry-After %q", i, a.head.Get("Retry-After"))
			}
		}
	}
	// The right password does not help while the account is locked, nor does a wrong one make it longer.
	w.want(try("ada@example.com", passphrase), http.StatusTooManyRequests)
	must(t, w.db.Forgive(t.Context(), nil, []string{"account " + access.Hash("ada@example.com")}))
	w.want(try("ada@example.com", passphrase), http.StatusOK)
	for range 4 { // which has forgiven the tries before
		w.want(try("ada@example.com", "wrong"), http.StatusUnauthorized)
	}
	w.want(try("ada@example.com", passphrase), http.StatusOK)

	// One address that tries many accounts is locked as well.
	locked := false
	for i := range 25 {
		a := try("guess"+strconv.Itoa(i)+"@example.com", "wrong")
		locked = locked || a.status == http.StatusTooManyRequests
	}
	if !locked {
		t.Error("an address may try as many accounts as it likes")
	}
}

func TestLoginNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, fields := range map[string][]string{
		`{}`: {"email", "password"}, `{"email":"","password":""}`: {"email", "password"}, `{"email":1,"password":null,"x":1}`: {"email", "password", "x"},
	} {
		a := w.want((&person{w: w}).do("POST", "/auth/login", body), http.StatusBadRequest)
		for _, f := range fields {
			if a.parsed.Details[f] == "" {
				t.Errorf("%s: %s is not named: %s", body, f, a.body)
			}
		}
	}
}

func TestCookieByHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *control.Options) { o.PublicURL = "https://voice.example.com/" })
	secret, _ := w.begin(w.ours.org, w.ours.owner)
	secret = strings.TrimPrefix(secret, "parley_session=")
	w.want(w.ask("", "GET", agents, "", "Cookie", "parley_session="+secret), http.StatusUnauthorized) // anybody on the network could have set it
	p := &person{w, "__Host-parley_session=" + secret}
	w.want(p.do("GET", "/agents", ""), http.StatusOK)
	for origin, want := range map[string]int{"https://voice.example.com": 200, "https://voice.example.com.evil.example": 403, "http://voice.example.com": 403, "null": 403} {
		w.want(p.do("POST", "/auth/token", "", "Origin", origin), want)
	}
	w.want(p.do("POST", "/auth/token", "", "Sec-Fetch-Site", "same-site"), http.StatusForbidden)
	w.want(p.do("POST", "/auth/token", "", "Sec-Fetch-Site", "same-origin"), http.StatusOK)
	w.want(p.do("GET", "/agents", "", "Sec-Fetch-Site", "cross-site"), http.StatusOK)
	w.want((&person{w: w}).do("POST", "/auth/login", `{"email":"a@b.c","password":"x"}`, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	w.want(w.ask(w.ours.key, "POST", agents, `{"name":"a","system_prompt":"b"}`, "Origin", "https://crm.example"), http.StatusCreated) // a key is no cookie
	a := w.want(p.do("POST", "/auth/logout", ""), http.StatusOK)
	if set := a.head.Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-parley_session=; Path=/; ") || !strings.Contains(set, "Secure") {
		t.Errorf("cookie %q", set)
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, in := w.invited(w.ours, "ada@example.com", "member")
	other := &person{w: w}
	w.want(other.do("POST", "/auth/login", `{"email":"ada@example.com","password":"`+passphrase+`"}`, "User-Agent", "Telescope/1"), http.StatusOK)
	var list []struct {
		ID, Address, Client string
		Current             bool
	}
	a := w.want(p.do("GET", "/auth/sessions", ""), http.StatusOK)
	a.data(t, &list)
	if len(list) != 2 || a.parsed.Meta["total"] != 2.0 || list[0].Client != "Telescope/1" || list[0].Current || !list[1].Current || list[1].ID != in.Session.ID ||
		list[0].Address != "192.0.2.1" {
		t.Fatalf("sessions %s", a.body)
	}
	w.want(p.do("DELETE", "/auth/sessions/"+w.ours.session, ""), http.StatusNotFound) // the owner's
	w.want(p.do("DELETE", "/auth/sessions/"+list[0].ID, ""), http.StatusOK)
	w.want(other.do("GET", "/agents", ""), http.StatusUnauthorized)
	w.want(p.do("GET", "/agents", ""), http.StatusOK)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.invited(w.ours, "ada@example.com", "member")
	other := &person{w: w}
	w.want(other.do("POST", "/auth/login", `{"email":"ada@example.com","password":"`+passphrase+`"}`), http.StatusOK)
	for body, field := range map[string]string{
		`{"current_password":"wrong","new_password":"wrong zebra battery staple"}`:       "current_password",
		`{"current_password":"` + passphrase + `","new_password":"short"}`:               "new_password",
		`{"current_password":"` + passphrase + `","new_password":"passwordpassword"}`:    "new_password",
		`{"current_password":"` + passphrase + `","new_password":"ada@example.com1234"}`: "new_password",
	} {
		if a := w.want(p.do("POST", "/auth/password", body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			t.Errorf("%s does not name %s: %s", body, field, a.body)
		}
	}
	w.want(other.do("GET", "/agents", ""), http.StatusOK)
	w.want(p.do("POST", "/auth/password", `{"current_password":"`+passphrase+`","new_password":"wrong zebra battery staple"}`), http.StatusOK)
	w.want(other.do("GET", "/agents", ""), http.StatusUnauthorized)
	w.want(p.do("GET", "/agents", ""), http.StatusOK)
	w.want(other.do("POST", "/auth/login", `{"email":"ada@example.com","password":"`+passphrase+`"}`), http.StatusUnauthorized)
	w.want(other.do("POST", "/auth/login", `{"email":"ada@example.com","password":"wrong zebra battery staple"}`), http.StatusOK)
}

func TestInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	owner := &person{w, cookie}
	var link struct {
		Token     string
		URL       string `json:"invite_url"`
		EmailSent bool   `json:"email_sent"`
		Message   string
		ExpiresAt time.Time `json:"expires_at"`
	}
	invite := func(email string) string {
		w.want(owner.do("POST", "/users/invite", `{"email":"`+email+`"}`), http.StatusCreated).data(t, &link)
		return link.Token
	}
	first := invite("Ada@example.com")
	u, err := url.Parse(link.URL)
	must(t, err)
	if u.Path != "/invite" || u.Fragment != first || u.RawQuery != "" || link.EmailSent || !strings.Contains(link.Message, "No mailer") ||
		time.Until(link.ExpiresAt).Round(time.Hour) != 7*24*time.Hour {
		t.Errorf("link %+v", link)
	}
	if a := w.ask("", "GET", u.Path, ""); !strings.Contains(string(a.body), "/invite.js") {
		t.Errorf("the link leads to %.100s", a.body)
	}
	second := invite("ada@example.com")
	accept := func(token, password string) *answer {
		return (&person{w: w}).do("POST", "/auth/accept-invite", `{"token":"`+token+`","name":"Ada","password":"`+password+`"}`)
	}
	w.want(accept(first, passphrase), http.StatusBadRequest) // replaced
	w.want(accept("nonsense", passphrase), http.StatusBadRequest)
	if a := w.want(accept(second, "password1234"), http.StatusBadRequest); a.parsed.Details["password"] == "" {
		t.Errorf("a bad password is not named: %s", a.body)
	}
	w.want(accept(second, passphrase), http.StatusCreated)
	w.want(accept(second, passphrase), http.StatusBadRequest)
	if a := w.want(owner.do("POST", "/users/invite", `{"email":"ada@example.com"}`), http.StatusBadRequest); a.parsed.Details["email"] == "" {
		t.Errorf("a member's address is not named: %s", a.body)
	}
	for body, fields := range map[string][]string{
		`{"email":"ada","role":"king"}`: {"email", "role"}, `{"email":"Ada <ada@example.com>"}`: {"email"}, `{}`: {"email"},
	} {
		a := w.want(owner.do("POST", "/users/invite", body), http.StatusBadRequest)
		for _, f := range fields {
			if a.parsed.Details[f] == "" {
				t.Errorf("%s: %s is not named: %s", body, f, a.body)
			}
		}
	}

	// Whoever is known already joins with the password that they have, and with no other.
	theirs, _ := w.begin(w.theirs.org, w.theirs.owner)
	w.want((&person{w, theirs}).do("POST", "/users/invite", `{"email":"ada@example.com","role":"admin"}`), http.StatusCreated).data(t, &link)
	w.want(accept(link.Token, "another fine passphrase"), http.StatusUnauthorized)
	var in loggedIn
	w.want(accept(link.Token, passphrase), http.StatusCreated).data(t, &in)
	if in.Organization.Name != "Theirs" || in.User.Role != "admin" {
		t.Errorf("joined %+v", in)
	}
}

// TestRoles: what each role may do with keys and users is the table's.
func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := map[store.Role]*person{}
	ids := map[store.Role]string{}
	for _, r := range []store.Role{store.Owner, store.Admin, store.Member} {
		p, in := w.invited(w.ours, string(r)+"@ours.example", string(r))
		people[r], ids[r] = p, in.User.ID
	}
	made := func(r store.Role) (id, secret string) {
		var k struct{ ID, Key, Role string }
		w.want(people[r].do("POST", "/api-keys", `{"name":"`+string(r)+`'s"}`), http.StatusCreated).data(t, &k)
		if k.Role != string(r) {
			t.Errorf("a key of the role %s has the role %s", r, k.Role)
		}
		return k.ID, k.Key
	}
	status := func(allowed bool, good, bad int) int {
		if allowed {
			return good
		}
		return bad
	}
	for _, by := range []store.Role{store.Owner, store.Admin, store.Member} {
		for _, of := range []store.Role{store.Owner, store.Admin, store.Member} {
			key, _ := made(of)
			sees, below := by == of || by != store.Member, access.UpTo(of, by)
			want := status(sees, status(below, 200, 403), 404)
			w.want(people[by].do("GET", "/api-keys/"+key, ""), status(sees, 200, 404))
			w.want(people[by].do("POST", "/api-keys/"+key+"/regenerate", ""), want)
			w.want(people[by].do("DELETE", "/api-keys/"+key, ""), want)

			manages := by != store.Member
			w.want(people[by].do("POST", "/users/invite", `{"email":"x@example.com","role":"`+string(of)+`"}`), status(manages && below, 201, 403))
			// Both who is changed and what they are to be must not be above.
			victim := w.join(w.ours.org, string(by)+string(of)+"@example.com", of)
			for _, to := range []store.Role{store.Owner, of} {
				w.want(people[by].do("PATCH", "/users/"+victim, `{"role":"`+string(to)+`"}`), status(manages && below && access.UpTo(to, by), 200, 403))
			}
			_, err := w.db.SetRole(t.Context(), w.ours.org, victim, of)
			must(t, err)
			w.want(people[by].do("GET", "/users/"+victim, ""), 200)
			w.want(people[by].do("DELETE", "/users/"+victim, ""), status(manages && below, 200, 403))
		}
		w.want(people[by].do("PATCH", "/organizations/"+w.ours.org, `{"name":"Ours"}`), status(by != store.Member, 200, 403))
		w.want(people[by].do("POST", "/organizations", `{"name":"`+string(by)+`'s own"}`), status(by != store.Member, 201, 403))
		w.want(people[by].do("GET", "/users", ""), 200)
	}
	// A member's list of keys is of their own; their key cannot do more than they.
	_, secret := made(store.Member)
	var list []struct{ Name string }
	w.want(people[store.Member].do("GET", "/api-keys", ""), 200).data(t, &list)
	for _, k := range list {
		if k.Name != "member's" {
			t.Errorf("a member sees the key %s", k.Name)
		}
	}
	w.want(w.ask(secret, "GET", agents, ""), 200)
	a := w.want(w.ask(secret, "POST", agents, `{"name":"a","system_prompt":"b"}`), http.StatusForbidden)
	if !strings.Contains(a.parsed.Error, "role member") {
		t.Errorf("a member's key: %s", a.body)
	}
	if a := w.want(people[store.Member].do("POST", "/api-keys", `{"name":"x","scopes":["agents:write"]}`), http.StatusForbidden); a.parsed.Details["scopes"] != "agents:write" {
		t.Errorf("a member's key with agents:write: %s", a.body)
	}
	// Everybody may leave. What they leave behind opens nothing.
	w.want(people[store.Member].do("DELETE", "/users/"+ids[store.Member], ""), 200)
	w.want(people[store.Member].do("GET", "/agents", ""), http.StatusUnauthorized)
	w.want(w.ask(secret, "GET", agents, ""), http.StatusUnauthorized)
}

func TestLastOwnerStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, _ := w.begin(w.theirs.org, w.theirs.owner)
	p := &person{w, cookie}
	w.want(p.do("PATCH", "/users/"+w.theirs.owner, `{"role":"member"}`), http.StatusBadRequest)
	w.want(p.do("DELETE", "/users/"+strings.ToUpper(w.theirs.owner), ""), http.StatusBadRequest)
	w.want(p.do("PATCH", "/users/"+w.theirs.member, `{"role":"owner"}`), http.StatusOK)
	w.want(p.do("PATCH", "/users/"+w.theirs.owner, `{"role":"member"}`), http.StatusOK)
	w.want(p.do("PATCH", "/users/"+w.theirs.owner, `{"role":"owner"}`), http.StatusForbidden) // which holds at once
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	p := &person{w, cookie}
	type row struct {
		ID, Name, Prefix, Key, Status, Role string
		Scopes                              []string
		CreatedBy                           string     `json:"created_by"`
		ExpiresAt                           *time.Time `json:"expires_at"`
		RevokedAt                           *time.Time `json:"revoked_at"`
	}
	var k row
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.want(p.do("POST", "/api-keys", `{"name":"CRM","scopes":["agents:read"],"prefix":"cm_","expires_at":"`+expires.Format(time.RFC3339)+`"}`),
		http.StatusCreated).data(t, &k)
	if k.Name != "CRM" || !strings.HasPrefix(k.Key, "cm_") || !strings.HasPrefix(k.Key, k.Prefix) || k.Status != "active" || k.ExpiresAt == nil ||
		!k.ExpiresAt.Equal(expires) || k.CreatedBy != w.ours.owner || len(k.Scopes) != 1 {
		t.Errorf("made %+v", k)
	}
	w.want(w.ask(k.Key, "GET", agents, ""), http.StatusOK)
	w.want(w.ask(k.Key, "GET", calls, ""), http.StatusForbidden)

	var shown, next row
	w.want(p.do("GET", "/api-keys/"+k.ID, ""), http.StatusOK).data(t, &shown)
	if shown.Key != "" || shown.Prefix != k.Prefix {
		t.Errorf("shown %+v", shown)
	}
	w.want(p.do("POST", "/api-keys/"+k.ID+"/regenerate", ""), http.StatusOK).data(t, &next)
	if next.ID != k.ID || next.Key == k.Key || !strings.HasPrefix(next.Key, "cm_") || len(next.Scopes) != 1 || !next.ExpiresAt.Equal(expires) {
		t.Errorf("regenerated %+v", next)
	}
	w.want(w.ask(k.Key, "GET", agents, ""), http.StatusUnauthorized) // at once
	w.want(w.ask(next.Key, "GET", agents, ""), http.StatusOK)

	for range 2 {
		w.want(p.do("DELETE", "/api-keys/"+k.ID, ""), http.StatusOK).data(t, &shown)
		if shown.Status != "revoked" || shown.RevokedAt == nil {
			t.Errorf("revoked %+v", shown)
		}
	}
	w.want(w.ask(next.Key, "GET", agents, ""), http.StatusUnauthorized)
	w.want(p.do("POST", "/api-keys/"+k.ID+"/regenerate", ""), http.StatusBadRequest)

	var list []row
	a := w.want(p.do("GET", "/api-keys?limit=2", ""), http.StatusOK)
	a.data(t, &list)
	if len(list) != 2 || a.parsed.Meta["total"] != 5.0 || strings.Contains(string(a.body), `"key"`) { // with the world's three, and the old secret
		t.Errorf("list %s", a.body)
	}
	for body, fields := range map[string][]string{
		`{}`: {"name"}, `{"name":" ","scopes":["fly"],"prefix":"xx_","expires_at":"2020-01-01T00:00:00Z"}`: {"name", "scopes", "prefix", "expires_at"},
		`{"name":"a","expires_at":"soon"}`: {"expires_at"},
	} {
		a := w.want(p.do("POST", "/api-keys", body), http.StatusBadRequest)
		for _, f := range fields {
			if a.parsed.Details[f] == "" {
				t.Errorf("%s: %s is not named: %s", body, f, a.body)
			}
		}
	}
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, in := w.invited(w.ours, "ada@example.com", "owner")
	var made struct {
		ID, Name, Role string
		Current        bool
	}
	w.want(p.do("POST", "/organizations", `{"name":" Second "}`), http.StatusCreated).data(t, &made)
	if made.Name != "Second" || made.Role != "owner" || made.Current {
		t.Errorf("made %+v", made)
	}
	// The session stays where it was, and moves when it is told; tokens do not come along.
	w.want(p.do("GET", "/agents/"+w.ours.agent, ""), http.StatusOK)
	var moved loggedIn
	w.want(p.do("POST", "/auth/switch", `{"organization_id":"`+made.ID+`"}`), http.StatusOK).data(t, &moved)
	if moved.Organization.ID != made.ID || moved.User.Role != "owner" {
		t.Errorf("moved to %+v", moved)
	}
	w.want(p.do("GET", "/agents/"+w.ours.agent, ""), http.StatusNotFound)
	w.want(w.ask(in.Token, "GET", agents, ""), http.StatusUnauthorized)
	w.want(w.ask(moved.Token, "POST", agents, `{"name":"a","system_prompt":"b"}`), http.StatusCreated)
	// The next login begins there.
	var again loggedIn
	w.want((&person{w: w}).do("POST", "/auth/login", `{"email":"ada@example.com","password":"`+passphrase+`"}`), http.StatusOK).data(t, &again)
	if again.Organization.ID != made.ID {
		t.Errorf("the next login is in %s", again.Organization.Name)
	}
	w.want(p.do("POST", "/auth/switch", `{"organization_id":"`+w.theirs.org+`"}`), http.StatusNotFound)
	if a := w.want(p.do("POST", "/auth/switch", `{"organization_id":"x"}`), http.StatusBadRequest); a.parsed.Details["organization_id"] == "" {
		t.Errorf("a bad id is not named: %s", a.body)
	}
	var list []struct {
		Name    string
		Current bool
	}
	w.want(p.do("GET", "/organizations", ""), http.StatusOK).data(t, &list)
	if len(list) != 2 || list[0].Name != "Ours" || list[0].Current || !list[1].Current {
		t.Errorf("organisations %+v", list)
	}
	// What counts is the role there, not the session's.
	_, err := w.db.SetRole(t.Context(), w.ours.org, in.User.ID, store.Member)
	must(t, err)
	w.want(p.do("PATCH", "/organizations/"+w.ours.org, `{"name":"Mine"}`), http.StatusForbidden)
	w.want(p.do("PATCH", "/organizations/"+made.ID, `{"name":"Renamed"}`), http.StatusOK)
	w.want(p.do("PATCH", "/organizations/"+w.theirs.org, `{"name":"Mine"}`), http.StatusNotFound)
	w.want(p.do("PATCH", "/organizations/"+made.ID, `{"name":"\u0007"}`), http.StatusBadRequest)
	// What its agents may remember is given as a whole; the name stays.
	memory := func(body string, status int) (m struct {
		Name   string
		Memory struct {
			Enabled bool
			Days    int
		}
	}) {
		t.Helper()
		a := w.want(p.do("PATCH", "/organizations/"+made.ID, body), status)
		if status == http.StatusOK {
			a.data(t, &m)
		}
		return m
	}
	if m := memory(`{"memory":{"enabled":true,"days":7}}`, http.StatusOK); !m.Memory.Enabled || m.Memory.Days != 7 || m.Name != "Renamed" {
		t.Errorf("with a memory: %+v", m)
	}
	if m := memory(`{"name":"Again"}`, http.StatusOK); !m.Memory.Enabled || m.Name != "Again" {
		t.Errorf("renamed: %+v", m)
	}
	for _, bad := range []string{`{}`, `{"memory":{}}`, `{"memory":{"enabled":true,"days":0}}`, `{"memory":{"enabled":true,"channels":["fax"]}}`, `{"memory":{"enabled":true,"time_zone":"Mars"}}`, `{"name":null}`} {
		memory(bad, http.StatusBadRequest)
	}
	if m := memory(`{"memory":null}`, http.StatusOK); m.Memory.Enabled || m.Memory.Days != 0 {
		t.Errorf("off: %+v", m)
	}
	w.want(p.do("PATCH", "/organizations/"+w.ours.org, `{"memory":{"enabled":true}}`), http.StatusForbidden)
	// Who is asked about its calls is given as a whole, too.
	type asks struct {
		PreAnswer *preanswer.Settings `json:"pre_answer"`
	}
	for _, c := range []struct {
		body   string
		status int
		want   *preanswer.Settings
	}{
		{`{"pre_answer":{"url":"https://example.com/in","fallback":"reject","timeout_ms":900}}`, http.StatusOK, &preanswer.Settings{URL: "https://example.com/in", Fallback: "reject", TimeoutMS: 900}},
		{`{"pre_answer":{"url":"http://example.com/in"}}`, http.StatusBadRequest, nil},
		{`{"pre_answer":{"url":""}}`, http.StatusBadRequest, nil},
		{`{"name":"Once more"}`, http.StatusOK, &preanswer.Settings{URL: "https://example.com/in", Fallback: "reject", TimeoutMS: 900}},
		{`{"pre_answer":null}`, http.StatusOK, nil},
	} {
		a := w.want(p.do("PATCH", "/organizations/"+made.ID, c.body), c.status)
		if c.status != http.StatusOK {
			continue
		}
		var got asks
		if a.data(t, &got); !cmp.Equal(got.PreAnswer, c.want) {
			t.Errorf("%s: asks %+v, want %+v", c.body, got.PreAnswer, c.want)
		}
	}
	w.want(p.do("PATCH", "/organizations/"+w.ours.org, `{"pre_answer":{"url":"https://example.com/in"}}`), http.StatusForbidden)
}
