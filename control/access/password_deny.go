package access

import (
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// common are words that passwords are made of by those who were asked for a longer one. What is nothing else, but for digits and signs, is
// refused.
func common() []string {
	return []string{
		"password", "passwort", "passw0rd", "passphrase", "parley", "administrator", "admin", "owner", "user", "login", "letmein", "welcome",
		"changeme", "default", "secret", "iloveyou", "qwertyuiop", "qwerty", "qwertz", "asdfghjkl", "zxcvbnm", "football", "baseball", "superman",
		"batman", "monkey", "dragon", "princess", "sunshine", "master", "trustno", "whatever", "computer", "internet", "telephone",
	}
}

// CheckPassword says what keeps a text from being anyone's new password; about is what an attacker would try first: the address and name of
// whose it is.
func CheckPassword(password Secret, about ...string) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	bare := strings.ToLower(norm.NFC.String(string(password)))
	for _, text := range about {
		text = strings.ToLower(text)
		before, _, _ := strings.Cut(text, "@")
		for _, word := range []string{text, before} {
			if len(word) > 2 {
				bare = strings.ReplaceAll(bare, word, "")
			}
		}
	}
	for _, word := range common() {
		bare = strings.ReplaceAll(bare, word, "")
	}
	seen := make(map[rune]bool)
	letters := 0
	for _, r := range bare {
		seen[r] = true
		if r < '!' || r > '@' { // neither a digit nor a usual sign
			letters++
		}
	}
	switch {
	case letters == 0 && len(bare) < minPassword, len(seen) < 4, ordered(bare):
		return errors.New("password is too easy to guess: use several unusual words, or let a password manager make one")
	}
	return nil
}

// ordered finds rows of the keyboard, the alphabet and the digits, and what repeats itself.
func ordered(s string) bool {
	const rows = "abcdefghijklmnopqrstuvwxyz 012345678901234567890123456789 987654321098765432109876543210 qwertyuiop asdfghjkl zxcvbnm"
	if s == "" || strings.Contains(rows, s) {
		return true
	}
	for unit := 1; unit <= len(s)/2; unit++ {
		if strings.HasPrefix(strings.Repeat(s[:unit], len(s)/unit+1), s) {
			return true
		}
	}
	return false
}
