// Package voice serves the voice-agents contract: agents, calls and what calls leave behind.
//
//	HTTP ──▶ control.routes ──▶ Agents.List, Get, Create, Update, Delete ──▶ store.Agents ──▶ Changed (the directory reads anew)
//	                        ──▶ Tasks.List, Get, Create, Update, Delete ───▶ store.Tasks
//	                        ──▶ Tasks.Execute, Reset ──▶ Dialer ──▶ the carrier
//	                        ──▶ Calls.List, Get, Transcript, Recording ────▶ store.Calls
//	                        ──▶ Calls.Report, Retell ──▶ report.Desk ──────▶ store.Reports
//	                        ──▶ Calls.Stream (key or ticket) ──▶ archive.Archive ──▶ WAV, Opus
//	                        ──▶ Calls.End, Cancel ──▶ Live ──▶ the call's own goroutine, on whichever node
//	                        ──▶ Sockets.Serve (key, session or ticket) ──▶ live.Desk ──▶ the call's transcript, while it goes on
//
// Its types are the contract: huma makes the checks and the OpenAPI description from their tags, and what a tag cannot say, their
// Resolve does, so that every bad field of a request is named at once. Handlers decode, call and encode; they own no goroutine. Every
// row is asked for by the organisation of the key, so a foreign id is as unknown as one that never was.
//
// voicetest has the whole page as data: operations, parameters, fields, words and sample requests. The tests are driven by it, and, where
// shared/ is at hand, it is compared with the page itself.
package voice

// of is or for a text that stays where it is: a row's many texts need no memory of their own.
func of(text *string) *string {
	if *text == "" {
		return nil
	}
	return text
}
