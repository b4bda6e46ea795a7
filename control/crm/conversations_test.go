package crm_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/store"
)

type object = map[string]any

// talks asks an operation of conversations for whatever its sample does not show; nil: it is another operation. Full is a contact.
func (a *api) talks(operation string, full object) object {
	switch operation {
	case "CreateMessage":
		file := a.do("POST", "/messages/whatsapp/media", a.letter("UploadMedia", object{"fileName": "a.png"}))["fileId"]
		made := a.do("POST", "/messages/whatsapp", object{"fromPhoneNumber": ours, "toPhoneNumber": theirs, "type": "image", "content": "x", "fileId": file, "userId": "7", "customFields": full["customFields"]})
		return a.named(made)
	case "CreateTemplateMessage":
		return a.named(a.do("POST", "/messages/whatsapp/template", object{"fromPhoneNumber": ours, "toPhoneNumber": theirs, "templateName": "x", "languageCode": "es", "customFields": full["customFields"]}))
	case "Create":
		return a.do("POST", "/conversations", object{"funnelId": 7, "contactId": a.known(full), "userId": 1, "funnelStatusId": 2, "customFields": full["customFields"]})
	case "BulkCreate":
		who := object{"funnelId": 8, "contact": object{"phones": []any{"+15550001"}}}
		answer := a.do("POST", "/conversations/bulk", object{"other": 1, "conversations": []any{
			who, who, object{"funnelId": 1, "contactId": 999999}, object{"funnelId": 1, "contactId": 0.1, "contact": object{"phones": []any{"+15550002"}}},
		}})
		if d := fmt.Sprint(answer["report"].(object)["counts"]); d != "map[duplicates:1 errors:1 successful:2 total:4 warnings:1]" {
			a.t.Errorf("bulk: %s", d)
		}
		return answer
	case "BulkUpdate":
		created := a.do("POST", "/conversations", object{"funnelId": 9, "contact": object{"phones": []any{"+15550003"}}, "archivedAt": "2024-01-01T00:00:00Z"})
		open := a.do("POST", "/conversations", object{"funnelId": 9, "contact": object{"phones": []any{"+15550003"}}})
		return a.do("PUT", "/conversations/bulk", object{"other": 1, "conversations": []any{
			object{"id": created["id"], "archivedAt": nil}, object{"id": open["id"], "colour": "red"}, object{"id": 999999},
		}})
	}
	return nil
}

// known is a contact who has a thread and a call.
func (a *api) known(full object) any {
	ctx, at := a.t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	c := a.do("POST", "/contacts", full)
	bot, err := a.db.CreateBot(ctx, store.Bot{ID: store.NewID(), Org: a.org, Name: "Bot", Type: store.WhatsAppBot, Created: at})
	must(a.t, err)
	_, err = a.db.CreateConversation(ctx, store.Conversation{ID: store.NewID(), Org: a.org, Bot: bot.ID, Channel: store.WhatsApp, External: c["phone"].(string),
		Status: store.ConversationCompleted, Length: store.NoLength, Contact: id(c), Created: at})
	must(a.t, err)
	call := store.Call{ID: store.NewID(), Org: a.org, Direction: store.Inbound, Status: store.Completed, Leg: "sip", From: c["phone"].(string), To: "+1999", Created: at, End: store.End{Ended: at}}
	must(a.t, a.db.Record(ctx, []store.Entry{{Began: &call}}))
	return c["id"]
}

// TestConversation: whom a conversation is with is told by contactId, or by addresses: a contact is matched and merged, or made.
func TestConversation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		jane := a.do("POST", "/contacts", object{"firstName": "Jane", "email": "jane@x.cl", "phone": "+56912345678", "nationalId": "1"})
		first := a.do("POST", "/conversations", object{"funnelId": 1, "userId": 3, "customFields": object{"a": 1}, "contact": object{
			"phones": []any{"+56 9 1234 5678", "+56911111111"}, "lastName": "Doe", "nationalId": nil, "customFields": object{"b": "x"},
		}})
		who := first["contacts"].([]any)[0].(object)
		if first["contactId"] != jane["id"] || who["firstName"] != "Jane" || who["lastName"] != "Doe" || who["nationalId"] != "1" || len(who["addresses"].([]any)) != 3 ||
			who["customFields"].(object)["b"] != "x" || first["customFields"].(object)["a"] != 1.0 || first["archivedAt"] != nil {
			t.Errorf("matched by a phone: %v", first)
		}
		again := a.do("POST", "/conversations", object{"funnelId": 1, "contact": object{"emails": []any{"JANE@x.cl"}}})
		if again["id"] != first["id"] || again["userId"] != 3.0 {
			t.Errorf("asked for again: %v", again)
		}
		other := a.do("POST", "/conversations", object{"funnelId": 1, "contact": object{"emails": []any{"new@x.cl"}}})
		if other["contactId"] == jane["id"] {
			t.Errorf("somebody new: %v", other)
		}
		named := a.do("POST", "/conversations", object{"funnelId": 1, "contactId": other["contactId"], "contact": object{"phones": []any{"+56912345678"}}})
		if named["id"] != other["id"] || len(named["contacts"].([]any)[0].(object)["addresses"].([]any)) != 2 {
			t.Errorf("named by contactId: %v", named)
		}
		for field, wrong := range map[string]object{
			"funnelId": {"contactId": jane["id"]}, "contact": {"funnelId": 1}, "contactId": {"funnelId": 1, "contactId": 999999}, "contact.phones": {"funnelId": 1, "contact": object{"firstName": "X"}},
			"contact.phones[0]": {"funnelId": 1, "contact": object{"phones": []any{" "}}}, "archivedAt": {"funnelId": 1, "contactId": jane["id"], "archivedAt": "soon"},
			"customFields.a;b": {"funnelId": 1, "contactId": jane["id"], "customFields": object{"a;b": 1}}, "colour": {"funnelId": 1, "contactId": jane["id"], "colour": "red"},
			"contact.customFields.a;b": {"funnelId": 1, "contactId": jane["id"], "contact": object{"customFields": object{"a;b": 1}}},
		} {
			a.refuses("POST", "/conversations", wrong, field)
		}
		a.ask("va_theirs", "POST", "/conversations", object{"funnelId": 1, "contactId": jane["id"]}, http.StatusBadRequest)

		a.do("DELETE", "/contacts/"+id(jane), nil)
		a.do("POST", "/custom-fields", object{"entityType": "FUNNEL_CONVERSATION", "fieldKey": "n", "fieldType": "NUMBER"})
		a.refuses("POST", "/conversations", object{"funnelId": 2, "contactId": other["contactId"], "customFields": object{"n": "1"}}, "customFields.n")
		a.do("POST", "/conversations", object{"funnelId": 2, "contactId": other["contactId"], "customFields": object{"n": 1}})
	})
}

// TestBulk: what is right is taken whatever is wrong with the rest, everything that is wrong is named, and the same request makes nothing twice.
func TestBulk(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a *api) {
		field := id(a.do("POST", "/custom-fields", object{"entityType": "FUNNEL_CONVERSATION", "fieldKey": "tier", "fieldType": "LIST"}))
		a.do("POST", "/custom-fields/"+field+"/options", object{"definitionId": 1, "value": "gold"})
		var items []any
		for i := range 450 {
			items = append(items, object{"funnelId": 1, "customFields": object{"tier": "gold"}, "contact": object{"firstName": "N" + strconv.Itoa(i), "phones": []any{fmt.Sprintf("+5690000%04d", i)}}})
		}
		items[3] = object{"contact": object{"phones": []any{"+1"}}}
		items[5] = "nonsense"
		items[7] = object{"funnelId": "1", "contact": object{"phones": []any{"+1"}}}
		items[9] = object{"funnelId": 1}
		items[11] = object{"funnelId": 1, "customFields": object{"tier": "lead"}, "contact": object{"emails": []any{"a@x.cl"}}}
		items[13] = items[12]
		items[250] = items[249] // the same batch
		items[449] = items[0]   // another
		want := map[int]string{3: "REQUIRED_FIELD funnelId", 5: "INVALID_TYPE conversation", 7: "INVALID_TYPE funnelId", 9: "REQUIRED_FIELD contact", 11: "INVALID_VALUE customFields.tier", 13: "", 250: "", 449: ""}
		report := func(answer object) object { return answer["report"].(object) }
		first := report(a.do("POST", "/conversations/bulk", object{"conversations": items}))
		got := map[int]string{}
		for _, one := range first["itemsIssues"].([]any) {
			one := one.(object)
			text := ""
			for _, e := range one["errors"].([]any) {
				text = strings.TrimSpace(text + " " + fmt.Sprint(e.(object)["code"], " ", e.(object)["field"]))
			}
			if (text == "") != (one["existingEntities"] != nil) {
				t.Errorf("of a duplicate there is %v", one)
			}
			got[int(one["index"].(float64))] = text
		}
		if !maps.Equal(got, want) {
			t.Errorf("issues %v, want %v", got, want)
		}
		counts := object{"successful": 442.0, "duplicates": 3.0, "errors": 5.0, "warnings": 0.0, "total": 450.0}
		if !reflect.DeepEqual(first["counts"], any(counts)) {
			t.Errorf("counts %v", first["counts"])
		}
		counts["successful"], counts["duplicates"] = 0.0, 445.0
		if again := report(a.do("POST", "/conversations/bulk", object{"conversations": items}))["counts"]; !reflect.DeepEqual(again, any(counts)) {
			t.Errorf("sent again: %v", again)
		}
		if n := a.do("GET", "/contacts", nil)["totalCount"]; n != 442.0 {
			t.Errorf("%v contacts", n)
		}

		// Changes: of the conversations that were there, by what the report told.
		var changes []any
		for _, one := range report(a.do("POST", "/conversations/bulk", object{"conversations": items[20:40]}))["itemsIssues"].([]any) {
			changes = append(changes, object{"id": one.(object)["itemId"], "funnelStatusId": 4, "createdAt": "2019-08-24T14:15:22Z", "contact": object{"lastName": "L", "emails": []any{"l@x.cl"}}})
		}
		changes = append(changes, object{"funnelStatusId": 1}, object{"id": 0.1}, object{"id": changes[0].(object)["id"], "customFields": object{"tier": "lead"}},
			object{"id": changes[1].(object)["id"], "contact": object{"id": 999999}}, nil)
		second := report(a.do("PUT", "/conversations/bulk", object{"conversations": changes}))
		if want := (object{"successful": 20.0, "duplicates": 0.0, "errors": 5.0, "warnings": 0.0, "total": 25.0}); !reflect.DeepEqual(second["counts"], any(want)) {
			t.Errorf("changed %v", second)
		}
		if n := a.do("GET", "/contacts?filterBy=lastName:L;email:l@x.cl", nil)["totalCount"]; n != 20.0 {
			t.Errorf("%v contacts have changed", n)
		}
		foreign := report(a.ask("va_theirs", "PUT", "/conversations/bulk", object{"conversations": changes[:20]}, http.StatusOK))
		if foreign["counts"].(object)["errors"] != 20.0 || strings.Contains(fmt.Sprint(foreign), a.org) {
			t.Errorf("another organisation's: %v", foreign)
		}
		a.refuses("POST", "/conversations/bulk", object{}, "conversations")
		a.refuses("POST", "/conversations/bulk", object{"conversations": 1}, "conversations")
		a.refuses("PUT", "/conversations/bulk", []any{}, "body")
	})
}
