package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"parley/pipeline"
)

// Parameters are a tool's, as a JSON Schema of an object.
func Parameters(t pipeline.Tool) json.RawMessage {
	if len(t.Parameters) == 0 {
		return json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return t.Parameters
}

// Arguments are those of a call from the history: what is no object was refused by its tool, and many servers would refuse it again.
func Arguments(c pipeline.ToolCall) json.RawMessage {
	if isObject(c.Args) {
		return c.Args
	}
	return json.RawMessage("{}")
}

func isObject(args []byte) bool { return len(args) > 0 && args[0] == '{' && json.Valid(args) }

// A Building is a tool call that is not complete.
type Building struct {
	ID, Name string
	Seal     string // pipeline.ToolCall's
	args     bytes.Buffer
}

// Write adds a piece of the arguments, which may not grow without end.
func (b *Building) Write(piece string) error {
	b.args.WriteString(piece)
	if b.args.Len() > maxEvent {
		return &Error{Code: "too_long", Message: "the arguments of tool " + b.Name + " do not end"}
	}
	return nil
}

// Whole says whether the arguments are an object, and not cut off within it.
func (b *Building) Whole() bool { return isObject(bytes.TrimSpace(b.args.Bytes())) }

// Cut is the error that says that the arguments are not whole, as the answer has no room for them.
func (b *Building) Cut() error {
	return &Error{Code: "tool_arguments", Message: fmt.Sprintf("the answer was too long: the arguments of tool %q are cut off", b.Name), Retryable: true}
}

// Call is the call, complete. Arguments that are no object become a text: the tool says what is wrong with them, and the model tries
// again, which it would not if this were an error.
func (b *Building) Call() (*pipeline.ToolCall, error) {
	args := bytes.TrimSpace(b.args.Bytes())
	if len(args) == 0 || string(args) == "null" {
		args = []byte("{}")
	}
	if b.Name == "" {
		return nil, &Error{Code: "tool_arguments", Message: "the model called a tool without a name", Retryable: true}
	}
	if !isObject(args) {
		args, _ = json.Marshal(string(args)) // a text can always be written
	}
	id := b.ID
	if id == "" {
		id = fmt.Sprintf("%s%016x", Made, rand.Uint64())
	}
	return &pipeline.ToolCall{ID: id, Name: b.Name, Args: args, Seal: b.Seal}, nil
}

// Made begins the ids of calls to which the server gave none.
const Made = "call_parley_"
