// Package stream is the carrier's end of a call over a WebSocket: Twilio Media Streams, and its cousins.
//
//	POST /twilio/voice ──▶ Voice: signature, token ──▶ TwiML <Connect><Stream>
//	GET  /twilio/media ──▶ Media: signature, upgrade ──▶ start, token ──▶ Answer(ctx, Leg)
//
//	socket ──▶ frames ──▶ tokenizer ──▶ base64, mu-law ──▶ Leg.Receive        (the call's reading goroutine)
//	socket ◀── outbox ◀── prebuilt message, base64, mu-law ◀── Leg.Send       (Playout's beat)
//	             └─ a goroutine only while something is queued
//
// gorilla/websocket makes the upgrade; from then on the framing is our own, in fixed buffers on the net.Conn, and neither way
// allocates. The socket's goroutine owns it: the call runs in it, and it returns only when the goroutine of the outbox
// has ended and the connection is closed. What a carrier says is in one file a dialect (twilio.go); everything else is shared.
package stream
