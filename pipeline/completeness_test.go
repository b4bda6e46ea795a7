package pipeline

import "testing"

func TestCompleteness(t *testing.T) {
	t.Parallel()
	const (
		u = unknown
		c = complete
		f = claimed // by a full stop
		i = incomplete
		p = piece
		s = unsettled
	)
	name := map[completeness]string{u: "unknown", c: "complete", f: "claimed", i: "incomplete", p: "piece", s: "unsettled"}
	for asked, utterances := range map[string][]struct {
		text string
		want completeness
	}{
		"": {
			{"", u},
			{"...", u},
			{"Hello.", u},
			{"hello", u},
			{"I would like to book a table.", f},
			{"What time do you open?", f},
			{"That sounds great!", f},
			{"I would like to book a table", u}, // without punctuation nobody knows
			{"I would like to", i},
			{"I would like to.", i}, // recognisers put a full stop behind anything
			{"I'd like to book a table for", i},
			{"I'm calling about the", i},
			{"My name is", i},
			{"My name is.", i},
			{"and then I", i},
			{"Could you", i},
			{"I need a", i},
			{"because", i},
			{"Um.", i},
			{"I want to, um", i},
			{"well", i},
			{"let me see", i},
			{"You know", i},
			{"I was wondering", i},
			{"I want the red one and", i},
			{"I think the problem is", i},
			{"So what I want is...", i},
			{"First of all,", s},
			{"This is the house,", s},
			{"The number I have is,", i},
			{"The house.", u},
			{"I was going to –", i},
			{"Where are you from?", f},
			{"That is what I'm looking for.", f},
			{"who is it for", u},
			{"Yes, it is.", f},
			{"I think they are.", f},
			{"the appointment was", i},
			{"Please call me at ten am.", f},
			{"Thank you.", c},
			{"no that's all", c},
			{"Okay, bye", c},
			{"four seven one one", i}, // digits out of the blue
			{"my order number is four seven", p},
			{"my number is", i},
			{"it's spelled s m", p},
			{"my email is john", p},
			{"two tickets please.", f},
			{"That’s right.", f},
		},
		"Would you like to book an appointment?": {
			{"yes", c},
			{"Yes.", c},
			{"no thanks", c},
			{"yes please", c},
			{"sure", c},
			{"yes and", i},
			{"yes but", i},
			{"yes I", i},
			{"on Friday", u},
			{"maybe", c},
		},
		"Would you like Tuesday or Friday?": {
			{"Friday", c},
			{"the Friday", c},
			{"on Friday or", i},
			{"hmm", i},
		},
		"What day suits you?": {
			{"tomorrow", c},
			{"next Monday", c},
			{"on the", i},
			{"Tuesday the 5th", c},
		},
		"How many people?": {
			{"four", c},
			{"for four people", c},
			{"let me think", i},
			{"about", i},
		},
		"What is your name?": {
			{"John Smith", c},
			{"my name is", i},
			{"John", u},
		},
		"Can I have your phone number?": {
			{"yes", u},
			{"yes it's", p},
			{"555", p},
			{"555 010", p},
			{"555 010 4477", c},
			{"five five five, oh one oh, four four seven seven", c},
			{"five five five oh one oh four", p},
			{"I don't have one.", f},
			{"why do you need it?", f},
			{"no", c},
		},
		"Please tell me the six-digit code.": {
			{"four seven one", p},
			{"four seven one one nine two", c},
			{"471192.", c},
			{"twenty five eighty one sixteen", c},
			{"it is", u},
		},
		"What are the last four digits of your card?": {
			{"one two", p},
			{"one two three four", c},
			{"double one double two", c},
		},
		"What is your order number?": {
			{"four seven", p},
			{"four seven one one", i}, // nobody knows how long it is
			{"I don't know.", f},
		},
		"How do you spell that?": {
			{"s m", p},
			{"s m i t h", i},
			{"S-M-I-T-H", i},
			{"sierra mike", p},
			{"s m i t h that's it", c},
		},
		"What is your email address?": {
			{"john", p},
			{"john at", p},
			{"john at example", p},
			{"john at example dot", p},
			{"john at example dot com", c},
			{"john@example.com", c},
			{"john@example.com.", c},
			{"I don't have one.", f},
		},
		"What is your address?": {
			{"12", p},
			{"12 Main", p},
			{"12 Main Street", i},
			{"12 Main Street Springfield 62701", c},
			{"12 Main Street,", i},
			{"I live in", p},
		},
		"What is your date of birth?": {
			{"March", p},
			{"March the fifth", p},
			{"the fifth of March nineteen eighty", c},
			{"March 5th, 1980.", c},
			{"3/5/1980", c},
			{"the 5th of", p},
		},
	} {
		for _, x := range utterances {
			r := remark{text: x.text, asked: asked, words: inEnglish}
			if got := r.judge(); got != x.want {
				t.Errorf("%q, then %q: %s, want %s", asked, x.text, name[got], name[x.want])
			}
		}
	}
	for _, x := range []struct {
		r    remark
		want completeness
	}{
		{remark{text: "Ich möchte einen Tisch für"}, u},
		{remark{text: "Ich möchte einen Tisch."}, f},
		{remark{text: "Um wie viel Uhr?"}, f},
		{remark{text: "也就是说，"}, s},
		{remark{text: "谢谢。"}, f},
		{remark{text: "Also…"}, i},
		{remark{text: "the sea view", answers: []string{"Sea view", "The sea view"}}, c},
		{remark{text: "four seven", entity: EntityDigits, digits: 4, words: inEnglish}, p},
		{remark{text: "four seven one one", entity: EntityDigits, digits: 4, words: inEnglish}, c},
		{remark{text: "s m i", entity: EntitySpelling, words: inEnglish}, i},
		{remark{text: "john at example", entity: EntityEmail, words: inEnglish}, p},
		{remark{text: "12 Main", entity: EntityAddress, words: inEnglish}, p},
		{remark{text: "the fifth", entity: EntityDate, words: inEnglish}, p},
	} {
		if got := x.r.judge(); got != x.want {
			t.Errorf("%+v: %s, want %s", x.r.text, name[got], name[x.want])
		}
	}
}

func TestQuestion(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"":                                  "",
		"Hello.":                            "Hello.",
		"Hello. How are you?":               "How are you?",
		"What is your name? I need it now.": "What is your name?",
		"Tell me your name":                 "Tell me your name",
		"Is it you? Or is it me? Tell me.":  "Or is it me?",
	} {
		if got := question(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
