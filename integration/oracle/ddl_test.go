package oracle_test

import "strings"

// ddl makes a table and fills it. Schema is empty for SQLite.
func (t *table) ddl(schema string) string {
	name := `"` + t.Name + `"`
	if schema != "" {
		name = `"` + schema + `".` + name
	}
	lines := []string{}
	for _, c := range t.Columns {
		line := "  " + c.Name + " " + c.Type.inSQLite()
		if schema != "" {
			line = "  " + c.Name + " " + c.Type.inPostgres()
		}
		if !c.Nullable {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	lines = append(lines, "  PRIMARY KEY ("+strings.Join(t.Key, ", ")+")")
	out := "CREATE TABLE " + name + " (\n" + strings.Join(lines, ",\n") + "\n);\n"
	rows := []string{}
	for _, r := range t.Rows {
		cells := []string{}
		for _, c := range t.Columns {
			cells = append(cells, cell(c.Type, r[c.Name]))
		}
		rows = append(rows, "  ("+strings.Join(cells, ", ")+")")
	}
	if len(rows) == 0 {
		return out
	}
	return out + "INSERT INTO " + name + " VALUES\n" + strings.Join(rows, ",\n") + ";\n"
}

func cell(s scalar, value *string) string {
	switch {
	case value == nil:
		return "NULL"
	case s.bare():
		return *value
	}
	return "'" + strings.ReplaceAll(*value, "'", "''") + "'"
}

// ddlInServer makes a table in SQL Server and fills it, each by a batch.
func (t *table) ddlInServer(schema string) []string {
	name := "[" + schema + "].[" + t.Name + "]"
	lines := []string{}
	for _, c := range t.Columns {
		line := "  " + c.Name + " " + c.Type.inServer()
		if !c.Nullable {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	lines = append(lines, "  PRIMARY KEY ("+strings.Join(t.Key, ", ")+")")
	out := []string{"CREATE TABLE " + name + " (\n" + strings.Join(lines, ",\n") + "\n)"}
	rows := []string{}
	for _, r := range t.Rows {
		cells := []string{}
		for _, c := range t.Columns {
			cells = append(cells, cellInServer(c.Type, r[c.Name]))
		}
		rows = append(rows, "  ("+strings.Join(cells, ", ")+")")
	}
	if len(rows) > 0 {
		out = append(out, "INSERT INTO "+name+" VALUES\n"+strings.Join(rows, ",\n"))
	}
	return out
}

func cellInServer(s scalar, value *string) string {
	switch {
	case value == nil:
		return "NULL"
	case s == booleanType:
		return map[string]string{"true": "1", "false": "0"}[*value]
	case s.textual():
		return "N" + cell(s, value)
	}
	return cell(s, value)
}
