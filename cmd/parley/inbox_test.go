package main

import (
	"testing"

	channel "parley/providers/message"
)

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
