package mcpapi

import (
	"encoding/json"
	"testing"
)

// TestQuery: arguments are in a request's query as the API reads them; of lists, each of their parts.
func TestQuery(t *testing.T) {
	t.Parallel()
	o := &operation{method: "GET", path: "/calls/{id}", inPath: []string{"id"}, inQuery: []string{"limit", "status", "to", "none"}}
	args := map[string]json.RawMessage{"id": []byte(`"a/b"`), "limit": []byte(`20`), "status": []byte(`["done","failed"]`), "to": []byte(`"+1"`), "none": []byte(`[]`)}
	req, why := o.request(t.Context(), args)
	if why != "" {
		t.Fatal(why)
	}
	if got, want := req.URL.String(), "/calls/a%2Fb?limit=20&status=done%2Cfailed&to=%2B1"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}
