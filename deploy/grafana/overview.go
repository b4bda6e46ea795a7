package main

// Causes of a call's end that are our fault, or a vendor's.
const failures = `cause=~"provider|carrier|media|panic|overrun|rejected|shutdown"`

// overview answers the four questions of 3 a.m., and shows below each answer how it came about.
func overview() board {
	return board{
		name: "overview", title: "Parley: overview",
		about: "Are calls up, are they heard, are they quick, and which vendor hurts? One panel each; what is red has a dashboard of its own.",
		rows: []row{
			{"The four questions", []box{up(), heard(), quick(), hurts()}},
			{"Calls", []box{
				{
					kind: "timeseries", title: "Calls in progress", unit: "short", stacked: true,
					says:    "Calls by direction. A sudden drop to none while calls still start: look at how they end. None start: is the carrier's webhook reachable from outside?",
					queries: []query{{expr: sum(of("parley_calls_live"), "direction"), legend: "{{direction}}"}},
				},
				{
					kind: "timeseries", title: "How calls end, a minute", unit: "short", stacked: true,
					says:    "Ended calls by cause. provider, panic and overrun are bugs or vendors: runbook ParleyCallsFailing. carrier is the telephone network, or our node too late for it; media: sound stopped coming though nobody hung up.",
					queries: []query{{expr: perMinute("parley_calls_total", by("cause")), legend: "{{cause}}"}},
				},
				{
					kind: "timeseries", title: "Calls refused, a minute", unit: "short", stacked: true,
					says: "Calls that were turned away, by reason. lateness, cpu and speech: the node is at its limit, add one. signature and token: somebody who is not the carrier, or a wrong auth token.",
					queries: []query{
						{expr: perMinute("parley_admission_refused_total", by("reason")), legend: "{{reason}}"},
						{expr: perMinute("parley_stream_refused_total", by("reason")), legend: "stream: {{reason}}"},
					},
				},
			}},
			{"Answers", []box{
				{
					kind: "timeseries", title: "Voice to voice", unit: "s", bars: bars{1, 1.5},
					says: "From the caller's last voiced frame to the agent's first, as on the wire. Above a second callers say \"hello?\". The stages beside tell whose it is.",
					queries: []query{
						{expr: quantile(.5, "parley_turn_latency_seconds", nil, `stage="voice_to_voice"`), legend: "p50"},
						{expr: quantile(.95, "parley_turn_latency_seconds", nil, `stage="voice_to_voice"`), legend: "p95"},
						{expr: quantile(.99, "parley_turn_latency_seconds", nil, `stage="voice_to_voice"`), legend: "p99"},
					},
				},
				{
					kind: "timeseries", title: "Where an answer's time goes (p95)", unit: "s",
					says:    "endpoint: deciding that the caller has finished (manners.hangover). transcript: the recogniser. first_token: the model. first_audio: the voice. first_frame: ourselves; above 20 ms the node is overloaded.",
					queries: []query{{expr: quantile(.95, "parley_turn_latency_seconds", by("stage"), `stage!="voice_to_voice"`), legend: "{{stage}}"}},
				},
				{
					kind: "timeseries", title: "Failures of vendors, a minute", unit: "short", stacked: true,
					says:    "Requests that failed, by vendor and class. auth and quota: the key or the bill. unavailable and late: the vendor's status page; calls fall back to local speech where it is loaded.",
					queries: []query{{expr: perMinute("parley_provider_failures_total", by("provider", "kind", "class")), legend: "{{provider}} {{kind}}: {{class}}"}},
				},
			}},
			{"Nodes", []box{
				{
					kind: "timeseries", title: "Nodes that accept calls", unit: "short",
					says: "Nodes that are scraped, that accept calls, and that drain. Fewer accepting than running, and none draining: they are full or too late; see capacity.",
					queries: []query{
						{expr: orZero("count(" + of("parley_build_info") + ")"), legend: "running"},
						{expr: orZero(sum(of("parley_accepting"))), legend: "accepting"},
						{expr: orZero(sum(of("parley_draining"))), legend: "draining"},
					},
				},
				{
					kind: "timeseries", title: "Turns, a minute", unit: "short", stacked: true,
					says:    "What agents speak for. A rising share of silence: callers are not heard, or do not hear.",
					queries: []query{{expr: perMinute("parley_turns_total", by("why")), legend: "{{why}}"}},
				},
				{
					kind: "stat", title: "Alerts that fire", unit: "short", bars: bars{1, 2},
					says:    "Parley's alerts that fire now, as Prometheus evaluates them; each names its runbook in docs/runbooks.",
					queries: []query{{expr: orZero(`count(ALERTS{alertname=~"Parley.+",alertstate="firing"})`), legend: "firing"}},
				},
			}},
		},
	}
}

func up() box {
	ended := perSecond("parley_calls_total", nil)
	return box{
		kind: "stat", title: "Are calls up?", unit: "short", w: 12, h: 7, bars: bars{},
		says: "Calls in progress, started and refused a minute, the share of those that ended which failed, and nodes that take no further ones. Red: runbooks ParleyCallsFailing, ParleyCallsRefused, ParleyNotAccepting.",
		queries: []query{
			{expr: orZero(sum(of("parley_calls_live"))), legend: "live"},
			{expr: perMinute("parley_calls_started_total", nil), legend: "started a minute"},
			{expr: share(perSecond("parley_calls_total", nil, failures), ended), legend: "failed", unit: "percentunit", bars: bars{.01, .05}},
			{expr: orZero(perMinute("parley_admission_refused_total", nil)), legend: "refused a minute", bars: bars{1, 10}},
			{expr: orZero("count(" + of("parley_accepting") + " == 0)"), legend: "nodes not accepting", bars: bars{1, 2}},
		},
	}
}

func heard() box {
	in := perSecond("parley_frames_total", nil, `direction="in"`)
	return box{
		kind: "stat", title: "Are they heard?", unit: "short", w: 12, h: 7,
		says: "Sound that comes against the 50 frames a second that each call should bring; breaks in agents' speech; sound that recognisers missed; how late frames leave; failed recordings; parts of calls that failed. Red: the dashboard media quality.",
		queries: []query{
			{expr: "clamp_max((" + in + " / (50 * " + sum("avg_over_time("+of("parley_calls_live")+"[$__rate_interval])") + " > 0)) or vector(1), 1)", legend: "sound that comes", unit: "percentunit", bars: bars{.9, .7}},
			{expr: perMinute("parley_speech_breaks_total", nil), legend: "breaks a minute", bars: bars{5, 30}},
			{expr: share(perSecond("parley_frames_dropped_total", nil), in), legend: "not recognised", unit: "percentunit", bars: bars{.001, .01}},
			{expr: quantile(.99, "parley_frame_lateness_seconds", nil), legend: "frames late (p99)", unit: "s", bars: bars{.005, .02}},
			{expr: perMinute("parley_recordings_total", nil, `outcome!="recorded"`), legend: "recordings failed a minute", bars: bars{.1, 1}},
			{expr: perMinute("parley_call_faults_total", nil), legend: "parts failed a minute", bars: bars{1, 10}},
		},
	}
}

func quick() box {
	return box{
		kind: "stat", title: "Are they quick?", unit: "s", w: 12, h: 7, bars: bars{1, 1.5},
		says: "From the caller's last word to the agent's first (voice to voice), from the answer to the greeting, and from the decision that the caller interrupts to silence on the wire. Red: runbooks ParleySlowAnswers, ParleySlowBargeIn.",
		queries: []query{
			{expr: quantile(.5, "parley_turn_latency_seconds", nil, `stage="voice_to_voice"`), legend: "voice to voice (p50)", bars: bars{.8, 1.2}},
			{expr: quantile(.95, "parley_turn_latency_seconds", nil, `stage="voice_to_voice"`), legend: "voice to voice (p95)"},
			{expr: quantile(.95, "parley_call_setup_seconds", nil, `stage="greeting"`), legend: "greeting (p95)"},
			{expr: quantile(.99, "parley_clear_seconds", nil), legend: "barge-in: clear (p99)", bars: bars{.005, .05}},
		},
	}
}

func hurts() box {
	kinds := by("provider", "kind")
	requests := perSecond("parley_provider_requests_total", kinds)
	return box{
		kind: "table", title: "Which vendor hurts?", unit: "short", w: 12, h: 7,
		says: "Each vendor in use: requests a minute, the share that failed, how long the first of the answer took (p95), and how often another had to take over. Red: runbooks ParleyProviderFailing, ParleyProviderSlow.",
		queries: []query{
			{expr: "60 * " + requests, legend: "requests a minute"},
			{expr: share(perSecond("parley_provider_failures_total", kinds), requests), legend: "failed", unit: "percentunit", bars: bars{.01, .05}},
			{expr: quantile(.95, "parley_provider_first_seconds", kinds), legend: "first (p95)", unit: "s", bars: bars{.8, 1.5}},
			{expr: perMinute("parley_provider_fallbacks_total", kinds), legend: "fallbacks a minute", bars: bars{.1, 1}},
		},
	}
}
