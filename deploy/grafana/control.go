package main

// controlPlane is the API, records, dialling, webhooks and what nodes have between them.
func controlPlane() board {
	requests := perSecond("parley_http_requests_total", nil)
	return board{
		name: "control", title: "Parley: control plane",
		about: "The API, the records of calls, the database, dialling, webhooks, and other nodes.",
		rows: []row{
			{"API", []box{
				{
					kind: "timeseries", title: "Requests, a second", unit: "reqps", stacked: true,
					says:    "By class of status. 4xx: clients' own. 5xx: runbook ParleyAPIErrors.",
					queries: []query{{expr: perSecond("parley_http_requests_total", by("class")), legend: "{{class}}"}},
				},
				{
					kind: "timeseries", title: "Requests that failed", unit: "percentunit", bars: bars{.01, .05},
					says:    "5xx of all requests. 503 while the database is away is meant so.",
					queries: []query{{expr: share(orZero(perSecond("parley_http_requests_total", nil, `class="5xx"`)), requests), legend: "5xx"}},
				},
				{
					kind: "timeseries", title: "The slowest routes (p95)", unit: "s", bars: bars{.5, 2},
					says:    "Ten of them. All slow: the database, or the node's processor. One: its query.",
					queries: []query{{expr: "topk(10, " + quantile(.95, "parley_http_request_duration_seconds", by("method", "route")) + ")", legend: "{{method}} {{route}}"}},
				},
			}},
			{"Records and database", []box{
				{
					kind: "timeseries", title: "Records that wait", unit: "short", bars: bars{1000, 10000},
					says:    "Entries that the database does not have yet. They are on disk and lose nothing, but reports are behind. Runbook ParleyRecordsWaiting.",
					queries: []query{{expr: sum(of("parley_records_waiting"), "instance"), legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Age of the oldest record that waits", unit: "s", bars: bars{10, 60},
					says:    "Grows by a second a second while the database takes none.",
					queries: []query{{expr: "max by (instance) (" + of("parley_records_oldest_seconds") + ")", legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "Records lost, refused, damaged", unit: "short", bars: bars{1, 1.5},
					says: "Over the last hour; each is a fault. lost: neither disk nor memory could hold them. refused: the database will never take them (refused.jsonl). damaged: the spool could not be read. Runbook ParleyRecordsLost.",
					queries: []query{
						{expr: sum("increase(" + of("parley_records_lost_total") + "[1h])"), legend: "lost"},
						{expr: sum("increase(" + of("parley_records_refused_total") + "[1h])"), legend: "refused"},
						{expr: sum("increase(" + of("parley_records_damaged_total") + "[1h])"), legend: "damaged"},
					},
				},
				{
					kind: "timeseries", title: "Database and disk take records", unit: "short", most: 1.2,
					says: "1: they do, on every node. 0: runbooks ParleyDatabaseDown, ParleySpoolDown; calls go on.",
					queries: []query{
						{expr: "min(" + of("parley_database_up") + ")", legend: "database"},
						{expr: "min(" + of("parley_spool_up") + ")", legend: "disk"},
					},
				},
				{
					kind: "timeseries", title: "Connections to the database", unit: "short",
					says: "By pool. used at the limit: statements wait; beside is how long.",
					queries: []query{
						{expr: sum(of("parley_database_connections"), "pool", "state"), legend: "{{pool}} {{state}}"},
						{expr: sum(of("parley_database_connections_limit"), "pool"), legend: "{{pool}} limit"},
					},
				},
				{
					kind: "timeseries", title: "Wait for a connection", unit: "s", bars: bars{.01, .1},
					says:    "Average over the statements that waited, by pool. Runbook ParleyDatabaseBusy.",
					queries: []query{{expr: share(perSecond("parley_database_wait_seconds_total", by("pool")), perSecond("parley_database_waits_total", by("pool"))), legend: "{{pool}}"}},
				},
			}},
			{"Dialling", []box{
				{
					kind: "timeseries", title: "Calls that carriers were asked for, a minute", unit: "short",
					says:    "By their answer. refused: numbers or accounts that they do not want. untaken: asked again later. lost: looked into, never placed twice.",
					queries: []query{{expr: perMinute("parley_dial_requests_total", by("outcome")), legend: "{{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Calls that did not come about, a minute", unit: "short", stacked: true,
					says:    "By cause. busy and no_answer are tried again as the organisation's rules say. unplaced: the log of the task says why. crash: a node died with the call.",
					queries: []query{{expr: perMinute("parley_dials_settled_total", by("cause")), legend: "{{cause}}"}},
				},
				{
					kind: "timeseries", title: "How late tasks are begun (p95)", unit: "s", bars: bars{60, 300},
					says:    "From when they were due. Long: limits of organisations (dial rules) or of the node are below what is planned. Runbook ParleyTasksLate.",
					queries: []query{{expr: quantile(.95, "parley_task_wait_seconds", nil), legend: "p95"}},
				},
				{
					kind: "timeseries", title: "Calls being asked for", unit: "short",
					says:    "That this node has in hand, of 64 at most.",
					queries: []query{{expr: sum(of("parley_dials_in_hand"), "instance"), legend: "{{instance}}"}},
				},
			}},
			{"Webhooks", []box{
				{
					kind: "timeseries", title: "Tries of webhooks, a minute", unit: "short", stacked: true,
					says:    "By outcome. The log (GET /api/v1/webhooks/deliveries) has each try. Runbook ParleyWebhooksFailing.",
					queries: []query{{expr: "60 * (" + observed("parley_webhook_seconds", by("outcome")) + ")", legend: "{{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Time of a webhook (p95)", unit: "s", bars: bars{2, 9},
					says:    "Until the endpoint answered; at 10 s it is given up.",
					queries: []query{{expr: quantile(.95, "parley_webhook_seconds", nil), legend: "p95"}},
				},
				{
					kind: "timeseries", title: "Webhooks being sent", unit: "short",
					says:    "That this node has in hand, of 256 at most, 4 to one host.",
					queries: []query{{expr: sum(of("parley_webhooks_sending"), "instance"), legend: "{{instance}}"}},
				},
			}},
			{"Messages", []box{
				{
					kind: "timeseries", title: "Webhooks of channels, a minute", unit: "short", stacked: true,
					says:    "Of WhatsApp. refused: not signed by the channel, or of a bot that is not set up: runbook ParleyInboxRefusing. busy: the database is away, and the channel comes again.",
					queries: []query{{expr: perMinute("parley_inbox_webhooks_total", by("outcome")), legend: "{{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Messages that wait", unit: "short", bars: bars{20, 200},
					says:    "Jobs that are due and not taken, of all nodes: event, what webhooks brought; hear, voice notes; reply, bots' answers; send, messages of ours.",
					queries: []query{{expr: "max by (kind) (" + of("parley_inbox_jobs_waiting") + ")", legend: "{{kind}}"}},
				},
				{
					kind: "timeseries", title: "How long the first of them waits", unit: "s", bars: bars{30, 60},
					says:    "By kind. Runbook ParleyInboxWaiting.",
					queries: []query{{expr: "max by (kind) (" + of("parley_inbox_oldest_seconds") + ")", legend: "{{kind}}"}},
				},
				{
					kind: "timeseries", title: "What became of messages, a minute", unit: "short",
					says:    "By kind of work. put_off: tried again later. failed: never; the conversation shows why a message was not sent. Runbook ParleyInboxFailing.",
					queries: []query{{expr: perMinute("parley_inbox_jobs_total", by("kind", "outcome")), legend: "{{kind}} {{outcome}}"}},
				},
				{
					kind: "timeseries", title: "Until a bot has answered a message (p95)", unit: "s", bars: bars{15, 60},
					says:    "From when the customer wrote until the answer is there to be sent, with the 2 s in which they may write more. Long: the model, or messages that wait.",
					queries: []query{{expr: quantileOrZero(.95, "parley_inbox_answer_seconds"), legend: "p95"}},
				},
				{
					kind: "timeseries", title: "Until a webhook is worked off (p95)", unit: "s", bars: bars{1, 10},
					says:    "From when it came. Long: the database is slow, or the organisation's channel cannot be read (the log says why).",
					queries: []query{{expr: quantileOrZero(.95, "parley_inbox_event_seconds"), legend: "p95"}},
				},
			}},
			{"Nodes", []box{
				{
					kind: "timeseries", title: "Since the database heard of a node", unit: "s", bars: bars{10, 15},
					says:    "After 20 s others end its calls in the records. Runbook ParleyNodeSilent.",
					queries: []query{{expr: "max by (instance) (" + of("parley_node_beat_age_seconds") + ")", legend: "{{instance}}"}},
				},
				{
					kind: "timeseries", title: "What nodes asked one another, a minute", unit: "short",
					says: "asked: hang up, follow and the like. by the database: the bus brought no answer. unanswered: neither did that.",
					queries: []query{
						{expr: perMinute("parley_node_orders_total", nil), legend: "asked"},
						{expr: perMinute("parley_node_orders_stored_total", nil), legend: "by the database"},
						{expr: perMinute("parley_node_orders_unanswered_total", nil), legend: "unanswered"},
					},
				},
				{
					kind: "timeseries", title: "Nodes that died, calls that came back", unit: "short",
					says: "Over the last hour. buried: a silent node whose calls were ended. reopened: it was not dead after all; its way to the database was cut.",
					queries: []query{
						{expr: sum("increase(" + of("parley_nodes_buried_total") + "[1h])"), legend: "buried"},
						{expr: sum("increase(" + of("parley_calls_reopened_total") + "[1h])"), legend: "reopened"},
					},
				},
				{
					kind: "timeseries", title: "Messages on the bus, a second", unit: "short",
					says: "dropped, missed, refused: live views have gaps; no record is lost. Runbook ParleyBusDown.",
					queries: []query{
						{expr: perSecond("parley_bus_published_total", nil), legend: "published"},
						{expr: perSecond("parley_bus_dropped_total", nil), legend: "dropped"},
						{expr: perSecond("parley_bus_missed_total", nil), legend: "missed"},
						{expr: perSecond("parley_bus_refused_total", nil), legend: "refused"},
						{expr: "min(" + of("parley_bus_up") + ")", legend: "up"},
					},
				},
				{
					kind: "timeseries", title: "Who watches calls", unit: "short",
					says: "Sockets of clients, and calls of other nodes that are watched here.",
					queries: []query{
						{expr: sum(of("parley_live_readers")), legend: "readers"},
						{expr: sum(of("parley_live_mirrors")), legend: "mirrors"},
					},
				},
				{
					kind: "timeseries", title: "Age of what nodes know", unit: "s", bars: bars{30, 120},
					says:    "Of agents and numbers, since the database last agreed. Calls go on with it. Runbook ParleyDirectoryStale.",
					queries: []query{{expr: "max by (instance) (" + of("parley_directory_age_seconds") + ")", legend: "{{instance}}"}},
				},
			}},
		},
	}
}
