package command_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/command"
)

func TestParse(t *testing.T) {
	t.Parallel()
	c, err := command.Parse("a/b.c-1,stdin,json=sh -c 'x=1 {}'")
	require.NoError(t, err)
	require.Equal(t, "a/b.c-1", c.Name)
	require.Equal(t, []string{"sh", "-c", "x=1 {}"}, c.Words)
	require.Regexp(t, "^/.*/sh$", c.Path)
	require.True(t, c.Stdin)
	require.False(t, c.Server)

	c, err = command.ParseServer("s,msgpack=cat")
	require.NoError(t, err)
	require.True(t, c.Server)
	require.True(t, c.Msgpack)
}

func TestBadDefinitions(t *testing.T) {
	t.Parallel()
	for definition, want := range map[string]string{
		"":                       "write NAME='COMMAND ARGUMENT...'",
		"sha256sum {}":           "write NAME='COMMAND ARGUMENT...'",
		"x=":                     "x: the command is empty",
		"x='":                    "x: a ' is not closed",
		"x,quick=true":           `x: unknown option "quick"; there are stdin, text, json and bytes`,
		"x,msgpack=true":         `x: unknown option "msgpack"`,
		"x={} {}":                "x: the program cannot be the argument's choice",
		"x=nosuchprogram-muster": `x: exec: "nosuchprogram-muster": executable file not found in $PATH`,
		"x=/etc/passwd":          "permission denied",
		"x=true \x00":            "NUL",
	} {
		_, err := command.Parse(definition)
		require.ErrorIs(t, err, command.ErrDefinition, definition)
		require.ErrorContains(t, err, want, definition)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := command.Parse("a b=true")
	require.ErrorIs(t, err, codec.ErrName)
	_, err = command.ParseServer("x,stdin=true")
	require.ErrorContains(t, err, "there are json and msgpack")
}

func TestOfferNamesAFuncOnce(t *testing.T) {
	t.Parallel()
	c, err := command.Parse("twice=true")
	require.NoError(t, err)
	_, err = command.Offer{Commands: []command.Command{c, c}}.Env()
	require.ErrorIs(t, err, command.ErrDefinition)
	require.ErrorContains(t, err, "there is another func twice")
}

func TestNothingInherited(t *testing.T) {
	require.NoError(t, os.Unsetenv("MUSTER_COMMANDS"))
	require.NoError(t, command.Inherit())
	for _, entry := range []string{"%", "AAAA"} {
		t.Setenv("MUSTER_COMMANDS", entry)
		require.ErrorIs(t, command.Inherit(), command.ErrDefinition)
	}
}
