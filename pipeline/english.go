package pipeline

import (
	"slices"
	"strings"
	"unicode"
)

// lexicon is a set of words and phrases, plain and in lower case.
type lexicon [][]string

func lex(s string) (l lexicon) {
	for p := range strings.SplitSeq(s, ",") {
		l = append(l, strings.Fields(p))
	}
	return l
}

func (l lexicon) has(word string) bool {
	return slices.ContainsFunc(l, func(p []string) bool { return len(p) == 1 && p[0] == word })
}

func (l lexicon) is(said []string) bool {
	return slices.ContainsFunc(l, func(p []string) bool { return slices.Equal(p, said) })
}

func (l lexicon) begins(said []string) bool {
	return slices.ContainsFunc(l, func(p []string) bool { return len(p) <= len(said) && slices.Equal(p, said[:len(p)]) })
}

func (l lexicon) ends(said []string) bool {
	return slices.ContainsFunc(l, func(p []string) bool { return len(p) <= len(said) && slices.Equal(p, said[len(said)-len(p):]) })
}

// english is what tells whether somebody who speaks it has finished.
type english struct {
	hesitations, farewells, answers, refusals lexicon
	dangling                                  lexicon // what no sentence ends in
	auxiliaries, nominatives                  lexicon // what ends a sentence only behind the other
	questions, openers                        lexicon
	times, months, streets, domains           lexicon
	units, teens, tens, ordinals, letters     lexicon
}

// inEnglish is never changed.
var inEnglish = newEnglish()

func newEnglish() *english {
	return &english{
		hesitations: lex("um,uh,er,erm,uhm,hmm,mm,like,you know,let me see,let me think,let me check,let me look,let's see,one second,one moment," +
			"just a second,just a moment,hold on,hang on,how do you say,what's it called,i mean,well"),
		farewells: lex("thank you,thanks,bye,goodbye,bye bye,thank you very much,thanks a lot,thank you so much,that's all,that is all,that's it,that'll be all,nothing else"),
		answers: lex("yes,no,yeah,yep,yup,nope,nah,sure,correct,exactly,absolutely,definitely,of course,of course not,yes please,no thanks,no thank you,please,right,wrong," +
			"that's right,that is right,that's correct,that's wrong,not really,i think so,i don't think so,i do,i don't,yes i do,no i don't,it is,it isn't,yes it is,no it isn't," +
			"i am,i'm not,yes i am,no i'm not,okay,ok,all right,alright,fine,that's fine,sounds good,not yet,maybe,never,i did,i didn't,i have,i haven't,yes i have,i will,i can"),
		refusals: lex("no,nope,none,never,sorry,pardon,excuse me,what,why,which,where,who,how,can you,could you,can i,could i,i don't,i do not,i can't,i have no,i'm not,i am not,not,wait,help,is,do,does"),
		dangling: lex("and,or,but,because,if,when,while,although,unless,than,whose,and so,the,a,an,my,your,his,our,their,its,this is,these are,of,to,for,with,from,into,at,between," +
			"i'm,i'll,i'd,i've,we're,we'll,we've,you're,they're,it's,that's,there's,he's,she's,can you,could you,would you,will you,can i,could i,may i,do you,have you,did you," +
			"i want,i need,i wanted,i'd like,i would like,i would love,i have a,very,just,also,and then,as well as,every,another,instead of,such as,for example,especially,mister,doctor," +
			"about,live in,the number,in the,on the,at the,my name,my number,be,been,about the,wondering,trying,going to,supposed,due to,either,whether"),
		auxiliaries: lex("is,are,was,were,has,have,had,will,would,should,must,does,did,do,am"),
		nominatives: lex("i,we,he,she,they"),
		questions:   lex("who,what,where,which,when,how,why,what's,where's,who's,that's,whom,something,someone,anyone,nothing,everything,all,thing,one,place,person"),
		openers:     lex("do,does,did,is,are,was,were,would,will,can,could,have,has,had,shall,should,may,isn't,don't,doesn't,am"),
		times: lex("monday,tuesday,wednesday,thursday,friday,saturday,sunday,mondays,tuesdays,wednesdays,thursdays,fridays,saturdays,sundays,today,tomorrow,tonight,yesterday," +
			"weekend,morning,afternoon,evening,noon,midnight,now,o'clock,am,pm,a.m,p.m,week,month,anytime,soon"),
		months:   lex("january,february,march,april,may,june,july,august,september,october,november,december,jan,feb,mar,apr,jun,jul,aug,sep,sept,oct,nov,dec"),
		streets:  lex("street,st,avenue,ave,road,rd,lane,ln,drive,dr,boulevard,blvd,way,court,ct,place,square,terrace,close,crescent,parkway,highway,broadway"),
		domains:  lex("com,org,net,edu,gov,io,info,co,uk,de,fr,es,it,eu,us,ca,au,ch,at,nl,ie,in,dev,app,me"),
		units:    lex("zero,oh,o,one,two,three,four,five,six,seven,eight,nine,nought"),
		teens:    lex("ten,eleven,twelve,thirteen,fourteen,fifteen,sixteen,seventeen,eighteen,nineteen"),
		tens:     lex("twenty,thirty,forty,fifty,sixty,seventy,eighty,ninety"),
		ordinals: lex("first,second,third,fourth,fifth,sixth,seventh,eighth,ninth,tenth,eleventh,twelfth,thirteenth,fourteenth,fifteenth,sixteenth,seventeenth,eighteenth,nineteenth,twentieth,thirtieth"),
		letters: lex("alpha,alfa,bravo,charlie,delta,echo,foxtrot,golf,hotel,india,juliet,juliett,kilo,lima,mike,november,oscar,papa,quebec,romeo,sierra,tango,uniform,victor," +
			"whiskey,x-ray,yankee,zulu"),
	}
}

// breaksOff says whether said stops where a sentence does not end.
func (e *english) breaksOff(said []string) bool {
	n := len(said)
	last := said[n-1]
	before := ""
	if n > 1 {
		before = said[n-2]
	}
	pronoun := e.nominatives.has(before) || slices.Contains([]string{"it", "you", "that", "there", "this"}, before)
	switch {
	case e.answers.is(said):
		return false
	case e.auxiliaries.has(last):
		return !pronoun && !e.questions.has(before) && last != "do" && last != "am"
	case e.nominatives.has(last):
		return !e.auxiliaries.has(before) && !e.openers.has(before)
	case !e.dangling.ends(said):
		return false
	}
	// "what I am looking for" ends in what "I am looking for" cannot.
	preposition := slices.Contains([]string{"for", "to", "from", "with", "at", "of", "about", "into"}, last)
	return !preposition || !slices.ContainsFunc(said[:n-1], e.questions.has) || last == "to" && n < 4
}

// number says whether a word is or holds a number.
func (e *english) number(word string) bool {
	return strings.ContainsAny(word, "0123456789") || e.units.has(word) || e.teens.has(word) || e.tens.has(word)
}

// figures counts the digits that are written in a word.
func figures(word string) (n int) {
	for _, r := range word {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// digits counts the digits that were said.
func (e *english) digits(said []string) (n int) {
	for i, w := range said {
		follows := i > 0 && e.tens.has(said[i-1])
		switch {
		case !strings.ContainsFunc(w, unicode.IsLetter):
			n += figures(w)
		case e.units.has(w) && !follows, w == "double":
			n++
		case e.teens.has(w), e.tens.has(w), w == "triple":
			n += 2
		}
	}
	return n
}
