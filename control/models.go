package control

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/control/access"
	"parley/control/envelope"
)

// mcpPath is where models use the API, by the Model Context Protocol.
const mcpPath = "/mcp"

// serveModels lets in who has a key, or a session's token, and shows them what of the API they may use. A cookie does not do: any site could send it.
func (c *Control) serveModels(w http.ResponseWriter, r *http.Request) {
	err := access.ErrUnauthenticated
	var from caller
	visit := c.visit(r)
	if r.Header["Authorization"] != nil {
		from.who, err = c.identify(r, visit)
	}
	from.err = err
	if a := c.count(r.Context(), from, visit); !a.OK {
		envelope.Write(w, r, envelope.TooMany(fmt.Sprintf("too many requests: %d a minute are allowed", a.Limit), time.Until(a.Reset)))
		return
	}
	if errors.Is(err, access.ErrUnauthenticated) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="parley"`)
		envelope.Write(w, r, envelope.Unauthorised(access.ErrUnauthenticated.Error()))
		return
	}
	if err != nil {
		envelope.Write(w, r, envelope.FaultOf(err))
		return
	}
	models, err := c.models()
	if err != nil {
		envelope.Write(w, r, envelope.FaultOf(err))
		return
	}
	models.Serve(w, r, from.who.Allows)
}

// again is the API as it is asked by a tool.
func (c *Control) again(w http.ResponseWriter, r *http.Request) { c.front.ServeHTTP(w, r) }
