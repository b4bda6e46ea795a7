package sql

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"parley/store"
)

// An asking is a store.ContactQuery on its way into SQL. Each test looks at the terms by an index of its own; the page is chosen by
// numbers and keys alone, and only then are its contacts read.
//
//	words, tests ──▶ where ──▶ SELECT number, keys FROM contacts ──▶ after the mark, in order, so many ──▶ contacts
//
// Words are looked for by an index of all their parts of three letters. Postgres decides by its statistics whether that is worth it; SQLite has
// none, and is told: what many contacts have is found sooner by walking through them until a page is full, and what a test for an address
// leaves is little enough.
type asking struct {
	where []string
	args  []any
	few   bool // what the conditions leave is little: it is sorted, where SQLite would walk through all contacts in their order
}

func (a *asking) arg(value any) string {
	a.args = append(a.args, value)
	return "$" + strconv.Itoa(len(a.args))
}

func (a *asking) number(value float64) string {
	return "CAST(" + a.arg(value) + " AS DOUBLE PRECISION)"
}

// ask makes the conditions of a query. What match asks the index of SQLite for is found by it alone; empty: it is not asked.
func ask(org string, q store.ContactQuery, match string) *asking {
	a := &asking{few: match != "" || slices.ContainsFunc(q.Tests, picks)}
	a.where = append(a.where, "c.org = "+a.arg(org))
	if match != "" {
		a.where = append(a.where, "c.number IN (SELECT rowid FROM contact_words WHERE contact_words MATCH "+a.arg(match)+")")
	}
	for _, word := range q.Words {
		if word = store.Fold(word); match == "" || !indexed(word) {
			a.where = append(a.where, a.word(word))
		}
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

// word is the condition that a folded text stands in the words of a contact.
func (a *asking) word(text string) string {
	return "c.words LIKE " + a.arg("%"+escape(text)+"%") + ` ESCAPE '\'`
}

// indexed says whether a folded text is long enough for an index of parts of words.
func indexed(text string) bool { return utf8.RuneCountInString(text) >= 3 }

// inWords are the fields whose values all stand in the words of a contact.
var inWords = map[string]bool{
	store.ContactFirstName: true, store.ContactLastName: true, store.ContactNationalID: true, store.ContactPosition: true, store.ContactProviderID: true,
	store.ContactAddress: true, store.ContactPhone: true, store.ContactEmail: true,
}

// within says whether a test is for a part of a value that stands in the words of a contact, which only those can pass that have it there.
func within(t store.ContactTest) bool {
	return (t.Op == store.ContactHas || t.Op == store.ContactEnds) && inWords[t.Field] && len(t.Values) == 1 && indexed(part(t))
}

// part is what a test that is within words looks for.
func part(t store.ContactTest) string { return clipped(store.Fold(t.Values[0].Text)) }

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
	if within(t) {
		text := part(t)
		return "(" + a.word(text) + " AND EXISTS (SELECT 1 FROM contact_terms t WHERE t.contact = c.number AND t.field = " + a.arg(t.Field) + " AND " +
			a.ofText("t.text", t.Op, text) + "))"
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
	if len(t.Values) == 0 {
		return "(1 = 0)" // alone: SQLite would use no index for what stands beside it
	}
	var any []string
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
		return "(" + column + " >= " + a.arg(text) + " AND " + column + " < " + a.arg(text+"\U0010FFFF") + " AND " + column + " LIKE " + a.arg(like+"%") + ` ESCAPE '\')`
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
		if a.few {
			return "(c." + o.Field + " || '')"
		}
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
		match, err := u.match(ctx, q, walked(q.Order))
		if err != nil {
			return err
		}
		a := ask(org, q, match)
		query := a.page(q)
		var marks []store.ContactMark
		err = u.query(ctx, query, u.anew(a.args), func(scan func(...any) error) error {
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
		match, err := u.match(ctx, q, false)
		if err != nil {
			return err
		}
		a := ask(org, q, match)
		return u.QueryRowContext(ctx, "SELECT COUNT(*) FROM contacts c WHERE "+strings.Join(a.where, " AND "), u.anew(a.args)...).Scan(&n)
	})
	return n, err
}

// walked says whether contacts are read in the order that is asked for.
func walked(order []store.ContactOrder) bool {
	return len(order) == 0 || order[0].Field == store.ContactNumber || order[0].Field == store.ContactCreated || order[0].Field == store.ContactUpdated
}

// manyHave is how many contacts are looked for by walking through all of them, where they are read in order.
const manyHave = 500

// match is what SQLite's index of words is asked for; empty: it would not help. walk says that a page is read in order, as soon as it is full.
func (u unit) match(ctx context.Context, q store.ContactQuery, walk bool) (string, error) {
	if u.name == postgres || slices.ContainsFunc(q.Tests, picks) {
		return "", nil
	}
	var all []string
	add := func(text string) { // https://sqlite.org/fts5.html#full_text_query_syntax
		if indexed(text) {
			all = append(all, `"`+strings.ReplaceAll(text, `"`, `""`)+`"`)
		}
	}
	for _, word := range q.Words {
		add(store.Fold(word))
	}
	for _, group := range q.Tests {
		if len(group) == 1 && within(group[0]) {
			add(part(group[0]))
		}
	}
	match := strings.Join(all, " AND ")
	if match == "" || !walk {
		return match, nil
	}
	var n int
	query := "SELECT COUNT(*) FROM (SELECT 1 FROM contact_words WHERE contact_words MATCH $1 LIMIT $2)"
	err := u.QueryRowContext(ctx, query, match, manyHave).Scan(&n)
	if n == manyHave {
		match = ""
	}
	return match, err
}

// picks says whether a group of tests leaves few contacts, whatever else is asked: those of some addresses or ids.
func picks(group []store.ContactTest) bool {
	return !slices.ContainsFunc(group, func(t store.ContactTest) bool {
		switch t.Field {
		case store.ContactAddress, store.ContactPhone, store.ContactEmail, store.ContactNationalID, store.ContactProviderID, store.ContactNumber, store.ContactAddressNumber:
			return t.Op != store.ContactIs
		}
		return true
	})
}

// anew are the arguments of a query that Postgres plans each time: what is best depends on how many have a word. pgx takes the mode from the
// first of them.
func (u unit) anew(args []any) []any {
	if u.name == postgres {
		return append([]any{pgx.QueryExecModeExec}, args...)
	}
	return args
}
