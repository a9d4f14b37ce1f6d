package remoteschema

import (
	"fmt"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestCustomize(t *testing.T) {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `
		type Query { city: City thing: Thing }
		type City implements Thing { name: String code: ID! }
		interface Thing { name: String }
		scalar Date
		enum Mood { GOOD }`})
	thing := FieldNames{ParentType: "Thing", Mapping: map[string]string{"name": "label"}}
	for name, test := range map[string]struct {
		def  Customization
		want string
	}{
		"nothing": {Customization{}, "map[] map[]"},
		"types": {
			Customization{TypeNames: TypeNames{Prefix: "W_", Suffix: "_", Mapping: map[string]string{"City": "Town", "Nowhere": "X"}}},
			"map[City:Town Date:W_Date_ Mood:W_Mood_ Thing:W_Thing_] map[]",
		},
		"roots in a namespace": {
			Customization{Namespace: "wx", TypeNames: TypeNames{Prefix: "W_"}},
			"map[City:W_City Date:W_Date Mood:W_Mood Query:W_Query Thing:W_Thing] map[]",
		},
		"what mappings alone rename": {
			Customization{TypeNames: TypeNames{Prefix: "W_", Mapping: map[string]string{"ID": "Code", "Query": "Weather"}}},
			"map[City:W_City Date:W_Date ID:Code Mood:W_Mood Query:Weather Thing:W_Thing] map[]",
		},
		"fields": {
			Customization{FieldNames: []FieldNames{thing, {ParentType: "City", Prefix: "c_", Mapping: map[string]string{"name": "label"}}, {ParentType: "Query", Suffix: "_x"}}},
			"map[] map[City:map[code:c_code name:label] Query:map[city:city_x thing:thing_x] Thing:map[name:label]]",
		},
		"interface alone": {
			Customization{FieldNames: []FieldNames{thing}},
			`field "name" of interface "Thing" is customized to "label", but to "name" in its implementation "City"`,
		},
		"types collide": {
			Customization{TypeNames: TypeNames{Mapping: map[string]string{"City": "Thing"}}},
			`Type name mappings are not distinct; the following types appear more than once: "Thing"`,
		},
		"types collide with a scalar": {
			Customization{TypeNames: TypeNames{Mapping: map[string]string{"City": "Int"}}},
			`Type name mappings are not distinct; the following types appear more than once: "Int"`,
		},
		"fields collide": {
			Customization{FieldNames: []FieldNames{{ParentType: "City", Mapping: map[string]string{"name": "code"}}}},
			`Field name mappings for object type "City" are not distinct; the following fields appear more than once: "code"`,
		},
		"reserved": {
			Customization{FieldNames: []FieldNames{{ParentType: "City", Mapping: map[string]string{"__typename": "t"}}}},
			`attempt to customize reserved field name "__typename"`,
		},
		"to a reserved name": {
			Customization{TypeNames: TypeNames{Prefix: "__"}},
			`attempt to customize type name "City" to the reserved name "__City"`,
		},
		"no name": {
			Customization{TypeNames: TypeNames{Prefix: "a-"}},
			`type name "City", customized to "a-City", is not a GraphQL name`,
		},
		"no namespace": {Customization{Namespace: "a b"}, `root_fields_namespace "a b" is not a GraphQL name`},
		"twice": {
			Customization{FieldNames: []FieldNames{{ParentType: "Query", Prefix: "a"}, {ParentType: "Query", Prefix: "b"}}},
			`field names of type "Query" are customized twice`,
		},
	} {
		names, err := Customize(test.def, schema)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprintf("%v %v", names.Types, names.Fields)
		}
		if got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}
