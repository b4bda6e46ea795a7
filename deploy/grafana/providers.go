package main

// providers are the vendors: who fails, who is slow, and what they are used for.
func providers() board {
	kinds := by("provider", "kind")
	requests := perSecond("parley_provider_requests_total", kinds)
	first := func(q float64, name string) query {
		return query{expr: quantile(q, "parley_provider_first_seconds", kinds), legend: "{{provider}} {{kind}} " + name}
	}
	return board{
		name: "providers", title: "Parley: providers",
		about: "Recognisers, models and voices: whether they answer, how quickly, and how much of them is used.",
		rows: []row{
			{"Do they answer?", []box{
				{
					kind: "timeseries", title: "Requests that failed", unit: "percentunit", bars: bars{.01, .05},
					says:    "Of all requests, by vendor and kind. What callers cut off is no failure. Runbook ParleyProviderFailing.",
					queries: []query{{expr: share(perSecond("parley_provider_failures_total", kinds), requests), legend: "{{provider}} {{kind}}"}},
				},
				{
					kind: "timeseries", title: "Failures by class, a minute", unit: "short", stacked: true,
					says:    "auth: the key. quota: too many requests, or the bill. refused: what we ask for, such as a voice that is gone. unavailable, connection, late: theirs, or the network. overloaded: local speech. silent: text in, no sound out.",
					queries: []query{{expr: perMinute("parley_provider_failures_total", by("provider", "kind", "class")), legend: "{{provider}} {{kind}}: {{class}}"}},
				},
				{
					kind: "timeseries", title: "Fallbacks, a minute", unit: "short", bars: bars{.1, 1},
					says:    "How often another had to take over, by the one that had failed. Callers hear another voice: runbook ParleyFallbackVoice.",
					queries: []query{{expr: perMinute("parley_provider_fallbacks_total", kinds), legend: "{{provider}} {{kind}}"}},
				},
			}},
			{"Do calls get past it?", []box{
				{
					kind: "timeseries", title: "Vendors that are given a rest", unit: "short", bars: bars{1, 1}, most: 2,
					says:    "1: nothing reaches the vendor by the server's own account, since so many requests in a row have failed. 2: one does, to see how it is. Runbook ParleyVendorResting.",
					queries: []query{{expr: "max by (provider, kind) (" + of("parley_provider_breaker") + ")", legend: "{{provider}} {{kind}}"}},
				},
				{
					kind: "timeseries", title: "Requests that were not made, a minute", unit: "short", bars: bars{1, 10},
					says:    "broken: the vendor is given a rest. full: PARLEY_VENDOR_LIMITS lets no more through at once. Runbook ParleyVendorFull.",
					queries: []query{{expr: perMinute("parley_provider_turned_away_total", by("provider", "kind", "why")), legend: "{{provider}} {{kind}}: {{why}}"}},
				},
				{
					kind: "timeseries", title: "Asked twice, a minute", unit: "short",
					says: "Second tries of voices and recognisers that failed at once, and models that were asked since the one before was slow: won, if they were first. Many that are won: that model is too slow.",
					queries: []query{
						{expr: perMinute("parley_provider_retries_total", kinds), legend: "{{provider}} {{kind}} again"},
						{expr: perMinute("parley_provider_hedges_total", by("provider", "outcome")), legend: "{{provider}} as well: {{outcome}}"},
					},
				},
			}},
			{"How quickly?", []box{
				{
					kind: "timeseries", title: "Until the first of an answer (p50)", unit: "s",
					says:    "A model's first words, a voice's first sound from when it had a clause, a recogniser's words from the end of the speech.",
					queries: []query{first(.5, "")},
				},
				{
					kind: "timeseries", title: "Until the first of an answer (p95)", unit: "s", bars: bars{.8, 1.5},
					says:    "As beside. Above a second callers notice: runbook ParleyProviderSlow.",
					queries: []query{first(.95, "")},
				},
				{
					kind: "timeseries", title: "Until the first of an answer (p99)", unit: "s",
					says:    "As beside: the slowest one in a hundred.",
					queries: []query{first(.99, "")},
				},
			}},
			{"What for?", []box{
				{
					kind: "timeseries", title: "Requests, a minute", unit: "short", stacked: true,
					says:    "By outcome. cut: nobody wanted the rest, since the caller interrupted. Transcriptions count when their call ends.",
					queries: []query{{expr: perMinute("parley_provider_requests_total", by("provider", "kind", "outcome")), legend: "{{provider}} {{kind}}: {{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Tokens, a minute", unit: "short",
					says:    "Of models; cached ones are among the input, and cheaper. A rise of input at constant calls: prompts or documents have grown.",
					queries: []query{{expr: perMinute("parley_provider_tokens_total", by("provider", "type")), legend: "{{provider}} {{type}}"}},
				},
				{
					kind: "timeseries", title: "Characters spoken, a minute", unit: "short",
					says:    "That voices were given; what is known ahead, such as greetings, is made once and not counted again.",
					queries: []query{{expr: perMinute("parley_provider_characters_total", by("provider")), legend: "{{provider}}"}},
				},
				{
					kind: "timeseries", title: "Sound, seconds a second", unit: "short",
					says:    "That recognisers heard (one for each call) and voices made.",
					queries: []query{{expr: perSecond("parley_provider_audio_seconds_total", kinds), legend: "{{provider}} {{kind}}"}},
				},
				{
					kind: "timeseries", title: "Cost, dollars an hour", unit: "currencyUSD", stacked: true,
					says:    "By the list of prices (PARLEY_PRICES). What it has no price for is counted beside.",
					queries: []query{{expr: "60 * (" + perMinute("parley_provider_cost_dollars_total", kinds) + ")", legend: "{{provider}} {{kind}}"}},
				},
				{
					kind: "timeseries", title: "Uses without a price, a minute", unit: "short", bars: bars{.1, 10},
					says:    "The cost of calls lacks them: add the model to the list of prices.",
					queries: []query{{expr: perMinute("parley_provider_unpriced_total", kinds), legend: "{{provider}} {{kind}}"}},
				},
			}},
		},
	}
}
