package server

import (
	"net/http"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/planner"
)

// Allowlist says whether roles may only ask what is listed.
type Allowlist struct {
	Enabled bool
	// Roles honours collections that are listed for some roles only; otherwise
	// such collections are not listed for anybody, as v2's open-source server has
	// it.
	Roles bool
}

// allowedQueries are the queries that are listed in a state, in their normal
// form: for everyone and by role.
type allowedQueries struct {
	everyone map[string]bool
	roles    map[string]map[string]bool
	// known remembers what texts of clients come to, by role and text.
	mutex sync.Mutex
	known map[string]bool
}

// maxKnownTexts bounds how many texts are remembered.
const maxKnownTexts = 4096

// collectAllowed reads the allow list of a state's metadata.
func collectAllowed(m *document.Metadata, honourRoles bool) *allowedQueries {
	out := &allowedQueries{everyone: map[string]bool{}, roles: map[string]map[string]bool{}, known: map[string]bool{}}
	for _, entry := range m.Allowlist {
		sets := []map[string]bool{out.everyone}
		if entry.Roles != nil {
			sets = nil
			for _, role := range entry.Roles {
				if !honourRoles {
					break
				}
				if out.roles[role] == nil {
					out.roles[role] = map[string]bool{}
				}
				sets = append(sets, out.roles[role])
			}
		}
		for _, c := range m.QueryCollections {
			if c.Name != entry.Collection {
				continue
			}
			for _, q := range c.Queries {
				form, ok := normalForm(q.Query)
				for _, set := range sets {
					if ok {
						set[form] = true
					}
				}
			}
		}
	}
	return out
}

// normalForm is a document without what does not matter: layout, comments and
// __typename.
func normalForm(text string) (string, bool) {
	parsed, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return "", false
	}
	for _, o := range parsed.Operations {
		o.SelectionSet = withoutTypename(o.SelectionSet)
	}
	for _, f := range parsed.Fragments {
		f.SelectionSet = withoutTypename(f.SelectionSet)
	}
	var out strings.Builder
	formatter.NewFormatter(&out, formatter.WithIndent("")).FormatQueryDocument(parsed)
	return out.String(), true
}

func withoutTypename(set ast.SelectionSet) ast.SelectionSet {
	out := set[:0:0]
	for _, selection := range set {
		switch n := selection.(type) {
		case *ast.Field:
			if n.Name == "__typename" {
				continue
			}
			n.SelectionSet = withoutTypename(n.SelectionSet)
		case *ast.InlineFragment:
			n.SelectionSet = withoutTypename(n.SelectionSet)
		case *ast.FragmentSpread:
		}
		out = append(out, selection)
	}
	return out
}

// allows tells whether a role may ask a query. What can't be parsed is left to
// those who say why.
func (a *allowedQueries) allows(role, text string) bool {
	key := role + "\x00" + text
	a.mutex.Lock()
	verdict, ok := a.known[key]
	a.mutex.Unlock()
	if ok {
		return verdict
	}
	form, ok := normalForm(text)
	verdict = !ok || a.everyone[form] || a.roles[role][form]
	if len(text) <= maxOperationText {
		a.mutex.Lock()
		if len(a.known) < maxKnownTexts {
			a.known[key] = verdict
		}
		a.mutex.Unlock()
	}
	return verdict
}

// checkAllowed refuses what is not listed.
func (s *Server) checkAllowed(state *live.State, role string, request *graphQLRequest) *refusal {
	if !s.config.Allowlist.Enabled || s.allowed.Of(state).allows(role, request.query) {
		return nil
	}
	out := refuse(http.StatusBadRequest, planner.CodeValidationFailed, "$", "query is not allowed")
	if s.config.DevMode {
		out.internal = "query is not in any of the allowlists"
	}
	return out
}
