package whatsapp_test

import (
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/whatsapp"
)

// Every test of the package must leave no goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ana = "16505551234"

// graph runs a fake, and is a number of it. Ana has just written.
func graph(t *testing.T, f *providertest.WhatsApp) *whatsapp.Number {
	t.Helper()
	f.Token, f.Secret = "EAAfake", "8f1c2d3e4b5a69788796a5b4c3d2e1f0"
	base := providertest.StartWhatsApp(t, f)
	client := &http.Client{
		Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	f.Wrote(ana, time.Now())
	n := &whatsapp.Number{ID: providertest.FakeNumber, Token: f.Token, Base: base, Client: client}
	if err := n.Check(); err != nil {
		t.Fatal(err)
	}
	return n
}

// reason is why something was refused; "": it was not.
func reason(err error) message.Reason {
	if e := message.As(err); e != nil {
		return e.Reason
	}
	if err != nil {
		return message.Reason(err.Error())
	}
	return ""
}
