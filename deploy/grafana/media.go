package main

// mediaQuality is what callers and agents hear of each other.
func mediaQuality() board {
	return board{
		name: "media", title: "Parley: media quality",
		about: "Does sound come and go, in time and whole, and do people understand one another?",
		rows: []row{
			{"Sound", []box{
				{
					kind: "timeseries", title: "Frames, a second", unit: "short",
					says: "Frames of 20 ms from callers and to carriers, beside 50 for each call in progress. Fewer come than expected: the carrier, or the way to it. None go while calls are up: agents are mute; look at parts that failed.",
					queries: []query{
						{expr: perSecond("parley_frames_total", by("direction")), legend: "{{direction}}"},
						{expr: "50 * " + sum(of("parley_calls_live")), legend: "expected in"},
					},
				},
				{
					kind: "timeseries", title: "How late frames leave", unit: "s", bars: bars{.005, .02},
					says: "From when a chunk was due until the carrier's socket had it. Above 20 ms callers hear gaps: the node is overloaded, or another process takes its processor. Runbook ParleyFramesLate.",
					queries: []query{
						{expr: quantile(.5, "parley_frame_lateness_seconds", nil), legend: "p50"},
						{expr: quantile(.99, "parley_frame_lateness_seconds", nil), legend: "p99"},
						{expr: quantile(.999, "parley_frame_lateness_seconds", nil), legend: "p99.9"},
					},
				},
				{
					kind: "timeseries", title: "Breaks in agents' speech, a minute", unit: "short", bars: bars{5, 30},
					says:    "dry: the voice brought no more in time; see its vendor. late: we sent it too late; see capacity. Runbook ParleySpeechBreaks.",
					queries: []query{{expr: perMinute("parley_speech_breaks_total", by("reason")), legend: "{{reason}}"}},
				},
				{
					kind: "timeseries", title: "Sound that recognisers missed", unit: "percentunit", bars: bars{.001, .01},
					says:    "Frames that were dropped before the recogniser since it was behind, of those that came. Words are lost with them. Runbook ParleyRecogniserBehind.",
					queries: []query{{expr: share(perSecond("parley_frames_dropped_total", nil), perSecond("parley_frames_total", nil, `direction="in"`)), legend: "missed"}},
				},
				{
					kind: "timeseries", title: "Faults on carriers' sockets, a minute", unit: "short",
					says:    "gaps: the caller's sound was lost on its way to us. dropped: the carrier took our messages too slowly, and the call was lost. violations, malformed: not what the protocol says. panics: a bug.",
					queries: []query{{expr: perMinute("parley_stream_faults_total", by("kind")), legend: "{{kind}}"}},
				},
				{
					kind: "timeseries", title: "Messages on carriers' sockets, a second", unit: "short",
					says:    "WebSocket messages in and out; those out hold up to 100 ms of sound each, marks and clears besides.",
					queries: []query{{expr: perSecond("parley_stream_messages_total", by("direction")), legend: "{{direction}}"}},
				},
			}},
			{"Sound by RTP", []box{
				{
					kind: "timeseries", title: "How calls sounded (MOS)", unit: "short", most: 5,
					says: "Of calls by SIP that are over: what a listener would say of the caller's sound, 1 to 4.5. Below 3.5 words are missing. p5: one call in twenty is worse. Runbook ParleyPoorSound.",
					queries: []query{
						{expr: quantile(.5, "parley_rtp_mos", nil), legend: "p50"},
						{expr: quantile(.05, "parley_rtp_mos", nil), legend: "p5"},
					},
				},
				{
					kind: "timeseries", title: "Packets lost or late", unit: "percentunit", bars: bars{.01, .05},
					says: "Of calls by SIP that are over: share of the caller's packets. Concealment hides about 5 %. Of all calls: our own network; of some: their trunk.",
					queries: []query{
						{expr: quantile(.5, "parley_rtp_loss_ratio", nil), legend: "p50"},
						{expr: quantile(.95, "parley_rtp_loss_ratio", nil), legend: "p95"},
					},
				},
				{
					kind: "timeseries", title: "Jitter", unit: "s", bars: bars{.03, .1},
					says: "Of calls by SIP that are over: by how much the time varied that the caller's packets took. What varies is waited for: answers come later by as much.",
					queries: []query{
						{expr: quantile(.5, "parley_rtp_jitter_seconds", nil), legend: "p50"},
						{expr: quantile(.95, "parley_rtp_jitter_seconds", nil), legend: "p95"},
					},
				},
			}},
			{"Understanding", []box{
				{
					kind: "timeseries", title: "Silence and noise, a minute", unit: "short",
					says:    "fell_silent: nobody spoke for too long. drifted: sound, but no speech (hold music). echo: the far end returned the agent's own words; set --echo-tail. Many fell_silent on answered calls: one side does not hear the other.",
					queries: []query{{expr: perMinute("parley_events_total", by("kind"), `kind=~"fell_silent|drifted|echo"`), legend: "{{kind}}"}},
				},
				{
					kind: "timeseries", title: "Interruptions, a minute", unit: "short",
					says:    "interrupted: callers cut agents off. false_alarm: an agent paused for nothing and went on; many of them sound unsure, raise manners.barge_in. backchannel: \"mhm\", rightly not taken for an interruption.",
					queries: []query{{expr: perMinute("parley_events_total", by("kind"), `kind=~"interrupted|false_alarm|backchannel"`), legend: "{{kind}}"}},
				},
				{
					kind: "timeseries", title: "Barge-in: decision to clear", unit: "s", bars: bars{.005, .05},
					says: "From the decision that the caller interrupts until the carrier was told to be silent. Above 50 ms agents talk over people: runbook ParleySlowBargeIn.",
					queries: []query{
						{expr: quantile(.5, "parley_clear_seconds", nil), legend: "p50"},
						{expr: quantile(.99, "parley_clear_seconds", nil), legend: "p99"},
					},
				},
				{
					kind: "timeseries", title: "Turns that were cut", unit: "percentunit", most: 1,
					says:    "Of answers to words, how many callers interrupted. A rise after a change of prompt: the agent talks too long.",
					queries: []query{{expr: share(perSecond("parley_turns_total", nil, `why="words"`, `cut="yes"`), perSecond("parley_turns_total", nil, `why="words"`)), legend: "cut"}},
				},
				{
					kind: "timeseries", title: "From the answer to the greeting (p95)", unit: "s", bars: bars{.5, 2},
					says:    "agent: all that the call needs was there. greeting: its first frame went out. A long agent stage: a vendor's socket opens slowly, or models are loading after a start.",
					queries: []query{{expr: quantile(.95, "parley_call_setup_seconds", by("stage")), legend: "{{stage}}"}},
				},
				{
					kind: "timeseries", title: "Parts of calls that failed, a minute", unit: "short",
					says:    "What callers may have noticed: an apology, or silence. responder, voice and transcriber are vendors; ear and tap are ours: runbook ParleyCallPartsFailing.",
					queries: []query{{expr: perMinute("parley_call_faults_total", by("part")), legend: "{{part}}"}},
				},
			}},
			{"Calls and recordings", []box{
				{
					kind: "timeseries", title: "Length of calls", unit: "s",
					says: "Of calls that ended. A p50 that falls to seconds: people hang up on what they hear.",
					queries: []query{
						{expr: quantile(.5, "parley_call_duration_seconds", nil), legend: "p50"},
						{expr: quantile(.95, "parley_call_duration_seconds", nil), legend: "p95"},
					},
				},
				{
					kind: "timeseries", title: "Recordings, a minute", unit: "short",
					says:    "not_recorded and cut_short: the disk of the data directory is full or slow. Calls go on without. Runbook ParleyRecordingsFailing.",
					queries: []query{{expr: perMinute("parley_recordings_total", by("outcome")), legend: "{{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Frames lost by recordings, a second", unit: "short", bars: bars{1, 50},
					says:    "Told of when a call ends. The disk does not keep up.",
					queries: []query{{expr: perSecond("parley_recording_frames_lost_total", nil), legend: "lost"}},
				},
				{
					kind: "timeseries", title: "Tools, a minute", unit: "short",
					says:    "What models asked for; error: they were told that it failed. The server's log says which tool, and why.",
					queries: []query{{expr: perMinute("parley_tools_total", by("outcome")), legend: "{{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Searches of documents (p95)", unit: "s", bars: bars{.15, .5},
					says:    "By outcome. late: the answer did not wait for it (--knowledge-budget). Slow ones: the server of the vectors.",
					queries: []query{{expr: quantile(.95, "parley_knowledge_search_seconds", by("outcome")), legend: "{{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Searches of documents, a minute", unit: "short",
					says:    "By outcome. Many empty: the documents do not have what callers ask.",
					queries: []query{{expr: "60 * (" + observed("parley_knowledge_search_seconds", by("outcome")) + ")", legend: "{{outcome}}"}},
				},
			}},
		},
	}
}
