package browser

import (
	"testing"
	"time"

	"github.com/musterfleet/muster/internal/dash/dashtest"
)

// patience bounds every wait of a test.
const patience = 90 * time.Second

// scene is a fleet with a dashboard.
type scene struct{ *dashtest.Scene }

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{dashtest.New(t, patience)}
}
