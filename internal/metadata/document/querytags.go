package document

import "dovetail/internal/orderedjson"

// QueryTags says how statements of a source are marked for whoever reads its
// logs.
type QueryTags struct {
	Disabled      bool
	Format        TagFormat
	OmitRequestID bool
}

// TagFormat is how tags are written.
type TagFormat string

// The formats of tags.
const (
	TagsStandard     TagFormat = "standard"
	TagsPrepended    TagFormat = "standard_prepended"
	TagsSQLCommenter TagFormat = "sqlcommenter"
)

// ParseQueryTags reads a source's query_tags.
func ParseQueryTags(j orderedjson.Value, path string) (QueryTags, error) {
	d := &decoder{}
	out := d.queryTags(j, path)
	return out, d.err()
}

func (d *decoder) queryTags(j orderedjson.Value, path string) QueryTags {
	o := d.object(j, path, "QueryTagsConfig")
	out := QueryTags{
		Disabled: o.boolean("disabled", false), Format: TagFormat(o.optionalText("format")), OmitRequestID: o.boolean("omit_request_id", true),
	}
	switch out.Format {
	case "":
		out.Format = TagsStandard
	case TagsStandard, TagsPrepended, TagsSQLCommenter:
	default:
		d.fail(o.at("format"), "unexpected query tags format %q, expected one of standard, standard_prepended, sqlcommenter", string(out.Format))
	}
	o.done()
	return out
}
