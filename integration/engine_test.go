package integration_test

import (
	"os"
	"testing"

	"dovetail/internal/testengine"
)

func TestMain(m *testing.M) { os.Exit(testengine.Main(m)) }
