package postgres

import (
	"encoding/binary"
	"math"
	"strconv"
)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 24 * 60 * 60 * microsPerSecond
	// daysTo2000 is the number of days from 0000-03-01 to 2000-01-01.
	daysTo2000 = 730425
	// daysPerEra is the number of days in 400 years.
	daysPerEra = 146097
)

// civil turns days since 2000-01-01 into a date of the proleptic Gregorian
// calendar, whose year 0 is 1 BC. Years start in March here, so that the leap
// day is the last one.
func civil(days int64) (year int64, month, day int) {
	days += daysTo2000
	era := days / daysPerEra
	if days < 0 {
		era = (days - daysPerEra + 1) / daysPerEra
	}
	inEra := days - era*daysPerEra
	yearOfEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*inYear + 2) / 153
	day = int(inYear - (153*shifted+2)/5 + 1)
	month = int(shifted) + 3
	year = yearOfEra + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

func appendPadded(dst []byte, n int64, width int) []byte {
	for limit := int64(10); width > 1; width-- {
		if n < limit {
			for range width - 1 {
				dst = append(dst, '0')
			}
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendDate appends year, month and day and tells whether the year is BC.
func appendDate(dst []byte, days int64) ([]byte, bool) {
	year, month, day := civil(days)
	before := year <= 0
	if before {
		year = 1 - year
	}
	dst = appendPadded(dst, year, 4)
	return append(dst, '-', byte('0'+month/10), byte('0'+month%10), '-', byte('0'+day/10), byte('0'+day%10)), before
}

func appendClock(dst []byte, micros int64) []byte {
	seconds := micros / microsPerSecond
	hour, minute, second := seconds/3600, seconds/60%60, seconds%60
	dst = append(dst, byte('0'+hour/10), byte('0'+hour%10), ':', byte('0'+minute/10), byte('0'+minute%10), ':', byte('0'+second/10), byte('0'+second%10))
	fraction := micros % microsPerSecond
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(microsPerSecond / 10); fraction > 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit))
		fraction %= unit
	}
	return dst
}

func encodeDate(dst, cell []byte) ([]byte, error) {
	if len(cell) != 4 {
		return dst, sizeError("a date", cell)
	}
	days := int32(binary.BigEndian.Uint32(cell))
	switch days {
	case math.MaxInt32:
		return append(dst, "infinity"...), nil
	case math.MinInt32:
		return append(dst, "-infinity"...), nil
	}
	dst, before := appendDate(dst, int64(days))
	if before {
		dst = append(dst, " BC"...)
	}
	return dst, nil
}

func encodeTime(dst, cell []byte) ([]byte, error) {
	if len(cell) != 8 {
		return dst, sizeError("a time", cell)
	}
	micros := int64(binary.BigEndian.Uint64(cell))
	if micros < 0 || micros > microsPerDay {
		return dst, sizeError("a time", cell)
	}
	return appendClock(dst, micros), nil
}

func encodeTimestamp(dst, cell []byte) ([]byte, error) { return appendTimestamp(dst, cell, "") }

// encodeTimestamptz writes in UTC; other zones are left to the database.
func encodeTimestamptz(dst, cell []byte) ([]byte, error) {
	return appendTimestamp(dst, cell, "+00:00")
}

func appendTimestamp(dst, cell []byte, zone string) ([]byte, error) {
	if len(cell) != 8 {
		return dst, sizeError("a timestamp", cell)
	}
	micros := int64(binary.BigEndian.Uint64(cell))
	switch micros {
	case math.MaxInt64:
		return append(dst, "infinity"...), nil
	case math.MinInt64:
		return append(dst, "-infinity"...), nil
	}
	days, clock := micros/microsPerDay, micros%microsPerDay
	if clock < 0 {
		clock += microsPerDay
		days--
	}
	dst, before := appendDate(dst, days)
	dst = appendClock(append(dst, 'T'), clock)
	dst = append(dst, zone...)
	if before {
		dst = append(dst, " BC"...)
	}
	return dst, nil
}

// utcZones are the names under which a session shows timestamps with time zone
// in UTC.
var utcZones = map[string]bool{
	"UTC": true, "Etc/UTC": true, "GMT": true, "Etc/GMT": true, "UCT": true, "Etc/UCT": true,
	"Zulu": true, "Etc/Zulu": true, "Universal": true, "Etc/Universal": true,
	"Greenwich": true, "Etc/Greenwich": true, "GMT0": true, "Etc/GMT0": true, "GMT+0": true, "Etc/GMT+0": true, "GMT-0": true, "Etc/GMT-0": true,
}
