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
						{expr: sum(of("parley_calls_live"), nodes...), legend: "{{instance}} live"},
						{expr: sum(of("parley_calls_coming"), nodes...), legend: "{{instance}} coming"},
						{expr: sum(of("parley_calls_limit"), nodes...), legend: "{{instance}} limit"},
					},
				},
			}},
			{"Processor", []box{
				{
					kind: "timeseries", title: "Processor used, of what is allowed", unit: "percentunit", bars: bars{.7, .85},
					says:    "Of GOMAXPROCS. Above 85 % frames begin to be late. Runbook ParleyProcessorBusy.",
					queries: []query{{expr: sum(rate(of("process_cpu_seconds_total")), nodes...) + " / " + sum(of("go_sched_gomaxprocs_threads"), nodes...), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Processor a call", unit: "percentunit",
					says:    "Cores that each call in progress takes, with all that the node does besides. A rise at constant calls: a change, or a neighbour on the machine.",
					queries: []query{{expr: share(sum(rate(of("process_cpu_seconds_total")), nodes...), sum("avg_over_time("+of("parley_calls_live")+"[$__rate_interval])", nodes...)+" > 0"), legend: "{{instance}}"}},
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
