package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// noteJSON is what a version's writer tells the other processes: what they must
// read anew beside the document.
type noteJSON struct {
	AllSources bool     `json:"all_sources,omitempty"`
	Sources    []string `json:"sources,omitempty"`
	// Again are databases whose contents may have changed.
	Again      []string `json:"again,omitempty"`
	AllRemotes bool     `json:"all_remote_schemas,omitempty"`
	Remotes    []string `json:"remote_schemas,omitempty"`
}

// note is a reload as other processes are told of it.
func (r Reload) note() []byte {
	again := maps.Clone(r.Again)
	if again == nil {
		again = map[string]bool{}
	}
	for name := range r.Contents {
		again[name] = true
	}
	text, err := json.Marshal(noteJSON{
		AllSources: r.AllSources, Sources: slices.Sorted(maps.Keys(r.Sources)), Again: slices.Sorted(maps.Keys(again)),
		AllRemotes: r.AllRemotes, Remotes: slices.Sorted(maps.Keys(r.Remotes)),
	})
	if err != nil {
		panic(fmt.Sprintf("names and flags can't be marshalled: %v", err)) // they always can
	}
	return text
}

// add joins another reload to this one.
func (r Reload) add(other Reload) Reload {
	out := Reload{AllSources: r.AllSources || other.AllSources, AllRemotes: r.AllRemotes || other.AllRemotes}
	join := func(maps ...map[string]bool) map[string]bool {
		all := map[string]bool{}
		for _, m := range maps {
			for name := range m {
				all[name] = true
			}
		}
		return all
	}
	out.Sources, out.Again, out.Remotes = join(r.Sources, other.Sources), join(r.Again, other.Again), join(r.Remotes, other.Remotes)
	for _, contents := range []Reload{r, other} {
		for name := range contents.Contents {
			out.Again[name] = true
		}
	}
	return out
}

// readNotes gives what notes ask for; ok is false if one can't be read.
func readNotes(notes [][]byte) (out Reload, ok bool) {
	set := func(names []string) map[string]bool {
		out := make(map[string]bool, len(names))
		for _, name := range names {
			out[name] = true
		}
		return out
	}
	for _, text := range notes {
		var n noteJSON
		if json.Unmarshal(text, &n) != nil {
			return Reload{}, false
		}
		out = out.add(Reload{
			AllSources: n.AllSources, Sources: set(n.Sources), Again: set(n.Again), AllRemotes: n.AllRemotes, Remotes: set(n.Remotes),
		})
	}
	return out, true
}
