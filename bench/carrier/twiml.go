package carrier

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// element is a TwiML verb or noun.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) name() string { return e.XMLName.Local }

func (e element) text() string { return strings.TrimSpace(e.Text) }

// attr is the attribute of that name, or else the default.
func (e element) attr(name, otherwise string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return otherwise
}

// parseTwiML reads a document and returns its verbs.
func parseTwiML(body []byte) ([]element, error) {
	var root element
	if err := xml.Unmarshal(body, &root); err != nil {
		return nil, fmt.Errorf("parse TwiML: %w", err)
	}
	if root.name() != "Response" {
		return nil, fmt.Errorf("parse TwiML: the document is a <%s>, want <Response>", root.name())
	}
	return root.Children, nil
}

// streamNoun is what <Connect><Stream> asks for.
type streamNoun struct {
	url, name             string
	statusURL, statusVerb string
	params                map[string]string
	action, actionVerb    string

	header    http.Header // of the upgrade, besides
	protocols []string
	layout    layout
}

// parseConnect reads a <Connect> as strictly as Twilio does, but for what its dialect allows. base is the document's URL, to which others may be relative.
func parseConnect(e element, base *url.URL, plain bool, d *dialect) (*streamNoun, error) {
	if len(e.Children) != 1 || e.Children[0].name() != "Stream" {
		return nil, errors.New("<Connect>: want one <Stream> in it")
	}
	s := e.Children[0]
	noun := &streamNoun{
		url: s.attr("url", s.text()), name: s.attr("name", ""), statusVerb: s.attr("statusCallbackMethod", "POST"),
		actionVerb: e.attr("method", "POST"), params: map[string]string{},
	}
	u, err := url.Parse(noun.url)
	switch {
	case err != nil:
		return nil, fmt.Errorf("<Stream>: url: %w", err)
	case u.Scheme == "ws" && !plain && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("<Stream>: url %q: Twilio connects to wss only", noun.url)
	case u.Scheme != "wss" && u.Scheme != "ws":
		return nil, fmt.Errorf("<Stream>: url %q: want wss://", noun.url)
	case u.RawQuery != "" && !d.query:
		return nil, fmt.Errorf("<Stream>: url %q: Twilio does not take a query; use <Parameter>", noun.url)
	}
	if token := s.attr("authBearerToken", ""); token != "" { // SignalWire's
		noun.header = http.Header{"Authorization": {"Bearer " + token}}
	}
	for _, p := range s.Children {
		name, value := p.attr("name", ""), p.attr("value", "")
		switch {
		case p.name() != "Parameter":
			return nil, fmt.Errorf("<Stream>: <%s> in it: want <Parameter>", p.name())
		case name == "":
			return nil, errors.New("<Parameter>: name is missing")
		case len(name)+len(value) >= 500:
			return nil, fmt.Errorf("<Parameter name=%q>: name and value have %d characters; want under 500", name, len(name)+len(value))
		}
		noun.params[name] = value
	}
	if noun.statusURL, err = resolve(base, s.attr("statusCallback", "")); err != nil {
		return nil, fmt.Errorf("<Stream>: statusCallback: %w", err)
	}
	if noun.action, err = resolve(base, e.attr("action", "")); err != nil {
		return nil, fmt.Errorf("<Connect>: action: %w", err)
	}
	return noun, nil
}

// resolve makes a reference in a document absolute; an empty one stays empty.
func resolve(base *url.URL, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	u, err := base.Parse(ref)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
