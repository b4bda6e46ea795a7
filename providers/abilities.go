package providers

// Abilities are what an adapter makes of its vendor, for one kind of work: each vendor's package declares them beside its client (Hears,
// Speaks, Thinks, Converses), cmd makes the table of the docs from them, and the suites of providertest hold a client to them.
type Abilities struct {
	Streams   bool   // what goes in is taken piece by piece, and what comes out comes before all of it is there
	MuLaw     bool   // a telephone's own 8 kHz mu-law goes to and from the vendor as it is
	Words     bool   // words have times
	Turns     bool   // it finds the ends of turns itself
	Cancels   bool   // what nobody wants any more is stopped at the vendor, and costs no more
	Languages string // that it works in, for people: "English", "30 and more"
}
