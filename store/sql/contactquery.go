package sql

import (
	"context"
	"math"
	"strconv"
	"strings"

	"parley/store"
)

// An asking is a store.ContactQuery on its way into SQL. Each test looks at the terms by an index of its own; the page is chosen by
// numbers and keys alone, and only then are its contacts read.
//
//	words, tests ──▶ where ──▶ SELECT number, keys FROM contacts ──▶ after the mark, in order, so many ──▶ contacts
type asking struct {
	where []string
	args  []any
}

func (a *asking) arg(value any) string {
	a.args = append(a.args, value)
	return "$" + strconv.Itoa(len(a.args))
}

func (a *asking) number(value float64) string {
	return "CAST(" + a.arg(value) + " AS DOUBLE PRECISION)"
}

// ask makes the conditions of a query.
func ask(org string, q store.ContactQuery) *asking {
	a := &asking{}
	a.where = append(a.where, "c.org = "+a.arg(org))
	for _, word := range q.Words {
		a.where = append(a.where, "c.words LIKE "+a.arg("%"+escape(store.Fold(word))+"%")+` ESCAPE '\'`)
	}
	for _, group := range q.Tests {
		var any []string
		for _, t := range group {
			any = append(any, a.test(org, t))
		}
		a.where = append(a.where, "("+strings.Join(any, " OR ")+")")
	}
	return a
}

// escape takes from a text what LIKE has for signs of its own.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// opposites are the operators that hold where another does not.
var opposites = map[store.ContactOp]store.ContactOp{
	store.ContactIsNot: store.ContactIs, store.ContactHasNot: store.ContactHas, store.ContactIsNotSet: store.ContactIsSet,
}

// test is a condition on a contact.
func (a *asking) test(org string, t store.ContactTest) string {
	if op, ok := opposites[t.Op]; ok {
		t.Op = op
		return "NOT " + a.test(org, t)
	}
	switch t.Field {
	case store.ContactNumber:
		return a.each(t, func(v store.Operand) string { return a.ofNumber(t.Op, v) })
	case store.ContactCreated, store.ContactUpdated:
		return a.each(t, func(v store.Operand) string { return a.ofText("c."+t.Field, t.Op, v.Text) })
	}
	in := "c.number IN (SELECT t.contact FROM contact_terms t WHERE t.org = " + a.arg(org) + " AND t.field = " + a.arg(t.Field)
	if t.Op == store.ContactIsSet {
		return in + ")"
	}
	return in + " AND " + a.each(t, func(v store.Operand) string {
		if v.Numeric && comparisons[t.Op] != "" {
			return "t.value " + comparisons[t.Op] + " " + a.number(v.Value)
		}
		return a.ofText("t.text", t.Op, clipped(store.Fold(v.Text)))
	}) + ")"
}

// each is a condition that holds if it does of one of the values; of none it never does. A field that is always set needs no value.
func (a *asking) each(t store.ContactTest, one func(store.Operand) string) string {
	if t.Op == store.ContactIsSet {
		return "(1 = 1)"
	}
	any := []string{"1 = 0"}
	for _, v := range t.Values {
		any = append(any, one(v))
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// comparisons are the operators that SQL has for texts and for numbers.
var comparisons = map[store.ContactOp]string{
	store.ContactIs: "=", store.ContactAbove: ">", store.ContactAtLeast: ">=", store.ContactBelow: "<", store.ContactAtMost: "<=",
}

func (a *asking) ofText(column string, op store.ContactOp, text string) string {
	if sign := comparisons[op]; sign != "" {
		return column + " " + sign + " " + a.arg(text)
	}
	like := escape(text)
	switch op {
	case store.ContactHas:
		like = "%" + like + "%"
	case store.ContactBegins:
		like += "%"
	default: // store.ContactEnds
		like = "%" + like
	}
	return column + " LIKE " + a.arg(like) + ` ESCAPE '\'`
}

// ofNumber compares the contact's own number, which is whole: the index has it as it is.
func (a *asking) ofNumber(op store.ContactOp, v store.Operand) string {
	if !v.Numeric {
		return a.ofText("CAST(c.number AS TEXT)", op, v.Text)
	}
	low, high := whole(math.Floor(v.Value)), whole(math.Ceil(v.Value))
	switch {
	case op == store.ContactIs && low != high:
		return "1 = 0"
	case op == store.ContactAbove, op == store.ContactAtMost, op == store.ContactIs:
		return "c.number " + comparisons[op] + " " + a.arg(low)
	case op == store.ContactBelow, op == store.ContactAtLeast:
		return "c.number " + comparisons[op] + " " + a.arg(high)
	}
	return a.ofText("CAST(c.number AS TEXT)", op, v.Text)
}

// whole is a number without its fraction, within what a column holds.
func whole(v float64) int64 {
	return int64(min(max(v, -1<<62), 1<<62))
}

// Whoever has no value of a field comes before all who have.
const nothing = -math.MaxFloat64

// key is what a contact is sorted by.
func (a *asking) key(o store.ContactOrder) string {
	switch {
	case o.Field == store.ContactNumber:
		return "c.number"
	case o.Field == store.ContactCreated, o.Field == store.ContactUpdated:
		return "c." + o.Field
	case o.Numeric:
		return "COALESCE((SELECT MIN(t.value) FROM contact_terms t WHERE t.contact = c.number AND t.field = " + a.arg(o.Field) + "), " + a.number(nothing) + ")"
	}
	return "COALESCE((SELECT MIN(t.text) FROM contact_terms t WHERE t.contact = c.number AND t.field = " + a.arg(o.Field) + "), '')"
}

// isNumber says whether an order's keys are numbers.
func isNumber(o store.ContactOrder) bool { return o.Numeric && o.Field != store.ContactNumber }

// page is the query for the numbers and the keys of a page, and of one contact more.
func (a *asking) page(q store.ContactQuery) string {
	down := len(q.Order) == 0 || q.Order[0].Down
	columns, order := "c.number AS number", ""
	for i, o := range q.Order {
		k := "k" + strconv.Itoa(i)
		columns += ", " + a.key(o) + " AS " + k
		order += k + direction(o.Down) + ", "
	}
	query := "SELECT * FROM (SELECT " + columns + " FROM contacts c WHERE " + strings.Join(a.where, " AND ") + ") AS found"
	if q.After != nil {
		query += " WHERE " + a.after(q.Order, *q.After, 0, down)
	}
	limit, offset := bounds(q.Page)
	return query + " ORDER BY " + order + "number" + direction(down) + " LIMIT " + a.arg(int64(limit)+1) + " OFFSET " + a.arg(offset)
}

func direction(down bool) string {
	if down {
		return " DESC"
	}
	return " ASC"
}

// after is the condition that a contact comes after a mark, by the keys from the i-th on.
func (a *asking) after(order []store.ContactOrder, m store.ContactMark, i int, down bool) string {
	sign := map[bool]string{true: " < ", false: " > "}
	if i == len(order) {
		return "number" + sign[down] + a.arg(m.Number)
	}
	k := "k" + strconv.Itoa(i)
	at := func() string {
		switch {
		case order[i].Field == store.ContactNumber:
			return a.arg(whole(m.Keys[i].Value))
		case isNumber(order[i]):
			return a.number(m.Keys[i].Value)
		}
		return a.arg(m.Keys[i].Text)
	}
	return "(" + k + sign[order[i].Down] + at() + " OR (" + k + " = " + at() + " AND " + a.after(order, m, i+1, down) + "))"
}

// FindContacts implements store.Contacts.
func (s *Store) FindContacts(ctx context.Context, org string, q store.ContactQuery) (found []store.Contact, next *store.ContactMark, err error) {
	err = s.view(ctx, "find contacts", func(ctx context.Context, u unit) error {
		a := ask(org, q)
		query := a.page(q)
		var marks []store.ContactMark
		err := u.query(ctx, query, a.args, func(scan func(...any) error) error {
			m, err := readMark(scan, q.Order)
			marks = append(marks, m)
			return err
		})
		if err != nil {
			return err
		}
		if len(marks) > q.Limit {
			marks = marks[:q.Limit]
			if q.Limit > 0 {
				next = &marks[q.Limit-1]
			}
		}
		numbers := make([]int64, len(marks))
		for i, m := range marks {
			numbers[i] = m.Number
		}
		found, err = u.contacts(ctx, numbers)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return found, next, nil
}

// readMark reads a contact's number and keys.
func readMark(scan func(...any) error, order []store.ContactOrder) (store.ContactMark, error) {
	m := store.ContactMark{Keys: make([]store.Operand, len(order))}
	into := []any{&m.Number}
	for i, o := range order {
		k := &m.Keys[i]
		if k.Numeric = o.Field == store.ContactNumber || isNumber(o); k.Numeric {
			into = append(into, &k.Value)
		} else {
			into = append(into, &k.Text)
		}
	}
	err := scan(into...)
	return m, err
}

// CountContacts implements store.Contacts.
func (s *Store) CountContacts(ctx context.Context, org string, q store.ContactQuery) (n int64, err error) {
	err = s.read(ctx, "count contacts", func(ctx context.Context, u unit) error {
		a := ask(org, q)
		return u.QueryRowContext(ctx, "SELECT COUNT(*) FROM contacts c WHERE "+strings.Join(a.where, " AND "), a.args...).Scan(&n)
	})
	return n, err
}
