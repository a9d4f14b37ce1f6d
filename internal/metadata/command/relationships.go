package command

import (
	"context"
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/sources"
)

func relationshipCommands() map[string]command {
	return map[string]command{
		"create_object_relationship": prefixedEdit(createRelationship(false)),
		"create_array_relationship":  prefixedEdit(createRelationship(true)),
		"drop_relationship":          prefixedRun(dropRelationship),
		"rename_relationship":        prefixedEdit(renameRelationship),
		"set_relationship_comment":   prefixedEdit(setRelationshipComment),
		"suggest_relationships":      prefixedRun(suggestRelationships),
	}
}

func relationshipKind(array bool) string {
	if array {
		return "array_relation"
	}
	return "object_relation"
}

func createRelationship(array bool) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		s, t, err := c.tableIn(m, c.object())
		if err != nil {
			return subject{}, err
		}
		r, err := document.ParseRelationship(without(c.args, "source", "table"), argsPath, s.Kind, array)
		if err != nil {
			return subject{}, parseError(err, argsPath)
		}
		_, local := t.Relationship(r.Name)
		_, remote := t.RemoteRelationship(r.Name)
		_, computed := t.ComputedField(r.Name)
		if local || remote || computed {
			return subject{}, fail(CodeAlreadyExists, "field with name %q already exists in table %q", r.Name, t.Name)
		}
		if array {
			t.ArrayRelationships = append(t.ArrayRelationships, r)
		} else {
			t.ObjectRelationships = append(t.ObjectRelationships, r)
		}
		return subject{kind: relationshipKind(array), source: s.Name, table: &t.Name, name: r.Name}, nil
	}
}

// relationshipAt finds the list and index of a relationship.
func relationshipAt(t *document.Table, name string) (*[]*document.Relationship, int) {
	for _, list := range []*[]*document.Relationship{&t.ObjectRelationships, &t.ArrayRelationships} {
		if i := slices.IndexFunc(*list, func(r *document.Relationship) bool { return r.Name == name }); i >= 0 {
			return list, i
		}
	}
	return nil, -1
}

func noRelationship(name string) error {
	return fail(CodeNotExists, "%q does not exist", name).at(argsPath + ".relationship")
}

func removeRelationship(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	_, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	name := o.nonEmpty("relationship")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	list, i := relationshipAt(t, name)
	if i < 0 {
		return subject{}, noRelationship(name)
	}
	*list = slices.Delete(slices.Clone(*list), i, i+1)
	return subject{}, nil
}

func dropRelationship(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	cascade := o.boolean("cascade", false)
	if err := o.err(); err != nil {
		return nil, err
	}
	return c.drop(ctx, cascade, removeRelationship)
}

func renameRelationship(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	s, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	name, renamed := o.nonEmpty("name"), o.nonEmpty("new_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	list, i := relationshipAt(t, name)
	remote := slices.IndexFunc(t.RemoteRelationships, func(r *document.RemoteRelationship) bool { return r.Name == name })
	if i < 0 && remote < 0 {
		return subject{}, fail(CodeNotExists, "%q does not exist", name).at(argsPath + ".name")
	}
	if fieldTaken(c.tx.State(), s, t, renamed) != nil {
		return subject{}, fail(CodeAlreadyExists,
			"cannot rename relationship %q to %q in table %q as a column/relationship with the name already exists", name, renamed, t.Name)
	}
	known := namesOf(c.tx.State())
	known.renameInFilters(m, renaming{of: place{s.Name, t.Name}, from: name, to: renamed})
	if i < 0 {
		r := *t.RemoteRelationships[remote]
		r.Name = renamed
		t.RemoteRelationships[remote] = &r
		return subject{kind: catalog.ObjectRemoteRelationship, source: s.Name, table: &t.Name, name: renamed}, nil
	}
	r := *(*list)[i]
	r.Name = renamed
	(*list)[i] = &r
	return subject{kind: relationshipKind(r.Array), source: s.Name, table: &t.Name, name: renamed}, nil
}

func setRelationshipComment(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	_, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	name, comment := o.nonEmpty("relationship"), o.comment()
	if err := o.err(); err != nil {
		return subject{}, err
	}
	list, i := relationshipAt(t, name)
	if i < 0 {
		return subject{}, noRelationship(name)
	}
	r := *(*list)[i]
	r.Comment = comment
	(*list)[i] = &r
	return subject{}, nil
}

// side is one end of a suggested relationship.
type side struct {
	Table      orderedjson.Value `json:"table"`
	Columns    []string          `json:"columns"`
	Constraint string            `json:"constraint_name,omitempty"`
}

// suggestion is a relationship that a foreign key suggests.
type suggestion struct {
	Type string `json:"type"`
	From side   `json:"from"`
	To   side   `json:"to"`
}

func suggestRelationships(_ context.Context, c *call) ([]byte, error) {
	o := c.object()
	sourceName, omit := o.source(), o.boolean("omit_tracked", false)
	wanted, limited := o.optional("tables")
	if err := o.err(); err != nil {
		return nil, err
	}
	s, err := c.sourceIn(c.metadata(), sourceName)
	if err != nil {
		return nil, err
	}
	only := map[document.TableName]bool{}
	for i, item := range wanted.Items {
		name, err := document.ParseTableName(item, document.ItemPath(argsPath+".tables", i), s.Kind)
		if err != nil {
			return nil, parseError(err, argsPath)
		}
		only[name] = true
	}
	_, contents, ok := c.tx.State().Database(sourceName)
	if !ok {
		return nil, c.unreachable(sourceName)
	}
	var known *catalog.Source
	if omit {
		known, _ = c.tx.State().Catalog.Source(sourceName)
	}
	out := []suggestion{}
	for _, t := range contents.Tables {
		if _, tracked := s.Table(nameOf(t)); !tracked || limited && !only[nameOf(t)] {
			continue
		}
		for _, key := range t.ForeignKeys {
			target := document.TableName{Schema: key.TargetSchema, Name: key.TargetTable}
			if _, tracked := s.Table(target); tracked {
				out = append(out, suggest(known, t, key, target)...)
			}
		}
	}
	return marshal(map[string]any{"relationships": out})
}

// suggest makes the two relationships of a foreign key, less those that are
// there.
func suggest(known *catalog.Source, t *sources.Table, key *sources.ForeignKey, target document.TableName) []suggestion {
	here := side{Table: nameOf(t).JSON(), Columns: key.Columns, Constraint: key.Name}
	there := side{Table: target.JSON(), Columns: key.TargetColumns}
	back := "array"
	for _, unique := range append(slices.Clone(t.UniqueKeys), t.PrimaryKey) {
		if unique != nil && slices.Equal(sortedNames(unique.Columns), sortedNames(key.Columns)) {
			back = "object"
		}
	}
	var out []suggestion
	if !exists(known, nameOf(t), target, key.Columns, key.TargetColumns) {
		out = append(out, suggestion{Type: "object", From: here, To: there})
	}
	if !exists(known, target, nameOf(t), key.TargetColumns, key.Columns) {
		out = append(out, suggestion{Type: back, From: there, To: here})
	}
	return out
}

func exists(known *catalog.Source, from, to document.TableName, left, right []string) bool {
	if known == nil {
		return false
	}
	t, ok := known.Table(catalog.TableName(from))
	if !ok {
		return false
	}
	columns := func(list []*catalog.Column) []string {
		out := make([]string, 0, len(list))
		for _, c := range list {
			out = append(out, c.Info.Name)
		}
		return out
	}
	return slices.ContainsFunc(t.Local, func(r *catalog.Relationship) bool {
		return document.TableName(r.Target.Name) == to && slices.Equal(columns(r.Left), left) && slices.Equal(columns(r.Right), right)
	})
}
