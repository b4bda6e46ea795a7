package local

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// say turns written words into words that can be read out by their letters: numbers, money, times, addresses, abbreviations.
func say(written []string) []word {
	out := make([]word, len(written))
	for i, w := range written {
		var before, after string
		if i > 0 {
			before = written[i-1]
		}
		if i+1 < len(written) {
			after = written[i+1]
		}
		out[i] = word{text: w, said: sayWord(w, before, after), stop: stopOf(w)}
		if bare := strings.Trim(w, ".,;:?!"); isCode.MatchString(bare) && slices.ContainsFunc(written[max(0, i-3):i], announcesCode) {
			out[i].said = digits(bare)
		}
	}
	return out
}

// A number that is somebody's or something's is read digit by digit.
var (
	isCode    = regexp.MustCompile(`^\d{3,}$`)
	codeWords = set("number code pin extension reference account id ticket order case policy flight room passcode password dial ending")
)

func announcesCode(w string) bool { return codeWords[plain(w)] }

// sayWord reads one word; its neighbours decide what "St." and "Jan. 5" are.
func sayWord(w, before, after string) string {
	core := strings.TrimRightFunc(strings.TrimLeftFunc(w, opening), closing)
	bare := strings.TrimRight(core, ",;:?!…—–")
	if body, dotted := strings.CutSuffix(bare, "."); dotted {
		switch low := strings.ToLower(body); {
		case low == "st" && (before == "" || !unicode.IsUpper([]rune(before)[0])) && after != "":
			return "saint"
		case low == "no" && !startsDigit(after):
			bare = body
		case abbreviations[low] != "":
			return abbreviations[low]
		default:
			bare = body
		}
	}
	bare = strings.TrimRightFunc(bare, closing)
	if bare == "" {
		return ""
	}
	for _, r := range readings {
		if m := r.like.FindStringSubmatch(bare); m != nil {
			return r.read(m)
		}
	}
	return sayPlain(bare)
}

func startsDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// abbreviations are read in full. They are known with their dot, which then ends no sentence.
var abbreviations = map[string]string{
	"mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "street", "ave": "avenue", "rd": "road",
	"blvd": "boulevard", "apt": "apartment", "dept": "department", "ext": "extension", "no": "number", "vs": "versus", "etc": "et cetera",
	"e.g": "for example", "i.e": "that is", "a.m": "A M", "p.m": "P M", "approx": "approximately", "jr": "junior", "sr": "senior",
	"inc": "incorporated", "ltd": "limited", "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
	"jul": "july", "aug": "august", "sept": "september", "sep": "september", "oct": "october", "nov": "november", "dec": "december",
}

// A reading is how a written form is read out.
type reading struct {
	like *regexp.Regexp
	read func(m []string) string
}

// readings are tried in order.
var readings = []reading{
	{regexp.MustCompile(`^([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)$`), func(m []string) string { return address(m[1]) + " at " + address(m[2]) }},
	{regexp.MustCompile(`^(?:https?://)?((?:[\w-]+\.)+(?:com|org|net|io|ai|dev|edu|gov|co|uk|de|eu|info|app|example))(/[\w./-]*)?$`),
		func(m []string) string { return address(m[1] + strings.TrimSuffix(m[2], "/")) }},
	{regexp.MustCompile(`^([$£€])(\d[\d,]*)(?:\.(\d\d))?$`), money},
	{regexp.MustCompile(`^(\d{1,2}):(\d\d)(?i:(a|p)\.?m\.?)?$`), clock},
	{regexp.MustCompile(`^(\d{1,2})(?i:(a|p)\.?m\.?)$`), func(m []string) string { return figures(m[1]) + " " + strings.ToUpper(m[2]) + " M" }},
	{regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)$`), date},
	{regexp.MustCompile(`^(\d+)(?i:st|nd|rd|th)$`), func(m []string) string { return ordinal(m[1]) }},
	{regexp.MustCompile(`^\+?\(?\d{2,4}\)?-\d{3,}(?:-\d{2,})*$|^\+?\(?\d{1,4}\)?(?:[-.]\d{2,}){2,}$`), telephone},
	{regexp.MustCompile(`^\(\d+\)?$|^\+\d+$`), telephone},
	{regexp.MustCompile(`^([-−]?)(\d[\d,]*)(?:\.(\d+))?(%|°)?$`), number},
	{regexp.MustCompile(`^(\d+)/(\d+)$`), func(m []string) string { return figures(m[1]) + " " + figures(m[2]) }},
	{regexp.MustCompile(`^(\d+)[-–](\d+)$`), func(m []string) string { return figures(m[1]) + " to " + figures(m[2]) }},
	{regexp.MustCompile(`^[A-Za-z]*\d[A-Za-z\d-]*$`), spell},
}

func money(m []string) string {
	unit, small := "dollars", "cents"
	switch m[1] {
	case "£":
		unit, small = "pounds", "pence"
	case "€":
		unit = "euros"
	}
	amount := strings.ReplaceAll(m[2], ",", "")
	if amount == "1" {
		unit = strings.TrimSuffix(unit, "s")
	}
	said := cardinal(amount) + " " + unit
	if m[3] != "" && m[3] != "00" {
		if m[3] == "01" && small == "cents" {
			small = "cent"
		}
		said += " and " + cardinal(m[3]) + " " + small
	}
	return said
}

func clock(m []string) string {
	said := cardinal(m[1])
	switch {
	case m[2] == "00" && m[3] == "":
		said += " o'clock"
	case m[2] == "00":
	case m[2][0] == '0':
		said += " oh " + cardinal(m[2])
	default:
		said += " " + cardinal(m[2])
	}
	if m[3] != "" {
		said += " " + strings.ToUpper(m[3]) + " M"
	}
	return said
}

var months = strings.Fields("january february march april may june july august september october november december")

func date(m []string) string {
	month, _ := strconv.Atoi(m[2])
	if month < 1 || month > len(months) {
		return telephone(m)
	}
	return months[month-1] + " " + ordinal(m[3]) + " " + figures(m[1])
}

// telephone reads digits one by one, with a breath between groups.
func telephone(m []string) string {
	var groups []string
	for _, g := range strings.FieldsFunc(m[0], func(r rune) bool { return r < '0' || r > '9' }) {
		groups = append(groups, digits(g))
	}
	return strings.Join(groups, ", ")
}

func number(m []string) string {
	whole := strings.ReplaceAll(m[2], ",", "")
	said := figures(m[2])
	if m[3] != "" {
		said = cardinal(whole) + " point " + digits(m[3])
	}
	if m[1] != "" {
		said = "minus " + said
	}
	switch m[4] {
	case "%":
		said += " percent"
	case "°":
		said += " degrees"
	}
	return said
}

// figures reads a whole number as people do: years in pairs, long or zero-led ones digit by digit, all others as a number.
func figures(s string) string {
	n, err := strconv.Atoi(s)
	switch {
	case strings.Contains(s, ","):
		return cardinal(strings.ReplaceAll(s, ",", ""))
	case err != nil || len(s) > 4 || len(s) > 1 && s[0] == '0':
		return digits(s)
	case n >= 1100 && n < 2000 || n >= 2010 && n < 2100:
		if n%100 == 0 {
			return cardinal(s[:2]) + " hundred"
		}
		if n%100 < 10 {
			return cardinal(s[:2]) + " oh " + cardinal(s[2:])
		}
		return cardinal(s[:2]) + " " + cardinal(s[2:])
	}
	return cardinal(s)
}

var (
	ones = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	tens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
)

// cardinal reads a whole number of up to twelve digits, longer ones digit by digit.
func cardinal(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil || n >= 1e12 {
		return digits(s)
	}
	return count(n)
}

func count(n int) string {
	switch {
	case n < 20:
		return ones[n]
	case n < 100:
		if n%10 == 0 {
			return tens[n/10]
		}
		return tens[n/10] + " " + ones[n%10]
	case n < 1000:
		return scale(n, 100, "hundred")
	case n < 1e6:
		return scale(n, 1000, "thousand")
	case n < 1e9:
		return scale(n, 1e6, "million")
	}
	return scale(n, 1e9, "billion")
}

func scale(n, unit int, name string) string {
	said := count(n/unit) + " " + name
	if rest := n % unit; rest > 0 {
		said += " " + count(rest)
	}
	return said
}

var ordinals = map[string]string{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}

func ordinal(s string) string {
	words := strings.Fields(cardinal(s))
	last := words[len(words)-1]
	switch {
	case ordinals[last] != "":
		last = ordinals[last]
	case strings.HasSuffix(last, "y"):
		last = strings.TrimSuffix(last, "y") + "ieth"
	default:
		last += "th"
	}
	words[len(words)-1] = last
	return strings.Join(words, " ")
}

func digits(s string) string {
	var said []string
	for _, r := range s {
		if r >= '0' && r <= '9' {
			said = append(said, ones[r-'0'])
		}
	}
	return strings.Join(said, " ")
}

// spell reads a code such as B12 or 2934Z.
func spell(m []string) string {
	var said []string
	for _, r := range m[0] {
		switch {
		case unicode.IsDigit(r):
			said = append(said, ones[r-'0'])
		case unicode.IsLetter(r):
			said = append(said, string(unicode.ToUpper(r)))
		}
	}
	return strings.Join(said, " ")
}

// address reads a mail or web address.
func address(s string) string {
	var said []string
	for part := range strings.SplitSeq(marks.Replace(s), " ") {
		switch {
		case part == "":
		case strings.ContainsAny(part, "0123456789"):
			said = append(said, spell([]string{part}))
		default:
			said = append(said, part)
		}
	}
	return strings.Join(said, " ")
}

var marks = strings.NewReplacer(".", " dot ", "-", " dash ", "_", " underscore ", "/", " slash ", "+", " plus ")

var signs = map[string]string{"&": "and", "+": "plus", "=": "equals", "%": "percent", "#": "number", "@": "at", "*": "star", "-": "", "–": "", "—": ""}

// pronounced are capitals that are read as a word.
var pronounced = set("PIN SIM ZIP NASA COVID AIDS NATO LASER RADAR ASAP AND OR NOT THE YES NO YOU WE IT IS ALL NEW FREE STOP")

// sayPlain reads a word that is no number: capitals letter by letter, signs by name, all else as written.
func sayPlain(w string) string {
	if s, ok := signs[w]; ok {
		return s
	}
	switch w {
	case "OK":
		return "okay"
	case "A": // the article; as a letter it comes of a reading
		return "a"
	}
	var parts []string
	for _, p := range strings.FieldsFunc(w, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’' && r != '&'
	}) {
		letters := strings.Trim(p, "'’&")
		switch {
		case letters == "":
		case len(letters) > 1 && len(letters) <= 5 && letters == strings.ToUpper(letters) && !pronounced[letters]:
			parts = append(parts, strings.Join(strings.Split(letters, ""), " "))
		default:
			parts = append(parts, strings.ReplaceAll(strings.ReplaceAll(letters, "&", " and "), "’", "'"))
		}
	}
	return strings.Join(parts, " ")
}
