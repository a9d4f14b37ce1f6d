package mssql

import (
	"strconv"
	"strings"

	"dovetail/sources"
)

// mostRepetitions bounds how often GO runs a batch.
const mostRepetitions = 10_000

// batch is what stands before a GO, which may run it several times.
type batch struct {
	text  string
	times int
}

// batches splits a script where sqlcmd does: at lines of nothing but GO, perhaps
// with a number and comments. GO inside of a string, a name in quotes or a comment
// that goes over lines is part of that. Batches of nothing but space are left out.
func batches(script string) ([]batch, error) {
	var out []batch
	start, at, fresh := 0, 0, true
	add := func(text string, times int) {
		if trimEnd(text) != "" {
			out = append(out, batch{text, times})
		}
	}
	for at < len(script) {
		if fresh {
			times, end, ok, err := goLine(script, at)
			if err != nil {
				return nil, err
			}
			if ok {
				add(script[start:at], times)
				start, at = end, end
				continue
			}
		}
		kind, end := token(script, at)
		fresh = kind == tokenSpace && (strings.HasSuffix(script[at:end], "\n") || fresh && strings.TrimSpace(script[at:end]) == "")
		at = end
	}
	add(script[start:], 1)
	if len(out) == 0 { // the database says what it thinks of it
		out = append(out, batch{script, 1})
	}
	return out, nil
}

// goLine reads the line that begins at a place, if it is one of GO, and gives
// where the next one begins.
func goLine(script string, at int) (times, end int, ok bool, err error) {
	line := script[at:]
	if n := strings.IndexByte(line, '\n'); n >= 0 {
		line = line[:n+1]
	}
	end = at + len(line)
	words := strings.Fields(withoutComments(line))
	if len(words) == 0 || len(words) > 2 || !strings.EqualFold(words[0], "GO") {
		return 0, 0, false, nil
	}
	if len(words) == 1 {
		return 1, end, true, nil
	}
	times, err = strconv.Atoi(words[1])
	if err != nil || times < 0 {
		return 0, 0, false, nil //nolint:nilerr // some other line
	}
	if times > mostRepetitions {
		return 0, 0, false, sources.NotSupported("GO runs a batch at most %d times, not %d", mostRepetitions, times)
	}
	return times, end, true, nil
}

// withoutComments leaves space where the comments of a line are.
func withoutComments(line string) string {
	var b strings.Builder
	for at := 0; at < len(line); {
		kind, end := token(line, at)
		if kind == tokenSpace {
			b.WriteByte(' ')
		} else {
			b.WriteString(line[at:end])
		}
		at = end
	}
	return b.String()
}
