package pipeline

import (
	"slices"
	"strings"
)

// announcements are what machines say in one language when they answer a call. Phrases are compared by words: see recorded.
type announcements struct {
	machine     phrases // of answering machines, and of nobody else
	perhaps     phrases // of answering machines, but people say so, too
	full        phrases // of machines that take no message
	menu        phrases
	screening   phrases
	hold        phrases // what a screening says before somebody comes
	unreachable phrases // of networks
	later       phrases // of those that take no message, in the end
	human       phrases // of people: what they say is no announcement, whatever else is in it
	pickup      phrases // what people say when they pick up late
	keys        bool    // "press" before a number is a menu's, too
}

// announcementsIn is what is known of a language; nil: only sound tells who answers. Other languages go here.
func announcementsIn(a *Agent) *announcements {
	if a.speaksEnglish() {
		return announcementsInEnglish()
	}
	return nil
}

func announcementsInEnglish() *announcements {
	return &announcements{
		machine: newPhrases([]string{
			"leave a message", "leave me a message", "leave us a message", "leave your message", "leave my message", "leave a brief message", "leave a short message",
			"leave a detailed message", "leave a voice message", "leave your name", "leave me your name", "leave a name", "leave your number", "leave your contact",
			"message after the", "wait for the beep", "wait for the tone", "hear the beep", "hear the tone", "voicemail", "voice mail", "voice mailbox", "mailbox", "mail box", "answering machine", "answering service",
			"record your message", "record a message", "to record your", "can't come to the phone", "cannot come to the phone", "can't get to the phone", "can't take your call",
			"cannot take your call", "unable to take your call", "not able to take your call", "can't answer your call", "unable to answer", "can't answer the phone",
			"can't talk right now", "get back to you as soon", "get back to you when", "call you back as soon", "call you right back", "return your call", "returned as soon as",
			"away from my desk", "away from the phone", "away from my phone", "missed your call", "finished recording", "you are finished", "you have finished", "when done hang up",
			"done hang up", "or hang up", "simply hang up", "automated voice", "automatic voice", "voice messaging system", "voice message system", "call has been forwarded", "no one is available to take", "nobody is available to take",
			"available to take your call",
		}),
		perhaps: newPhrases([]string{
			"not available", "is unavailable", "not here right now", "not in right now", "is on the phone", "person you are trying to reach", "person you are calling",
			"person you have called", "the person at extension", "you have reached", "you've reached", "you reached", "no one is available", "nobody is available", "no one is here",
			"after the tone", "after the beep", "after the signal", "at the tone", "at the beep", "sound of the tone", "sound of the beep", "sorry i missed", "sorry we missed", "out of the office", "on the other line", "on another call",
		}),
		full: newPhrases([]string{
			"mailbox is full", "mail box is full", "accept more messages", "accept any more messages", "accept any messages", "accept messages", "not accepting messages",
			"not been set up", "hasn't been set up", "not set up yet", "memory is full", "cannot leave a message", "can't leave a message",
		}),
		menu: newPhrases([]string{
			"press star", "press pound", "press the", "press any key", "press or say", "say or press", "main menu", "menu options", "options have changed", "following options",
			"listen carefully", "for sales", "for support", "for billing", "for customer service", "for english", "for technical support", "call may be recorded", "calls may be recorded",
			"call may be monitored", "calls may be monitored", "call will be recorded", "call is being recorded", "calls are recorded", "monitored or recorded", "call is important to us",
			"our representatives are", "our agents are", "of our representatives", "next available", "party's extension", "your party's", "enter your", "enter the", "please enter",
			"followed by the pound", "followed by pound", "order it was received", "order in which it was received", "touch tone", "estimated wait", "estimated hold time",
			"currently caller number", "business hours are", "office hours are", "welcome to the directory", "stay on the line", "waiting to speak with",
		}),
		screening: newPhrases([]string{
			"state your name", "say your name", "record your name", "give your name and", "reason for calling", "reason for your call", "why you're calling", "why you are calling",
			"purpose of your call", "screening service", "call screening", "screening your call", "this call is being screened", "call assist", "person is available",
			"if they are available", "if they're available", "google voice will", "before i try to connect", "introduce yourself",
		}),
		hold: newPhrases([]string{
			"please hold", "please wait", "stay on the line", "hold while", "one moment", "just a moment", "thank you", "thanks", "connecting", "connect you", "trying to reach", "trying to connect",
			"trying to locate", "try to locate", "try to connect", "will try", "putting you through",
		}),
		unreachable: newPhrases([]string{
			"number you have dialed", "number you dialed", "number you have called", "number you are calling", "not in service", "no longer in service", "out of service", "been disconnected",
			"cannot be completed", "can't be completed", "could not be completed", "cannot be connected", "circuits are busy", "check the number", "number is not valid",
			"does not accept unidentified", "not accepting calls", "not accept calls", "unable to locate the person", "does not accept calls", "is not assigned", "subscriber you have dialed",
		}),
		later: newPhrases([]string{"try again later", "try your call again later", "try your call later", "call again later", "call back later", "try later"}),
		human: newPhrases([]string{
			"how can i help", "how may i help", "how can we help", "may i help", "can i help", "who is this", "who's this", "may i ask", "can i ask", "could i ask", "may i say", "would you like",
			"do you want to", "can i take a message", "i can take a message", "i'll take a message", "you can leave", "leave a message with", "shall i", "should i", "let me get", "let me see if", "can you hear me", "what do you want", "what is this about", "what's this about",
			"what can i do for you", "don't hang up",
		}),
		pickup: newPhrases([]string{
			"hello", "hi", "hey", "yes", "yeah", "i'm here", "i am here", "who is this", "who's this", "speaking", "wait", "hold on", "don't hang up", "sorry", "this is me", "yes hello",
			"can you hear me", "are you there",
		}),
		keys: true,
	}
}

// remarks are what the words of whoever has answered show.
type remarks struct {
	party  Party // that nobody else would have said so; empty: they do not show it
	likely Party // who says such things, if it is known to be all that is said; empty: not known
	full   bool  // a machine that takes no message
	person bool  // there is a person's turn of phrase in it, or a question: no machine's
	pickup bool  // they are said by people who pick up late, and are few
	hold   bool  // somebody may come
	tone   bool  // it speaks of a tone to come
}

// mostPickup is how many words somebody says who picks up late.
const mostPickup = 8

// judge says what words show. A nil a knows no language.
func (a *announcements) judge(text string) (r remarks) {
	said := utterance(text)
	if a == nil || len(said) == 0 {
		return remarks{}
	}
	r.person = a.human.in(said)
	r.full = a.full.recorded(said)
	r.hold = a.hold.in(said)
	r.tone = slices.Contains(said, "tone") || slices.Contains(said, "beep")
	machine, perhaps, menu, later := a.machine.recorded(said), a.perhaps.recorded(said), a.menu.recorded(said) || a.keys && pressing(said), a.later.recorded(said)
	switch {
	case r.person && !r.full:
	case a.screening.recorded(said):
		r.party = Screening
	case a.unreachable.recorded(said):
		r.party = Nobody
	case r.full, machine:
		r.party = Machine
	case menu:
		r.party = Menu
	case later:
		r.likely = Nobody
	case perhaps && !strings.HasSuffix(strings.TrimSpace(text), "?"):
		r.likely = Machine
	}
	r.person = r.party == "" && (r.person || strings.HasSuffix(strings.TrimSpace(text), "?"))
	r.pickup = r.party == "" && r.likely == "" && len(said) <= mostPickup && (r.person || a.pickup.in(said))
	return r
}

// pressing says whether somebody is told to press a key.
func pressing(said []string) bool {
	for i, w := range said[:len(said)-1] {
		if (w == "press" || w == "dial" || w == "push") && inEnglish.number(said[i+1]) {
			return true
		}
	}
	return false
}

// recorded says whether one of the phrases is somewhere in said. Of three words or more, one may be misheard.
func (p phrases) recorded(said []string) bool {
	for i := range said {
		for _, f := range p {
			if len(f) > 0 && len(f) <= len(said)-i && misheard(f, said[i:i+len(f)]) {
				return true
			}
		}
	}
	return false
}

// misheard says whether said, as long as phrase, is it, but for one word if it has three or more.
func misheard(phrase, said []string) bool {
	odd := -1
	for i, w := range phrase {
		switch {
		case w == said[i]:
		case odd >= 0 || len(phrase) < 3:
			return false
		default:
			odd = i
		}
	}
	return odd < 0 || alike(phrase[odd], said[odd])
}
