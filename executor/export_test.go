package executor

// Data is the data object as one piece; nil without data.
func (r *Response) Data() []byte {
	if !r.HasData {
		return nil
	}
	var out []byte
	r.WriteData(func(p []byte) { out = append(out, p...) })
	return out
}
