package main

// capacity is how much of a node is used, and what is turned away.
func capacity() board {
	nodes := by("instance")
	return board{
		name: "capacity", title: "Parley: capacity",
		about: "Processor, memory and limits of each node, and what is refused because of them.",
		rows: []row{
			{"Calls", []box{
				{
					kind: "timeseries", title: "Calls against the limit", unit: "short",
					says: "In progress, on their way, and the most that a node takes (--max-calls). Runbook ParleyNearLimit.",
					queries: []query{
						{expr: sum(of("parley_admission_calls"), "instance", "state"), legend: "{{instance}} {{state}}"},
						{expr: sum(of("parley_calls_limit"), nodes...), legend: "{{instance}} limit"},
					},
				},
				{
					kind: "timeseries", title: "How near to their bars the signals are", unit: "percentunit", bars: bars{.9, 1},
					says:    "At 1 calls are refused: calls (--max-calls), cpu (--max-cpu), lateness (--max-lateness), speech (--max-speech-wait). The first to get there is what this node lacks.",
					queries: []query{{expr: "max by (instance, signal) (" + of("parley_admission_load") + ")", legend: "{{instance}} {{signal}}"}},
				},
				{
					kind: "timeseries", title: "Calls refused for want of room, a minute", unit: "short", stacked: true,
					says:    "By reason. Runbook ParleyCallsRefused.",
					queries: []query{{expr: perMinute("parley_admission_refused_total", by("reason")), legend: "{{reason}}"}},
				},
			}},
			{"Processor", []box{
				{
					kind: "timeseries", title: "Processor used, of what is allowed", unit: "percentunit", bars: bars{.7, .85},
					says:    "Of those that the process may use and its quota pays for. Above 85 % frames begin to be late. Runbook ParleyProcessorBusy.",
					queries: []query{{expr: sum(rate(of("process_cpu_seconds_total")), nodes...) + " / " + sum(of("parley_processors"), nodes...), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "What a call costs", unit: "percentunit",
					says:    "Of a processor, and of a worker of local speech, as admission has learnt it. A rise at constant calls: a change, or a neighbour on the machine.",
					queries: []query{{expr: "max by (instance, of) (" + of("parley_admission_call_cost") + ")", legend: "{{instance}} {{of}}"}},
				},
				{
					kind: "timeseries", title: "Others wait for a processor", unit: "percentunit", bars: bars{.2, .5},
					says:    "Share of the last 10 s in which somebody on the machine waited for a processor, as the kernel tells it; 0 where it does not. High while this node is idle: a neighbour.",
					queries: []query{{expr: orZero("max(" + of("parley_processor_pressure_ratio") + ")"), legend: "waiting"}},
				},
				{
					kind: "timeseries", title: "Goroutines wait for a processor (p99)", unit: "s", bars: bars{.005, .02},
					says:    "Go's scheduling latency. It rises before frames are late.",
					queries: []query{{expr: quantile(.99, "go_sched_latencies_seconds", nodes), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Pauses of garbage collection (p99)", unit: "s", bars: bars{.001, .01},
					says:    "How long all goroutines stood still.",
					queries: []query{{expr: quantile(.99, "go_sched_pauses_total_gc_seconds", nodes), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Collections of garbage, a minute", unit: "short",
					says:    "Frames allocate nothing; what is allocated comes of requests, turns and set-up.",
					queries: []query{{expr: perMinute("go_gc_cycles_total_gc_cycles_total", nodes), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Goroutines", unit: "short",
					says:    "They follow the calls and come back to their base. Growth without calls is a leak: take a profile (--debug-addr).",
					queries: []query{{expr: sum(of("go_goroutines"), nodes...), legend: "{{instance}}"}},
				},
			}},
			{"Local speech", []box{
				{
					kind: "timeseries", title: "Workers of local speech that are busy", unit: "percentunit", bars: bars{.7, .9},
					says:    "With what callers wait for. At 1 answers wait for a worker: runbook ParleySpeechOverloaded. 0 where vendors do it all.",
					queries: []query{{expr: orZero(share(sum(rate(of("parley_speech_busy_seconds_total"))), sum(of("parley_speech_workers")))), legend: "busy"}},
				},
				{
					kind: "timeseries", title: "Wait for a worker", unit: "s", bars: bars{.5, 1},
					says: "Of finished sentences of callers, and of clauses to be spoken.",
					queries: []query{
						{expr: quantile(.5, "parley_speech_wait_seconds", nil), legend: "p50"},
						{expr: quantile(.9, "parley_speech_wait_seconds", nil), legend: "p90"},
						{expr: quantile(.99, "parley_speech_wait_seconds", nil), legend: "p99"},
					},
				},
				{
					kind: "timeseries", title: "Work for each second of sound", unit: "short", bars: bars{.7, 1},
					says:    "Seconds of a worker that local speech takes for a second of sound, heard or made: its real-time factor. Above 1 a worker is slower than people speak.",
					queries: []query{{expr: share(sum(rate(of("parley_speech_busy_seconds_total"))), perSecond("parley_provider_audio_seconds_total", nil, `provider="local"`)), legend: "factor"}},
				},
			}},
			{"Memory and descriptors", []box{
				{
					kind: "timeseries", title: "Memory", unit: "bytes",
					says: "Resident, and Go's heap in use. Models of local speech take some 200 MB beside the heap.",
					queries: []query{
						{expr: sum(of("process_resident_memory_bytes"), nodes...), legend: "{{instance}} resident"},
						{expr: sum(of("go_memstats_heap_inuse_bytes"), nodes...), legend: "{{instance}} heap"},
					},
				},
				{
					kind: "timeseries", title: "Descriptors used, of what is allowed", unit: "percentunit", bars: bars{.7, .9},
					says:    "A call takes three or four. At the limit calls fail: raise LimitNOFILE. Runbook ParleyDescriptorsShort.",
					queries: []query{{expr: sum(of("process_open_fds"), nodes...) + " / " + sum(of("process_max_fds"), nodes...), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Version", unit: "short",
					says:    "Nodes by version: more than one only while nodes are being replaced.",
					queries: []query{{expr: "count by (version) (" + of("parley_build_info") + ")", legend: "{{version}}"}},
				},
			}},
		},
	}
}
