package live

import (
	"context"
	"errors"
	"fmt"

	"dovetail/internal/metadata/catalog"
	"dovetail/sources"
)

var errNotEnum = errors.New("the table does not have the form of an enum table")

// enumValues reads the values of an enum table: its primary key, and its other
// column as comments. A table of another form has none; the catalog tells why.
func enumValues(ctx context.Context, database sources.SQLDatabase, t *sources.Table) ([]catalog.EnumValue, error) {
	if t == nil || t.PrimaryKey == nil || len(t.PrimaryKey.Columns) != 1 || len(t.Columns) > 2 {
		return nil, errNotEnum
	}
	key := database.Quote(t.PrimaryKey.Columns[0])
	comment := "''"
	for _, c := range t.Columns {
		if c.Name != t.PrimaryKey.Columns[0] {
			comment = "coalesce(" + database.Quote(c.Name) + ", '')"
		}
	}
	table := database.Quote(t.Name)
	if t.Schema != "" {
		table = database.Quote(t.Schema) + "." + table
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
