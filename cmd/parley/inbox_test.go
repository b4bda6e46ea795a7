package main

import (
	"testing"

	channel "parley/providers/message"
)

// TestOrder: what somebody orders is read as text, and kept as it came, with the product that a question is about.
func TestOrder(t *testing.T) {
	t.Parallel()
	m := channel.Incoming{ID: "wamid.1", From: channel.Party{Number: "+4915112345678"}, Kind: channel.Ordered, Order: &channel.Order{
		Catalog: "194836987003835", Note: "soon please", Items: []channel.Item{{Product: "di9", Quantity: 2, Price: "30", Currency: "USD"}},
	}, Quote: &channel.Quote{Message: "wamid.0", Catalog: "194836987003835", Product: "di9"}}
	in := incoming(channel.Event{Message: &m})
	const want = `{"order":{"catalog":"194836987003835","items":[{"currency":"USD","price":"30","product":"di9","quantity":2}],"note":"soon please"},` +
		`"product":{"catalog":"194836987003835","id":"di9"},"quote":{"message":"wamid.0"}}`
	if in.Text != "soon please\n2 x di9 at 30 USD" || in.Data != want || in.Quiet {
		t.Errorf("%q, %s", in.Text, in.Data)
	}
}

// TestIncomingOfGroup: what is written to a group is a thread of its own, which no bot answers: nothing can be sent to it.
func TestIncomingOfGroup(t *testing.T) {
	t.Parallel()
	note := channel.Incoming{ID: "wamid.1", From: channel.Party{Number: "+4915112345678"}, Kind: channel.Audio, Media: &channel.Media{Type: "audio/ogg; codecs=opus"}}
	if in := incoming(channel.Event{Message: &note}); in.Quiet || !in.Voice || len(in.Peers) != 1 || in.Peers[0] != note.From.Number {
		t.Errorf("of a person: %+v", in)
	}
	note.Group = "G1"
	if in := incoming(channel.Event{Message: &note}); !in.Quiet || in.Voice || len(in.Peers) != 1 || in.Peers[0] != "group G1" {
		t.Errorf("of a group: %+v", in)
	}
}
