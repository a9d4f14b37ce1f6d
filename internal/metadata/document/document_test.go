package document_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// An example with every part of the format comes out byte for byte as it went
// in, since it is written in export order.
func TestExampleRoundTrip(t *testing.T) {
	data, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	j, err := orderedjson.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	m, unknown, err := document.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(unknown) > 0 {
		t.Errorf("unknown keys in the example: %v", unknown)
	}
	got, want := string(m.Marshal()), j.String()
	if got != want {
		t.Errorf("export differs%s", difference(got, want))
	}
	again, _, err := document.Parse(m.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Marshal()) != got {
		t.Error("the second export differs from the first")
	}
	if clone := m.Clone(); !reflect.DeepEqual(clone, m) {
		t.Error("the clone differs")
	}
}

func difference(got, want string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			from := max(0, i-80)
			return "\n got …" + got[from:min(len(got), i+80)] + "\nwant …" + want[from:min(len(want), i+80)]
		}
	}
	return " in length"
}

// Changes of a clone's lists must not show in the original.
func TestCloneIsIndependent(t *testing.T) {
	data, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := document.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	before := string(m.Marshal())
	c := m.Clone()
	c.Sources[0].Name = "other"
	c.Sources[0].Tables[0].Name.Name = "other"
	c.Sources[0].Tables[0].SelectPermissions = nil
	c.Sources[0].Tables[0].ObjectRelationships[0].Name = "other"
	c.Sources[0].Functions[0].Permissions = nil
	c.RemoteSchemas[0].Relationships[0].Relationships[0] = nil
	c.RemoteSchemas[0].Permissions[0] = nil
	c.QueryCollections[0].Queries[0].Name = "other"
	if string(m.Marshal()) != before {
		t.Error("the original changed with its clone")
	}
}

func TestParse(t *testing.T) {
	datadriven.Walk(t, "testdata/parse", func(t *testing.T, path string) {
		t.Helper()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			j, err := orderedjson.Parse([]byte(d.Input))
			if err != nil {
				return err.Error()
			}
			out, err := parsePart(t, d, j)
			if fault, ok := errors.AsType[*document.Error](err); ok {
				return "error " + fault.Code + " " + fault.Path + "\n" + fault.Message
			}
			return out
		})
	})
}

func parsePart(t *testing.T, d *datadriven.TestData, j orderedjson.Value) (string, error) {
	t.Helper()
	kind := kind.Postgres
	if d.HasArg("kind") {
		d.ScanArgs(t, "kind", &kind)
	}
	const path = "$.args"
	switch d.Cmd {
	case "metadata":
		m, unknown, err := document.ParseJSON(j, "$")
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for _, u := range unknown {
			b.WriteString(u.String() + "\n")
		}
		return b.String() + string(m.Marshal()), nil
	case "table":
		table, err := document.ParseTable(j, path, kind)
		return show(table, err)
	case "name":
		n, err := document.ParseTableName(j, path, kind)
		if err != nil {
			return "", err
		}
		return n.String() + " " + n.JSON().String(), nil
	case "object-relationship", "array-relationship":
		r, err := document.ParseRelationship(j, path, kind, d.Cmd == "array-relationship")
		return show(r, err)
	case "remote-relationship":
		r, err := document.ParseRemoteRelationship(j, path)
		return show(r, err)
	case "remote-schema":
		r, err := document.ParseRemoteSchema(j, path)
		return show(r, err)
	case "native-query":
		q, err := document.ParseNativeQuery(j, path)
		return show(q, err)
	case "logical-model":
		m, err := document.ParseLogicalModel(j, path)
		return show(m, err)
	case "function":
		f, err := document.ParseFunction(j, path, kind)
		return show(f, err)
	case "connection":
		c, err := document.ConnectionOf(j, path, kind)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(c)
		return string(text), err
	}
	return "unknown command", nil
}

func show[T interface{ JSON() orderedjson.Value }](v T, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return v.JSON().String(), nil
}

func TestResolveText(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "1", "B": "{{A}}"}[name]
		return v, ok
	}
	for _, c := range []struct {
		text    document.Text
		want    string
		missing string
	}{
		{document.Text{Value: "x{{A}}y{{ B }}"}, "x1y{{A}}", ""},
		{document.Text{Value: "x{{A"}, "x{{A", ""},
		{document.Text{Value: "{{C}}"}, "", "C"},
		{document.Text{FromEnv: "A"}, "1", ""},
		{document.Text{FromEnv: "C"}, "", "C"},
	} {
		got, missing, ok := c.text.Resolve(env)
		if ok != (c.missing == "") || ok && got != c.want || !ok && missing != c.missing {
			t.Errorf("%+v: got %q, missing %q, %v", c.text, got, missing, ok)
		}
	}
}

// Whatever parses is exported in a form that parses to the same export.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("testdata/example.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(`{"version":3,"sources":[]}`))
	f.Add([]byte(`{"tables":[{"table":"t","is_enum":true}],"functions":["f"]}`))
	f.Add([]byte(`{"version":3,"sources":[{"name":"s","kind":"sqlite","tables":[{"table":["t"]}],"configuration":{}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := document.Parse(data)
		if err != nil {
			return
		}
		first := m.Marshal()
		again, _, err := document.Parse(first)
		if err != nil {
			t.Fatalf("an export doesn't parse: %v\n%s", err, first)
		}
		if second := again.Marshal(); string(second) != string(first) {
			t.Fatalf("exports differ:\n%s\n%s", first, second)
		}
	})
}

func TestNamingConventionsOfKinds(t *testing.T) {
	t.Parallel()
	for kind, served := range map[string]bool{"postgres": true, "sqlite": true, "mssql": false} {
		text := `{"name": "s", "kind": "` + kind + `", "tables": [], "configuration": {}, "customization": {"naming_convention": "graphql-default"}}`
		j, err := orderedjson.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = document.ParseSource(j, "$")
		fault := new(document.Error)
		switch {
		case served && err != nil:
			t.Errorf("%s: %v", kind, err)
		case !served && (!errors.As(err, &fault) || fault.Code != "not-supported" ||
			fault.Message != "sources other than postgres do not support graphql-default as naming convention yet"):
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	for kind, key := range map[string]string{"postgres": "database_url", "mssql": "connection_string"} {
		text := `{"connection_info": {"` + key + `": "a"}, "read_replicas": [
			{"` + key + `": {"from_env": "B"}, "pool_settings": {"max_connections": 3}}, {"` + key + `": "c", "isolation_level": "read-committed"}]}`
		c := connectionOf(t, text, kind)
		if len(c.Replicas) != 2 || c.Replicas[0].Address.FromEnv != "B" || *c.Replicas[0].Pool.MaxConnections != 3 ||
			c.Replicas[1].Address.Value != "c" || c.Replicas[1].IsolationLevel != "read-committed" {
			t.Errorf("%s: got %+v", kind, c.Replicas)
		}
	}
	j, err := orderedjson.Parse([]byte(`{"connection_info": {"database_url": "a"}, "read_replicas": [{"pool_settings": {}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := connectionOf(t, `{"connection_info": {"database_url": {"from_env": "A"}, "pool_settings": {"enable": false}}}`, "mssql"); c.Address.FromEnv != "A" || !c.Pool.Disabled {
		t.Errorf("got %+v", c)
	}
	if _, err := document.ConnectionOf(j, "$.configuration", "postgres"); err == nil || !strings.Contains(err.Error(), "database_url") {
		t.Errorf("a replica without a database was taken: %v", err)
	}
}

func connectionOf(t *testing.T, text, kind string) *document.Connection {
	t.Helper()
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := document.ConnectionOf(j, "$.configuration", kind)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
