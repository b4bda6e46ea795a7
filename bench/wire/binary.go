package wire

// This file has the dialects whose sound is binary frames, and all else JSON.

// Vonage is Vonage's (developer.vonage.com, "WebSockets in the Vonage Voice API"), at 8 kHz.
var Vonage = &Dialect{
	Name: "vonage", Clears: true, Pieces: true, linear: true, binary: true,
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

// Genesys is Genesys' AudioHook, version 2 (developer.genesys.cloud, AudioHook): either side numbers its texts, and open is the first. It tells nothing of
// what has sounded.
var Genesys = &Dialect{
	Name: "genesys", Clears: true, Opens: true, uuids: true, binary: true,
	hello: []string{
		`{"version":"2","type":"open","seq":1,"serverseq":0,"position":"PT0.000S","id":"$call","parameters":{"organizationId":"$account","conversationId":"$stream",` +
			`"participant":{"id":"$stream","ani":"$from","aniName":"","dnis":"$to"},"media":[{"type":"audio","format":"PCMU","channels":["external"],"rate":8000}],` +
			`"language":"en-US","inputVariables":{}}}`,
	},
	key: `{"version":"2","type":"dtmf",$numbers,"id":"$call","parameters":{"digit":"`, keyTail: `"}}`,
	stop:   `{"version":"2","type":"close",$numbers,"id":"$call","parameters":{"reason":"end"}}`,
	forget: phrase{word: "event"},
	opened: phrase{word: "opened"},
	leave:  phrase{word: "disconnect"},
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
