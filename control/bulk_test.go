package control_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestBulkReport: the report of a bulk request is as it is described, also where there is nothing else to know of an issue. The world holds every
// answer against the description.
func TestBulkReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for method, body := range map[string]string{"POST": `{"conversations": [{}, 7]}`, "PUT": `{"conversations": [{}, {"id": 999999}, null]}`} {
		a := w.want(w.ask(w.ours.key, method, "/crm/api/v1/conversations/bulk", body), http.StatusOK)
		if !strings.Contains(string(a.body), `"code":"REQUIRED_FIELD","context":null`) {
			t.Errorf("%s: %s", method, a.body)
		}
	}
}
