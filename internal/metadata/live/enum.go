package live

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/sources"
)

var errNotEnum = errors.New("the table does not have the form of an enum table")

// enumValues reads the values of an enum table: its primary key, and its other
// column as comments. A table of another form has none; the catalog tells why.
func enumValues(ctx context.Context, database sources.DatabaseSource, kind string, t *sources.Table) ([]catalog.EnumValue, error) {
	if t == nil || t.PrimaryKey == nil || len(t.PrimaryKey.Columns) != 1 || len(t.Columns) > 2 {
		return nil, errNotEnum
	}
	key := quoteIdentifier(kind, t.PrimaryKey.Columns[0])
	comment := "''"
	for _, c := range t.Columns {
		if c.Name != t.PrimaryKey.Columns[0] {
			comment = "coalesce(" + quoteIdentifier(kind, c.Name) + ", '')"
		}
	}
	table := quoteIdentifier(kind, t.Name)
	if t.Schema != "" {
		table = quoteIdentifier(kind, t.Schema) + "." + table
	}
	result, err := database.RunSQL(ctx, "SELECT "+key+", "+comment+" FROM "+table+" ORDER BY 1", true)
	if err != nil {
		return nil, fmt.Errorf("reading the values of the enum table: %w", err)
	}
	var out []catalog.EnumValue
	for i, row := range result.Rows {
		if i == 0 { // the names of the columns
			continue
		}
		if len(row) != 2 {
			return nil, errNotEnum
		}
		out = append(out, catalog.EnumValue{Value: row[0], Comment: row[1]})
	}
	return out, nil
}

// quoteIdentifier writes a name as an SQL identifier of a kind of database.
func quoteIdentifier(kind, name string) string {
	if kind == document.KindMSSQL {
		return "[" + strings.ReplaceAll(name, "]", "]]") + "]"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
