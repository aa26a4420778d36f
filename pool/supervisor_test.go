package pool_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/pool"
)

// A supervisor's configuration has credentials, and changes while it runs.
func TestASupervisorShowsNoneOfItsState(t *testing.T) {
	t.Parallel()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[pool.Supervisor]()) {
		require.False(t, field.IsExported(), field.Name)
	}
}
