package server

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"dovetail/internal/metadata/command"
	"dovetail/internal/orderedjson"
)

// responseMediaType is the media type that the specification of GraphQL over
// HTTP gives to responses; with it, it asks for statuses that tell of errors.
const responseMediaType = "application/graphql-response+json"

// wantsResponseType tells whether a client prefers the specification's media
// type, and so its statuses, to plain JSON.
func wantsResponseType(r *http.Request) bool {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 {
		return false
	}
	var specified, plain float64
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		_, parameters, _ := strings.Cut(part, ";")
		kind, _, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch kind {
		case responseMediaType:
			specified = max(specified, quality(parameters))
		case "application/json":
			plain = max(plain, quality(parameters))
		}
	}
	return specified > 0 && specified >= plain
}

// contentType is the type of the answers of a GraphQL endpoint.
func (e endpoint) contentType() string {
	if e.specified {
		return responseMediaType + "; charset=utf-8"
	}
	return jsonContentType
}

// handleGraphQLGet answers queries in the URL: query, variables, operationName
// and extensions. Mutations are refused: they don't belong into links.
func (s *Server) handleGraphQLGet(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	if !values.Has("query") && !values.Has("extensions") {
		s.handleNotFound(w, r)
		return
	}
	at := endpoint{readOnly: true, specified: wantsResponseType(r)}
	wanted := sync.OnceValues(func() (*wanted, *refusal) {
		j, refused := requestOfURL(values)
		if refused != nil {
			return nil, refused
		}
		return one(s.read(j)), nil
	})
	s.answerWanted(w, r, wanted, at)
}

func requestOfURL(values url.Values) (orderedjson.Value, *refusal) {
	out := orderedjson.Value{Kind: orderedjson.Object}
	add := func(key string, value orderedjson.Value) {
		out.Keys, out.Items = append(out.Keys, key), append(out.Items, value)
	}
	for _, key := range []string{"query", "operationName"} {
		if values.Has(key) && values.Get(key) != "" {
			add(key, orderedjson.Value{Kind: orderedjson.String, Text: values.Get(key)})
		}
	}
	for _, key := range []string{"variables", "extensions"} {
		text := values.Get(key)
		if text == "" {
			continue
		}
		value, err := orderedjson.Parse([]byte(text))
		if err != nil {
			return out, refuse(http.StatusBadRequest, command.CodeInvalidJSON, "$."+key, fmt.Sprintf("Error in $.%s: %v", key, err))
		}
		add(key, value)
	}
	return out, nil
}
