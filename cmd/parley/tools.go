package main

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"parley/pipeline"
	"parley/pipeline/tool"
	"parley/providers/httptool"
	"parley/providers/mcptool"
)

// toolsFile is what the model can do: docs/tools.md tells of every setting, and docs/tools.yaml shows it. The tags make the schema.
type toolsFile struct {
	TimeZone string       `yaml:"time_zone" doc:"Where times are meant that callers name, such as Europe/London. Default UTC."`
	Allow    []string     `yaml:"allow" doc:"Hosts (also with :port), addresses and networks that HTTP tools may ask although they are private. Default none."`
	BuiltIn  builtInTools `yaml:"built_in" doc:"The tools that Parley has."`
	HTTP     []httpEntry  `yaml:"http" doc:"Tools that are requests to servers of your own."`
	MCP      []mcpEntry   `yaml:"mcp" doc:"Servers whose tools the model may use, by the Model Context Protocol."`
}

// builtInTools are those of pipeline/tool.
type builtInTools struct {
	EndCall          *bool          `yaml:"end_call" doc:"The model may end the call. Default true."`
	Wait             *bool          `yaml:"wait" doc:"The model may leave a caller alone who asks for a moment. Default true."`
	PressKeys        bool           `yaml:"press_keys" doc:"The model may press keys, through the menus of other machines. Default false."`
	Transfer         *transferEntry `yaml:"transfer" doc:"The model may connect the caller to somebody else."`
	HandOver         []agentEntry   `yaml:"hand_over" doc:"Agents of the same organisation that may take over."`
	ScheduleCallback bool           `yaml:"schedule_callback" doc:"The model may promise the caller a call. Default false."`
	SendMessage      *messageEntry  `yaml:"send_message" doc:"The model may send written messages."`
	Collect          []formEntry    `yaml:"collect" doc:"What the model is to find out, value by value, and to have confirmed."`
}

type transferEntry struct {
	Destinations []struct {
		Name string `yaml:"name" must:"true" doc:"As the model calls it."`
		To   string `yaml:"to" must:"true" doc:"A number such as +442071234567, a sip: address, or an extension such as ext:anna."`
		When string `yaml:"when" doc:"For the model: when to transfer there."`
		Mode string `yaml:"mode" doc:"blind, bridge, warm or attended. Default that of all."`
	} `yaml:"destinations" doc:"Where callers may be transferred."`
	Mode     string        `yaml:"mode" doc:"blind: the carrier connects them, and the call ends here; bridge: Parley calls them, and joins the two; warm: and tells them first what it is about; attended: and then the carrier connects the two, and the call ends here. Default blind."`
	Ring     time.Duration `yaml:"ring" doc:"Of bridge, warm and attended: until they are joined, 5s to 3m; then the agent goes on. Default 30s."`
	Stay     string        `yaml:"stay" doc:"Of bridge, warm and attended, what the agent does while they talk: leave, silent (the caller's words are written down) or listen (and ** on either telephone calls it back). Default leave."`
	After    string        `yaml:"after" doc:"Of bridge, warm and attended, when whoever was called hangs up: end, or return to the agent. Default return with listen, else end."`
	Question string        `yaml:"question" doc:"Of warm and attended: asked after what it is about. Default Press 1 to take the call, or any other key if you cannot."`
	Prefixes []string      `yaml:"prefixes" doc:"Beginnings of numbers that may be called although they have no name, such as +44. Default none: calls cost money."`
}

type agentEntry struct {
	Name string `yaml:"name" must:"true" doc:"The agent's name."`
	When string `yaml:"when" doc:"For the model: when to hand over."`
}

type messageEntry struct {
	Anybody bool `yaml:"anybody" doc:"Also to others than the number that the caller calls from. Default false."`
}

type formEntry struct {
	Name    string `yaml:"name" doc:"The tool is called collect_ and this; empty: collect. Small letters, digits and _."`
	Purpose string `yaml:"purpose" doc:"For the model: what it is for, and when."`
	Fields  []struct {
		Name     string    `yaml:"name" must:"true" doc:"Of the value in the record, after the form's: booking.day. Small letters, digits and _."`
		Label    string    `yaml:"label" doc:"What it is called when it is read back. Default the name."`
		Kind     tool.Kind `yaml:"kind" doc:"What may stand in it. Default string."`
		Help     string    `yaml:"help" doc:"What the model should know of it."`
		Options  []string  `yaml:"options" doc:"Of one_of: 2 to 50."`
		Min      float64   `yaml:"min" doc:"Of number: the least; of string and digits: how many characters at least."`
		Max      float64   `yaml:"max" doc:"Of number: the most; of string and digits: how many characters at most, default 500."`
		Optional bool      `yaml:"optional" doc:"It may be missing. Default false."`
	} `yaml:"fields" must:"true" doc:"1 to 30."`
}

type httpEntry struct {
	Name        string            `yaml:"name" must:"true" doc:"Small letters, digits and _."`
	Description string            `yaml:"description" must:"true" doc:"For the model: what it does, and when to use it."`
	Parameters  yaml.Node         `yaml:"parameters" type:"object" doc:"JSON Schema of the arguments. Default: it takes none."`
	Method      string            `yaml:"method" doc:"GET, POST, PUT, PATCH or DELETE. Default GET, with body or form POST."`
	URL         string            `yaml:"url" must:"true" doc:"https://host/path, with places such as {{order}} in path and query."`
	Headers     map[string]string `yaml:"headers" doc:"Besides those of auth."`
	Query       map[string]string `yaml:"query" doc:"Besides what the url has."`
	Body        yaml.Node         `yaml:"body" doc:"JSON, with places in its texts. A text that is nothing but a place keeps its argument's type."`
	Form        map[string]string `yaml:"form" doc:"Instead of body, sent as HTML forms are."`
	Auth        authEntry         `yaml:"auth" doc:"Who is asking: one of these."`
	Timeout     time.Duration     `yaml:"timeout" doc:"For all of it: 100ms to 1m. Default 10s."`
	Limit       int               `yaml:"limit" doc:"Bytes of the answer that the model is given: 1024 to 262144. Default 65536."`
	Fields      []string          `yaml:"fields" doc:"Of a JSON answer, what the model is given: name, items[0].price, items[].name. Default all of it."`
	Cancellable *bool             `yaml:"cancellable" doc:"A caller who interrupts ends it. Default true for GET, false for all that changes something."`
	Filler      string            `yaml:"filler" doc:"Said once while it takes long. Default the agent's own."`
}

type mcpEntry struct {
	Name        string            `yaml:"name" must:"true" doc:"What the names of its tools begin with: shop_find_order. Small letters, digits and _."`
	URL         string            `yaml:"url" must:"true" doc:"Of its endpoint: https://host/mcp. It speaks streamable HTTP."`
	Headers     map[string]string `yaml:"headers" doc:"Besides those of auth."`
	Auth        authEntry         `yaml:"auth" doc:"Who is asking: one of these."`
	Tools       []string          `yaml:"tools" must:"true" doc:"Those that the model is offered, by the server's names; \"*\" alone: all that it has, also those that it will have."`
	Timeout     time.Duration     `yaml:"timeout" doc:"For one use of a tool: 100ms to 1m. Default 10s."`
	Cancellable *bool             `yaml:"cancellable" doc:"A caller who interrupts ends it. Default as the server says of each tool: true where it only reads."`
	Filler      string            `yaml:"filler" doc:"Said once while it takes long. Default the agent's own."`
}

type authEntry struct {
	Bearer string `yaml:"bearer" doc:"A token, such as ${secret:NAME}."`
	Basic  struct {
		User     string `yaml:"user" doc:"May be a secret, too."`
		Password string `yaml:"password" doc:"Such as ${secret:NAME}."`
	} `yaml:"basic" doc:"HTTP Basic."`
	Header struct {
		Name  string `yaml:"name" doc:"Such as X-Api-Key."`
		Value string `yaml:"value" doc:"Such as ${secret:NAME}."`
	} `yaml:"header" doc:"A header of its own."`
}

// open makes the server ready to be asked, by the client of HTTP tools.
func (e *mcpEntry) open(client *httptool.Client, secrets httptool.Secrets, log *slog.Logger) (*mcptool.Server, error) {
	o := mcptool.Options{Name: e.Name, URL: e.URL, Tools: e.Tools, Timeout: e.Timeout, Cancellable: e.Cancellable, Filler: e.Filler, Log: log}
	door, err := client.Door(httptool.Definition{URL: e.URL, Headers: e.Headers, Auth: e.Auth.auth()}, secrets)
	if err = errors.Join(o.Check(), err); err != nil {
		return nil, err
	}
	o.URL, o.HTTP, o.Discreet = door.URL, door.HTTP, door.Discreet
	return mcptool.Open(o), nil
}

func (e *authEntry) auth() httptool.Auth {
	return httptool.Auth{Bearer: e.Bearer, User: e.Basic.User, Password: e.Basic.Password, Header: e.Header.Name, Value: e.Header.Value}
}

// definition is the entry as httptool has it.
func (e *httpEntry) definition() (httptool.Definition, error) {
	d := httptool.Definition{
		Name: e.Name, Description: e.Description, Method: strings.ToUpper(e.Method), URL: e.URL, Headers: e.Headers, Query: e.Query, Form: e.Form,
		Auth:    e.Auth.auth(),
		Timeout: e.Timeout, Limit: e.Limit, Fields: e.Fields, Filler: e.Filler,
	}
	var err, bad error
	d.Parameters, err = nodeJSON(&e.Parameters)
	d.Body, bad = nodeJSON(&e.Body)
	d.Cancellable = (d.Method == "" || d.Method == "GET") && len(d.Body)+len(d.Form) == 0 // asking can be repeated, doing cannot
	override(&d.Cancellable, e.Cancellable)
	return d, errors.Join(err, bad)
}

// check says what is wrong with where callers may be transferred; nil has nothing wrong.
func (e *transferEntry) check() error {
	if e == nil {
		return nil
	}
	number := regexp.MustCompile(`^(\+[1-9]\d{6,14}|sips?:\S+@\S+|ext:[a-z0-9][a-z0-9._-]{0,62})$`)
	var bad []error
	for _, d := range e.Destinations {
		if d.Name == "" || !number.MatchString(d.To) {
			bad = append(bad, fmt.Errorf("%q to %q: want a name, and a number such as +442071234567, a sip: address or an extension such as ext:anna", d.Name, d.To))
		}
	}
	modes := []string{"", string(tool.Blind), string(tool.Bridge), string(tool.Warm), string(tool.Attended)}
	for _, d := range e.Destinations {
		if !slices.Contains(modes, d.Mode) {
			bad = append(bad, fmt.Errorf("mode of %q is %q: want blind, bridge, warm or attended", d.Name, d.Mode))
		}
	}
	if !slices.Contains(modes, e.Mode) {
		bad = append(bad, fmt.Errorf("mode is %q: want blind, bridge, warm or attended", e.Mode))
	}
	if err := (pipeline.Command{Kind: pipeline.Bridge, To: "+15550100", Join: e.join()}).Check(); err != nil {
		bad = append(bad, err)
	}
	for _, p := range e.Prefixes {
		if !regexp.MustCompile(`^\+\d{0,14}$`).MatchString(p) {
			bad = append(bad, fmt.Errorf("prefix %q: want + and digits, such as +44", p))
		}
	}
	return errors.Join(bad...)
}

// check says what is wrong with those who may take over.
func (b *builtInTools) check() error {
	var bad []error
	for i, e := range b.HandOver {
		if strings.TrimSpace(e.Name) == "" {
			bad = append(bad, fmt.Errorf("agent %d has no name", i+1))
		}
	}
	return errors.Join(bad...)
}

// join is how those are joined with the caller whom Parley calls itself.
func (e *transferEntry) join() pipeline.Join {
	j := pipeline.Join{Ring: e.Ring, Stay: pipeline.Stay(e.Stay), After: pipeline.After(e.After)}
	if e.Stay == "leave" {
		j.Stay = pipeline.Leave
	}
	return j
}

func (e *transferEntry) destinations() (d tool.Destinations) {
	if e != nil {
		for _, to := range e.Destinations {
			d.Named = append(d.Named, tool.Destination{Name: to.Name, To: to.To, When: to.When, Mode: tool.Mode(to.Mode)})
		}
		d.Prefixes, d.Mode, d.Join, d.Question = e.Prefixes, tool.Mode(e.Mode), e.join(), e.Question
	}
	return d
}

func (e *formEntry) form() tool.Form {
	f := tool.Form{Name: e.Name, Purpose: e.Purpose}
	for _, i := range e.Fields {
		f.Fields = append(f.Fields, tool.Field(i))
	}
	return f
}
