package document

import "dovetail/internal/orderedjson"

// ParseFunction reads one entry of a source's functions.
func ParseFunction(j orderedjson.Value, path, kind string) (*Function, error) {
	d := &decoder{}
	f := d.function(j, path, kind)
	return f, d.err()
}

// ParseSource reads one entry of sources.
func ParseSource(j orderedjson.Value, path string) (*Source, error) {
	d := &decoder{}
	s := d.source(j, path)
	return s, d.err()
}
