package flow

import "slices"

// A shape is what one kind of mapping in a flow file may hold. The shapes below are the language: the parser reads by them, and
// Schema is made of them.
type shape struct {
	name   string // in the schema
	what   string // in errors: "a menu"
	doc    string
	fields []field
}

// A field is one key of a shape.
type field struct {
	key  string
	of   fragment
	must bool
	doc  string
}

// A fragment is a JSON Schema.
type fragment map[string]any

func (s *shape) keys() []string {
	var keys []string
	for _, f := range s.fields {
		keys = append(keys, f.key)
	}
	return keys
}

func (s *shape) with(more ...field) *shape {
	c := *s
	c.fields = append(slices.Clip(s.fields), more...)
	return &c
}

func ref(name string) fragment   { return fragment{"$ref": "#/$defs/" + name} }
func listOf(f fragment) fragment { return fragment{"type": "array", "items": f, "minItems": 1} }
func integer(lowest, highest int) fragment {
	return fragment{"type": "integer", "minimum": lowest, "maximum": highest}
}
func mapOf(names, values fragment) fragment {
	return fragment{"type": "object", "propertyNames": names, "additionalProperties": values}
}

func atLeastOne(f fragment) fragment { f["minProperties"] = 1; return f }

// The small parts, each defined once in the schema.
var (
	aWord     = ref("word")
	someWords = ref("words")
	aText     = ref("text")
	someTexts = ref("texts")
	aLink     = ref("node_name")
	aName     = ref("name")
	aDigit    = ref("digit")
	aTime     = ref("duration")
	aBoolean  = ref("boolean")
)

const (
	namePattern     = `^[a-z_][a-z0-9_]{0,63}$`
	durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	hoursPattern    = `^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]:[0-5][0-9]|2[0-3]:[0-5][0-9]|24:00)$`
	daysPattern     = `^(daily|(monday|tuesday|wednesday|thursday|friday|saturday|sunday)(-(monday|tuesday|wednesday|thursday|friday|saturday|sunday))?)$`
	holidayPattern  = `^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$`
)

// parts are the definitions of the small parts.
var parts = map[string]fragment{
	"word":      {"description": "A word or a line of text.", "type": []string{"string", "number", "boolean"}, "pattern": `\S`},
	"words":     {"description": "One word or phrase, or a list of them.", "anyOf": []fragment{aWord, listOf(aWord)}},
	"text":      {"description": "What is said; a list is said in a row. {slot} stands for a slot's value.", "anyOf": []fragment{aWord, listOf(aWord)}},
	"texts":     {"description": "What is said the first time, the second time, and so on; the last stands for all further times.", "anyOf": []fragment{aWord, listOf(aWord)}},
	"node_name": {"description": "The name of a node of the same flow.", "type": []string{"string", "number", "boolean"}, "pattern": `\S`},
	"name":      {"description": "Small letters, digits and _.", "type": "string", "pattern": namePattern},
	"digit":     {"description": "A key of the keypad.", "enum": []any{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"}},
	"duration":  {"description": "A time such as 1500ms, 3s or 2m.", "type": "string", "pattern": durationPattern},
	"boolean":   {"enum": []any{true, false, "true", "false", "yes", "no", "on", "off"}},
	"opening": {"description": "When it is open: 08:00-18:00, a list of such, or closed. 22:00-06:00 ends on the next day.",
		"anyOf": []fragment{{"const": "closed"}, {"type": "string", "pattern": hoursPattern}, listOf(fragment{"type": "string", "pattern": hoursPattern})}},
}

var flowFields = []field{
	{"start", aLink, true, "The node to begin with."},
	{"nodes", mapOf(aName, ref("node")), true, "The steps, by their names."},
}

var fileShape = &shape{name: "flow", what: "the flow", doc: "A scripted dialog for the telephone: see parley/pipeline/flow.", fields: append([]field{
	{"flow", aWord, true, "The flow's name."},
	{"lang", aWord, false, "The language of its texts, a BCP 47 tag such as en-US. It also says how dates are written in digits."},
	{"zone", aWord, false, "The time zone of its dates and hours, by its IANA name such as Europe/London; UTC if there is none."},
	{"context", mapOf(aName, fragment{"anyOf": []fragment{aWord, {"type": "null"}}}), false, "Slots that the call brings along, with their values when it does not: from and to, for example."},
	{"collect", listOf(aName), false, "Which slots are kept in the call's record; all that are asked for, if there is no list."},
	{"no_input", someTexts, false, "Said when the caller is silent, where a node has no words of its own. {prompt} is the question."},
	{"no_match", someTexts, false, "Said when an answer is not understood, where a node has no words of its own."},
	{"ambiguous", aText, false, "Said when two choices fit equally well: {options} are their names."},
	{"commands", listOf(ref("command")), false, "What is understood at every node."},
	{"hours", mapOf(aName, ref("hours")), false, "Business hours, by name."},
	{"flows", mapOf(aName, ref("sub_flow")), false, "Flows that nodes of this file call, by name."},
}, flowFields...)}

var subFlowShape = &shape{name: "sub_flow", what: "a sub-flow", doc: "A flow that is called: it has nodes and slots of its own.", fields: append([]field{
	{"takes", mapOf(aName, fragment{"anyOf": []fragment{aWord, {"type": "null"}}}), false, "Its arguments, with their values when the caller gives none; null: it must."},
	{"gives", listOf(aName), false, "The slots that are its results."},
}, flowFields...)}

var commandShape = &shape{name: "command", what: "a command", doc: "Words that are understood everywhere.", fields: []field{
	{"phrases", someWords, true, "What the caller may say."},
	{"goto", aLink, false, "The node of the main flow to go to."},
	{"repeat", aBoolean, false, "Say the last thing again."},
}}

var hoursShape = &shape{name: "hours", what: "hours", doc: "When somebody is there, by the clock of a time zone.", fields: []field{
	{"zone", aWord, false, "An IANA time zone; the flow's, if there is none."},
	{"open", mapOf(fragment{"pattern": daysPattern}, ref("opening")), true, "By weekday, such as monday, monday-friday or daily. Other days are closed."},
	{"holidays", mapOf(fragment{"pattern": holidayPattern}, ref("opening")), false, "Days that are different: 2026-04-03, or 12-25 each year."},
}}

// A nodeKind is a key that says what a node does.
type nodeKind struct {
	field
	out    string // the way out that it has beside it: goto, else; empty: none
	silent bool   // it says nothing
}

var nodeKinds = []nodeKind{
	{field{"say", aText, false, "Say this and go on."}, "goto", false},
	{field{"menu", ref("menu"), false, "Let the caller choose."}, "", false},
	{field{"gather", ref("gather"), false, "Ask for a slot."}, "", false},
	{field{"set", atLeastOne(mapOf(aName, fragment{"anyOf": []fragment{{"const": ""}, aText}})), false, "Fill slots; \"\" empties one."}, "goto", true},
	{field{"if", listOf(ref("branch")), false, "Go where the first condition that holds says."}, "else", true},
	{field{"hours", ref("opening_hours"), false, "Go by the clock."}, "", true},
	{field{"call", ref("call"), false, "Call another flow of this file, and go on when it returns."}, "goto", true},
	{field{"return", aWord, false, "Of a flow that is called: go back, with this outcome."}, "", true},
	{field{"voicemail", ref("voicemail"), false, "Take a message."}, "", false},
	{field{"model", ref("model"), false, "Give the conversation to the language model until it is done."}, "", false},
	{field{"transfer", ref("transfer"), false, "Have the carrier connect the caller to somebody else."}, "", false},
	{field{"hang_up", aText, false, "Say goodbye and end the call."}, "", false},
}

var nodeShape = func() *shape {
	s := &shape{name: "node", what: "a node", doc: "One step. It has exactly one of the keys that say what it does."}
	for _, k := range nodeKinds {
		s.fields = append(s.fields, k.field)
	}
	s.fields = append(s.fields,
		field{"goto", aLink, false, "The node to go on with."},
		field{"else", aLink, false, "Of an if: where to go when no condition holds."},
		field{"barge_in", aBoolean, false, "Whether the caller's voice interrupts what is said here; keys always do. True if it is not there."})
	return s
}()

var choiceShape = &shape{name: "choice", what: "a choice", doc: "Words and a key that lead somewhere.", fields: []field{
	{"digit", aDigit, false, "The key."},
	{"phrases", someWords, false, "What the caller may say."},
	{"goto", aLink, true, "The node to go to."},
}}

var choices = field{"choices", listOf(ref("choice")), false, "Where words and keys lead."}

// question is what menus and gathers have in common.
var questionFields = []field{
	{"prompt", aText, true, "The question."},
	{"again", aText, false, "Instead of the prompt on later visits that come with something said before."},
	{"interrupted", aText, false, "Instead of no_match when the caller cut the agent off."},
	{"no_input", someTexts, false, "Said when the caller is silent; one after the other, so that they can help more and more."},
	{"no_match", someTexts, false, "Said when the answer is not understood; one after the other."},
	{"ambiguous", aText, false, "Said when two choices fit equally well: {options} are their names."},
	{"tries", integer(1, 20), false, "Answers that are not understood before give_up; 3 if it is not there."},
	{"give_up", aLink, false, "The node to go to after so many tries."},
	{"silences", integer(1, 20), false, "Silences in a row before give_up; if it is not there, silence does not give up."},
	{"commands", aBoolean, false, "Whether the flow's commands are understood here. True if it is not there."},
	{"patience", aTime, false, "Silence before the caller is asked again, 1s to 10m; the agent's, if it is not there."},
}

var menuShape = (&shape{name: "menu", what: "a menu", doc: "A question with choices.", fields: questionFields}).with(
	field{"choices", listOf(ref("choice")), true, choices.doc})

var gatherShape = (&shape{name: "gather", what: "a gather", doc: "A question whose answer fills a slot.", fields: questionFields}).with(
	choices,
	field{"slot", aName, true, "The slot to fill."},
	field{"type", fragment{"enum": kindNames()}, true, "What sort of value it is."},
	field{"masked", aBoolean, false, "The value is a secret, such as a card number: it is never said, recorded or told to a model."},
	field{"length", integer(1, 64), false, "Of digits: how many."},
	field{"min", aWord, false, "The least: how many digits or letters; the smallest number; the earliest date (2026-01-31, today, +7d) or time (08:00)."},
	field{"max", aWord, false, "The most."},
	field{"terminator", aDigit, false, "Of digits: the key that ends an entry early, # or *."},
	field{"luhn", aBoolean, false, "Of digits: the last one is a check digit, as of card numbers."},
	field{"pattern", aWord, false, "A regular expression that all of the value must match."},
	field{"options", listOf(fragment{"anyOf": []fragment{aWord, ref("option")}}), false, "Of one_of: what there is to choose from."},
	field{"format", fragment{"enum": dateFormats}, false, "Of a date: how it is keyed in; mmdd for en-US, else ddmm."},
	field{"past", aBoolean, false, "Of a date: it is meant to be past, as a date of birth."},
	field{"every", aTime, false, "Of a time: it is a multiple of this, such as 30m."},
	field{"country", integer(1, 999), false, "Of a phone: the calling code of numbers that are given without one; the value begins with + then."},
	field{"key_gap", aTime, false, "An entry by keys ends when none follows for so long; the agent's, if it is not there."},
	field{"confirm", aText, false, "Asked before the value counts: {slot} is the value."},
	field{"retry", aText, false, "Said when the caller does not confirm it; else the prompt."},
	field{"invalid", aText, false, "Said when it was understood but may not be; else no_match."},
	field{"goto", aLink, true, "The node to go on with."})

var optionShape = &shape{name: "option", what: "an option", doc: "One of the values of a one_of.", fields: []field{
	{"value", aWord, true, "What the slot becomes; also what the caller may say."},
	{"digit", aDigit, false, "The key."},
	{"phrases", someWords, false, "What else the caller may say."},
}}

// tests are the comparisons of a condition.
var tests = []field{
	{"is", someWords, false, "One of these values."},
	{"is_not", someWords, false, "None of these values."},
	{"empty", aBoolean, false, "Whether there is no value."},
	{"above", aWord, false, "More than this: numbers by size, dates and times by order. {slot} may stand in it, as in all of these."},
	{"below", aWord, false, "Less than this."},
	{"at_least", aWord, false, "This or more."},
	{"at_most", aWord, false, "This or less."},
	{"matches", aWord, false, "A regular expression that all of the value matches."},
}

var conditionShape = (&shape{name: "condition", what: "a condition", doc: "A slot and what must be true of it, or hours that are open, or conditions together.", fields: []field{
	{"slot", aName, false, "The slot; all comparisons beside it must hold."},
	{"open", aName, false, "Business hours that are open."},
	{"at", aWord, false, "Of open: a date, a time, or both, instead of now: \"{day} {time}\"."},
	{"all", listOf(ref("condition")), false, "All of these hold."},
	{"any", listOf(ref("condition")), false, "At least one of these holds."},
	{"not", ref("condition"), false, "This does not hold."},
}}).with(tests...)

var branchShape = func() *shape {
	s := conditionShape.with(field{"goto", aLink, true, "The node to go to when it holds."})
	s.name = "branch"
	return s
}()

var openingShape = &shape{name: "opening_hours", what: "an hours node", doc: "Go by the clock.", fields: []field{
	{"of", aName, true, "The business hours."},
	{"open", aLink, true, "The node to go to when they are open."},
	{"closed", aLink, true, "The node to go to when they are closed."},
	{"change", aName, false, "A slot that is told when they close or open next: \"tomorrow at eight in the morning\"."},
}}

var callShape = &shape{name: "call", what: "a call", doc: "Another flow of this file, called.", fields: []field{
	{"flow", aName, true, "Which."},
	{"with", mapOf(aName, aText), false, "Its arguments."},
	{"into", mapOf(aName, aName), false, "Slots that take its results: ours, then its."},
	{"then", mapOf(aName, aLink), false, "Where to go by its outcome; else goto."},
}}

var voicemailShape = &shape{name: "voicemail", what: "a voicemail", doc: "Takes a message: prompt, tone, record, and maybe hear whether it is right.", fields: []field{
	{"prompt", aText, true, "What is said before the tone."},
	{"slot", aName, true, "The slot that takes its words. SLOT_at and SLOT_length take its place in the recording: seconds since the answer, and how many."},
	{"tone", aBoolean, false, "Whether there is one. True if it is not there."},
	{"silence", aTime, false, "The message ends when nobody speaks for so long, 1s to 1m; 4s if it is not there."},
	{"max", aTime, false, "It ends at the first pause after so long, 5s to 10m; 2m if it is not there."},
	{"key", aDigit, false, "The key that ends it; # if it is not there."},
	{"empty", aText, false, "Said when there were no words, before the prompt."},
	{"confirm", aText, false, "Asked before it counts: 1 or yes keeps it, 2 or no records again. {slot} is what was understood."},
	{"tries", integer(1, 20), false, "Recordings before give_up; 3 if it is not there."},
	{"give_up", aLink, false, "The node to go to after so many; else goto."},
	{"goto", aLink, true, "The node to go on with."},
}}

var modelShape = &shape{name: "model", what: "a model node", doc: "Gives the conversation to the language model until it calls return_to_flow, or says the phrase.", fields: []field{
	{"instructions", aText, true, "What the model is to do here. {slot} stands for a slot's value."},
	{"prompt", aText, false, "Said first; if it is not there, the model speaks first."},
	{"slot", aName, false, "The slot that takes the model's result."},
	{"phrase", aWord, false, "What the model writes when it is done, for models without tools: what follows is the result. It is not said."},
	{"turns", integer(1, 1000), false, "Answers of the model before give_up; 50 if it is not there."},
	{"give_up", aLink, false, "The node to go to after so many; else goto."},
	{"unavailable", aLink, true, "The node to go to when there is no model, or it fails."},
	{"commands", aBoolean, false, "Whether the flow's commands are understood here, said alone. True if it is not there."},
	choices,
	{"goto", aLink, true, "The node to go on with."},
}}

var transferShape = &shape{name: "transfer", what: "a transfer", doc: "Connects the caller to somebody else; the call with us ends then.", fields: []field{
	{"to", aWord, true, "A telephone number such as +442071234567, or an address such as sip:desk@example.com. {slot} may stand in it."},
	{"say", aText, false, "Said before."},
	{"failed", aLink, true, "The node to go to when the caller cannot be connected."},
}}

var shapes = []*shape{fileShape, subFlowShape, commandShape, hoursShape, nodeShape, choiceShape, menuShape, gatherShape, optionShape,
	conditionShape, branchShape, openingShape, callShape, voicemailShape, modelShape, transferShape}
