package tool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"parley/pipeline"
)

// confirmed is the argument with which a model says that the caller has agreed.
const confirmed = "confirmed"

// mostFields is how many a Form may have: nobody dictates more on the telephone.
const mostFields = 30

// A Form is what a model is to find out from a caller. A secret, such as a card number or a PIN, has no place in it, for the model would see
// it: a masked gather of a flow asks for that.
type Form struct {
	Name    string // small letters, digits and _: the tool is called collect_<Name>; empty: collect
	Purpose string // for the model: what it is for, and when
	Fields  []Field
}

// Check says what is wrong with a Form; nil if it can be asked for.
func (f *Form) Check() error {
	var bad []error
	if f.Name != "" && !fieldName.MatchString(f.Name) {
		bad = append(bad, fmt.Errorf("name is %q: want small letters, digits and _", f.Name))
	}
	if n := len(f.Fields); n == 0 || n > mostFields {
		bad = append(bad, fmt.Errorf("%d fields: want 1 to %d", n, mostFields))
	}
	known := make(map[string]bool)
	for i := range f.Fields {
		field := &f.Fields[i]
		if err := field.Check(); err != nil {
			bad = append(bad, fmt.Errorf("field %d: %w", i+1, err))
		}
		if known[field.Name] {
			bad = append(bad, fmt.Errorf("field %d: %s is there twice", i+1, field.Name))
		}
		known[field.Name] = true
	}
	return errors.Join(bad...)
}

// slot is the name under which a call collects a field: the form's name and its own, such as booking.day; of a form without a name its own.
func (f *Form) slot(field string) string {
	if f.Name == "" {
		return field
	}
	return f.Name + "." + field
}

// Collect is the tool that fills a form piece by piece: it checks each value, says what is missing, what is wrong and what to read back, and
// lets the call collect the values, in its record, once the caller has agreed to all of them as they were read back. It is Firm. A caller
// who changes their mind after that is asked again, and the last counts. It holds one call's values, so each call needs its own. A form
// that fails its Check is not offered.
func Collect(line Line, form Form) pipeline.Tool {
	name := "collect"
	if form.Name != "" {
		name += "_" + form.Name
	}
	s := &Schema{Properties: map[string]*Schema{
		confirmed: {Type: "boolean", Description: "true when the caller has just agreed to all the values as you read them back. Never together with a new value."},
	}}
	var order []string
	for i := range form.Fields {
		f := &form.Fields[i]
		s.Properties[f.Name] = f.schema()
		order = append(order, f.Name)
	}
	about := strings.TrimSpace(form.Purpose + " Call this each time the caller has told you one or more of: " + list(order) +
		". Give only what the caller said, one by one as it comes; the answer says what is missing, what is wrong, and what to read back.")
	if form.Check() != nil {
		return pipeline.Tool{Name: name, Description: about}
	}
	c := &collection{line: line, form: form, values: make(map[string]entry), wrong: make(map[string]string)}
	t := made(name, about, s, c.use)
	t.Firm = true
	return t
}

// entry is a value, and how it sounds.
type entry struct{ value, aloud string }

// collection is a form in the making.
type collection struct {
	line Line
	form Form

	mu     sync.Mutex
	values map[string]entry
	wrong  map[string]string // what was given last for a field and could not be taken
	read   map[string]entry  // what the model was asked to read back last
	readIn int               // the turn in which it was asked to; 0: not known
	saved  bool              // values are those that the call has collected
}

func (c *collection) use(ctx context.Context, a arguments) (string, *pipeline.Command, error) {
	agreed, _ := a[confirmed].(bool)
	c.mu.Lock()
	defer c.mu.Unlock()
	turn, changed := pipeline.TurnOf(ctx), c.take(a)
	switch {
	case !agreed || changed || c.saved || !c.complete() || len(c.values) == 0 || !maps.Equal(c.read, c.values):
		if !maps.Equal(c.read, c.values) {
			c.readIn = turn
		}
		return c.next(agreed), nil, nil
	case turn != 0 && turn == c.readIn: // nobody but the model can have agreed
		return "Not recorded yet: the caller has not answered since you were asked to read it back. Read it back, and wait for their answer.", nil, nil
	}
	c.saved = true
	slots := make(map[string]string)
	for i := range c.form.Fields {
		name := c.form.Fields[i].Name
		slots[c.form.slot(name)] = c.values[name].value // empty: it was taken back, perhaps
	}
	return "Recorded. Tell the caller that it is done, and do not collect this again.", &pipeline.Command{Kind: pipeline.Collect, Slots: slots}, nil
}

// take notes what was given, and says whether that changed anything.
func (c *collection) take(a arguments) (changed bool) {
	now := c.line.now()
	for i := range c.form.Fields {
		f := &c.form.Fields[i]
		given, ok := a[f.Name].(string)
		if !ok {
			continue
		}
		if strings.TrimSpace(given) == "" {
			_, had := c.values[f.Name]
			_, bad := c.wrong[f.Name]
			changed = changed || had || bad
			delete(c.values, f.Name)
			delete(c.wrong, f.Name)
			continue
		}
		value, aloud, err := f.read(given, now)
		if err != nil {
			delete(c.values, f.Name)
			c.wrong[f.Name] = fmt.Sprintf("%s: %s cannot be taken: %v", f.label(), show(given), err)
			changed = true
			continue
		}
		delete(c.wrong, f.Name)
		if e := (entry{value, aloud}); c.values[f.Name] != e {
			c.values[f.Name], changed = e, true
		}
	}
	c.saved = c.saved && !changed
	return changed
}

// complete says whether nothing is missing or wrong.
func (c *collection) complete() bool { return len(c.wrong) == 0 && len(c.missing()) == 0 }

func (c *collection) missing() (names []string) {
	for i := range c.form.Fields {
		f := &c.form.Fields[i]
		if _, ok := c.values[f.Name]; !ok && !f.Optional && c.wrong[f.Name] == "" {
			names = append(names, f.label())
		}
	}
	return names
}

// next says what the model is to do now.
func (c *collection) next(agreed bool) string {
	var say []string
	for i := range c.form.Fields {
		if w := c.wrong[c.form.Fields[i].Name]; w != "" {
			say = append(say, "Wrong: "+w+".")
		}
	}
	if m := c.missing(); len(m) > 0 {
		say = append(say, "Still missing: "+list(m)+". Ask for the next one only.")
	}
	if len(say) > 0 {
		if agreed {
			say = slices.Insert(say, 0, "Not recorded yet.")
		}
		return strings.Join(say, " ")
	}
	if c.saved {
		return "This has been recorded already. Go on."
	}
	c.read = maps.Clone(c.values)
	var read []string
	for i := range c.form.Fields {
		if e, ok := c.values[c.form.Fields[i].Name]; ok {
			read = append(read, c.form.Fields[i].label()+": "+e.aloud)
		}
	}
	if len(read) == 0 {
		return "Nothing has been given. Ask the caller."
	}
	lead := "All is there. "
	if agreed {
		lead = "Not recorded yet: the caller has to agree to exactly these values first. "
	}
	return lead + "Read this back to the caller and ask whether it is right: " + strings.Join(read, "; ") +
		". When they agree, call this with confirmed true and nothing else; if not, with what they correct."
}
