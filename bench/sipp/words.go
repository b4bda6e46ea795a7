package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// words are those that scenarios are written in.
//
//	{{title "..."}}                        what it shows
//	{{server "full"}} {{over "udp"}}       the server that it calls; the only transport that it runs over
//	{{outcome "busy" 486}} {{order "ring=2s" ...}}   what becomes of the call that Parley places, and how it is placed
//
//	{{ask "INVITE" 1 sdp "Require: 100rel"}}         sipp sends a request with that CSeq
//	{{answer "INVITE" 200 sdp}}                      sipp answers the last request of a method
//	{{hear 200 "Contact: <sip:.*>"}}                 an answer must come; a line is a header and what it must match, "!" before it what it must not
//	{{maybe 180}}                                    an answer may come
//	{{take "BYE" "Reason: Q.850"}}                   a request must come
//	{{challenged 401}}                               a challenge must come, which "[authentication username=... password=...]" then answers
//	{{quiet 500}}                                    for so many milliseconds nothing may come
//	{{wait 100}}                                     sipp does nothing for a while
//	{{drain}}                                        the server is told to end
//
// Arguments after the fixed ones: a text that begins with v=0 is the body, one with ": " is a header, which takes the place of the usual
// one; "$name Header: regexp" of hear and take keeps what matches, or its first group, as [$name]; the rest are options, see options.
type words struct {
	scenario  *scenario
	variables []string
	waits     int // how often something must come
	invited   bool
}

func (w *words) vocabulary() template.FuncMap {
	return template.FuncMap{
		"title":   func(text string) string { w.scenario.title = text; return "" },
		"server":  func(name string) string { w.scenario.server = name; return "" },
		"over":    func(names ...string) string { w.scenario.over = names; return "" },
		"outcome": func(word string, code int) string { w.scenario.outcome, w.scenario.code = word, code; return "" },
		"order":   w.order, "ask": w.ask, "answer": w.answer, "hear": w.hear, "maybe": w.maybe, "take": w.take,
		"challenged": w.challenged, "drain": drain, "quiet": w.wait, "wait": w.wait, "sdp": sdp, "list": func(all ...string) []string { return all },
	}
}

// sdp is a description of a session. Lines are attributes of its sound, but "codecs=..." takes the place of the codecs.
func sdp(lines ...string) string {
	codecs := "0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000"
	attributes := ""
	for _, line := range lines {
		if c, ok := strings.CutPrefix(line, "codecs="); ok {
			codecs = strings.ReplaceAll(c, "|", "\r\n")
			continue
		}
		attributes += "a=" + line + "\n"
	}
	return "v=0\no=sipp 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP " + strings.ReplaceAll(codecs, "\r", "") + "\n" + attributes
}

// order takes how a call is placed.
func (w *words) order(settings ...string) (string, error) {
	o := &w.scenario.order
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		var err error
		switch name {
		case "ring":
			o.ring, err = time.ParseDuration(value)
		case "hangup":
			o.hangup, err = time.ParseDuration(value)
		case "redirects":
			o.redirects, err = strconv.Atoi(value)
		case "transfer":
			o.transfer = value
		case "refer":
			o.refer = true
		case "cancel":
			o.cancel = true
		case "user":
			o.user = value
		case "password":
			o.password = value
		case "realm":
			o.realm = value
		default:
			err = fmt.Errorf("order %q: want ring, hangup, transfer, refer, redirects, cancel, user, password or realm", s)
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// A message is one that sipp sends.
type message struct {
	head    string
	headers []string // of usual ones and others
	body    string
	options map[string]string
}

// options are what messages may be told beside headers and a body.
//
//	fresh        a request outside of the dialog
//	branch=x     with a branch of its own; else it is the CSeq's, so that ACK and CANCEL have that of their INVITE
//	call=x       in another call of the same scenario
//	tag=x        with another tag of sipp's, as another fork has
//	uri=x        to another address
//	once         a request that is not repeated when no answer comes
//	version=x    of another version of SIP
var options = map[string]bool{"fresh": true, "branch": true, "call": true, "tag": true, "uri": true, "once": true, "version": true}

func newMessage(args []string) (*message, error) {
	m := &message{options: map[string]string{}}
	for _, a := range args {
		switch name, value, _ := strings.Cut(a, "="); {
		case strings.HasPrefix(a, "v=0"):
			m.body = a
			m.set("Content-Type: application/sdp")
		case strings.HasPrefix(a, "[authentication "): // sipp makes the header of it
			m.headers = append(m.headers, a)
		case strings.Contains(a, ": "):
			m.set(a)
		case strings.HasPrefix(a, "body="):
			m.body = value
		case options[name]:
			m.options[name] = value
		default:
			return nil, fmt.Errorf("%q is no header, no body and no option", a)
		}
	}
	return m, nil
}

// set adds a header, or takes the place of the one of its name.
func (m *message) set(line string) {
	name, _, _ := strings.Cut(line, ": ")
	for i, h := range m.headers {
		if n, _, _ := strings.Cut(h, ": "); n == name {
			m.headers[i] = line
			return
		}
	}
	m.headers = append(m.headers, line)
}

// usual adds a header that is not there yet.
func (m *message) usual(lines ...string) {
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ": ")
		there := false
		for _, h := range m.headers {
			n, _, _ := strings.Cut(h, ": ")
			there = there || n == name
		}
		if !there {
			m.headers = append(m.headers, line)
		}
	}
}

// text is the message as sipp has it.
func (m *message) text(attributes string) string {
	m.set("Content-Length: [len]")
	return fmt.Sprintf("<send%s><![CDATA[\n\n%s\n%s\n\n%s\n]]></send>\n", attributes, m.head, strings.Join(m.headers, "\n"), m.body)
}

const here = "[local_ip]:[local_port]"

// ask is a request of sipp's: the caller's, or in a dialog that Parley has opened the callee's.
func (w *words) ask(method string, cseq int, args ...string) (string, error) {
	m, err := newMessage(args)
	if err != nil {
		return "", err
	}
	o := m.options
	_, fresh := o["fresh"]
	uri, from, to := "sip:[service]@[remote_ip]:[remote_port]", "<sip:+15550100001@"+here+">;tag=f[call_number]"+o["tag"], "<sip:[service]@[remote_ip]:[remote_port]>"
	if !fresh {
		to += "[peer_tag_param]"
	}
	if w.invited {
		uri, from, to = "[$INVITE_target]", "[$INVITE_to];tag=s"+o["tag"], "[$INVITE_from]"
	}
	if o["uri"] != "" {
		uri = o["uri"]
	}
	branch, call, version := o["branch"], "[call_id]", "2.0"
	if branch == "" {
		branch = strconv.Itoa(cseq)
	}
	if o["call"] != "" {
		call = o["call"] + "///[call_id]"
	}
	if o["version"] != "" {
		version = o["version"]
	}
	m.head = fmt.Sprintf("%s %s SIP/%s", method, uri, version)
	m.usual(
		"Via: SIP/2.0/[transport] "+here+";branch=z9hG4bK[pid]x[call_number]x"+o["call"]+branch, "From: "+from, "To: "+to, "Call-ID: "+call,
		fmt.Sprintf("CSeq: %d %s", cseq, method), "Contact: <sip:sipp@"+here+";transport=[transport]>", "Max-Forwards: 70")
	attributes := ` retrans="500"`
	if _, once := o["once"]; once || method == "ACK" {
		attributes = ""
	}
	return m.text(attributes), nil
}

// answer is sipp's to a request that it took.
func (w *words) answer(method string, status int, args ...string) (string, error) {
	m, err := newMessage(args)
	if err != nil {
		return "", err
	}
	m.head = fmt.Sprintf("SIP/2.0 %d Said so", status)
	via, from, to, cseq := "[$"+method+"_via]", "[$"+method+"_from]", "[$"+method+"_to]", "[$"+method+"_cseq]"
	if method == "INVITE" && status > 100 {
		to += ";tag=s" + m.options["tag"]
	}
	m.usual("Via: "+via, "From: "+from, "To: "+to, "Call-ID: [call_id]", "CSeq: "+cseq, "Contact: <sip:fork"+m.options["tag"]+"@"+here+";transport=[transport]>")
	attributes := ""
	if _, once := m.options["once"]; method == "INVITE" && status >= 200 && !once {
		attributes = ` retrans="500"`
	}
	return m.text(attributes), nil
}

// hear waits for an answer.
func (w *words) hear(status int, checks ...string) (string, error) {
	w.waits++
	actions, err := w.actions(checks)
	return fmt.Sprintf("<recv response=\"%d\">%s</recv>\n", status, actions), err
}

func (w *words) maybe(status int) string {
	return fmt.Sprintf("<recv response=\"%d\" optional=\"true\"/>\n", status)
}

// challenged waits for a challenge, and keeps it.
func (w *words) challenged(status int) string {
	w.waits++
	return fmt.Sprintf("<recv response=\"%d\" auth=\"true\"/>\n", status)
}

// drain tells the server that it is to end when its calls have ended. [server] is its process.
func drain() string {
	return "<nop><action><exec command=\"kill -TERM [server]\"/></action></nop>\n"
}

// take waits for a request, and keeps what answers to it need.
func (w *words) take(method string, checks ...string) (string, error) {
	w.waits++
	keep := []string{"$" + method + "_via Via: .*", "$" + method + "_from From: .*", "$" + method + "_to To: .*", "$" + method + "_cseq CSeq: .*"}
	if method == "INVITE" && !w.invited {
		w.invited = true
	}
	actions, err := w.actions(append(keep, checks...))
	if method == "INVITE" {
		target := `<action><ereg regexp="sip:[^;&gt;]*" search_in="hdr" header="Contact:" check_it="true" assign_to="INVITE_target"/>`
		w.variables = append(w.variables, "INVITE_target")
		actions = strings.Replace(actions, "<action>", target, 1)
	}
	return fmt.Sprintf("<recv request=%q>%s</recv>\n", method, actions), err
}

func (w *words) wait(milliseconds int) string {
	return fmt.Sprintf("<pause milliseconds=\"%d\"/>\n", milliseconds)
}

// actions are what a message that came is held against.
func (w *words) actions(checks []string) (string, error) {
	var b strings.Builder
	for _, c := range checks {
		variable, check := fmt.Sprintf("c%d", len(w.variables)), "check_it"
		if rest, ok := strings.CutPrefix(c, "$"); ok {
			variable, c, _ = strings.Cut(rest, " ")
			if strings.Contains(c, "(") { // what is kept is the first group
				whole := fmt.Sprintf("c%d", len(w.variables))
				w.variables = append(w.variables, whole, variable)
				variable = whole + "," + variable
			}
		}
		if rest, ok := strings.CutPrefix(c, "!"); ok {
			check, c = "check_it_inverse", rest
		}
		header, regexp, ok := strings.Cut(c, ": ")
		if !ok {
			return "", fmt.Errorf("%q: want a header and what it must match", c)
		}
		where := fmt.Sprintf("search_in=\"hdr\" header=\"%s:\"", header)
		switch header {
		case "Body":
			where = `search_in="body"`
		case "Message":
			where = `search_in="msg"`
		}
		fmt.Fprintf(&b, "<ereg regexp=\"%s\" %s %s=\"true\" assign_to=\"%s\"/>", escaped(regexp), where, check, variable)
		if !strings.Contains(variable, ",") {
			w.variables = append(w.variables, variable)
		}
	}
	if b.Len() == 0 {
		return "", nil
	}
	return "<action>" + b.String() + "</action>", nil
}

// entities are the only ones that sipp reads: it takes none by number.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escaped(text string) string {
	return entities.Replace(text)
}
