package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/people"
	"parley/control/voice"
)

// describe is the head of the OpenAPI description.
func describe(o Options) *huma.OpenAPI {
	server := o.PublicURL
	if server == "" {
		server = "/"
	}
	version := o.Version
	if version == "" {
		version = "0"
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Parley", Version: version,
			Description: "Agents that answer the telephone, and the calls they had.\n\n" +
				"Every answer is an envelope: `success`, `data` and `meta` (`timestamp`, `request_id`; of lists also `total`, `limit`, `offset`); " +
				"every error has `error` and, where fields are at fault, `details`, which names all of them at once. Bots and conversations have a " +
				"contract of their own: their answers are bare objects and arrays, their errors `error` and `details`. Fields and query " +
				"parameters that are not described here are refused. Ids of other organisations do not exist: 404. Times are UTC. " +
				"What goes beyond the voice-agents contract is marked as an extension. Below `/crm/api/v1` the CRM contract is served: bare " +
				"answers, names in camelCase, numbers for ids, `pageToken`; an error has `code`, `error`, `message` and `details`.\n\n" +
				"A key may make 1,000 requests a minute unless the server is set otherwise; every answer says how many are left: " +
				"`X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` (a Unix timestamp).\n\n" + rightsTable(),
		},
		Servers: []*huma.Server{{URL: server}},
		Tags: []*huma.Tag{
			{Name: "Agents", Description: "Personas that hold calls."},
			{Name: "Tasks", Description: "Calls that are planned, and placed by the house."},
			{Name: "Calls", Description: "Phone calls, live and past."},
			{Name: "Campaigns", Description: "Files of numbers, which an agent calls one after the other. Extension."},
			{Name: "Bots", Description: "Agents bound to a channel. Answers are bare JSON."},
			{Name: "Conversations", Description: "Threads between customers and bots, by telephone and by text. Answers are bare JSON."},
			{Name: "Contacts", Description: "Whom the organisation deals with. CRM contract."},
			{Name: "CRM conversations", Description: "Where contacts stand in funnels, and their calls and threads. CRM contract."},
			{Name: "CRM tasks", Description: "What people and AI employees are to do for contacts. CRM contract."},
			{Name: "Custom fields", Description: "What else contacts, conversations and tasks may have. CRM contract."},
			{Name: "Dialing", Description: "How the organisation may dial. Extension."},
			{Name: "Webhooks", Description: "How tasks' webhooks are sent, and what became of them. Extension."},
			{Name: "Credentials", Description: "The organisation's accounts at carriers and vendors. Secrets are sealed, and never shown. Extension."},
			{Name: "Numbers", Description: "The organisation's phone numbers. Extension."},
			{Name: "Trunks", Description: "The organisation's ways to carriers by SIP. Extension."},
			{Name: "Extensions", Description: "The softphones that register with this server. Extension."},
			{Name: "Sessions", Description: "Logging in and out. What is below here takes the session's cookie, never an API key."},
			{Name: "API keys", Description: "The keys of the organisation."},
			{Name: "Organizations", Description: "The organisations that one is in. A session works in one at a time: POST /auth/switch."},
			{Name: "Users", Description: "The people of the organisation."},
			{Name: "Server", Description: "What the server has beside the API: without a key, and without the envelope."},
			{Name: "Carriers", Description: "What carriers ask of the server."},
			{Name: "Channels", Description: "What messaging channels tell the server: their webhooks. docs/whatsapp.md tells how they are set up."},
			{Name: "Browsers", Description: "What pages that call agents ask of the server."},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				byKey: {
					Type: "http", Scheme: "bearer",
					Description: "An API key: `Authorization: Bearer va_...`. The scopes that an operation needs are listed with it.",
				},
				byToken: {
					Type: "http", Scheme: "bearer", BearerFormat: "JWT",
					Description: "The token that POST /api/v1/auth/login answers: ten minutes, renewed by POST /api/v1/auth/token. It may do what its " +
						"person's role may.",
				},
				bySession: {
					Type: "apiKey", In: "cookie", Name: people.CookieName(strings.HasPrefix(o.PublicURL, "https://")),
					Description: "The cookie that POST /api/v1/auth/login sets: HttpOnly, SameSite=Lax. Twelve hours unused, fourteen days at most.",
				},
				byTicket: {
					Type: "apiKey", In: "query", Name: "token",
					Description: "The signed token of a `recording_url`: one call, five minutes. Extension.",
				},
			},
		},
	}
}

// rightsTable is access.Rights in Markdown.
func rightsTable() string {
	var b strings.Builder
	b.WriteString("| with a session one may | owner | admin | member |\n|---|---|---|---|\n")
	sign := map[bool]string{true: "yes", false: "no"}
	for _, r := range access.Rights() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Act, sign[r.Owner], sign[r.Admin], sign[r.Member])
	}
	b.WriteString("| what needs a scope that reads, calls:write, tasks:write, campaigns:write, conversations:write or contacts:write | yes | yes | yes |\n| what needs any other scope | yes | yes | no |\n")
	return b.String()
}

// uploadTime is how long a document may take to arrive.
const uploadTime = 5 * time.Minute

// operation is one operation as the description has it; pages has its words.
func (c *Control) operation(method, path, id, scope string) huma.Operation {
	p, ok := pages[id]
	if !ok {
		panic("control: no page for the operation " + id)
	}
	op := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: p.summary, Description: p.text, Tags: []string{p.tag},
		Security: ways(scope), DefaultStatus: p.status, BodyReadTimeout: 30 * time.Second, MaxBodyBytes: envelope.MaxBody,
	}
	if p.ticket != "" {
		op.Security = append(op.Security, map[string][]string{byTicket: {}})
	}
	op.Responses = c.failures(method, path, strings.Contains(path, "{") || p.missing != "", p)
	if c.repeatable(&op) {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(maxIdemKey)},
			Description: "Any text that is new for each thing to be done, such as a UUID. The same request with the same key is done once: for 24 " +
				"hours it gets the first answer, with `Idempotent-Replayed: true`. Extension.",
		})
		op.Responses["409"] = c.failure(path, "The Idempotency-Key was used for another request, or its first request is still being answered (Retry-After)", hRetryAfter)
	}
	if p.clash != "" {
		op.Responses["409"] = c.failure(path, p.clash, "")
	}
	if p.takesCSV {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}, Example: "to_number,name\r\n+1234567890,John Doe\r\n"},
		}}
	}
	if p.takesFile {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Example: "the bytes of the file"},
		}}
	}
	if p.givesCSV {
		op.Responses["200"] = &huma.Response{Description: "The table", Content: map[string]*huma.MediaType{
			"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}
	}
	if p.request != "" {
		body := &huma.MediaType{Example: json.RawMessage(p.request)}
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": body}}
		if p.form != nil {
			body.Schema = p.form()
			op.RequestBody.Content = map[string]*huma.MediaType{"multipart/form-data": body}
			op.SkipValidateBody = true                                           // the handler reads it
			op.MaxBodyBytes, op.BodyReadTimeout = voice.MostUpload+1, uploadTime // one more: the LongBody says that it is too large
		}
	}
	if p.most > 0 {
		op.MaxBodyBytes, op.BodyReadTimeout = p.most+1, uploadTime // one more: the LongBody says that it is too large
	}
	if len(p.media) > 0 {
		op.Responses["200"], op.Responses["206"] = sound("The whole file", p.media), sound("The range asked for", p.media)
		op.Responses["304"] = &huma.Response{Description: "If-None-Match has the file's ETag"}
	}
	return op
}

// longBody lets in as much as an operation takes, where that is more than all others do.
func longBody(ctx huma.Context, next func(huma.Context)) {
	if most := ctx.Operation().MaxBodyBytes - 1; most > envelope.MaxBody {
		r, w := humago.Unwrap(ctx)
		r.Body = envelope.LongBody(w, r, most)
	}
	next(ctx)
}

// sound describes an answer that is no JSON.
func sound(text string, media []string) *huma.Response {
	r := &huma.Response{Description: text, Content: map[string]*huma.MediaType{}}
	for _, kind := range media {
		r.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	return r
}

// ways are how an operation is reached that asks for a scope, for a session, or for nothing.
func ways(scope string) []map[string][]string {
	switch scope {
	case anybody:
		return nil
	case session:
		return []map[string][]string{{bySession: {}}}
	}
	return []map[string][]string{{byKey: {scope}}, {byToken: {}}, {bySession: {}}}
}

// failures are the errors that an operation may answer with.
func (c *Control) failures(method, path string, named bool, p page) map[string]*huma.Response {
	codes := map[int]string{
		http.StatusBadRequest:          "A validation error: details names every bad field. " + p.bad,
		http.StatusUnauthorized:        "No key, or not a valid one",
		http.StatusMethodNotAllowed:    "The path does not take this method",
		http.StatusForbidden:           "The key lacks a scope: details names it. Or the role does not allow it, or another site's page sent it with a cookie",
		http.StatusTooManyRequests:     "Too many requests in this minute. " + p.often,
		http.StatusInternalServerError: "Internal error: the log has it under the request_id",
		http.StatusServiceUnavailable:  "The database, or what else is needed, cannot be reached now. " + p.busy,
	}
	if named {
		codes[http.StatusNotFound] = "There is no such thing in the key's organisation. " + p.missing
	}
	if method == http.MethodPost && p.request != "" || method == http.MethodPatch || method == http.MethodPut {
		codes[http.StatusRequestTimeout] = "The body did not arrive within 30 s"
		codes[http.StatusRequestEntityTooLarge] = "The body has more than 1 MiB"
		codes[http.StatusUnsupportedMediaType] = "The body is not application/json"
	}
	if p.takesCSV {
		codes[http.StatusRequestTimeout] = "Nothing of the file came for 30 s"
		codes[http.StatusRequestEntityTooLarge] = "The file has more than 64 MiB"
		codes[http.StatusUnsupportedMediaType] = "The body is not text/csv"
	}
	if p.takesFile {
		codes[http.StatusRequestTimeout] = "Nothing of the file came for 30 s"
		codes[http.StatusRequestEntityTooLarge] = "The file is larger than one of its kind may be"
		codes[http.StatusUnsupportedMediaType] = "The Content-Type is none that channels take, or not of that kind"
	}
	if p.form != nil {
		codes[http.StatusRequestTimeout] = "The body did not arrive within 5 minutes"
		codes[http.StatusRequestEntityTooLarge] = "The body has more than 20 MiB"
		codes[http.StatusUnsupportedMediaType] = "The body is not multipart/form-data"
	}
	if p.most > 0 {
		codes[http.StatusRequestTimeout] = "The body did not arrive within 5 minutes"
		codes[http.StatusRequestEntityTooLarge] = fmt.Sprintf("The body has more than %d MiB", p.most>>20)
	}
	if p.streams != nil {
		codes[http.StatusRequestTimeout] = "Nothing of the body came for 30 s"
		codes[http.StatusRequestEntityTooLarge] = "The body has more than 64 MiB"
	}
	if len(p.media) > 0 {
		codes[http.StatusRequestedRangeNotSatisfiable] = "The file has no such range"
	}
	out := make(map[string]*huma.Response, len(codes))
	for code, text := range codes {
		header := ""
		switch code {
		case http.StatusUnauthorized:
			header = hWhoAreYou
		case http.StatusMethodNotAllowed:
			header = hAllow
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			header = hRetryAfter
		}
		out[strconv.Itoa(code)] = c.failure(path, strings.TrimSpace(text), header)
	}
	return out
}

// failure describes one error in the shape of its path's contract, and a header that comes with it; "": none.
func (c *Control) failure(path, text, name string) *huma.Response {
	kind := reflect.TypeFor[envelope.Failure]()
	switch {
	case envelope.IsBare(path):
		kind = reflect.TypeFor[envelope.BareFailure]()
	case envelope.InCRM(path):
		kind = reflect.TypeFor[envelope.Refusal]()
	}
	schema := c.api.OpenAPI().Components.Schemas.Schema(kind, true, "")
	r := &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	if name != "" {
		r.Headers = map[string]*huma.Param{name: header(name)}
	}
	return r
}
