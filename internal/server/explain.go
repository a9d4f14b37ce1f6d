package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/session"
	"dovetail/planner"
)

// explainer is a source that can tell how it would run a statement.
type explainer interface {
	Explain(ctx context.Context, s plan.Statement, args *plan.Arguments) ([]string, error)
}

// explainedRoot is one root field of an explained operation. Field, SQL and Plan
// are v2's; the rest tells of the plan across all sources.
type explainedRoot struct {
	Field string `json:"field"`
	// SQL is the root fragment's statement: SQL, or a GraphQL document.
	SQL  *string  `json:"sql"`
	Plan []string `json:"plan"`
	// Fragments lists the root's fragment and all below it.
	Fragments []explainedFragment `json:"fragments,omitempty"`
}

type explainedFragment struct {
	ID        int            `json:"id"`
	Source    string         `json:"source"`
	Path      []string       `json:"path"`
	Statement string         `json:"statement"`
	Keys      []explainedKey `json:"keys,omitempty"`
	Permit    string         `json:"permission,omitempty"`
	// SharedWith are the fragments that the statement is asked for as well;
	// ServedBy are those whose statements select all this one does and more, so that
	// no key is asked for that they have asked for.
	SharedWith []int `json:"shared_with,omitempty"`
	ServedBy   []int `json:"served_by,omitempty"`
	// KeySets are asked for before the fragment runs.
	KeySets []explainedKeySet `json:"key_sets,omitempty"`
	Joins   []explainedJoin   `json:"joins,omitempty"`
}

type explainedKeySet struct {
	Relationship string `json:"relationship"`
	Direction    string `json:"direction"`
	// Candidates is the fragment that says which keys may be wanted, if any.
	Candidates *int   `json:"candidates,omitempty"`
	Fragment   int    `json:"fragment"`
	MaxKeys    int    `json:"max_keys"`
	Setting    string `json:"setting"`
}

type explainedKey struct {
	Left  string `json:"left"`
	Right string `json:"right"`
}

type explainedJoin struct {
	Field        string `json:"field"`
	Relationship string `json:"relationship"`
	Fragment     int    `json:"fragment"`
}

// handleExplain answers how an operation would be run: the whole plan, across
// all sources, for the role and session variables in "user".
func (s *Server) handleExplain(w http.ResponseWriter, r *http.Request) {
	if !s.onlyAdmins(w, r) {
		return
	}
	body, failure := s.readBody(w, r)
	if failure != nil {
		s.writeError(w, r, failure, true)
		return
	}
	state, release := s.live.Acquire()
	defer release()
	roots, tree, refused := s.explain(r, state, body)
	if refused != nil {
		s.writeRefusal(w, r, refused, true, endpoint{adminErrors: true})
		return
	}
	w.Header().Set("X-Dovetail-Plan-Fragments", formatInt(int64(tree)))
	s.writeValue(w, r, roots)
}

func (s *Server) explain(r *http.Request, state *live.State, body []byte) ([]explainedRoot, int, *refusal) {
	j, err := orderedjson.Parse(body)
	if err != nil {
		return nil, 0, refuse(http.StatusBadRequest, command.CodeInvalidJSON, "$", "Error in $: "+err.Error())
	}
	query, ok := j.Get("query")
	if !ok {
		return nil, 0, refuse(http.StatusBadRequest, command.CodeParseFailed, "$", `key "query" not found`)
	}
	request, refused := parseGraphQLRequest(query)
	if refused != nil {
		return nil, 0, refused
	}
	if relay, ok := j.Get("is_relay"); ok {
		request.relay = relay.Kind == orderedjson.Bool && relay.Text == "true"
	}
	variables := map[string]string{}
	if user, ok := j.Get("user"); ok {
		for i, key := range user.Keys {
			variables[key] = user.Items[i].TextOf()
		}
	}
	as, err := session.As(variables)
	if err != nil {
		e := sessionError(err)
		return nil, 0, refuse(e.Status, e.Code, e.Path, e.Message)
	}
	request.backend = as.BackendOnly
	ctx, cancel := s.queryTimeout(r.Context())
	defer cancel()
	made, refused := s.plans.Of(state).plan(ctx, s.config.MaxPlanNodes, state.Catalog, as.Role, request, func(*planner.Operation) *refusal { return nil })
	if refused != nil {
		return nil, 0, refused
	}
	if made.Operation == plan.OperationMutation {
		return nil, 0, refuse(http.StatusBadRequest, command.CodeInvalidParams, "$", "only queries can be explained")
	}
	out, err := explainRoots(r.Context(), state, made, made.Roots, s.arguments(ctx, r.Header, &operation{request: request, state: state, who: as}, made.Name))
	if err != nil {
		return nil, 0, refusalOf(err)
	}
	return out, len(made.Fragments), nil
}

func explainRoots(ctx context.Context, state *live.State, made *plan.Plan, roots []plan.Root, args *plan.Arguments) ([]explainedRoot, error) {
	out := []explainedRoot{}
	for _, root := range roots {
		switch n := root.Node.(type) {
		case *plan.Static:
			out = append(out, explainedRoot{Field: root.Key})
		case *plan.Namespace:
			inner, err := explainRoots(ctx, state, made, n.Roots, args)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		case *plan.Fetch:
			e, err := explainFetch(ctx, state, made, root.Key, n.Fragment, args)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}

func explainFetch(ctx context.Context, state *live.State, made *plan.Plan, key string, f *plan.Fragment, args *plan.Arguments) (explainedRoot, error) {
	out := explainedRoot{Field: key}
	if text := f.Statement.Text(); text != "" {
		out.SQL = &text
	}
	describeFragments(made, f, nil, &out.Fragments)
	source, _ := state.Source(f.Source)
	if e, ok := source.(explainer); ok {
		// Keys of other sources are not asked for here: their sets stand empty.
		empty := *args
		for _, k := range f.KeySets {
			width := len(k.Columns)
			if k.Ranked {
				width++
			}
			empty.KeySets = append(empty.KeySets, plan.Bindings{Width: width})
		}
		lines, err := e.Explain(ctx, f.Statement, &empty)
		var missing *plan.MissingSessionVariableError
		switch {
		case errors.As(err, &missing):
			return out, err
		case err != nil:
			// The plan stands without its source; what the source says is an extra.
			lines = []string{"the source could not explain the statement: " + err.Error()}
		}
		out.Plan = lines
	}
	return out, nil
}

func describeFragments(made *plan.Plan, f *plan.Fragment, keys []plan.JoinKey, out *[]explainedFragment) {
	e := explainedFragment{
		ID: f.ID, Source: f.Source, Path: f.Path, Statement: f.Statement.Text(), Permit: permission(f.Query),
	}
	if f.Union != nil {
		for _, other := range made.Fragments {
			switch {
			case other == f || other.Union == nil:
			case other.Union == f.Union:
				e.SharedWith = append(e.SharedWith, other.ID)
			case slices.Contains(f.Union.Wider, other.Union):
				e.ServedBy = append(e.ServedBy, other.ID)
			}
		}
	}
	for i, k := range keys {
		e.Keys = append(e.Keys, explainedKey{Left: k.Name, Right: f.Bindings[i].Name})
	}
	for _, j := range f.Joins {
		if j.KeysOnly {
			continue
		}
		e.Joins = append(e.Joins, explainedJoin{Field: j.Field, Relationship: j.Relationship, Fragment: j.Child.ID})
	}
	for _, k := range f.KeySets {
		set := explainedKeySet{Relationship: k.Relationship, Direction: k.Why, Fragment: k.Fragment.ID, MaxKeys: k.Max, Setting: k.Setting}
		if k.Candidates != nil {
			set.Candidates = &k.Candidates.ID
		}
		e.KeySets = append(e.KeySets, set)
	}
	*out = append(*out, e)
	for _, k := range f.KeySets {
		if k.Candidates != nil {
			describeFragments(made, k.Candidates, nil, out)
		}
		describeFragments(made, k.Fragment, nil, out)
	}
	for _, j := range f.Joins {
		if !j.KeysOnly {
			describeFragments(made, j.Child, j.Keys, out)
		}
	}
}

func permission(q plan.Query) string {
	var rows *plan.Rows
	switch q := q.(type) {
	case *plan.Selection:
		rows = &q.Rows
	case *plan.Aggregation:
		rows = &q.Rows
	case *plan.Connection:
		rows = &q.Rows
	case *plan.Update:
		rows = &q.Rows
	case *plan.Delete:
		rows = &q.Rows
	case *plan.RemoteQuery, *plan.Representations, *plan.Insert, *plan.Updates:
	}
	if rows == nil || !rows.Restricted {
		return ""
	}
	return plan.PredicateText(rows.Permit)
}
