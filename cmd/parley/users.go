package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/control/access"
	"parley/store"
	"parley/store/sql"
)

// usersCmd cares for the people of an organisation where nobody can log in yet, or any more. It works on the database.
type usersCmd struct {
	List     usersListCmd     `cmd:"" default:"withargs" help:"List users."`
	Invite   usersInviteCmd   `cmd:"" help:"Make an invite and print its link, once."`
	Password usersPasswordCmd `cmd:"" help:"Give a user a new password, and end their sessions."`
}

type usersListCmd struct{ desk }

// A userRow is what is shown of a user.
type userRow struct {
	ID      string     `json:"id"`
	Email   string     `json:"email"`
	Name    string     `json:"name"`
	Role    store.Role `json:"role"`
	Created time.Time  `json:"created_at"`
}

// Run lists users, newest first.
func (c *usersListCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.User, int64, error) { return s.Users(ctx, c.Org, p) })
		if err != nil {
			return err
		}
		users, rows := make([]userRow, len(all)), make([][]string, len(all))
		for i, u := range all {
			users[i] = userRow{u.ID, u.Email, u.Name, u.Role, u.Created}
			rows[i] = []string{u.ID, u.Email, cmp.Or(u.Name, "-"), string(u.Role), u.Created.Local().Format(time.DateTime)}
		}
		return c.show(con.out, users, []string{"USER", "EMAIL", "NAME", "ROLE", "SINCE"}, rows)
	})
}

type usersInviteCmd struct {
	desk
	Email     string `arg:"" help:"Whom."`
	Role      string `help:"What they will be: owner, admin or member." enum:"owner,admin,member" default:"member"`
	PublicURL string `help:"URL under which people reach the server; the link begins with it." default:"http://localhost:8080" var:"PARLEY_PUBLIC_URL"`
}

// Run makes an invite. Its link goes to stdout alone.
func (c *usersInviteCmd) Run(ctx context.Context, con console) error {
	email, ok := access.Email(c.Email)
	if !ok {
		return usageError{fmt.Errorf("%q is not an email address", c.Email)}
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		secret, i, err := access.NewSessions(s, nil, nil).Invite(ctx, access.Identity{Org: c.Org}, email, store.Role(c.Role))
		if errors.Is(err, store.ErrConflict) {
			return usageError{fmt.Errorf("%s is a member already", email)}
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(con.err, "for %s, as %s, once, until %s:\n", i.Email, i.Role, i.Expires.Local().Format(time.DateTime))
		_, err = fmt.Fprintf(con.out, "%s/invite#%s\n", strings.TrimRight(c.PublicURL, "/"), string(secret))
		return err
	})
}

type usersPasswordCmd struct {
	desk
	Email string `arg:"" help:"Whose."`
	Stdin bool   `help:"Read the password from the first line of the input, instead of making one and printing it."`
}

// Run sets a password. One that was made goes to stdout alone.
func (c *usersPasswordCmd) Run(ctx context.Context, con console) error {
	password := access.Secret(rand.Text())
	if c.Stdin {
		line, err := bufio.NewReader(con.in).ReadString('\n')
		if line == "" && err != nil {
			return usageError{fmt.Errorf("read password: %w", err)}
		}
		password = access.Secret(strings.TrimRight(line, "\r\n"))
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		u, err := s.UserByEmail(ctx, strings.ToLower(c.Email))
		if errors.Is(err, store.ErrNotFound) {
			return usageError{fmt.Errorf("nobody has the address %s; `parley users` lists those who are there", c.Email)}
		}
		if err != nil {
			return err
		}
		if err := access.CheckPassword(password, u.Email, u.Name); err != nil {
			return usageError{err}
		}
		hash, err := access.HashPassword(password)
		if err != nil {
			return err
		}
		if err := s.SetPassword(ctx, u.ID, hash, ""); err != nil {
			return err
		}
		fmt.Fprintf(con.err, "%s has a new password, and no session any more\n", u.Email)
		if c.Stdin {
			return nil
		}
		_, err = fmt.Fprintln(con.out, string(password))
		return err
	})
}
