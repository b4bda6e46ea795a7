package control

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/reference"
)

// The headers that answers share, by the component that describes them.
const (
	hRequestID  = "X-Request-Id"
	hLimit      = "X-RateLimit-Limit"
	hRemaining  = "X-RateLimit-Remaining"
	hReset      = "X-RateLimit-Reset"
	hReplayed   = "Idempotent-Replayed"
	hRetryAfter = "Retry-After"
	hAllow      = "Allow"
	hCookie     = "Set-Cookie"
	hWhoAreYou  = "WWW-Authenticate"
)

// headers describes them.
func headers() map[string]*huma.Param {
	text := func(about, like string) *huma.Param {
		return &huma.Param{Description: about, Schema: &huma.Schema{Type: huma.TypeString}, Example: like}
	}
	count := func(about string, like int) *huma.Param {
		return &huma.Param{Description: about, Schema: &huma.Schema{Type: huma.TypeInteger}, Example: like}
	}
	return map[string]*huma.Param{
		hRequestID:  text("The request's id: the client's own X-Request-Id, or one made for it.", "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"),
		hLimit:      count("How many requests a minute are allowed.", 1000),
		hRemaining:  count("How many are left in this minute.", 999),
		hReset:      count("When the next minute begins: a Unix timestamp, in seconds.", 1704067260),
		hReplayed:   text("`true`: this is the first answer to the Idempotency-Key, again. Absent otherwise.", "true"),
		hRetryAfter: count("Seconds until it is worth another try.", 5),
		hAllow:      text("The methods that the path takes.", "GET, HEAD, POST"),
		hCookie:     text("The session's cookie: HttpOnly, SameSite=Lax.", "parley_session=...; Path=/; HttpOnly; SameSite=Lax"),
		hWhoAreYou:  text("How to come in: Bearer.", `Bearer realm="parley"`),
	}
}

// complete gives the answers of all operations what they have besides their types: the headers that all share, and examples. It is done
// once, when all routes are there.
func (c *Control) complete() {
	api := c.api.OpenAPI()
	api.Components.Headers = headers()
	for path, item := range api.Paths {
		for method, op := range operations(item) {
			if of := pages[op.OperationID].streams; of != nil { // only now, or huma would read the body
				op.RequestBody.Required = true
				op.RequestBody.Content["application/json"].Schema = api.Components.Schemas.Schema(of, true, "")
			}
			for status, response := range op.Responses {
				c.completeHeaders(op, status, response)
				for kind, content := range response.Content {
					if kind == "application/json" && content.Example == nil {
						content.Example = c.example(method+" "+path, status, content.Schema)
					}
				}
			}
		}
	}
}

// completeHeaders tells of the headers that every answer of the API has, and of those that go with what it is.
func (c *Control) completeHeaders(op *huma.Operation, status string, r *huma.Response) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	names := []string{hRequestID, hLimit, hRemaining, hReset}
	good := strings.HasPrefix(status, "2")
	if good && c.repeatable(op) {
		names = append(names, hReplayed)
	}
	if good && (op.OperationID == "login" || op.OperationID == "accept-invite" || op.OperationID == "logout") {
		names = append(names, hCookie)
	}
	for _, name := range names {
		r.Headers[name] = header(name)
	}
}

// header refers to the description of a header.
func header(name string) *huma.Param { return &huma.Param{Ref: "#/components/headers/" + name} }

// example is what an answer may look like.
func (c *Control) example(operation, status string, s *huma.Schema) any {
	r := c.api.OpenAPI().Components.Schemas
	code, _ := strconv.Atoi(status) // it was made of a number
	var failure map[string]any
	switch s.Ref {
	case r.Schema(reflect.TypeFor[envelope.Failure](), true, "").Ref:
		failure = map[string]any{
			"success": false, "error": sayings[code],
			"meta": reference.Example(r, r.Schema(reflect.TypeFor[envelope.Meta](), true, "")),
		}
	case r.Schema(reflect.TypeFor[envelope.BareFailure](), true, "").Ref:
		failure = map[string]any{"error": sayings[code], "details": map[string]any{}}
	case r.Schema(reflect.TypeFor[envelope.Refusal](), true, "").Ref:
		failure = map[string]any{"code": code, "error": http.StatusText(code), "message": sayings[code], "details": map[string]any{}}
	default:
		return reference.Example(r, s)
	}
	if code == http.StatusBadRequest && !strings.HasPrefix(operation, http.MethodDelete) {
		failure["details"] = map[string]any{"limit": "expected number <= 100"}
		if !strings.HasPrefix(operation, http.MethodGet) {
			failure["details"] = map[string]any{"name": "is required", "colour": "unknown field"}
		}
	}
	return failure
}

// sayings are errors, for examples.
var sayings = map[int]string{
	http.StatusBadRequest:                   "validation failed",
	http.StatusUnauthorized:                 "no valid API key",
	http.StatusForbidden:                    "the key lacks the scope agents:write",
	http.StatusNotFound:                     "not found",
	http.StatusMethodNotAllowed:             "method not allowed here: use GET, HEAD, POST",
	http.StatusRequestTimeout:               "the body did not arrive in time",
	http.StatusConflict:                     "this Idempotency-Key was used for another request",
	http.StatusRequestEntityTooLarge:        "the body is too large: 1 MiB at most",
	http.StatusUnsupportedMediaType:         "send the body as application/json",
	http.StatusRequestedRangeNotSatisfiable: "the file has no such range",
	http.StatusTooManyRequests:              "too many requests: 1000 a minute are allowed",
	http.StatusInternalServerError:          "internal error",
	http.StatusServiceUnavailable:           "the database is not available, try again later",
}

// operations are a path's, by method.
func operations(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}
	for method, op := range all {
		if op == nil {
			delete(all, method)
		}
	}
	return all
}
