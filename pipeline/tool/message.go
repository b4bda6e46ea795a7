package tool

import (
	"context"
	"fmt"

	"parley/pipeline"
)

// A Message is a text for somebody's telephone or mailbox.
type Message struct {
	Call    string
	Channel string // sms, whatsapp, email
	To      string // a number in E.164, or of email an address
	Text    string
}

// A Messenger sends messages. What an error says goes to the model.
type Messenger interface {
	Channels() []string // sms, whatsapp, email: those that can be used
	Send(ctx context.Context, m Message) error
}

// mostText is how many characters a message may have.
const mostText = 1600

// SendMessage is the tool "send_message". Unless anybody may be written to, it goes to the caller's own number: a caller can talk a model into
// writing to strangers. It is Firm. Without a messenger with channels it is not offered.
func SendMessage(line Line, m Messenger, anybody bool) pipeline.Tool {
	var channels []string
	if m != nil {
		channels = m.Channels()
	}
	var enum []any
	for _, c := range channels {
		if anybody || c != "email" && line.From != "" {
			enum = append(enum, c)
		}
	}
	f := func(ctx context.Context, a arguments) (string, *pipeline.Command, error) {
		msg, err := line.message(a, anybody)
		if err != nil {
			return "", nil, err
		}
		if err := m.Send(ctx, msg); err != nil {
			return "", nil, fmt.Errorf("the message could not be sent: %w", err)
		}
		return "The message has been sent to " + msg.To + ".", nil, nil
	}
	if len(enum) == 0 {
		f = nil
	}
	s := &Schema{
		Properties: map[string]*Schema{
			"channel": {Type: "string", Description: "By which way.", Enum: enum},
			"text":    {Type: "string", Description: "What it says.", MinLength: at(1), MaxLength: at(mostText)},
		},
		Required: []string{"channel", "text"},
	}
	about := "Send the caller a written message, such as an address or a confirmation, when they have agreed to it."
	if anybody {
		about = "Send a written message, such as an address or a confirmation, when the caller has asked for it."
		s.Properties["to"] = &Schema{Type: "string", Description: "A phone number with + and country code, or for email an address. Leave it out for the number that the caller calls from."}
	}
	t := made("send_message", about, s, f)
	t.Firm = true
	return t
}

// message reads one.
func (l Line) message(a arguments, anybody bool) (Message, error) {
	m := Message{Call: l.Call, Channel: a.text("channel"), To: l.From, Text: a.text("text")}
	to := a.text("to")
	var err error
	switch {
	case m.Text == "":
		err = fmt.Errorf("text: it is missing")
	case anybody && m.Channel == "email":
		m.To, err = email(to)
	case anybody && to != "":
		m.To, err = e164(to)
	case m.To == "":
		err = fmt.Errorf("it is missing, and the caller's own number is not known: ask for it")
	}
	if err != nil && m.Text != "" {
		err = fmt.Errorf("to: %w", err)
	}
	return m, err
}
