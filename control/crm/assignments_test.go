package crm_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/control/crm/crmtest"
	"parley/store"
)

type body = map[string]any

// taskOperations are those of the contract's that are about tasks.
func taskOperations(t *testing.T) (all []crmtest.Operation) {
	t.Helper()
	for _, op := range crmtest.Load().Operations {
		if strings.HasPrefix(op.Path, "/tasks") {
			all = append(all, op)
		}
	}
	if len(all) != 5 {
		t.Fatalf("the contract has %d operations of tasks", len(all))
	}
	return all
}

// wholeTask has a value for every field of a task.
func wholeTask() body {
	return body{
		"context": body{"conversationId": 7}, "objective": "Ask them", "createdBy": body{"id": "1", "type": "user"}, "assignedTo": body{"id": "2", "type": "user"},
		"dueDate": "2024-02-15T10:00:00Z", "status": "completed", "completedAt": "2024-02-15T11:00:00Z", "cancelledAt": "2024-02-15T12:00:00Z", "cancellationReason": "no need",
	}
}

// TestTaskContract is TestContract of tasks. A title is no part of the page's answers, though it is of its example.
func TestTaskContract(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		a.do("POST", "/tasks", wholeTask())
		task := id(a.do("POST", "/tasks", wholeTask()))
		for _, op := range taskOperations(t) {
			path := strings.Replace(op.Path, "{taskId}", task, 1)
			var answers []body
			switch op.Method {
			case "GET":
				answers = append(answers, a.do("GET", path, nil))
				if op.Query != nil {
					answers = append(answers, a.do("GET", path+"?limit=1", nil))
				}
			case "POST", "PUT":
				answers = append(answers, a.do(op.Method, path, op.Sample), a.do(op.Method, path, wholeTask()))
			case "DELETE":
				answers = append(answers, a.do("DELETE", "/tasks/"+id(a.do("POST", "/tasks", wholeTask())), nil))
			}
			if e := op.Example; e != nil { // as it is printed, but for an id that there is not
				answers = append(answers, a.do(op.Method, strings.Replace(e.Path, "task_123", task, 1), bodyOf(e.Body)))
			}
			valued := map[string]bool{}
			for _, answer := range answers {
				delete(answer, "title")
				for _, one := range listed(answer) {
					delete(one, "title")
				}
				shaped(t, op.Name, "", op.Answer, answer, valued)
			}
			for _, at := range leaves("", op.Answer) {
				if !valued[at] {
					t.Errorf("%s: %s never has a value", op.Name, at)
				}
			}
		}
	})
}

// listed are the items of a page.
func listed(page body) (all []body) {
	items, _ := page["items"].([]any)
	for _, one := range items {
		all = append(all, one.(body))
	}
	return all
}

// TestTaskStatuses is TestStatuses of tasks.
func TestTaskStatuses(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		task := id(a.do("POST", "/tasks", wholeTask()))
		for _, op := range taskOperations(t) {
			path, sent := strings.Replace(op.Path, "{taskId}", task, 1), bodyOf(op.Sample)
			a.ask("va_nobody", op.Method, path, sent, http.StatusUnauthorized)
			a.ask("va_reads", op.Method, path, sent, http.StatusForbidden)
			if path != op.Path {
				a.ask("va_theirs", op.Method, path, sent, http.StatusNotFound)
				a.ask("va_ours", op.Method, "/tasks/task_123", sent, http.StatusNotFound)
				a.ask("va_ours", op.Method, "/tasks/"+store.NewID(), sent, http.StatusNotFound)
			}
			a.ask("va_ours", op.Method, path+"?tenantId="+store.NewID(), sent, http.StatusNotFound)
			a.ask("va_ours", op.Method, path+"?nonsense=1", sent, http.StatusBadRequest)
		}
		if items := listed(a.ask("va_theirs", "GET", "/tasks", nil, http.StatusOK)); len(items) != 0 {
			t.Errorf("others see %v", items)
		}
		for field, change := range map[string]body{
			"objective": {"objective": " "}, "assignedTo": {"assignedTo": nil}, "assignedTo.type": {"assignedTo": body{"id": "1", "type": "robot"}},
			"assignedTo.id": {"assignedTo": body{"id": store.NewID(), "type": "ai_employee"}}, "status": {"status": "pending"}, "dueDate": {"dueDate": "soon"}, "colour": {"colour": "red"},
			"context.conversationId": {"context": body{"conversationId": "x"}},
		} {
			a.refuses("PUT", "/tasks/"+task, change, field)
			whole := wholeTask()
			for k, v := range change {
				whole[k] = v
			}
			a.refuses("POST", "/tasks", whole, field)
		}
		a.refuses("POST", "/tasks", body{"assignedTo": body{"id": "1", "type": "user"}}, "objective")
		a.refuses("POST", "/tasks", body{"objective": "x"}, "assignedTo")
		for _, q := range []string{"status=open", "limit=101", "dueBefore=soon", "pageToken=nonsense", "assignedToType=robot"} {
			a.refuses("GET", "/tasks?"+q, nil, strings.Split(q, "=")[0])
		}
	})
}

// TestTaskStates: a task is overdue once its date has passed, and closed by status or by moments.
func TestTaskStates(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		made := a.do("POST", "/tasks", body{"objective": "x", "assignedTo": body{"id": "1", "type": "user"}})
		path := "/tasks/" + id(made)
		if by := made["createdBy"].(body); by["type"] != "user" || by["id"] == "" || made["publishedAt"] != made["createdAt"] || made["status"] != "scheduled" {
			t.Errorf("a task begins as %v", made)
		}
		for _, step := range []struct {
			put                 body
			status              string
			completed, cancelld any // true: now
			reason              any
		}{
			{body{"dueDate": "2024-02-15T10:00:00Z"}, "overdue", nil, nil, nil},
			{body{"dueDate": "2999-02-15T10:00:00Z"}, "scheduled", nil, nil, nil},
			{body{"status": "overdue"}, "scheduled", nil, nil, nil}, // it is the date that tells
			{body{"status": "completed"}, "completed", true, nil, nil},
			{body{"objective": "y"}, "completed", true, nil, nil},
			{body{"status": "cancelled", "cancellationReason": "no need"}, "cancelled", nil, true, "no need"},
			{body{"dueDate": nil}, "cancelled", nil, true, "no need"},
			{body{"status": "scheduled"}, "scheduled", nil, nil, nil},
			{body{"completedAt": "2024-02-15T10:00:00Z"}, "completed", "2024-02-15T10:00:00Z", nil, nil},
			{body{"completedAt": nil}, "scheduled", nil, nil, nil},
			{body{"cancelledAt": "2024-02-15T10:00:00Z"}, "cancelled", nil, "2024-02-15T10:00:00Z", nil},
			{body{"cancelledAt": nil}, "scheduled", nil, nil, nil},
		} {
			got := a.do("PUT", path, step.put)
			for field, want := range map[string]any{"status": step.status, "completedAt": step.completed, "cancelledAt": step.cancelld, "cancellationReason": step.reason} {
				is := got[field]
				if at, ok := want.(string); ok && strings.HasPrefix(at, "2024") {
					if s, _ := is.(string); !strings.HasPrefix(s, "2024-02-15T10:00:00") {
						t.Errorf("after %v %s is %v, want %s", step.put, field, is, at)
					}
				} else if want == true && is == nil || want != true && is != want {
					t.Errorf("after %v %s is %v, want %v", step.put, field, is, want)
				}
			}
		}
		before := a.do("GET", path, nil)
		if after := a.do("PUT", path, before); !reflect.DeepEqual(before, after) { // what GET answered can be sent back
			t.Errorf("sent back: %v became %v", before, after)
		}
	})
}

// TestTaskList: filters, pages and totals.
func TestTaskList(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		for _, b := range []body{
			{"objective": "a", "dueDate": "2024-02-15T10:00:00Z"}, {"objective": "b", "dueDate": "2999-02-15T10:00:00Z", "context": body{"conversationId": 0.1}}, {"objective": "c"},
			{"objective": "d", "status": "completed", "dueDate": "2024-03-15T10:00:00Z"}, {"objective": "e", "status": "cancelled", "assignedTo": body{"id": "2", "type": "user"}},
		} {
			if b["assignedTo"] == nil {
				b["assignedTo"] = body{"id": "1", "type": "user"}
			}
			a.do("POST", "/tasks", b)
		}
		objectives := func(page body) (all string) {
			for _, one := range listed(page) {
				all += fmt.Sprint(one["objective"])
			}
			return all
		}
		for query, want := range map[string]string{
			"": "edcba", "status=pending": "cba", "status=overdue": "a", "status=scheduled": "cb", "status=completed": "d", "status=cancelled": "e",
			"dueBefore=2024-03-01T00:00:00Z": "a", "dueAfter=2024-03-01T00:00:00Z": "db", "dueAfter=2024-03-01T00:00:00Z&dueBefore=2025-01-01T00:00:00Z": "d",
			"conversationId=0.1": "b", "conversationId=1": "", "assignedToId=2": "e", "assignedToType=user&assignedToId=1&status=pending": "cba", "assignedToType=ai_employee": "",
		} {
			page := a.do("GET", "/tasks?"+query, nil)
			if got := objectives(page); got != want || page["totalCount"] != float64(len(want)) || page["nextPageToken"] != nil {
				t.Errorf("?%s: %s of %v, want %s", query, got, page["totalCount"], want)
			}
		}
		first := a.do("GET", "/tasks?limit=2", nil)
		a.do("POST", "/tasks", body{"objective": "new", "assignedTo": body{"id": "1", "type": "user"}})
		second := a.do("GET", fmt.Sprint("/tasks?limit=2&pageToken=", first["nextPageToken"]), nil)
		if got := objectives(first) + " " + objectives(second); got != "ed cb" || second["nextPageToken"] == nil {
			t.Errorf("pages are %s", got)
		}
	})
}

// TestTaskFields: tasks take custom values of their own fields' types, and hold their definitions.
func TestTaskFields(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		field := "/custom-fields/" + id(a.do("POST", "/custom-fields", body{"entityType": "TASK", "fieldKey": "tier", "fieldType": "LIST"}))
		option := field + "/options/" + id(a.do("POST", field+"/options", body{"definitionId": 1, "value": "gold"}))
		whole := wholeTask()
		whole["customFields"] = body{"tier": "gold", "free": 1.0}
		path := "/tasks/" + id(a.do("POST", "/tasks", whole))
		a.refuses("PUT", path, body{"customFields": body{"tier": "silver"}}, "customFields.tier")
		a.do("POST", "/contacts", body{"customFields": body{"tier": 1}}) // it is no contact's
		for _, step := range []struct {
			do   func()
			want any
		}{
			{func() {}, body{"tier": "gold", "free": 1.0}},
			{func() { a.do("PUT", path, body{"customFields": body{"free": nil}, "title": "T"}) }, body{"tier": "gold"}},
			{func() { a.do("PUT", option, body{"value": "best"}) }, body{"tier": "best"}},
			{func() { a.ask("va_ours", "DELETE", field, nil, http.StatusConflict) }, body{"tier": "best"}},
			{func() { a.ask("va_ours", "PUT", field, body{"fieldType": "STRING"}, http.StatusBadRequest) }, body{"tier": "best"}},
			{func() { a.do("DELETE", option, nil) }, nil},
			{func() { a.do("PUT", path, body{"customFields": body{"other": true}}) }, body{"other": true}},
			{func() { a.do("PUT", path, body{"customFields": nil}) }, nil},
		} {
			step.do()
			if got := a.do("GET", path, nil)["customFields"]; !reflect.DeepEqual(got, step.want) {
				t.Errorf("custom fields are %v, want %v", got, step.want)
			}
			if items := listed(a.do("GET", "/tasks", nil)); !reflect.DeepEqual(items[0]["customFields"], step.want) {
				t.Errorf("the list has %v, want %v", items[0]["customFields"], step.want)
			}
		}
		a.refuses("PUT", path, body{"customFields": body{"tier": "gold"}}, "customFields.tier") // the option is gone, not the field
		a.do("POST", field+"/options", body{"definitionId": 1, "value": "x"})
		a.do("PUT", path, body{"customFields": body{"tier": "x", "l": 1}})
		a.do("DELETE", field+"?force=true", nil)
		if got := a.do("GET", path, nil)["customFields"]; !reflect.DeepEqual(got, any(body{"l": 1.0})) {
			t.Errorf("custom fields are %v", got)
		}
	})
}

// TestTaskOfAgent: a task of an AI employee waits for its agent, which is named by id or number.
func TestTaskOfAgent(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		agent, err := a.db.CreateAgent(t.Context(), store.Agent{ID: store.NewID(), Org: a.org, Name: "Ada", Enabled: true, Created: time.Now().UTC()})
		must(t, err)
		for _, name := range []string{agent.ID, strings.ToUpper(agent.ID), fmt.Sprint(agent.Number)} {
			made := a.do("POST", "/tasks", body{"objective": "Call them", "dueDate": "2999-02-15T10:00:00Z", "assignedTo": body{"id": name, "type": "ai_employee"}})
			work, _ := made["work"].(body)
			if made["assignedTo"].(body)["id"] != name || work["state"] != "waiting" || !strings.HasPrefix(fmt.Sprint(work["beginsAt"]), "2999-02-15T10:00:00") {
				t.Errorf("by %s: %v", name, made)
			}
			path := "/tasks/" + id(made)
			if work, _ := a.do("PUT", path, body{"publishedAt": nil})["work"].(body); work["state"] != "waiting" || work["beginsAt"] != nil {
				t.Errorf("a draft is %v", work)
			}
			if made := a.do("PUT", path, body{"assignedTo": body{"id": "7", "type": "user"}}); made["work"] != nil {
				t.Errorf("a person's is %v", made["work"])
			}
			a.refuses("PUT", path, body{"assignedTo": body{"id": "99999", "type": "ai_employee"}}, "assignedTo.id")
			a.ask("va_theirs", "POST", "/tasks", body{"objective": "x", "assignedTo": body{"id": name, "type": "ai_employee"}}, http.StatusBadRequest)
		}
	})
}
