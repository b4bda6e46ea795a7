package wire

// This file has the dialects whose sound is binary frames, and all else JSON.

// Vonage is Vonage's (developer.vonage.com, "WebSockets in the Vonage Voice API"), at 8 kHz.
var Vonage = &Dialect{
	Name: "vonage", Clears: true, linear: true, binary: true,
	hello: []string{`{"event":"websocket:connected","content-type":"audio/l16;rate=8000"$fields}`},
	mark:  `{"event":"websocket:notify","payload":{"mark":"`, markTail: `"}}`,
	key: `{"event":"websocket:dtmf","digit":"`, keyTail: `","duration":260}`,
	cleared: `{"event":"websocket:cleared"}`,
	asks:    phrase{word: "notify", begins: `{"action":"notify","payload":{"mark":"`, before: `"mark":"`},
	forget:  phrase{word: "clear", begins: `{"action":"clear"}`},
}

// Asterisk is that of Asterisk's chan_websocket (docs.asterisk.org, "WebSocket"), in JSON and mu-law.
var Asterisk = &Dialect{
	Name: "asterisk-websocket", Clears: true, Forgets: true, binary: true,
	hello: []string{
		`{"event":"MEDIA_START","connection_id":"parley","channel":"WebSocket/parley/0x1","channel_id":"$call","format":"ulaw","optimal_frame_size":160,"ptime":20,` +
			`"channel_variables":{"PARLEY_FROM":"$from","PARLEY_TO":"$to"}}`,
	},
	mark: `{"event":"MEDIA_MARK_PROCESSED","channel_id":"$call","correlation_id":"`, markTail: `"}`,
	key: `{"event":"DTMF_END","channel_id":"$call","digit":"`, keyTail: `"}`,
	asks:   phrase{word: "MARK_MEDIA", begins: `{"command":"MARK_MEDIA","correlation_id":"`, before: `"correlation_id":"`},
	forget: phrase{word: "FLUSH_MEDIA", begins: `{"command":"FLUSH_MEDIA"}`},
}

// FreeSWITCH is that of mod_audio_stream (github.com/amigniter/mod_audio_stream), at 8 kHz. It has neither marks nor a clear: servers send what is due.
var FreeSWITCH = &Dialect{
	Name: "freeswitch", linear: true, binary: true,
	hello: []string{`{"uuid":"$call","from":"$from","to":"$to"}`},
	key:   `{"event":"dtmf","digit":"`, keyTail: `"}`,
	sound: phrase{
		word: "streamAudio", begins: `{"type":"streamAudio","data":{"audioDataType":"raw","sampleRate":8000,"audioData":"`, before: `"audioData":"`, kind: "raw",
	},
}
