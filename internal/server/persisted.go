package server

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

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
	maxPersisted     = 4096
	maxPersistedText = 64 << 10
)

// persistedQueries keeps queries by their hash, those used last.
type persistedQueries struct {
	PersistedQueries
	mutex   sync.Mutex
	byHash  map[string]*list.Element
	recent  list.List // of *persistedQuery, most recent first
	current func() time.Time
}

type persistedQuery struct {
	hash, query string
	used        time.Time
}

func newPersistedQueries(c PersistedQueries) *persistedQueries {
	return &persistedQueries{PersistedQueries: c, byHash: map[string]*list.Element{}, current: time.Now}
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
	text, ok := p.get(wanted)
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

func (p *persistedQueries) get(hash string) (string, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	e, ok := p.byHash[hash]
	if !ok {
		return "", false
	}
	q := e.Value.(*persistedQuery) //nolint:forcetypeassert // the list holds nothing else
	now := p.current()
	if p.TTL > 0 && now.Sub(q.used) > p.TTL {
		p.recent.Remove(e)
		delete(p.byHash, hash)
		return "", false
	}
	q.used = now
	p.recent.MoveToFront(e)
	return q.query, true
}

func (p *persistedQueries) put(hash, query string) {
	if hash == "" || len(query) > maxPersistedText {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if e, ok := p.byHash[hash]; ok {
		e.Value.(*persistedQuery).used = p.current() //nolint:forcetypeassert // the list holds nothing else
		p.recent.MoveToFront(e)
		return
	}
	p.byHash[hash] = p.recent.PushFront(&persistedQuery{hash: hash, query: query, used: p.current()})
	if p.recent.Len() > maxPersisted {
		oldest := p.recent.Back()
		p.recent.Remove(oldest)
		delete(p.byHash, oldest.Value.(*persistedQuery).hash) //nolint:forcetypeassert // the list holds nothing else
	}
}
