package crm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/archive"
	"parley/control/bots"
	"parley/control/bus"
	"parley/control/crm/crmtest"
	"parley/control/inbox"
	"parley/control/webhook"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

var postgres = pgtest.Shared{Fill: litetest.Migrate}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := postgres.Close(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// both runs a test on either database.
func both(t *testing.T, run func(t *testing.T, a *api)) {
	for name, url := range map[string]func(*testing.T) string{
		"SQLite":   func(t *testing.T) string { return litetest.New(t, filepath.Join(t.TempDir(), "parley.db")) },
		"Postgres": func(t *testing.T) string { return postgres.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, serve(t, url(t)))
		})
	}
}

// An api is the API over a real socket, and an organisation that has nothing yet.
type api struct {
	t    *testing.T
	db   *sql.Store
	url  string
	org  string
	keys map[string]access.Identity

	bot     store.Bot
	message string // of sound, from +56912345678 to the bot
}

// Authenticate implements control.Authenticator.
func (a *api) Authenticate(_ context.Context, secret string) (access.Identity, error) {
	who, ok := a.keys[secret]
	if !ok {
		return who, access.ErrUnauthenticated
	}
	return who, nil
}

func serve(t *testing.T, database string) *api {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{URL: database})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	a := &api{t: t, db: db, org: store.NewID(), keys: map[string]access.Identity{}}
	other := store.NewID()
	for _, org := range []string{a.org, other} {
		_, err := db.CreateOrganisation(t.Context(), store.Organisation{ID: org, Name: "Organisation", Created: time.Now().UTC()})
		must(t, err)
	}
	root, err := os.OpenRoot(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, root.Close()) })
	files := &archive.Files{Root: root}
	feed := &bots.Feed{Store: db, Calls: db, Bus: &bus.Local{}, Log: slog.New(slog.DiscardHandler)}
	box := inbox.New(inbox.Options{Store: db, Files: linked{files}, Node: "here", Lines: line{}, Feed: feed, Public: "https://voice.example.com"})
	for key, who := range map[string]access.Identity{
		"va_ours": {Org: a.org, Scopes: []string{access.All}}, "va_theirs": {Org: other, Scopes: []string{access.All}}, "va_reads": {Org: a.org, Scopes: []string{access.ContactsRead}},
	} {
		who.Key, who.Role = key, store.Owner
		a.keys[strings.Repeat(key+"_", 5)] = who
	}
	c, err := control.New(control.Options{
		Agents: db, Calls: db, Tasks: db, Campaigns: db, Contacts: db, DoNotCall: db, Lines: db, Bots: db, People: db, Webhooks: db, Hooks: &webhook.Secrets{},
		Dialer: struct{ control.Dialer }{}, Auth: a, Secret: []byte("0123456789abcdef0123456789abcdef"), Undocumented: true,
		Messenger: box, Feed: feed, Files: db, Kept: files, PublicURL: "https://voice.example.com",
	})
	must(t, err)
	t.Cleanup(c.Close)
	mux := http.NewServeMux()
	c.Mount(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	a.url = s.URL + "/crm/api/v1"
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask sends a request with a key, and wants a status.
func (a *api) ask(key, method, path string, body any, status int) map[string]any {
	a.t.Helper()
	var from io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		must(a.t, err)
		from = strings.NewReader(string(text))
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, from)
	must(a.t, err)
	r.Header.Set("Authorization", "Bearer "+strings.Repeat(key+"_", 5))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	must(a.t, err)
	defer answer.Body.Close() //nolint:errcheck // a test
	text, err := io.ReadAll(answer.Body)
	must(a.t, err)
	if answer.StatusCode != status {
		a.t.Errorf("%s %s: %d, want %d: %.400s", method, path, answer.StatusCode, status, text)
	}
	var out map[string]any
	must(a.t, json.Unmarshal(text, &out))
	if answer.StatusCode >= 400 && !slices.Equal(slices.Sorted(maps.Keys(out)), []string{"code", "details", "error", "message"}) {
		a.t.Errorf("%s %s: an error is %.400s", method, path, text)
	}
	return out
}

// do is ask with all scopes, and wants 200.
func (a *api) do(method, path string, body any) map[string]any {
	a.t.Helper()
	return a.ask("va_ours", method, path, body, http.StatusOK)
}

// refuses wants 400, and a complaint about a field.
func (a *api) refuses(method, path string, body any, field string) {
	a.t.Helper()
	details, _ := a.ask("va_ours", method, path, body, http.StatusBadRequest)["details"].(map[string]any)
	if details[field] == nil {
		a.t.Errorf("%s %s: %s is not named in %v", method, path, field, details)
	}
}

func id(of map[string]any) string {
	switch n := of["id"].(type) {
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	case string:
		return n
	}
	return "none"
}

// TestContract: every operation answers the page's own sample and example with every field that the page shows, of the type that it shows,
// and each field has a value in some answer.
func TestContract(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		a.do("POST", "/custom-fields", map[string]any{"entityType": "CONTACT", "fieldKey": "other", "fieldType": "LIST"})
		list := id(a.do("POST", "/custom-fields", map[string]any{"entityType": "CONTACT", "fieldKey": "list", "fieldType": "LIST", "fieldLabel": "List", "description": "A list"}))
		option := id(a.do("POST", "/custom-fields/"+list+"/options", map[string]any{"definitionId": 1, "value": "a", "label": "A", "description": "The first"}))
		a.do("POST", "/custom-fields/"+list+"/options", map[string]any{"definitionId": 1, "value": "b"})
		full := map[string]any{
			"userId": 1, "providerId": "p", "providerName": "P", "nationalId": "n", "firstName": "John", "lastName": "L", "email": "john@example.com", "phone": "+56912345678",
			"contactCompanyId": 0.1, "companyPosition": "c", "metadata": map[string]any{"a": 1}, "customFields": map[string]any{"property1": 1, "property2": "x"},
		}
		a.do("POST", "/contacts", full)
		contact := id(a.do("POST", "/contacts", full))
		a.channel()
		for _, op := range crmtest.Load().Operations {
			if strings.HasPrefix(op.Path, "/tasks") { // TestTaskContract
				continue
			}
			path := strings.NewReplacer("contacts/{id}", "contacts/"+contact, "{id}", list, "{definitionId}", list, "{optionId}", option, "{messageId}", a.message).Replace(op.Path)
			var answers []map[string]any
			switch op.Method {
			case "GET":
				if op.Name == "GetMessage" {
					answers = append(answers, a.failedMessage())
				}
				answers = append(answers, a.do("GET", path, nil))
				if op.Query != nil {
					answers = append(answers, a.do("GET", path+"?pageSize=1&sortBy=id=asc", nil))
				}
			case "POST", "PUT":
				if op.Name == "UpdateContact" {
					answers = append(answers, a.do(op.Method, path, full))
				}
				made := a.do(op.Method, path, a.sample(op))
				if more := a.talks(op.Name, full); more != nil {
					answers = append(answers, more)
				}
				if answers = append(answers, made); op.Method == "POST" && strings.HasPrefix(path, "/custom-fields") {
					a.do("DELETE", path+"/"+id(made), nil) // so that the next may be called the same
				}
			case "DELETE":
				fresh := map[string]any{"definitionId": 1, "value": "c", "label": "C", "description": "D"}
				switch op.Name {
				case "DeleteContact":
					path = "/contacts/" + id(a.do("POST", "/contacts", full))
				case "DeleteCustomFieldDefinition":
					path = "/custom-fields/" + id(a.do("POST", "/custom-fields", map[string]any{"entityType": "PRODUCT", "fieldKey": "k", "fieldType": "DATE", "fieldLabel": "K", "description": "D"}))
				default:
					path = "/custom-fields/" + list + "/options/" + id(a.do("POST", "/custom-fields/"+list+"/options", fresh))
				}
				answers = append(answers, a.do("DELETE", path, nil))
			}
			if e := op.Example; e != nil { // as it is printed
				example := strings.Replace(e.Path, "/123", "/"+contact, 1)
				answers = append(answers, a.do(op.Method, example, bodyOf(e.Body)))
			}
			if op.Name == "SearchContacts" || op.Name == "CreateContact" {
				more := full
				if op.Name == "SearchContacts" {
					more = map[string]any{"size": 1, "includeTotalCount": true, "sort": []any{map[string]any{"field": "id"}}}
				}
				answers = append(answers, a.do(op.Method, path, more))
			}
			valued := map[string]bool{}
			for _, answer := range answers {
				shaped(t, op.Name, "", op.Answer, answer, valued)
			}
			for _, at := range leaves("", op.Answer) {
				if strings.HasPrefix(op.Path, "/messages/whatsapp") && (at == ".providerId" || strings.Contains(at, ".errors[]") || strings.Contains(at, "ediaProcessing") || strings.HasSuffix(op.Path, "/template") && strings.Contains(at, ".attachments[]")) {
					continue // what is only being sent has no id yet, has not failed, and nobody has heard it
				}
				if !valued[at] && !strings.Contains(at, "archivedAt") && !strings.Contains(at, ".context.") && !strings.Contains(at, ".existingEntities.") && !strings.Contains(at, "etadata.") {
					t.Errorf("%s: %s never has a value", op.Name, at)
				}
			}
		}
	})
}

func bodyOf(of map[string]any) any {
	if of == nil {
		return nil
	}
	return of
}

// sample is the page's request. Of a search, its placeholders are no fields and no token: they are put in.
func (a *api) sample(op crmtest.Operation) any {
	s := maps.Clone(op.Sample)
	if strings.HasPrefix(op.Path, "/messages/whatsapp") {
		return a.letter(op.Name, s)
	}
	if op.Name == "SearchContacts" {
		delete(s, "pageToken")
		s["filters"].([]any)[0].(map[string]any)["field"] = "firstName"
		s["sort"].([]any)[0].(map[string]any)["field"] = "firstName"
	}
	return s
}

// shaped asserts that an answer has the fields of a sample, no others, and of their types; null is none. It notes which have a value.
func shaped(t *testing.T, name, at string, want, got any, valued map[string]bool) {
	t.Helper()
	if got == nil {
		return
	}
	if valued[at] = true; want == nil { // of any type
		return
	}
	if reflect.TypeOf(want) != reflect.TypeOf(got) {
		t.Errorf("%s: %s is %v, the page has %v", name, at, got, want)
		return
	}
	switch want := want.(type) {
	case []any:
		for _, one := range got.([]any) {
			shaped(t, name, at+"[]", want[0], one, valued)
		}
	case map[string]any:
		got := got.(map[string]any)
		if _, free := want["property1"]; free {
			for _, key := range []string{"property1", "property2"} {
				shaped(t, name, at+"."+key, want[key], got[key], valued)
			}
			return
		}
		if a, b := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)); !slices.Equal(a, b) {
			t.Errorf("%s: %s has %v, the page has %v", name, at, b, a)
		}
		for key := range want {
			shaped(t, name, at+"."+key, want[key], got[key], valued)
		}
	}
}

// leaves are the places of all fields in a sample.
func leaves(at string, sample any) (all []string) {
	switch v := sample.(type) {
	case []any:
		return leaves(at+"[]", v[0])
	case map[string]any:
		for key, value := range v {
			all = append(append(all, at+"."+key), leaves(at+"."+key, value)...)
		}
	}
	return all
}

// TestStatuses: what the page lists of statuses is what is answered, and what belongs to others is not found.
func TestStatuses(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		field := id(a.do("POST", "/custom-fields", map[string]any{"entityType": "CONTACT", "fieldKey": "k", "fieldType": "LIST"}))
		option := id(a.do("POST", "/custom-fields/"+field+"/options", map[string]any{"definitionId": 1, "value": "v"}))
		contact := id(a.do("POST", "/contacts", map[string]any{"customFields": map[string]any{"k": "v"}}))
		a.channel()
		for _, op := range crmtest.Load().Operations {
			if strings.HasPrefix(op.Path, "/tasks") { // TestTaskStatuses
				continue
			}
			path := strings.NewReplacer("contacts/{id}", "contacts/"+contact, "{id}", field, "{definitionId}", field, "{optionId}", option, "{messageId}", a.message).Replace(op.Path)
			sent := bodyOf(op.Sample)
			if sent != nil {
				sent = a.sample(op)
			}
			a.ask("va_nobody", op.Method, path, sent, http.StatusUnauthorized)
			if !strings.HasPrefix(path, "/contacts") || op.Method != "GET" && op.Name != "SearchContacts" {
				a.ask("va_reads", op.Method, path, sent, http.StatusForbidden)
			}
			if path != op.Path {
				a.ask("va_theirs", op.Method, path, sent, http.StatusNotFound)
			}
			a.ask("va_ours", op.Method, path+"?tenantId="+store.NewID(), sent, http.StatusNotFound)
			for _, status := range op.Statuses {
				if status == http.StatusBadRequest || sent != nil {
					a.ask("va_ours", op.Method, path+"?nonsense=1", sent, http.StatusBadRequest)
				}
			}
		}
		refusal := a.ask("va_ours", "DELETE", "/custom-fields/"+field, nil, http.StatusConflict)
		if !strings.Contains(fmt.Sprint(refusal["message"]), "force=true") {
			t.Errorf("the way out is not named: %v", refusal)
		}
		a.do("GET", "/custom-fields/"+field+"?tenantId="+a.org, nil)
		a.do("DELETE", "/custom-fields/"+field+"?force=true", nil)
		if left := a.do("GET", "/contacts/"+contact, nil)["customFields"]; len(left.(map[string]any)) != 0 {
			t.Errorf("the contact has %v", left)
		}
	})
}

// TestAddresses: addresses are the truth, and phone and email a view of them.
func TestAddresses(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		address := func(channel, text string) map[string]any {
			return map[string]any{"channelType": channel, "address": text}
		}
		c := a.do("POST", "/contacts", body{"phone": "+56 (9) 1234-5678", "email": " Jane@Example.com ", "addresses": []any{address("WHATSAPP", "+1555"), address("EMAIL", "jane@example.com")}})
		path := "/contacts/" + id(c)
		for _, step := range []struct {
			put          body
			want         string
			phone, email any
		}{
			{nil, "WHATSAPP +1555, EMAIL jane@example.com, PHONE +56912345678", "+56912345678", "jane@example.com"},
			{body{"phone": "+15550100001"}, "WHATSAPP +1555, EMAIL jane@example.com, PHONE +15550100001", "+15550100001", "jane@example.com"},
			{body{"phone": nil}, "WHATSAPP +1555, EMAIL jane@example.com", "+1555", "jane@example.com"},
			{body{"phone": nil}, "WHATSAPP +1555, EMAIL jane@example.com", "+1555", "jane@example.com"}, // it is no phone's
			{body{"phone": "+1555"}, "WHATSAPP +1555, EMAIL jane@example.com", "+1555", "jane@example.com"},
			{body{"email": "b@x.cl", "firstName": "B"}, "WHATSAPP +1555, EMAIL b@x.cl", "+1555", "b@x.cl"},
			{body{"addresses": []any{address("EMAIL", "c@x.cl"), address("EMAIL", "C@x.cl")}}, "EMAIL c@x.cl", nil, "c@x.cl"},
			{body{"addresses": []any{}, "phone": "+1666"}, "PHONE +1666", "+1666", nil},
		} {
			if step.put != nil {
				a.do("PUT", path, step.put)
			}
			c := a.do("GET", path, nil)
			var has []string
			for _, one := range c["addresses"].([]any) {
				has = append(has, fmt.Sprint(one.(body)["channelType"], " ", one.(body)["address"]))
			}
			if got := strings.Join(has, ", "); got != step.want || c["phone"] != step.phone || c["email"] != step.email {
				t.Errorf("after %v: %s, %v, %v, want %s, %v, %v", step.put, got, c["phone"], c["email"], step.want, step.phone, step.email)
			}
		}
		// What GET answers can be sent back, and changes nothing.
		before := a.do("GET", path, nil)
		if after := a.do("PUT", path, before); !reflect.DeepEqual(before, after) {
			t.Errorf("sent back: %v became %v", before, after)
		}
		a.refuses("PUT", path, body{"addresses": []any{address("FAX", "1")}}, "addresses[0].channelType")
		a.refuses("PUT", path, body{"addresses": []any{address("PHONE", " ")}}, "addresses[0].address")
		a.refuses("PUT", path, body{"colour": "red"}, "colour")
		a.refuses("POST", "/contacts", body{"id": 7}, "id")
	})
}

// TestCustomValues: values are of their field's type, and options of their list.
func TestCustomValues(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		for key, kind := range map[string]string{"s": "STRING", "n": "NUMBER", "d": "DATE", "b": "BOOLEAN", "l": "LIST", "f": "FILE"} {
			field := id(a.do("POST", "/custom-fields", body{"entityType": "CONTACT", "fieldKey": key, "fieldType": kind}))
			if status := map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[kind == "LIST"]; true {
				a.ask("va_ours", "POST", "/custom-fields/"+field+"/options", body{"definitionId": 1, "value": "<gold>"}, status)
			}
			a.refuses("POST", "/custom-fields", body{"entityType": "CONTACT", "fieldKey": key, "fieldType": kind}, "fieldKey")
			for _, same := range []string{"fieldType", "fieldKey", "entityType"} { // nothing has a value yet
				a.do("PUT", "/custom-fields/"+field, body{same: a.do("GET", "/custom-fields/"+field, nil)[same]})
			}
		}
		good := body{"s": "x", "n": 1.5, "d": "2024-02-15", "b": true, "l": "<gold>", "f": "file-1", "free": []any{1.0}}
		contact := "/contacts/" + id(a.do("POST", "/contacts", body{"customFields": good}))
		if got := a.do("GET", contact, nil)["customFields"]; !reflect.DeepEqual(got, any(good)) {
			t.Errorf("custom fields are %v, want %v", got, good)
		}
		for key, values := range map[string][]any{"s": {1, true}, "n": {"1", true}, "d": {"soon", 1, "2024-13-01"}, "b": {"true", 0}, "l": {"gold", 1}, "f": {1}, "a;b": {1}, " ": {1}} {
			for _, value := range values {
				a.refuses("PUT", contact, body{"customFields": body{key: value}}, "customFields."+key)
			}
		}
		got := a.do("PUT", contact, body{"customFields": body{"d": "2024-02-15T10:00:00-03:00", "s": nil, "n": nil, "free": nil, "b": nil}})["customFields"]
		if want := (body{"d": "2024-02-15T13:00:00.000Z", "l": "<gold>", "f": "file-1"}); !reflect.DeepEqual(got, any(want)) {
			t.Errorf("custom fields are %v, want %v", got, want)
		}
	})
}

// TestSearch: operators, and/or, order and pages, as a client writes them.
func TestSearch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		a.do("POST", "/custom-fields", body{"entityType": "CONTACT", "fieldKey": "n", "fieldType": "NUMBER"})
		a.do("POST", "/custom-fields", body{"entityType": "CONTACT", "fieldKey": "day", "fieldType": "DATE"})
		for i, name := range []string{"Ana", "José", "Bea", "Zoë"} {
			a.do("POST", "/contacts", body{
				"firstName": name, "userId": i, "phone": fmt.Sprint("+5691234567", i), "createdAt": fmt.Sprintf("2024-01-0%dT12:00:00Z", i+1),
				"customFields": body{"n": i * 10, "day": fmt.Sprintf("2024-02-0%d", i+1)},
			})
		}
		names := func(page body) string {
			var all []string
			for _, one := range page["items"].([]any) {
				all = append(all, fmt.Sprint(one.(body)["firstName"]))
			}
			return strings.Join(all, " ")
		}
		filter := func(field, operator string, value any, or ...bool) body {
			return body{"field": field, "operator": operator, "value": value, "or": len(or) > 0}
		}
		for _, c := range []struct {
			filters []any
			want    string // in the order of their ids
		}{
			{nil, "Ana José Bea Zoë"},
			{[]any{filter("firstName", "eq", "jose")}, "José"},
			{[]any{filter("firstName", "neq", "jose"), filter("firstName", "ne", "Ana")}, "Bea Zoë"},
			{[]any{filter("firstName", "contains", "E")}, "José Bea Zoë"},
			{[]any{filter("firstName", "notContains", "e")}, "Ana"},
			{[]any{filter("firstName", "startsWith", "z"), filter("phone", "endsWith", "3")}, "Zoë"},
			{[]any{filter("firstName", "in", []any{"Ana", "Bea"})}, "Ana Bea"},
			{[]any{filter("firstName", "notIn", []any{"Ana", "Bea"})}, "José Zoë"},
			{[]any{filter("customFields.n", "gte", "10"), filter("customFields.n", "lt", 30)}, "José Bea"},
			{[]any{filter("customFields.n", "gt", 9), filter("userId", "lte", 1)}, "José"},
			{[]any{filter("customFields.day", "gt", "2024-02-02")}, "Bea Zoë"},
			{[]any{filter("createdAt", "gte", "2024-01-02"), filter("createdAt", "lt", "2024-01-04T12:00:00Z")}, "José Bea"},
			{[]any{filter("firstName", "eq", "Ana"), filter("firstName", "eq", "Zoe", true), filter("userId", "eq", 3)}, "Zoë"},
			{[]any{filter("lastName", "exists", nil)}, ""},
			{[]any{filter("lastName", "notExists", nil), filter("addresses.channelType", "eq", "PHONE")}, "Ana José Bea Zoë"},
			{[]any{filter("addresses.address", "contains", "9 1234-5671")}, "José"},
		} {
			search := body{"filters": c.filters, "sort": []any{body{"field": "id"}}, "includeTotalCount": true}
			page := a.do("POST", "/contacts/search", search)
			if got := names(page); got != c.want || page["totalCount"] != float64(len(strings.Fields(c.want))) {
				t.Errorf("%v: %s of %v, want %s", c.filters, got, page["totalCount"], c.want)
			}
		}
		a.refuses("POST", "/contacts/search", body{"filters": []any{filter("colour", "eq", 1)}}, "filters[0].field")
		a.refuses("POST", "/contacts/search", body{"filters": []any{filter("id", "eq", "x"), filter("createdAt", "contains", "2024")}}, "filters[1].value")
		a.refuses("POST", "/contacts/search", body{"filters": []any{filter("firstName", "like", "x")}}, "filters[0].operator")
		a.refuses("POST", "/contacts/search", body{"pageToken": "nonsense"}, "pageToken")
		a.refuses("POST", "/contacts/search", body{"includeTotalCount": "maybe"}, "includeTotalCount")

		// Page by page, also while somebody comes first.
		search := body{"sort": []any{body{"field": "customFields.n", "direction": "desc"}}, "size": 2}
		first := a.do("POST", "/contacts/search", search)
		a.do("POST", "/contacts", body{"firstName": "New", "customFields": body{"n": 99}})
		search["pageToken"] = first["nextPageToken"]
		second := a.do("POST", "/contacts/search", search)
		if got := names(first) + " " + names(second); got != "Zoë Bea José Ana" || second["nextPageToken"] != nil || second["totalCount"] != nil {
			t.Errorf("pages are %s, then %v", got, second["nextPageToken"])
		}
		search["sort"] = []any{body{"field": "id"}}
		a.refuses("POST", "/contacts/search", search, "pageToken")

		for query, want := range map[string]string{
			"sortBy=firstName=asc&pageSize=2":           "Ana Bea",
			"sortBy=firstName=asc&pageSize=2&page=2":    "José New",
			"sortBy=firstName=desc;id=asc&searchBy=ana": "Ana",
			"searchBy=" + url.QueryEscape("jose 34567"): "José",
			"filterBy=firstName:ana;phone:+56912345670": "Ana", // with a plus that nobody escaped
			"filterBy=customFields.n:20&sortBy=":        "Bea",
			"filterBy=firstName:Ana;firstName:Bea":      "",
			"filterBy=createdAt:2024-01-01T12:00:00Z":   "Ana",
		} {
			if got := names(a.do("GET", "/contacts?"+query, nil)); got != want {
				t.Errorf("?%s: %s, want %s", query, got, want)
			}
		}
		a.refuses("GET", "/contacts?filterBy=colour:red", nil, "filterBy")
		a.refuses("GET", "/contacts?sortBy=firstName=up", nil, "sortBy")
		a.refuses("GET", "/contacts?pageSize=101", nil, "pageSize")
		a.refuses("GET", "/contacts?page=1&pageToken="+fmt.Sprint(first["nextPageToken"]), nil, "page")
	})
}

// TestFieldLists: definitions and options are filtered, searched, sorted and paged.
func TestFieldLists(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		for i, key := range []string{"b", "a", "c"} {
			a.do("POST", "/custom-fields", body{"entityType": []string{"CONTACT", "COMPANY"}[i%2], "fieldKey": key, "fieldType": "LIST", "fieldLabel": "Label " + key})
		}
		keys := func(page body) string {
			var all []string
			for _, one := range page["items"].([]any) {
				all = append(all, fmt.Sprint(one.(body)["fieldKey"]))
			}
			return strings.Join(all, "")
		}
		for query, want := range map[string]string{
			"": "bac", "filterBy=entityType:CONTACT": "bc", "filterBy=entityType:contact;fieldKey:c": "c", "searchBy=LABEL+company": "a", "sortBy=fieldKey=desc": "cba",
			"sortBy=entityType;fieldKey=desc": "acb", "pageSize=2&page=2": "c", "sortBy=id=desc&pageSize=0.1": "c",
		} {
			if got := keys(a.do("GET", "/custom-fields?"+query, nil)); got != want {
				t.Errorf("?%s: %s, want %s", query, got, want)
			}
		}
		first := a.do("GET", "/custom-fields?pageSize=2", nil)
		if got := keys(a.do("GET", "/custom-fields?pageSize=2&pageToken="+fmt.Sprint(first["nextPageToken"]), nil)); got != "c" || first["totalCount"] != 3.0 {
			t.Errorf("the second page has %s, of %v", got, first["totalCount"])
		}
		a.refuses("GET", "/custom-fields?filterBy=colour:red", nil, "filterBy")
		a.refuses("GET", "/custom-fields?pageToken=nonsense", nil, "pageToken")
	})
}
