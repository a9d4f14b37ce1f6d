package schema

import "dovetail/internal/metadata/catalog"

// namesOf makes the names of a source's types and fields.
func namesOf(s *catalog.Source) *catalog.Customization { return &s.Customization }
