package mssql

import (
	"strconv"
	"strings"
	"time"
)

// moment is a date, a time of day or both, as text in its parts.
type moment struct {
	date     string // 2020-01-02
	clock    string // 03:04:05
	fraction string // digits behind the second, without zeros at the end
	offset   string // +02:00
}

// parseMoment reads the ISO forms: a date, a time, both with T or a space
// between, and an offset.
func parseMoment(text string) (moment, bool) {
	text = strings.TrimSpace(text)
	m := moment{}
	if len(text) >= 10 && text[4] == '-' && text[7] == '-' {
		if _, err := time.Parse(time.DateOnly, text[:10]); err != nil {
			return m, false
		}
		m.date, text = text[:10], text[10:]
		if text == "" {
			return m, true
		}
		if text[0] != 'T' && text[0] != 't' && text[0] != ' ' {
			return m, false
		}
		text = text[1:]
	}
	text, ok := m.readOffset(text)
	if !ok {
		return m, false
	}
	clock, fraction, fractional := strings.Cut(text, ".")
	switch {
	case len(clock) == len("15:04") && !fractional:
		clock += ":00"
	case fractional && (fraction == "" || strings.Trim(fraction, "0123456789") != ""):
		return m, false
	}
	if _, err := time.Parse(time.TimeOnly, clock); err != nil || len(clock) != len(time.TimeOnly) {
		return m, false
	}
	m.clock, m.fraction = clock, strings.TrimRight(fraction, "0")
	return m, true
}

// readOffset takes the offset off the end of a time of day.
func (m *moment) readOffset(text string) (string, bool) {
	if rest, ok := strings.CutSuffix(strings.ToUpper(text), "Z"); ok {
		m.offset = "+00:00"
		return strings.TrimSpace(rest), true
	}
	at := strings.LastIndexAny(text, "+-")
	if at < 0 {
		return text, true
	}
	digits := strings.ReplaceAll(text[at+1:], ":", "")
	if len(digits) == 2 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 4 || n/100 > 14 || n%100 > 59 || digits[0] == '+' || digits[0] == '-' {
		return "", false
	}
	m.offset = text[at:at+1] + digits[:2] + ":" + digits[2:]
	return strings.TrimSpace(text[:at]), true
}

// suits tells whether the moment has what a type needs.
func (m moment) suits(base string) bool {
	if base == typeTime {
		return m.clock != ""
	}
	return m.date != ""
}

// exact tells whether a type holds the moment without rounding it.
func (m moment) exact(as sqlType) bool {
	midnight := m.clock == "" || m.clock == "00:00:00" && m.fraction == ""
	switch as.base {
	case typeDate:
		return midnight
	case typeTime:
		return m.date == "" && len(m.fraction) <= as.scale
	case typeSmalldatetime:
		return m.fraction == "" && (m.clock == "" || strings.HasSuffix(m.clock, ":00"))
	case typeDatetime:
		// Its milliseconds end in 0, 3 or 7.
		return len(m.fraction) < 3 || len(m.fraction) == 3 && (m.fraction[2] == '3' || m.fraction[2] == '7')
	}
	return len(m.fraction) <= as.scale
}

// text is the moment as a type reads it under every language.
func (m moment) text(base string) string {
	clock := m.clock
	if clock == "" {
		clock = "00:00:00"
	}
	// More digits than any type has would be refused instead of rounded.
	const most = 7
	if m.fraction != "" {
		clock += "." + m.fraction[:min(len(m.fraction), most)]
	}
	switch base {
	case typeDate:
		return m.date
	case typeTime:
		return clock
	case typeDatetimeoffset:
		if m.offset == "" {
			return m.date + "T" + clock + "+00:00"
		}
		return m.date + "T" + clock + m.offset
	}
	return m.date + "T" + clock
}

// appendClock appends a time of day with as many digits behind the second as
// count.
func appendClock(dst []byte, t time.Time) []byte {
	return t.AppendFormat(dst, "15:04:05.9999999")
}

// appendMomentText appends a date and time in SQL Server's own form (style 121)
// as JSON has it: with a T, no zeros at the end of the fraction, and no space
// before the offset.
func appendMomentText(dst, text []byte) []byte {
	fraction := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == ' ' && i == len("2006-01-02"):
			dst = append(dst, 'T')
			continue
		case c == ' ':
			continue
		case c == '.':
			end := i + 1
			for end < len(text) && text[end] >= '0' && text[end] <= '9' {
				end++
			}
			last := end
			for last > i+1 && text[last-1] == '0' {
				last--
			}
			if last > i+1 && !fraction {
				dst = append(dst, text[i:last]...)
			}
			fraction = true
			i = end - 1
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
