package rest

import "encoding/json"

// Document is an OpenAPI document. Fields stand in the order in which they are
// written.
type Document struct {
	OpenAPI    string               `json:"openapi"`
	Info       Info                 `json:"info"`
	Paths      map[string]*PathItem `json:"paths,omitempty"`
	Components Components           `json:"components"`
}

// Info says what a document is about.
type Info struct {
	Version     string `json:"version"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

// Components are what other parts of the document refer to.
type Components struct {
	Schemas map[string]*Schema `json:"schemas,omitempty"`
}

// PathItem holds the operations of a path.
type PathItem struct {
	Get    *Operation `json:"get,omitempty"`
	Put    *Operation `json:"put,omitempty"`
	Post   *Operation `json:"post,omitempty"`
	Delete *Operation `json:"delete,omitempty"`
	Patch  *Operation `json:"patch,omitempty"`
}

// Operation is what one method of a path does.
type Operation struct {
	Summary     string               `json:"summary"`
	Description string               `json:"description"`
	Parameters  []*Parameter         `json:"parameters"`
	RequestBody *RequestBody         `json:"requestBody,omitempty"`
	Responses   map[string]*Response `json:"responses"`
}

// Parameter is a value in a request's path, query or headers.
type Parameter struct {
	Description string  `json:"description,omitempty"`
	Required    *bool   `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
	In          string  `json:"in"`
	Name        string  `json:"name"`
}

// RequestBody is a request's body.
type RequestBody struct {
	Description string           `json:"description"`
	Required    bool             `json:"required"`
	Content     map[string]Media `json:"content"`
}

// Response is an answer.
type Response struct {
	Description string           `json:"description"`
	Content     map[string]Media `json:"content"`
}

// Media is a body in one format.
type Media struct {
	Schema *Schema `json:"schema"`
}

// Schema describes values.
type Schema struct {
	Reference   string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Nullable    *bool              `json:"nullable,omitempty"`
	Default     json.RawMessage    `json:"default,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
}
