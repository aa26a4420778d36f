package kubernetes

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

// value is what an argument gives to a flag.
type value string

func flag(t *testing.T, args []string, name string) value {
	t.Helper()
	for _, arg := range args {
		if v, found := strings.CutPrefix(arg, "--"+name+"="); found {
			return value(v)
		}
	}
	require.Fail(t, "no flag", name)
	return ""
}

func (v value) seconds(t *testing.T) int64 {
	t.Helper()
	d, err := time.ParseDuration(string(v))
	require.NoError(t, err)
	return int64(d.Seconds())
}

func (v value) bytes(t *testing.T) int64 {
	t.Helper()
	q, err := resource.ParseQuantity(strings.TrimSuffix(string(v), "B"))
	require.NoError(t, err)
	return q.Value()
}
