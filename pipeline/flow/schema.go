package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Schema is the JSON Schema (draft 2020-12) of flow files. It accepts what has the form of a flow; whether its nodes lead somewhere and
// its slots are filled is for Parse to say. docs/flow.schema.json is a copy, for editors.
func Schema() []byte {
	defs := fragment{}
	for name, part := range parts {
		defs[name] = part
	}
	for _, s := range shapes[1:] {
		defs[s.name] = s.schema()
	}
	root := shapes[0].schema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Parley flow"
	root["$defs"] = defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic(fmt.Sprintf("flow: the schema is no JSON: %v", err)) // it is made of constants
	}
	return b.Bytes()
}

// schema is a shape's.
func (s *shape) schema() fragment {
	properties, required := fragment{}, []string{}
	for _, f := range s.fields {
		p := fragment{"description": f.doc}
		for k, v := range f.of {
			p[k] = v
		}
		properties[f.key] = p
		if f.must {
			required = append(required, f.key)
		}
	}
	out := fragment{"type": "object", "description": s.doc, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	for k, v := range rules()[s.name] {
		out[k] = v
	}
	return out
}

// rules are what shapes say of keys that belong together, or exclude each other.
func rules() map[string]fragment {
	condition := fragment{"oneOf": oneCondition()}
	question := fragment{"tries": []string{"give_up"}, "silences": []string{"give_up"}}
	gather := fragment{"retry": []string{"confirm"}}
	for k, v := range question {
		gather[k] = v
	}
	return map[string]fragment{
		"node": {"oneOf": oneNode()},
		"command": {"oneOf": []fragment{
			has([]string{"goto"}, "repeat"),
			{"required": []string{"repeat"}, "properties": fragment{"repeat": fragment{"enum": []any{true, "true", "yes", "on"}}, "goto": false}},
		}},
		"choice":    {"anyOf": []fragment{has([]string{"digit"}), has([]string{"phrases"})}},
		"menu":      {"dependentRequired": question},
		"gather":    {"dependentRequired": gather, "allOf": ofKinds()},
		"condition": condition,
		"branch":    condition,
	}
}

// has wants some keys, and none of others.
func has(keys []string, without ...string) fragment {
	f := fragment{"required": keys}
	none := fragment{}
	for _, key := range without {
		none[key] = false
	}
	if len(none) > 0 {
		f["properties"] = none
	}
	return f
}

// oneNode says that a node does one thing, and has the ways out that belong to it.
func oneNode() []fragment {
	var all []fragment
	for _, k := range nodeKinds {
		needs, without := []string{k.key}, []string{}
		for _, other := range nodeKinds {
			if other.key != k.key {
				without = append(without, other.key)
			}
		}
		for _, way := range []string{"goto", "else"} {
			if way == k.out {
				needs = append(needs, way)
			} else {
				without = append(without, way)
			}
		}
		if k.silent {
			without = append(without, "barge_in")
		}
		all = append(all, has(needs, without...))
	}
	return all
}

// oneCondition says that a condition is of one sort.
func oneCondition() []fragment {
	sorts := []string{"slot", "open", "all", "any", "not"}
	var all []fragment
	for _, sort := range sorts {
		without := slices.DeleteFunc(slices.Clone(sorts), func(s string) bool { return s == sort })
		if sort != "open" {
			without = append(without, "at")
		}
		var compares []fragment
		for _, t := range tests {
			compares = append(compares, has([]string{t.key}))
			if sort != "slot" {
				without = append(without, t.key)
			}
		}
		f := has([]string{sort}, without...)
		if sort == "slot" {
			f["anyOf"] = compares
		}
		all = append(all, f)
	}
	return all
}

// ofKinds says which keys have a meaning for which type of slot.
func ofKinds() []fragment {
	var all []fragment
	for _, name := range kindNames() {
		then := fragment{}
		none := fragment{}
		for _, key := range kindOptions() {
			if !slices.Contains(kindKeys[name], key) {
				none[key] = false
			}
		}
		then["properties"] = none
		switch name {
		case "digits":
			then["oneOf"] = []fragment{has([]string{"length"}, "min", "max"), has([]string{"max"}, "length")}
		case "one_of":
			then["required"] = []string{"options"}
		}
		all = append(all, fragment{
			"if":   fragment{"properties": fragment{"type": fragment{"const": name}}, "required": []string{"type"}},
			"then": then,
		})
	}
	return all
}
