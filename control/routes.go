package control

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/voice"
)

// routes is the whole API.
func (c *Control) routes() {
	o := c.options
	agents := &voice.Agents{Store: o.Agents, Tasks: o.Tasks, Default: o.Default, Changed: o.Changed}
	tasks := &voice.Tasks{Store: o.Tasks, Agents: o.Agents, Dialer: o.Dialer}
	dialing := &voice.Dialing{Rules: o.Dialer, Lists: o.DoNotCall}
	calls := &voice.Calls{
		Store: o.Calls, Live: o.Live, Files: o.Recordings, Tickets: c.tickets, Public: o.PublicURL, Log: o.Log,
	}

	const v1 = "/api/v1"
	handle(c, "GET "+v1+"/agents", "list-agents", access.AgentsRead, agents.List)
	handle(c, "POST "+v1+"/agents", "create-agent", access.AgentsWrite, agents.Create)
	handle(c, "GET "+v1+"/agents/{id}", "get-agent", access.AgentsRead, agents.Get)
	handle(c, "PATCH "+v1+"/agents/{id}", "update-agent", access.AgentsWrite, agents.Update)
	handle(c, "DELETE "+v1+"/agents/{id}", "delete-agent", access.AgentsWrite, agents.Delete)

	handle(c, "GET "+v1+"/tasks", "list-tasks", access.TasksRead, tasks.List)
	handle(c, "POST "+v1+"/tasks", "create-task", access.TasksWrite, tasks.Create)
	handle(c, "GET "+v1+"/tasks/{id}", "get-task", access.TasksRead, tasks.Get)
	handle(c, "PATCH "+v1+"/tasks/{id}", "update-task", access.TasksWrite, tasks.Update)
	handle(c, "DELETE "+v1+"/tasks/{id}", "delete-task", access.TasksWrite, tasks.Delete)
	handle(c, "POST "+v1+"/tasks/{id}/execute", "execute-task", access.TasksWrite, tasks.Execute)
	handle(c, "POST "+v1+"/tasks/{id}/reset", "reset-task", access.TasksWrite, tasks.Reset)

	handle(c, "GET "+v1+"/dialing", "get-dialing", access.DialRead, dialing.Get)
	handle(c, "PUT "+v1+"/dialing", "put-dialing", access.DialWrite, dialing.Put)
	handle(c, "GET "+v1+"/do-not-call", "list-do-not-call", access.DialRead, dialing.List)
	handle(c, "POST "+v1+"/do-not-call", "add-do-not-call", access.DialWrite, dialing.Add)
	handle(c, "DELETE "+v1+"/do-not-call/{id}", "remove-do-not-call", access.DialWrite, dialing.Remove)

	handle(c, "GET "+v1+"/calls", "list-calls", access.CallsRead, calls.List)
	handle(c, "GET "+v1+"/calls/{id}", "get-call", access.CallsRead, calls.Get)
	handle(c, "GET "+v1+"/calls/{id}/transcript", "get-call-transcript", access.CallsRead, calls.Transcript)
	handle(c, "GET "+v1+"/calls/{id}/recording", "get-call-recording", access.CallsRead, calls.Recording)
	handle(c, "GET "+v1+"/calls/{id}/recording/stream", "stream-call-recording", access.CallsRead, calls.Stream)
	handle(c, "POST "+v1+"/calls/{id}/end", "end-call", access.CallsWrite, calls.End)
}

// handle registers one operation: its route, the scope that it asks of a key, and what pages.go says of it.
func handle[I, O any](c *Control, route, id, scope string, h func(context.Context, *I) (*O, error)) {
	method, path, _ := strings.Cut(route, " ")
	huma.Register(c.api, c.operation(method, path, id, scope), h)
}
