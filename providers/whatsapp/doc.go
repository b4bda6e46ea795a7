// Package whatsapp speaks with Meta's WhatsApp Cloud API: messages, files and the signalling of calls.
//
//	Meta ──POST webhook──▶ Signed(secret, header, body) ─▶ Parse ─▶ message.Event: to be written down before 200 is said
//	Number.Send ──POST /{number}/messages──▶ a message.Receipt; how far it comes is told by statuses
//	Number.Upload, Fetch ── /{number}/media, /{media} ──▶ files       Number.Profile, Account.Apps ──▶ is all set up?
//	Number.Accept, Connect ... ──POST /{number}/calls──▶ calls, whose sound is WebRTC's: Calls holds them, by the Peers of media/webrtc
//
// Meta tells an event again and again until 200 is said, in any order, some of them together. Event.Key is the same each time.
//
// Meta knows no idempotent requests: where the answer to a message is lost nobody knows whether it was sent, and it is not sent again. Refusals
// are sorted by their codes (refuse.go); those that pass soon are waited for, within Number.Patience.
//
// Sources: developers.facebook.com/docs/whatsapp/cloud-api, github.com/facebook/openapi (business-messaging-api_v23.0.yaml), and
// shared/wire/whatsapp.md, which says what of this nobody has confirmed. Reading is lenient there: what is missing is left out, a type that
// nobody knows is a message of kind Unknown.
package whatsapp
