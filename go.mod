module dovetail

go 1.26

require github.com/vektah/gqlparser/v2 v2.5.64
