package keypad

import _ "embed"

//go:embed schema.json
var schema string

// Schema is the JSON Schema (draft 2020-12) of rules. It accepts what has the form of rules; whether their keys can be told apart is for
// Parse to say.
func Schema() []byte { return []byte(schema) }
