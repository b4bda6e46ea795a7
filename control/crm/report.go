package crm

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// The codes of issues.
const (
	codeRequired  = "REQUIRED_FIELD"
	codeType      = "INVALID_TYPE"
	codeValue     = "INVALID_VALUE"
	codeMissing   = "NOT_FOUND"
	codeDuplicate = "DUPLICATE"
	codeUnknown   = "UNKNOWN_FIELD"
	codeIgnored   = "IGNORED_VALUE"
	codeSeveral   = "SEVERAL_CONTACTS"
	codeTooMany   = "TOO_MANY_ITEMS"
)

// BulkResult is what a bulk request answers.
type BulkResult struct {
	Message     string     `json:"message" doc:"What came of it, for people." example:"1 of 1 conversations created"`
	OperationID string     `json:"operationId" format:"uuid"`
	Report      BulkReport `json:"report"`
}

// BulkReport says what became of the items of a bulk request.
type BulkReport struct {
	ItemsIssues []ItemIssues `json:"itemsIssues" nullable:"false" doc:"Of the items of which there is something to tell, in their order."`
	BatchErrors []Issue      `json:"batchErrors" nullable:"false" doc:"Of the request itself."`
	Counts      BulkCounts   `json:"counts"`
}

// BulkCounts counts the items of a bulk request: each is successful, a duplicate or an error.
type BulkCounts struct {
	Successful int `json:"successful" example:"1"`
	Warnings   int `json:"warnings" doc:"Those of them that have warnings." example:"0"`
	Duplicates int `json:"duplicates" doc:"What was there already: nothing was made." example:"0"`
	Errors     int `json:"errors" example:"0"`
	Total      int `json:"total" example:"1"`
}

// ItemIssues is what there is to tell of an item.
type ItemIssues struct {
	Index            int               `json:"index" doc:"Its place in the request, from 0." example:"0"`
	ItemID           *int64            `json:"itemId" doc:"The conversation; null: there is none." example:"1"`
	Errors           []Issue           `json:"errors" nullable:"false" doc:"Why nothing was made of it."`
	Warnings         []Issue           `json:"warnings" nullable:"false"`
	ExistingEntities *ExistingEntities `json:"existingEntities" doc:"What was there already; null: nothing that matters."`

	duplicate bool
}

// TransformSchema implements huma.SchemaTransformer: most items meet nothing.
func (ItemIssues) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "existingEntities")
	return s
}

// ExistingEntities are what an item has met.
type ExistingEntities struct {
	ConversationID *int64 `json:"conversationId" example:"1"`
	ContactID      *int64 `json:"contactId" example:"1"`
}

// Issue is something that is wrong with an item, or a request.
type Issue struct {
	Field   string        `json:"field" example:"funnelId"`
	Message string        `json:"message" example:"is required"`
	Code    string        `json:"code" enum:"REQUIRED_FIELD,INVALID_TYPE,INVALID_VALUE,NOT_FOUND,DUPLICATE,UNKNOWN_FIELD,IGNORED_VALUE,SEVERAL_CONTACTS,TOO_MANY_ITEMS"`
	Context *IssueContext `json:"context" doc:"What else there is to know; null: nothing."`
}

// TransformSchema implements huma.SchemaTransformer: of most issues there is nothing else to know.
func (Issue) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "context")
	return s
}

// IssueContext is what there is to know of an issue.
type IssueContext struct {
	Given      string  `json:"given,omitempty" doc:"What was given."`
	ContactIDs []int64 `json:"contactIds,omitempty" doc:"The contacts that it is about."`
}

// definitions is store.Fields by a name that is not that of its method.
type definitions interface{ store.Fields }

// knownFields are custom fields that are read once, however often they are asked for.
type knownFields struct {
	definitions

	fields  []store.Field
	read    bool
	options map[int64][]store.Option
}

// Fields implements store.Fields.
func (k *knownFields) Fields(ctx context.Context, org string) (all []store.Field, err error) {
	if !k.read {
		if k.fields, err = k.definitions.Fields(ctx, org); err != nil {
			return nil, err
		}
		k.read = true
	}
	return k.fields, nil
}

// Options implements store.Fields.
func (k *knownFields) Options(ctx context.Context, org string, field int64) ([]store.Option, error) {
	if all, ok := k.options[field]; ok {
		return all, nil
	}
	all, err := k.definitions.Options(ctx, org, field)
	if err != nil {
		return nil, err
	}
	if k.options == nil {
		k.options = map[int64][]store.Option{}
	}
	k.options[field] = all
	return all, nil
}
