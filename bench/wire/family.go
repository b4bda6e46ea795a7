package wire

// This file has the dialects whose sound is base64 in JSON.

// Twilio is Twilio's (twilio.com/docs/voice/media-streams/websocket-messages).
var Twilio = &Dialect{
	Name: "twilio", Clears: true,
	hello: []string{
		`{"event":"connected","protocol":"Call","version":"1.0.0"}`,
		`{"event":"start","sequenceNumber":"100000","start":{"accountSid":"$account","streamSid":"$stream","callSid":"$call","tracks":["inbound"],` +
			`"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":$params},"streamSid":"$stream"}`,
	},
	media:     `{"event":"media","sequenceNumber":"100000","media":{"track":"inbound","chunk":"100000","timestamp":"1000000","payload":"`,
	mediaTail: `"},"streamSid":"$stream"}`,
	counts:    []count{{"sequenceNumber", 1}, {"chunk", 1}, {"timestamp", 20}},
	mark:      `{"event":"mark","sequenceNumber":"1","streamSid":"$stream","mark":{"name":"`, markTail: `"}}`,
	key: `{"event":"dtmf","streamSid":"$stream","sequenceNumber":"1","dtmf":{"track":"inbound_track","digit":"`, keyTail: `"}}`,
	stop:   `{"event":"stop","sequenceNumber":"1","streamSid":"$stream","stop":{"accountSid":"$account","callSid":"$call"}}`,
	sound:  phrase{word: "media", begins: `{"event":"media","streamSid":"`, before: `"payload":"`},
	asks:   phrase{word: "mark", begins: `{"event":"mark","streamSid":"`, before: `"name":"`},
	forget: phrase{word: "clear", begins: `{"event":"clear","streamSid":"`},
}

// SignalWire is SignalWire's: Twilio's, word for word.
var SignalWire = named("signalwire", *Twilio)

// named is a dialect by another name.
func named(name string, d Dialect) *Dialect {
	d.Name = name
	return &d
}

// Telnyx is Telnyx' (developers.telnyx.com, "Stream call media over WebSocket").
var Telnyx = &Dialect{
	Name: "telnyx", Clears: true, uuids: true,
	hello: []string{
		`{"event":"connected","version":"1.0.0"}`,
		`{"event":"start","sequence_number":"100000","stream_id":"$stream","start":{"user_id":"$account","call_control_id":"$call","call_session_id":"$stream",` +
			`"from":"$from","to":"$to","client_state":"","media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}}}`,
	},
	media:     `{"event":"media","sequence_number":"100000","stream_id":"$stream","media":{"track":"inbound","chunk":"100000","timestamp":"1000000","payload":"`,
	mediaTail: `"}}`,
	counts:    []count{{"sequence_number", 1}, {"chunk", 1}, {"timestamp", 20}},
	mark:      `{"event":"mark","sequence_number":"1","stream_id":"$stream","mark":{"name":"`, markTail: `"}}`,
	key: `{"event":"dtmf","sequence_number":"1","stream_id":"$stream","dtmf":{"digit":"`, keyTail: `"}}`,
	stop:   `{"event":"stop","sequence_number":"1","stream_id":"$stream","stop":{"user_id":"$account","call_control_id":"$call"}}`,
	sound:  phrase{word: "media", begins: `{"event":"media","media":{"payload":"`, before: `"payload":"`},
	asks:   phrase{word: "mark", begins: `{"event":"mark","mark":{"name":"`, before: `"name":"`},
	forget: phrase{word: "clear", begins: `{"event":"clear"}`},
}

// Plivo is Plivo's, as clients of others' have it. Its timestamps are the world's clock, which nobody here compares.
var Plivo = &Dialect{
	Name: "plivo", Clears: true, Forgets: true, uuids: true,
	hello: []string{
		`{"sequenceNumber":100000,"event":"start","start":{"callId":"$call","streamId":"$stream","accountId":"$account","tracks":["inbound"],` +
			`"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"{}"}`,
	},
	media:     `{"sequenceNumber":100000,"streamId":"$stream","event":"media","media":{"track":"inbound","timestamp":"1778597597071","chunk":100000,"payload":"`,
	mediaTail: `"},"extra_headers":"{}"}`,
	counts:    []count{{"sequenceNumber", 1}, {"timestamp", 20}, {"chunk", 1}},
	mark:      `{"event":"playedStream","sequenceNumber":1,"streamId":"$stream","name":"`, markTail: `"}`,
	key: `{"event":"dtmf","streamId":"$stream","sequenceNumber":1,"dtmf":{"track":"inbound","digit":"`, keyTail: `","timestamp":"1778597598123"}}`,
	cleared: `{"sequenceNumber":1,"event":"clearedAudio","streamId":"$stream"}`,
	stop:    `{"event":"stop","sequenceNumber":1,"streamId":"$stream","stop":{"callId":"$call"}}`,
	sound: phrase{
		word: "playAudio", begins: `{"event":"playAudio","media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"`, before: `"payload":"`, kind: "audio/x-mulaw",
	},
	asks:   phrase{word: "checkpoint", begins: `{"event":"checkpoint","streamId":"`, before: `"name":"`},
	forget: phrase{word: "clearAudio", begins: `{"event":"clearAudio","streamId":"`},
}

// Exotel is Exotel's (developer.exotel.com, AgentStream, "WebSocket protocol"). It speaks every 20 ms, as all do here, where Exotel's own messages are of
// about 100 ms.
var Exotel = &Dialect{
	Name: "exotel", Clears: true, linear: true,
	hello: []string{
		`{"event":"connected"}`,
		`{"event":"start","sequence_number":"100000","stream_sid":"$stream","start":{"stream_sid":"$stream","call_sid":"$call","account_sid":"$account",` +
			`"from":"$from","to":"$to","custom_parameters":$params,"media_format":{"encoding":"audio/x-raw","sample_rate":"8000","bit_rate":"16"}}}`,
	},
	media:     `{"event":"media","sequence_number":"100000","stream_sid":"$stream","media":{"chunk":"100000","timestamp":"1000000","payload":"`,
	mediaTail: `"}}`,
	counts:    []count{{"sequence_number", 1}, {"chunk", 1}, {"timestamp", 20}},
	mark:      `{"event":"mark","sequence_number":"1","stream_sid":"$stream","mark":{"name":"`, markTail: `"}}`,
	key: `{"event":"dtmf","sequence_number":"1","stream_sid":"$stream","dtmf":{"digit":"`, keyTail: `","duration":"100"}}`,
	stop:   `{"event":"stop","sequence_number":"1","stream_sid":"$stream","stop":{"call_sid":"$call","account_sid":"$account","reason":"callended"}}`,
	sound:  phrase{word: "media", begins: `{"event":"media","stream_sid":"`, before: `"payload":"`},
	asks:   phrase{word: "mark", begins: `{"event":"mark","stream_sid":"`, before: `"name":"`},
	forget: phrase{word: "clear", begins: `{"event":"clear","stream_sid":"`},
}
