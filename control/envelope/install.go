package envelope

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

var install sync.Once

// Install makes huma speak in envelopes. Its constructors of errors are variables of its package, so this is for the whole process,
// done once, and to be called before the first huma.Register.
func Install() {
	install.Do(func() {
		huma.ValidateStrictCasing = true // "Name" is not "name"
		huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
			f := understand(status, msg, errs)
			return shape("", f, Meta{Timestamp: Time(time.Now())})
		}
		huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
			f := understand(status, msg, errs)
			f.head(ctx.SetHeader)
			note(ctx.Context(), f)
			u := ctx.URL()
			return shape(u.Path, f, metaOf(ctx.Context()))
		}
	})
}

// understand makes a fault of what huma has to say.
func understand(status int, msg string, errs []error) *Fault {
	var given *Fault
	var large *http.MaxBytesError
	switch err := errors.Join(errs...); {
	case errors.As(err, &given):
		return given
	case status == http.StatusRequestEntityTooLarge, errors.As(err, &large):
		most := int64(MaxBody)
		if large != nil {
			most = large.Limit
		}
		return &Fault{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is too large: %d MiB at most", most>>20)}
	case status == http.StatusUnsupportedMediaType:
		return &Fault{Status: status, Message: "send the body as application/json"}
	case status == http.StatusInternalServerError && strings.HasPrefix(msg, "cannot read request body"):
		return &Fault{Status: http.StatusBadRequest, Message: "the body did not arrive whole"}
	case status >= http.StatusInternalServerError && err != nil:
		return FaultOf(err)
	case status == http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	}
	return &Fault{Status: status, Message: msg, Details: details(errs)}
}

// details names every bad field. Of two complaints about one field the first stands.
func details(errs []error) map[string]string {
	if len(errs) == 0 {
		return nil
	}
	bad := make(map[string]string, len(errs))
	for _, err := range errs {
		field, message := "request", err.Error()
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			field, message = complaint(d)
		}
		if _, ok := bad[field]; !ok {
			bad[field] = message
		}
	}
	return bad
}

// complaint is one of huma's complaints in our words: it says of a missing field only that its parent lacks it, in a text.
func complaint(d *huma.ErrorDetail) (field, message string) {
	field, message = d.Location, d.Message
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	if name, ok := strings.CutPrefix(message, before); ok {
		if name, ok = strings.CutSuffix(name, after); ok {
			field, message = field+"."+name, "is required"
		}
	}
	if message == validation.MsgUnexpectedProperty {
		message = "unknown field"
	}
	field = unmask.Replace(field)
	for _, place := range []string{"body.", "query.", "path.", "header."} {
		if name, ok := strings.CutPrefix(field, place); ok {
			return name, message
		}
	}
	return field, message
}
