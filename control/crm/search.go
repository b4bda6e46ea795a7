package crm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/control/envelope"
	"parley/store"
)

// ContactSearch is the body of POST /contacts/search.
type ContactSearch struct {
	Search            string          `json:"search,omitempty" maxLength:"200" doc:"Words, each of which stands somewhere in names, addresses, national id, position or provider's id."`
	Filters           []ContactFilter `json:"filters,omitempty" maxItems:"50" doc:"All of them hold; one with or holds in place of the one before it."`
	Sort              []ContactSort   `json:"sort,omitempty" maxItems:"5" doc:"By what to sort, first things first; newest first if there is none."`
	Size              float64         `json:"size,omitempty" exclusiveMinimum:"0" maximum:"100" default:"20" doc:"Rows of a page."`
	PageToken         string          `json:"pageToken,omitempty" maxLength:"4000" doc:"The nextPageToken of the page before, with the same sort."`
	IncludeArchived   Flag            `json:"includeArchived,omitempty" doc:"Changes nothing: contacts are not archived."`
	IncludeTotalCount Flag            `json:"includeTotalCount,omitempty" doc:"Whether to count the rows on all pages."`
}

// ContactFilter is a condition of a search.
type ContactFilter struct {
	Field    string `json:"field" minLength:"1" maxLength:"100" doc:"A field of contacts, such as firstName, addresses.address or customFields.tier."`
	Operator string `json:"operator" enum:"eq,neq,ne,contains,notContains,startsWith,endsWith,in,notIn,gt,gte,lt,lte,exists,notExists" doc:"How it compares. Case and accents do not matter."`
	Value    Any    `json:"value,omitempty" doc:"A text, a number, a boolean, or an array of these: one of them is enough. exists and notExists take none."`
	Or       bool   `json:"or,omitempty" doc:"It is enough if this or the filter before holds. Or binds closer than and."`
}

// ContactSort is by what a search is sorted.
type ContactSort struct {
	Field     string `json:"field" minLength:"1" maxLength:"100"`
	Direction string `json:"direction,omitempty" enum:"asc,desc" default:"asc"`
}

// operators are the words of the API for those of the store.
var operators = map[string]store.ContactOp{
	"eq": store.ContactIs, "neq": store.ContactIsNot, "ne": store.ContactIsNot, "contains": store.ContactHas, "notContains": store.ContactHasNot,
	"startsWith": store.ContactBegins, "endsWith": store.ContactEnds, "in": store.ContactIs, "notIn": store.ContactIsNot, "gt": store.ContactAbove,
	"gte": store.ContactAtLeast, "lt": store.ContactBelow, "lte": store.ContactAtMost, "exists": store.ContactIsSet, "notExists": store.ContactIsNotSet,
}

// kind is how a field's values are read.
type kind int

const (
	ofText kind = iota
	ofAddress
	ofNumber
	ofMoment
	ofDate
	ofTruth
	ofAnything // a custom field that has no definition
)

// A column is a field that contacts are found and sorted by.
type column struct {
	field string
	kind  kind
}

var columns = map[string]column{
	"id": {store.ContactNumber, ofNumber}, "userId": {store.ContactUser, ofNumber}, "contactCompanyId": {store.ContactCompany, ofNumber},
	"providerId": {store.ContactProviderID, ofText}, "providerName": {store.ContactProviderName, ofText}, "nationalId": {store.ContactNationalID, ofText},
	"firstName": {store.ContactFirstName, ofText}, "lastName": {store.ContactLastName, ofText}, "companyPosition": {store.ContactPosition, ofText},
	"email": {store.ContactEmail, ofAddress}, "phone": {store.ContactPhone, ofAddress}, "addresses.address": {store.ContactAddress, ofAddress},
	"addresses.channelType": {store.ContactChannel, ofText}, "addresses.id": {store.ContactAddressNumber, ofNumber},
	"createdAt": {store.ContactCreated, ofMoment}, "updatedAt": {store.ContactUpdated, ofMoment},
}

// column finds a field by its name, or says what names there are.
func (b book) column(name string) (c column, wrong string) {
	if c, ok := columns[name]; ok {
		return c, ""
	}
	key, custom := strings.CutPrefix(name, "customFields.")
	if !custom || key == "" {
		return c, fmt.Sprintf("there is no field %s: there are %s and customFields.KEY", name, strings.Join(slices.Sorted(maps.Keys(columns)), ", "))
	}
	c = column{store.ContactCustom + key, ofAnything}
	if f, ok := b[key]; ok {
		c.kind = map[store.FieldKind]kind{store.FieldNumber: ofNumber, store.FieldDate: ofDate, store.FieldBoolean: ofTruth}[f.Kind]
	}
	return c, ""
}

// search is what a body asks of the store.
func (b book) search(in ContactSearch) (store.ContactQuery, error) {
	q := store.ContactQuery{Words: strings.Fields(in.Search), Page: store.Page{Limit: int(math.Ceil(in.Size))}}
	bad := map[string]string{}
	for i, f := range in.Filters {
		at := fmt.Sprintf("filters[%d].", i)
		c, wrong := b.column(f.Field)
		if wrong != "" {
			bad[at+"field"] = wrong
			continue
		}
		test, wrong := c.test(f.Operator, f.Value.Text)
		if wrong != "" {
			bad[at+"value"] = wrong
		}
		if last := len(q.Tests) - 1; f.Or && last >= 0 {
			q.Tests[last] = append(q.Tests[last], test)
		} else {
			q.Tests = append(q.Tests, []store.ContactTest{test})
		}
	}
	for i, s := range in.Sort {
		c, wrong := b.column(s.Field)
		if wrong != "" {
			bad[fmt.Sprintf("sort[%d].field", i)] = wrong
		}
		q.Order = append(q.Order, c.order(s.Direction == "desc"))
	}
	if err := invalid(bad); err != nil {
		return q, err
	}
	return q, after(&q, in.PageToken)
}

func (c column) order(down bool) store.ContactOrder {
	return store.ContactOrder{Field: c.field, Numeric: c.kind == ofNumber, Down: down}
}

// test is a filter's, or what is wrong with its value.
func (c column) test(operator string, value json.RawMessage) (t store.ContactTest, wrong string) {
	t = store.ContactTest{Field: c.field, Op: operators[operator]}
	if t.Op == store.ContactIsSet || t.Op == store.ContactIsNotSet {
		return t, ""
	}
	var given []json.RawMessage
	if json.Unmarshal(value, &given) != nil {
		given = []json.RawMessage{value}
	}
	if len(given) == 0 || len(given) > mostOperands {
		return t, fmt.Sprintf("must be one value, or up to %d", mostOperands)
	}
	for _, one := range given {
		v, wrong := c.operand(t.Op, one)
		if wrong != "" {
			return t, wrong
		}
		t.Values = append(t.Values, v)
	}
	return t, ""
}

const mostOperands = 100

// operand reads a value as the field's kind has it, or says what is wrong with it.
func (c column) operand(op store.ContactOp, text json.RawMessage) (v store.Operand, wrong string) {
	var any any
	_ = json.Unmarshal(text, &any) // what was left out is null
	switch is := any.(type) {
	case string:
		v.Text = is
	case float64:
		v = store.Operand{Text: decimal(&is), Value: is, Numeric: true}
	case bool:
		v.Text = strconv.FormatBool(is)
	default:
		return v, "must be a text, a number, true or false"
	}
	ordered := op != store.ContactHas && op != store.ContactHasNot && op != store.ContactBegins && op != store.ContactEnds
	switch c.kind {
	case ofNumber:
		if n := figure(v.Text); ordered && (n == nil || math.IsInf(*n, 0) || math.IsNaN(*n)) {
			return v, "must be a number"
		} else if ordered {
			v = store.Operand{Text: decimal(n), Value: *n, Numeric: true}
		}
	case ofMoment:
		at, ok := moment(v.Text)
		if !ordered || !ok {
			return v, "must be a date or a moment, compared by eq, neq, in, notIn, gt, gte, lt or lte"
		}
		return store.Operand{Text: store.MomentText(at)}, ""
	case ofDate:
		if day, ok := date(v.Text); ordered && !ok {
			return v, "must be a date or a moment"
		} else if ordered {
			v.Text = day
		}
	case ofTruth:
		if v.Text != "true" && v.Text != "false" {
			return v, "must be true or false"
		}
	case ofAddress:
		v = store.Operand{Text: searchedAddress(v.Text)}
	case ofText:
		v.Numeric = false
	case ofAnything:
	}
	return v, ""
}

// moment reads a date, which is its beginning in UTC, or a moment.
func moment(text string) (time.Time, bool) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

// searchedAddress is an address, or a part of one, as contacts keep it: what stands between the digits of phone numbers is left out.
func searchedAddress(text string) string {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "+0123456789 -().") != "" {
		return text
	}
	return strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(text)
}

// listing is what a list asks of the store.
func (b book) listing(in *List) (q store.ContactQuery, err error) {
	q = store.ContactQuery{Words: strings.Fields(in.SearchBy), Page: store.Page{Limit: in.size(), Offset: in.offset()}}
	for name, value := range pairs(in.FilterBy, ":") {
		c, wrong := b.column(name)
		if wrong == "" {
			if c.kind == ofAddress && strings.HasPrefix(value, " ") { // a plus that was not escaped
				value = "+" + value[1:]
			}
			text, _ := json.Marshal(value) //nolint:errchkjson // a text can always be written
			var test store.ContactTest
			test, wrong = c.test("eq", text)
			q.Tests = append(q.Tests, []store.ContactTest{test})
		}
		if wrong != "" {
			return q, envelope.Wrong("filterBy", wrong)
		}
	}
	for name, way := range pairs(in.SortBy, "=") {
		c, wrong := b.column(name)
		if wrong == "" && way != "" && way != "asc" && way != "desc" {
			wrong = "is sorted by asc or desc, such as createdAt=desc"
		}
		if wrong != "" {
			return q, envelope.Wrong("sortBy", wrong)
		}
		q.Order = append(q.Order, c.order(way == "desc"))
	}
	if len(q.Tests) > 50 || len(q.Order) > 5 {
		return q, envelope.Bad("too much is asked for: 50 filters and 5 sorts at most")
	}
	if in.PageToken != "" && in.Page != 0 {
		return q, envelope.Wrong("page", "cannot be beside pageToken")
	}
	return q, after(&q, in.PageToken)
}

// pairs are the parts of name:value;name:value, without those that are blank.
func pairs(text, sign string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for part := range strings.SplitSeq(text, ";") {
			name, value, _ := strings.Cut(part, sign)
			if name = strings.TrimSpace(name); name != "" && !yield(name, value) {
				return
			}
		}
	}
}

// A token is a place in a list as clients carry it. It tells nothing that they have not seen.
type token struct {
	Order string `json:"o"`
	Keys  []any  `json:"k,omitempty"` // texts and numbers
	Row   int64  `json:"n"`
}

// spell writes an order down, so that a token of another order is known.
func spell(order []store.ContactOrder) string { return fmt.Sprint(order) }

// seal makes a token of a mark.
func seal(order []store.ContactOrder, m store.ContactMark) string {
	t := token{Order: spell(order), Row: m.Number}
	for _, k := range m.Keys {
		if k.Numeric {
			t.Keys = append(t.Keys, k.Value)
		} else {
			t.Keys = append(t.Keys, k.Text)
		}
	}
	text, _ := json.Marshal(t) //nolint:errchkjson // texts and finite numbers can always be written
	return base64.RawURLEncoding.EncodeToString(text)
}

// printed is the token in the contract's own examples, which work as they stand there: it is the beginning.
const printed = "Xde34567890"

// after lets a query begin where a token says.
func after(q *store.ContactQuery, text string) error {
	if text == "" || text == printed {
		return nil
	}
	var t token
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &t) != nil || t.Order != spell(q.Order) || len(t.Keys) != len(q.Order) {
		return envelope.Wrong("pageToken", "is no token of this list: give a nextPageToken, and ask for the same order")
	}
	m := store.ContactMark{Number: t.Row}
	for i, key := range t.Keys {
		var k store.Operand
		switch is := key.(type) {
		case string:
			k.Text = is
		case float64:
			k.Value, k.Numeric = is, true
		}
		if o := q.Order[i]; k.Numeric != (o.Numeric || o.Field == store.ContactNumber) {
			return envelope.Wrong("pageToken", "is no token of this list")
		}
		m.Keys = append(m.Keys, k)
	}
	q.After = &m
	return nil
}
