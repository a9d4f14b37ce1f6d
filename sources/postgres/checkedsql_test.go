package postgres

import (
	"reflect"
	"testing"
)

func TestSplitStatements(t *testing.T) {
	t.Parallel()
	for script, want := range map[string][]string{
		"":                                   nil,
		" ; -- nothing\n; /* ; /* ; */ ; */": nil,
		"select 1; select 2":                 {"select 1", " select 2"},
		"select ';', \";\", e'\\';', $$;$$, $a$;$$;$a$; select (1;2)": {
			"select ';', \";\", e'\\';', $$;$$, $a$;$$;$a$", " select (1;2)",
		},
		"select 'a'';', $1;x": {"select 'a'';', $1", "x"},
		"create function f() returns int begin atomic; select case when true then 1 end; end; select 2": {
			"create function f() returns int begin atomic; select case when true then 1 end; end", " select 2",
		},
		"select 'unclosed ; ": {"select 'unclosed ; "},
		"é;\xff;":             {"é", "\xff"},
	} {
		if got := splitStatements(script); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", script, got, want)
		}
	}
}
