package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/plan"
)

// tagged are the sources of a state whose statements are to be marked.
func tagged(state *live.State) map[string]document.QueryTags {
	out := map[string]document.QueryTags{}
	for _, s := range state.Metadata.Sources {
		if s.QueryTags.IsNull() {
			continue
		}
		tags, err := document.ParseQueryTags(s.QueryTags, "$")
		if err == nil && !tags.Disabled { // they were checked when they were set
			out[s.Name] = tags
		}
	}
	return out
}

// tagger makes the comments of an operation's statements; nil if no source has
// any.
func (s *Server) tagger(ctx context.Context, state *live.State, operation string) func(source, field string) plan.Comment {
	sources := s.tagged.Of(state)
	if len(sources) == 0 {
		return nil
	}
	info := infoOf(ctx)
	return func(source, field string) plan.Comment {
		tags, ok := sources[source]
		if !ok {
			return plan.Comment{}
		}
		list := []tag{{"field_name", field}, {"operation_name", operation}, {"parameterized_query_hash", info.hash}}
		if !tags.OmitRequestID {
			list = slices.Insert(list, 0, tag{"request_id", info.id})
		}
		return comment(tags, list)
	}
}

type tag struct{ key, value string }

func comment(tags document.QueryTags, list []tag) plan.Comment {
	list = slices.DeleteFunc(list, func(t tag) bool { return t.value == "" })
	form := "%s=%s"
	if tags.Format == document.TagsSQLCommenter {
		form = "%s='%s'"
		slices.SortFunc(list, func(a, b tag) int { return cmp.Compare(a.key, b.key) })
	}
	parts := make([]string, 0, len(list))
	for _, t := range list {
		parts = append(parts, fmt.Sprintf(form, t.key, percentEncoded(t.value)))
	}
	return plan.Comment{
		Text: "/* " + strings.Join(parts, ", ") + " */", First: tags.Format == document.TagsPrepended, Unique: !tags.OmitRequestID,
	}
}

// percentEncoded writes all but letters, digits and a few harmless signs as
// their codes, so that nothing a client sends can end the comment.
func percentEncoded(s string) string {
	var out strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
