package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
)

const fuzzTables = `
table public.t
  id int4 not null
  name text
  doc jsonb
  tags text[]
  other_id int4
  primary key (id)
  foreign key (other_id) references public.u (id)
table public.u
  id int4 not null
  t_id int4
  primary key (id)
  foreign key (t_id) references public.t (id)
table public.author
  id int4 not null
  name text
  primary key (id)
table public.article
  id int4 not null
  author_id int4
  title text
  primary key (id)
  foreign key (author_id) references public.author (id)
table public.mood
  value text not null
  primary key (value)
enum public.mood happy
function public.age stable returns int4 (a row public.t)
function public.search stable returns set public.t (q text, s json)
`

const fuzzSchema = `
enum Mode { FAST SLOW }
input Where { id: ID and: [Where!] }
type City { id: ID! code: String mode: Mode town: City }
type Query { city(code: ID!): City cities(ids: [ID!]!, mode: Mode): [City!]! find(where: Where): City }
`

// Whatever document parses has a catalog, and whatever the catalog holds can be
// asked for its dependents.
func FuzzBuild(f *testing.F) {
	for _, pattern := range []string{"testdata/build/*", "../document/testdata/parse/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			for block := range strings.SplitSeq(string(data), "\n----") {
				if at := strings.Index(block, `{"version"`); at >= 0 {
					f.Add([]byte(block[at:]))
				}
			}
		}
	}
	described, err := describeDatabase(fuzzTables)
	if err != nil {
		f.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: fuzzSchema})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		m, _, err := document.Parse(data)
		if err != nil {
			return
		}
		in := catalog.Input{
			Metadata: m, Databases: map[string]catalog.Introspected{}, RemoteSchemas: map[string]catalog.IntrospectedRemote{},
			EnumValues: map[string]map[catalog.TableName][]catalog.EnumValue{},
		}
		for _, s := range m.Sources {
			in.Databases[s.Name] = catalog.Introspected{Database: described.database, Capabilities: capabilities("postgres"), ParseType: typeOf}
			in.EnumValues[s.Name] = described.enums
		}
		for _, r := range m.RemoteSchemas {
			in.RemoteSchemas[r.Name] = catalog.IntrospectedRemote{Schema: schema}
		}
		c := catalog.Build(in)
		dumpCatalog(c, []string{"tables", "permissions", "functions", "native", "remote"})
		for _, s := range c.Sources {
			c.Dependents(catalog.ObjectPath{Kind: catalog.ObjectSource, Source: s.Name})
			for _, table := range s.Tables {
				c.Dependents(catalog.ObjectPath{Kind: catalog.ObjectTable, Source: s.Name, Table: &table.Name})
			}
		}
	})
}
