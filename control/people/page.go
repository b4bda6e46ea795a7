package people

import (
	"embed"
	"net/http"
)

//go:embed invite.html invite.css invite.js
var page embed.FS

// MountPage serves the page that links of invites lead to: /invite, and what it is made of.
func MountPage(mux *http.ServeMux) {
	for path, file := range map[string]string{"/invite": "invite.html", "/invite.css": "invite.css", "/invite.js": "invite.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
			http.ServeFileFS(w, r, page, file)
		})
	}
}
