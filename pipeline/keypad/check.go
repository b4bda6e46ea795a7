package keypad

import (
	"math/big"
	"slices"
)

// check puts the narrower rules first, and finds those that cannot be told apart and those that are never chosen. Of two rules that share
// entries one has all of the other's, or they are refused: so the rules make a tree, and what is left of one is its size without that of
// the largest within it.
func (r *reader) check(rules *Rules) {
	all := rules.rules
	told := len(r.errs)
	for i, u := range all {
		for _, v := range all[:i] {
			switch entry := u.keys.common(v.keys); {
			case entry == "":
			case u.keys.within(v.keys) && v.keys.within(u.keys):
				r.bad(where(u), "%q has the same entries as %s", u.keys.text, v.path)
			case !u.keys.within(v.keys) && !v.keys.within(u.keys):
				r.bad(where(u), "%q and %q of %s both fit %q, and neither is the narrower one: it is not clear which is meant", u.keys.text, v.keys.text, v.path, entry)
			}
		}
	}
	if len(r.errs) > told {
		return
	}
	size := make(map[*rule]*big.Int, len(all))
	for _, u := range all {
		size[u] = u.keys.size()
	}
	for _, u := range all {
		left := new(big.Int).Set(size[u])
		for _, v := range largestWithin(all, u) {
			left.Sub(left, size[v])
		}
		if left.Sign() == 0 {
			r.bad(where(u), "%q is never chosen: narrower rules have all its entries", u.keys.text)
		}
	}
	slices.SortStableFunc(all, func(u, v *rule) int { return size[u].Cmp(size[v]) })
}

// largestWithin are the rules that u has all the entries of, without those that another of them has.
func largestWithin(all []*rule, u *rule) []*rule {
	inside := func(v, u *rule) bool { return v != u && v.keys.within(u.keys) }
	var within []*rule
	for _, v := range all {
		if inside(v, u) && !slices.ContainsFunc(all, func(w *rule) bool { return inside(w, u) && inside(v, w) }) {
			within = append(within, v)
		}
	}
	return within
}

// where a rule's keys are.
func where(u *rule) string {
	if u.path == under("", u.keys.text) {
		return u.path
	}
	return under(u.path, "keys")
}
