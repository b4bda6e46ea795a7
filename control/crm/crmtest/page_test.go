package crmtest_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/crm/crmtest"
)

// TestContractIsThePage compares the contract with the page that it was taken from, where that is at hand: it stands beside the module and
// is no part of it.
func TestContractIsThePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "api", "crm.txt"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("shared/ is not here")
		return
	}
	must(t, err)
	sections := read(string(text))
	for _, op := range crmtest.Load().Operations {
		section, ok := sections[op.Name]
		if !ok {
			t.Errorf("the page has no %s", op.Name)
			continue
		}
		want := section.operation(t, op)
		if d := cmp.Diff(want, op); d != "" {
			t.Errorf("%s (-page +contract):\n%s", op.Name, d)
		}
	}
}

// TestCallsAreThePage is the same of calls: the heading StartAgentCall stands there twice, the first at the page's very beginning.
func TestCallsAreThePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "api", "crm.txt"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("shared/ is not here")
		return
	}
	must(t, err)
	sections := read(string(text))
	sections["POST /agent-calls"] = read("}" + string(text))["StartAgentCall"]
	for _, op := range crmtest.Calls() {
		name := op.Name
		switch op.Name {
		case "GetCall":
			name = "CreateCall"
		case "GetRecording":
			name = "GetCallRecording"
		}
		section, ok := sections[name]
		if first, twice := sections[op.Method+" "+op.Path]; twice {
			section, ok = first, true
		}
		if !ok {
			t.Errorf("the page has no %s", op.Name)
			continue
		}
		want := section.operation(t, op)
		switch op.Name {
		case "GetCall", "GetRecording":
			want = crmtest.Operation{Name: op.Name, Method: op.Method, Path: op.Path, Statuses: op.Statuses, Answer: want.Answer}
		case "CreateCall":
			want.Statuses = want.Statuses[:3] // the rest are GetCall's
		case "LoadRecording":
			want.Answer = op.Answer
		}
		if d := cmp.Diff(want, op); d != "" {
			t.Errorf("%s (-page +contract):\n%s", op.Name, d)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A section is the page's text of one operation.
type section string

var (
	head    = regexp.MustCompile(`(?m)^\}([A-Z]\w+)$`) // the end of the sample before, and a name
	row     = regexp.MustCompile(`(?m)^\| (\w+)( required)? \| (.*?) ?\|`)
	enum    = regexp.MustCompile(`Enum: ((?:"[^"]+" ?)+)`)
	word    = regexp.MustCompile(`"([^"]+)"`)
	status  = regexp.MustCompile(`(?m)^- (\d{3})$`)
	example = regexp.MustCompile(`Example usage: (?:GET|POST|PUT) (\S+)(?: (\{.*))?`)
	null    = regexp.MustCompile(`^\w+ or null`)
)

// read cuts the page into its operations. Of two of one name the first stands.
func read(page string) map[string]section {
	all := map[string]section{}
	heads := head.FindAllStringSubmatchIndex(page, -1)
	for i, h := range heads {
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0] + 1 // with the brace
		}
		if name := page[h[2]:h[3]]; all[name] == "" {
			all[name] = section(page[h[1]:end])
		}
	}
	return all
}

// operation is what the section says of an operation whose path is known.
func (s section) operation(t *testing.T, known crmtest.Operation) crmtest.Operation {
	t.Helper()
	text := string(s)
	op := crmtest.Operation{Name: known.Name, Method: known.Method, Path: known.Path}
	if _, rest, ok := strings.Cut(text, "query Parameters\n"); ok {
		op.Query = fields(rest)
	}
	if _, rest, ok := strings.Cut(text, "Request Body schema: application/jsonrequired\n"); ok {
		op.Body = fields(rest)
	}
	_, answers, _ := strings.Cut(text, "Response samples")
	answers, _, _ = strings.Cut(answers, "Response samples") // of an operation that has no name there
	for _, m := range status.FindAllStringSubmatch(answers, -1) {
		n, _ := strconv.Atoi(m[1])
		op.Statuses = append(op.Statuses, n)
	}
	op.Answer = object(t, answers)
	if _, rest, ok := strings.Cut(text, "- Payload\n"); ok {
		op.Sample = object(t, rest)
	}
	if m := example.FindStringSubmatch(text); m != nil {
		op.Example = &crmtest.Example{Path: strings.TrimPrefix(m[1], "/api/v1")}
		if m[2] != "" {
			must(t, json.Unmarshal([]byte(m[2]), &op.Example.Body))
		}
	}
	return op
}

// fields are the rows of a table, up to what comes after it.
func fields(text string) (all []crmtest.Field) {
	text, _, _ = strings.Cut(text, "\nResponses")
	text, _, _ = strings.Cut(text, "\nRequest ")
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		f := crmtest.Field{Name: m[1], Required: m[2] != "", Nullable: null.MatchString(m[3]), Type: strings.Fields(m[3])[0]}
		if e := enum.FindStringSubmatch(m[3]); e != nil {
			for _, v := range word.FindAllStringSubmatch(e[1], -1) {
				f.Values = append(f.Values, v[1])
			}
		}
		all = append(all, f)
	}
	return all
}

// object is the first sample in a text, without the dashes that fold it on the page.
func object(t *testing.T, text string) (v map[string]any) {
	t.Helper()
	text = text[strings.IndexByte(text, '{'):]
	text = strings.NewReplacer("\n- ", "\n", "{- ", "{", ", - ", ", ").Replace(text)
	must(t, json.NewDecoder(strings.NewReader(text)).Decode(&v))
	return v
}
