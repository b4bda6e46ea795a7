package load

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// An answer is what a TwiML document has a carrier do with a call.
type answer struct {
	stream   string // URL; "": none is to be opened
	params   string // of it, as a JSON object
	redirect string // the document that takes over
	refused  string // why the call is not taken
}

// readTwiML reads a document as far as a call without a telephone network needs it. base is where it came from.
func readTwiML(text []byte, base *url.URL) (a answer, err error) {
	var doc struct {
		XMLName xml.Name `xml:"Response"`
		Verbs   []struct {
			XMLName xml.Name
			Reason  string `xml:"reason,attr"`
			Text    string `xml:",chardata"`
			Stream  *struct {
				URL        string `xml:"url,attr"`
				Parameters []struct {
					Name  string `xml:"name,attr"`
					Value string `xml:"value,attr"`
				} `xml:"Parameter"`
			} `xml:"Stream"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		return a, fmt.Errorf("read TwiML: %w", err)
	}
	a.refused = "hung up" // what a document without a stream comes to
	for _, v := range doc.Verbs {
		switch name := v.XMLName.Local; name {
		case "Connect":
			if v.Stream == nil || v.Stream.URL == "" {
				return a, errors.New("read TwiML: <Connect> has no <Stream url>")
			}
			params := map[string]string{}
			for _, p := range v.Stream.Parameters {
				params[p.Name] = p.Value
			}
			object, err := json.Marshal(params)
			return answer{stream: v.Stream.URL, params: string(object)}, err
		case "Redirect":
			next, err := base.Parse(strings.TrimSpace(v.Text))
			if err != nil {
				return a, fmt.Errorf("read TwiML: <Redirect>: %w", err)
			}
			return answer{redirect: next.String()}, nil
		case "Reject":
			a.refused = "rejected"
			if v.Reason != "" {
				a.refused = v.Reason
			}
			return a, nil
		case "Say", "Play":
			a.refused = "told so" // in words, before it is hung up
		case "Pause":
		case "Hangup":
			return a, nil
		default:
			return a, fmt.Errorf("read TwiML: <%s>: a load test knows Connect, Say, Play, Pause, Redirect, Reject and Hangup", name)
		}
	}
	return a, nil
}
