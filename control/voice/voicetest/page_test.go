package voicetest_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/voice/voicetest"
)

// TestContractIsThePage compares contract.json with the page it was taken from, where the page is at hand: shared/ stands beside the
// module and is no part of it.
func TestContractIsThePage(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	must(t, err)
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module's root is not where the test looks: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(root, "..", "shared", "api", "voice-agents.txt"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("shared/ is not here")
		return
	}
	must(t, err)
	p := readPage(string(text))
	c := voicetest.Load()

	var mentioned []voicetest.Operation
	var listed []voicetest.Operation
	for _, op := range c.Operations {
		op.Answer, op.Sample, op.Keys, op.Curl, op.Command = nil, nil, nil, "", ""
		if op.Mentioned {
			mentioned = append(mentioned, op)
		} else {
			listed = append(listed, op)
		}
	}
	if diff := cmp.Diff(p.operations, listed); diff != "" {
		t.Errorf("operations, page - contract +:\n%s", diff)
	}
	for _, op := range mentioned {
		if !strings.Contains(string(text), op.Path) {
			t.Errorf("the page does not mention %s", op.Path)
		}
	}
	for _, path := range regexp.MustCompile(`(?m)(?:Use |use the )(/[a-z:/]+)`).FindAllStringSubmatch(string(text), -1) {
		if !slices.ContainsFunc(c.Operations, func(op voicetest.Operation) bool { return op.Path == path[1] }) {
			t.Errorf("the page mentions %s, the contract does not", path[1])
		}
	}
	if diff := cmp.Diff(p.curls, curls(c)); diff != "" {
		t.Errorf("curl examples, page - contract +:\n%s", diff)
	}
	if diff := cmp.Diff(p.commands, commands(c)); diff != "" {
		t.Errorf("commands, page - contract +:\n%s", diff)
	}
	if diff := cmp.Diff(p.objects, objects(t, c)); diff != "" {
		t.Errorf("JSON, page - contract +:\n%s", diff)
	}
	for what, pair := range map[string][2]any{
		"statuses":          {p.statuses, c.Statuses},
		"headers":           {p.bullets(`^X-RateLimit-`), c.RateLimit.Headers},
		"task status":       {p.section("Task Status"), c.Words["task_status"]},
		"call status":       {p.section("Call Status"), c.Words["call_status"]},
		"message types":     {p.section("Message Types"), c.Words["message_types"]},
		"webhook events":    {p.bullets(`^call_(started|completed|failed)$`), c.Words["webhook_events"]},
		"requests a minute": {p.number(`rate-limited to (\d+) requests per minute`), c.RateLimit.PerMinute},
		"webhook timeout":   {p.number(`with a (\d+)-second timeout`), c.Webhook.Timeout},
		"session token":     {p.number(`valid for (\d+) minutes`), c.Socket.Minutes},
		"managed":           {p.managed(), c.Sessions.Managed},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s, page - contract +:\n%s", what, diff)
		}
	}
	for _, q := range c.Socket.Query {
		if !strings.Contains(string(text), c.Socket.Path+"?"+q+"=") {
			t.Errorf("the page's socket has no ?%s=", q)
		}
	}
}

// curls are the paths of the contract's curl examples.
func curls(c voicetest.Contract) (all []string) {
	for _, op := range c.Operations {
		if op.Curl != "" {
			all = append(all, op.Method+" "+c.Base+op.Curl)
		}
	}
	all = append(all, "GET "+c.Base+"/agents") // the page's last example is the first operation again
	slices.Sort(all)
	return all
}

// commands are the contract's curl examples, in the page's order.
func commands(c voicetest.Contract) (all []string) {
	for _, op := range c.Operations {
		if op.Command != "" {
			all = append(all, op.Command)
		}
	}
	return append(all, c.Again)
}

// objects are all JSON objects that the contract has from the page.
func objects(t *testing.T, c voicetest.Contract) []string {
	t.Helper()
	ping, err := json.Marshal(c.Socket.Client)
	must(t, err)
	all := []string{string(ping)}
	for _, v := range []any{c.Success, c.Error, c.Webhook.Payload} {
		one, err := json.Marshal(v)
		must(t, err)
		all = append(all, compact(one))
	}
	for _, op := range c.Operations {
		for _, v := range []json.RawMessage{op.Sample, op.Answer} {
			if v != nil {
				all = append(all, compact(v))
			}
		}
	}
	slices.Sort(all)
	return all
}

// A reading is what a program can understand of the page.
type reading struct {
	lines      []string
	operations []voicetest.Operation
	curls      []string
	commands   []string // the examples whole
	objects    []string
	statuses   []int
}

var (
	isOperation = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE)(/[a-z:/_]*)$`)
	isBullet    = regexp.MustCompile(`^\s*•\s*(.*)$`)
	isField     = regexp.MustCompile(`^([a-z_]+)(?: \((required|optional)\))? - (.*)$`)
	isStatus    = regexp.MustCompile(`^(\d{3}) - `)
	isCurl      = regexp.MustCompile(`(?:-X (\w+) )?"https://your-domain\.com(/api/v1[^"]*)"`)
	isCommand   = regexp.MustCompile(`(?m)^curl (?:.*\\\n)*(?:.*-d '\{(?s:.*?)\n  \}'|.*)`)
	isBounds    = regexp.MustCompile(`\((?:default: (\d+))?(?:, max: (\d+))?\)`)
	isValues    = regexp.MustCompile(`\(([a-z_]+(?:(?:, |/)[a-z_]+)+)\)`)
)

func readPage(text string) reading {
	p := reading{lines: strings.Split(text, "\n")}
	var in string // which list of fields this is
	for _, line := range p.lines {
		trimmed := strings.TrimSpace(line)
		bullet := isBullet.FindStringSubmatch(line)
		switch {
		case isOperation.MatchString(line):
			m := isOperation.FindStringSubmatch(line)
			p.operations, in = append(p.operations, voicetest.Operation{Method: m[1], Path: m[2]}), ""
		case trimmed == "Query Parameters:":
			in = "query"
		case trimmed == "Request Body Fields:", trimmed == "Updatable Fields:":
			in = "body"
		case isStatus.MatchString(line):
			n, _ := strconv.Atoi(isStatus.FindStringSubmatch(line)[1])
			p.statuses = append(p.statuses, n)
		case bullet != nil && in != "" && len(p.operations) > 0:
			take(&p.operations[len(p.operations)-1], in, bullet[1])
		case trimmed != "" && bullet == nil:
			in = ""
		}
	}
	for _, m := range isCurl.FindAllStringSubmatch(text, -1) {
		p.curls = append(p.curls, m[1]+" "+m[2])
	}
	slices.Sort(p.curls)
	p.commands = isCommand.FindAllString(text, -1)
	p.objects = jsonObjects(text)
	return p
}

// take adds a bullet to an operation.
func take(op *voicetest.Operation, in, text string) {
	m := isField.FindStringSubmatch(text)
	if m == nil {
		return
	}
	if in == "body" {
		op.Body = append(op.Body, voicetest.Field{Name: m[1], Required: m[2] == "required"})
		return
	}
	q := voicetest.Parameter{Name: m[1]}
	if b := isBounds.FindStringSubmatch(m[3]); b != nil {
		q.Default, q.Max = number(b[1]), number(b[2])
	}
	if v := isValues.FindStringSubmatch(m[3]); v != nil {
		q.Values = regexp.MustCompile(`, |/`).Split(v[1], -1)
	}
	op.Query = append(op.Query, q)
}

func number(digits string) *int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return nil
	}
	return &n
}

// jsonObjects are the outermost JSON objects in a text; { ... } stands for an empty one.
func jsonObjects(text string) (all []string) {
	text = strings.ReplaceAll(text, "{ ... }", "{}")
	text = regexp.MustCompile(`\{ type: '(\w+)' \}`).ReplaceAllString(text, `{"type":"$1"}`) // JavaScript
	for i := 0; i < len(text); i++ {
		if text[i] != '{' {
			continue
		}
		dec := json.NewDecoder(strings.NewReader(text[i:]))
		var one json.RawMessage
		if dec.Decode(&one) == nil {
			all = append(all, compact(one))
			i += int(dec.InputOffset()) - 1
		}
	}
	slices.Sort(all)
	return all
}

// bullets are the first words of bullets that match.
func (p reading) bullets(pattern string) (all []string) {
	re := regexp.MustCompile(pattern)
	for _, line := range p.lines {
		if m := isBullet.FindStringSubmatch(line); m != nil {
			if word, _, _ := strings.Cut(m[1], " - "); re.MatchString(word) && !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	return all
}

// section are the first words of the bullets under a heading.
func (p reading) section(heading string) (all []string) {
	in := false
	for _, line := range p.lines {
		m := isBullet.FindStringSubmatch(line)
		switch {
		case strings.TrimSpace(line) == heading:
			in = true
		case in && m != nil:
			word, _, _ := strings.Cut(m[1], " - ")
			all = append(all, word)
		case in && strings.TrimSpace(line) != "":
			return all
		}
	}
	return all
}

// number is the first group of a pattern.
func (p reading) number(pattern string) int {
	m := regexp.MustCompile(pattern).FindStringSubmatch(strings.Join(p.lines, "\n"))
	if m == nil {
		return -1
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// managed are the endpoints that take a session.
func (p reading) managed() map[string][]string {
	all := map[string][]string{}
	for _, line := range p.lines {
		if m := regexp.MustCompile(`• (.*) management \((.*)\)`).FindStringSubmatch(line); m != nil {
			all[m[1]] = strings.Split(m[2], ", ")
		}
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func compact(text json.RawMessage) string {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return "nothing"
	}
	out, _ := json.Marshal(v) //nolint:errchkjson // it was just read
	return string(out)
}
