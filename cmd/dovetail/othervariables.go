package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The beginnings of the names of variables that are settings.
const (
	ownPrefix = "DOVETAIL_"
	v2Prefix  = "HASURA_GRAPHQL_"
)

// checkOthers looks at the variables that no honoured setting has read: v2's
// other settings, and names that are no setting's. One that begins with our own
// prefix can only be misspelt, and what it was to do would not be done.
func (s *settings) checkOthers(env environment) error {
	known := knownVariables()
	for _, d := range refusedSettings() {
		for _, name := range []string{d.variableName(), ownName(d.variableName())} {
			known[name] = true
			if v, ok := env[name]; ok && !d.harmless(v) {
				return fmt.Errorf("%s is set, but %s", name, d.reason)
			}
		}
	}
	for _, d := range ignoredSettings() {
		for _, name := range []string{d.variableName(), ownName(d.variableName())} {
			known[name] = true
			if _, ok := env[name]; ok {
				s.ignored = append(s.ignored, name+": "+d.reason)
			}
		}
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(env)) {
		own := strings.HasPrefix(name, ownPrefix)
		if known[name] || !own && !strings.HasPrefix(name, v2Prefix) {
			continue
		}
		text := name + ": there is no such setting" + suggestion(name, known)
		if own {
			faults = append(faults, errors.New(text))
			continue
		}
		s.unknown = append(s.unknown, text)
	}
	return errors.Join(faults...)
}

// ownName is a variable's name with our prefix for v2's.
func ownName(name string) string { return ownPrefix + strings.TrimPrefix(name, v2Prefix) }

// knownVariables are the names of the honoured settings' variables.
func knownVariables() map[string]bool {
	out := map[string]bool{}
	for _, d := range honoured() {
		for _, name := range append([]string{ownPrefix + d.variableName(), v2Prefix + d.variableName()}, d.variables...) {
			out[name] = true
		}
	}
	return out
}

// farthest is how many letters a suggestion may differ by.
const farthest = 3

// suggestion names the setting that may have been meant.
func suggestion(name string, known map[string]bool) string {
	best, least := "", farthest+1
	for _, other := range slices.Sorted(maps.Keys(known)) {
		if d := distance(name, other); d < least {
			best, least = other, d
		}
	}
	if best == "" {
		return ""
	}
	return ", perhaps " + best + " is meant"
}

// distance counts the letters to add, to leave out or to change between two
// names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
