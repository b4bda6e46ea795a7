package cartesia

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/gorilla/websocket"

	"parley/providers/wire"
)

// A complaint is an error as Cartesia tells it, in a message or in the body of a refusal.
type complaint struct {
	Status  int    `json:"status_code"`
	Code    string `json:"error_code"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Error   string `json:"error"` // as older versions have it
}

// failure is what the complaint tells.
func (c *Client) complained(said *complaint) error {
	e := &wire.Error{Vendor: "cartesia", Status: said.Status, Code: said.Code, Message: cmp.Or(said.Message, said.Title, said.Error)}
	return e.Clean(c.Key)
}

// failure puts an error of a socket in Cartesia's words.
func (c *Client) failure(err error) error {
	e := wire.AsError("cartesia", err)
	var said complaint
	if json.Unmarshal([]byte(e.Message), &said) == nil {
		e.Code, e.Message = cmp.Or(said.Code, e.Code), cmp.Or(said.Message, said.Title, said.Error, e.Message)
	}
	if e.Close == websocket.ClosePolicyViolation && e.Status == 0 {
		e.Status = http.StatusForbidden
	}
	return e.Clean(c.Key)
}
