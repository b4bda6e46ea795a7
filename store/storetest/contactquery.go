package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/store"
)

// testContactsFound: whatever is asked, the database finds what a search in memory finds, in the same order, page by page.
func testContactsFound(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	people := []store.Contact{h.Customer}
	pick := func(i int, words ...string) string { return words[i%len(words)] }
	for i := range 40 {
		c := store.Contact{
			ID: store.NewID(), Org: h.Org, FirstName: pick(i, "Ana", "JOSÉ", "jose", "", "Straße", "a_b"), LastName: pick(i/2, "Li", "O'Neil", "50%", ""),
			NationalID: pick(i/3, "", "7", "x\\y"), User: pick(i/2, "", "1", "10", "0.1", "9"), Company: pick(i, "", "-3"), Created: start.Add(time.Duration(i/4) * time.Hour),
		}
		if i%3 > 0 {
			c.Fields = map[string]string{"tier": pick(i, `"gold"`, `"Silver"`), "visits": pick(i, "2", "10", `"10"`, "-1.5"), "vip": pick(i, "true", "false")}
		}
		for j := range i % 4 {
			channel := []store.AddressChannel{store.ChannelPhone, store.ChannelWhatsApp, store.ChannelEmail}[(i+j)%3]
			c.Addresses = append(c.Addresses, store.Address{Channel: channel, Address: pick(i+j, "+15550100001", "ana@example.com", "+56912345678", "Bob@x.cl") + fmt.Sprint(j)})
		}
		made, err := s.CreateContact(ctx, c)
		ok(t, err)
		people = append(people, made)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t, people)
		want := search(people, q)
		n, err := s.CountContacts(ctx, h.Org, q)
		ok(t, err)
		if int(n) != len(want) {
			t.Errorf("%d contacts counted, want %d by %+v", n, len(want), q)
		}
		var got []int64
		for range len(want)/q.Limit + 2 {
			l, next, err := s.FindContacts(ctx, h.Org, q)
			ok(t, err)
			for _, c := range l {
				got = append(got, c.Number)
			}
			if q.After = next; next == nil {
				break
			}
		}
		same(t, fmt.Sprintf("contacts by %+v", q), got, want)
	})
}

var searched = []string{store.ContactNumber, store.ContactCreated, store.ContactUpdated, store.ContactUser, store.ContactCompany, store.ContactNationalID,
	store.ContactFirstName, store.ContactLastName, store.ContactPhone, store.ContactEmail, store.ContactAddress, store.ContactChannel,
	store.ContactAddressNumber, store.ContactCustom + "tier", store.ContactCustom + "visits", store.ContactCustom + "vip", store.ContactCustom + "none"}

func drawQuery(t *rapid.T, people []store.Contact) store.ContactQuery {
	field := rapid.SampledFrom(searched)
	op := rapid.SampledFrom([]store.ContactOp{store.ContactIs, store.ContactIsNot, store.ContactHas, store.ContactHasNot, store.ContactBegins, store.ContactEnds,
		store.ContactAbove, store.ContactAtLeast, store.ContactBelow, store.ContactAtMost, store.ContactIsSet, store.ContactIsNotSet})
	text := rapid.SampledFrom([]string{"", "a", "José", "jose", "A_", "%", "\\", "li", "O'", "+1", "555", "example.com", "EMAIL", "gold", "10", "-1.5", "true", "0.1"})
	value := rapid.SampledFrom([]float64{-3, -1.5, 0, 0.1, 1, 2, 9, 10, 12, 12.5, 1e300})
	test := rapid.Custom(func(t *rapid.T) store.ContactTest {
		c := store.ContactTest{Field: field.Draw(t, "field"), Op: op.Draw(t, "op")}
		for range rapid.IntRange(0, 2).Draw(t, "values") {
			v := store.Operand{Text: text.Draw(t, "text")}
			switch {
			case c.Field == store.ContactCreated || c.Field == store.ContactUpdated:
				v.Text = store.MomentText(start.Add(time.Duration(rapid.IntRange(-1, 11).Draw(t, "hours")) * time.Hour))
			case rapid.Bool().Draw(t, "numeric"):
				v.Value, v.Numeric = value.Draw(t, "value"), true
				if c.Field == store.ContactNumber || c.Field == store.ContactAddressNumber {
					v.Value += float64(people[0].Number)
				}
				v.Text = strconv.FormatFloat(v.Value, 'f', -1, 64)
			}
			c.Values = append(c.Values, v)
		}
		return c
	})
	order := rapid.Custom(func(t *rapid.T) store.ContactOrder {
		o := store.ContactOrder{Field: field.Draw(t, "by"), Down: rapid.Bool().Draw(t, "down")}
		o.Numeric = rapid.Bool().Draw(t, "as number") && o.Field != store.ContactCreated && o.Field != store.ContactUpdated
		return o
	})
	return store.ContactQuery{
		Words: rapid.SliceOfN(text, 0, 2).Draw(t, "words"),
		Tests: rapid.SliceOfN(rapid.SliceOfN(test, 1, 3), 0, 2).Draw(t, "tests"),
		Order: rapid.SliceOfN(order, 0, 2).Draw(t, "order"),
		Page:  store.Page{Limit: rapid.SampledFrom([]int{1, 7, 100}).Draw(t, "limit")},
	}
}

// search is FindContacts in memory, written for reading.
func search(people []store.Contact, q store.ContactQuery) (numbers []int64) {
	var found []store.Contact
	for _, c := range people {
		if matches(c, q) {
			found = append(found, c)
		}
	}
	down := len(q.Order) == 0 || q.Order[0].Down
	slices.SortFunc(found, func(a, b store.Contact) int {
		for _, o := range q.Order {
			if by := turned(compareBy(a, b, o), o.Down); by != 0 {
				return by
			}
		}
		return turned(cmp.Compare(a.Number, b.Number), down)
	})
	for _, c := range found {
		numbers = append(numbers, c.Number)
	}
	return numbers
}

func turned(by int, down bool) int {
	if down {
		return -by
	}
	return by
}

// compareBy compares the least values that two contacts have of a field.
func compareBy(a, b store.Contact, o store.ContactOrder) int {
	least := func(c store.Contact) (has bool, min store.Operand) {
		for _, v := range valuesOf(c, o.Field) {
			if o.Numeric && !v.Numeric {
				continue
			}
			if !has || o.Numeric && v.Value < min.Value || !o.Numeric && v.Text < min.Text {
				has, min = true, v
			}
		}
		return has, min
	}
	hasA, minA := least(a)
	hasB, minB := least(b)
	switch {
	case !hasA || !hasB:
		return cmp.Compare(btoi(hasA), btoi(hasB))
	case o.Numeric || o.Field == store.ContactNumber:
		return cmp.Compare(minA.Value, minB.Value)
	}
	return strings.Compare(minA.Text, minB.Text)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func matches(c store.Contact, q store.ContactQuery) bool {
	known := []string{c.FirstName, c.LastName, c.NationalID, c.Position, c.ProviderID}
	for _, a := range c.Addresses {
		known = append(known, a.Address)
	}
	for _, word := range q.Words {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.Contains(store.Fold(k), store.Fold(word)) }) {
			return false
		}
	}
	for _, group := range q.Tests {
		if !slices.ContainsFunc(group, func(t store.ContactTest) bool { return passes(c, t) }) {
			return false
		}
	}
	return true
}

func passes(c store.Contact, t store.ContactTest) bool {
	switch t.Op {
	case store.ContactIsNot:
		return !passes(c, store.ContactTest{Field: t.Field, Op: store.ContactIs, Values: t.Values})
	case store.ContactHasNot:
		return !passes(c, store.ContactTest{Field: t.Field, Op: store.ContactHas, Values: t.Values})
	case store.ContactIsNotSet:
		return len(valuesOf(c, t.Field)) == 0
	case store.ContactIsSet:
		return len(valuesOf(c, t.Field)) > 0
	}
	for _, has := range valuesOf(c, t.Field) {
		for _, v := range t.Values {
			if compares(has, t.Op, v) {
				return true
			}
		}
	}
	return false
}

func compares(has store.Operand, op store.ContactOp, v store.Operand) bool {
	text := store.Fold(v.Text)
	by := strings.Compare(has.Text, text)
	if v.Numeric {
		by = cmp.Compare(has.Value, v.Value)
	}
	ordered := has.Numeric || !v.Numeric // a number is compared with numbers alone
	switch op {
	case store.ContactIs:
		return ordered && by == 0
	case store.ContactAbove:
		return ordered && by > 0
	case store.ContactAtLeast:
		return ordered && by >= 0
	case store.ContactBelow:
		return ordered && by < 0
	case store.ContactAtMost:
		return ordered && by <= 0
	case store.ContactHas:
		return strings.Contains(has.Text, text)
	case store.ContactBegins:
		return strings.HasPrefix(has.Text, text)
	}
	return strings.HasSuffix(has.Text, text)
}

// valuesOf are all values of a field.
func valuesOf(c store.Contact, field string) (all []store.Operand) {
	add := func(text string) {
		if text == "" {
			return
		}
		v := store.Operand{Text: store.Fold(text)}
		if n, err := strconv.ParseFloat(text, 64); err == nil && (field == store.ContactUser || field == store.ContactCompany) {
			v.Value, v.Numeric = n, true
		}
		all = append(all, v)
	}
	number := func(n int64) {
		all = append(all, store.Operand{Text: strconv.FormatInt(n, 10), Value: float64(n), Numeric: true})
	}
	switch field {
	case store.ContactNumber:
		number(c.Number)
	case store.ContactCreated:
		all = append(all, store.Operand{Text: store.Fold(store.MomentText(c.Created))})
	case store.ContactUpdated:
		all = append(all, store.Operand{Text: store.Fold(store.MomentText(c.Updated))})
	case store.ContactUser:
		add(c.User)
	case store.ContactCompany:
		add(c.Company)
	case store.ContactNationalID:
		add(c.NationalID)
	case store.ContactFirstName:
		add(c.FirstName)
	case store.ContactLastName:
		add(c.LastName)
	case store.ContactPhone:
		if a := c.Phone(); a != nil {
			add(a.Address)
		}
	case store.ContactEmail:
		if a := c.Email(); a != nil {
			add(a.Address)
		}
	case store.ContactAddress, store.ContactChannel, store.ContactAddressNumber:
		for _, a := range c.Addresses {
			switch field {
			case store.ContactAddress:
				add(a.Address)
			case store.ContactChannel:
				add(string(a.Channel))
			default:
				number(a.Number)
			}
		}
	default:
		all = customOf(c.Fields[strings.TrimPrefix(field, store.ContactCustom)])
	}
	return all
}

func customOf(value string) []store.Operand {
	var any any
	if json.Unmarshal([]byte(value), &any) != nil {
		return nil
	}
	v := store.Operand{Text: store.Fold(value)}
	switch is := any.(type) {
	case string:
		v.Text = store.Fold(is)
	case float64:
		v.Value, v.Numeric = is, true
	}
	return []store.Operand{v}
}
