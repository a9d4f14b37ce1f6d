package postgres

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"dovetail/internal/plan"
)

// whereabouts makes databases with a table that holds the name of each.
func whereabouts(t *testing.T, names ...string) []Config {
	t.Helper()
	configs := make([]Config, 0, len(names))
	for _, name := range names {
		configs = append(configs, Config{URL: newDatabase(t, fmt.Sprintf("CREATE TABLE place (name text); INSERT INTO place VALUES ('%s')", name))})
	}
	return configs
}

func placesOf(t *testing.T, s *Source, times int) []string {
	t.Helper()
	f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "place"}), cols("name")...))
	var out []string
	for range times {
		out = append(out, run(t, s, f)[0])
	}
	return out
}

const (
	atPrimary = `[{"name":"primary"}]`
	atFirst   = `[{"name":"first"}]`
	atSecond  = `[{"name":"second"}]`
)

// TestReplicas checks that statements go to the replicas in turn, and everything
// else to the primary.
func TestReplicas(t *testing.T) {
	configs := whereabouts(t, "primary", "first", "second")
	configs[0].Replicas = configs[1:]
	s := open(t, configs[0])
	got := placesOf(t, s, 4)
	if slices.Sort(got); !slices.Equal(got, []string{atFirst, atFirst, atSecond, atSecond}) {
		t.Errorf("the statements went to %q", got)
	}
	for _, readOnly := range []bool{true, false} {
		result, err := s.RunSQL(t.Context(), "SELECT name FROM place", readOnly)
		if err != nil || fmt.Sprint(result.Rows) != "[[name] [primary]]" {
			t.Errorf("SQL went elsewhere: %v %v", result, err)
		}
	}
	if _, err := s.RunSQL(t.Context(), "ALTER TABLE place ADD extra int", false); err != nil {
		t.Fatal(err)
	}
	d, err := s.Introspect(t.Context())
	if err != nil || len(d.Tables) != 1 || len(d.Tables[0].Columns) != 2 {
		t.Errorf("another database than the primary was introspected: %v", err)
	}
}

// TestReplicasThatDoNotAnswer checks that the primary stands in.
func TestReplicasThatDoNotAnswer(t *testing.T) {
	configs := whereabouts(t, "primary", "first")
	dead := Config{URL: "postgres://nobody@127.0.0.1:1/none"}
	refused, err := url.Parse(configs[1].URL)
	if err != nil {
		t.Fatal(err)
	}
	refused.Path = "/there_is_no_such_database"
	for _, c := range []struct {
		name     string
		replicas []Config
		want     string
	}{
		{"one is down", []Config{dead, configs[1]}, atFirst},
		{"all are down", []Config{dead, dead}, atPrimary},
		{"it refuses", []Config{{URL: refused.String()}}, atPrimary},
	} {
		config := configs[0]
		config.Replicas = c.replicas
		for _, got := range placesOf(t, open(t, config), 4) {
			if got != c.want {
				t.Errorf("%s: got %s", c.name, got)
			}
		}
	}
}

// TestReplicasCut checks that a replica whose connections are cut is asked once
// more, and one that is gone for good not any longer.
func TestReplicasCut(t *testing.T) {
	configs := whereabouts(t, "primary", "first")
	address, err := url.Parse(configs[1].URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: address.Host}
	address.Host = p.start(t, "127.0.0.1:0")
	configs[0].Replicas = []Config{{URL: address.String()}}
	s := open(t, configs[0])
	if got := placesOf(t, s, 1)[0]; got != atFirst {
		t.Errorf("got %s", got)
	}
	p.cut()
	if got := placesOf(t, s, 1)[0]; got != atFirst {
		t.Errorf("after the cut: got %s", got)
	}
	_ = p.listener.Close()
	p.cut()
	for _, got := range placesOf(t, s, 3) {
		if got != atPrimary {
			t.Errorf("without the replica: got %s", got)
		}
	}
}

// TestWhatReplicasCannotDo checks that statements that a replica can't run are
// run by the primary, and that errors of their own are answered.
func TestWhatReplicasCannotDo(t *testing.T) {
	configs := whereabouts(t, "primary", "first")
	execute(t, configs[0].URL, "CREATE TABLE late (name text); INSERT INTO late VALUES ('here')")
	// A replica takes no writes.
	address, err := url.Parse(configs[1].URL)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("default_transaction_read_only", "on")
	address.RawQuery = query.Encode()
	configs[0].Replicas = []Config{{URL: address.String()}}
	s := open(t, configs[0])
	late := root(many(rowsOf(&plan.Table{Schema: "public", Name: "late"}), cols("name")...))
	if got := run(t, s, late)[0]; got != `[{"name":"here"}]` {
		t.Errorf("got %s", got)
	}
	const write = "CREATE FUNCTION written() RETURNS SETOF place LANGUAGE sql AS $$INSERT INTO place VALUES ('written') RETURNING *$$"
	execute(t, configs[0].URL, write)
	execute(t, configs[1].URL, write)
	written := root(many(rowsOf(&plan.FunctionCall{Schema: "public", Name: "written"}), cols("name")...))
	if got := run(t, s, written)[0]; got != `[{"name":"written"}]` {
		t.Errorf("got %s", got)
	}
	if result, err := s.RunSQL(t.Context(), "SELECT count(*) FROM place", true); err != nil || result.Rows[1][0] != "2" {
		t.Errorf("the primary holds %v %v", result, err)
	}
	if _, err := tryRun(t.Context(), s, nativeSQL("SELECT 1 / 0 AS id", "id"), nil); err == nil {
		t.Error("a division by zero was answered")
	}
}

func TestBadReplicas(t *testing.T) {
	if _, err := Open(t.Context(), Config{URL: "postgres://nobody@127.0.0.1:1/none", Replicas: []Config{{URL: "postgres://["}}}); err == nil {
		t.Error("a replica without a server is taken")
	}
}
