package webrtc

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// A fault is why a request is refused: what the client is told, as problem+json (RFC 9457).
type fault struct {
	status int
	detail string
	why    Refusal
}

func (f *fault) Error() string { return f.detail }

// malformed is of what is not what it claims to be; it names the line or the attribute.
func malformed(format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, fmt.Sprintf(format, args...), RefusedOffer}
}

// unsupported is of what is well-formed, and nothing that we do.
func unsupported(format string, args ...any) *fault {
	return &fault{http.StatusUnprocessableEntity, fmt.Sprintf(format, args...), RefusedOffer}
}

// write answers a request with the fault.
func (f *fault) write(w http.ResponseWriter) {
	h := w.Header()
	switch f.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5") // seconds
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(struct { // a client who has gone cannot be told
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(f.status), f.status, f.detail})
}
