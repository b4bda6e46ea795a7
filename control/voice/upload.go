package voice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/document"
	"parley/control/envelope"
	"parley/control/library"
	"parley/store"
)

// UploadKnowledge is what POST /agents/{id}/knowledge asks. The form is read here: what it has besides is refused by name.
type UploadKnowledge struct {
	envelope.ID
	Type    string `header:"Content-Type" hidden:"true"`
	RawBody []byte `contentType:"multipart/form-data"`

	file library.File
}

// UploadForm is the schema of the form.
func UploadForm() *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{
		"file": {Type: huma.TypeString, Format: "binary", Description: "The document: text, Markdown, HTML or PDF; 20 MiB at most."},
		"text": {Type: huma.TypeString, Description: "Instead of file: its text."},
		"name": {Type: huma.TypeString, Description: "What the document is called; its ending tells what it is. Default the file's own name; with text it is required.",
			MaxLength: new(255)},
	}}
}

// Resolve implements huma.Resolver: it reads the form.
func (in *UploadKnowledge) Resolve(ctx huma.Context) []error {
	bad := in.Strict.Resolve(ctx)
	kind, params, err := mime.ParseMediaType(in.Type)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return append(bad, &envelope.Fault{Status: http.StatusUnsupportedMediaType, Message: "send the document as multipart/form-data"})
	}
	wrong := func(field, message string) {
		bad = append(bad, &huma.ErrorDetail{Location: "body." + field, Message: message})
	}
	form := multipart.NewReader(bytes.NewReader(in.RawBody), params["boundary"])
	given := map[string][]byte{}
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(part)
		}
		if err != nil {
			wrong("body", "the form cannot be read")
			return bad
		}
		switch name := part.FormName(); {
		case name != "file" && name != "text" && name != "name":
			wrong(name, "unknown field")
		case given[name] != nil:
			wrong(name, "given more than once: one document a request")
		default:
			given[name] = append([]byte{}, data...)
			if name == "file" {
				in.file.Name = part.FileName()
			}
		}
	}
	file, text := given["file"], given["text"]
	switch {
	case file == nil && text == nil:
		wrong("file", "is required, or text and name")
	case file != nil && text != nil:
		wrong("text", "is instead of file: give one of them")
	case file == nil && len(given["name"]) == 0:
		wrong("name", "is required with text")
	}
	in.file.Data = file
	if file == nil {
		in.file.Data = text
	}
	if name := string(given["name"]); name != "" {
		in.file.Name = name
	}
	in.file.Name = path.Base(strings.ReplaceAll(in.file.Name, `\`, "/")) // without a folder, also one of Windows
	return bad
}

// Add handles POST /agents/{id}/knowledge.
func (h *Knowledge) Add(ctx context.Context, in *UploadKnowledge) (*envelope.One[AgentDocument], error) {
	a, err := h.agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return nil, envelope.Busy("other documents are being read: try again later", ctx.Err())
	}
	o, err := h.Library.Add(ctx, a.Org, a.ID, in.file, document.Limits{}, nil)
	var unreadable *library.FileError
	switch {
	case err == nil, o.State != "":
	case errors.Is(err, document.ErrNoPDF):
		return nil, envelope.Busy("this server cannot read PDF", err)
	case ctx.Err() != nil:
		return nil, envelope.Busy("the document could not be read in time", err)
	case errors.As(err, &unreadable):
		return nil, envelope.Wrong("file", unreadable.Error())
	case errors.Is(err, store.ErrConflict):
		return nil, envelope.Wrong("file", fmt.Sprintf("the agent would know more than %d passages", library.MostChunks))
	default:
		return nil, fmt.Errorf("add document: %w", noAgent(err))
	}
	h.changed(ctx)
	vectors, cerr := h.Library.Store.CountVectors(ctx, a.Org, a.ID, h.Library.Model)
	if cerr != nil {
		return nil, fmt.Errorf("count vectors: %w", cerr)
	}
	d := showDocument(o.Document, vectors[o.Document.ID])
	d.State = string(o.State)
	if err != nil {
		h.Log.WarnContext(ctx, "vectors of a document not made", "agent", a.ID, "document", o.Document.ID, "error", err)
		d.Warning = new("its vectors could not be made: it is found by its words alone, until it is added again")
	}
	return envelope.Give(ctx, d), nil
}
