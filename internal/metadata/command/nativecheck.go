package command

import (
	"context"
	"errors"
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/sources"
)

// trackCheckedNativeQuery tracks a native query that the database takes.
func trackCheckedNativeQuery(ctx context.Context, c *call) ([]byte, error) {
	if err := c.checkNativeQuery(ctx); err != nil {
		return nil, err
	}
	if err := c.change(ctx, trackNativeQuery); err != nil {
		return nil, err
	}
	return success(), nil
}

// checkNativeQuery asks the database whether it can run a native query and gives
// the columns that its logical model names. What the document itself shows to be
// wrong is left to the catalog to tell.
func (c *call) checkNativeQuery(ctx context.Context) error {
	s, _, err := c.namedSource(c.metadata())
	if err != nil {
		return err
	}
	q, err := document.ParseNativeQuery(c.args, argsPath)
	if err != nil {
		return parseError(err, argsPath)
	}
	code, ok := withoutArguments(q)
	columns := modelColumns(s, q)
	source, connected := c.tx.State().Source(s.Name)
	if _, tracked := s.NativeQuery(q.Name); tracked || !ok || !connected || source.Extras().SQL == nil || len(columns) == 0 {
		return nil
	}
	database := source.Extras()
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = "t." + database.SQL.Quote(name)
	}
	before := ""
	if database.DerivedSQL != nil {
		before, code = database.DerivedSQL.DerivedSQL(code)
	}
	_, err = database.SQL.RunSQL(ctx, before+"SELECT "+strings.Join(quoted, ", ")+" FROM ("+code+"\n) AS t WHERE 1 = 0", true)
	if refused, ok := errors.AsType[*sources.Error](err); ok {
		e := fail(CodeValidationFailed, "Failed to validate query")
		e.Internal = refused.Internal
		return e
	}
	return err
}

// withoutArguments is a query's code with nulls in place of its arguments; false
// when those it names are not those it declares.
func withoutArguments(q *document.NativeQuery) (string, bool) {
	var out strings.Builder
	used := make([]bool, len(q.Arguments))
	rest := strings.TrimRight(q.Code, " \t\r\n;")
	for {
		before, after, found := strings.Cut(rest, "{{")
		out.WriteString(before)
		if !found {
			return out.String(), !slices.Contains(used, false)
		}
		name, after, closed := strings.Cut(after, "}}")
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(q.Arguments, func(a document.NativeArgument) bool { return a.Name == name })
		if !closed || i < 0 {
			return "", false
		}
		used[i] = true
		out.WriteString("CAST(NULL AS " + q.Arguments[i].Type + ")")
		rest = after
	}
}

// modelColumns are the columns that the rows of a native query must have; none
// when its model is unknown.
func modelColumns(s *document.Source, q *document.NativeQuery) []string {
	model, ok := s.LogicalModel(q.Returns.Text)
	if q.Returns.Kind != orderedjson.String {
		var err error
		inline := q.Returns
		if _, named := inline.Get("name"); !named {
			inline = withField(inline, "name", jsonText("model"))
		}
		model, err = document.ParseLogicalModel(inline, argsPath)
		ok = err == nil
	}
	if !ok {
		return nil
	}
	var out []string
	for _, f := range model.Fields {
		if f.Type.Model == "" && (f.Type.Array == nil || f.Type.Array.Model == "") {
			out = append(out, f.Name)
		}
	}
	return out
}
