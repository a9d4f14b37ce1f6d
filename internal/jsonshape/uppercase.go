package jsonshape

// InUpperCase makes an encoder of JSON strings write them in upper case where
// upper is set. Only ASCII letters change.
func InUpperCase(upper bool, encode Encoder) Encoder {
	if !upper {
		return encode
	}
	return func(dst, cell []byte) ([]byte, error) {
		start := len(dst)
		dst, err := encode(dst, cell)
		for i := start; i < len(dst); i++ {
			switch c := dst[i]; {
			case c == '\\':
				i++ // what follows is no letter of the text
			case c >= 'a' && c <= 'z':
				dst[i] = c - 'a' + 'A'
			}
		}
		return dst, err
	}
}
