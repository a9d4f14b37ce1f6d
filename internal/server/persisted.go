package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"dovetail/internal/metadata/command"
	"dovetail/internal/orderedjson"
	"dovetail/planner"
)

// PersistedQueries says how queries are kept that clients then name by their
// hash alone.
type PersistedQueries struct {
	Enabled bool
	// TTL is how long a query is kept after its last use (0: as long as there is
	// room).
	TTL time.Duration
}

// Bounds of the queries that are kept.
const (
	maxPersistedBytes = 64 << 20
	maxPersistedText  = 64 << 10
	// bytesPerPersisted is about what one takes besides its text.
	bytesPerPersisted = 512
)

// persistedQueries keeps queries by their hash, as far as there is room.
type persistedQueries struct {
	PersistedQueries
	texts *otter.Cache[string, string]
}

func newPersistedQueries(c PersistedQueries) *persistedQueries {
	options := &otter.Options[string, string]{
		MaximumWeight: maxPersistedBytes,
		Weigher:       func(_, text string) uint32 { return uint32(len(text) + bytesPerPersisted) }, //nolint:gosec // at most maxPersistedText
	}
	if c.TTL > 0 {
		options.ExpiryCalculator = otter.ExpiryAccessing[string, string](c.TTL)
	}
	return &persistedQueries{PersistedQueries: c, texts: otter.Must(options)}
}

// expand gives a request that names its query by a hash the query's text. keep
// is the hash of a text that may be kept once it has proved good.
func (p *persistedQueries) expand(j orderedjson.Value) (out orderedjson.Value, keep string, refused *refusal) {
	extensions, _ := j.Get("extensions")
	named, ok := extensions.Get("persistedQuery")
	if !ok {
		return j, "", nil
	}
	if !p.Enabled {
		if query, ok := j.Get("query"); ok && query.Kind == orderedjson.String {
			return j, "", refuse(http.StatusBadRequest, command.CodeNotSupported, "$", "Automatic Persisted Queries is not enabled")
		}
		return j, "", refuse(http.StatusBadRequest, "PERSISTED_QUERY_NOT_SUPPORTED", "$", "PersistedQueryNotSupported") // clients look for the words, and send the text
	}
	version, _ := named.Get("version")
	hash, _ := named.Get("sha256Hash")
	if version.Text != "1" || hash.Kind != orderedjson.String || len(hash.Text) != hex.EncodedLen(sha256.Size) {
		return j, "", refuse(http.StatusBadRequest, planner.CodeParseFailed, "$.extensions.persistedQuery",
			`expected an object with "version" 1 and a "sha256Hash" of 64 hexadecimal digits`)
	}
	wanted := strings.ToLower(hash.Text)
	if query, ok := j.Get("query"); ok && query.Kind == orderedjson.String {
		if sum := sha256.Sum256([]byte(query.Text)); hex.EncodeToString(sum[:]) != wanted {
			return j, "", refuse(http.StatusBadRequest, planner.CodeValidationFailed, "$.extensions.persistedQuery.sha256Hash",
				"provided sha does not match query")
		}
		return j, wanted, nil
	}
	text, ok := p.texts.GetIfPresent(wanted)
	if !ok {
		return j, "", refuse(http.StatusNotFound, "PERSISTED_QUERY_NOT_FOUND", "$", "PersistedQueryNotFound")
	}
	out = orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"query"}, Items: []orderedjson.Value{{Kind: orderedjson.String, Text: text}}}
	for i, key := range j.Keys {
		if key != "query" {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, j.Items[i])
		}
	}
	return out, "", nil
}

// put keeps a query by its hash.
func (p *persistedQueries) put(hash, query string) {
	if hash == "" || len(query) > maxPersistedText {
		return
	}
	if _, ok := p.texts.GetIfPresent(hash); !ok {
		p.texts.Set(hash, strings.Clone(query)) // of a body that may be large
	}
}
