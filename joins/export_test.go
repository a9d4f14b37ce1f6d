package joins

// Append appends a value of the batch with everything spliced in.
func (v Value) Append(dst []byte) []byte {
	v.WriteTo(func(p []byte) { dst = append(dst, p...) })
	return dst
}
