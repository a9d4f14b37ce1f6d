package catalog_test

import (
	"fmt"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// The tests describe databases in lines such as
//
//	table public.article
//	  id int4 not null
//	  author_id int4
//	  primary key (id)
//	  foreign key (author_id) references public.author (id)
//	enum public.mood happy,sad
//	function public.age stable returns int4 (a row public.author, b int4)
type described struct {
	database *sources.Database
	enums    map[catalog.TableName][]catalog.EnumValue
}

func describeDatabase(input string) (described, error) {
	d := described{database: &sources.Database{}, enums: map[catalog.TableName][]catalog.EnumValue{}}
	var table *sources.Table
	for line := range strings.Lines(input) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "table" || words[0] == "view":
			n := nameOf(words[1])
			table = &sources.Table{Schema: n.Schema, Name: n.Name, Kind: sources.RelationKind(words[0])}
			if _, comment, ok := strings.Cut(line, "-- "); ok {
				table.Comment = strings.TrimSpace(comment)
			}
			d.database.Tables = append(d.database.Tables, table)
		case words[0] == "enum":
			n := nameOf(words[1])
			for v := range strings.SplitSeq(words[2], ",") {
				d.enums[n] = append(d.enums[n], catalog.EnumValue{Value: v})
			}
		case words[0] == "function":
			d.database.Functions = append(d.database.Functions, functionOf(line))
		case words[0] == "primary":
			table.PrimaryKey = &sources.Key{Name: table.Name + "_pkey", Columns: inParentheses(line, 0)}
		case words[0] == "unique":
			table.UniqueKeys = append(table.UniqueKeys, &sources.Key{Columns: inParentheses(line, 0)})
		case words[0] == "foreign":
			_, after, _ := strings.Cut(line, "references ")
			n := nameOf(strings.Fields(after)[0])
			table.ForeignKeys = append(table.ForeignKeys, &sources.ForeignKey{
				Columns: inParentheses(line, 0), TargetSchema: n.Schema, TargetTable: n.Name, TargetColumns: inParentheses(line, 1),
			})
		case table != nil && len(words) >= 2:
			c := &sources.Column{Name: strings.ReplaceAll(words[0], "~", " "), Type: typeOf(words[1]), Nullable: !strings.Contains(line, "not null")}
			if _, comment, ok := strings.Cut(line, "-- "); ok {
				c.Comment = strings.TrimSpace(comment)
			}
			table.Columns = append(table.Columns, c)
		default:
			return d, fmt.Errorf("unknown line %q", line)
		}
	}
	return d, nil
}

func nameOf(s string) catalog.TableName {
	schema, name, ok := strings.Cut(s, ".")
	if !ok {
		return catalog.TableName{Name: s}
	}
	return catalog.TableName{Schema: schema, Name: name}
}

func inParentheses(line string, n int) []string {
	for range n {
		_, line, _ = strings.Cut(line, ")")
	}
	_, line, _ = strings.Cut(line, "(")
	line, _, _ = strings.Cut(line, ")")
	var out []string
	for s := range strings.SplitSeq(line, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func typeOf(name string) plan.Type {
	if element, ok := strings.CutSuffix(name, "[]"); ok {
		e := typeOf(element)
		return plan.Type{Schema: e.Schema, Name: "_" + e.Name, Scalar: e.Scalar, Class: plan.ClassArray, Element: &e}
	}
	classes := map[string]plan.TypeClass{
		"int4": plan.ClassInteger, "int8": plan.ClassInteger, "numeric": plan.ClassNumber, "float8": plan.ClassNumber,
		"text": plan.ClassText, "varchar": plan.ClassText, "bool": plan.ClassBoolean, "uuid": plan.ClassUUID,
		"date": plan.ClassTime, "timestamp": plan.ClassTime, "timestamptz": plan.ClassTime, "datetime2": plan.ClassTime,
		"json": plan.ClassJSON, "jsonb": plan.ClassJSONB, "bytea": plan.ClassBytes, "geometry": plan.ClassGeometry,
	}
	class, ok := classes[name]
	if !ok {
		class = plan.ClassOther
		if strings.HasPrefix(name, "enum_") {
			class = plan.ClassEnum
		}
	}
	return plan.Type{Schema: "pg_catalog", Name: name, Scalar: name, Class: class}
}

func functionOf(line string) *sources.Function {
	words := strings.Fields(line)
	n := nameOf(words[1])
	f := &sources.Function{Schema: n.Schema, Name: n.Name, Volatility: sources.Volatility(words[2]), Plain: true, Overloads: 1}
	_, returns, _ := strings.Cut(line, "returns ")
	result := strings.Fields(returns)
	if result[0] == "set" {
		f.ReturnsSet, result = true, result[1:]
	}
	if strings.Contains(result[0], ".") {
		t := nameOf(result[0])
		f.ReturnsTableSchema, f.ReturnsTable = t.Schema, t.Name
		f.Returns = plan.Type{Name: t.Name, Class: plan.ClassComposite}
	} else {
		f.Returns = typeOf(result[0])
	}
	for _, a := range inParentheses(line, 0) {
		parts := strings.Fields(a)
		p := sources.FunctionParameter{Name: parts[0]}
		if parts[1] == "row" {
			t := nameOf(parts[2])
			p.TableSchema, p.Table = t.Schema, t.Name
			p.Type = plan.Type{Name: t.Name, Class: plan.ClassComposite}
		} else {
			p.Type = typeOf(parts[1])
		}
		f.Arguments = append(f.Arguments, p)
	}
	return f
}

func capabilities(kind string) plan.Capabilities {
	ordered := []plan.Operator{
		plan.Equal, plan.NotEqual, plan.In, plan.NotIn, plan.Greater, plan.Less, plan.GreaterOrEqual, plan.LessOrEqual,
	}
	c := plan.Capabilities{
		Kind: kind, Aggregates: true, AggregatePredicate: true, Bindings: true,
		ColumnComparison: kind != "mssql", ComputedFields: kind == "postgres", Functions: kind == "postgres",
		StoredProcedures: kind == "mssql",
		Operators:        map[plan.TypeClass][]plan.Operator{},
	}
	for _, class := range []plan.TypeClass{
		plan.ClassInteger, plan.ClassNumber, plan.ClassText, plan.ClassBoolean, plan.ClassUUID, plan.ClassTime, plan.ClassJSONB, plan.ClassArray, plan.ClassEnum,
	} {
		c.Operators[class] = ordered
	}
	c.Operators[plan.ClassText] = append([]plan.Operator{plan.Like, plan.ILike, plan.Regex}, ordered...)
	c.Operators[plan.ClassJSONB] = append([]plan.Operator{plan.Contains, plan.HasKey, plan.HasKeysAny}, ordered...)
	c.Operators[plan.ClassGeometry] = []plan.Operator{plan.STDWithin, plan.STWithin}
	return c
}
