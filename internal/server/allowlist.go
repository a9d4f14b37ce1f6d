package server

import (
	"net/http"
	"strings"

	"github.com/maypok86/otter/v2"
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
	// known remembers what texts of clients come to.
	known *otter.Cache[knownKey, bool]
}

type knownKey struct{ role, text string }

// Bounds of the texts that are remembered, in bytes.
const (
	maxKnownBytes = 16 << 20
	maxKnownText  = 64 << 10
	// bytesPerKnown is about what one takes besides its text.
	bytesPerKnown = 256
)

// collectAllowed reads the allow list of a state's metadata.
func collectAllowed(m *document.Metadata, honourRoles bool) *allowedQueries {
	out := &allowedQueries{
		everyone: map[string]bool{}, roles: map[string]map[string]bool{},
		known: otter.Must(&otter.Options[knownKey, bool]{
			MaximumWeight: maxKnownBytes,
			Weigher:       func(k knownKey, _ bool) uint32 { return uint32(len(k.role) + len(k.text) + bytesPerKnown) }, //nolint:gosec // at most maxKnownText and a role's name
		}),
	}
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
	key := knownKey{role: role, text: text}
	if verdict, ok := a.known.GetIfPresent(key); ok {
		return verdict
	}
	form, ok := normalForm(text)
	verdict := !ok || a.everyone[form] || a.roles[role][form]
	if len(text) <= maxKnownText {
		key.text = strings.Clone(text) // of a body that may be large
		a.known.Set(key, verdict)
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
