package access

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"parley/store"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, r := range Rights() {
		for role, want := range map[store.Role]bool{store.Owner: r.Owner, store.Admin: r.Admin, store.Member: r.Member, "": false, "root": false} {
			if got := May(role, r.Act); got != want {
				t.Errorf("%q may %s: %v, want %v", role, r.Act, got, want)
			}
		}
	}
	if May(store.Owner, "fly") {
		t.Error("an owner may do what there is not")
	}
	order := []store.Role{store.Member, store.Admin, store.Owner}
	for i, r := range order {
		for j, top := range order {
			if got := UpTo(r, top); got != (i <= j) {
				t.Errorf("%s up to %s: %v", r, top, got)
			}
		}
		if UpTo("root", r) || UpTo(r, "root") {
			t.Errorf("%s is compared with a role that there is not", r)
		}
	}
}

func TestRoleBoundsScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role   store.Role
		scopes []string
		scope  string
		want   bool
	}{
		{store.Owner, []string{All}, AgentsWrite, true},
		{store.Admin, []string{All}, AgentsWrite, true},
		{store.Admin, []string{AgentsRead}, AgentsWrite, false},
		{store.Member, []string{All}, AgentsRead, true},
		{store.Member, []string{All}, CallsWrite, true},
		{store.Member, []string{All}, AgentsWrite, false},
		{store.Member, []string{AgentsWrite}, AgentsWrite, false},
		{store.Member, []string{AgentsWrite}, AgentsRead, false},
	} {
		if got := (Identity{Role: c.role, Scopes: c.scopes}).Allows(c.scope); got != c.want {
			t.Errorf("%s with %v and %s: %v", c.role, c.scopes, c.scope, got)
		}
	}
}

// TestRolesAreDocumented: docs/access.md shows the table as it is.
func TestRolesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	sign := map[bool]string{true: "yes", false: "no"}
	for _, r := range Rights() {
		if row := fmt.Sprintf("| %s | %s | %s | %s |", r.Act, sign[r.Owner], sign[r.Admin], sign[r.Member]); !strings.Contains(string(text), row) {
			t.Errorf("docs/access.md has no row\n%s", row)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, good := range map[Secret]bool{
		"correct horse battery": true, "wrong zebra battery staple": true, "xK9#mQ2$vL5!": true, "QZJXKVBWPYGM": true, "Grüße aus Köln 7": true,
		"tarte aux pommes!": true, "пароль на завтра": true, "my password is long": true, "83749501726394": true,
		"hunter2": false, "passwordpassword": false, "Password1234": false, "PASSWORD!!!!": false, "password2024!": false, "123456789012": false,
		"098765432109": false, "aaaaaaaaaaaa": false, "abababababab": false, "abcdefghijkl": false, "qwertyuiopasdf": false, "qwerty123456": false,
		"iloveyou1234": false, "parleyparley": false, "Parley-Admin-1": false, "letmein12345": false, "ada.lovelace1": false,
		"ada.lovelace@example.com": false, "Ada Lovelace!": false, "            ": false, "111111222222": false,
	} {
		err := CheckPassword(password, "ada.lovelace@example.com", "Ada Lovelace")
		if (err == nil) != good {
			t.Errorf("%s: %v, want good %v", string(password), err, good)
		}
		if err != nil && strings.Contains(err.Error(), string(password)) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
