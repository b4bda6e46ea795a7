package access

import (
	"slices"
	"strings"

	"parley/store"
)

// An Act is something that people do with a session, beside what scopes allow.
type Act string

// The acts.
const (
	OwnKeys  Act = "list, make, revoke and regenerate keys of one's own"
	AllKeys  Act = "the same with everybody's keys, up to one's own role"
	SeeUsers Act = "list users"
	Manage   Act = "invite users, change their roles and remove them, up to one's own role"
	Rename   Act = "rename the organisation, say what its agents may remember"
	Open     Act = "open another organisation, as its owner"
	Leave    Act = "leave the organisation, unless one is its last owner"
)

// A Right says who may do something.
type Right struct {
	Act                  Act
	Owner, Admin, Member bool
}

// Rights is the table of what roles may do with a session. What else there is to do needs scopes: owners and admins have all of them,
// members those that read, and those of everyday work (memberScopes). A key has its maker's role, and never may do more than that.
func Rights() []Right {
	return []Right{
		{OwnKeys, true, true, true},
		{AllKeys, true, true, false},
		{SeeUsers, true, true, true},
		{Manage, true, true, false},
		{Rename, true, true, false},
		{Open, true, true, false},
		{Leave, true, true, true},
	}
}

// memberScopes are what members may do besides reading.
func memberScopes() []string {
	return []string{CallsWrite, TasksWrite, CampaignsWrite, ConversationsWrite, ContactsWrite}
}

// May says whether a role may do something.
func May(r store.Role, a Act) bool {
	i := slices.IndexFunc(Rights(), func(right Right) bool { return right.Act == a })
	if i < 0 {
		return false
	}
	right := Rights()[i]
	switch r {
	case store.Owner:
		return right.Owner
	case store.Admin:
		return right.Admin
	case store.Member:
		return right.Member
	}
	return false
}

// UpTo says whether a role is another one or below it: nobody makes, changes or removes what is above them.
func UpTo(r, top store.Role) bool {
	order := []store.Role{store.Member, store.Admin, store.Owner}
	i := slices.Index(order, r)
	return i >= 0 && i <= slices.Index(order, top)
}

// RoleAllows says whether a role may have a scope, by its name.
func RoleAllows(r store.Role, scope string) bool {
	return r != store.Member || strings.HasSuffix(scope, ":read") || slices.Contains(memberScopes(), scope)
}
