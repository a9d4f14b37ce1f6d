package document

import (
	"strconv"

	"dovetail/internal/orderedjson"
)

// APILimits bound what roles may ask; nil parts don't.
type APILimits struct {
	Disabled                 bool
	Depth, Node, Time, Batch *Limit
	Rate                     *RateLimit
}

// Limit is a bound for everyone, and others for some roles.
type Limit struct {
	Global  float64
	PerRole map[string]float64
}

// For is the bound of a role.
func (l *Limit) For(role string) float64 {
	if own, ok := l.PerRole[role]; ok {
		return own
	}
	return l.Global
}

// RateLimit bounds how often roles may ask.
type RateLimit struct {
	Global  Rate
	PerRole map[string]Rate
}

// For is the bound of a role.
func (l *RateLimit) For(role string) Rate {
	if own, ok := l.PerRole[role]; ok {
		return own
	}
	return l.Global
}

// Rate is how many requests a minute may have.
type Rate struct {
	PerMinute int
	// ByAddress and Variables tell clients of one role apart.
	ByAddress bool
	Variables []string
}

// ParseAPILimits reads api_limits; null is no limits.
func ParseAPILimits(j orderedjson.Value, path string) (*APILimits, error) {
	d := &decoder{}
	l := d.apiLimits(j, path)
	return l, d.err()
}

func (d *decoder) apiLimits(j orderedjson.Value, path string) *APILimits {
	if j.IsNull() {
		return &APILimits{}
	}
	o := d.object(j, path, "ApiLimit")
	out := &APILimits{Disabled: o.boolean("disabled", false)}
	for key, limit := range map[string]**Limit{"depth_limit": &out.Depth, "node_limit": &out.Node, "time_limit": &out.Time, "batch_limit": &out.Batch} {
		if v, ok := o.get(key); ok {
			*limit = d.limit(v, o.at(key))
		}
	}
	if v, ok := o.get("rate_limit"); ok {
		r := d.object(v, o.at("rate_limit"), "RateLimit")
		out.Rate = &RateLimit{Global: d.rate(r.need("global"), r.at("global")), PerRole: map[string]Rate{}}
		r.entries("per_role", func(role string, j orderedjson.Value, path string) { out.Rate.PerRole[role] = d.rate(j, path) })
		r.done()
	}
	o.done()
	return out
}

func (d *decoder) limit(j orderedjson.Value, path string) *Limit {
	o := d.object(j, path, "Limit")
	out := &Limit{Global: d.bound(o.need("global"), o.at("global")), PerRole: map[string]float64{}}
	o.entries("per_role", func(role string, j orderedjson.Value, path string) { out.PerRole[role] = d.bound(j, path) })
	o.done()
	return out
}

func (d *decoder) bound(j orderedjson.Value, path string) float64 {
	n, err := strconv.ParseFloat(j.Text, 64)
	switch {
	case j.Kind != orderedjson.Number:
		d.mismatch("Limit", path, orderedjson.Number, j)
	case err != nil || n < 0:
		d.fail(path, "expected a number that is not negative, but got %s", j.Text)
	}
	return n
}

func (d *decoder) rate(j orderedjson.Value, path string) Rate {
	o := d.object(j, path, "RateLimitConfig")
	out := Rate{PerMinute: int(d.bound(o.need("max_reqs_per_min"), o.at("max_reqs_per_min")))}
	if v, ok := o.get("unique_params"); ok {
		switch {
		case v.Kind == orderedjson.Array:
			out.Variables = d.texts(v, o.at("unique_params"))
		case v.Text == "IP" || v.Text == "ip":
			out.ByAddress = true
		default:
			d.fail(o.at("unique_params"), "expected a list of session variables, or IP")
		}
	}
	o.done()
	return out
}
