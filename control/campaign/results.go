package campaign

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/envelope"
	"parley/store"
)

// results are written a page at a time.
const resultsPage = 500

// resultColumns come before those of the contacts.
var resultColumns = []string{"line", "to_number", "status", "outcome", "attempts", "answered_at", "ended_at", "duration_seconds", "answered_by", "cause",
	"error", "call_id", "task_id"}

// Results handles GET /campaigns/{id}/results: CSV, in the order in which the contacts came.
func (h *Campaigns) Results(ctx context.Context, in *envelope.ID) (*huma.StreamResponse, error) {
	c, err := h.find(ctx, in.ID)
	if err != nil {
		return nil, none(err)
	}
	names, err := h.columns(ctx, c)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		_, w := humago.Unwrap(out)
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
		w.Header().Set("Content-Disposition", `attachment; filename="campaign-`+c.ID+`.csv"`)
		if err := h.write(ctx, w, c, names); err != nil {
			h.Log.WarnContext(ctx, "results not written to their end", "campaign", c.ID, "error", err)
			panic(http.ErrAbortHandler) // what came is not to be taken for all
		}
	}}, nil
}

// each calls f with every result, in order.
func (h *Campaigns) each(ctx context.Context, c store.Campaign, f func(store.CampaignResult) error) error {
	for after := ""; ; {
		page, err := h.Store.CampaignResults(ctx, c.Org, c.ID, after, resultsPage)
		if err != nil {
			return fmt.Errorf("list results: %w", err)
		}
		for _, r := range page {
			if err := f(r); err != nil {
				return err
			}
		}
		if len(page) < resultsPage {
			return nil
		}
		after = page[len(page)-1].Task.ID
	}
}

// columns are the names of all that is known of contacts. Files may have had other columns each.
func (h *Campaigns) columns(ctx context.Context, c store.Campaign) (names []string, err error) {
	err = h.each(ctx, c, func(r store.CampaignResult) error {
		fields, err := contextOf(r.Task)
		for _, f := range fields {
			if !slices.Contains(names, f.name) && len(names) < 3*maxColumns {
				names = append(names, f.name)
			}
		}
		return err
	})
	return names, err
}

// write writes the table.
func (h *Campaigns) write(ctx context.Context, w io.Writer, c store.Campaign, names []string) error {
	table := csv.NewWriter(w)
	table.UseCRLF = true // RFC 4180
	head := slices.Clone(resultColumns)
	for _, name := range names {
		head = append(head, harmless(name))
	}
	if err := table.Write(head); err != nil {
		return err
	}
	row := make([]string, len(head))
	err := h.each(ctx, c, func(r store.CampaignResult) error {
		clear(row[copy(row, resultRow(r)):])
		fields, err := contextOf(r.Task)
		if err != nil {
			return err
		}
		for _, f := range fields {
			if i := slices.Index(names, f.name); i >= 0 {
				row[len(resultColumns)+i] = harmless(f.value)
			}
		}
		return table.Write(row)
	})
	table.Flush()
	return errors.Join(err, table.Error())
}

// resultRow is what resultColumns name.
func resultRow(r store.CampaignResult) []string {
	t, call := r.Task, r.Call
	line, length := "", ""
	if t.Line > 0 {
		line = strconv.Itoa(t.Line)
	}
	if !call.Answered.IsZero() && !call.Ended.IsZero() {
		length = strconv.FormatFloat(call.Length.Seconds(), 'f', 2, 64)
	}
	return []string{
		line, harmless(t.To), string(t.Status), harmless(t.Outcome), strconv.Itoa(t.Attempts), moment(call.Answered), moment(call.Ended), length,
		harmless(call.AnsweredBy), harmless(call.Cause), harmless(t.Error), t.Call, t.ID,
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// A known is one thing that is known of a contact.
type known struct{ name, value string }

// contextOf are the members of a task's context in their order. What is no text stands as JSON.
func contextOf(t store.Task) (fields []known, err error) {
	if t.Context == "" {
		return nil, nil
	}
	dec := json.NewDecoder(strings.NewReader(t.Context))
	if _, err := dec.Token(); err != nil { // {
		return nil, fmt.Errorf("read context of task %s: %w", t.ID, err)
	}
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			return nil, fmt.Errorf("read context of task %s: %w", t.ID, err)
		}
		f := known{name: fmt.Sprint(name), value: string(value)}
		var text string
		if json.Unmarshal(value, &text) == nil {
			f.value = text
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// harmless is a cell that no spreadsheet takes for a formula: one that would be gets an apostrophe before it (OWASP, CSV injection). A phone
// number stays as it is: all that follows its plus are digits.
func harmless(cell string) string {
	if cell == "" || envelope.E164(cell) {
		return cell
	}
	if first, _ := utf8.DecodeRuneInString(cell); strings.ContainsRune("=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20", first) {
		return "'" + cell
	}
	return cell
}
