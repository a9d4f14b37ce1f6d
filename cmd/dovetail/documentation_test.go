package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// flagNames lists a setting's flags.
func flagNames(name string, others []string) string {
	return "`--" + strings.Join(append([]string{name}, others...), "`, `--") + "`"
}

// documented is what docs/configuration.md says: every setting, by its flag and
// its environment variables, with what is done about it.
func documented() string {
	var out strings.Builder
	out.WriteString(`# Configuration

Every setting is a flag, ` + "`--name value`" + `, or an environment variable, ` + "`DOVETAIL_NAME` or `HASURA_GRAPHQL_NAME`" + `: the name in
capitals, with underscores. Flags go before variables, and ` + "`DOVETAIL_`" + ` before ` + "`HASURA_GRAPHQL_`" + `. Switches need no value:
` + "`--dev-mode` or `--dev-mode=false`" + `.

The tables are made from the program's own list of settings; a test holds them against it.

## Settings

| flag | variable | what it does (default) |
|---|---|---|
`)
	for _, d := range sorted(honoured(), func(d setting) string { return d.name }) {
		variables := append([]string{"HASURA_GRAPHQL_" + d.variableName()}, d.variables...)
		fmt.Fprintf(&out, "| %s | `%s` | %s |\n", flagNames(d.name, d.flags), strings.Join(variables, "`, `"), strings.ReplaceAll(d.help, "|", "\\|"))
	}
	out.WriteString(`
## Settings of Hasura v2 that change nothing here

They may be given; the start says that they are ignored.

| flag | variable | why |
|---|---|---|
`)
	for _, d := range sorted(ignoredSettings(), func(d ignoredSetting) string { return d.name }) {
		fmt.Fprintf(&out, "| %s | `%s` | %s |\n", flagNames(d.name, d.flags), d.variableName(), d.reason)
	}
	out.WriteString(`
## Settings of Hasura v2 that are refused

They would change what is answered, or who may ask. An engine that is given one does not start, and says so; values that turn
them off are accepted.

| flag | variable | why |
|---|---|---|
`)
	for _, d := range sorted(refusedSettings(), func(d refusedSetting) string { return d.name }) {
		fmt.Fprintf(&out, "| `--%s` | `%s` | %s |\n", d.name, d.variableName(), d.reason)
	}
	out.WriteString(`
A variable that begins with ` + "`DOVETAIL_`" + ` and is no setting keeps the engine from starting; one that begins with ` + "`HASURA_GRAPHQL_`" + `
is told of at the start.

## Connections to Postgres

Statements are prepared where a source's ` + "`use_prepared_statements`" + ` says so, else where the setting does, else unless a connection
pooler such as PgBouncer stands before the database, which shows when the engine connects. In pools of transactions, too, all that
Dovetail serves works, as does keeping the metadata there; other engines' changes of the metadata are then found by
` + "`schema-sync-poll-interval`" + ` alone, as such a pooler passes no notifications on. ` + "`use_prepared_statements: true`" + ` is for poolers
that follow prepared statements (PgBouncer's ` + "`max_prepared_statements`" + `): without one that does, the first clash has statements sent whole.

Connections set ` + "`jit = off`" + `: compiling a nested query takes longer than running it. ` + "`jit=on`" + ` in the database's URL says otherwise.

## Memory

In a container with a bound on its memory, the engine aims to stay below nine tenths of it; ` + "`GOMEMLIMIT`" + ` says otherwise. What a
burst of requests has taken goes back to the system some seconds later.

## Authentication

Without an admin secret every request is trusted, and the start warns of it. Browsers are then kept from using the engine for
pages of other origins than its own and those of localhost; ` + "`cors-domain`" + ` names others. Endpoints of the admin API take no origin that
is not named (` + "`*`" + ` names none), unless the request carries a secret or token that browsers don't add by themselves. An empty
secret is refused. With a secret, a request is of the role that

1. its ` + "`x-hasura-admin-secret`" + ` header entitles it to: any, by ` + "`x-hasura-role`" + `, else ` + "`admin`" + `; a wrong secret is refused;
2. the webhook or its token says, if there is one;
3. ` + "`unauthorized-role`" + ` names, if it carries neither.

` + "`jwt-secret`" + ` is a JSON object as v2 reads it: ` + "`type` and `key`, or `jwk_url`; `claims_namespace` or `claims_namespace_path`" + `,
` + "`claims_format`, `claims_map`, `audience`, `issuer`, `allowed_skew`, `header`" + `. Beyond v2, PS256, PS384 and PS512 are taken, and a
token without ` + "`aud`" + ` is refused when an audience is asked for; so are tokens signed by another algorithm than ` + "`type`" + `, those whose header
has ` + "`crit`" + `, and claims that differ in case alone. Keys of a ` + "`jwk_url`" + ` are fetched again as the answer's
` + "`Cache-Control` and `Expires`" + ` say; while an issuer can't be reached the keys that are there count.

With ` + "`auth-hook-mode: POST`" + ` a webhook gets ` + "`headers`" + `, names in lower case, and ` + "`request`" + `: the operation that is going to run, once it
may (` + "`query`, `variables`, `operationName`" + `; a list of them for a batch), whether it stands in the body, the URL, a REST endpoint or
was named by its hash; null on endpoints of the admin API and for what is no GraphQL request. Redirects are not followed. An
answer that has one variable in two spellings is refused.

What a webhook answers with ` + "`Cache-Control: max-age`" + ` or ` + "`Expires`" + ` (keys of its JSON) is kept that long, by each process, for requests
with the same headers (and, when it is posted, the same body) but for request ids and trace headers; answers that set cookies are
asked for every time.
`)
	return out.String()
}

func sorted[T any](list []T, name func(T) string) []T {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return list
}

// TestDocumentation holds the documentation against the settings; with -rewrite
// it writes it.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	const path = "../../docs/configuration.md"
	want := documented()
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/configuration.md is not what the settings say (go test ./cmd/dovetail -run Documentation -rewrite): %v", err)
	}
}
